import { Decimal } from 'decimal.js'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Log } from '../../../src/log/index.js'
import { SqlEngine, SqlError, type SqlParameter, sql } from '../../../src/sql/index.js'

let log: Log
let engine: SqlEngine

beforeAll(async () => {
  log = await Log.memory()
  engine = await SqlEngine.create({ log })
  await engine.execute(sql`
    CREATE STREAM one (k INT KEY, s STRING) WITH (KAFKA_TOPIC = 'one', VALUE_FORMAT = 'JSON', PARTITIONS = 1);
    INSERT INTO one VALUES (1, 'a');
    CREATE STREAM notes (id INT KEY, text STRING) WITH (KAFKA_TOPIC = 'notes', VALUE_FORMAT = 'JSON', PARTITIONS = 1);`)
})

afterAll(async () => {
  await engine.close()
  await log.close()
})

async function bound(parameter: SqlParameter): Promise<unknown> {
  const [found] = await engine.pull<{ X: unknown }>(sql`SELECT ${parameter} AS x FROM one;`)
  return found!.row.X
}

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: a `${` in a value is the point
const hostile = [
  "'; DROP STREAM one; --",
  "''",
  "\\'",
  '`"`',
  '${variable}',
  '$',
  '-- not a comment',
  '/* nor this */',
  '\u2028\u2029\r\n\t\0',
  '\ud83d\ude00 \ud800',
  "end'",
  '',
]
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: until here

describe('a value in a template', () => {
  it.each(hostile)('comes back as it was: %j', async (text) => {
    expect(await bound(text)).toBe(text)
  })

  it('comes back as it was, whatever the text', async () => {
    const part = fc.oneof(fc.constantFrom(...hostile), fc.string({ unit: 'binary' }))
    const text = fc.array(part, { maxLength: 4 }).map((parts) => parts.join(''))
    await fc.assert(
      fc.asyncProperty(text, async (value) => {
        expect(await bound(value)).toBe(value)
      }),
      { numRuns: 100 },
    )
  })

  it.each([
    [0],
    [-1],
    [2147483648],
    [-2147483648],
    [Number.MAX_SAFE_INTEGER],
    [1.5],
    [-1e-7],
    [1e300],
    [true],
    [null],
    [9223372036854775807n],
    [-9223372036854775808n],
  ])('keeps %s', async (value) => {
    expect(value === null ? await bound(sql`CAST(${value} AS INT)`) : await bound(value)).toBe(value)
  })

  it('keeps the sign of a zero', async () => {
    expect(await bound(-0)).toBe(-0)
  })

  it('keeps decimals, dates, bytes and structures', async () => {
    expect(String(await bound(new Decimal('-123456789012345678901.50')))).toBe('-123456789012345678901.5')
    expect(await bound(new Date('2026-03-01T12:34:56.789Z'))).toBe(Date.UTC(2026, 2, 1, 12, 34, 56, 789))
    expect(Buffer.from((await bound(new Uint8Array([0, 39, 255]))) as Uint8Array)).toEqual(
      Buffer.from([0, 39, 255]),
    )
    expect(await bound(["it's", '`'])).toEqual(["it's", '`'])
    expect(await bound(new Map([["it's", 1]]))).toEqual(new Map([["it's", 1]]))
    expect(await bound({ 'a`b': 'x', c: [1, 2] })).toEqual({ 'a`b': 'x', c: [1, 2] })
  })

  it('stands beside anything without growing together with it', async () => {
    expect(await bound(sql`1 -${-2}`)).toBe(3)
    expect(await bound(sql`${'a'}||${'b'}`)).toBe('ab')
    await expect(engine.pull(sql`SELECT ${'a'}${'b'} + 1 FROM one;`)).rejects.toThrow(SqlError)
  })

  it('is written, looked up and kept by persistent queries', async () => {
    const text = `it's $${'{here}'}\u2028`
    await engine.execute(sql`INSERT INTO notes VALUES (${7}, ${text});`)
    await engine.execute(
      sql`CREATE TABLE kept AS SELECT id, LATEST_BY_OFFSET(text) + ${text} AS text FROM notes WHERE text = ${text} GROUP BY id;`,
    )
    await engine.caughtUp()
    const read = async () =>
      (await engine.pull<{ TEXT: string }>(sql`SELECT text FROM kept WHERE id = ${7};`))[0]
    expect((await read())!.row.TEXT).toBe(text + text)
    await engine.close()
    engine = await SqlEngine.create({ log })
    expect([...engine.executor.queries.keys()]).toEqual(['CTAS_KEPT_0'])
    await engine.caughtUp()
    expect((await read())!.row.TEXT).toBe(text + text)
    await engine.close()
    engine = await SqlEngine.create({ log })
  })
})

