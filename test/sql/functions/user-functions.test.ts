import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from 'vitest'
import { Log } from '../../../src/log/index.js'
import { type FunctionRegistry, SqlEngine, type SqlTypeValue } from '../../../src/sql/index.js'

let log: Log
let engine: SqlEngine

/** What an application adds. */
function addFunctions(functions: FunctionRegistry): void {
  functions
    .scalar({
      name: 'repeat',
      description: 'A text, several times',
      args: ['STRING text', 'INT times'],
      returns: 'STRING',
      fn: (text, times) => {
        expectTypeOf(text).toEqualTypeOf<string>()
        expectTypeOf(times).toEqualTypeOf<number>()
        return text.repeat(times)
      },
    })
    .scalar({
      name: 'count_nulls',
      args: ['ANY... values'],
      returns: 'INT',
      nulls: 'handled',
      fn: (...values) => values.filter((value) => value === null).length,
    })
    .scalar({
      name: 'last_of',
      args: ['ARRAY<T> list'],
      returns: 'T',
      fn: (list) => list.at(-1),
    })
    .scalar({
      name: 'count_if',
      args: ['ARRAY<T> list', 'LAMBDA<T, BOOLEAN> test'],
      returns: 'INT',
      fn: (list, test) => {
        expectTypeOf(test).returns.toEqualTypeOf<boolean | null>()
        return list.filter((item) => test(item) === true).length
      },
    })
    .scalar({
      name: 'moved',
      args: ['STRUCT<X INT, Y INT> point', 'INT by'],
      returns: 'STRUCT<X INT, Y INT>',
      fn: (point, by) => {
        expectTypeOf(point.X).toEqualTypeOf<number | null>()
        return { X: point.X! + by, Y: point.Y }
      },
    })
    .scalar({
      name: 'priced',
      args: ['STRING text'],
      returns: 'DECIMAL(6, 2)',
      fn: (text) => text.slice(1),
    })
    .scalar({ name: 'broken', args: ['INT n'], returns: 'INT', fn: () => 'x' as unknown as number })
    .scalar({
      name: 'picky',
      args: ['INT n'],
      returns: 'INT',
      fn: (n) => {
        if (n > 5) throw new Error(`${n} is too much`)
        return n
      },
    })
    .table({
      name: 'letters',
      args: ['STRING text'],
      returns: 'STRING',
      *fn(text) {
        expectTypeOf(text).toEqualTypeOf<string>()
        yield* text
      },
    })
    .aggregate({
      name: 'spread',
      args: ['DOUBLE value'],
      state: 'STRUCT<LOW DOUBLE, HIGH DOUBLE>',
      returns: 'DOUBLE',
      initialize: () => ({ LOW: null, HIGH: null }),
      aggregate: (state, value) => {
        expectTypeOf(state.LOW).toEqualTypeOf<number | null>()
        return { LOW: Math.min(state.LOW ?? value, value), HIGH: Math.max(state.HIGH ?? value, value) }
      },
      map: ({ LOW, HIGH }) => (LOW === null || HIGH === null ? null : HIGH - LOW),
    })
    .aggregate({
      name: 'total',
      args: ['BIGINT value'],
      returns: 'BIGINT',
      initialize: () => 0,
      aggregate: (sum, value) => BigInt(sum) + BigInt(value),
      undo: (sum, value) => BigInt(sum) - BigInt(value),
    })
}

beforeEach(async () => {
  log = Log.memory()
  engine = await SqlEngine.create({ log, functions: addFunctions })
  await engine.execute(`
    CREATE STREAM s (k STRING KEY, n INT, x DOUBLE, word STRING, items ARRAY<INT>, point STRUCT<x INT, y INT>)
      WITH (KAFKA_TOPIC = 's', VALUE_FORMAT = 'JSON', PARTITIONS = 1);
    INSERT INTO s VALUES ('a', 3, 1.5e0, 'ab', ARRAY[1, 2, 3], STRUCT(x := 1, y := 2));
    INSERT INTO s VALUES ('a', 9, 4e0, '$7.5', ARRAY[7], STRUCT(x := 5, y := 6));`)
})

afterEach(async () => {
  await engine.close()
  await log.close()
})

async function rows(sql: string): Promise<unknown[][]> {
  return (await engine.pull(sql)).map((row) => [...row.columns])
}

async function logged(): Promise<unknown[]> {
  await engine.processingLog.flush()
  return (await rows('SELECT reason FROM KSQL_PROCESSING_LOG;')).flat()
}

