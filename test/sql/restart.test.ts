import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nextEventLoopTurn, type Random, randomBelow, seededRandom } from '../../src/common/index.js'
import { Log } from '../../src/log/index.js'
import { SqlEngine } from '../../src/sql/index.js'

/*
 * A program that is killed leaves behind its files as they are at that instant. Nothing else runs while they are
 * copied, so the copy is what a killed process would have left: mid-way in transactions, commits and state.
 */

const script = [
  `CREATE STREAM orders (id INT KEY, product STRING, amount INT)
     WITH (KAFKA_TOPIC = 'orders', VALUE_FORMAT = 'JSON', PARTITIONS = 3);`,
  `CREATE TABLE products (product STRING PRIMARY KEY, name STRING)
     WITH (KAFKA_TOPIC = 'products', VALUE_FORMAT = 'JSON', PARTITIONS = 3);`,
  ...[0, 1, 2, 3].map(
    (p) => `INSERT INTO products (ROWTIME, product, name) VALUES (1, 'p${p}', 'Product ${p}');`,
  ),
  `CREATE STREAM large AS SELECT id, product, amount FROM orders WHERE amount > 3;`,
  `CREATE STREAM named AS SELECT o.product AS product, o.id AS id, p.name AS name, o.amount AS amount
     FROM large o JOIN products p ON o.product = p.product;`,
  `CREATE TABLE totals AS SELECT name, COUNT(*) AS n, SUM(amount) AS total FROM named GROUP BY name;`,
  `CREATE TABLE spread AS SELECT n, COUNT(*) AS names, SUM(total) AS total FROM totals GROUP BY n
     HAVING COUNT(*) > 0;`,
  `CREATE TABLE per_minute AS SELECT name, COUNT(*) AS n FROM named WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY name;`,
  ...Array.from({ length: 60 }, (_, i) => {
    const values = `${1000 + i * 5000}, ${i % 7}, 'p${(i * 3 + (i >> 2)) % 4}', ${i % 11}`
    return `INSERT INTO orders (ROWTIME, id, product, amount) VALUES (${values});`
  }),
]

/** Which groups `totals` went through on its way depends on when queries commit: HAVING leaves out the empty ones. */
const tables = ['totals', 'spread', 'per_minute']

interface Running {
  readonly directory: string
  readonly log: Log
  readonly engine: SqlEngine
}

async function open(directory: string): Promise<Running> {
  const log = await Log.open({ dataDirectory: join(directory, 'log') })
  const engine = await SqlEngine.create({ log, stateDirectory: join(directory, 'state') })
  return { directory, log, engine }
}

async function close({ engine, log }: Running): Promise<void> {
  await engine.close()
  await log.close()
}

async function results({ engine }: Running): Promise<Record<string, unknown>> {
  await engine.caughtUp()
  const found: Record<string, unknown> = {}
  for (const table of tables) {
    const rows = await engine.pull(`SELECT * FROM ${table};`)
    found[table] = rows.map((row) => JSON.stringify(row.row)).sort()
  }
  return found
}

/** Goes on with a copy of the files, as after a kill; the old program never notices. */
async function crash(before: Running, directory: string): Promise<Running> {
  cpSync(before.directory, directory, {
    recursive: true,
    filter: (path) => basename(path) !== '.lock',
  })
  const after = await open(directory)
  await close(before)
  return after
}

/** Lets the queries get somewhere, or nowhere. */
async function lapse(random: Random): Promise<void> {
  for (let turns = randomBelow(random, 400); turns > 0; turns--) await nextEventLoopTurn()
}

describe('queries that are killed at any point', () => {
  let home: string
  let undisturbed: Record<string, unknown>

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'forebay-restart-'))
    const running = await open(join(home, 'undisturbed'))
    for (const statement of script) await running.engine.execute(statement)
    undisturbed = await results(running)
    await close(running)
  })

  afterAll(() => rmSync(home, { recursive: true }))

  it('have something to compare', () => {
    const total = (undisturbed['totals'] as string[]).map((row) => JSON.parse(row) as { N: number })
    const expected = Array.from({ length: 60 }, (_, i) => i).filter((i) => i % 11 > 3)
    expect(total.reduce((sum, { N }) => sum + N, 0)).toBe(expected.length)
    expect(undisturbed['per_minute']).not.toEqual([])
    expect(undisturbed['spread']).not.toEqual([])
  })

  const given = process.env['FOREBAY_SEED']
  const seeds = given === undefined ? [1, 2, 3] : [Number(given)]
  it.each(seeds)('come to the same tables (FOREBAY_SEED=%i)', async (seed) => {
    const random = seededRandom(seed)
    let crashes = 0
    let running = await open(join(home, `seed-${seed}-0`))
    for (const statement of script) {
      await running.engine.execute(statement)
      if (randomBelow(random, 18) > 0) continue
      await lapse(random)
      running = await crash(running, join(home, `seed-${seed}-${++crashes}`))
    }
    running = await crash(running, join(home, `seed-${seed}-${++crashes}`))
    expect(await results(running)).toEqual(undisturbed)
    await close(running)
  })
})
