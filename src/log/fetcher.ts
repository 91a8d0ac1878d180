import { type Serde, SerializationError } from '../serde/index.js'
import type { Broker } from './broker.js'
import { RecordDeserializationError } from './client-errors.js'
import { readTransactionMarker } from './control-record.js'
import { recycleArrays } from './decode-records.js'
import { KafkaError } from './errors.js'
import type { ConsumerRecord, DecodedBatch, FetchedBatch, Headers, TopicPartition } from './log.js'
import type { Partition } from './partition.js'
import type { ReadResult } from './partition-log.js'
import type { RecordBatchView } from './record-batch.js'
import type { PartitionState, SubscriptionState } from './subscription-state.js'

export interface FetcherOptions<K, V> {
  readonly broker: Broker
  readonly subscription: SubscriptionState
  readonly readCommitted: boolean
  readonly maxPartitionFetchBytes: number
  readonly maxPollRecords: number
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<V>
  /** Chooses another position where the log does not reach, or throws. */
  readonly onOutOfRange: (state: PartitionState) => number
}

/** Batches of a partition that `takeRecords` hands out piece by piece. */
export interface FetchBuffer {
  readonly batches: readonly RecordBatchView[]
  nextBatch: number
  decoded: DecodedBatch | null
  nextRecord: number
  /** The offset after all of them, and after control and aborted batches that follow. */
  readonly endOffset: number
}

/**
 * After so many bytes a poll looks at no further partition. Kafka's fetch.max.bytes is 50 MiB, for the sake of the
 * network; here more would only leave the processor's cache before it is decoded.
 */
const POLL_BYTES = 1024 * 1024
/** What `poll` has read of all partitions and not yet handed out, about. */
const BUFFERED_BYTES = 32 * 1024 * 1024
const NO_HEADERS: Headers = Object.freeze([])

/** Reads the assigned partitions from their positions on, in turns, so that none is starved. */
export class Fetcher<K, V> {
  readonly #options: FetcherOptions<K, V>
  #turn = 0

  constructor(options: FetcherOptions<K, V>) {
    this.#options = options
  }

  moveTo(state: PartitionState, offset: number): void {
    state.position = offset
    state.reset = null
    state.buffer = null
  }

  forgetPosition(state: PartitionState): void {
    state.position = -1
    state.buffer = null
  }