describe('a scalar function of an application', () => {
  it('is called with the values of its arguments', async () => {
    expect(await rows('SELECT REPEAT(word, n) FROM s LIMIT 1;')).toEqual([['ababab']])
  })

  it('is not called with nulls, unless it says so', async () => {
    expect(
      await rows('SELECT REPEAT(NULL, n), COUNT_NULLS(1, NULL, word, NULL), COUNT_NULLS() FROM s LIMIT 1;'),
    ).toEqual([[null, 2, 0]])
  })

  it('takes generic arguments and lambdas', async () => {
    expect(await rows('SELECT LAST_OF(items), COUNT_IF(items, x => x > 1) FROM s;')).toEqual([
      [3, 2],
      [7, 1],
    ])
  })

  it('gets structs as objects and gives them back as such', async () => {
    expect(await rows('SELECT MOVED(point, 10)->x, MOVED(point, 10)->y FROM s LIMIT 1;')).toEqual([[11, 2]])
  })

  it('may give decimals as text', async () => {
    expect(String((await rows('SELECT PRICED(word) FROM s;'))[1])).toBe('7.5')
  })

  it('that throws, or gives what it must not, makes null and is logged', async () => {
    expect(await rows('SELECT PICKY(n), BROKEN(n) FROM s;')).toEqual([
      [3, null],
      [null, null],
    ])
    expect(await logged()).toEqual([
      'the result of broken is to be INTEGER, found the text "x"',
      '9 is too much',
      'the result of broken is to be INTEGER, found the text "x"',
    ])
  })

  it('is refused with its alternatives for other arguments', async () => {
    await expect(engine.pull('SELECT REPEAT(n, word) FROM s;')).rejects.toThrow(
      "Function 'repeat' does not accept parameters (INTEGER, STRING).",
    )
  })

  it('is shown with the others', async () => {
    const [list] = await engine.execute('SHOW FUNCTIONS;')
    expect(list).toMatchObject({
      rows: expect.arrayContaining([['REPEAT', 'SCALAR', 'A text, several times']]),
    })
    const [one] = await engine.execute('DESCRIBE FUNCTION repeat;')
    expect(one).toMatchObject({ rows: [['REPEAT(VARCHAR text, INT times)', 'VARCHAR']] })
  })
})

it('a table function of an application makes rows', async () => {
  await engine.execute('CREATE STREAM letters AS SELECT k, LETTERS(word) AS letter FROM s;')
  await engine.caughtUp()
  expect((await rows('SELECT letter FROM letters;')).flat().join('')).toBe('ab$7.5')
})

describe('an aggregate function of an application', () => {
  it('keeps its state over restarts', async () => {
    await engine.execute(
      'CREATE TABLE t AS SELECT k, SPREAD(x) AS s, TOTAL(CAST(n AS BIGINT)) AS n FROM s GROUP BY k;',
    )
    await engine.caughtUp()
    expect(await rows('SELECT s, n FROM t;')).toEqual([[2.5, 12]])
    await engine.close()
    engine = await SqlEngine.create({ log, functions: addFunctions })
    await engine.execute(`INSERT INTO s (k, n, x) VALUES ('a', 1, 10e0);`)
    expect(await rows('SELECT s, n FROM t;')).toEqual([[8.5, 13]])
  })

  it('can be used on tables when it can take rows back', async () => {
    await engine.execute(`
      CREATE TABLE people (id INT PRIMARY KEY, city STRING, age INT) WITH (KAFKA_TOPIC = 'people', VALUE_FORMAT = 'JSON', PARTITIONS = 1);
      CREATE TABLE cities AS SELECT city, TOTAL(CAST(age AS BIGINT)) AS age FROM people GROUP BY city;
      INSERT INTO people VALUES (1, 'Rome', 30);
      INSERT INTO people VALUES (1, 'Rome', 31);`)
    expect(await rows('SELECT age FROM cities;')).toEqual([[31]])
    await expect(
      engine.execute(
        'CREATE TABLE spreads AS SELECT city, SPREAD(CAST(age AS DOUBLE)) AS s FROM people GROUP BY city;',
      ),
    ).rejects.toThrow('cannot be applied to a table source')
  })

  it('says that it cannot merge sessions where it cannot', async () => {
    await engine.execute(
      'CREATE TABLE visits AS SELECT k, TOTAL(CAST(n AS BIGINT)) AS n FROM s WINDOW SESSION (1 HOUR) GROUP BY k;',
    )
    await expect(engine.caughtUp()).rejects.toThrow()
    expect(String(await logged())).toContain("Function 'total' has no merge")
  })
})

describe('a signature that makes no sense', () => {
  it.each([
    [['STRNG text'], 'STRING', 'unknown type STRNG'],
    [['STRING?'], 'STRING', '? is not understood'],
    [['ARRAY<STRING'], 'STRING', '> expected'],
    [['STRING'], 'STRING, INT', 'is more than a type'],
  ])('%s → %s is refused', (args, returns, reason) => {
    const add = () => engine.functions.scalar({ name: 'f', args, returns, fn: () => null })
    expect(add).toThrow(`Function 'f': `)
    expect(add).toThrow(reason)
  })
})

it('TypeScript knows the values of SQL’s types', () => {
  expectTypeOf<SqlTypeValue<'MAP<STRING, ARRAY<INT>>'>>().toEqualTypeOf<
    ReadonlyMap<string, readonly (number | null)[] | null>
  >()
  type Inner = NonNullable<SqlTypeValue<'STRUCT<A INT, B STRUCT<C STRING, D DECIMAL(3, 1)>>'>['B']>
  expectTypeOf<Inner['C']>().toEqualTypeOf<string | null>()
  expectTypeOf<SqlTypeValue<'T'>>().toBeUnknown()
})
