import type { Serde } from '../serde/index.js'
import type {
  CustomKeyValueStore,
  CustomSessionStore,
  CustomWindowStore,
  StoreSpec,
  TableLayout,
  ValueAndTimestamp,
} from '../state/index.js'
import type { SourceNode, TimestampExtractor } from './node.js'
import { type IdleOptions, idleTime } from './suppressed.js'

/*
 * The options objects of the DSL, under the names of Kafka's classes. Every member may be left out: serdes are then
 * those that flow from upstream, or the application's defaults; names are generated.
 */

/** The name of the operator in `describe()`. */
export interface Named {
  readonly name?: string
}

export interface Consumed<K, V> extends Named {
  readonly keySerde?: Serde<NonNullable<K>>
  readonly valueSerde?: Serde<NonNullable<V>>
  readonly timestampExtractor?: TimestampExtractor
  /** Where to begin without a committed offset. */
  readonly offsetReset?: 'earliest' | 'latest'
}

/** The source node of a topic that is read so. */
export function consumedSource<K, V>(
  name: string,
  topics: readonly string[] | RegExp,
  options: Consumed<K, V>,
): Omit<SourceNode, 'kind'> {
  return {
    name,
    topics,
    keySerde: (options.keySerde as Serde<unknown> | undefined) ?? null,
    valueSerde: (options.valueSerde as Serde<unknown> | undefined) ?? null,
    timestampExtractor: options.timestampExtractor ?? null,
    offsetReset: options.offsetReset ?? null,
  }
}

export interface Produced<K, V> extends Named {
  readonly keySerde?: Serde<NonNullable<K>>
  readonly valueSerde?: Serde<NonNullable<V>>
  /**
   * Chooses the partition, or several; none leaves the record out (KIP-837), and `undefined` falls back to the default
   * partitioner.
   */
  partitioner?(
    topic: string,
    key: K,
    value: V,
    partitionCount: number,
  ): number | readonly number[] | undefined
}

/** `name` also names the repartition topic, if there is one. */
export interface Grouped<K, V> extends Named {
  readonly keySerde?: Serde<NonNullable<K>>
  readonly valueSerde?: Serde<NonNullable<V>>
}

/** Of stream-table joins. `name` also names the repartition topic, if there is one. */
export interface Joined<K, V, VO> extends Named {
  readonly keySerde?: Serde<NonNullable<K>>
  readonly valueSerde?: Serde<NonNullable<V>>
  readonly otherValueSerde?: Serde<NonNullable<VO>>
  /** How long a stream record waits for the (versioned) table, in ms of stream time (KIP-923). Default 0. */
  readonly gracePeriodMs?: number
}

/**
 * Of stream-stream joins. `name` names processors and repartition topics, `storeName` the window stores.
 * `orAfterIdleMs` gives the unmatched results of left and outer joins after so long without a record on either side; a
 * partner that comes later, and in time, still gives the pair.
 */
export interface StreamJoined<K, V, VO> extends Named, IdleOptions {
  readonly storeName?: string
  readonly keySerde?: Serde<NonNullable<K>>
  readonly valueSerde?: Serde<NonNullable<V>>
  readonly otherValueSerde?: Serde<NonNullable<VO>>
  /** Whether the window stores have a changelog. Default true. */
  readonly logging?: boolean
  /** Default: that of the `StreamsBuilder`. */
  readonly storeType?: StoreType
}

export interface Repartitioned<K, V> extends Named {
  readonly keySerde?: Serde<NonNullable<K>>
  readonly valueSerde?: Serde<NonNullable<V>>
  /** Default: as many as the largest source. */
  readonly partitions?: number
  partitioner?(topic: string, key: K, value: V, partitionCount: number): number | undefined
}

export type StoreType = 'sqlite' | 'memory'

/** How the result of an operator is kept, and served to queries. */
export interface Materialized<K, V> extends Named {
  /** The name under which the store can be queried; also names changelog and repartition topics. */
  readonly store?: string
  readonly keySerde?: Serde<NonNullable<K>>
  readonly valueSerde?: Serde<NonNullable<V>>
  /** Of window and session stores, in ms; at least size + grace, which is the default. */
  readonly retentionMs?: number
  /** Whether there is a changelog topic, and its extra configs. Default true. */
  readonly logging?: boolean | Readonly<Record<string, string>>
  /** Whether updates of a key may be collapsed until the next commit. Default true. */
  readonly caching?: boolean
  /** Keep the versions of a key for this long (KIP-889). Only on tables. */
  readonly versioned?: { readonly historyRetentionMs: number }
  /** Typed SQLite columns instead of serialised bytes. */
  readonly layout?: TableLayout<K, V>
  /**
   * Makes a store of your own for each task, in place of SQLite: of keys and values, of windows or of sessions, as the
   * operator needs it. `customStoreSuite` of `forebay/testing` checks one. Not for versioned tables.
   */
  supplier?(
    spec: StoreSpec,
  ):
    | CustomKeyValueStore<K, ValueAndTimestamp<V>>
    | CustomWindowStore<K, ValueAndTimestamp<V>>
    | CustomSessionStore<K, V>
  /** Default: that of the `StreamsBuilder`. */
  readonly storeType?: StoreType
}

/** Of foreign-key joins. `name` also names the internal topics and stores. */
export interface TableJoined<K, FK, V> extends Materialized<K, V> {
  /** Of the foreign key; default: the key serde of the other table. */
  readonly foreignKeySerde?: Serde<NonNullable<FK>>
  /**
   * Where the rows of the other table lie, when that is not the default partitioner's choice (KIP-775); `undefined` falls
   * back to it. Rows of this table are always found: subscriptions name their partition.
   */
  otherPartitioner?(topic: string, foreignKey: FK, partitionCount: number): number | undefined
}

/** When a windowed aggregation sends its results (KIP-825). */
export interface EmitStrategy {
  readonly type: 'onWindowUpdate' | 'onWindowClose'
  /** Of `onWindowClose`; null: stream time alone closes windows. */
  readonly idleMs: number | null
}

export const EmitStrategy = {
  /** Every update. */
  onWindowUpdate: (): EmitStrategy => ({ type: 'onWindowUpdate', idleMs: null }),
  /**
   * One final result a window, once stream time has passed its end and grace. With `orAfterIdleMs` also after so much
   * wall-clock time without a record; see `IdleOptions`.
   */
  onWindowClose: (options: IdleOptions = {}): EmitStrategy => ({
    type: 'onWindowClose',
    idleMs: idleTime(options),
  }),
} as const
