import type { Clock, Timer } from '../common/index.js'
import { buildTransactionMarker } from './control-record.js'
import { KafkaError } from './errors.js'
import type { IsolationLevel, TopicPartition } from './log.js'
import {
  type AppendOptions,
  type AppendResult,
  PartitionLog,
  type PartitionLogOptions,
  type TimestampAndOffset,
} from './partition-log.js'
import type { TopicConfig } from './topic-config.js'

const TRUSTED_CLIENT: AppendOptions = { origin: 'client', trusted: true }
const TRUSTED_COORDINATOR: AppendOptions = { origin: 'coordinator', trusted: true }
/** About 24 days. A longer `flush.ms` means: not by time. */
const LONGEST_TIMER_MS = 0x7fff_ffff

/**
 * A partition as producers and consumers meet it: its log, those who wait for it to grow, and the flush policy
 * of its topic (`flush.messages`, `flush.ms`). Flushes run beside the event loop and are shared by all who wait,
 * so the log itself is told not to flush within an append.
 */
export class Partition implements TopicPartition {
  readonly topic: string
  readonly partition: number
  readonly log: PartitionLog
  /** The topic is gone; a topic of the same name has other partitions. */
  deleted = false
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()
  #config: TopicConfig
  #unflushedRecords = 0
  #flushTimer: Timer | null = null

  constructor(options: PartitionLogOptions) {
    this.topic = options.topic
    this.partition = options.partition
    this.#clock = options.clock
    this.#config = options.config
    this.log = PartitionLog.open({ ...options, config: withoutFlushPolicy(options.config) })
  }

  updateConfig(config: TopicConfig): void {
    this.#config = config
    this.log.updateConfig(withoutFlushPolicy(config))
    // What consumers may read has changed.
    if (this.flushesEveryRecord) this.#flushInBackground()
    else this.wakeAll()
  }

  /** Appends a batch that a builder of this process made. */
  append(batch: Buffer): AppendResult {
    return this.#append(batch, TRUSTED_CLIENT)
  }

  /** Appends a batch of one of the coordinators. */
  appendInternal(batch: Buffer): AppendResult {
    return this.#append(batch, TRUSTED_COORDINATOR)
  }

  /** Ends a transaction in this partition. */
  appendMarker(marker: { producerId: number; producerEpoch: number; committed: boolean }): void {
    this.appendInternal(
      buildTransactionMarker({
        type: marker.committed ? 'COMMIT' : 'ABORT',
        producerId: marker.producerId,
        producerEpoch: marker.producerEpoch,
        coordinatorEpoch: 0,
        timestamp: this.#clock.now(),
      }),
    )
  }

  #append(batch: Buffer, options: AppendOptions): AppendResult {
    if (this.deleted) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${this.topic} was deleted`)
    const result = this.log.append(batch, options)
    if (!result.duplicate) this.#grown(result.lastOffset - result.baseOffset + 1)
    return result
  }

  #grown(records: number): void {
    const { flushMessages, flushMs } = this.#config
    this.#unflushedRecords += records
    if (this.#unflushedRecords >= flushMessages) this.#flushInBackground()
    else if (flushMs <= LONGEST_TIMER_MS && this.#flushTimer === null) {
      this.#flushTimer = this.#clock.setTimer(flushMs, () => this.#flushInBackground())
    }
    if (this.#waiting.size > 0) this.wakeAll()
  }

  /**
   * The end of what consumers read: with `flush.messages=1` what is on stable storage, or an application might act on
   * records that a power cut takes and their producer sends again. Kafka's high watermark.
   */
  get highWatermark(): number {
    const { log } = this
    return this.flushesEveryRecord ? Math.max(log.logStartOffset, log.recoveryPoint) : log.logEndOffset
  }

  /** What consumers read under `isolation` ends here: the high watermark, or what no open transaction holds back. */
  endOffset(isolation: IsolationLevel): number {
    const { highWatermark } = this
    return isolation === 'read_committed' ? Math.min(highWatermark, this.log.lastStableOffset) : highWatermark
  }

  /** As `PartitionLog.offsetForTimestamp`, of what consumers read. */
  offsetForTimestamp(timestamp: number): TimestampAndOffset | null {
    const found = this.log.offsetForTimestamp(timestamp)
    return found === null || found.offset < this.highWatermark ? found : null
  }

  /** Calls `wake` whenever consumers may read more or the partition went away, until the returned function is called. */
  onGrowth(wake: () => void): () => void {
    this.#waiting.add(wake)
    return () => this.#waiting.delete(wake)
  }

  wakeAll(): void {
    for (const wake of this.#waiting) wake()
  }

  /** Whether an acknowledgement of every record waits for stable storage (`flush.messages=1`). */
  get flushesEveryRecord(): boolean {
    return this.#config.flushMessages === 1
  }

  /** Resolves once all that was appended before the call is on stable storage. Throws KAFKA_STORAGE_ERROR. */
  flush(): Promise<void> {
    this.#unflushedRecords = 0
    this.#flushTimer?.cancel()
    this.#flushTimer = null
    const flushed = this.log.flush()
    return this.flushesEveryRecord ? flushed.then(() => this.wakeAll()) : flushed
  }

  /**
   * Where every acknowledgement waits for stable storage: makes what is there stable, at once. For what a restart
   * found or decided, before anybody acts on it. Throws KAFKA_STORAGE_ERROR.
   */
  stabilize(): void {
    if (!this.flushesEveryRecord) return
    this.log.flushSync()
    this.wakeAll()
  }

  #flushInBackground(): void {
    // A failure is kept by the log and met by the next append.
    this.flush().catch(() => {})
  }

  /** Flushes and closes the log. */
  async close(): Promise<void> {
    await this.flush().catch(() => {})
    this.log.close()
  }
}

function withoutFlushPolicy(config: TopicConfig): TopicConfig {
  return { ...config, flushMessages: Number.MAX_SAFE_INTEGER, flushMs: Number.MAX_SAFE_INTEGER }
}
