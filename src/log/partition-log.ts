import {
  type Clock,
  type FileSystem,
  nextEventLoopTurn,
  type Random,
  randomBelow,
  systemRandom,
} from '../common/index.js'
import { LEADER_EPOCH_AT, writeInt64 } from './batch-format.js'
import { readTransactionMarker, type TransactionMarker } from './control-record.js'
import { asStorageError, KafkaError, storageError } from './errors.js'
import { HeldSegments } from './held-segments.js'
import {
  type CleanerContext,
  type CleanerPause,
  type CleanResult,
  cleanLog,
  hasUnfinishedSwap,
  isCleanable,
} from './log-cleaner.js'
import { LogFlusher } from './log-flusher.js'
import { LogReader } from './log-reader.js'
import { recoverLog, replay, type Truncation } from './log-recovery.js'
import type {
  AbortedTransaction,
  AppendOptions,
  AppendResult,
  CompactionOptions,
  OpenTransaction,
  PartitionLogOptions,
  ReadOptions,
  ReadResult,
  TimestampAndOffset,
} from './partition-log-options.js'
import { ProducerSnapshots } from './producer-snapshots.js'
import type { DuplicateBatch, ProducerState, ProducerSummary } from './producer-state.js'
import { RecentBatches, type RecentTail } from './recent-batches.js'
import { RecordBatchView } from './record-batch.js'
import { Segment, type SegmentOptions } from './segment.js'
import { SegmentList } from './segment-list.js'
import type { TopicConfig } from './topic-config.js'
import { sizeOfSingleBatch, validateClientBatch } from './validate-batch.js'

export type * from './partition-log-options.js'

const DAY_MS = 86_400_000
const DEFAULT_READ_BYTES = 1024 * 1024
const MAX_RELATIVE_OFFSET = 0x7fff_ffff

/**
 * The log of one partition on files (Kafka's UnifiedLog on one node).
 *
 * Invariants:
 * - `logStartOffset <= lastStableOffset <= highWatermark == logEndOffset`; offsets are given once, in order
 * - `recoveryPoint <= logEndOffset`: what lies below survives a power cut; it follows each roll in the background
 * - the producer state is that of all batches below `logEndOffset`
 * - only the active segment is written to; closed segments change by compaction alone
 *
 * After a failed sync nobody knows what is stable: the log refuses appends with KAFKA_STORAGE_ERROR until it is
 * opened again. A failed write leaves the log as it was and may be repeated.
 */
export class PartitionLog {
  readonly topic: string
  readonly partition: number
  readonly directory: string
  /** What the recovery cut off, null: nothing. */
  readonly truncation: Truncation | null
  readonly #files: FileSystem
  readonly #clock: Clock
  readonly #random: Random
  readonly #segments: SegmentList
  readonly #heldSegments: HeldSegments
  readonly #reader: LogReader
  readonly #producers: ProducerState
  readonly #recent: RecentTail
  readonly #producerIdExpirationMs: number
  readonly #snapshots: ProducerSnapshots
  #config: TopicConfig
  #logStartOffset: number
  #logEndOffset: number
  readonly #flusher: LogFlusher
  readonly #onSegmentStable: () => void
  #cleanedUpTo: number
  /** The log end as it was found. */
  readonly #openedAt: number
  /** When the active segment was made or opened: its age where records have no timestamps. */
  #activeSinceMs: number
  /** How much earlier than `maxSegmentMs` the active segment ends. */
  #rollJitterMs = 0
  /** Otherwise the active segment is idle. */
  #appendedSinceCheck = false
  /** Segments may be replaced at any turn: nobody else removes any. */
  #compacting = false
  #closed = false
  /** All files are stable, the indexes too. */
  #closedInOrder = false

