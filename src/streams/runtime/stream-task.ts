import type { Clock } from '../../common/index.js'
import type { FetchedBatch, OffsetCommit } from '../../log/index.js'
import type { StateStore } from '../../state/index.js'
import type { AnyBatch } from '../batch.js'
import type { ResolvedConfig } from '../config.js'
import type { DeadLetterRecord, FailedRecord } from '../exception-handlers.js'
import type { DroppedReason, KeptTime, SinkNode, TopologyNode, WindowBounds } from '../node.js'
import { encodeTimes } from './committed-times.js'
import type { InputHost, Skipped } from './input-partition.js'
import { KeyPool } from './key-pool.js'
import { droppedTotal, type TaskMetrics } from './metrics.js'
import type { PartitionGroup } from './partition-group.js'
import type { RecordCollector } from './record-collector.js'
import type { StateManager } from './state-manager.js'
import { TaskFailures } from './task-failures.js'
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
  readonly #failures: TaskFailures
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
    this.#failures = new TaskFailures(options)
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
    this.#options.collector.send(sink, batch, (row, failure) =>
      this.#failures.writeFailed(sink, batch, row, failure),
    )
  }

  dropped(
    node: string,
    reason: DroppedReason,
    batch: AnyBatch,
    row: number,
    window: WindowBounds | null,
  ): void {
    this.#failures.dropped(node, reason, batch, row, window)
  }

  processingError(node: string, error: unknown, batch: AnyBatch, row: number): void {
    this.#failures.processingError(node, error, batch, row)
  }

  processingFailure(node: string, error: unknown, batch: AnyBatch, row: number): Error {
    return this.#failures.processingFailure(node, error, batch, row)
  }

  deadLetter(node: string, topic: string, error: unknown, batch: AnyBatch, row: number): void {
    this.#failures.deadLetter(node, topic, error, batch, row)
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
    return this.#failures.deserializationError(failure)
  }

  skipped(skipped: Skipped): void {
    this.dirty = true
    this.#failures.skipped(skipped)
  }
}
