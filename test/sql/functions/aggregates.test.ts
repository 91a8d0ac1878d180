import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ManualClock, seededRandom } from '../../../src/common/index.js'
import { SqlDecimal } from '../../../src/sql/expression/decimal.js'
import { createFunctionRegistry } from '../../../src/sql/functions/built-in.js'
import type { AggregateFunction } from '../../../src/sql/functions/registry.js'
import { formatType, type SqlType, SqlTypes } from '../../../src/sql/types.js'

const { BIGINT, BYTES, DOUBLE, INTEGER, STRING } = SqlTypes

function aggregate(
  name: string,
  types: readonly SqlType[],
  constants: readonly unknown[] = [],
  settings: Readonly<Record<string, string>> = {},
): AggregateFunction {
  const registry = createFunctionRegistry({
    clock: new ManualClock(),
    random: seededRandom(1),
    config: (setting) => settings[setting],
  })
  const constantTypes = constants.map((c) => (typeof c === 'boolean' ? SqlTypes.BOOLEAN : INTEGER))
  const args = [...types, ...constantTypes].map((type) => ({ kind: 'type' as const, type }))
  const resolved = registry.resolveAggregate(name, args)
  expect(resolved.columnCount).toBe(types.length)
  return resolved.instantiate(constants, registry.environment)
}

function stateOf(fn: AggregateFunction, rows: readonly (readonly unknown[])[]): unknown {
  return rows.reduce<unknown>((state, row) => fn.aggregate(state, ...row), fn.initialize())
}

function resultOf(fn: AggregateFunction, values: readonly unknown[]): unknown {
  return fn.map(
    stateOf(
      fn,
      values.map((value) => [value]),
    ),
  )
}

const decimal = (text: string): InstanceType<typeof SqlDecimal> => new SqlDecimal(text)

describe('sums', () => {
  test('COUNT counts rows without an argument, and values that are not null with one', () => {
    expect(aggregate('COUNT', []).map(stateOf(aggregate('COUNT', []), [[], []]))).toBe(2)
    expect(resultOf(aggregate('COUNT', [STRING]), ['a', null, 'b'])).toBe(2)
  })

  test('SUM skips nulls and starts at zero', () => {
    expect(resultOf(aggregate('SUM', [INTEGER]), [])).toBe(0)
    expect(resultOf(aggregate('SUM', [DOUBLE]), [1.5, null, 2])).toBe(3.5)
  })

  test('SUM wraps at the width of its type', () => {
    expect(resultOf(aggregate('SUM', [INTEGER]), [2147483647, 1])).toBe(-2147483648)
    expect(resultOf(aggregate('SUM', [BIGINT]), [2n ** 63n - 1n, 1])).toBe(-(2n ** 63n))
    expect(resultOf(aggregate('SUM', [BIGINT]), [Number.MAX_SAFE_INTEGER, 1])).toBe(2n ** 53n)
  })

  test('SUM of decimals refuses what the type cannot hold', () => {
    const sum = aggregate('SUM', [SqlTypes.decimal(3, 1)])
    expect(resultOf(sum, [decimal('99.9'), null])).toEqual(decimal('99.9'))
    expect(() => resultOf(sum, [decimal('99.9'), decimal('0.1')])).toThrow('Numeric field overflow')
  })

  test('SUM_LIST adds elements', () => {
    expect(resultOf(aggregate('SUM_LIST', [SqlTypes.array(BIGINT)]), [[1, null, 2], null, [], [4]])).toBe(7)
  })

  test('AVG is 0.0 without rows, and sums INT in 32 bits', () => {
    expect(resultOf(aggregate('AVG', [INTEGER]), [null])).toBe(0)
    expect(resultOf(aggregate('AVG', [INTEGER]), [1, 2])).toBe(1.5)
    expect(resultOf(aggregate('AVG', [INTEGER]), [2147483647, 2147483647])).toBe(-1)
    expect(resultOf(aggregate('AVG', [BIGINT]), [2147483647, 2147483647])).toBe(2147483647)
  })
})

