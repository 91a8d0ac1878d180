import { Decimal } from 'decimal.js'
import type { AggregateFunction, FunctionRegistry } from '../../../src/sql/functions/registry.js'
import { type SqlType, SqlTypes } from '../../../src/sql/types.js'

/* The functions that the cases use and the product does not have (README section 11). */

const { INTEGER, BIGINT, STRING } = SqlTypes

type Struct = readonly unknown[]
type Numeric = number | bigint

export function registerTestFunctions(registry: FunctionRegistry): FunctionRegistry {
  scalars(registry)
  tableFunctions(registry)
  aggregates(registry)
  return registry
}

function scalars(registry: FunctionRegistry): void {
  registry.scalar({
    name: 'TEST_UDF',
    variants: [
      { parameters: 'INT, STRING', returns: 'STRING', nulls: 'handled', fn: () => 'doStuffIntString' },
      { parameters: 'BIGINT, STRING', returns: 'STRING', nulls: 'handled', fn: () => 'doStuffLongString' },
      {
        parameters: 'BIGINT, BIGINT, STRING',
        returns: 'STRING',
        nulls: 'handled',
        fn: () => 'doStuffLongLongString',
      },
      { parameters: 'BIGINT...', returns: 'STRING', nulls: 'handled', fn: () => 'doStuffLongVarargs' },
      { parameters: 'STRUCT<A STRING>', returns: 'STRING', fn: (struct: Struct) => struct[0] },
      { parameters: '', returns: 'STRUCT<A STRING>', fn: () => ['foo'] },
    ],
  })
  registry.scalar({
    name: 'BAD_UDF',
    deterministic: false,
    variants: [
      {
        parameters: 'INT',
        returns: 'STRING',
        fn: () => {
          throw new Error('boom!')
        },
      },
      {
        parameters: 'BOOLEAN',
        returns: 'INT',
        fn: (shouldThrow: boolean) => {
          if (shouldThrow) throw new Error('You asked me to throw...')
          return 0
        },
      },
      {
        parameters: 'STRING',
        returns: 'STRING',
        create: () => {
          let calls = 0
          return (value: string) => (calls++ % 2 === 0 ? null : value)
        },
      },
    ],
  })
  const unlessRun = <T>(value: T, shouldRun: boolean): T => {
    if (!shouldRun) throw new Error('this branch must not be evaluated')
    return value
  }
  registry.scalar({
    name: 'WHENCONDITION',
    variants: [{ parameters: 'BOOLEAN, BOOLEAN', returns: 'BOOLEAN', fn: unlessRun<boolean> }],
  })
  registry.scalar({
    name: 'WHENRESULT',
    variants: [{ parameters: 'INT, BOOLEAN', returns: 'INT', fn: unlessRun<number> }],
  })
  registry.scalar({
    name: 'TOSTRUCT',
    variants: [{ parameters: 'STRING', returns: 'STRUCT<A STRING>', fn: (a: string) => [a] }],
  })
  registry.scalar({
    name: 'TOSTRING',
    variants: [
      { parameters: 'STRING', returns: 'STRING', fn: (value: string) => value },
      { parameters: 'MAP<STRING, INT>', returns: 'STRING', fn: (map: Map<string, number>) => javaMap(map) },
      { parameters: 'INT', returns: 'STRING', fn: (value: number) => String(value) },
      { parameters: 'BIGINT', returns: 'STRING', fn: (value: Numeric) => String(value) },
    ],
  })
  registry.scalar({
    name: 'TOLIST',
    variants: [{ parameters: 'STRING', returns: 'ARRAY<STRING>', fn: (v: string) => [v] }],
  })
  registry.scalar({
    name: 'TOMAP',
    variants: [
      { parameters: 'STRING', returns: 'MAP<STRING, STRING>', fn: (v: string) => new Map([[v, v]]) },
    ],
  })
  registry.scalar({
    name: 'MULTIPLY',
    variants: [
      { parameters: 'INT, INT', returns: 'BIGINT', fn: (a: number, b: number) => a * b },
      {
        parameters: 'BIGINT, BIGINT',
        returns: 'BIGINT',
        fn: (a: Numeric, b: Numeric) => narrow(BigInt(a) * BigInt(b)),
      },
      { parameters: 'DOUBLE, DOUBLE', returns: 'DOUBLE', fn: (a: number, b: number) => a * b },
    ],
  })
}

