import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Log } from '../../../src/log/index.js'
import { SqlEngine } from '../../../src/sql/index.js'

/* Pull queries over materialised tables, beyond ksqlDB's. */

let log: Log
let engine: SqlEngine

beforeEach(async () => {
  log = Log.memory()
  engine = await SqlEngine.create({ log })
})

afterEach(async () => {
  await engine.close()
  await log.close()
})

async function run(sql: string): Promise<void> {
  await engine.execute(sql)
  await engine.caughtUp()
}

async function rows(sql: string): Promise<(readonly unknown[])[]> {
  return (await engine.pull(sql)).map((row) => row.columns)
}

async function refusal(sql: string): Promise<string> {
  try {
    await engine.pull(sql)
  } catch (error) {
    return (error as Error).message
  }
  throw new Error(`not refused: ${sql}`)
}

/** The Access section of EXPLAIN. */
async function access(sql: string): Promise<string> {
  const [result] = await engine.execute(`EXPLAIN ${sql}`)
  const text = result?.kind === 'message' ? result.message : ''
  return /Access\n-+\n(.*(?:\n.+)*)/.exec(text)![1]!
}

const shop = `
  CREATE TABLE products_topic (id INT PRIMARY KEY, name STRING, price DECIMAL(8, 2), shelf INT)
    WITH (KAFKA_TOPIC = 'products', VALUE_FORMAT = 'JSON', PARTITIONS = 3);
  CREATE TABLE products AS SELECT * FROM products_topic;
  CREATE STREAM sales (product INT KEY, customer STRING, pieces INT)
    WITH (KAFKA_TOPIC = 'sales', VALUE_FORMAT = 'JSON', PARTITIONS = 3);
  CREATE TABLE totals AS SELECT product, SUM(pieces) AS pieces, COUNT(*) AS n FROM sales GROUP BY product;
  INSERT INTO products_topic VALUES (1, 'pen', 1.50, 7);
  INSERT INTO products_topic VALUES (2, 'ink', 12.00, 7);
  INSERT INTO products_topic VALUES (3, 'cap', 9.99, NULL);
  INSERT INTO products_topic VALUES (4, 'nib', -0.50, 8);
  INSERT INTO sales VALUES (1, 'ann', 5);
  INSERT INTO sales VALUES (2, 'bob', 1);
  INSERT INTO sales VALUES (1, 'bob', 2);
  INSERT INTO sales VALUES (9, 'bob', 2);
`

