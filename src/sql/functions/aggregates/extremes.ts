import { compare, comparisonKind, sameValue } from '../../expression/comparison.js'
import { type SqlType, SqlTypes } from '../../types.js'
import { stateIsResult } from '../definitions.js'
import type { AggregateDefinition, AggregateFunction, AggregateSite, AggregateVariant } from '../registry.js'

const orderedTypes = ['INT', 'BIGINT', 'DOUBLE', 'DECIMAL', 'STRING', 'BYTES', 'DATE', 'TIME', 'TIMESTAMP']

function orderOf(type: SqlType): (a: unknown, b: unknown) => number {
  const kind = comparisonKind(type, type) ?? 'string'
  return (a, b) => compare(kind, a, b)
}

/** `sign` 1 keeps the largest, -1 the smallest; nulls are skipped. */
function extreme(site: AggregateSite, sign: 1 | -1): AggregateFunction {
  const type = site.argumentTypes[0]!
  const order = orderOf(type)
  const choose = (a: unknown, b: unknown): unknown => {
    if (a === null || b === null) return a ?? b
    return order(b, a) * sign > 0 ? b : a
  }
  return {
    aggregateType: type,
    returnType: type,
    initialize: () => null,
    aggregate: choose,
    merge: choose,
    map: stateIsResult,
  }
}

function extremeDefinition(name: string, description: string, sign: 1 | -1): AggregateDefinition {
  return {
    name,
    description,
    variants: orderedTypes.map((type) => ({
      parameters: `${type} val`,
      create: (site) => extreme(site, sign),
    })),
  }
}

function sizeOf(site: AggregateSite): number {
  return Number(site.constants[0])
}

/** Inserts into a list that is sorted downwards, behind equals, and cuts it to `size`. */
function insert(
  list: readonly unknown[],
  row: unknown,
  size: number,
  order: (a: unknown, b: unknown) => number,
): readonly unknown[] {
  const found = list.findIndex((item) => order(row, item) > 0)
  const at = found === -1 ? list.length : found
  return at >= size ? list : list.toSpliced(at, 0, row).slice(0, size)
}

function topK(site: AggregateSite): AggregateFunction {
  const size = sizeOf(site)
  const [first, ...others] = site.argumentTypes as SqlType[]
  const wide = others.length > 0
  const row: SqlType = wide
    ? SqlTypes.struct([
        { name: 'sort_col', type: first! },
        ...others.map((type, i) => ({ name: `col${i}`, type })),
      ])
    : first!
  const byFirst = orderOf(first!)
  const order = (a: unknown, b: unknown): number =>
    wide ? byFirst((a as unknown[])[0], (b as unknown[])[0]) : byFirst(a, b)
  const type = SqlTypes.array(row)
  return {
    aggregateType: type,
    returnType: type,
    initialize: () => [],
    aggregate(state, ...values) {
      if (values[0] === null) return state
      return insert(state as unknown[], wide ? values : values[0], size, order)
    },
    merge: (a, b) =>
      (b as unknown[]).reduce<readonly unknown[]>(
        (list, item) => insert(list, item, size, order),
        a as unknown[],
      ),
    map: stateIsResult,
  }
}

function topKDistinct(site: AggregateSite): AggregateFunction {
  const size = sizeOf(site)
  const type = SqlTypes.array(site.argumentTypes[0]!)
  const order = orderOf(site.argumentTypes[0]!)
  const add = (state: unknown, value: unknown): unknown => {
    const list = state as readonly unknown[]
    if (value === null || list.some((item) => sameValue(item, value))) return list
    return insert(list, value, size, order)
  }
  return {
    aggregateType: type,
    returnType: type,
    initialize: () => [],
    aggregate: add,
    merge: (a, b) => (b as unknown[]).reduce(add, a),
    map: stateIsResult,
  }
}

const topKVariants: readonly AggregateVariant[] = ['INT', 'BIGINT', 'DOUBLE', 'STRING'].map((type) => ({
  parameters: `${type} sortColumn, ANY... otherColumns, INT k`,
  constants: 1,
  create: topK,
}))

export const extremeAggregates: readonly AggregateDefinition[] = [
  extremeDefinition('MIN', 'The smallest value.', -1),
  extremeDefinition('MAX', 'The largest value.', 1),
  {
    name: 'TOPK',
    description: 'The largest k values, or the rows they stand in, downwards.',
    variants: topKVariants,
  },
  {
    name: 'TOPKDISTINCT',
    description: 'The largest k distinct values, downwards.',
    variants: orderedTypes.map((type) => ({
      parameters: `${type} val, INT k`,
      constants: 1,
      create: topKDistinct,
    })),
  },
]