describe('statistics', () => {
  test('STDDEV_SAMP is the variance, STDDEV_SAMPLE its root', () => {
    expect(resultOf(aggregate('STDDEV_SAMP', [INTEGER]), [0, 10])).toBe(50)
    expect(resultOf(aggregate('STDDEV_SAMPLE', [DOUBLE]), [0, 10])).toBe(Math.sqrt(50))
    expect(resultOf(aggregate('STDDEV_SAMP', [INTEGER]), [5, null])).toBe(0)
  })

  test('CORRELATION skips pairs with a null', () => {
    const fn = aggregate('CORRELATION', [DOUBLE, DOUBLE])
    const rows = [
      [1, 2],
      [null, 5],
      [2, 4],
      [3, 6],
      [3, null],
    ]
    expect(fn.map(stateOf(fn, rows))).toBeCloseTo(1, 12)
  })
})

describe('collections', () => {
  test('COLLECT_LIST keeps nulls and order, and takes back the last equal element', () => {
    const fn = aggregate('COLLECT_LIST', [STRING])
    const state = stateOf(fn, [['a'], [null], ['b'], ['a']])
    expect(fn.map(state)).toEqual(['a', null, 'b', 'a'])
    expect(fn.undo?.(state, 'a')).toEqual(['a', null, 'b'])
    expect(fn.undo?.(state, 'z')).toEqual(['a', null, 'b', 'a'])
  })

  test('COLLECT_SET keeps the first of equal values', () => {
    expect(resultOf(aggregate('COLLECT_SET', [STRING]), ['b', null, 'a', 'b', null])).toEqual([
      'b',
      null,
      'a',
    ])
  })

  test('the limit settings cut the lists', () => {
    const settings = { 'ksql.functions.collect_list.limit': '2', 'ksql.functions.collect_set.limit': '1' }
    expect(resultOf(aggregate('COLLECT_LIST', [INTEGER], [], settings), [1, 2, 3])).toEqual([1, 2])
    const set = aggregate('COLLECT_SET', [INTEGER], [], settings)
    expect(resultOf(set, [1, 1, 2])).toEqual([1])
    expect(set.merge([1], [2])).toEqual([1])
  })

  test('HISTOGRAM stops at 1000 keys but goes on counting them', () => {
    const values = Array.from({ length: 1001 }, (_, i) => `k${i}`)
    const counts = resultOf(aggregate('HISTOGRAM', [STRING]), [...values, 'k0', 'k1000']) as Map<
      string,
      number
    >
    expect(counts.size).toBe(1000)
    expect(counts.get('k0')).toBe(2)
    expect(counts.has('k1000')).toBe(false)
  })

  test('ATTR is the value while there is just one', () => {
    const fn = aggregate('ATTR', [STRING])
    const both = stateOf(fn, [['a'], ['b'], ['a']])
    expect(fn.map(both)).toBeNull()
    expect(fn.map(fn.undo?.(both, 'b'))).toBe('a')
    expect(resultOf(fn, [null, null])).toBeNull()
  })
})

