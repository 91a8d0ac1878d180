import { type Serde, Serdes } from '../../serde/index.js'
import type { StoreSpec } from '../../state/index.js'
import { droppedRecordSerde } from '../dropped-records.js'
import { TopologyError } from '../errors.js'
import { type Consumed, consumedSource, type Materialized, type Named } from '../options.js'
import type { ProcessorSupplier } from '../processor-api.js'
import { keptTableSource } from '../processors/table-source.js'
import { checkName, type Graph, GraphNode } from './graph.js'
import type { GlobalTableHandle, StreamHandle, TableHandle } from './handles.js'
import { keepKeyValue, storeNameOf } from './materialize.js'
import { SourceTable } from './source-table.js'

type TableOptions = Consumed<unknown, unknown> & {
  readonly materialized?: Materialized<unknown, unknown>
}

/** A stream of the same topics as one before is that stream, with its serdes, as in Kafka Streams. */
export function streamSource(
  graph: Graph,
  topics: string | readonly string[] | RegExp,
  options: Consumed<unknown, unknown>,
): StreamHandle {
  const name = graph.named(options.name, 'KSTREAM-SOURCE-')
  const list =
    topics instanceof RegExp ? topics : typeof topics === 'string' ? [topics] : [...new Set(topics)]
  const identity = list instanceof RegExp ? String(list) : JSON.stringify([...list].sort())
  const known = graph.streams.get(identity)
  if (known !== undefined) {
    if (known.offsetReset !== options.offsetReset) {
      throw new TopologyError(
        `two streams of ${identity} begin at different offsets; let offsetReset be the same`,
      )
    }
    return known.stream
  }
  const node = graph.add(
    graph.root,
    new GraphNode(name, (topology) => topology.addSource(consumedSource(name, list, options))),
  )
  const stream: StreamHandle = {
    graph,
    name,
    node,
    keySerde: options.keySerde ?? null,
    valueSerde: options.valueSerde ?? null,
    sources: new Set([name]),
    repartition: false,
  }
  graph.streams.set(identity, { stream, offsetReset: options.offsetReset })
  return stream
}

export function droppedRecordsSource(graph: Graph, options: Named): StreamHandle {
  const name = graph.named(options.name, 'KSTREAM-SOURCE-')
  const node = graph.add(
    graph.root,
    new GraphNode(name, (topology) => topology.addDroppedRecordsSource(name)),
  )
  return {
    graph,
    name,
    node,
    keySerde: Serdes.string() as Serde<unknown>,
    valueSerde: droppedRecordSerde as Serde<unknown>,
    sources: new Set([name]),
    repartition: false,
  }
}

export function tableSource(graph: Graph, topic: string, options: TableOptions): TableHandle {
  const { materialized = {} } = options
  const storeName = storeNameOf(graph, materialized, `${topic}-`)
  const sourceName = graph.named(options.name, 'KSTREAM-SOURCE-', '-source')
  const name = graph.named(options.name, 'KTABLE-SOURCE-')
  const consumed = withStoreSerdes(options, materialized)
  const kept = keepKeyValue(graph, storeName, materialized, serdesOf(consumed))
  const table = new SourceTable(kept, materialized.store !== undefined)
  const node = graph.add(
    graph.root,
    new GraphNode(name, (topology) => {
      topology.addSource(consumedSource(sourceName, [topic], consumed))
      topology.addProcessor({ name, parents: [sourceName], operator: table.operator() })
      if (!table.materialized) return
      const reused = graph.optimizations.has('reuse.ktable.source.topics') && !kept.versioned
      const sourceTopic = reused ? topic : null
      topology.addStateStore(kept.spec, [name], { sourceTopic })
    }),
  )
  return {
    graph,
    name,
    node,
    keySerde: kept.keySerde,
    valueSerde: kept.valueSerde,
    sources: new Set([sourceName]),
    storeName,
    queryable: materialized.store !== undefined,
    table,
    closeDelayMs: null,
  }
}

export function globalTableSource(graph: Graph, topic: string, options: TableOptions): GlobalTableHandle {
  const { materialized = {} } = options
  if (materialized.versioned !== undefined) throw new TopologyError('a global table cannot be versioned')
  const storeName = storeNameOf(graph, materialized, `${topic}-`)
  const sourceName = graph.named(options.name, 'KSTREAM-SOURCE-', '-source')
  const name = graph.named(options.name, 'KTABLE-SOURCE-')
  const consumed = withStoreSerdes(options, materialized)
  const kept = keepKeyValue(graph, storeName, { ...materialized, logging: false }, serdesOf(consumed))
  const operator = keptTableSource(kept, { sendOldValues: false, sendEveryUpdate: true })
  graph.add(
    graph.root,
    new GraphNode(name, (topology) => {
      topology.addSource(consumedSource(sourceName, [topic], consumed))
      topology.addProcessor({ name, parents: [sourceName], operator })
      topology.addStateStore(kept.spec, [name], { global: true, sourceTopic: topic })
    }),
  )
  return {
    global: true,
    graph,
    storeName,
    getter: kept.getter,
    queryable: materialized.store !== undefined,
    keySerde: kept.keySerde,
    valueSerde: kept.valueSerde,
  }
}

export function globalStoreSource(
  graph: Graph,
  spec: StoreSpec,
  topic: string,
  supplier: ProcessorSupplier<unknown, unknown, unknown, unknown>,
  options: Consumed<unknown, unknown>,
): void {
  const sourceName = graph.named(options.name, 'KSTREAM-SOURCE-', '-source')
  const name = graph.named(options.name, 'KTABLE-SOURCE-')
  checkName(spec.name)
  graph.add(
    graph.root,
    new GraphNode(name, (topology) => {
      topology.addGlobalStore(spec, { ...options, topic, sourceName, processorName: name, supplier })
    }),
  )
}

function withStoreSerdes(
  options: TableOptions,
  materialized: Materialized<unknown, unknown>,
): Consumed<unknown, unknown> {
  const keySerde = options.keySerde ?? materialized.keySerde
  const valueSerde = options.valueSerde ?? materialized.valueSerde
  return {
    ...options,
    ...(keySerde === undefined ? {} : { keySerde }),
    ...(valueSerde === undefined ? {} : { valueSerde }),
  }
}

function serdesOf(options: Consumed<unknown, unknown>) {
  return { keySerde: options.keySerde ?? null, valueSerde: options.valueSerde ?? null }
}
