import { describe, expect, it } from 'vitest'
import { showStatement } from '../../../src/sql/engine/show-statements.js'
import { formatType } from '../../../src/sql/types.js'
import { type CatalogueFixture, catalogue, orders, parsed, records, rowsOf } from './catalogue-fixture.js'

function show(fixture: CatalogueFixture, sql: string) {
  return showStatement(parsed('show', sql), fixture.context())
}

describe('SHOW', () => {
  it('lists streams and tables by name, with topic and formats', async () => {
    const fixture = catalogue()
    await fixture.run(orders)
    expect(records(await show(fixture, 'SHOW STREAMS;'))).toEqual([
      {
        'Stream Name': 'DEAR',
        'Kafka Topic': 'DEAR',
        'Key Format': 'KAFKA',
        'Value Format': 'JSON',
        Windowed: false,
      },
      {
        'Stream Name': 'ORDERS',
        'Kafka Topic': 'orders',
        'Key Format': 'KAFKA',
        'Value Format': 'JSON',
        Windowed: false,
      },
    ])
    const tables = await show(fixture, 'LIST TABLES;')
    expect(records(tables).map((r) => r['Table Name'])).toEqual(['COUNTS'])
  })

  it('says which tables have windowed keys', async () => {
    const fixture = catalogue()
    await fixture.run(orders)
    await fixture.run(
      'CREATE TABLE PER_HOUR AS SELECT ITEM, COUNT(*) AS N FROM ORDERS WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY ITEM;',
    )
    const windowed = records(await show(fixture, 'SHOW TABLES;')).map((r) => [r['Table Name'], r['Windowed']])
    expect(windowed).toEqual([
      ['COUNTS', false],
      ['PER_HOUR', true],
    ])
  })

  it('adds sizes, columns and queries with EXTENDED', async () => {
    const fixture = catalogue()
    await fixture.run(`${orders} INSERT INTO ORDERS (ID, ITEM, PRICE) VALUES (1, 'pen', 2.5);`)
    const [, stream] = records(await show(fixture, 'SHOW STREAMS EXTENDED;'))
    expect(stream).toMatchObject({
      'Stream Name': 'ORDERS',
      Partitions: 2,
      Records: 1,
      Columns: '`ID` BIGINT KEY, `ITEM` STRING, `PRICE` DOUBLE',
      'Read By': 'CSAS_DEAR_0 (RUNNING), CTAS_COUNTS_1 (RUNNING)',
      'Written By': '',
    })
    expect(stream!['Bytes']).toBeGreaterThan(0)
  })

  it('shows a stream whose topic was deleted behind its back, without sizes', async () => {
    const fixture = catalogue()
    await fixture.run(orders)
    await fixture.log.admin.deleteTopics(['orders'])
    const rows = records(await show(fixture, 'SHOW STREAMS EXTENDED;'))
    expect(rows.find((r) => r['Stream Name'] === 'ORDERS')).toMatchObject({ Partitions: null, Records: null })
  })

  it('gives every column a type, so that numbers stay numbers', async () => {
    const fixture = catalogue()
    await fixture.run(orders)
    const { columns } = rowsOf(await show(fixture, 'SHOW TOPICS EXTENDED;'))
    expect(columns.map((c) => `${c.name} ${formatType(c.type!)}`)).toEqual([
      'Kafka Topic STRING',
      'Partitions INTEGER',
      'Records BIGINT',
      'Bytes BIGINT',
      'Consumers INTEGER',
      'Consumer Groups INTEGER',
    ])
  })
})

describe('SHOW TOPICS', () => {
  it('keeps the engine’s own topics back until ALL is asked for', async () => {
    const fixture = catalogue()
    await fixture.run(orders)
    await fixture.log.admin.createTopics([{ topic: '_confluent-ksql-default_command_topic' }])
    const names = async (sql: string) => records(await show(fixture, sql)).map((r) => r['Kafka Topic'])
    expect(await names('SHOW TOPICS;')).toEqual(['COUNTS', 'DEAR', 'orders'])
    expect(await names('SHOW ALL TOPICS;')).toEqual([
      'COUNTS',
      'DEAR',
      '_confluent-ksql-default_command_topic',
      'orders',
    ])
  })

  it('counts records, and with EXTENDED who reads them', async () => {
    const fixture = catalogue()
    const { admin } = fixture.log
    await admin.createTopics([{ topic: 'a', partitions: 3 }, { topic: 'b' }])
    const value = Buffer.from('x')
    await fixture.send(...[0, 1, 1].map((partition) => ({ topic: 'a', partition, value })))
    const offset = { topic: 'a', partition: 1, offset: 1 }
    await admin.alterGroupOffsets('readers', [offset])
    await admin.alterGroupOffsets('others', [offset])
    const rows = records(await show(fixture, 'SHOW TOPICS EXTENDED;'))
    expect(rows[0]).toMatchObject({ 'Kafka Topic': 'a', Partitions: 3, Records: 3, 'Consumer Groups': 2 })
    expect(rows[1]).toEqual({
      'Kafka Topic': 'b',
      Partitions: 1,
      Records: 0,
      Bytes: 0,
      Consumers: 0,
      'Consumer Groups': 0,
    })
  })
})

