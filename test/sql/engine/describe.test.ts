import { describe, expect, it } from 'vitest'
import { type DescribeStatement, describeStatement } from '../../../src/sql/engine/describe-statements.js'
import { SqlError } from '../../../src/sql/errors.js'
import { parseScript } from '../../../src/sql/parse.js'
import { type CatalogueFixture, catalogue, orders, records, rowsOf } from './catalogue-fixture.js'

async function describing(fixture: CatalogueFixture, sql: string) {
  const [statement] = parseScript(sql)
  return rowsOf(await describeStatement(statement as DescribeStatement, fixture.context()))
}

async function refused(fixture: CatalogueFixture, sql: string): Promise<SqlError> {
  try {
    await describing(fixture, sql)
  } catch (error) {
    if (error instanceof SqlError) return error
    throw error
  }
  throw new Error(`${sql} was not refused`)
}

describe('DESCRIBE name', () => {
  it('lists columns with their types and roles', async () => {
    const fixture = catalogue()
    await fixture.run(`CREATE STREAM S (A INT, H ARRAY<STRUCT<KEY STRING, VALUE BYTES>> HEADERS, K BIGINT KEY)
      WITH (KAFKA_TOPIC = 's', PARTITIONS = 1, VALUE_FORMAT = 'JSON');`)
    const { rows, columns } = await describing(fixture, 'DESCRIBE S;')
    expect(columns.map((c) => c.name)).toEqual(['Field', 'Type', 'Role'])
    expect(rows).toEqual([
      ['K', 'BIGINT', 'KEY'],
      ['A', 'INTEGER', 'VALUE'],
      ['H', 'ARRAY<STRUCT<`KEY` STRING, `VALUE` BYTES>>', 'HEADERS'],
    ])
  })

  it('marks primary keys and windows', async () => {
    const fixture = catalogue()
    await fixture.run(orders)
    await fixture.run(
      'CREATE TABLE W AS SELECT ITEM, COUNT(*) AS N FROM ORDERS WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY ITEM;',
    )
    expect((await describing(fixture, 'DESCRIBE COUNTS;')).rows[0]).toEqual(['ITEM', 'STRING', 'PRIMARY KEY'])
    expect((await describing(fixture, 'DESCRIBE W;')).rows[0]).toEqual([
      'ITEM',
      'STRING',
      'PRIMARY KEY (TUMBLING window of 10000 ms)',
    ])
  })

  it('names what is not there as ksqlDB does, and proposes the nearest name', async () => {
    const fixture = catalogue()
    await fixture.run(orders)
    const slip = await refused(fixture, 'DESCRIBE ORDRES;')
    expect(slip.message).toBe("Could not find STREAM/TABLE 'ORDRES' in the Metastore")
    expect(slip.suggestion).toBe('Did you mean ORDERS?')
    await fixture.run(
      "CREATE STREAM `quiet` (A INT) WITH (KAFKA_TOPIC = 'q', PARTITIONS = 1, FORMAT = 'JSON');",
    )
    expect((await refused(fixture, 'DESCRIBE QUIET;')).message).toContain(
      'Did you mean "quiet"? Hint: wrap the source name in double quotes',
    )
    expect((await refused(fixture, 'DESCRIBE SOMETHING_ELSE;')).suggestion).toContain('SHOW STREAMS')
  })
})

