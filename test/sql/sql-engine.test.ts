import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Log } from '../../src/log/index.js'
import { Serdes } from '../../src/serde/index.js'
import { SqlEngine, SqlError } from '../../src/sql/index.js'

let log: Log
let engine: SqlEngine

beforeEach(async () => {
  log = await Log.memory()
  engine = await SqlEngine.create({ log })
})

afterEach(async () => {
  await engine.close()
  await log.close()
})

const orders = `CREATE STREAM orders (customer STRING KEY, product STRING, amount INT)
  WITH (KAFKA_TOPIC = 'orders', VALUE_FORMAT = 'JSON', PARTITIONS = 4);`

async function insertOrders(count: number, from = 0): Promise<void> {
  for (let i = from; i < from + count; i++) {
    const values = `'c${i % 5}', 'p${i % 3}', ${i}, ${1000 + i}`
    await engine.execute(`INSERT INTO orders (customer, product, amount, ROWTIME) VALUES (${values});`)
  }
}

async function rows(sql: string): Promise<unknown[][]> {
  const found = await engine.pull(sql)
  return found.map((row) => [...row.columns]).sort((a, b) => (String(a) < String(b) ? -1 : 1))
}

async function refusal(sql: string): Promise<SqlError> {
  const error = await engine.execute(sql).catch((e: unknown) => e)
  expect(error).toBeInstanceOf(SqlError)
  return error as SqlError
}