describe('a pull query', () => {
  it('orders rows, over all partitions', async () => {
    await run(shop)
    expect(await rows('SELECT name FROM products ORDER BY name DESC;')).toEqual([
      ['pen'],
      ['nib'],
      ['ink'],
      ['cap'],
    ])
    expect(await rows('SELECT name, price FROM products ORDER BY price;')).toMatchObject([
      ['nib', expect.anything()],
      ['pen', expect.anything()],
      ['cap', expect.anything()],
      ['ink', expect.anything()],
    ])
    expect(await rows('SELECT id AS x FROM products ORDER BY shelf DESC, x DESC LIMIT 3;')).toEqual([
      [4],
      [2],
      [1],
    ])
    expect(await rows('SELECT id FROM products ORDER BY shelf NULLS LAST, 1;')).toEqual([[1], [2], [4], [3]])
    expect(await rows('SELECT id FROM products ORDER BY shelf, id LIMIT 2 OFFSET 1;')).toEqual([[1], [2]])
    expect(await rows('SELECT name, id * -1 AS m FROM products ORDER BY m LIMIT 1;')).toEqual([['nib', -4]])
    expect(await rows('SELECT name FROM products ORDER BY LEN(name), UCASE(name) OFFSET 2;')).toEqual([
      ['nib'],
      ['pen'],
    ])
  })

  it('groups rows, with any aggregate function', async () => {
    await run(shop)
    expect(
      await rows(
        'SELECT shelf, COUNT(*) AS n, MAX(name) AS last FROM products GROUP BY shelf ORDER BY n DESC, shelf;',
      ),
    ).toEqual([
      [7, 2, 'pen'],
      [8, 1, 'nib'],
    ])
    expect(await rows('SELECT shelf FROM products GROUP BY shelf HAVING COUNT(*) > 1;')).toEqual([[7]])
    expect(await rows('SELECT COUNT(*) AS n, AVG(id) AS a FROM products WHERE id > 1;')).toEqual([[3, 3]])
    expect(await rows('SELECT COUNT(*) AS n, SUM(id) AS s FROM products WHERE id > 100;')).toEqual([[0, 0]])
    expect(await rows('SELECT shelf, COUNT(*) AS n FROM products WHERE id > 100 GROUP BY shelf;')).toEqual([])
    expect(await refusal('SELECT SUM(CAST(id AS DECIMAL(1, 0))) AS t FROM products;')).toContain(
      'An aggregate function failed: Numeric field overflow',
    )
    expect(await rows('SELECT DISTINCT shelf FROM products ORDER BY shelf;')).toEqual([[null], [7], [8]])
  })

  it('joins tables, whatever their keys and partitions', async () => {
    await run(shop)
    expect(
      await rows(
        'SELECT p.name, t.pieces FROM products p JOIN totals t ON t.product = p.id ORDER BY t.pieces;',
      ),
    ).toEqual([
      ['ink', 1],
      ['pen', 7],
    ])
    expect(
      await rows(
        'SELECT p.id, t.pieces FROM products p LEFT JOIN totals t ON t.product = p.id ORDER BY p.id;',
      ),
    ).toEqual([
      [1, 7],
      [2, 1],
      [3, null],
      [4, null],
    ])
    expect(
      await rows(
        `SELECT p.id, t.product, q.id FROM products p FULL JOIN totals t ON t.product = p.id
          LEFT JOIN products q ON q.shelf = p.shelf AND q.id <> p.id WHERE p.id IS NULL OR p.id < 3 ORDER BY t.product;`,
      ),
    ).toEqual([
      [1, 1, 2],
      [2, 2, 1],
      [null, 9, null],
    ])
    expect(
      await rows(
        'SELECT a.id, b.id FROM products a JOIN products b ON a.id < b.id WHERE b.id <= 3 ORDER BY 1, 2;',
      ),
    ).toEqual([
      [1, 2],
      [1, 3],
      [2, 3],
    ])
    expect(
      await rows(
        'SELECT p.shelf AS shelf, SUM(t.pieces) AS s FROM products p JOIN totals t ON t.product = p.id GROUP BY p.shelf;',
      ),
    ).toEqual([[7, 8]])
  })

  it('sees what is not committed', async () => {
    await run(shop)
    await engine.execute("INSERT INTO products_topic VALUES (5, 'new', 1.00, 1);")
    expect(await rows("SELECT id FROM products WHERE name = 'new' ORDER BY id;")).toEqual([[5]])
  })

  it('knows the bounds of windows', async () => {
    await run(`
      CREATE STREAM s (k STRING KEY, x INT) WITH (KAFKA_TOPIC = 's', VALUE_FORMAT = 'JSON', PARTITIONS = 2);
      CREATE TABLE w AS SELECT k, SUM(x) AS total, FORMAT_TIMESTAMP(FROM_UNIXTIME(WINDOWSTART), 'mm:ss') AS since
        FROM s WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY k;
      CREATE TABLE v AS SELECT k, SUM(x) AS total FROM s WINDOW SESSION (10 SECONDS) GROUP BY k;
      INSERT INTO s (ROWTIME, k, x) VALUES (61000, 'a', 1); INSERT INTO s (ROWTIME, k, x) VALUES (65000, 'b', 2);
      INSERT INTO s (ROWTIME, k, x) VALUES (125000, 'a', 3);`)
    expect(
      await rows('SELECT k, WINDOWSTART, WINDOWEND, total FROM w ORDER BY WINDOWSTART DESC, k;'),
    ).toEqual([
      ['a', 120_000, 180_000, 3],
      ['a', 60_000, 120_000, 1],
      ['b', 60_000, 120_000, 2],
    ])
    expect(await rows('SELECT since, SUM(total) AS t FROM w GROUP BY since ORDER BY since;')).toEqual([
      ['01:00', 3],
      ['02:00', 3],
    ])
    expect(
      await rows(
        `SELECT w.k, v.WINDOWSTART FROM w JOIN v ON w.k = v.k
          WHERE v.WINDOWSTART >= w.WINDOWSTART AND v.WINDOWEND < w.WINDOWEND ORDER BY w.WINDOWEND, w.k;`,
      ),
    ).toEqual([
      ['a', 61_000],
      ['b', 65_000],
      ['a', 125_000],
    ])
  })

  it('reads a table of windows that another query has written', async () => {
    await run(`
      CREATE STREAM s (k STRING KEY, x INT) WITH (KAFKA_TOPIC = 's', VALUE_FORMAT = 'JSON', PARTITIONS = 1);
      CREATE TABLE w AS SELECT k, COUNT(*) AS n FROM s WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY k;
      INSERT INTO s (ROWTIME, k, x) VALUES (61000, 'a', 1); INSERT INTO s (ROWTIME, k, x) VALUES (125000, 'b', 1);
      CREATE SOURCE TABLE ws (k STRING PRIMARY KEY, n BIGINT) WITH (KAFKA_TOPIC = 'W', VALUE_FORMAT = 'JSON',
        WINDOW_TYPE = 'TUMBLING', WINDOW_SIZE = '1 MINUTE');
      CREATE INDEX by_start ON ws (windowstart);`)
    expect(await rows('SELECT * FROM ws ORDER BY WINDOWSTART DESC;')).toEqual([
      ['b', 120_000, 180_000, 1],
      ['a', 60_000, 120_000, 1],
    ])
    expect(await rows("SELECT WINDOWSTART, ROWTIME FROM ws WHERE k = 'a';")).toEqual([[60_000, 61_000]])
    expect(await access('SELECT n FROM ws WHERE WINDOWSTART > 100000;')).toContain(
      'SEARCH WS USING INDEX WS.index.BY_START (WINDOWSTART>?)',
    )
  })

  it('reads VALUES, and constants without FROM', async () => {
    expect(
      await rows("SELECT * FROM (VALUES (1, 'a'), (2, NULL)) AS t (id, name) WHERE id > 0 ORDER BY id DESC;"),
    ).toEqual([
      [2, null],
      [1, 'a'],
    ])
    expect(await rows("SELECT 1 + 1 AS two, UCASE('x') AS x;")).toEqual([[2, 'X']])
    const [result] = await engine.execute('VALUES (1, 2.5), (3000000000, 10.25);')
    expect(result).toMatchObject({
      columns: [
        { name: 'KSQL_COL_0', type: { kind: 'BIGINT' } },
        { name: 'KSQL_COL_1', type: { kind: 'DECIMAL', precision: 4, scale: 2 } },
      ],
      rows: [
        [1, expect.anything()],
        [3_000_000_000, expect.anything()],
      ],
    })
    await run(shop)
    expect(
      await rows(
        `SELECT v.label, p.name FROM (VALUES (1, 'first'), (3, 'third'), (5, 'fifth')) AS v (id, label)
          LEFT JOIN products p ON p.id = v.id ORDER BY v.id;`,
      ),
    ).toEqual([
      ['first', 'pen'],
      ['third', 'cap'],
      ['fifth', null],
    ])
    expect(await refusal('SELECT * FROM (VALUES (1), (1, 2)) AS t;')).toBe(
      'VALUES has rows of 1 and of 2 columns.',
    )
    expect(await refusal('SELECT *, 1;')).toBe('SELECT * needs a FROM clause.')
    expect(await refusal('SELECT * FROM (VALUES (x)) AS t;')).toBe(
      'VALUES takes constants, and X is a column.',
    )
  })

  it('leaves to streams and continuous queries what has no end', async () => {
    await run(shop)
    expect(await refusal('SELECT product, COUNT(*) FROM sales GROUP BY product;')).toContain(
      "Pull queries don't support GROUP BY clauses.",
    )
    expect(await refusal('SELECT * FROM products p JOIN sales s ON p.id = s.product;')).toContain(
      "Pull queries don't support JOIN clauses.",
    )
    await expect(engine.query('SELECT * FROM sales ORDER BY pieces EMIT CHANGES;')).rejects.toThrow(
      'Only pull queries support ORDER BY.',
    )
    await expect(engine.execute('CREATE TABLE x AS SELECT DISTINCT id FROM products_topic;')).rejects.toThrow(
      'Only pull queries support DISTINCT.',
    )
    expect(await refusal('SELECT id FROM products ORDER BY 2;')).toBe(
      'ORDER BY position 2 is not in the select list.',
    )
    expect(await refusal('SELECT * FROM products_topic ORDER BY id;')).toContain("table isn't queryable")
    expect(await rows('SELECT customer, pieces FROM sales ORDER BY pieces DESC, customer LIMIT 2;')).toEqual([
      ['ann', 5],
      ['bob', 2],
    ])
  })
})

