import type { Decimal } from 'decimal.js'
import { addBigint, type Bigint, subtractBigint } from '../../expression/arithmetic.js'
import { requireFit, SqlDecimal } from '../../expression/decimal.js'
import { type SqlType, SqlTypes } from '../../types.js'
import { stateIsResult } from '../definitions.js'
import type { AggregateDefinition, AggregateFunction, AggregateVariant } from '../registry.js'

/** Addition and subtraction of one numeric type. */
export interface Adder {
  readonly type: SqlType
  readonly zero: unknown
  readonly add: (a: never, b: never) => unknown
  readonly subtract: (a: never, b: never) => unknown
}

export const integerAdder: Adder = {
  type: SqlTypes.INTEGER,
  zero: 0,
  add: (a: number, b: number) => (a + b) | 0,
  subtract: (a: number, b: number) => (a - b) | 0,
}

export const bigintAdder: Adder = {
  type: SqlTypes.BIGINT,
  zero: 0,
  add: addBigint,
  subtract: subtractBigint,
}

export const doubleAdder: Adder = {
  type: SqlTypes.DOUBLE,
  zero: 0,
  add: (a: number, b: number) => a + b,
  subtract: (a: number, b: number) => a - b,
}

/** @throws RangeError `Numeric field overflow…` from `add` when the sum does not fit the type */
function decimalAdder(type: SqlType): Adder {
  const { precision, scale } = type.kind === 'DECIMAL' ? type : { precision: 1, scale: 0 }
  return {
    type,
    zero: new SqlDecimal(0),
    add(a: Decimal, b: Decimal) {
      const sum = new SqlDecimal(a).plus(b)
      requireFit(sum, precision, scale)
      return sum
    },
    subtract: (a: Decimal, b: Decimal) => new SqlDecimal(a).minus(b),
  }
}

/** Nulls are skipped; the state is the sum. */
function sum({ type, zero, add, subtract }: Adder): AggregateFunction {
  return {
    aggregateType: type,
    returnType: type,
    initialize: () => zero,
    aggregate: (state, value) => (value === null ? state : add(state as never, value as never)),
    merge: (a, b) => add(a as never, b as never),
    map: stateIsResult,
    undo: (state, value) => (value === null ? state : subtract(state as never, value as never)),
  }
}

function sumList(adder: Adder): AggregateFunction {
  const each =
    (operation: Adder['add']) =>
    (state: unknown, list: unknown): unknown =>
      (list as unknown[] | null)?.reduce(
        (total, item) => (item === null ? total : operation(total as never, item as never)),
        state,
      ) ?? state
  return { ...sum(adder), aggregate: each(adder.add), undo: each(adder.subtract) }
}

/** STRUCT<SUM, COUNT>; no rows give 0.0. An INT sum wraps at 32 bits. */
function average(adder: Adder): AggregateFunction {
  type State = readonly [sum: unknown, count: number]
  const change =
    (operation: Adder['add'], by: number) =>
    (state: unknown, value: unknown): unknown => {
      if (value === null) return state
      const [total, count] = state as State
      return [operation(total as never, value as never), count + by]
    }
  return {
    aggregateType: SqlTypes.struct([
      { name: 'SUM', type: adder.type },
      { name: 'COUNT', type: SqlTypes.BIGINT },
    ]),
    returnType: SqlTypes.DOUBLE,
    initialize: () => [adder.zero, 0],
    aggregate: change(adder.add, 1),
    undo: change(adder.subtract, -1),
    merge(a, b) {
      const [first, second] = [a as State, b as State]
      return [adder.add(first[0] as never, second[0] as never), first[1] + second[1]]
    },
    map(state) {
      const [total, count] = state as State
      return count === 0 ? 0 : Number(total) / count
    },
  }
}

const adders: readonly (readonly [string, Adder])[] = [
  ['INT', integerAdder],
  ['BIGINT', bigintAdder],
  ['DOUBLE', doubleAdder],
]

function variants(
  parameter: (type: string) => string,
  make: (adder: Adder) => AggregateFunction,
): AggregateVariant[] {
  return adders.map(([type, adder]) => ({ parameters: parameter(type), create: () => make(adder) }))
}

const count: AggregateFunction = {
  aggregateType: SqlTypes.BIGINT,
  returnType: SqlTypes.BIGINT,
  initialize: () => 0,
  // Without arguments, as COUNT(*), every row counts.
  aggregate: (state, value) => (value === null ? state : addBigint(state as Bigint, 1)),
  undo: (state, value) => (value === null ? state : subtractBigint(state as Bigint, 1)),
  merge: (a, b) => addBigint(a as Bigint, b as Bigint),
  map: stateIsResult,
}

export const sumAggregates: readonly AggregateDefinition[] = [
  {
    name: 'COUNT',
    description: 'Counts rows, or values that are not null.',
    variants: [
      { parameters: '', create: () => count },
      { parameters: 'T val', create: () => count },
    ],
  },
  {
    name: 'SUM',
    description: 'Sum of the values that are not null.',
    variants: [
      ...variants((type) => `${type} val`, sum),
      { parameters: 'DECIMAL val', create: ({ argumentTypes }) => sum(decimalAdder(argumentTypes[0]!)) },
    ],
  },
  {
    name: 'SUM_LIST',
    description: 'Sum of the elements of arrays.',
    variants: variants((type) => `ARRAY<${type}> val`, sumList),
  },
  { name: 'AVG', description: 'Mean of the values.', variants: variants((type) => `${type} val`, average) },
]