function javaMap(map: ReadonlyMap<string, unknown>): string {
  return `{${[...map].map(([k, v]) => `${k}=${v}`).join(', ')}}`
}

/** Wraps at 64 bits; a number while it is safe. */
function narrow(value: bigint): Numeric {
  const wrapped = BigInt.asIntN(64, value)
  const number = Number(wrapped)
  return Number.isSafeInteger(number) ? number : wrapped
}

/** As Java prints the value of one of the seven column types. */
function javaText(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) return `Struct{A=${value[0]}}`
  return String(value)
}

function javaDouble(value: unknown): string {
  return typeof value === 'number' && Number.isInteger(value) ? `${value}.0` : javaText(value)
}

const SEVEN = ['INT', 'BIGINT', 'DOUBLE', 'BOOLEAN', 'STRING', 'DECIMAL', 'STRUCT<A STRING>'] as const

/** Columns of these tests have ten digits after the point. */
function texts(values: readonly unknown[]): string[] {
  return values.map((value, i) => {
    if (SEVEN[i] === 'DOUBLE') return javaDouble(value)
    return SEVEN[i] === 'DECIMAL' && value instanceof Decimal ? value.toFixed(10) : javaText(value)
  })
}

function tableFunctions(registry: FunctionRegistry): void {
  const firstOf = (lists: readonly (readonly unknown[])[]): string[] => texts(lists.map((l) => l[0]))
  const firstValueOf = (maps: readonly ReadonlyMap<unknown, unknown>[]): string[] =>
    texts(maps.map((m) => m.values().next().value))
  const one = (value: unknown): unknown[] => [value]
  registry.table({
    name: 'TEST_UDTF',
    variants: [
      ...(['INT', 'BIGINT', 'DOUBLE', 'BOOLEAN', 'STRING', 'STRUCT<A STRING>'] as const).map((type) => ({
        parameters: type,
        returns: type,
        fn: one,
      })),
      { parameters: 'DECIMAL', returns: () => SqlTypes.decimal(30, 10), fn: one },
      { parameters: SEVEN.join(', '), returns: 'STRING', fn: (...values: unknown[]) => texts(values) },
      {
        parameters: SEVEN.map((t) => `ARRAY<${t}>`).join(', '),
        returns: 'STRING',
        fn: (...lists: (readonly unknown[])[]) => firstOf(lists),
      },
      ...(['STRING', 'BIGINT'] as const).map((firstKey) => ({
        parameters: SEVEN.map((t, i) => `MAP<${i === 0 ? firstKey : 'STRING'}, ${t}>`).join(', '),
        returns: 'STRING',
        fn: (...maps: ReadonlyMap<unknown, unknown>[]) => firstValueOf(maps),
      })),
    ],
  })
  registry.table({
    name: 'THROWING_UDTF',
    variants: [
      {
        parameters: 'BOOLEAN',
        returns: 'BOOLEAN',
        fn: (shouldThrow: boolean) => {
          if (shouldThrow) throw new Error('You asked me to throw...')
          return [false]
        },
      },
    ],
  })
}

/** A sum over what `amount` makes of a row, from `start`. */
function sumOf(options: {
  returnType: SqlType
  start: Numeric
  amount: (...values: never[]) => Numeric
  map?: (sum: Numeric) => Numeric
  canUndo?: boolean
}): AggregateFunction {
  const { returnType, start, amount } = options
  const isDouble = returnType.kind === 'DOUBLE'
  const add = (a: Numeric, b: Numeric): Numeric =>
    isDouble ? Number(a) + Number(b) : narrow(BigInt(a) + BigInt(b))
  const subtract = (a: Numeric, b: Numeric): Numeric =>
    isDouble ? Number(a) - Number(b) : narrow(BigInt(a) - BigInt(b))
  return {
    aggregateType: returnType,
    returnType,
    initialize: () => start,
    aggregate: (sum, ...values) => add(sum as Numeric, amount(...(values as never[]))),
    merge: (a, b) => add(a as Numeric, b as Numeric),
    map: (sum) => (options.map === undefined ? sum : options.map(sum as Numeric)),
    ...(options.canUndo === true
      ? {
          undo: (sum: unknown, ...values: unknown[]) =>
            subtract(sum as Numeric, amount(...(values as never[]))),
        }
      : {}),
  }
}