describe('extremes', () => {
  test('MIN and MAX skip nulls', () => {
    expect(resultOf(aggregate('MIN', [INTEGER]), [null, 3, 1, 2])).toBe(1)
    expect(resultOf(aggregate('MAX', [STRING]), ['a', null, 'b'])).toBe('b')
    expect(resultOf(aggregate('MAX', [BIGINT]), [])).toBeNull()
    expect(resultOf(aggregate('MAX', [SqlTypes.decimal(4, 2)]), [decimal('1.5'), decimal('10')])).toEqual(
      decimal('10'),
    )
    expect(resultOf(aggregate('MIN', [BYTES]), [Uint8Array.of(200), Uint8Array.of(3, 1)])).toEqual(
      Uint8Array.of(3, 1),
    )
  })

  test('TOPK keeps the largest, TOPKDISTINCT each once', () => {
    expect(resultOf(aggregate('TOPK', [INTEGER], [3]), [1, 5, null, 5, 4, 2])).toEqual([5, 5, 4])
    expect(resultOf(aggregate('TOPKDISTINCT', [INTEGER], [3]), [1, 5, null, 5, 4, 2])).toEqual([5, 4, 2])
  })

  test('TOPK with more columns keeps rows', () => {
    const fn = aggregate('TOPK', [BIGINT, STRING], [2])
    expect(formatType(fn.returnType)).toBe('ARRAY<STRUCT<`sort_col` BIGINT, `col0` STRING>>')
    const rows = [
      [1, 'a'],
      [3, null],
      [2, 'c'],
    ]
    expect(fn.map(stateOf(fn, rows))).toEqual([
      [3, null],
      [2, 'c'],
    ])
  })
})

describe('values by offset', () => {
  test('nulls are ignored unless asked for', () => {
    expect(resultOf(aggregate('EARLIEST_BY_OFFSET', [INTEGER]), [null, 1, 2])).toBe(1)
    expect(resultOf(aggregate('EARLIEST_BY_OFFSET', [INTEGER], [false]), [null, 1, 2])).toBeNull()
    expect(resultOf(aggregate('LATEST_BY_OFFSET', [INTEGER]), [1, 2, null])).toBe(2)
    expect(resultOf(aggregate('LATEST_BY_OFFSET', [INTEGER], [false]), [1, 2, null])).toBeNull()
  })

  test('n values in order of arrival', () => {
    expect(resultOf(aggregate('EARLIEST_BY_OFFSET', [INTEGER], [2]), [1, null, 2, 3])).toEqual([1, 2])
    expect(resultOf(aggregate('LATEST_BY_OFFSET', [INTEGER], [2]), [1, 2, null, 3])).toEqual([2, 3])
    expect(resultOf(aggregate('LATEST_BY_OFFSET', [INTEGER], [2, false]), [1, 2, null])).toEqual([2, null])
    expect(() => aggregate('LATEST_BY_OFFSET', [INTEGER], [0])).toThrow('latestN must be 1 or greater')
  })

  test('merging goes by arrival, not by the order of the sessions', () => {
    const latest = aggregate('LATEST_BY_OFFSET', [STRING])
    const first = stateOf(latest, [['first']])
    const second = stateOf(latest, [['second']])
    expect(latest.map(latest.merge(second, first))).toBe('second')
    const earliest = aggregate('EARLIEST_BY_OFFSET', [STRING])
    const [one, two] = [stateOf(earliest, [['one']]), stateOf(earliest, [['two']])]
    expect(earliest.map(earliest.merge(two, one))).toBe('one')
  })

  test('arrivals after a restart come after those in a restored state', () => {
    const before = aggregate('LATEST_BY_OFFSET', [INTEGER], [2])
    const restored = stateOf(before, [[1], [2]])
    const after = aggregate('LATEST_BY_OFFSET', [INTEGER], [2])
    const continued = after.aggregate(restored, 3)
    expect(after.map(after.merge(continued, []))).toEqual([2, 3])
  })
})

describe('COUNT_DISTINCT', () => {
  const fn = aggregate('COUNT_DISTINCT', [STRING])

  test('is exact for small sets, whatever the order', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.string()), { maxLength: 200 }), (values) => {
        expect(resultOf(fn, values)).toBe(new Set(values.filter((v) => v !== null)).size)
      }),
      { numRuns: 50 },
    )
  })

  test('is within three percent for large ones', () => {
    let state = fn.initialize()
    for (let i = 0; i < 20_000; i++) state = fn.aggregate(state, `value ${i % 10_000}`)
    expect(Number(fn.map(state)) / 10_000).toBeGreaterThan(0.97)
    expect(Number(fn.map(state)) / 10_000).toBeLessThan(1.03)
  })

  test('merging equals adding everything to one', () => {
    for (const size of [10, 400, 3000]) {
      const values = Array.from({ length: size }, (_, i) => [`v${i}`])
      const halves = [values.slice(0, size * 0.6), values.slice(size * 0.4)].map((rows) => stateOf(fn, rows))
      expect(fn.map(fn.merge(halves[0], halves[1]))).toBe(fn.map(stateOf(fn, values)))
    }
  })
})

