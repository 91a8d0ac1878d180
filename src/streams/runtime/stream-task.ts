import type { Clock } from '../../common/index.js'
import type { FetchedBatch, OffsetCommit } from '../../log/index.js'
import { serialize } from '../../serde/index.js'
import type { StateStore } from '../../state/index.js'
import { type AnyBatch, headersOf, originRow } from '../batch.js'
import type { ResolvedConfig } from '../config.js'
import { type DroppedRecord, droppedRecordSerde } from '../dropped-records.js'
import {
  DeserializationError,
  messageOf,
  ProcessingError,
  ProductionError,
  type StreamsErrorPlace,
} from '../errors.js'
import {
  askHandler,
  type DeadLetterRecord,
  deadLetterRecord,
  type ErrorHandlerContext,
  type FailedRecord,
  type FailedResult,
} from '../exception-handlers.js'
import type { DroppedReason, KeptTime, SinkNode, TopologyNode, WindowBounds } from '../node.js'
import { encodeTimes } from './committed-times.js'
import { withDeadLetters } from './dead-letters.js'
import type { InputHost, Skipped } from './input-partition.js'
import { KeyPool } from './key-pool.js'
import { droppedTotal, type TaskMetrics } from './metrics.js'
import type { PartitionGroup } from './partition-group.js'
import type { RecordCollector, WriteFailure } from './record-collector.js'
import { type RunOrigin, rawHeaders, rawKey, rawRowOf, rawValue } from './run.js'
import type { StateManager } from './state-manager.js'
import { TaskGraph, type TaskHost } from './task-graph.js'

/** Bounds of one slice of work, so that the event loop and other tasks get their turn. */
export interface Slice {
  readonly recordsMax: number
  /** Wall-clock time at which to stop. */
  readonly until: number
}

export interface StreamTaskOptions {
  readonly taskId: string
  readonly partition: number
  readonly nodes: readonly TopologyNode[]
  readonly config: ResolvedConfig
  readonly collector: RecordCollector
  readonly globalStore: (name: string) => StateStore | undefined
  readonly metrics: TaskMetrics
  /** In the log; null where nobody reads what is dropped. */
  readonly droppedTopic: string | null
  readonly openState: (metrics: TaskMetrics) => StateManager
  /** A node sent something, or failed, on its own account: outside of a call of the task's owner. */
  readonly onAsyncActivity?: () => void
}

/**
 * One sub-topology for one partition: buffered input, the running graph, and its state.
 *
 *     add ─▶ partition group ─▶ process (run by run) ─▶ graph ─▶ stores, collector
 *     commit: flush ─▶ (owner: producer flush, offsets, transaction) ─▶ committed
 */
export class StreamTask implements TaskHost, InputHost {
  readonly applicationId: string
  readonly taskId: string
  readonly partition: number
  readonly clock: Clock
  readonly config: ResolvedConfig
  readonly emitEveryUpdate: boolean
  readonly metrics: TaskMetrics
  readonly state: StateManager
  readonly keyPool: KeyPool | undefined
  commitRequested = false
  /** Something was processed since the last commit. */
  dirty = false
  readonly #options: StreamTaskOptions
  readonly #runRecordsMax: number
  #flushedAt = 0
  readonly #keptTimes = new Map<string, KeptTime>()
  #group: PartitionGroup | null = null
  #graph: TaskGraph | null = null

  constructor(options: StreamTaskOptions) {
    const { config } = options
    this.#options = options
    this.applicationId = config.applicationId
    this.taskId = options.taskId
    this.partition = options.partition
    this.clock = config.clock
    this.config = config
    this.emitEveryUpdate = config.emitEveryUpdate
    this.metrics = options.metrics
    this.state = options.openState(options.metrics)
    this.keyPool = this.state.stores.length === 0 ? undefined : new KeyPool()
    this.#runRecordsMax = config.bufferedRecordsPerPartition
  }

  /** Tells nodes, before they start, the times that were committed with an input partition. */
  recall(nodeTimes: ReadonlyMap<string, number>): void {
    for (const [node, time] of nodeTimes) {
      const kept = this.keptTime(node)
      kept.ms = Math.max(kept.ms, time)
    }
  }

  /** Starts the nodes; stores must have been restored. */
  start(group: PartitionGroup): void {
    this.#group = group
    this.#graph = new TaskGraph(this.#options.nodes, this)
    this.#graph.streamTimeMs = group.streamTimeMs
  }

  get group(): PartitionGroup {
    return this.#group!
  }

  get graph(): TaskGraph {
    return this.#graph!
  }

  /** Buffers a fetched batch. Returns false when reading on from its partition should pause. */
  add(batch: FetchedBatch): boolean {
    return this.group.add(batch.topic, batch.partition, batch.decode())
  }