describe('SHOW QUERIES', () => {
  it('lists queries with their state, sink and text on one line', async () => {
    const fixture = catalogue()
    await fixture.run(orders)
    await fixture.run('PAUSE CSAS_DEAR_0;')
    expect(records(await show(fixture, 'SHOW QUERIES;'))).toEqual([
      {
        'Query ID': 'CSAS_DEAR_0',
        'Query Type': 'PERSISTENT',
        Status: 'PAUSED',
        'Sink Name': 'DEAR',
        'Sink Kafka Topic': 'DEAR',
        'Query String': 'CREATE STREAM DEAR AS SELECT * FROM ORDERS WHERE PRICE > 100.0;',
      },
      expect.objectContaining({ 'Query ID': 'CTAS_COUNTS_1', Status: 'RUNNING' }),
    ])
  })

  it('adds counters, lag and the reason of a failure with EXTENDED', async () => {
    const fixture = catalogue()
    await fixture.run(orders)
    const [dear, counts] = [fixture.apps.get('CSAS_DEAR_0')!, fixture.apps.get('CTAS_COUNTS_1')!]
    dear.counters = { recordsIn: 10, recordsOut: 4, droppedRecords: 1 }
    dear.behind.set('orders-0', 2).set('orders-1', 3)
    fixture.errors.set('CSAS_DEAR_0', 7)
    counts.state = 'ERROR'
    counts.failure = new Error('disk full')
    const [first, second] = records(await show(fixture, 'SHOW QUERIES EXTENDED;'))
    expect(first).toMatchObject({
      'Records In': 10,
      'Records Out': 4,
      Dropped: 1,
      'Processing Errors': 7,
      Lag: 5,
      Failure: null,
    })
    expect(second).toMatchObject({ Status: 'ERROR', Lag: null, Failure: 'disk full' })
  })
})

describe('the rest of SHOW', () => {
  it('lists functions with their kinds', async () => {
    const rows = records(await show(catalogue(), 'SHOW FUNCTIONS;'))
    const kinds = new Map(rows.map((r) => [r['Function Name'], r['Category']]))
    expect([kinds.get('ABS'), kinds.get('COUNT'), kinds.get('EXPLODE')]).toEqual([
      'SCALAR',
      'AGGREGATE',
      'TABLE',
    ])
  })

  it('says where the value of a property comes from: session over engine over default', async () => {
    const fixture = catalogue()
    fixture.engine = { 'commit.interval.ms': '500', 'auto.offset.reset': 'latest', 'my.own': '1' }
    fixture.session = { 'ksql.streams.auto.offset.reset': 'earliest' }
    const rows = records(await show(fixture, 'SHOW PROPERTIES;'))
    const of = (name: string) => {
      const found = rows.filter((r) => r['Property'] === name)
      expect(found).toHaveLength(1)
      return [found[0]!['Scope'], found[0]!['Value']]
    }
    expect(of('auto.offset.reset')).toEqual(['SESSION', 'earliest'])
    expect(of('commit.interval.ms')).toEqual(['ENGINE', '500'])
    expect(of('ksql.lambdas.enabled')).toEqual(['DEFAULT', 'true'])
    expect(of('ksql.persistence.default.format.value')).toEqual(['DEFAULT', null])
    expect(of('my.own')).toEqual(['ENGINE', '1'])
    expect(rows.some((r) => r['Property'] === 'ksql.streams.auto.offset.reset')).toBe(false)
  })

  it('lists custom types and variables by name', async () => {
    const fixture = catalogue()
    await fixture.run('CREATE TYPE POINT AS STRUCT<X INT, Y INT>; CREATE TYPE AGE AS INT;')
    fixture.variables = { topic: 'orders', format: 'JSON' }
    expect(rowsOf(await show(fixture, 'SHOW TYPES;')).rows).toEqual([
      ['AGE', 'INTEGER'],
      ['POINT', 'STRUCT<`X` INTEGER, `Y` INTEGER>'],
    ])
    expect(rowsOf(await show(fixture, 'SHOW VARIABLES;')).rows).toEqual([
      ['format', 'JSON'],
      ['topic', 'orders'],
    ])
  })

  it('has no connectors, and says what there is instead', async () => {
    for (const sql of ['SHOW CONNECTORS;', 'SHOW SOURCE CONNECTORS;', 'SHOW CONNECTOR PLUGINS;']) {
      const { rows, note } = rowsOf(await show(catalogue(), sql))
      expect(rows).toEqual([])
      expect(note).toContain('forebay/connect')
    }
  })
})