describe('queries that read on each other', () => {
  it('keep a table up to date over a chain with a repartition', async () => {
    await engine.execute(orders)
    await engine.execute(`
      CREATE STREAM large AS SELECT customer, product, amount FROM orders WHERE amount >= 10 EMIT CHANGES;
      CREATE TABLE by_product AS SELECT product, COUNT(*) AS n, SUM(amount) AS total FROM large GROUP BY product EMIT CHANGES;`)
    await insertOrders(20)
    await engine.caughtUp()
    expect(await rows('SELECT * FROM by_product;')).toEqual([
      ['p0', 3, 12 + 15 + 18],
      ['p1', 4, 10 + 13 + 16 + 19],
      ['p2', 3, 11 + 14 + 17],
    ])
    expect(await rows("SELECT total FROM by_product WHERE product = 'p2';")).toEqual([[42]])
    expect(await rows("SELECT total FROM by_product WHERE product = 'none';")).toEqual([])
  })

  it('go on with their state when the script that made them is run again', async () => {
    const script = `
      CREATE STREAM IF NOT EXISTS orders (customer STRING KEY, product STRING, amount INT)
        WITH (KAFKA_TOPIC = 'orders', VALUE_FORMAT = 'JSON', PARTITIONS = 4);
      CREATE OR REPLACE TABLE per_minute AS SELECT product, COUNT(*) AS n FROM orders
        WINDOW TUMBLING (SIZE 1 MINUTE) WHERE amount > 0 GROUP BY product HAVING COUNT(*) > 1;`
    await engine.execute(script)
    await insertOrders(5)
    await engine.caughtUp()
    await engine.execute(script)
    await insertOrders(1, 3)
    expect(await rows('SELECT product, n FROM per_minute;')).toEqual([
      ['p0', 2],
      ['p1', 2],
    ])
    const other = script.replace('1 MINUTE', '2 MINUTES')
    expect((await refusal(other)).message).toContain('Upgrades not yet supported for StreamWindowedAggregate')
  })

  it('join a stream with a table by a column that is not its key, over several partitions', async () => {
    await engine.execute(orders)
    await engine.execute(`
      CREATE TABLE products (id STRING PRIMARY KEY, name STRING)
        WITH (KAFKA_TOPIC = 'products', VALUE_FORMAT = 'JSON', PARTITIONS = 4);`)
    for (let i = 0; i < 3; i++) {
      await engine.execute(`INSERT INTO products (id, name, ROWTIME) VALUES ('p${i}', 'Product ${i}', 1);`)
    }
    await engine.execute(`CREATE STREAM named AS
      SELECT o.product AS product, p.name AS name, o.amount AS amount
      FROM orders o JOIN products p ON o.product = p.id EMIT CHANGES;`)
    await insertOrders(12)
    await engine.caughtUp()
    const found = await rows('SELECT * FROM named;')
    expect(found).toHaveLength(12)
    expect(found.every(([product, name]) => name === `Product ${String(product).slice(1)}`)).toBe(true)
  })

  it('join tables whose keys are written in different formats, and keep the join up to date', async () => {
    await engine.execute(`
      CREATE TABLE users (id INT PRIMARY KEY, name STRING)
        WITH (KAFKA_TOPIC = 'users', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'JSON', PARTITIONS = 4);
      CREATE TABLE scores (id INT PRIMARY KEY, score INT)
        WITH (KAFKA_TOPIC = 'scores', KEY_FORMAT = 'JSON', VALUE_FORMAT = 'JSON', PARTITIONS = 4);
      CREATE TABLE cities (id INT PRIMARY KEY, city STRING)
        WITH (KAFKA_TOPIC = 'cities', KEY_FORMAT = 'DELIMITED', VALUE_FORMAT = 'JSON', PARTITIONS = 4);
      CREATE TABLE inner_join AS SELECT u.id AS id, name, score, city
        FROM users u JOIN scores s ON u.id = s.id JOIN cities c ON u.id = c.id;
      CREATE TABLE outer_join AS SELECT ROWKEY AS id, name, score
        FROM scores s FULL OUTER JOIN users u ON s.id = u.id;`)
    for (let i = 0; i < 20; i++) {
      await engine.execute(`
        INSERT INTO users (id, name) VALUES (${i}, 'u${i}');
        INSERT INTO scores (id, score) VALUES (${i}, ${i * 10});
        INSERT INTO cities (id, city) VALUES (${i}, 'c${i}');`)
    }
    await engine.execute(
      'INSERT INTO scores (id, score) VALUES (100, 7); INSERT INTO scores (id) VALUES (3);',
    )
    await engine.caughtUp()
    const ids = Array.from({ length: 20 }, (_, i) => i)
    const byText = (a: unknown[], b: unknown[]): number => (String(a) < String(b) ? -1 : 1)
    expect(await rows('SELECT * FROM inner_join;')).toEqual(
      ids
        .filter((i) => i !== 3)
        .map((i) => [i, `u${i}`, i * 10, `c${i}`])
        .sort(byText),
    )
    expect(await rows('SELECT * FROM outer_join;')).toEqual(
      [[100, null, 7], ...ids.map((i) => [i, `u${i}`, i === 3 ? null : i * 10])].sort(byText),
    )
    expect((await log.admin.listTopics()).filter((name) => name.includes('repartition'))).toHaveLength(3)
  })

  it('give a push query every row from the beginning, and end it at its LIMIT', async () => {
    await engine.execute(orders)
    await insertOrders(6)
    const query = await engine.query('SELECT customer, amount * 2 AS twice FROM orders EMIT CHANGES LIMIT 4;')
    expect(query.columns.map((c) => c.name)).toEqual(['CUSTOMER', 'TWICE'])
    const seen: unknown[] = []
    for await (const row of query) seen.push(row.columns)
    expect(seen).toHaveLength(4)
  })

  it('say why nothing comes', async () => {
    await engine.execute(orders)
    await insertOrders(3)
    const query = await engine.query('SELECT * FROM orders WHERE amount > 100 EMIT CHANGES;')
    await query.caughtUp()
    expect(await query.explainEmpty()).toMatch(/orders.* has 3 records.* read 3/i)
    await query.stop()
  })
})

