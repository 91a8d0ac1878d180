import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Log } from '../../../src/log/index.js'
import { SqlEngine } from '../../../src/sql/index.js'

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
  directory = mkdtempSync(join(tmpdir(), 'forebay-index-'))
  await open()
  await run(`
    CREATE STREAM s (k STRING KEY, city STRING, x INT)
      WITH (KAFKA_TOPIC = 's', VALUE_FORMAT = 'JSON', PARTITIONS = 2);
    CREATE TABLE t AS SELECT k, LATEST_BY_OFFSET(city) AS city, SUM(x) AS total, AVG(x) AS average FROM s GROUP BY k;
    INSERT INTO s VALUES ('a', 'Oslo', 1); INSERT INTO s VALUES ('b', 'Rome', 2); INSERT INTO s VALUES ('c', 'Oslo', 3);
    CREATE INDEX by_city ON t (city, total);`)
})

afterEach(async () => {
  await close()
  rmSync(directory, { recursive: true, force: true })
})

async function run(sql: string): Promise<string[]> {
  const results = await engine.execute(sql)
  await engine.caughtUp()
  return results.map((result) => (result.kind === 'message' ? result.message : ''))
}

async function plan(sql: string): Promise<string[]> {
  const [text] = await run(`EXPLAIN ${sql}`)
  return text!
    .split('\n')
    .flatMap((line) => (line.trim().startsWith('> ') && !line.includes('> [') ? [line.trim()] : []))
}

const inOslo = "SELECT k FROM t WHERE city = 'Oslo' ORDER BY total DESC;"
const byIndex = ['> SEARCH T USING COVERING INDEX T.index.BY_CITY (CITY=?)']
const rows = async (sql: string) => (await engine.pull(sql)).map((row) => row.columns)

describe('an index', () => {
  it('is used for conditions and for the order', async () => {
    expect(await plan(inOslo)).toEqual(byIndex)
    expect(await rows(inOslo)).toEqual([['c'], ['a']])
    await run("INSERT INTO s VALUES ('a', 'Oslo', 10);")
    expect(await rows(inOslo)).toEqual([['a'], ['c']])
  })

  it('comes back after a restart', async () => {
    await close()
    await open()
    await engine.caughtUp()
    expect(await plan(inOslo)).toEqual(byIndex)
    expect(await rows(inOslo)).toEqual([['c'], ['a']])
  })

  it('comes back where the state is gone', async () => {
    await close()
    rmSync(join(directory, 'state'), { recursive: true })
    await open()
    await engine.caughtUp()
    expect(await plan(inOslo)).toEqual(byIndex)
    expect(await rows(inOslo)).toEqual([['c'], ['a']])
  })

  it('stays with CREATE OR REPLACE, also where the table is made anew', async () => {
    await run(
      'CREATE OR REPLACE TABLE t AS SELECT k, LATEST_BY_OFFSET(city) AS city, SUM(x) AS total, AVG(x) * 2 AS average, SUM(x) + 1 AS more FROM s GROUP BY k;',
    )
    expect(await plan(inOslo)).toEqual(byIndex)
    await run('CREATE INDEX by_more ON t (more);')
    expect(await plan('SELECT k FROM t WHERE more > 1;')).toEqual([
      '> SEARCH T USING COVERING INDEX T.index.BY_MORE (MORE>?)',
    ])
  })

  it('goes with DROP INDEX, and with its table', async () => {
    await run('DROP INDEX by_city;')
    expect(await plan(inOslo)).toEqual(['> SCAN T', '> USE TEMP B-TREE FOR ORDER BY'])
    await close()
    await open()
    await engine.caughtUp()
    expect(await plan(inOslo)).toEqual(['> SCAN T', '> USE TEMP B-TREE FOR ORDER BY'])
    await run('CREATE INDEX by_city ON t (total); DROP TABLE t;')
    const [shown] = await engine.execute('SHOW INDEXES;')
    expect(shown).toMatchObject({ rows: [] })
  })

  it('can be over results of aggregate functions, keys and bounds of windows', async () => {
    await run(`
      CREATE TABLE w AS SELECT k, COUNT(*) AS n, FORMAT_TIMESTAMP(FROM_UNIXTIME(WINDOWSTART), 'mm') AS minute_text FROM s
        WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY k;
      CREATE INDEX "odd ""name""" ON t (average, k); CREATE INDEX by_end ON w (k, windowend);`)
    expect(await plan('SELECT k FROM t WHERE average BETWEEN 1 AND 2;')).toEqual([
      '> SEARCH T USING COVERING INDEX T.index.odd "name" (AVERAGE>? AND AVERAGE<?)',
    ])
    expect(await plan("SELECT n FROM w WHERE k >= 'b';")).toEqual([
      '> SEARCH W USING INDEX W.index.BY_END (K>?)',
    ])
    await expect(run('CREATE INDEX i ON w (minute_text);')).rejects.toThrow(
      'Column MINUTE_TEXT of W is computed from window bounds',
    )
  })

  it('is refused with the reason', async () => {
    await expect(run('CREATE INDEX by_city ON t (k);')).rejects.toThrow('Index BY_CITY already exists.')
    expect(await run('CREATE INDEX IF NOT EXISTS by_city ON t (k);')).toEqual([
      'Index BY_CITY already exists.',
    ])
    await expect(run('CREATE INDEX i ON t (cty);')).rejects.toThrow('T has no column CTY.')
    await expect(run('CREATE INDEX i ON t (k, k);')).rejects.toThrow('Index I has column K twice.')
    await expect(run('CREATE INDEX i ON s (k);')).rejects.toThrow('S is not a materialised table')
    await expect(run('CREATE INDEX i ON nowhere (k);')).rejects.toThrow('NOWHERE')
    await expect(run('DROP INDEX by_cty;')).rejects.toThrow('Index BY_CTY does not exist.')
    expect(await run('DROP INDEX IF EXISTS by_cty;')).toEqual(['Index BY_CTY does not exist.'])
    const [shown] = await engine.execute('SHOW INDEXES;')
    expect(shown).toMatchObject({ rows: [['BY_CITY', 'T', 'CITY, TOTAL']] })
  })
})
