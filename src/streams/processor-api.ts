import type { Headers } from '../log/index.js'
import type { StateStore } from '../state/index.js'
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
  /** To all children, or to the named one. */
  forward(record: ForwardedRecord<K, V>, child?: string): void
  /** A store connected by name, or a global one. */
  getStateStore<S extends StateStore>(name: string): S
  /** Calls back every `intervalMs` of stream or wall-clock time, at most once however far time jumps. */
  schedule(intervalMs: number, type: PunctuationType, callback: (timestamp: number) => void): Cancellable
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

/** Called once for each task. */
export type ProcessorSupplier<K, V, KO, VO> = () => Processor<K, V, KO, VO>

/** Of a processor that cannot change keys: `forward` takes the new value, or a record under the current key. */
export interface FixedKeyProcessorContext<K, V> extends Omit<ProcessorContext<K, V>, 'forward'> {
  forward(record: Omit<ForwardedRecord<K, V>, 'key'>, child?: string): void
}

export interface FixedKeyProcessor<K, V, VO> {
  init?(context: FixedKeyProcessorContext<K, VO>): void
  process(record: StreamRecord<K, V>): void
  close?(): void
}

export type FixedKeyProcessorSupplier<K, V, VO> = () => FixedKeyProcessor<K, V, VO>

/** Of `KTable.transformValues`: also called for tombstones, with null. */
export interface ValueTransformer<K, V, VO> {
  init?(context: Omit<ProcessorContext<K, VO>, 'forward'>): void
  transform(key: K, value: V | null): VO | null
  close?(): void
}

export type ValueTransformerSupplier<K, V, VO> = () => ValueTransformer<K, V, VO>

export interface ProcessOptions {
  readonly name?: string
  /** Names of the stores the processor uses, added with `StreamsBuilder.addStateStore`. */
  readonly stores?: readonly string[]
}
