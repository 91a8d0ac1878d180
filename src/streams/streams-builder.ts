import type { Serde } from '../serde/index.js'
import type { StoreSpec } from '../state/index.js'
import type { DroppedRecord } from './dropped-records.js'
import { GlobalKTable } from './global-ktable.js'
import { Graph } from './graph/graph.js'
import type { GroupedHandle, StreamHandle, TableHandle } from './graph/handles.js'
import {
  droppedRecordsSource,
  globalStoreSource,
  globalTableSource,
  streamSource,
  tableSource,
} from './graph/sources.js'
import { writeTopology } from './graph/write-topology.js'
import { KGroupedStream } from './kgrouped-stream.js'
import { KStream } from './kstream.js'
import { KTable } from './ktable.js'
import type { Consumed, Materialized, Named, StoreType } from './options.js'
import type { ProcessorSupplier } from './processor-api.js'
import type { Topology } from './topology.js'

/**
 * - `reuse.ktable.source.topics`: a table's source topic is its changelog as well.
 * - `merge.repartition.topics`: a stream whose key changed is repartitioned once, right behind the change.
 * - `single.store.self.join`: a stream joined with itself is stored once.
 */
export type Optimization =
  | 'reuse.ktable.source.topics'
  | 'merge.repartition.topics'
  | 'single.store.self.join'

export interface BuildOptions {
  /** Kafka's `topology.optimization`: all optimisations, none, or those that are named. Default 'none'. */
  readonly optimize?: 'none' | 'all' | readonly Optimization[]
  /**
   * True: stores and internal topics whose names are generated are refused, since adding an operator renumbers them,
   * which loses their state (KIP-1111). Default false.
   */
  readonly ensureExplicitInternalResourceNaming?: boolean
  /** Serdes of keys and values that none flow to. Otherwise the application's defaults. */
  readonly defaultKeySerde?: Serde<unknown>
  readonly defaultValueSerde?: Serde<unknown>
}

export interface StreamsBuilderOptions {
  /** How stores are kept whose operators do not say it (KIP-591). Default 'sqlite'. */
  readonly defaultStoreType?: StoreType
}

/** Where every topology begins: sources, stores, and `build`. */
export class StreamsBuilder {
  readonly #graph: Graph
  #dropped: KStream<string, DroppedRecord> | null = null

  constructor(options: StreamsBuilderOptions = {}) {
    const dsl = {
      stream: <K, V>(handle: StreamHandle) => new KStream<K, V>(handle),
      table: <K, V>(handle: TableHandle) => new KTable<K, V>(handle),
      grouped: <K, V>(handle: GroupedHandle) => new KGroupedStream<K, V>(handle),
    }
    this.#graph = new Graph(dsl, options.defaultStoreType ?? 'sqlite')
  }

  /** Reads one or several topics, or all whose name matches. */
  stream<K = unknown, V = unknown>(
    topics: string | readonly string[] | RegExp,
    options: Consumed<K, V> = {},
  ): KStream<K, V> {
    return new KStream(streamSource(this.#graph, topics, options))
  }

  /** Reads a topic as a table: the latest value of each key; records with a null key are left out. */
  table<K = unknown, V = unknown>(
    topic: string,
    options: Consumed<K, V> & { readonly materialized?: Materialized<K, V> } = {},
  ): KTable<K, V> {
    return new KTable(tableSource(this.#graph, topic, options))
  }

  /** Reads all partitions of a topic as a table on every instance. */
  globalTable<K = unknown, V = unknown>(
    topic: string,
    options: Consumed<K, V> & { readonly materialized?: Materialized<K, V> } = {},
  ): GlobalKTable<K, V> {
    return new GlobalKTable(globalTableSource(this.#graph, topic, options))
  }

  /** Adds a store for processors, which name it in their options. */
  addStateStore(spec: StoreSpec): this {
    this.#graph.addStore(spec)
    return this
  }

  /** A store that every instance fills from all partitions of `topic`, with a processor of its own. */
  addGlobalStore<K, V>(
    spec: StoreSpec,
    topic: string,
    supplier: ProcessorSupplier<K, V, never, never>,
    options: Consumed<K, V> = {},
  ): this {
    globalStoreSource(
      this.#graph,
      spec,
      topic,
      supplier as ProcessorSupplier<unknown, unknown, unknown, unknown>,
      options,
    )
    return this
  }

  /**
   * What the tasks of this topology leave out, each with the reason, keyed by the node that left it out: late records,
   * those without a key, those that cannot be read, and so on. They come through an internal topic of one partition,
   * within the transaction of the task that left them out. What the readers of this stream drop is only counted.
   */
  droppedRecords(options: Named = {}): KStream<string, DroppedRecord> {
    this.#dropped ??= new KStream(droppedRecordsSource(this.#graph, options))
    return this.#dropped
  }

  build(options: BuildOptions = {}): Topology {
    return writeTopology(this.#graph, options)
  }
}