  /** Whole batches of the next partitions that have some. */
  takeBatches(): FetchedBatch[] {
    const taken: FetchedBatch[] = []
    let bytes = 0
    this.#takeTurns((state) => {
      state.buffer = null
      const buffer = this.#readOrDefer(state, taken.length > 0)
      if (buffer === null) return true
      for (const batch of buffer.batches) {
        taken.push(new LogBatch(state, batch, state.position))
        bytes += batch.sizeBytes
      }
      state.position = buffer.endOffset
      return bytes < POLL_BYTES
    })
    return taken
  }

  /** Up to `maxPollRecords` decoded records. What was read beyond stays buffered. */
  takeRecords(): ConsumerRecord<K, V>[] {
    const taken: ConsumerRecord<K, V>[] = []
    this.#takeTurns((state) => {
      try {
        this.#takeFrom(state, taken)
      } catch (error) {
        // What came before the damage is delivered first; the next poll meets the damage again.
        if (taken.length === 0) throw error
        return false
      }
      return taken.length < this.#options.maxPollRecords
    })
    return taken
  }

  /** Goes on with the partition after the last one. */
  #takeTurns(take: (state: PartitionState) => boolean): void {
    const { list } = this.#options.subscription
    const first = this.#turn
    for (let i = 0; i < list.length; i++) {
      const index = (first + i) % list.length
      const state = list[index]!
      if (state.paused || state.position < 0) continue
      this.#turn = index + 1
      if (!take(state)) return
    }
  }

  #takeFrom(state: PartitionState, taken: ConsumerRecord<K, V>[]): void {
    const { maxPollRecords, maxPartitionFetchBytes, subscription } = this.#options
    // Each partition may keep a rest.
    const maxBytes = Math.min(maxPartitionFetchBytes, Math.floor(BUFFERED_BYTES / subscription.list.length))
    while (taken.length < maxPollRecords) {
      state.buffer ??= this.#read(state, maxBytes)
      const { buffer } = state
      if (buffer === null) return
      if (buffer.decoded === null) {
        const batch = buffer.batches[buffer.nextBatch]
        if (batch === undefined) {
          state.position = buffer.endOffset
          state.buffer = null
          continue
        }
        // A damaged batch stays the next: every poll meets it, none passes over it.
        buffer.decoded = batch.decode(state.position)
        buffer.nextBatch++
        buffer.nextRecord = 0
      }
      this.#decode(state, buffer, taken)
    }
  }

  #decode(state: PartitionState, buffer: FetchBuffer, taken: ConsumerRecord<K, V>[]): void {
    const { keySerde, valueSerde, maxPollRecords } = this.#options
    const { topic, partition } = state
    const batch = buffer.decoded!
    const { buffer: bytes, offsets, timestamps, keyStart, keyEnd, valueStart, valueEnd, headers } = batch
    const end = Math.min(batch.count, buffer.nextRecord + maxPollRecords - taken.length)
    let i = buffer.nextRecord
    try {
      for (; i < end; i++) {
        const keyAt = keyStart[i]!
        const valueAt = valueStart[i]!
        taken.push({
          topic,
          partition,
          offset: offsets[i]!,
          timestamp: timestamps[i]!,
          key: keyAt < 0 ? null : keySerde.read(bytes, keyAt, keyEnd[i]!),
          value: valueAt < 0 ? null : valueSerde.read(bytes, valueAt, valueEnd[i]!),
          headers: headers === null ? NO_HEADERS : (headers[i] ?? NO_HEADERS),
        })
      }
    } catch (cause) {
      if (!(cause instanceof SerializationError)) throw cause
      throw new RecordDeserializationError({ topic, partition, offset: offsets[i]! }, cause)
    } finally {
      buffer.nextRecord = i
      if (i > 0) state.position = offsets[i - 1]! + 1
      if (i === batch.count) buffer.decoded = null
    }
  }

  // ---------------------------------------------------------------------------------------------- reading

  /** As `#read`; with `defer`, a failure waits for the next poll, so that what others delivered is not lost. */
  #readOrDefer(state: PartitionState, defer: boolean): FetchBuffer | null {
    try {
      return this.#read(state, this.#options.maxPartitionFetchBytes)
    } catch (error) {
      if (!defer) throw error
      return null
    }
  }

  /** The next batches worth handing out, or null at the end. Moves the position over what is not. */
  #read(state: PartitionState, maxBytes: number): FetchBuffer | null {
    const source = this.#source(state)
    if (source === null) return null
    const { log } = source
    const isolation = this.#options.readCommitted ? 'read_committed' : 'read_uncommitted'
    if (state.position < log.logStartOffset || state.position > log.logEndOffset) {
      state.position = this.#options.onOutOfRange(state)
    }
    for (;;) {
      const endOffset = source.endOffset(isolation)
      if (state.position >= endOffset) return null
      const result = log.read(state.position, { maxBytes, isolation, endOffset })
      const last = result.batches[result.batches.length - 1]
      if (last === undefined) return null
      const batches = visibleBatches(result)
      const { nextOffset } = last
      if (batches.length > 0)
        return { batches, nextBatch: 0, decoded: null, nextRecord: 0, endOffset: nextOffset }
      state.position = nextOffset
    }
  }

  /** Null while the topic is gone. */
  #source(state: PartitionState): Partition | null {
    if (state.source === null) state.source = this.#options.broker.partition(state.topic, state.partition)
    if (!state.source.deleted) return state.source
    const { broker } = this.#options
    if (state.partition >= (broker.partitionCount(state.topic) ?? 0)) return null
    // Another topic of the same name: what is buffered belongs to the old one.
    state.source = broker.partition(state.topic, state.partition)
    state.buffer = null
    return state.source
  }

  // ---------------------------------------------------------------------------------------------- waiting

  /** Bytes ready to be read, counted no further than `enough`. */
  availableBytes(enough: number): number {
    let bytes = 0
    for (const state of this.#options.subscription.list) {
      if (state.paused || state.position < 0) continue
      const source = this.#source(state)
      if (source === null || state.position < source.log.logStartOffset) continue
      const endOffset = source.highWatermark
      if (state.position >= endOffset) continue
      const { batches } = source.log.read(state.position, { maxBytes: enough, endOffset })
      // The read stopped before what would have been too much: so it is enough.
      if ((batches.at(-1)?.nextOffset ?? 0) < endOffset) return enough
      for (const batch of batches) bytes += batch.sizeBytes
      if (bytes >= enough) break
    }
    return bytes
  }

  /** Calls `wake` when a partition that is read has grown, until the returned function is called. */
  waitForData(wake: () => void): () => void {
    const stops: (() => void)[] = []
    for (const state of this.#options.subscription.list) {
      if (state.paused) continue
      const source = this.#source(state)
      if (source !== null) stops.push(source.onGrowth(wake))
    }
    return () => {
      for (const stop of stops) stop()
    }
  }
}

