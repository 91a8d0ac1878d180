import type { Aggregator, Initializer, Merger } from '../functions.js'
import type { Materialized } from '../options.js'
import { passThrough } from '../processors/pass-through.js'
import {
  AggregateTable,
  aggregateOperator,
  closeDelayOf,
  keepAggregate,
  repartitionGrouped,
} from './aggregate.js'
import { type Graph, GraphNode } from './graph.js'
import type { GroupedHandle, TableHandle, WindowingHandle } from './handles.js'
import { storeNameOf } from './materialize.js'

type AnyAggregator = Aggregator<unknown, unknown, unknown>

export interface CogroupHandle {
  readonly graph: Graph
  readonly parts: ReadonlyMap<GroupedHandle, AnyAggregator>
}

export function startCogroup(grouped: GroupedHandle, aggregator: AnyAggregator): CogroupHandle {
  return { graph: grouped.stream.graph, parts: new Map([[grouped, aggregator]]) }
}

export function extendCogroup(
  cogroup: CogroupHandle,
  grouped: GroupedHandle,
  aggregator: AnyAggregator,
): CogroupHandle {
  return { ...cogroup, parts: new Map([...cogroup.parts, [grouped, aggregator]]) }
}

/**
 *     grouped stream ─▶ aggregation ─┐
 *     grouped stream ─▶ aggregation ─┼─▶ merge        all aggregations share one store
 *     grouped stream ─▶ aggregation ─┘
 */
export function aggregateCogroup(
  cogroup: CogroupHandle,
  windowing: WindowingHandle | null,
  initializer: Initializer<unknown>,
  merger: Merger<unknown, unknown> | null,
  options: Materialized<unknown, unknown>,
): TableHandle {
  const { graph, parts } = cogroup
  const prefix = 'COGROUPKSTREAM-AGGREGATE-'
  const storeName = storeNameOf(graph, options, prefix)
  const grouped = [...parts.keys()]
  const keySerde = options.keySerde ?? grouped.find((part) => part.keySerde !== null)?.keySerde ?? null
  const kept = keepAggregate(graph, storeName, windowing, options, { keySerde, valueSerde: null })
  const parents = grouped.map((part) => repartitionGrouped(part, storeName))
  const table = new AggregateTable(kept)
  const names = grouped.map((_, i) => graph.named(options.name, prefix, `-cogroup-agg-${i}`))
  const mergeName = graph.named(options.name, 'COGROUPKSTREAM-MERGE-', '-cogroup-merge')
  const sources = new Set(parents.flatMap((parent) => [...parent.sources]))
  const node = graph.add(
    parents.map((parent) => parent.node),
    new GraphNode(mergeName, (topology) => {
      grouped.forEach((part, i) => {
        const functions = { initializer, aggregator: parts.get(part)!, merger }
        const operator = aggregateOperator(functions, windowing, kept, table)
        topology.addProcessor({ name: names[i]!, parents: [parents[i]!.name], operator })
      })
      topology.addStateStore(kept.spec, names)
      topology.addProcessor({ name: mergeName, parents: names, operator: passThrough })
      topology.copartition(sources)
    }),
  )
  return {
    graph,
    name: mergeName,
    node,
    keySerde: kept.keySerde,
    valueSerde: kept.valueSerde,
    sources,
    storeName,
    queryable: options.store !== undefined,
    table,
    closeDelayMs: closeDelayOf(windowing),
  }
}