describe('pull queries', () => {
  it('show the headers of records', async () => {
    await engine.execute(`CREATE STREAM noted (k STRING KEY, v INT, who BYTES HEADER('who'))
      WITH (KAFKA_TOPIC = 'noted', VALUE_FORMAT = 'JSON', PARTITIONS = 1);`)
    const producer = log.producer()
    const who = Buffer.from('me')
    for (const [k, headers] of [
      ['a', []],
      ['b', [{ key: 'who', value: who }]],
    ] as const) {
      await producer.send({ topic: 'noted', key: Buffer.from(k), value: Buffer.from('{"V":1}'), headers })
    }
    await producer.close()
    expect(await rows('SELECT k, who FROM noted;')).toEqual([
      ['a', null],
      ['b', who],
    ])
  })

  it('say whether their LIMIT ended them', async () => {
    await engine.execute(orders)
    await insertOrders(3)
    const note = async (sql: string) => {
      const [result] = await engine.execute(sql)
      return result?.kind === 'rows' ? [result.rows.length, result.note] : null
    }
    expect(await note('SELECT * FROM orders LIMIT 2;')).toEqual([2, 'Limit Reached'])
    expect(await note('SELECT * FROM orders LIMIT 5;')).toEqual([3, 'Query Completed'])
  })

  it.each([
    ['SELECT * FROM orders LIMIT -1;', "Pull queries don't support negative integers in the LIMIT clause."],
    [
      'SELECT * FROM orders EMIT CHANGES LIMIT -1;',
      "Push queries don't support negative integers in the LIMIT clause.",
    ],
    [
      "SELECT * FROM n WHERE product IN (1, 'p');",
      "'1' can not be converted to the type of the key column: PRODUCT STRING KEY",
    ],
    [
      'SELECT * FROM n WHERE product = 1;',
      'Cannot compare PRODUCT (STRING) to 1 (INTEGER) with EQUAL.\nStatement: (PRODUCT = 1)',
    ],
    [
      "SELECT * FROM n WHERE total BETWEEN 1 AND 'x';",
      "Invalid expression: Cannot compare TOTAL (INTEGER) to 'x' (STRING) with LESS_THAN_OR_EQUAL.",
    ],
    [
      "SET 'ksql.query.pull.table.scan.enabled'='false'; SELECT * FROM n WHERE 'a' LIKE 'a';",
      'Like condition must be between strings.',
    ],
    [
      "SET 'ksql.query.pull.stream.enabled'='false'; SELECT * FROM orders;",
      'Pull queries on streams are disabled.',
    ],
    [
      "SET 'ksql.query.pull.limit.clause.enabled'='false'; SELECT * FROM n LIMIT 1;",
      'LIMIT clause in pull queries is disabled.',
    ],
    ["SET 'ksql.pull.queries.enable'='false'; SELECT * FROM n;", 'Pull queries are disabled.'],
    [
      'SELECT * FROM raw;',
      "The `RAW` table isn't queryable. To derive a queryable table, you can do 'CREATE TABLE QUERYABLE_RAW AS SELECT * FROM RAW'.",
    ],
  ])('are refused: %s', async (sql, message) => {
    await engine.execute(`${orders}
      CREATE TABLE raw (k STRING PRIMARY KEY, v INT) WITH (KAFKA_TOPIC = 'raw', VALUE_FORMAT = 'JSON', PARTITIONS = 1);
      CREATE TABLE n AS SELECT product, SUM(amount) AS total FROM orders GROUP BY product;`)
    expect((await refusal(sql)).message).toContain(message)
  })
})

describe('a key that the select list leaves out', () => {
  const keyless = 'CREATE STREAM products AS SELECT product FROM orders;'

  it('is refused', async () => {
    await engine.execute(orders)
    expect((await refusal(keyless)).message).toContain('Key missing from projection')
  })

  it('is no key of the stream, with the new planner', async () => {
    await engine.execute(`${orders} SET 'ksql.new.query.planner.enabled'='true';`)
    await engine.execute(keyless)
    await insertOrders(2)
    await engine.caughtUp()
    expect(engine.metastore.find('PRODUCTS')?.schema.toString()).toBe('`PRODUCT` STRING')
    expect(await rows('SELECT * FROM products;')).toEqual([['p0'], ['p1']])
  })
})

describe('a restart', () => {
  it('brings back streams, tables, types and running queries under their ids, with their state', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'forebay-sql-'))
    try {
      const open = async () => {
        const opened = await Log.open({ dataDirectory: join(directory, 'log') })
        return {
          opened,
          sql: await SqlEngine.create({ log: opened, stateDirectory: join(directory, 'state') }),
        }
      }
      const first = await open()
      engine = first.sql
      await engine.execute(orders)
      await engine.execute(`
        CREATE TYPE money AS STRUCT<units BIGINT, cents INT>;
        CREATE TABLE gone AS SELECT product, COUNT(*) AS n FROM orders GROUP BY product EMIT CHANGES;
        CREATE TABLE totals AS SELECT customer, SUM(amount) AS total FROM orders GROUP BY customer EMIT CHANGES;
        DROP TABLE gone;`)
      await insertOrders(10)
      await engine.caughtUp()
      const queriesBefore = [...engine.executor.queries.keys()]
      await engine.close()
      await first.opened.close()

      const second = await open()
      engine = second.sql
      expect([...engine.executor.queries.keys()]).toEqual(queriesBefore)
      expect(engine.metastore.sources.map((s) => s.name).sort()).toEqual([
        'KSQL_PROCESSING_LOG',
        'ORDERS',
        'TOTALS',
      ])
      expect([...engine.metastore.types.keys()]).toEqual(['MONEY'])
      await insertOrders(5, 10)
      await engine.caughtUp()
      const expected = [0, 1, 2, 3, 4].map((c) => [`c${c}`, c + (c + 5) + (c + 10)])
      expect(await rows('SELECT * FROM totals;')).toEqual(expected)
      await engine.execute('CREATE STREAM copy AS SELECT * FROM orders EMIT CHANGES;')
      expect([...engine.executor.queries.keys()].at(-1)).toBe('CSAS_COPY_2')
      await engine.close()
      await second.opened.close()
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})

