import type { Materialized } from '../options.js'
import { GraphNode } from './graph.js'
import type { StreamHandle, TableHandle } from './handles.js'
import { keepKeyValue, storeNameOf } from './materialize.js'
import { ensureRepartitioned } from './repartition.js'
import { SourceTable } from './source-table.js'

export function streamToTable(stream: StreamHandle, options: Materialized<unknown, unknown>): TableHandle {
  const { graph } = stream
  const storeName = storeNameOf(graph, options, 'KSTREAM-TOTABLE-')
  const name = graph.named(options.name, 'KSTREAM-TOTABLE-')
  const serdes = {
    keySerde: options.keySerde ?? stream.keySerde,
    valueSerde: options.valueSerde ?? stream.valueSerde,
  }
  const parent = ensureRepartitioned(stream, name, serdes)
  const kept = keepKeyValue(graph, storeName, options, serdes)
  const table = new SourceTable(kept, options.store !== undefined)
  const node = graph.add(
    parent.node,
    new GraphNode(name, (topology) => {
      topology.addProcessor({ name, parents: [parent.name], operator: table.operator() })
      if (table.materialized) topology.addStateStore(kept.spec, [name])
    }),
  )
  return {
    graph,
    name,
    node,
    ...serdes,
    sources: parent.sources,
    storeName,
    queryable: options.store !== undefined,
    table,
    closeDelayMs: null,
  }
}