describe('a template', () => {
  it('takes names and parts of statements', async () => {
    const name = 'odd `name`; -- '
    await engine.execute(
      sql`CREATE STREAM ${sql.identifier(name)} (${sql.identifier("co'l")} INT) WITH (KAFKA_TOPIC = ${'odd'}, VALUE_FORMAT = 'JSON', PARTITIONS = ${1});
        INSERT INTO ${sql.identifier(name)} VALUES (5);`,
    )
    const where = sql`WHERE ${sql.identifier("co'l")} > ${4}`
    const rows = await engine.pull(sql`SELECT * FROM ${sql.identifier(name)} ${where} LIMIT ${1};`)
    expect(rows.map((r) => r.row)).toEqual([{ "co'l": 5 }])
  })

  it.each([
    ["SELECT '", "' FROM one;"],
    ['SELECT `', '` FROM one;'],
    ['SELECT "', '" FROM one;'],
    ['SELECT 1 /* ', ' */ FROM one;'],
    ['SELECT 1 -- ', '\n FROM one;'],
    ["SELECT 'it''s ", "' FROM one;"],
  ])('refuses a value inside quotes or a comment: %s …%s', (before, after) => {
    const strings = Object.assign([before, after], { raw: [before, after] })
    expect(() => sql(strings, 'x')).toThrow(/inside quotes or a comment/)
  })

  it('refuses to end inside quotes or a comment', () => {
    expect(() => sql`WHERE s = 'open`).toThrow(SqlError)
    expect(() => sql`WHERE 1 = 1 -- open`).toThrow(SqlError)
  })

  it('may end with a comment that is closed', () => {
    expect(sql`WHERE 1 = 1 /* closed */`.text).toBe('WHERE 1 = 1 /* closed */')
  })

  it.each([[Number.NaN], [Number.POSITIVE_INFINITY], [2n ** 63n], [new Date(Number.NaN)], [undefined]])(
    'refuses %s',
    (value) => {
      expect(() => sql`SELECT ${value as SqlParameter} FROM one;`).toThrow(SqlError)
    },
  )
})

describe('rows', () => {
  it('come by column names, structs by field names', async () => {
    const [found] = await engine.pull<{ A: number; B: { X: { Y: string }[] } }>(
      sql`SELECT 1 AS a, STRUCT(x := ARRAY[STRUCT(y := 'z')]) AS b FROM one;`,
    )
    expect(found!.row).toEqual({ A: 1, B: { X: [{ Y: 'z' }] } })
    expect(found!.row.B.X[0]!.Y).toBe('z')
  })

  it('come so from push queries too', async () => {
    const seen: string[] = []
    for await (const { row } of await engine.query<{ S: string }>(
      sql`SELECT s FROM one EMIT CHANGES LIMIT 1;`,
    )) {
      seen.push(row.S)
    }
    expect(seen).toEqual(['a'])
  })

  it('may have any column name', async () => {
    const [found] = await engine.pull(sql`SELECT 1 AS ${sql.identifier('__proto__')} FROM one;`)
    expect(Object.entries(found!.row)).toEqual([['__proto__', 1]])
  })
})

it('calls functions of the application', async () => {
  const own = await SqlEngine.create({
    log: await Log.memory(),
    functions: (registry) =>
      registry.scalar({
        name: 'shout',
        variants: [
          { parameters: 'STRING text', returns: 'STRING', fn: (text: string) => `${text.toUpperCase()}!` },
        ],
      }),
  })
  await own.execute(`CREATE STREAM one (a INT) WITH (KAFKA_TOPIC = 'one', VALUE_FORMAT = 'JSON', PARTITIONS = 1);
    INSERT INTO one VALUES (1);`)
  const [found] = await own.pull<{ SAID: string }>(sql`SELECT SHOUT(${'hey'}) AS said FROM one;`)
  expect(found!.row.SAID).toBe('HEY!')
  await own.close()
  await own.log.close()
})
