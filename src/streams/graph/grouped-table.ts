import type { Serde } from '../../serde/index.js'
import { Serdes } from '../../serde/index.js'
import { TopologyError } from '../errors.js'
import type { Aggregator, Initializer, KeyValue, KeyValueMapper, Reducer } from '../functions.js'
import { changeSerde } from '../internal-serdes.js'
import { keyIdentity } from '../key-identity.js'
import type { Grouped, Materialized } from '../options.js'
import { regroupTable } from '../processors/regroup-table.js'
import { aggregateChanges, type ChangeAggregation } from '../processors/table-aggregate.js'
import { failOnInvalidTimestamp } from '../timestamp-extractors.js'
import { AggregateTable } from './aggregate.js'
import { checkName, type Graph, GraphNode } from './graph.js'
import type { TableHandle } from './handles.js'
import { keepKeyValue, storeNameOf } from './materialize.js'

export interface GroupedTableHandle {
  readonly graph: Graph
  /** The topology node that gives the regrouped rows. */
  readonly parent: string
  readonly node: GraphNode
  /** Given by the user, for the repartition topic. */
  readonly name: string | null
  readonly keySerde: Serde<unknown> | null
  readonly valueSerde: Serde<unknown> | null
  readonly shared: { repartition: { readonly node: GraphNode; readonly sourceName: string } | null }
}

export function groupTable(
  table: TableHandle,
  mapper: KeyValueMapper<unknown, unknown, KeyValue<unknown, unknown>>,
  options: Grouped<unknown, unknown>,
): GroupedTableHandle {
  const { graph } = table
  const name = graph.named(options.name, 'KTABLE-SELECT-')
  // Without the old row there is nothing to subtract.
  table.table.enableSendingOldValues(true)
  const keySerde = options.keySerde ?? null
  const operator = regroupTable(mapper, keyIdentity(keySerde ?? graph.defaults.key))
  const node = graph.add(
    table.node,
    new GraphNode(name, (topology) => {
      topology.addProcessor({ name, parents: [table.name], operator })
    }),
  )
  return {
    graph,
    parent: name,
    node,
    name: options.name === undefined ? null : checkName(options.name),
    keySerde,
    valueSerde: options.valueSerde ?? null,
    shared: { repartition: null },
  }
}

export function countTable(grouped: GroupedTableHandle, options: Materialized<unknown, number>): TableHandle {
  const counting: ChangeAggregation = {
    initializer: () => 0,
    adder: (_key, _value, count) => (count as number) + 1,
    subtractor: (_key, _value, count) => (count as number) - 1,
  }
  return addAggregation(grouped, counting, 'KTABLE-AGGREGATE-', options, Serdes.long() as Serde<unknown>)
}

export function reduceTable(
  grouped: GroupedTableHandle,
  adder: Reducer<unknown>,
  subtractor: Reducer<unknown>,
  options: Materialized<unknown, unknown>,
): TableHandle {
  const reducing: ChangeAggregation = {
    initializer: () => null,
    adder: (_key, value, aggregate) => (aggregate === null ? value : adder(aggregate, value)),
    subtractor: (_key, value, aggregate) => subtractor(aggregate, value),
  }
  return addAggregation(grouped, reducing, 'KTABLE-REDUCE-', options, grouped.valueSerde)
}

export function aggregateTable(
  grouped: GroupedTableHandle,
  initializer: Initializer<unknown>,
  adder: Aggregator<unknown, unknown, unknown>,
  subtractor: Aggregator<unknown, unknown, unknown>,
  options: Materialized<unknown, unknown>,
): TableHandle {
  return addAggregation(grouped, { initializer, adder, subtractor }, 'KTABLE-AGGREGATE-', options, null)
}

/**
 *     regrouped rows ─▶ sink ─▶ <name>-repartition (new and old value) ─▶ source ─▶ aggregation
 */
function addAggregation(
  grouped: GroupedTableHandle,
  functions: ChangeAggregation,
  prefix: string,
  options: Materialized<unknown, unknown>,
  valueSerde: Serde<unknown> | null,
): TableHandle {
  const { graph } = grouped
  if (options.versioned !== undefined)
    throw new TopologyError('the aggregation of a table cannot be versioned')
  const storeName = storeNameOf(graph, options, prefix)
  const sinkName = graph.newName('KSTREAM-SINK-')
  const sourceName = graph.newName('KSTREAM-SOURCE-')
  const name = graph.named(options.name, prefix)
  const kept = keepKeyValue(graph, storeName, options, { keySerde: grouped.keySerde, valueSerde })
  const repartition = repartitionChanges(grouped, sinkName, sourceName, storeName)
  const table = new AggregateTable(kept)
  const node = graph.add(
    repartition.node,
    new GraphNode(name, (topology) => {
      const operator = aggregateChanges(functions, kept, table)
      topology.addProcessor({ name, parents: [repartition.sourceName], operator })
      topology.addStateStore(kept.spec, [name])
    }),
  )
  return {
    graph,
    name,
    node,
    keySerde: kept.keySerde,
    valueSerde: kept.valueSerde,
    sources: new Set([repartition.sourceName]),
    storeName,
    queryable: options.store !== undefined,
    table,
    closeDelayMs: null,
  }
}

function repartitionChanges(
  grouped: GroupedTableHandle,
  sinkName: string,
  sourceName: string,
  storeName: string,
): { readonly node: GraphNode; readonly sourceName: string } {
  const { graph, shared, parent } = grouped
  if (grouped.name !== null && shared.repartition !== null) return shared.repartition
  const topic = `${grouped.name ?? storeName}-repartition`
  const keySerde = grouped.keySerde
  const valueSerde = changeSerde(grouped.valueSerde ?? graph.defaults.value)
  const node = graph.add(
    grouped.node,
    new GraphNode(sourceName, (topology) => {
      topology.addRepartitionTopic({ name: topic, partitions: null })
      topology.addSink({ name: sinkName, parents: [parent], topic, keySerde, valueSerde })
      topology.addSource({
        name: sourceName,
        topics: [topic],
        keySerde,
        valueSerde,
        timestampExtractor: failOnInvalidTimestamp,
        offsetReset: 'earliest',
      })
    }),
  )
  shared.repartition = { node, sourceName }
  return shared.repartition
}
