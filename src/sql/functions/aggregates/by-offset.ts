import { SqlError } from '../../errors.js'
import type { Bigint } from '../../expression/arithmetic.js'
import { type SqlType, SqlTypes } from '../../types.js'
import type { AggregateDefinition, AggregateFunction, AggregateSite } from '../registry.js'

/** One value with its place in the order of arrival, which decides when sessions merge. */
type Arrival = readonly [sequence: number, value: unknown]

function arrivalType(value: SqlType): SqlType {
  return SqlTypes.struct([
    { name: 'SEQ', type: SqlTypes.BIGINT },
    { name: 'VAL', type: value },
  ])
}

/** Counts on from the largest number seen in a state, so that it survives a restart. */
class Sequence {
  #next = 0

  seen(arrival: Arrival | null | undefined): void {
    const sequence: Bigint = arrival?.[0] ?? -1
    if (sequence >= this.#next) this.#next = Number(sequence) + 1
  }

  next(): number {
    return this.#next++
  }
}

type Which = 'earliest' | 'latest'

function one(which: Which, site: AggregateSite, ignoreNulls: boolean): AggregateFunction {
  const type = site.argumentTypes[0]!
  const sequence = new Sequence()
  return {
    aggregateType: arrivalType(type),
    returnType: type,
    initialize: () => null,
    aggregate(state, value) {
      sequence.seen(state as Arrival | null)
      if (value === null && ignoreNulls) return state
      return which === 'earliest' && state !== null ? state : [sequence.next(), value]
    },
    merge(a, b) {
      if (a === null || b === null) return a ?? b
      const firstIsEarlier = (a as Arrival)[0] < (b as Arrival)[0]
      return firstIsEarlier === (which === 'earliest') ? a : b
    },
    map: (state) => (state as Arrival | null)?.[1] ?? null,
  }
}

/** ARRAY<STRUCT<SEQ, VAL>> of at most `count` arrivals, in order. */
function many(which: Which, site: AggregateSite, count: number, ignoreNulls: boolean): AggregateFunction {
  if (count <= 0) throw new SqlError(`${which}N must be 1 or greater`, { kind: 'function' })
  const type = site.argumentTypes[0]!
  const sequence = new Sequence()
  const cut = (list: readonly Arrival[]): readonly Arrival[] =>
    which === 'earliest' ? list.slice(0, count) : list.slice(-count)
  return {
    aggregateType: SqlTypes.array(arrivalType(type)),
    returnType: SqlTypes.array(type),
    initialize: () => [],
    aggregate(state, value) {
      const list = state as readonly Arrival[]
      sequence.seen(list.at(-1))
      if ((value === null && ignoreNulls) || (which === 'earliest' && list.length >= count)) return list
      return cut([...list, [sequence.next(), value]])
    },
    merge: (a, b) => cut([...(a as Arrival[]), ...(b as Arrival[])].sort((x, y) => x[0] - y[0])),
    map: (state) => (state as readonly Arrival[]).map(([, value]) => value),
  }
}

function definition(name: string, which: Which): AggregateDefinition {
  return {
    name,
    description: `The ${which} value or values in order of arrival.`,
    variants: [
      { parameters: 'T val', create: (site) => one(which, site, true) },
      {
        parameters: 'T val, BOOLEAN ignoreNulls',
        constants: 1,
        create: (site) => one(which, site, site.constants[0] === true),
      },
      {
        parameters: `T val, INT ${which}N`,
        constants: 1,
        create: (site) => many(which, site, Number(site.constants[0]), true),
      },
      {
        parameters: `T val, INT ${which}N, BOOLEAN ignoreNulls`,
        constants: 2,
        create: (site) => many(which, site, Number(site.constants[0]), site.constants[1] === true),
      },
    ],
  }
}

export const offsetAggregates: readonly AggregateDefinition[] = [
  definition('EARLIEST_BY_OFFSET', 'earliest'),
  definition('LATEST_BY_OFFSET', 'latest'),
]