const orZero = (value: Numeric | null): Numeric => value ?? 0
const lengths = (values: readonly unknown[]): number =>
  values.reduce<number>((sum, text) => sum + (typeof text === 'string' ? text.length : 0), 0)

function textLengths(value: Numeric | null, ...rest: readonly unknown[]): Numeric {
  const numbers = rest.filter((r): r is number => typeof r === 'number')
  return narrow(BigInt(orZero(value)) + BigInt(lengths(rest)) + BigInt(numbers.reduce((a, b) => a + b, 0)))
}

function aggregates(registry: FunctionRegistry): void {
  const plus = (value: Numeric | null): Numeric => orZero(value)
  const pair = SqlTypes.struct([
    { name: 'A', type: INTEGER },
    { name: 'B', type: INTEGER },
  ])
  const sumPairs = (a: unknown, b: unknown): unknown => {
    const [left, right] = [a as readonly number[], b as readonly (number | null)[] | null]
    return right === null ? left : left.map((n, i) => (n + (right[i] ?? 0)) | 0)
  }
  registry.aggregate({
    name: 'TEST_UDAF',
    variants: [
      {
        parameters: 'BIGINT',
        create: () => sumOf({ returnType: BIGINT, start: 0, amount: plus, canUndo: true }),
      },
      {
        parameters: 'INT',
        create: ({ config }) =>
          sumOf({
            returnType: BIGINT,
            start: Number(config('ksql.functions.test_udaf.init') ?? 0),
            amount: plus,
            canUndo: true,
          }),
      },
      { parameters: 'DOUBLE', create: () => sumOf({ returnType: SqlTypes.DOUBLE, start: 0, amount: plus }) },
      {
        parameters: 'STRING, STRING',
        constants: 1,
        create: ({ constants }) =>
          sumOf({
            returnType: BIGINT,
            start: lengths(constants),
            amount: (...values: unknown[]) => lengths(values),
          }),
      },
      {
        parameters: 'STRUCT<A INT, B INT>',
        create: () => ({
          aggregateType: pair,
          returnType: pair,
          initialize: () => [0, 0],
          aggregate: sumPairs,
          merge: sumPairs,
          map: (state) => state,
        }),
      },
    ],
  })
  registry.aggregate({
    name: 'VAR_ARG',
    variants: [
      {
        parameters: 'BIGINT, STRING...',
        create: () => sumOf({ returnType: BIGINT, start: 0, amount: textLengths }),
      },
    ],
  })
  registry.aggregate({
    name: 'MID_VAR_ARG',
    variants: [
      {
        parameters: 'BIGINT, STRING..., INT, INT',
        constants: 2,
        create: ({ constants: [a, b] }) =>
          sumOf({
            returnType: BIGINT,
            start: 0,
            amount: textLengths,
            map: (sum) => narrow(BigInt(sum) + BigInt(Number(a) + Number(b))),
          }),
      },
    ],
  })
  const startingAtConstants = (name: string, columns: string): void => {
    registry.aggregate({
      name,
      variants: [
        {
          parameters: `${columns}, INT, STRING...`,
          constants: 2,
          create: ({ constants: [start, ...rest] }) =>
            sumOf({ returnType: BIGINT, start: Number(start) + lengths(rest), amount: textLengths }),
        },
      ],
    })
  }
  startingAtConstants('MULTI_ARG', 'BIGINT, STRING')
  startingAtConstants('FOUR_ARG', 'BIGINT, STRING, STRING, STRING')
  startingAtConstants('FIVE_ARG', 'BIGINT, STRING, STRING, STRING, INT')
  const collectFirst = (type: SqlType): AggregateFunction => ({
    aggregateType: SqlTypes.array(type),
    returnType: SqlTypes.array(type),
    initialize: () => [],
    aggregate: (list, ...values) =>
      values.every((v) => v !== null) ? [...(list as unknown[]), values[0]] : list,
    merge: (a, b) => [...(a as unknown[]), ...(b as unknown[])],
    map: (list) => list,
  })
  registry.aggregate({
    name: 'OBJ_COL_ARG',
    variants: [{ parameters: 'INT, ANY...', create: () => collectFirst(INTEGER) }],
  })
  registry.aggregate({
    name: 'GENERIC_VAR_ARG',
    variants: [
      { parameters: 'A, B, C...', create: ({ argumentTypes }) => collectFirst(argumentTypes[0] ?? STRING) },
    ],
  })
}
