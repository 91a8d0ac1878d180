import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Log } from '../../../src/log/index.js'
import { SqlEngine } from '../../../src/sql/index.js'

/* The SQLite tables of SQL tables, seen by another program. */

let directory: string
let log: Log
let engine: SqlEngine

async function open(): Promise<void> {
  log = await Log.open({ dataDirectory: join(directory, 'log') })
  engine = await SqlEngine.create({ log, stateDirectory: join(directory, 'state') })
}

async function close(): Promise<void> {
  await engine.close()
  await log.close()
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'forebay-typed-'))
  await open()
})

afterEach(async () => {
  await close()
  rmSync(directory, { recursive: true, force: true })
})

/** The database files of a query's tasks. */
function filesOf(queryId: string): string[] {
  return readdirSync(join(directory, 'state'), { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile() && /\.(db|sqlite)$/.test(file.name) && file.parentPath.includes(queryId))
    .map((file) => join(file.parentPath, file.name))
}

/** What another program reads, once there are so many rows; they come a second after a commit, at most. */
function readRows(
  queryId: string,
  sql: string,
  isComplete = (rows: unknown[][]) => rows.length > 0,
): Promise<unknown[][]> {
  return vi.waitFor(
    () => {
      const rows = filesOf(queryId).flatMap((path) => {
        const database = new Database(path, { readonly: true })
        try {
          return database.prepare(sql).raw().all() as unknown[][]
        } finally {
          database.close()
        }
      })
      expect(rows).toSatisfy(isComplete)
      return rows
    },
    { timeout: 20_000, interval: 50 },
  )
}

async function run(sql: string): Promise<void> {
  await engine.execute(sql)
  await engine.caughtUp()
}

const columns = (name: string) => `SELECT name, type FROM pragma_table_xinfo('${name}')`

describe('the SQLite table of a SQL table', () => {
  it('has a typed column for each of its own', async () => {
    await run(`
      CREATE TABLE everything (id INT PRIMARY KEY, b BOOLEAN, l BIGINT, d DOUBLE, m DECIMAL(8, 2), s STRING, y BYTES,
          da DATE, ti TIME, ts TIMESTAMP, a ARRAY<BIGINT>, o STRUCT<x INT, \`y"z\` MAP<STRING, DOUBLE>>)
        WITH (KAFKA_TOPIC = 'everything', VALUE_FORMAT = 'JSON', PARTITIONS = 1);
      CREATE TABLE kept AS SELECT * FROM everything;
      INSERT INTO everything VALUES (1, true, 9223372036854775807, -0.5, 12.50, 'ü', TO_BYTES('ff00', 'hex'),
        '2026-01-02', '01:02:03', '2026-01-02T03:04:05', ARRAY[9007199254740993, 2],
        STRUCT(x := 1, \`y"z\` := MAP('k' := 0.1)));`)
    expect(await readRows('CTAS_KEPT_0', columns('KEPT'))).toEqual([
      ['ID', 'INTEGER'],
      ['B', 'INTEGER'],
      ['L', 'INTEGER'],
      ['D', 'ANY'],
      ['M', 'TEXT'],
      ['S', 'TEXT'],
      ['Y', 'BLOB'],
      ['DA', 'INTEGER'],
      ['TI', 'INTEGER'],
      ['TS', 'INTEGER'],
      ['A', 'TEXT'],
      ['O', 'TEXT'],
      ['rowtime', 'INTEGER'],
    ])
    const [row] = await readRows(
      'CTAS_KEPT_0',
      `SELECT B, CAST(L AS TEXT), D, M, S, hex(Y), DA, TI, TS, A, json_extract(O, '$."y\\"z".k') FROM KEPT`,
    )
    expect(row).toEqual([
      1,
      '9223372036854775807',
      -0.5,
      '12.50',
      'ü',
      'FF00',
      20455,
      3_723_000,
      Date.UTC(2026, 0, 2, 3, 4, 5),
      '[9007199254740993,2]',
      0.1,
    ])
  })

  it('keeps what UTF-8 and SQLite have no place for', async () => {
    const texts = ['a\0b', '\ud800', 'x\udfff\uffff', '\ufffe', '😀']
    await run(`
      CREATE TABLE odd (id INT PRIMARY KEY, d DOUBLE, s STRING)
        WITH (KAFKA_TOPIC = 'odd', VALUE_FORMAT = 'JSON', PARTITIONS = 1);
      CREATE TABLE kept AS SELECT id, d, s, LN(d) AS l, -d AS n FROM odd;`)
    const producer = log.producer()
    const doubles = [0, -1, 1, 1e300, 0.5]
    for (const [i, s] of texts.entries()) {
      producer.write({
        topic: 'odd',
        key: Buffer.from([0, 0, 0, i]),
        value: Buffer.from(JSON.stringify({ D: doubles[i], S: s })),
      })
    }
    await producer.flush()
    await producer.close()
    const expected = texts.map((s, i) => [i, doubles[i], s, Math.log(doubles[i]!), -doubles[i]!])
    const rows = async () => {
      await engine.caughtUp()
      return (await engine.pull('SELECT id, d, s, l, n FROM kept;')).map((row) => row.columns)
    }
    expect(await rows()).toEqual(expected)
    await close()
    await open()
    // From the table now, not from a cache.
    expect(await rows()).toEqual(expected)
  })

  it('holds the results of aggregate functions, and beside them the states they are made of', async () => {
    await run(`
      CREATE STREAM s (k STRING KEY, x INT) WITH (KAFKA_TOPIC = 's', VALUE_FORMAT = 'JSON', PARTITIONS = 1);
      CREATE TABLE totals AS SELECT k, COUNT(*) AS n, AVG(x) AS average, SUM(x) * 2 AS twice FROM s GROUP BY k
        HAVING SUM(x) > 3;
      INSERT INTO s VALUES ('a', 1); INSERT INTO s VALUES ('a', 4); INSERT INTO s VALUES ('b', 3);`)
    const sql = `SELECT * FROM "TOTALS" ORDER BY 1`
    const seen = await readRows('CTAS_TOTALS_0', sql, (rows) => rows.length === 2 && rows[0]![1] === 2)
    expect(seen.map((row) => row.slice(0, -1))).toEqual([
      ['a', 2, 2.5, 10, '{"SUM":5,"COUNT":2}', 5, 1],
      ['b', 1, 3, 6, '{"SUM":3,"COUNT":1}', 3, 0],
    ])
    await close()
    await open()
    await run(`INSERT INTO s VALUES ('b', 6);`)
    const rows = await engine.pull('SELECT * FROM totals;')
    expect(rows.map((row) => row.columns)).toEqual([
      ['a', 2, 2.5, 10],
      ['b', 2, 4.5, 18],
    ])
  })

  it('has the bounds of windows as columns', async () => {
    await run(`
      CREATE STREAM s (k STRING KEY, x INT) WITH (KAFKA_TOPIC = 's', VALUE_FORMAT = 'JSON', PARTITIONS = 1);
      CREATE TABLE per_minute AS SELECT k, COUNT(*) AS n, WINDOWSTART AS since FROM s
        WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY k;
      CREATE TABLE visits AS SELECT k, COUNT(*) AS n FROM s WINDOW SESSION (10 SECONDS) GROUP BY k;
      INSERT INTO s (ROWTIME, k, x) VALUES (61000, 'a', 1); INSERT INTO s (ROWTIME, k, x) VALUES (65000, 'a', 1);`)
    const areTwo = (rows: unknown[][]) => rows[0]?.[3] === 2
    expect(
      await readRows(
        'CTAS_PER_MINUTE_0',
        'SELECT windowstart, windowend, K, N, SINCE FROM PER_MINUTE',
        areTwo,
      ),
    ).toEqual([[60_000, 120_000, 'a', 2, 60_000]])
    expect(
      await readRows('CTAS_VISITS_1', 'SELECT K, windowstart, windowend, N FROM VISITS', areTwo),
    ).toEqual([['a', 61_000, 65_000, 2]])
  })

  it('takes any name', async () => {
    const table = 'dr"op`table'
    const names = ["it's", 'rowtime', '"', '", x); --', '__key', 'a', 'A', 'sqlite_', 'κ\0λ', 'WINDOWSTART_']
    const quote = (name: string) => `\`${name.replaceAll('`', '``')}\``
    await run(`
      CREATE TABLE t (k STRING PRIMARY KEY, ${names.map((n) => `${quote(n)} INT`).join(', ')})
        WITH (KAFKA_TOPIC = 't', VALUE_FORMAT = 'JSON', PARTITIONS = 1);
      CREATE TABLE ${quote(table)} WITH (KAFKA_TOPIC = 'kept') AS SELECT * FROM t;
      INSERT INTO t VALUES ('key', ${names.map((_, i) => i).join(', ')});`)
    const [row] = await engine.pull(`SELECT * FROM ${quote(table)};`)
    expect(row!.columns).toEqual(['key', ...names.keys()])
    expect(row!.row).toMatchObject(Object.fromEntries(names.map((name, i) => [name, i])))
  })

  it('can have keys of several columns, some of them null', async () => {
    await run(`
      CREATE TABLE t (a INT PRIMARY KEY, b DOUBLE PRIMARY KEY, c STRING)
        WITH (KAFKA_TOPIC = 't', FORMAT = 'JSON', PARTITIONS = 1);
      CREATE TABLE kept AS SELECT * FROM t;`)
    const producer = log.producer()
    for (const [key, value] of [
      ['{"A":1}', '{"C":"no b"}'],
      ['{"B":0.5}', '{"C":"no a"}'],
      ['{"A":1,"B":2.0}', '{"C":"both"}'],
    ] as const) {
      producer.write({ topic: 't', key: Buffer.from(key), value: Buffer.from(value) })
    }
    await producer.flush()
    await producer.close()
    await engine.caughtUp()
    const rows = (await engine.pull('SELECT * FROM kept;')).map((row) => row.columns)
    expect(rows).toHaveLength(3)
    expect(rows).toEqual(
      expect.arrayContaining([
        [1, null, 'no b'],
        [null, 0.5, 'no a'],
        [1, 2, 'both'],
      ]),
    )
  })
})

describe('a store with another schema', () => {
  const prepare = async () => {
    await run(`
      CREATE STREAM s (k STRING KEY, x INT) WITH (KAFKA_TOPIC = 's', VALUE_FORMAT = 'JSON', PARTITIONS = 1);
      CREATE TABLE t AS SELECT k, COUNT(*) AS n, AVG(x) AS a FROM s GROUP BY k;
      INSERT INTO s VALUES ('a', 1); INSERT INTO s VALUES ('a', 4); INSERT INTO s VALUES ('b', 3);`)
    await readRows('CTAS_T_0', 'SELECT * FROM T')
  }
  const rows = async () => (await engine.pull('SELECT * FROM t;')).map((row) => row.columns)

  it('of two BLOBs, as earlier versions had it, is rebuilt from the changelog', async () => {
    await prepare()
    await close()
    for (const path of filesOf('CTAS_T_0')) {
      const database = new Database(path)
      database.exec(`
        DROP TABLE "T";
        CREATE TABLE "Aggregate-Materialize" ("key" BLOB, "value" BLOB, "rowtime" INTEGER, PRIMARY KEY ("key"))
          STRICT, WITHOUT ROWID;
        INSERT INTO "Aggregate-Materialize" VALUES (x'61', x'7b7d', 0)`)
      database.prepare('UPDATE forebay_stores SET table_name = ?, schema = ?').run(
        'Aggregate-Materialize',
        JSON.stringify({
          kind: 'key-value',
          key: [{ name: 'key', type: 'BLOB' }],
          value: [
            { name: 'value', type: 'BLOB' },
            { name: 'rowtime', type: 'INTEGER' },
          ],
        }),
      )
      database.close()
    }
    await open()
    await engine.caughtUp()
    expect(await rows()).toEqual([
      ['a', 2, 2.5],
      ['b', 1, 3],
    ])
    await run(`INSERT INTO s VALUES ('b', 4);`)
    expect(await rows()).toEqual([
      ['a', 2, 2.5],
      ['b', 2, 3.5],
    ])
  })

  it('gets the columns that CREATE OR REPLACE adds, and the new values of changed expressions', async () => {
    await prepare()
    await run(
      'CREATE OR REPLACE TABLE t AS SELECT k, COUNT(*) AS n, AVG(x) * 2 AS a, COUNT(*) + 1 AS m FROM s GROUP BY k;',
    )
    expect(await rows()).toEqual([
      ['a', 2, 5, 3],
      ['b', 1, 6, 2],
    ])
    await run(`INSERT INTO s VALUES ('b', 4);`)
    expect(await rows()).toEqual([
      ['a', 2, 5, 3],
      ['b', 2, 7, 3],
    ])
  })
})
