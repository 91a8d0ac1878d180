import { describe, expect, it } from 'vitest'
import { explainStatement } from '../../../src/sql/engine/explain-statement.js'
import { formatPlan } from '../../../src/sql/plan/format-plan.js'
import { type CatalogueFixture, catalogue, messageOf, orders, parsed } from './catalogue-fixture.js'

async function explain(fixture: CatalogueFixture, sql: string): Promise<string> {
  return messageOf(await explainStatement(parsed('explain', sql), fixture.context()))
}

const none = { count: 0, sumMs: 0, maxMs: 0 }

describe('EXPLAIN of a running query', () => {
  it('shows statement, plan, topology and what the query has done', async () => {
    const fixture = catalogue()
    await fixture.run(orders)
    const app = fixture.apps.get('CTAS_COUNTS_1')!
    app.behind.set('orders-0', 3)
    app.counters = {
      recordsIn: 12,
      tasks: [
        {
          taskId: '0_1',
          recordsIn: 12,
          recordsOut: 5,
          changelogRecordsOut: 5,
          buffered: 2,
          droppedRecords: 1,
          droppedByNode: {},
          droppedByReason: { 'null key': 1 },
          streamTimeMs: 1_700_000_000_000,
          latency: none,
          processingMs: 0,
          commits: none,
          stores: {},
        },
      ],
    }
    const text = await explain(fixture, 'EXPLAIN CTAS_COUNTS_1;')
    const query = fixture.context().queries.find((q) => q.id === 'CTAS_COUNTS_1')!
    expect(text).toContain('ID      : CTAS_COUNTS_1\nType    : PERSISTENT\nState   : RUNNING\n')
    expect(text).toContain('Sink    : COUNTS (topic COUNTS)')
    expect(text).toContain('CREATE TABLE COUNTS AS SELECT ITEM, COUNT(*) AS N FROM ORDERS GROUP BY ITEM;')
    expect(text).toContain(formatPlan(query.plan))
    expect(text).toContain(query.topology.describe().trimEnd())
    expect(text).toContain('records in 12, ')
    expect(text).toContain('lag 3 (orders-0: 3)')
    expect(text).toContain(
      'task 0_1 : records in 12, records out 5, changelog records 5, buffered 2, dropped 1 (null key: 1), ' +
        'stream time 2023-11-14T22:13:20.000',
    )
  })

  it('finds ids in any case, as the source in them may be in lower case', async () => {
    const fixture = catalogue()
    await fixture.run(orders)
    await fixture.run('CREATE STREAM `cheap` AS SELECT * FROM ORDERS WHERE PRICE < 1.0;')
    expect(await explain(fixture, 'EXPLAIN csas_cheap_2;')).toContain('ID      : CSAS_cheap_2')
  })

  it('says why a query has failed', async () => {
    const fixture = catalogue()
    await fixture.run(orders)
    const app = fixture.apps.get('CSAS_DEAR_0')!
    app.state = 'ERROR'
    app.failure = new Error('disk full')
    const text = await explain(fixture, 'EXPLAIN CSAS_DEAR_0;')
    expect(text).toContain('State   : ERROR\nFailure : disk full')
  })

  it('refuses an unknown id in ksqlDB’s words and proposes the nearest', async () => {
    const fixture = catalogue()
    await fixture.run(orders)
    const failure = explain(fixture, 'EXPLAIN CSAS_DAER_0;')
    await expect(failure).rejects.toThrow(
      'Query with id:CSAS_DAER_0 does not exist, use SHOW QUERIES to view the full set of queries.',
    )
    await expect(failure).rejects.toMatchObject({ suggestion: 'Did you mean CSAS_DEAR_0?' })
  })
})

describe('EXPLAIN of a statement', () => {
  const statements = [
    'CREATE TABLE T AS SELECT ITEM, SUM(PRICE) AS S FROM ORDERS GROUP BY ITEM;',
    'CREATE STREAM S2 WITH (PARTITIONS = 7) AS SELECT * FROM ORDERS PARTITION BY ITEM;',
    'INSERT INTO DEAR SELECT * FROM ORDERS;',
    'SELECT ITEM, PRICE FROM ORDERS WHERE PRICE > 5.0 EMIT CHANGES;',
    "SELECT * FROM COUNTS WHERE ITEM = 'pen';",
    "CREATE SOURCE TABLE M (ID BIGINT PRIMARY KEY, V INT) WITH (KAFKA_TOPIC = 'orders', VALUE_FORMAT = 'JSON');",
  ]

  it.each(statements)('plans it and leaves everything as it is: %s', async (sql) => {
    const fixture = catalogue()
    await fixture.run(orders)
    const state = async () => ({
      effects: [...fixture.effects],
      topics: await fixture.log.admin.listTopics(),
      sources: fixture.metastore.sources.map((s) => s.name),
      queries: [...fixture.executor.queries.keys()],
      readers: fixture.metastore.readersOf('ORDERS'),
    })
    const before = await state()
    const text = await explain(fixture, `EXPLAIN ${sql}`)
    expect(text).toContain(`Statement\n---------\n${sql}`)
    expect(text).toContain('Logical plan\n')
    expect(await state()).toEqual(before)
  })

  it('plans as running the statement would', async () => {
    const fixture = catalogue()
    await fixture.run(orders)
    const sql = 'CREATE TABLE T AS SELECT ITEM, SUM(PRICE) AS S FROM ORDERS GROUP BY ITEM;'
    const text = await explain(fixture, `EXPLAIN ${sql}`)
    await fixture.run(sql)
    const started = fixture.context().queries.find((q) => q.id === 'CTAS_T_2')!
    expect(text).toContain(formatPlan(started.plan))
    expect(text).toContain(started.topology.describe().trimEnd())
    expect(text).toContain('Result  : TABLE (ITEM STRING KEY, S DOUBLE)')
  })

  it('says how a pull query finds its rows', async () => {
    const fixture = catalogue()
    await fixture.run(orders)
    const access = async (sql: string) =>
      /Access\n-+\n(.*(?:\n.+)*)/.exec(await explain(fixture, `EXPLAIN ${sql}`))?.[1]
    expect(await access("SELECT * FROM COUNTS WHERE ITEM IN ('pen', 'ink');")).toBe(
      "Filter: (ITEM IN ('pen', 'ink'))\n  COUNTS: lookup of 2 keys in the store of CTAS_COUNTS_1",
    )
    expect(await access('SELECT * FROM COUNTS WHERE N > 1;')).toBe(
      'COUNTS: SQLite, in the store of CTAS_COUNTS_1 (0 partitions)',
    )
    expect(await access('SELECT * FROM ORDERS;')).toBe('Scan of topic orders, up to where it ends now')
  })

  it('refuses what it would refuse to run', async () => {
    const fixture = catalogue()
    await fixture.run(orders)
    await expect(explain(fixture, 'EXPLAIN SELECT NAEM FROM ORDERS EMIT CHANGES;')).rejects.toThrow('NAEM')
    await expect(explain(fixture, 'EXPLAIN SELECT * FROM NOWHERE EMIT CHANGES;')).rejects.toThrow(
      'NOWHERE does not exist.',
    )
  })

  it.each([
    'SHOW TOPICS;',
    "CREATE STREAM X (A INT) WITH (KAFKA_TOPIC = 'x', PARTITIONS = 1, VALUE_FORMAT = 'JSON');",
  ])('refuses a statement without a query: %s', async (sql) => {
    await expect(explain(catalogue(), `EXPLAIN ${sql}`)).rejects.toThrow(
      'The provided statement does not run a ksql query',
    )
  })
})
