import type { Serde } from '../../serde/index.js'
import type { EmitStrategy } from '../options.js'
import type { SessionWindows, SlidingWindows, TimeWindows, UnlimitedWindows } from '../windows.js'
import type { Graph, GraphNode } from './graph.js'
import type { TableGetter, TableSource } from './table-source.js'

/*
 * What the DSL objects hold: where in the graph they stand, and what is known about the records there.
 */

export interface StreamHandle {
  readonly graph: Graph
  /** The topology node that children name as their parent. */
  readonly name: string
  readonly node: GraphNode
  readonly keySerde: Serde<unknown> | null
  readonly valueSerde: Serde<unknown> | null
  /** Names of the source nodes the records come from. */
  readonly sources: ReadonlySet<string>
  /** The key has changed since the source: grouping and joining need a repartition topic. */
  readonly repartition: boolean
}

export interface GroupedHandle {
  readonly stream: StreamHandle
  /** Given by the user, for the repartition topic. */
  readonly name: string | null
  readonly keySerde: Serde<unknown> | null
  readonly valueSerde: Serde<unknown> | null
  /** A named repartition is written once, however many aggregations follow. */
  readonly shared: { repartition: GraphNode | null }
}

export interface WindowingHandle {
  readonly windows: TimeWindows | UnlimitedWindows | SlidingWindows | SessionWindows
  readonly emit: EmitStrategy
}

export interface TableHandle {
  readonly graph: Graph
  readonly name: string
  readonly node: GraphNode
  readonly keySerde: Serde<unknown> | null
  readonly valueSerde: Serde<unknown> | null
  readonly sources: ReadonlySet<string>
  /** The table's own store, if it has one. */
  readonly storeName: string | null
  /** Whether the store was named by the user. */
  readonly queryable: boolean
  readonly table: TableSource
  /** Of windowed tables: how long after its end a window may still change, ms of stream time. */
  readonly closeDelayMs: number | null
}

export interface GlobalTableHandle {
  readonly global: true
  readonly graph: Graph
  readonly storeName: string
  readonly queryable: boolean
  readonly getter: TableGetter
  readonly keySerde: Serde<unknown> | null
  readonly valueSerde: Serde<unknown> | null
}