describe('DESCRIBE name EXTENDED', () => {
  it('says where a source lies, how it is written and by which statement', async () => {
    const fixture = catalogue()
    await fixture.run(`CREATE STREAM S (ID BIGINT KEY, PLACED STRING, A INT) WITH (KAFKA_TOPIC = 's', PARTITIONS = 3,
      VALUE_FORMAT = 'DELIMITED', VALUE_DELIMITER = '|', TIMESTAMP = 'PLACED', TIMESTAMP_FORMAT = 'yyyy-MM-dd');
      INSERT INTO S VALUES (1, '2024-01-01', 2);`)
    const lines = (await describing(fixture, 'DESCRIBE S EXTENDED;')).title!.split('\n')
    const text = Object.fromEntries(lines.map((line) => line.split(/ +: (.*)/s).slice(0, 2)))
    expect(text).toMatchObject({
      Name: 'S',
      Type: 'STREAM',
      'Timestamp field': 'PLACED (yyyy-MM-dd)',
      'Key format': 'KAFKA',
      'Value format': 'DELIMITED (delimiter=|)',
    })
    expect(text['Kafka topic']).toMatch(/^s \(partitions: 3, records: 1, bytes: \d+\)$/)
    expect(text['Statement']).toContain(
      "CREATE STREAM S (ID BIGINT KEY, PLACED STRING, A INT) WITH (KAFKA_TOPIC = 's'",
    )
  })

  it('names the queries that read and write, with state, lag and counters', async () => {
    const fixture = catalogue()
    await fixture.run(orders)
    const app = fixture.apps.get('CTAS_COUNTS_1')!
    app.behind.set('orders-0', 0).set('orders-1', 4).set('other-0', 9)
    app.counters = { recordsIn: 12, recordsOut: 5 }
    fixture.errors.set('CTAS_COUNTS_1', 2)
    const stream = (await describing(fixture, 'DESCRIBE ORDERS EXTENDED;')).note!
    expect(stream).toContain(
      'Queries that read from this STREAM\n----------------------------------\n' +
        'CSAS_DEAR_0 (RUNNING) : CREATE STREAM DEAR AS SELECT * FROM ORDERS WHERE PRICE > 100.0;\n' +
        'CTAS_COUNTS_1 (RUNNING) : CREATE TABLE COUNTS',
    )
    expect(stream).not.toContain('Queries that write into')
    // Lag on other topics of the query is not this stream's.
    expect(stream).toContain('CTAS_COUNTS_1 : lag 4 (orders-1: 4)')
    expect(stream).toContain(
      'CTAS_COUNTS_1 : records in 12, records out 5, dropped 0, processing errors 2, commits 0, restarts 0',
    )
    const table = (await describing(fixture, 'DESCRIBE COUNTS EXTENDED;')).note!
    expect(table).toContain('Queries that write into this TABLE\n')
    expect(table).not.toContain('Queries that read from')
  })

  it('shows paused and failed queries as such, without asking them for lag', async () => {
    const fixture = catalogue()
    await fixture.run(orders)
    await fixture.run('PAUSE CSAS_DEAR_0;')
    const app = fixture.apps.get('CTAS_COUNTS_1')!
    app.state = 'ERROR'
    app.failure = new Error('disk full')
    const { note } = await describing(fixture, 'DESCRIBE ORDERS EXTENDED;')
    expect(note).toContain('CSAS_DEAR_0 (PAUSED) :')
    expect(note).toContain('CTAS_COUNTS_1 (ERROR: disk full) :')
    expect(note).toContain('CTAS_COUNTS_1 : lag unknown while the query does not run')
  })

  it('describes a source whose topic is gone', async () => {
    const fixture = catalogue()
    await fixture.run(orders)
    await fixture.log.admin.deleteTopics(['orders'])
    expect((await describing(fixture, 'DESCRIBE ORDERS EXTENDED;')).title).toContain(
      'orders (does not exist)',
    )
  })
})

describe('DESCRIBE STREAMS and TABLES', () => {
  it('lists the columns of them all', async () => {
    const fixture = catalogue()
    await fixture.run(orders)
    const result = await describing(fixture, 'DESCRIBE TABLES;')
    expect(result.rows).toEqual([
      ['COUNTS', 'ITEM', 'STRING', 'PRIMARY KEY'],
      ['COUNTS', 'N', 'BIGINT', 'VALUE'],
    ])
    const streams = await describing(fixture, 'DESCRIBE STREAMS;')
    expect(new Set(streams.rows.map((r) => r[0]))).toEqual(new Set(['DEAR', 'ORDERS']))
  })

  it('has a row for each with EXTENDED', async () => {
    const fixture = catalogue()
    await fixture.run(orders)
    const [counts] = records(await describing(fixture, 'DESCRIBE TABLES EXTENDED;'))
    expect(counts).toMatchObject({
      'Table Name': 'COUNTS',
      Partitions: 2,
      'Read By': '',
      'Written By': 'CTAS_COUNTS_1 (RUNNING)',
    })
  })
})

describe('DESCRIBE FUNCTION', () => {
  it('gives kind, description and every variant', async () => {
    const fixture = catalogue()
    fixture.functions.scalar({
      name: 'TWICE',
      description: 'doubles',
      variants: [
        { parameters: 'INTEGER value', returns: 'INTEGER', fn: (n: number) => 2 * n },
        { parameters: 'STRING text', returns: 'STRING', fn: (s: string) => s + s },
      ],
    })
    const { rows, title } = await describing(fixture, 'DESCRIBE FUNCTION twice;')
    expect(title).toBe('Name     : TWICE\nType     : SCALAR\nOverview : doubles')
    expect(rows).toEqual([
      ['TWICE(INT value)', 'INT'],
      ['TWICE(VARCHAR text)', 'VARCHAR'],
    ])
  })

  it('proposes the nearest name for an unknown one', async () => {
    const error = await refused(catalogue(), 'DESCRIBE FUNCTION SUBSTIRNG;')
    expect(error.message).toBe("Can't find any functions with the name 'SUBSTIRNG'")
    expect(error.suggestion).toBe('Did you mean SUBSTRING?')
  })
})

it('DESCRIBE CONNECTOR finds none', async () => {
  const error = await refused(catalogue(), 'DESCRIBE CONNECTOR JDBC;')
  expect(error.message).toBe("Could not find connector 'JDBC'")
  expect(error.suggestion).toContain('forebay/connect')
})
