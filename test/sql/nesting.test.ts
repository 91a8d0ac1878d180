import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Log } from '../../src/log/index.js'
import { SqlEngine, SqlError } from '../../src/sql/index.js'

/* Statements of any depth and length are run or refused: the stack never overflows to the caller. */

const DEPTH = 8_000
const times = (text: string, count = DEPTH): string => text.repeat(count)

const nested: readonly (readonly [what: string, expression: string])[] = [
  ['parentheses', `${times('(')}a${times(')')}`],
  ['open parentheses', times('(')],
  ['NOT', `${times('NOT ')}true`],
  ['signs', `${times('- ')}a`],
  ['a long sum', `a${times(' + a')}`],
  ['a long AND', `true${times(' AND true')}`],
  ['a long concatenation', `'a'${times(" || 'a'")}`],
  ['calls', `${times('ABS(')}a${times(')')}`],
  ['arrays', `${times('ARRAY[')}a${times(']')}`],
  ['open arrays', times('ARRAY[')],
  ['structs', `${times('STRUCT(x := ')}a${times(')')}`],
  ['maps', `${times("MAP('k' := ")}a${times(')')}`],
  ['subscripts', `a${times('[1]')}`],
  ['fields', `a${times('->x')}`],
  ['cases', `${times('CASE WHEN true THEN ')}a${times(' END')}`],
  ['casts', `${times('CAST(')}a${times(' AS INT)')}`],
  ['types', `CAST(a AS ${times('ARRAY<')}INT${times('>')})`],
  ['lambdas', `${times('TRANSFORM(ARRAY[1], x => ')}a${times(')')}`],
  ['a long list', `a IN (1${times(', 1')})`],
  ['comparisons', `a${times(' = a')}`],
]

let log: Log
let engine: SqlEngine

beforeAll(async () => {
  log = Log.memory()
  engine = await SqlEngine.create({ log })
  await engine.execute(
    "CREATE STREAM s (k INT KEY, a INT) WITH (KAFKA_TOPIC = 's', VALUE_FORMAT = 'JSON', PARTITIONS = 1);",
  )
})

afterAll(async () => {
  await engine.close()
  await log.close()
})

async function runOrRefused(sql: string): Promise<void> {
  try {
    await engine.execute(sql)
  } catch (error) {
    expect(error).toBeInstanceOf(SqlError)
    expect((error as SqlError).message).not.toBe('')
  }
}

describe('a statement that is nested deeply, or very long', () => {
  it.each(nested)('as %s is run or refused', async (_what, expression) => {
    await runOrRefused(`EXPLAIN SELECT ${expression} FROM s EMIT CHANGES;`)
    await runOrRefused(`EXPLAIN SELECT a FROM s WHERE ${expression} EMIT CHANGES;`)
    await runOrRefused(`INSERT INTO s (a) VALUES (${expression});`)
  })

  it('as declarations is run or refused', async () => {
    const types = `${times('ARRAY<')}INT${times('>')}`
    await runOrRefused(`CREATE TYPE deep AS ${types};`)
    await runOrRefused(
      `CREATE STREAM d (a ${types}) WITH (KAFKA_TOPIC = 'd', VALUE_FORMAT = 'JSON', PARTITIONS = 1);`,
    )
    await runOrRefused(`SELECT * FROM s${times(' JOIN s ON a = a', 2000)};`)
    await runOrRefused(`${times('EXPLAIN ')}SELECT * FROM s;`)
  })

  it('of a thousand terms is run', async () => {
    await engine.execute(`EXPLAIN SELECT ${times('(', 300)}a${times(')', 300)} FROM s EMIT CHANGES;`)
    await engine.execute(`EXPLAIN SELECT a${times(' + a', 500)} AS x FROM s EMIT CHANGES;`)
    await engine.execute(`EXPLAIN SELECT * FROM s WHERE a IN (1${times(', 2', 1000)}) EMIT CHANGES;`)
  })
})