describe('every aggregate', () => {
  const small = fc.integer({ min: -99, max: 99 })
  const made: readonly (readonly [string, AggregateFunction, fc.Arbitrary<unknown[]>])[] = [
    ['COUNT', aggregate('COUNT', [INTEGER]), fc.tuple(fc.option(fc.integer()))],
    ['SUM', aggregate('SUM', [INTEGER]), fc.tuple(fc.option(fc.integer()))],
    ['AVG', aggregate('AVG', [BIGINT]), fc.tuple(fc.option(fc.integer()))],
    ['STDDEV_SAMP', aggregate('STDDEV_SAMP', [INTEGER]), fc.tuple(fc.option(small))],
    ['CORRELATION', aggregate('CORRELATION', [INTEGER, INTEGER]), fc.tuple(small, small)],
    [
      'COLLECT_LIST',
      aggregate('COLLECT_LIST', [INTEGER]),
      fc.tuple(fc.option(fc.integer({ min: 0, max: 5 }))),
    ],
    ['COLLECT_SET', aggregate('COLLECT_SET', [INTEGER]), fc.tuple(fc.option(fc.integer({ min: 0, max: 5 })))],
    ['HISTOGRAM', aggregate('HISTOGRAM', [STRING]), fc.tuple(fc.constantFrom('a', 'b', 'c'))],
    ['ATTR', aggregate('ATTR', [STRING]), fc.tuple(fc.constantFrom('a', 'b', null))],
    ['MIN', aggregate('MIN', [INTEGER]), fc.tuple(fc.option(fc.integer()))],
    ['TOPK', aggregate('TOPK', [INTEGER], [3]), fc.tuple(fc.option(fc.integer()))],
    [
      'TOPKDISTINCT',
      aggregate('TOPKDISTINCT', [INTEGER], [3]),
      fc.tuple(fc.option(fc.integer({ min: 0, max: 5 }))),
    ],
    ['LATEST_BY_OFFSET', aggregate('LATEST_BY_OFFSET', [INTEGER], [2]), fc.tuple(fc.option(fc.integer()))],
    ['COUNT_DISTINCT', aggregate('COUNT_DISTINCT', [INTEGER]), fc.tuple(fc.integer())],
  ]

  const frozen = (value: unknown): unknown => structuredClone(value)

  test.each(made)('%s leaves the states it is given as they were', (_, fn, row) => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 12 }), row, (rows, last) => {
        const state = stateOf(fn, rows)
        const other = stateOf(fn, [last])
        const before = frozen([state, other])
        fn.aggregate(state, ...last)
        fn.merge(state, other)
        fn.undo?.(state, ...(rows[0] ?? last))
        fn.map(state)
        expect([state, other]).toEqual(before)
      }),
      { numRuns: 30 },
    )
  })

  test.each(made.filter(([, fn]) => fn.undo !== undefined))(
    '%s: undo takes back what aggregate added',
    (_, fn, row) => {
      fc.assert(
        fc.property(fc.array(row, { maxLength: 8 }), row, (rows, last) => {
          const before = fn.map(stateOf(fn, rows))
          const after = fn.map(fn.undo!(fn.aggregate(stateOf(fn, rows), ...last), ...last))
          if (typeof before === 'number' && typeof after === 'number' && !Number.isNaN(before))
            expect(after).toBeCloseTo(before, 6)
          else expect(after).toEqual(before)
        }),
        { numRuns: 50 },
      )
    },
  )
})