describe('EXPLAIN of a pull query', () => {
  it('shows the SQL that SQLite runs, and what is done in memory', async () => {
    await run(shop)
    expect(await access('SELECT name FROM products WHERE shelf = 7 AND id > 1 ORDER BY name LIMIT 3;')).toBe(
      `Sort in memory
PRODUCTS: SQLite, in the store of CTAS_PRODUCTS_0 (3 partitions)
  SELECT "NAME" FROM "PRODUCTS" WHERE "SHELF" = ? AND "ID" > ? ORDER BY "NAME" LIMIT 3
  > SEARCH PRODUCTS USING PRIMARY KEY (ID>?)
  > USE TEMP B-TREE FOR ORDER BY`,
    )
    expect(
      await access(
        'SELECT p.name FROM products p LEFT JOIN totals t ON p.id = t.product WHERE p.id > 1 AND t.n IS NULL ORDER BY p.name;',
      ),
    ).toBe(
      `Sort in memory
Filter: (T_N IS NULL)
  Hash join, LEFT: (P_ID = T_PRODUCT)
    PRODUCTS: SQLite, in the store of CTAS_PRODUCTS_0 (3 partitions)
      SELECT "NAME", "ID" FROM "PRODUCTS" WHERE "ID" > ?
      > SEARCH PRODUCTS USING PRIMARY KEY (ID>?)
    TOTALS: SQLite, in the store of CTAS_TOTALS_1 (3 partitions)
      SELECT CASE WHEN "N" BETWEEN -9007199254740991 AND 9007199254740991 THEN "N" ELSE CAST("N" AS TEXT) END, "PRODUCT" FROM "TOTALS"
      > SCAN TOTALS`,
    )
    expect(
      await access('SELECT shelf, COUNT(*) AS n, MAX(id) AS last FROM products WHERE id > 1 GROUP BY shelf;'),
    ).toBe(
      `PRODUCTS: SQLite, in the store of CTAS_PRODUCTS_0 (3 partitions)
  SELECT "SHELF", count(*), CAST(MAX("ID") AS TEXT) FROM "PRODUCTS" WHERE "ID" > ? AND "SHELF" IS NOT NULL GROUP BY "SHELF"
  > SEARCH PRODUCTS USING PRIMARY KEY (ID>?)
  > USE TEMP B-TREE FOR GROUP BY`,
    )
    expect(
      await access(
        'SELECT p.name FROM products p LEFT JOIN totals t ON p.id = t.product WHERE p.id IN (1, 2);',
      ),
    ).toBe(
      `Hash join, LEFT: (P_ID = T_PRODUCT)
  Filter: (ID IN (1, 2))
    PRODUCTS: lookup of 2 keys in the store of CTAS_PRODUCTS_0
  Filter: (PRODUCT IN (1, 2))
    TOTALS: lookup of 2 keys in the store of CTAS_TOTALS_1`,
    )
    expect(await access("SELECT * FROM products WHERE name LIKE '%p' AND shelf IS NOT NULL;")).toContain(
      `Filter: (NAME LIKE '%p')`,
    )
  })
})