describe('bad input', () => {
  it('never stops a query: the record is counted and goes to the processing log with its place', async () => {
    await engine.execute(orders)
    await engine.execute('CREATE STREAM copy AS SELECT customer, amount FROM orders EMIT CHANGES;')
    const producer = log.producer({ keySerde: Serdes.string(), valueSerde: Serdes.string(), lingerMs: 0 })
    await producer.send({ topic: 'orders', partition: 2, key: 'c1', value: '{"AMOUNT": 1}' })
    const bad = await producer.send({ topic: 'orders', partition: 2, key: 'c1', value: '{"AMOUNT": ' })
    await producer.send({ topic: 'orders', partition: 2, key: 'c1', value: '{"AMOUNT": 3}' })
    await producer.close()
    await engine.caughtUp()
    expect(await rows('SELECT amount FROM copy;')).toEqual([[1], [3]])
    expect(engine.processingLog.count('CSAS_COPY_0')).toBe(1)

    await engine.processingLog.flush()
    expect(
      await rows(`SELECT query_id, kind, record_topic, record_partition, record_offset,
        FROM_BYTES(record_key, 'utf8'), FROM_BYTES(record_value, 'utf8') FROM KSQL_PROCESSING_LOG;`),
    ).toEqual([['CSAS_COPY_0', 'deserialization', 'orders', 2, bad.offset, 'c1', '{"AMOUNT": ']])
    const [[reason]] = (await rows('SELECT reason FROM KSQL_PROCESSING_LOG;')) as [[string]]
    expect(reason).toMatch(/JSON/)
  })

  it('makes a failing expression null and logs it', async () => {
    await engine.execute(orders)
    await engine.execute(
      'CREATE STREAM ratio AS SELECT customer, 100 / amount AS r FROM orders EMIT CHANGES;',
    )
    await insertOrders(3)
    await engine.caughtUp()
    expect(await rows('SELECT r FROM ratio;')).toEqual([[null], [100], [50]])
    expect(engine.processingLog.count('CSAS_RATIO_0')).toBe(1)
  })

  it('refuses statements with a place and a hint, and creates nothing', async () => {
    await engine.execute(orders)
    const topics = await log.admin.listTopics()
    const syntax = await refusal('CREATE STREAM x AS SELEC * FROM orders;')
    expect(syntax.render()).toContain('^')
    const column = await refusal('CREATE STREAM x AS SELECT customer,\n  amuont FROM orders EMIT CHANGES;')
    expect(column.location).toMatchObject({ line: 2, column: 3 })
    expect(column.render()).toMatch(/amuont/)
    expect(column.render()).toMatch(/AMOUNT/)
    const type = await refusal(
      'CREATE STREAM x AS SELECT customer, product * 2 AS y FROM orders EMIT CHANGES;',
    )
    expect(type.render()).toContain('^')
    await refusal('CREATE STREAM x AS SELECT * FROM nowhere EMIT CHANGES;')
    expect(engine.metastore.sources.map((s) => s.name)).toEqual(['KSQL_PROCESSING_LOG', 'ORDERS'])
    expect(await log.admin.listTopics()).toEqual(topics)
  })

  it('parses a whole script before anything of it runs', async () => {
    await refusal(`${orders} SELECT FROM;`)
    expect(engine.metastore.sources.map((s) => s.name)).toEqual(['KSQL_PROCESSING_LOG'])
  })
})
