import type { Headers } from '../log/index.js'
import type { StateStore, StoreSpec } from '../state/index.js'
import type { ResolvedConfig } from './config.js'
import type { Cancellable, PunctuationType } from './node.js'

/*
 * The processor API: operators of one's own with stores and punctuators. Records go through one at a time, depth
 * first: `forward` returns once everything below has seen the record.
 */

export interface StreamRecord<K, V> {
  readonly key: K
  readonly value: V
  /** Event time in ms. */
  readonly timestamp: number
  readonly headers: Headers
}

/** A record to forward. Headers left out are none. */
export interface ForwardedRecord<K, V> {
  readonly key: K
  readonly value: V
  readonly timestamp: number
  readonly headers?: Headers
}

export interface RecordPosition {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export interface ProcessorContext<K, V> {
  readonly applicationId: string
  readonly taskId: string
  /** The settings of the application, defaults filled in. */
  readonly appConfigs: ResolvedConfig
  /** To all children, or to the named one. Throws TopologyError where there is no child of that name. */
  forward(record: ForwardedRecord<K, V>, child?: string): void
  /** A store connected by name, or a global one. */
  getStateStore<S extends StateStore>(name: string): S
  /**
   * Calls back every `intervalMs` of stream or wall-clock time, at most once however far time jumps; first at
   * `startTimeMs`, which aligns the calls (KIP-1146). Default: with the first record, or `intervalMs` from now.
   */
  schedule(
    intervalMs: number,
    type: PunctuationType,
    callback: (timestamp: number) => void,
    startTimeMs?: number,
  ): Cancellable
  /** The greatest timestamp the task has picked so far, -1 before the first. */
  currentStreamTimeMs(): number
  currentSystemTimeMs(): number
  /** Where the current record came from; null in punctuators. */
  readonly recordMetadata: RecordPosition | null
  /** Asks for a commit soon. */
  commit(): void
}

export interface Processor<K, V, KO, VO> {
  init?(context: ProcessorContext<KO, VO>): void
  process(record: StreamRecord<K, V>): void
  close?(): void
}

/**
 * Makes a processor for each task: a function, or an object that also brings the stores its processors use, which are
 * then added and connected (KIP-401).
 */
export type Supplier<P> = (() => P) | ConnectedSupplier<P>

export interface ConnectedSupplier<P> {
  get(): P
  stores?(): Iterable<StoreSpec>
}

export type ProcessorSupplier<K, V, KO, VO> = Supplier<Processor<K, V, KO, VO>>

/** Of a processor that cannot change keys: `forward` takes the new value, or a record under the current key. */
export interface FixedKeyProcessorContext<K, V> extends Omit<ProcessorContext<K, V>, 'forward'> {
  forward(record: Omit<ForwardedRecord<K, V>, 'key'>, child?: string): void
}

export interface FixedKeyProcessor<K, V, VO> {
  init?(context: FixedKeyProcessorContext<K, VO>): void
  process(record: StreamRecord<K, V>): void
  close?(): void
}

export type FixedKeyProcessorSupplier<K, V, VO> = Supplier<FixedKeyProcessor<K, V, VO>>

/** Of `KTable.transformValues`: also called for tombstones, with null. */
export interface ValueTransformer<K, V, VO> {
  init?(context: Omit<ProcessorContext<K, VO>, 'forward'>): void
  transform(key: K, value: V | null): VO | null
  close?(): void
}

export type ValueTransformerSupplier<K, V, VO> = Supplier<ValueTransformer<K, V, VO>>

export interface ProcessOptions {
  readonly name?: string
  /** The stores the processor uses: by name, added with `StreamsBuilder.addStateStore`, or stores to be added here. */
  readonly stores?: readonly (string | StoreSpec)[]
}

/** A new processor. */
export function supply<P>(supplier: Supplier<P>): P {
  return typeof supplier === 'function' ? supplier() : supplier.get()
}

/** What a processor is connected to: by its options, and by its supplier. */
export function connectedStores(
  supplier: Supplier<unknown>,
  options: ProcessOptions = {},
): readonly (string | StoreSpec)[] {
  const own = typeof supplier === 'function' ? [] : (supplier.stores?.() ?? [])
  return [...(options.stores ?? []), ...own]
}