/**
 * Without control batches and, under read_committed, without those of aborted transactions: from the first offset
 * of an aborted transaction on, its producer's transactional batches go, until its ABORT marker.
 */
function visibleBatches({ batches, abortedTransactions }: ReadResult): RecordBatchView[] {
  const visible: RecordBatchView[] = []
  const aborting = new Set<number>()
  let nextAborted = 0
  for (const batch of batches) {
    if (abortedTransactions !== null) {
      const { lastOffset } = batch
      while (
        nextAborted < abortedTransactions.length &&
        abortedTransactions[nextAborted]!.firstOffset <= lastOffset
      ) {
        aborting.add(abortedTransactions[nextAborted++]!.producerId)
      }
    }
    const skipped =
      batch.control || (aborting.size > 0 && batch.transactional && aborting.has(batch.producerId))
    // Nobody decodes what is left out: damage must not make it look like that.
    if (skipped) batch.verify()
    if (batch.control) {
      if (aborting.size > 0 && readTransactionMarker(batch)?.type === 'ABORT')
        aborting.delete(batch.producerId)
      continue
    }
    if (!skipped && batch.recordCount > 0) visible.push(batch)
  }
  return visible
}

export class LogBatch implements FetchedBatch {
  readonly topic: string
  readonly partition: number
  readonly fromOffset: number
  readonly #batch: RecordBatchView
  /** What the last `decode` returned. */
  #decoded: DecodedBatch | null = null
  #released = false

  constructor({ topic, partition }: TopicPartition, batch: RecordBatchView, fromOffset: number) {
    this.topic = topic
    this.partition = partition
    this.#batch = batch
    this.fromOffset = fromOffset
  }

  get recordCount(): number {
    return this.#batch.recordCount
  }
  get maxTimestamp(): number {
    return this.#batch.maxTimestamp
  }
  get sizeBytes(): number {
    return this.#batch.sizeBytes
  }

  bytes(): Buffer {
    return this.#batch.bytes()
  }

  decode(): DecodedBatch {
    if (this.#released) throw new KafkaError('INVALID_REQUEST', 'the batch was released: decode it before')
    const decoded = this.#batch.decode(this.fromOffset)
    this.#decoded = decoded
    return decoded
  }

  release(): void {
    this.#released = true
    this.#batch.release()
    if (this.#decoded !== null) recycleArrays(this.#decoded)
    this.#decoded = null
  }
}