  /** Processes what is buffered, in time order, within the slice. Returns the number of records. */
  process(slice: Slice): number {
    let processed = 0
    let now = this.clock.now()
    const began = now
    while (processed < slice.recordsMax) {
      const recordsMax = Math.min(slice.recordsMax - processed, this.#runRecordsMax, this.graph.room)
      if (recordsMax <= 0) break
      const run = this.group.nextRun(recordsMax)
      if (run === null) break
      this.dirty = true
      this.graph.process(run.source, run.batch)
      processed += run.batch.size
      this.metrics.processed(run.batch.timestamps)
      this.group.throwIfFailed()
      now = this.clock.now()
      if (now >= slice.until) break
    }
    this.metrics.processingMs += now - began
    return processed
  }

  punctuateWallClock(): boolean {
    if (this.clock.now() < this.graph.nextWallClockPunctuation) return false
    this.dirty = true
    return this.graph.punctuateWallClock()
  }

  /**
   * Waits for nodes that answer later, as far as a commit has to, or with `all` to the end; to be called before `flush`.
   * Throws what they throw.
   */
  settle(all = false): Promise<void> | undefined {
    return this.graph.room === Number.POSITIVE_INFINITY ? undefined : this.graph.settle(all)
  }

  /** Sends what was held back, and writes state to the changelogs and, when due or forced, to the database. */
  flush(force = false): void {
    this.#flushedAt = this.clock.now()
    this.graph.flush()
    this.graph.hold()
    this.state.flush(force)
  }

  /** Where a restart has to begin, with the times that Kafka Streams keeps beside it. */
  offsets(): OffsetCommit[] {
    const nodeTimes = new Map<string, number>()
    for (const [node, { ms }] of this.#keptTimes) if (ms >= 0) nodeTimes.set(node, ms)
    return this.group.partitions.map((input) => ({
      topic: input.topic,
      partition: input.partition,
      offset: input.nextOffset,
      metadata: encodeTimes({ partitionTime: input.partitionTime, nodeTimes }),
    }))
  }

  committed(endOffsets: ReadonlyMap<string, number>): void {
    this.state.commit(endOffsets)
    this.metrics.committed(this.#flushedAt, this.clock.now())
    this.dirty = false
    this.commitRequested = false
    this.graph.release()
  }

  /** Kafka's `dropped-records-total`: what nodes left out, and what stores refused as too old. */
  get droppedRecords(): number {
    return droppedTotal(this.droppedByReason)
  }

  get droppedByReason(): Readonly<Record<string, number>> {
    return this.metrics.droppedByReason(this.state.droppedExpired)
  }

  /** Closes nodes and state. What was not committed is forgotten. */
  close(): void {
    try {
      this.#graph?.close()
    } finally {
      this.state.close()
    }
  }

  // ------------------------------------------------------------------------------------- what nodes ask for

  stateStore(name: string): StateStore | undefined {
    return this.state.store(name)
  }

  globalStore(name: string): StateStore | undefined {
    return this.#options.globalStore(name)
  }

  send(sink: SinkNode, batch: AnyBatch): void {
    this.dirty = true
    this.metrics.recordsOut += batch.size
    this.#options.collector.send(sink, batch, (row, failure) => this.#writeFailed(sink, batch, row, failure))
  }

  /** Asks the production handler. Returns 'continue' or 'retry', else throws. */
  #writeFailed(sink: SinkNode, batch: AnyBatch, row: number, failure: WriteFailure): 'continue' | 'retry' {
    const { topic, origin, error, attempt } = failure
    if (origin === 'topic') {
      this.metrics.recordsOut--
      this.processingError(sink.name, error, batch, row)
      return 'continue'
    }
    if (origin === 'nowhere') {
      this.metrics.recordsOut--
      this.dropped(sink.name, 'production', batch, row, null)
      return 'continue'
    }
    const source = this.#errorContext(sink.name, batch, row)
    const failed: FailedResult = {
      taskId: this.taskId,
      node: sink.name,
      topic,
      key: batch.keys[row],
      value: batch.values[row],
      timestamp: batch.timestamps[row]!,
      headers: headersOf(batch, row) ?? [],
      origin,
      attempt,
      source,
      error,
    }
    const answer = askHandler(this.#options.config.productionExceptionHandler, failed)
    if (answer.result === 'retry' && failure.canPass) return 'retry'
    const letters = this.#lettersOf(source, error, answer.deadLetters)
    if (answer.result === 'continue') {
      this.metrics.recordsOut--
      this.dropped(sink.name, 'production', batch, row, null)
      this.#sendLetters(letters)
      return 'continue'
    }
    const place = placeOf(this.taskId, source)
    const fatal = new ProductionError(`a record cannot be written to ${topic}: ${messageOf(error)}`, {
      cause: error,
      place,
    })
    throw withDeadLetters(fatal, letters)
  }

  dropped(
    node: string,
    reason: DroppedReason,
    batch: AnyBatch,
    row: number,
    window: WindowBounds | null,
  ): void {
    this.#leftOut(node, reason, window, () => this.#errorContext(node, batch, row))
  }

  /** Counts, and tells whoever wants to know. What the readers of dropped records drop does not go to them again. */
  #leftOut(
    node: string,
    reason: DroppedReason,
    window: WindowBounds | null,
    source: () => ErrorHandlerContext,
  ): void {
    this.metrics.countDropped(node, reason)
    const { collector, droppedTopic, config } = this.#options
    if (config.onDropped === undefined && droppedTopic === null) return
    const { topic, partition, offset, timestamp, headers, key, value } = source()
    const place = { reason, taskId: this.taskId, node, window, topic: topic || null, partition, offset }
    const record: DroppedRecord = { ...place, timestamp, headers, key, value }
    config.onDropped?.(record)
    if (droppedTopic === null || topic === droppedTopic) return
    const bytes = serialize(droppedRecordSerde, record)
    collector.sendRaw(droppedTopic, 0, Buffer.from(node), bytes, Math.max(0, timestamp), headers)
  }

  processingError(node: string, error: unknown, batch: AnyBatch, row: number): void {
    const failure = this.#failedRecord(node, error, batch, row)
    const answer = askHandler(this.#options.config.processingExceptionHandler, failure)
    const letters = this.#lettersOf(failure, error, answer.deadLetters)
    if (answer.result === 'fail') throw this.#fatal(failure, letters)
    this.dropped(node, 'processing', batch, row, null)
    this.#sendLetters(letters)
  }

  processingFailure(node: string, error: unknown, batch: AnyBatch, row: number): Error {
    const failure = this.#failedRecord(node, error, batch, row)
    return this.#fatal(failure, this.#lettersOf(failure, error, null))
  }

  #fatal(failure: FailedRecord, letters: readonly DeadLetterRecord[]): Error {
    const { error } = failure
    const place = placeOf(this.taskId, failure)
    return withDeadLetters(new ProcessingError(messageOf(error), { cause: error, place }), letters)
  }

  deadLetter(node: string, topic: string, error: unknown, batch: AnyBatch, row: number): void {
    this.#sendLetters([deadLetterRecord(topic, this.#errorContext(node, batch, row), error)])
  }

  keptTime(node: string): KeptTime {
    let kept = this.#keptTimes.get(node)
    if (kept === undefined) {
      kept = { ms: -1 }
      this.#keptTimes.set(node, kept)
    }
    return kept
  }

  requestCommit(): void {
    this.commitRequested = true
  }

  asyncActivity(): void {
    this.dirty = true
    this.#options.onAsyncActivity?.()
  }

  // ------------------------------------------------------------------------------- what reading input asks for

  deserializationError(failure: FailedRecord): readonly DeadLetterRecord[] {
    const answer = askHandler(this.#options.config.deserializationExceptionHandler, failure)
    const letters = this.#lettersOf(failure, failure.error, answer.deadLetters)
    if (answer.result === 'continue') return letters
    const error = new DeserializationError(`the record cannot be read: ${messageOf(failure.error)}`, {
      cause: failure.error,
      place: placeOf(this.taskId, failure),
    })
    throw withDeadLetters(error, letters)
  }

  skipped(skipped: Skipped): void {
    const { failure, reason, source } = skipped
    this.dirty = true
    this.#leftOut(source, reason, null, () => failure)
    this.#sendLetters(skipped.deadLetters)
  }

  /** Those of the handler, or the one that the configuration asks for. */
  #lettersOf(
    source: ErrorHandlerContext,
    error: unknown,
    answered: readonly DeadLetterRecord[] | null,
  ): readonly DeadLetterRecord[] {
    const topic = this.#options.config.deadLetterTopic
    return answered ?? (topic === undefined ? [] : [deadLetterRecord(topic, source, error)])
  }

  #sendLetters(letters: readonly DeadLetterRecord[]): void {
    const { collector } = this.#options
    for (const { topic, partition = 0, key, value, timestamp, headers } of letters) {
      collector.sendRaw(topic, partition, key, value, timestamp, headers)
    }
  }

  #failedRecord(node: string, error: unknown, batch: AnyBatch, row: number): FailedRecord {
    const record = {
      key: batch.keys[row],
      value: batch.values[row],
      timestamp: batch.timestamps[row] ?? -1,
      headers: headersOf(batch, row) ?? [],
    }
    return { ...this.#errorContext(node, batch, row), error, record }
  }

  #errorContext(node: string, batch: AnyBatch, row: number): ErrorHandlerContext {
    const origin = batch.origin as RunOrigin | null
    const place = { taskId: this.taskId, node, timestamp: batch.timestamps[row] ?? -1 }
    if (origin?.raw === undefined) {
      return { ...place, topic: '', partition: -1, offset: -1, headers: [], key: null, value: null }
    }
    const at = originRow(batch, row)
    const rawRow = rawRowOf(origin, at)
    return {
      ...place,
      topic: origin.topic,
      partition: origin.partition,
      offset: origin.offsets[at]!,
      timestamp: origin.raw.timestamps[rawRow]!,
      headers: rawHeaders(origin.raw, rawRow),
      key: rawKey(origin.raw, rawRow),
      value: rawValue(origin.raw, rawRow),
    }
  }
}

function placeOf(taskId: string, { node, topic, partition, offset }: ErrorHandlerContext): StreamsErrorPlace {
  const place = { taskId, ...(node === null ? {} : { node }) }
  return topic === '' ? place : { ...place, topic, partition, offset }
}
