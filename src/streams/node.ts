import type { OperatorFunction } from 'rxjs'
import type { Clock, Random } from '../common/index.js'
import type { Headers } from '../log/index.js'
import type { Serde } from '../serde/index.js'
import type { StateStore } from '../state/index.js'
import type { AnyBatch } from './batch.js'
import type { ResolvedConfig } from './config.js'

/*
 * The topology: named nodes as plain data, between the DSL above and the running tasks below. A task instantiates each
 * node once: `operator(context)` gives an RxJS operator from input batches to output batches; edges are Observables of
 * batches, children are fed in the order in which they were attached.
 */

export type TopologyNode = SourceNode | ProcessorNode | SinkNode

export interface SourceNode {
  readonly kind: 'source'
  readonly name: string
  readonly topics: readonly string[] | RegExp
  readonly keySerde: Serde<unknown> | null
  readonly valueSerde: Serde<unknown> | null
  readonly timestampExtractor: TimestampExtractor | null
  readonly offsetReset: 'earliest' | 'latest' | null
}

export interface ProcessorNode {
  readonly kind: 'processor'
  readonly name: string
  readonly parents: readonly string[]
  /** Names of connected stores. Nodes that share a store are in one sub-topology. */
  readonly stores: readonly string[]
  readonly operator: BatchOperator
  /** Reads `ProcessorContext` stream time, metadata or shared stores record by record: fed one record at a time. */
  readonly recordAtATime?: boolean
  /** A topic this node keeps failed records in; it is created with one partition where it does not exist. */
  readonly deadLetterTopic?: string
}

export interface SinkNode {
  readonly kind: 'sink'
  readonly name: string
  readonly parents: readonly string[]
  readonly topic: string | TopicNameExtractor
  readonly keySerde: Serde<unknown> | null
  readonly valueSerde: Serde<unknown> | null
  readonly partitioner: StreamPartitioner | null
}

export type BatchOperator = (context: NodeContext) => OperatorFunction<AnyBatch, AnyBatch>

/** Returns the event time in ms; a negative one skips the record (and counts it as dropped). */
export type TimestampExtractor = (
  record: {
    key: unknown
    value: unknown
    timestamp: number
    topic: string
    partition: number
    offset: number
    headers: Headers
  },
  partitionTime: number,
) => number

export type TopicNameExtractor = (
  key: unknown,
  value: unknown,
  context: { topic: string | null; partition: number; offset: number; timestamp: number; headers: Headers },
) => string

/**
 * Chooses the partition from key and value, or several, or none, which leaves the record out (KIP-837); `undefined` falls
 * back to the default partitioner.
 */
export type StreamPartitioner = (
  topic: string,
  key: unknown,
  value: unknown,
  partitionCount: number,
) => number | readonly number[] | undefined

export type PunctuationType = 'STREAM_TIME' | 'WALL_CLOCK_TIME'

export interface Cancellable {
  cancel(): void
}

/** A time that a node may move at will, ms; -1 at first. It is committed with the offsets of the input, and comes back with them. */
export interface KeptTime {
  ms: number
}

/** What a node sees of its task. */
export interface NodeContext {
  readonly applicationId: string
  readonly taskId: string
  readonly nodeName: string
  readonly partition: number
  /** A connected store, or a global one. Throws StreamsError when it is not connected to this node. */
  stateStore<S extends StateStore>(name: string): S
  /** Stream time of the task: the greatest timestamp picked so far, -1 before the first. */
  currentStreamTimeMs(): number
  currentSystemTimeMs(): number
  /** The settings of the application. */
  readonly appConfigs: ResolvedConfig
  /** True: tables forward every update at once. False: updates of a key are collapsed until the next commit. */
  readonly emitEveryUpdate: boolean
  /** Emits a batch to this node's children outside its own input, from punctuators and `onFlush`. Null child = all. */
  forward(batch: AnyBatch, child?: string | null): void
  schedule(
    intervalMs: number,
    type: PunctuationType,
    callback: (timestamp: number) => void,
    startTimeMs?: number,
  ): Cancellable
  /** Called before every commit, parents before children. */
  onFlush(callback: () => void): void
  onClose(callback: () => void): void
  /** Counts a record that was left out, and says why, and for which window. Never silent. */
  dropped(reason: DroppedReason, batch: AnyBatch, row: number, window?: WindowBounds): void
  /**
   * A user function threw on this record. Returns when the processing exception handler says continue; else throws a
   * StreamsError that names node, topic, partition and offset.
   */
  processingError(error: unknown, batch: AnyBatch, row: number): void
  /** A time of this node that outlives restarts, or another one by its name. */
  keptTime(name?: string): KeptTime
  requestCommit(): void
  /** For nodes that answer later. Absent where nobody waits for them. */
  readonly async?: AsyncContext
}

/** What a task gives to nodes whose work goes on after their input has returned. */
export interface AsyncContext {
  readonly clock: Clock
  /** From here on the task heeds the node's `room`, and waits for it before every commit. */
  register(work: PendingWork): void
  /** Makes the task look again: there may be room, or nothing left to wait for. */
  progressed(): void
  /** The error to stop with: it names node, topic, partition and offset. */
  failure(error: unknown, batch: AnyBatch, row: number): Error
  /** Keeps the source record of a row in a topic, with the error in its headers. */
  deadLetter(topic: string, error: unknown, batch: AnyBatch, row: number): void
  /** Does something now, or once the commit under way has ended: what it sends and stores belongs to the next one. */
  outsideCommit(action: () => void): void
  /** Does something once the next commit has ended. */
  afterCommit(action: () => void): void
  readonly random: Random
}

/** Work of a node that has begun and not ended. */
export interface PendingWork {
  /** How many records more the node takes; with 0 or less the task takes no input. */
  readonly room: number
  /** Resolves once nothing is in flight; undefined when nothing is. Need not resolve after a failure. */
  drained(): Promise<void> | undefined
  /** What is in flight goes on only when time passes. */
  readonly waitsForClock: boolean
  /** A commit keeps what is in flight in a store, and need not wait for it. */
  readonly survivesCommits: boolean
}

export interface WindowBounds {
  readonly start: number
  readonly end: number
}

/**
 * Why a record was left out.
 *
 * - `null-key`, `null-value`: the operator has no use for it.
 * - `null-key-repartition`: no key to be partitioned by. Not part of Kafka's `dropped-records-total`.
 * - `late`: its window, or the row it would have changed, was closed.
 * - `expired`: a store did not keep it, since its retention was over; it may still have met others.
 * - `negative-timestamp`, `deserialization`: it could not be read.
 * - `processing`: a function threw on it. `production`: its result could not be written.
 */
export type DroppedReason =
  | 'null-key'
  | 'null-value'
  | 'null-key-repartition'
  | 'late'
  | 'expired'
  | 'negative-timestamp'
  | 'deserialization'
  | 'processing'
  | 'production'
