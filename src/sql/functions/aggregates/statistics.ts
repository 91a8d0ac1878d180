import type { Bigint } from '../../expression/arithmetic.js'
import { type SqlType, SqlTypes } from '../../types.js'
import type { AggregateDefinition, AggregateFunction } from '../registry.js'
import { type Adder, bigintAdder, doubleAdder, integerAdder } from './sums.js'

type Spread = readonly [sum: Bigint, count: number, m2: number]

/**
 * STRUCT<SUM, COUNT, M2>, where M2 is the sum of squared distances from the mean, kept up with Welford's formula
 * so that rows can be taken back.
 */
function spread(adder: Adder, result: (variance: number) => number): AggregateFunction {
  const { type, add, subtract, zero } = adder
  const sumOf = (operation: Adder['add'], a: Bigint, b: unknown): Bigint =>
    operation(a as never, b as never) as Bigint
  /** Count times the distance of the value from the mean; the order of the operations decides the last digit. */
  const delta = ([sum, count]: Spread, value: number): number => value * (count + 1) - (Number(sum) + value)
  return {
    aggregateType: SqlTypes.struct([
      { name: 'SUM', type },
      { name: 'COUNT', type: SqlTypes.BIGINT },
      { name: 'M2', type: SqlTypes.DOUBLE },
    ]),
    returnType: SqlTypes.DOUBLE,
    initialize: () => [zero, 0, 0],
    aggregate(state, value) {
      if (value === null) return state
      const before = state as Spread
      const count = before[1] + 1
      const distance = delta(before, Number(value))
      const added = count > 1 ? (distance * distance) / (count * (count - 1)) : 0
      return [sumOf(add, before[0], value), count, before[2] + added]
    },
    undo(state, value) {
      if (value === null) return state
      const before = state as Spread
      const count = before[1] - 1
      const distance = delta(before, Number(value))
      const removed = count > 0 ? (distance * distance) / (count * (count + 1)) : 0
      return [sumOf(subtract, before[0], value), count, before[2] - removed]
    },
    merge(a, b) {
      const [sum1, count1, m1] = a as Spread
      const [sum2, count2, m2] = b as Spread
      const both = count1 > 0 && count2 > 0
      const distance = both ? Number(sum1) / count1 - Number(sum2) / count2 : 0
      const between = both ? (count1 * count2 * distance * distance) / (count1 + count2) : 0
      return [sumOf(add, sum1, sum2), count1 + count2, m1 + m2 + between]
    },
    map(state) {
      const [, count, m2] = state as Spread
      return count < 2 ? 0 : result(m2 / (count - 1))
    },
  }
}

function spreadDefinition(
  name: string,
  description: string,
  result: (variance: number) => number,
): AggregateDefinition {
  const adders = [
    ['INT', integerAdder],
    ['BIGINT', bigintAdder],
    ['DOUBLE', doubleAdder],
  ] as const
  return {
    name,
    description,
    variants: adders.map(([type, adder]) => ({
      parameters: `${type} val`,
      create: () => spread(adder, result),
    })),
  }
}

type Pairs = readonly [x: number, y: number, xx: number, yy: number, xy: number, count: number]

const pairFields = ['X_SUM', 'Y_SUM', 'X_SQUARED_SUM', 'Y_SQUARED_SUM', 'XY_SUM']

const pairsType: SqlType = SqlTypes.struct([
  ...pairFields.map((name) => ({ name, type: SqlTypes.DOUBLE })),
  { name: 'COUNT', type: SqlTypes.BIGINT },
])

/** Pearson's coefficient; a pair with a null is skipped. */
function correlation(): AggregateFunction {
  const change = (state: unknown, a: unknown, b: unknown, sign: 1 | -1): unknown => {
    if (a === null || b === null) return state
    const [x, y] = [Number(a), Number(b)]
    const moved = [x, y, x * x, y * y, x * y, 1]
    return (state as Pairs).map((sum, i) => sum + moved[i]! * sign)
  }
  return {
    aggregateType: pairsType,
    returnType: SqlTypes.DOUBLE,
    initialize: () => [0, 0, 0, 0, 0, 0],
    aggregate: (state, x, y) => change(state, x, y, 1),
    undo: (state, x, y) => change(state, x, y, -1),
    merge: (a, b) => (a as Pairs).map((sum, i) => sum + (b as Pairs)[i]!),
    map(state) {
      const [x, y, xx, yy, xy, count] = state as Pairs
      return (count * xy - x * y) / Math.sqrt((count * xx - x * x) * (count * yy - y * y))
    },
  }
}

export const statisticsAggregates: readonly AggregateDefinition[] = [
  spreadDefinition('STDDEV_SAMP', 'Sample variance (the name is historical).', (variance) => variance),
  spreadDefinition('STDDEV_SAMPLE', 'Sample standard deviation.', Math.sqrt),
  {
    name: 'CORRELATION',
    description: "Pearson's correlation of two columns.",
    variants: ['INT', 'BIGINT', 'DOUBLE'].map((type) => ({
      parameters: `${type} x, ${type} y`,
      create: correlation,
    })),
  },
]
