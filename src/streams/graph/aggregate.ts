import type { Serde } from '../../serde/index.js'
import { Serdes } from '../../serde/index.js'
import { TopologyError } from '../errors.js'
import type { Reducer } from '../functions.js'
import type { BatchOperator } from '../node.js'
import { EmitStrategy, type Materialized } from '../options.js'
import { aggregate } from '../processors/aggregate.js'
import { sessionAggregate } from '../processors/session-aggregate.js'
import { slidingAggregate } from '../processors/sliding-aggregate.js'
import { windowAggregate } from '../processors/window-aggregate.js'
import { BufferConfig, Suppressed } from '../suppressed.js'
import type { TableFlags } from '../table-emitter.js'
import { type Aggregation, counting, reducing } from './aggregation.js'
import { checkName, type Graph, GraphNode } from './graph.js'
import type { GroupedHandle, StreamHandle, TableHandle, WindowingHandle } from './handles.js'
import { type KeptTable, keepKeyValue, keepSessions, keepWindows, storeNameOf } from './materialize.js'
import { planRepartition } from './repartition.js'
import { suppressTable } from './table-operators.js'
import type { TableGetter, TableSource } from './table-source.js'

const aggregatePrefix = 'KSTREAM-AGGREGATE-'
const reducePrefix = 'KSTREAM-REDUCE-'

export function countStream(
  grouped: GroupedHandle,
  windowing: WindowingHandle | null,
  options: Materialized<unknown, number>,
): TableHandle {
  const { graph } = grouped.stream
  // Kafka Streams takes a number here, except for sliding windows, and keeps doing so for the sake of old names.
  if (options.store === undefined && windowing?.windows.kind !== 'sliding')
    graph.newStoreName(aggregatePrefix)
  const serdes = { keySerde: grouped.keySerde, valueSerde: Serdes.long() as Serde<unknown> }
  return addAggregation(grouped, windowing, counting, aggregatePrefix, options, serdes)
}

export function reduceStream(
  grouped: GroupedHandle,
  windowing: WindowingHandle | null,
  reducer: Reducer<unknown>,
  options: Materialized<unknown, unknown>,
): TableHandle {
  const serdes = { keySerde: grouped.keySerde, valueSerde: grouped.valueSerde }
  return addAggregation(grouped, windowing, reducing(reducer), reducePrefix, options, serdes)
}

export function aggregateStream(
  grouped: GroupedHandle,
  windowing: WindowingHandle | null,
  functions: Aggregation,
  options: Materialized<unknown, unknown>,
): TableHandle {
  const serdes = { keySerde: grouped.keySerde, valueSerde: null }
  return addAggregation(grouped, windowing, functions, aggregatePrefix, options, serdes)
}

interface InheritedSerdes {
  readonly keySerde: Serde<unknown> | null
  readonly valueSerde: Serde<unknown> | null
}

function addAggregation(
  grouped: GroupedHandle,
  windowing: WindowingHandle | null,
  functions: Aggregation,
  prefix: string,
  options: Materialized<unknown, unknown>,
  serdes: InheritedSerdes,
): TableHandle {
  const { graph } = grouped.stream
  const storeName = storeNameOf(graph, options, prefix)
  const name = graph.named(options.name, prefix)
  const kept = keepAggregate(graph, storeName, windowing, options, serdes)
  const parent = repartitionGrouped(grouped, storeName)
  const table = new AggregateTable(kept)
  // Idle time closes windows in a suppression: it knows, over restarts too, which have changed since they were sent.
  const idleMs = windowing?.emit.idleMs ?? null
  const aggregated = idleMs === null ? windowing : { ...windowing!, emit: EmitStrategy.onWindowUpdate() }
  const operator = aggregateOperator(functions, aggregated, kept, table)
  const node = graph.add(
    parent.node,
    new GraphNode(name, (topology) => {
      topology.addProcessor({ name, parents: [parent.name], operator })
      topology.addStateStore(kept.spec, [name])
    }),
  )
  const handle = {
    graph,
    name,
    node,
    keySerde: kept.keySerde,
    valueSerde: kept.valueSerde,
    sources: parent.sources,
    storeName,
    queryable: options.store !== undefined,
    table,
    closeDelayMs: closeDelayOf(windowing),
  }
  return idleMs === null ? handle : closedWhenIdle(handle, options, idleMs)
}

