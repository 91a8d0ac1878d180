import { identityOf, sameValue } from '../../expression/comparison.js'
import { type SqlType, SqlTypes } from '../../types.js'
import { stateIsResult } from '../definitions.js'
import type { AggregateDefinition, AggregateFunction, AggregateSite } from '../registry.js'

type List = readonly unknown[]

/** The setting's value; unlimited when it is absent or negative. */
function limitOf(site: AggregateSite, setting: string): number {
  const value = Number(site.config(setting) ?? -1)
  return Number.isInteger(value) && value >= 0 ? value : Number.POSITIVE_INFINITY
}

function argument(site: AggregateSite): SqlType {
  return site.argumentTypes[0] ?? SqlTypes.STRING
}

function collectList(site: AggregateSite): AggregateFunction {
  const limit = limitOf(site, 'ksql.functions.collect_list.limit')
  const type = SqlTypes.array(argument(site))
  return {
    aggregateType: type,
    returnType: type,
    initialize: () => [],
    aggregate: (state, value) => ((state as List).length < limit ? [...(state as List), value] : state),
    merge: (a, b) => [...(a as List), ...(b as List)].slice(0, limit),
    map: stateIsResult,
    /** The last one that is equal goes. */
    undo(state, value) {
      const list = state as List
      const at = list.findLastIndex((item) => sameValue(item, value))
      return at === -1 ? list : list.toSpliced(at, 1)
    },
  }
}

/** What is in a state, so that adding does not search the whole list each time. */
const membership = new WeakMap<object, Set<unknown>>()

function membersOf(list: List): Set<unknown> {
  let members = membership.get(list)
  if (members === undefined) membership.set(list, (members = new Set(list.map(identityOf))))
  return members
}

function collectSet(site: AggregateSite): AggregateFunction {
  const limit = limitOf(site, 'ksql.functions.collect_set.limit')
  const type = SqlTypes.array(argument(site))
  const add = (state: unknown, value: unknown): unknown => {
    const list = state as List
    if (list.length >= limit || membersOf(list).has(identityOf(value))) return list
    return [...list, value]
  }
  return {
    aggregateType: type,
    returnType: type,
    initialize: () => [],
    aggregate: add,
    merge: (a, b) => (b as List).reduce(add, a),
    map: stateIsResult,
  }
}

const histogramLimit = 1000

function histogram(): AggregateFunction {
  type Counts = ReadonlyMap<unknown, number>
  const type = SqlTypes.map(SqlTypes.STRING, SqlTypes.BIGINT)
  const add = (counts: Counts, key: unknown, by: number): Counts => {
    const known = counts.get(key)
    if (key === null || (known === undefined && (counts.size >= histogramLimit || by < 0))) return counts
    const changed = new Map(counts)
    if ((known ?? 0) + by > 0) changed.set(key, (known ?? 0) + by)
    else changed.delete(key)
    return changed
  }
  return {
    aggregateType: type,
    returnType: type,
    initialize: () => new Map(),
    aggregate: (state, value) => add(state as Counts, value, 1),
    undo: (state, value) => add(state as Counts, value, -1),
    merge: (a, b) => [...(b as Counts)].reduce((counts, [key, by]) => add(counts, key, by), a as Counts),
    map: stateIsResult,
  }
}

type Occurrence = readonly [value: unknown, count: number]

/** ARRAY<STRUCT<VALUE, COUNT>>: how often each value is there; nulls are a value too. */
function attribute(site: AggregateSite): AggregateFunction {
  const type = argument(site)
  const change = (state: unknown, value: unknown, by: number): Occurrence[] => {
    const list = [...(state as readonly Occurrence[])]
    const at = list.findIndex(([known]) => sameValue(known, value))
    if (at !== -1) list[at] = [value, Math.max(0, list[at]![1] + by)]
    else if (by > 0) list.push([value, by])
    return list
  }
  return {
    aggregateType: SqlTypes.array(
      SqlTypes.struct([
        { name: 'VALUE', type },
        { name: 'COUNT', type: SqlTypes.INTEGER },
      ]),
    ),
    returnType: type,
    initialize: () => [],
    aggregate: (state, value) => change(state, value, 1),
    undo: (state, value) => change(state, value, -1),
    merge: (a, b) => (b as readonly Occurrence[]).reduce((state, [value, by]) => change(state, value, by), a),
    map(state) {
      const present = (state as readonly Occurrence[]).filter(([, count]) => count > 0)
      return present.length === 1 ? present[0]![0] : null
    },
  }
}

export const collectingAggregates: readonly AggregateDefinition[] = [
  {
    name: 'COLLECT_LIST',
    description: 'All values, nulls too, in order of arrival.',
    variants: [{ parameters: 'T val', create: collectList }],
  },
  {
    name: 'COLLECT_SET',
    description: 'Distinct values in order of first arrival.',
    variants: [{ parameters: 'T val', create: collectSet }],
  },
  {
    name: 'HISTOGRAM',
    description: 'How often each text occurs, for at most 1000 texts.',
    variants: [{ parameters: 'STRING val', create: histogram }],
  },
  {
    name: 'ATTR',
    description: 'The value, when all rows have the same, else null.',
    variants: [{ parameters: 'T val', create: attribute }],
  },
]