  private constructor(options: PartitionLogOptions) {
    this.topic = options.topic
    this.partition = options.partition
    this.directory = options.directory
    this.#files = options.files
    this.#clock = options.clock
    this.#random = options.random ?? systemRandom
    this.#config = options.config
    this.#producerIdExpirationMs = options.producerIdExpirationMs ?? DAY_MS
    this.#cleanedUpTo = options.cleanedUpTo ?? 0
    this.#recent = (options.recentBatches ?? new RecentBatches(1024 * 1024)).tail()
    this.#heldSegments = options.heldSegments ?? new HeldSegments({ maxFiles: 500 })
    const now = options.clock.now()
    this.#activeSinceMs = now
    this.#files.makeDirectory(options.directory)
    const recovered = recoverLog({
      files: options.files,
      directory: options.directory,
      indexIntervalBytes: options.config.indexIntervalBytes,
      heldSegments: this.#heldSegments,
      cleanShutdown: options.cleanShutdown,
      recoveryPoint: options.recoveryPoint ?? 0,
      logStartOffset: options.logStartOffset ?? 0,
      producerIdExpirationMs: this.#producerIdExpirationMs,
      now,
    })
    // Idle partitions hold no file open.
    for (const segment of recovered.segments) segment.closeFile()
    this.#segments = new SegmentList(recovered.segments)
    this.#reader = new LogReader(this.#segments)
    this.#producers = recovered.producers
    this.#snapshots = new ProducerSnapshots(options.files, options.directory, recovered.snapshots)
    this.truncation = recovered.truncation
    this.#logEndOffset = recovered.logEndOffset
    this.#openedAt = recovered.logEndOffset
    this.#logStartOffset = Math.min(
      Math.max(options.logStartOffset ?? 0, this.#segments.first.baseOffset),
      recovered.logEndOffset,
    )
    this.#rollJitterMs = this.#newJitterMs()
    this.#onSegmentStable = options.onSegmentStable ?? (() => {})
    this.#flusher = new LogFlusher({
      files: options.files,
      directory: options.directory,
      segments: this.#segments,
      snapshots: this.#snapshots,
      stableBelow: recovered.logEndOffset,
      completeBelow: recovered.completeBelow,
      newFiles: !options.cleanShutdown,
    })
  }

  /**
   * Opens or creates the log, repairing what an unclean stop left. Throws CorruptRecordError for damage beyond that,
   * KafkaError KAFKA_STORAGE_ERROR where files cannot be read or written.
   */
  static open(options: PartitionLogOptions): PartitionLog {
    try {
      return new PartitionLog(options)
    } catch (error) {
      throw asStorageError(`cannot open ${options.directory}`, error)
    }
  }

  get logStartOffset(): number {
    return this.#logStartOffset
  }
  /** The offset the next record gets. */
  get logEndOffset(): number {
    return this.#logEndOffset
  }
  /** On one node the log end; consumers of a topic that flushes every record read less (see Partition). */
  get highWatermark(): number {
    return this.#logEndOffset
  }
  /** First offset of the earliest open transaction, or the high watermark. */
  get lastStableOffset(): number {
    return Math.max(this.#logStartOffset, Math.min(this.#producers.firstOpenOffset, this.#logEndOffset))
  }
  /** Offsets below it survive a power cut. */
  get recoveryPoint(): number {
    return this.#flusher.stableBelow
  }
  /** What the recovery point checkpoint may hold: a restart checks from the segment on that holds this offset. */
  get recoveryCheckpoint(): number {
    return this.#closedInOrder ? this.recoveryPoint : this.#flusher.checkpoint
  }
  /** Where compaction goes on. To be kept over restarts, or all is compacted once more. */
  get cleanedUpTo(): number {
    return this.#cleanedUpTo
  }
  get sizeBytes(): number {
    return this.#segments.sizeBytes
  }
  get segmentCount(): number {
    return this.#segments.count
  }
  get config(): TopicConfig {
    return this.#config
  }
  /** Why the log takes no more appends; null: it does. */
  get failure(): unknown {
    return this.#flusher.failure
  }

  updateConfig(config: TopicConfig): void {
    this.#config = config
  }

  openTransactions(): OpenTransaction[] {
    return this.#producers.openTransactions()
  }

  /** The producers that are remembered. */
  producers(): ProducerSummary[] {
    return this.#producers.entries()
  }

  /** The newest epoch of a producer seen here; -1: unknown. */
  producerEpoch(producerId: number): number {
    return this.#producers.epochOf(producerId)
  }

  // ---------------------------------------------------------------------------------------------- append

  /**
   * Appends one batch, all or nothing, and gives it its offsets. The buffer is kept and its header written to: do
   * not touch it afterwards. The data is in the page cache on return, stable after `flush`.
   *
   * Throws KafkaError: MESSAGE_TOO_LARGE, CORRUPT_MESSAGE, INVALID_RECORD, INVALID_TIMESTAMP, INVALID_PRODUCER_EPOCH,
   * OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_TXN_STATE, TRANSACTION_COORDINATOR_FENCED, KAFKA_STORAGE_ERROR.
   */
  append(bytes: Buffer, options: AppendOptions): AppendResult {
    this.#checkWritable()
    const now = this.#clock.now()
    const batch = this.#validate(bytes, options, now)
    const marker = batch.control ? readTransactionMarker(batch) : null
    const duplicate = this.#checkProducer(batch, marker, options)
    if (duplicate !== null) return this.#duplicateResult(duplicate)

    const baseOffset = this.#logEndOffset
    writeInt64(batch.buffer, baseOffset, 0)
    batch.buffer.writeInt32BE(0, LEADER_EPOCH_AT)
    this.#rollIfNeeded(batch, now)
    const active = this.#segments.active
    try {
      active.append(batch)
    } catch (error) {
      throw storageError(`cannot write to ${active.path}`, error)
    }
    this.#appendedSinceCheck = true
    this.#logEndOffset = batch.nextOffset
    replay(this.#producers, batch, active, now)
    this.#recent.add(batch)
    if (this.#logEndOffset - this.#flusher.stableBelow >= this.#config.flushMessages) this.flushSync()
    return {
      baseOffset,
      lastOffset: this.#logEndOffset - 1,
      logAppendTime: batch.timestampType === 'LogAppendTime' ? batch.maxTimestamp : -1,
      duplicate: false,
    }
  }

  #validate(bytes: Buffer, options: AppendOptions, now: number): RecordBatchView {
    const place = `${this.topic}-${this.partition}`
    const { trusted = false, allKeyed = false } = options
    if (options.origin === 'client') {
      return validateClientBatch(bytes, { config: this.#config, place, now, trusted, allKeyed })
    }
    const batch = new RecordBatchView(bytes)
    sizeOfSingleBatch(batch, place)
    if (!trusted) batch.verify()
    batch.markVerified()
    return batch
  }

  #checkProducer(
    batch: RecordBatchView,
    marker: TransactionMarker | null,
    { origin, transactionVersion = 1 }: AppendOptions,
  ): DuplicateBatch | null {
    if (marker !== null) this.#producers.checkMarker(marker)
    if (batch.producerId < 0 || batch.control) return null
    return this.#producers.check(batch, { checkSequence: origin === 'client', transactionVersion })
  }

  #duplicateResult({ baseOffset, lastOffset, timestamp }: DuplicateBatch): AppendResult {
    const logAppendTime = this.#config.timestampType === 'LogAppendTime' ? timestamp : -1
    return { baseOffset, lastOffset, logAppendTime, duplicate: true }
  }

  #rollIfNeeded(batch: RecordBatchView, now: number): void {
    const active = this.#segments.active
    if (active.sizeBytes === 0) return
    const config = this.#config
    const first = active.firstTimestamp
    const age = batch.maxTimestamp >= 0 && first >= 0 ? batch.maxTimestamp - first : now - this.#activeSinceMs
    if (
      active.sizeBytes + batch.sizeBytes > config.segmentBytes ||
      age > config.maxSegmentMs - this.#rollJitterMs ||
      active.isIndexFull(config.segmentIndexBytes) ||
      batch.lastOffset - active.baseOffset > MAX_RELATIVE_OFFSET
    ) {
      this.#roll(now)
    }
  }

  /** Begins a new segment at the log end. */
  #roll(now: number): void {
    try {
      this.#segments.active.complete()
      // A recovery point that an earlier process wrote down now stands for the new segment: the old one must be whole.
      if (this.#logEndOffset === this.#openedAt) this.#segments.active.syncIndexes()
      this.#segments.active.closeFile()
      this.#writeSnapshot()
      this.#segments.add(Segment.create(this.#segmentOptions(this.#logEndOffset)))
      this.#activeSinceMs = now
      this.#rollJitterMs = this.#newJitterMs()
    } catch (error) {
      throw storageError(`cannot begin a new segment in ${this.directory}`, error)
    }
    this.#flusher.segmentBegun()
    // Kafka's: so that a restart need not check it. A failure is kept and met by the next append.
    this.#flusher.flush(this.#logEndOffset).then(this.#onSegmentStable, () => {})
  }

  /** Kafka's `segment.jitter.ms`: so that not all partitions roll at once. */
  #newJitterMs(): number {
    const { segmentJitterMs, maxSegmentMs } = this.#config
    const limit = Math.min(segmentJitterMs, maxSegmentMs)
    return limit <= 0 ? 0 : randomBelow(this.#random, limit)
  }

  #segmentOptions(baseOffset: number): SegmentOptions {
    return {
      files: this.#files,
      directory: this.directory,
      baseOffset,
      indexIntervalBytes: this.#config.indexIntervalBytes,
      held: this.#heldSegments,
    }
  }

  // ------------------------------------------------------------------------------------------------ read

  /** Throws KafkaError OFFSET_OUT_OF_RANGE, CorruptRecordError. Nothing to read is no error: no batches. */
  read(offset: number, options: ReadOptions = {}): ReadResult {
    this.#checkOpen()
    const {
      maxBytes = DEFAULT_READ_BYTES,
      isolation = 'read_uncommitted',
      endOffset = this.#logEndOffset,
    } = options
    if (offset < this.#logStartOffset || offset > this.#logEndOffset) {
      throw new KafkaError(
        'OFFSET_OUT_OF_RANGE',
        `offset ${offset} of ${this.topic}-${this.partition} is outside [${this.#logStartOffset}, ${this.#logEndOffset}]`,
      )
    }
    const committed = isolation === 'read_committed'
    const end = Math.min(endOffset, committed ? this.lastStableOffset : this.#logEndOffset)
    const batches = this.#batchesFrom(offset, maxBytes, end)
    let sizeBytes = 0
    for (const batch of batches) sizeBytes += batch.sizeBytes
    return {
      batches,
      sizeBytes,
      highWatermark: this.#logEndOffset,
      lastStableOffset: this.lastStableOffset,
      logStartOffset: this.#logStartOffset,
      abortedTransactions: committed
        ? this.abortedTransactions(offset, batches.at(-1)?.nextOffset ?? offset)
        : null,
    }
  }

  #batchesFrom(offset: number, maxBytes: number, end: number): RecordBatchView[] {
    if (offset >= end) return []
    if (offset >= this.#recent.firstOffset) return this.#recent.from(offset, maxBytes, end)
    try {
      return this.#reader.read(offset, maxBytes, end, this.#logEndOffset)
    } catch (error) {
      throw asStorageError(`cannot read ${this.directory}`, error)
    }
  }

  /** Transactions aborted whose records may lie in [offset, end), by first offset. */
  abortedTransactions(offset: number, end: number): AbortedTransaction[] {
    return this.#reader.abortedTransactions(offset, end)
  }

  /** The first record in offset order with at least this timestamp; null: none. */
  offsetForTimestamp(timestamp: number): TimestampAndOffset | null {
    this.#checkOpen()
    try {
      return this.#reader.offsetForTimestamp(timestamp, this.#logStartOffset)
    } catch (error) {
      throw asStorageError(`cannot read ${this.directory}`, error)
    }
  }

  /** The first record with the greatest timestamp; null: no record has one. */
  maxTimestamp(): TimestampAndOffset | null {
    const greatest = Math.max(...this.#segments.all.map((segment) => segment.maxTimestamp))
    return greatest < 0 ? null : this.offsetForTimestamp(greatest)
  }

  // ----------------------------------------------------------------------------------------------- flush

  /**
   * Makes everything appended so far stable, off the event loop. Calls while a flush runs share the next one.
   * Throws KafkaError KAFKA_STORAGE_ERROR; the log then takes no more appends.
   */
  flush(): Promise<void> {
    return this.#flusher.flush(this.#logEndOffset)
  }

  /** As `flush`, at once. */
  flushSync(): void {
    this.#flusher.flushSync(this.#logEndOffset)
  }

  // ------------------------------------------------------------------------------- retention and compaction

  /**
   * Deletes segments that are too old, that are too much, or that lie before the log start; forgets silent producers
   * and closes idle files. Returns how many segments went.
   */
  applyRetention(now: number): number {
    this.#checkOpen()
    this.#producers.expire(now - this.#producerIdExpirationMs)
    let deleted = this.#deleteWhile((segment) => this.#endOf(segment) <= this.#logStartOffset)
    const { retentionMs, retentionBytes } = this.#config
    if (this.#config.delete && retentionMs >= 0) {
      const expired = (s: Segment): boolean =>
        now - (s.maxTimestamp >= 0 ? s.maxTimestamp : s.modifiedMs) > retentionMs
      deleted += this.#deleteWhile(
        (segment) => this.#isSpent(segment) || (segment.sizeBytes > 0 && expired(segment)),
        now,
      )
    }
    if (this.#config.delete && retentionBytes >= 0) {
      let surplus = this.sizeBytes - retentionBytes
      deleted += this.#deleteWhile((segment) => {
        if (segment.sizeBytes === 0 || surplus < segment.sizeBytes) return this.#isSpent(segment)
        surplus -= segment.sizeBytes
        return true
      }, now)
    }
    for (const segment of this.#segments.all) {
      if (segment !== this.#segments.active || !this.#appendedSinceCheck) segment.release()
    }
    this.#appendedSinceCheck = false
    return deleted
  }

  /**
   * Raises the log start offset; whole segments below it go. The new start must be kept over restarts by the caller.
   * Throws KafkaError OFFSET_OUT_OF_RANGE beyond the high watermark.
   */
  deleteRecordsBefore(offset: number): void {
    this.#checkWritable()
    if (offset > this.highWatermark || offset < 0) {
      throw new KafkaError(
        'OFFSET_OUT_OF_RANGE',
        `cannot delete records before ${offset}: ${this.topic}-${this.partition} ends at ${this.highWatermark}`,
      )
    }
    if (offset <= this.#logStartOffset) return
    this.#logStartOffset = offset
    this.#deleteWhile((segment) => this.#endOf(segment) <= offset)
  }

  /** Deletes segments from the oldest on. `rollAt`: the active one may go too, after a new one has begun. */
  #deleteWhile(condemned: (segment: Segment) => boolean, rollAt?: number): number {
    if (this.#compacting) return 0
    const candidates = rollAt === undefined ? this.#segments.all.slice(0, -1) : this.#segments.all
    let count = 0
    while (count < candidates.length && condemned(candidates[count]!)) count++
    if (count === 0) return 0
    if (count === this.#segments.count) this.#roll(rollAt!)
    try {
      // The new segment alone remembers the log end: it must be stable before the old ones go.
      this.#flusher.syncDirectory()
      this.#segments.deleteFirst(count)
      this.#reader.forgetCursors()
      this.#logStartOffset = Math.max(this.#logStartOffset, this.#segments.first.baseOffset)
      // What was never flushed may be torn: it must not come back below the recovery point.
      this.#files.syncDirectory(this.directory)
    } catch (error) {
      throw asStorageError(`cannot delete segments of ${this.directory}`, error)
    }
    this.#flusher.forgetBelow(this.#segments.first.baseOffset)
    this.#snapshots.prune(this.#segments.baseOffsets())
    return count
  }

  /** Compaction may leave nothing of a segment. */
  #isSpent(segment: Segment): boolean {
    return segment.sizeBytes === 0 && segment !== this.#segments.active
  }

  #endOf(segment: Segment): number {
    const next = this.#segments.all[this.#segments.all.indexOf(segment) + 1]
    return next?.baseOffset ?? this.#logEndOffset
  }

  /** Whether `compact` has something to do that pays (`min.cleanable.dirty.ratio`, `max.compaction.lag.ms`). */
  needsCompaction(now: number): boolean {
    return this.#config.compact && isCleanable(this.#cleanerContext(now))
  }

  /**
   * Compacts the closed segments: of each key the newest record stays. Returns whether anything was rewritten. Takes
   * as long as rewriting them takes; `compactInSlices` lets others work meanwhile.
   */
  compact(now: number): boolean {
    const work = this.#beginCompaction(now)
    if (work === null) return false
    try {
      let step = work.next()
      while (step.done !== true) {
        try {
          this.#stabilize(step.value)
        } catch (error) {
          // It undoes what it has begun, and throws again.
          step = work.throw(error)
          continue
        }
        step = work.next()
      }
      return this.#compacted(step.value)
    } catch (error) {
      throw this.#compactionFailed(error)
    } finally {
      this.#compacting = false
    }
  }

  /**
   * As `compact`, in slices of about 1 MiB, after each of which `pause` is awaited. What has to be stable is synced off
   * the event loop. Ends without a result when it is to stop, and when the log is closed meanwhile.
   */
  async compactInSlices(
    now: number,
    { pause = nextEventLoopTurn, isStopped = () => false }: CompactionOptions = {},
  ): Promise<boolean> {
    const work = this.#beginCompaction(now)
    if (work === null) return false
    try {
      let step = work.next()
      while (step.done !== true) {
        try {
          await (step.value === null ? pause() : this.#stabilizeAsync(step.value))
        } catch (error) {
          step = work.throw(error)
          continue
        }
        if (this.#closed || isStopped()) {
          work.return(null)
          return false
        }
        step = work.next()
      }
      return this.#compacted(step.value)
    } catch (error) {
      throw this.#compactionFailed(error)
    } finally {
      this.#compacting = false
    }
  }

  #stabilize(what: CleanerPause): void {
    if (what === 'directory') this.#files.syncDirectory(this.directory)
    else if (what !== null) {
      what.syncLog()
      what.syncIndexes()
    }
  }

  async #stabilizeAsync(what: Segment | 'directory'): Promise<void> {
    if (what === 'directory') return this.#files.syncDirectoryAsync(this.directory)
    await what.syncLogAsync()
    if (!this.#closed) await what.syncIndexesAsync()
  }

  #beginCompaction(now: number): Generator<CleanerPause, CleanResult | null> | null {
    this.#checkWritable()
    if (!this.#config.compact || this.#compacting) return null
    this.#compacting = true
    return cleanLog(this.#cleanerContext(now))
  }

  #compacted(result: CleanResult | null): boolean {
    if (result === null) return false
    this.#cleanedUpTo = result.cleanedUpTo
    this.#recent.hideBelow(result.cleanedUpTo)
    this.#reader.forgetCursors()
    return true
  }

  #compactionFailed(error: unknown): unknown {
    if (!this.#closed && hasUnfinishedSwap(this.#files, this.directory)) this.#flusher.fail(error)
    return asStorageError(`cannot compact ${this.directory}`, error)
  }

  #cleanerContext(now: number): CleanerContext {
    return {
      files: this.#files,
      directory: this.directory,
      segmentOptions: (baseOffset) => this.#segmentOptions(baseOffset),
      segments: this.#segments,
      config: this.#config,
      producers: this.#producers,
      lastStableOffset: this.lastStableOffset,
      cleanedUpTo: this.#cleanedUpTo,
      now,
    }
  }

  // ----------------------------------------------------------------------------------------------- close

  /** Flushes, writes indexes and producer state, and closes the files. Throws when the data may not be stable. */
  close(): void {
    if (this.#closed) return
    try {
      this.flushSync()
      this.#checkWritable()
      // A start after a clean stop believes the indexes, and that nothing lies behind the last batch.
      let indexesSynced = false
      for (const segment of this.#segments.all) {
        segment.syncLog()
        if (segment.syncIndexes()) indexesSynced = true
        segment.release()
      }
      if (indexesSynced) this.#files.syncDirectory(this.directory)
      this.#writeSnapshot()
      this.#closedInOrder = true
    } catch (error) {
      throw asStorageError(`cannot close ${this.directory} in good order`, error)
    } finally {
      this.#closeFiles()
    }
  }

  /** Closes without flushing: its files are to be removed. */
  abandon(): void {
    this.#closeFiles()
  }

  #closeFiles(): void {
    this.#closed = true
    this.#flusher.stop()
    this.#recent.close()
    for (const segment of this.#segments.all) segment.closeFile()
  }

  #writeSnapshot(): void {
    this.#snapshots.write(this.#logEndOffset, this.#producers, this.#segments.baseOffsets())
  }

  #checkOpen(): void {
    if (this.#closed)
      throw new KafkaError('KAFKA_STORAGE_ERROR', `the log ${this.topic}-${this.partition} is closed`)
  }

  #checkWritable(): void {
    this.#checkOpen()
    const { failure } = this.#flusher
    if (failure === null) return
    throw storageError(`${this.directory} failed earlier and must be opened again`, failure)
  }
}