function closedWhenIdle(
  table: TableHandle,
  options: Materialized<unknown, unknown>,
  idleMs: number,
): TableHandle {
  const base = options.name ?? options.store
  const until = Suppressed.untilWindowCloses(BufferConfig.unbounded(), {
    orAfterIdleMs: idleMs,
    ...(base === undefined ? {} : { name: `${base}-close` }),
  })
  const { storeName, queryable } = table
  return { ...suppressTable(table, until), storeName, queryable }
}

export function keepAggregate(
  graph: Graph,
  storeName: string,
  windowing: WindowingHandle | null,
  options: Materialized<unknown, unknown>,
  serdes: InheritedSerdes,
): KeptTable {
  if (windowing === null) {
    if (options.retentionMs !== undefined) {
      throw new TopologyError(`store "${storeName}": only window and session stores have a retention`)
    }
    return keepKeyValue(graph, storeName, options, serdes)
  }
  if (options.versioned !== undefined) {
    throw new TopologyError(`store "${storeName}": a windowed aggregation cannot be versioned`)
  }
  const { windows } = windowing
  return windows.kind === 'session'
    ? keepSessions(graph, storeName, options, serdes, windows)
    : keepWindows(graph, storeName, options, serdes, windows)
}

export function closeDelayOf(windowing: WindowingHandle | null): number | null {
  if (windowing === null) return null
  const { windows } = windowing
  return windows.kind === 'session' ? windows.inactivityGapMs + windows.graceMs : windows.graceMs
}

export function aggregateOperator(
  functions: Aggregation,
  windowing: WindowingHandle | null,
  kept: KeptTable,
  flags: TableFlags,
): BatchOperator {
  if (windowing === null) return aggregate(functions, kept, flags)
  const { windows, emit } = windowing
  switch (windows.kind) {
    case 'time':
      return windowAggregate(functions, windows, emit, kept, flags)
    case 'sliding':
      return slidingAggregate(functions, windows, emit, kept, flags)
    case 'session':
      return sessionAggregate(functions, windows, emit, kept, flags)
  }
}

/** A repartition topic where the key has changed; one for all aggregations of a grouping that has a name. */
export function repartitionGrouped(grouped: GroupedHandle, storeName: string): StreamHandle {
  const { stream, shared, keySerde, valueSerde } = grouped
  if (!stream.repartition) return stream
  const { graph } = stream
  const { sourceName, node } = planRepartition(graph, stream.name, {
    name: grouped.name === null ? storeName : checkName(grouped.name),
    keySerde,
    valueSerde,
  })
  const added = grouped.name === null ? null : shared.repartition
  if (added === null) {
    graph.add(stream.node, node)
    if (grouped.name !== null) shared.repartition = node
  }
  return {
    graph,
    name: sourceName,
    node: added ?? node,
    keySerde,
    valueSerde,
    sources: new Set([sourceName]),
    repartition: false,
  }
}

/** The result of an aggregation: always kept, so old values are always known. */
export class AggregateTable implements TableSource {
  readonly #kept: KeptTable
  sendOldValues = false
  sendEveryUpdate = false

  constructor(kept: KeptTable) {
    this.#kept = kept
  }

  get versioned(): boolean {
    return this.#kept.versioned
  }

  enableSendingOldValues(): boolean {
    this.sendOldValues = true
    return true
  }

  enableSendingEveryUpdate(): void {
    this.sendEveryUpdate = true
  }

  getter(): TableGetter {
    return this.#kept.getter
  }
}
