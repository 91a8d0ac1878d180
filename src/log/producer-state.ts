import { crc32c } from '../common/index.js'
import { addToSequence, readInt64, writeInt64 } from './batch-format.js'
import type { TransactionMarker } from './control-record.js'
import { KafkaError } from './errors.js'
import type { RecordBatchView } from './record-batch.js'

/** How many batches of a producer are remembered, to know a repetition. */
const REMEMBERED_BATCHES = 5

interface RememberedBatch {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly lastOffset: number
  readonly offsetDelta: number
  readonly timestamp: number
}

interface ProducerEntry {
  readonly producerId: number
  epoch: number
  /** Oldest first; empty after a marker with a new epoch. */
  batches: RememberedBatch[]
  /** First offset of the open transaction, -1: none. */
  transactionFirstOffset: number
  /** -1: no marker seen. */
  coordinatorEpoch: number
  /** When it was last heard of, by the clock of the log: its records may have any time. */
  lastSeenMs: number
}

/** -1 stands for: none. */
export interface ProducerSummary {
  readonly producerId: number
  readonly epoch: number
  readonly lastSequence: number
  readonly lastOffset: number
  readonly transactionFirstOffset: number
  readonly coordinatorEpoch: number
  readonly lastSeenMs: number
}

export interface CompletedTransaction {
  readonly producerId: number
  readonly firstOffset: number
  /** Of the marker. */
  readonly lastOffset: number
  readonly aborted: boolean
}

export interface DuplicateBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly timestamp: number
}

/*
 * Snapshot: int16 version 1, uint32 crc32c of all after it, int32 count, then for each producer its last batch
 *
 *   int64 producerId · int16 epoch · int32 lastSequence · int64 lastOffset · int32 offsetDelta · int64 timestamp ·
 *   int32 coordinatorEpoch · int64 first offset of the open transaction (-1 none)
 */
const SNAPSHOT_VERSION = 1
const SNAPSHOT_HEADER_BYTES = 10
const SNAPSHOT_ENTRY_BYTES = 46

/**
 * What a partition knows of its idempotent and transactional producers (KIP-98): the guard against repeated,
 * lost and reordered batches, and the source of the last stable offset.
 *
 * `check` decides about a batch and changes nothing; `update` and `complete` follow once it is in the log.
 */
export class ProducerState {
  readonly #producers = new Map<number, ProducerEntry>()
  /** Open transactions by producer id, in the order of their first offsets. */
  readonly #open = new Map<number, number>()

  /** What snapshots keep of each producer. */
  entries(): ProducerSummary[] {
    return [...this.#producers.values()].map((entry) => ({
      producerId: entry.producerId,
      epoch: entry.epoch,
      lastSequence: entry.batches.at(-1)?.lastSequence ?? -1,
      lastOffset: entry.batches.at(-1)?.lastOffset ?? -1,
      transactionFirstOffset: entry.transactionFirstOffset,
      coordinatorEpoch: entry.coordinatorEpoch,
      lastSeenMs: entry.lastSeenMs,
    }))
  }

  /** -1: unknown. */
  epochOf(producerId: number): number {
    return this.#producers.get(producerId)?.epoch ?? -1
  }

  get producerCount(): number {
    return this.#producers.size
  }

  /** First offset of the earliest open transaction; Infinity: none. */
  get firstOpenOffset(): number {
    for (const offset of this.#open.values()) return offset
    return Number.POSITIVE_INFINITY
  }

  /** As `firstOpenOffset`, once the transaction of `producerId` is complete. */
  firstOpenOffsetWithout(producerId: number): number {
    for (const [id, offset] of this.#open) if (id !== producerId) return offset
    return Number.POSITIVE_INFINITY
  }

  openTransactions(): {
    producerId: number
    producerEpoch: number
    firstOffset: number
    lastSeenMs: number
  }[] {
    return [...this.#open].map(([producerId, firstOffset]) => {
      const { epoch, lastSeenMs } = this.#producers.get(producerId)!
      return { producerId, producerEpoch: epoch, firstOffset, lastSeenMs }
    })
  }

  /**
   * Whether a data batch with a producer id may be appended. Returns where it already lies if it is a repetition.
   * Throws KafkaError INVALID_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE_NUMBER or INVALID_TXN_STATE.
   *
   * `checkSequence` is false for batches of coordinators, which carry no sequence.
   */
  check(
    batch: RecordBatchView,
    {
      checkSequence = true,
      transactionVersion = 1,
    }: { checkSequence?: boolean; transactionVersion?: 1 | 2 } = {},
  ): DuplicateBatch | null {
    const { producerId, producerEpoch, baseSequence } = batch
    const entry = this.#producers.get(producerId)
    if (entry === undefined) {
      if (checkSequence && transactionVersion === 2 && batch.transactional && baseSequence !== 0) {
        throw new KafkaError(
          'OUT_OF_ORDER_SEQUENCE_NUMBER',
          `producer ${producerId} is unknown here and begins a transaction with sequence ${baseSequence} instead of 0`,
        )
      }
      return null
    }
    if (producerEpoch < entry.epoch) {
      throw new KafkaError(
        'INVALID_PRODUCER_EPOCH',
        `producer ${producerId} has epoch ${producerEpoch}, but ${entry.epoch} was seen here: a newer instance took over`,
      )
    }
    if (checkSequence) {
      const duplicate = findDuplicate(entry, batch)
      if (duplicate !== null) return duplicate
      checkSequenceFollows(entry, batch)
    }
    if (!batch.transactional && entry.transactionFirstOffset >= 0) {
      throw new KafkaError(
        'INVALID_TXN_STATE',
        `producer ${producerId} sent a batch outside a transaction while one is open since offset ${entry.transactionFirstOffset}`,
      )
    }
    return null
  }

  /** Takes note of a data batch that is in the log, its offsets set. */
  update(batch: RecordBatchView, now: number): void {
    const { producerId, producerEpoch } = batch
    if (producerId < 0) return
    const entry = this.#entry(producerId, producerEpoch)
    entry.lastSeenMs = now
    if (entry.batches.length === REMEMBERED_BATCHES) entry.batches.shift()
    entry.batches.push({
      firstSequence: batch.baseSequence,
      lastSequence: batch.lastSequence,
      lastOffset: batch.lastOffset,
      offsetDelta: batch.lastOffsetDelta,
      timestamp: batch.maxTimestamp,
    })
    if (batch.transactional && entry.transactionFirstOffset < 0) {
      entry.transactionFirstOffset = batch.baseOffset
      this.#open.set(producerId, batch.baseOffset)
    }
  }

  /** Whether a marker may be appended. Throws KafkaError INVALID_PRODUCER_EPOCH or TRANSACTION_COORDINATOR_FENCED. */
  checkMarker(marker: TransactionMarker): void {
    const entry = this.#producers.get(marker.producerId)
    if (entry === undefined) return
    if (marker.producerEpoch < entry.epoch) {
      throw new KafkaError(
        'INVALID_PRODUCER_EPOCH',
        `a marker for producer ${marker.producerId} has epoch ${marker.producerEpoch}, but ${entry.epoch} was seen here`,
      )
    }
    if (marker.coordinatorEpoch < entry.coordinatorEpoch) {
      throw new KafkaError(
        'TRANSACTION_COORDINATOR_FENCED',
        `a marker for producer ${marker.producerId} has coordinator epoch ${marker.coordinatorEpoch}, but ${entry.coordinatorEpoch} was seen here`,
      )
    }
  }

  /** Takes note of a marker in the log at `offset`. Null: the producer had no open transaction here. */
  complete(marker: TransactionMarker, offset: number, now: number): CompletedTransaction | null {
    const entry = this.#entry(marker.producerId, marker.producerEpoch)
    entry.coordinatorEpoch = marker.coordinatorEpoch
    entry.lastSeenMs = now
    const firstOffset = entry.transactionFirstOffset
    if (firstOffset < 0) return null
    entry.transactionFirstOffset = -1
    this.#open.delete(marker.producerId)
    return {
      producerId: marker.producerId,
      firstOffset,
      lastOffset: offset,
      aborted: marker.type === 'ABORT',
    }
  }

  /** Forgets producers that have been silent since before `deadline`, in ms, and have no open transaction. */
  expire(deadline: number): void {
    for (const [id, entry] of this.#producers) {
      if (entry.lastSeenMs < deadline && entry.transactionFirstOffset < 0) this.#producers.delete(id)
    }
  }

  /** Whether sequence numbers, or the epoch, of a known producer go on from this batch: compaction keeps it. */
  isLastBatch(batch: RecordBatchView): boolean {
    const entry = this.#producers.get(batch.producerId)
    if (entry === undefined) return false
    const last = entry.batches.at(-1)
    if (last !== undefined) return last.lastOffset === batch.lastOffset
    return batch.control && batch.producerEpoch === entry.epoch
  }

  encodeSnapshot(): Buffer {
    const bytes = Buffer.alloc(SNAPSHOT_HEADER_BYTES + this.#producers.size * SNAPSHOT_ENTRY_BYTES)
    bytes.writeInt16BE(SNAPSHOT_VERSION, 0)
    bytes.writeInt32BE(this.#producers.size, 6)
    let at = SNAPSHOT_HEADER_BYTES
    for (const entry of this.#producers.values()) {
      const last = entry.batches.at(-1)
      writeInt64(bytes, entry.producerId, at)
      bytes.writeInt16BE(entry.epoch, at + 8)
      bytes.writeInt32BE(last?.lastSequence ?? -1, at + 10)
      writeInt64(bytes, last?.lastOffset ?? -1, at + 14)
      bytes.writeInt32BE(last?.offsetDelta ?? 0, at + 22)
      writeInt64(bytes, entry.lastSeenMs, at + 26)
      bytes.writeInt32BE(entry.coordinatorEpoch, at + 34)
      writeInt64(bytes, entry.transactionFirstOffset, at + 38)
      at += SNAPSHOT_ENTRY_BYTES
    }
    bytes.writeUInt32BE(crc32c(bytes, 6), 2)
    return bytes
  }

  /** Null where the bytes are no valid snapshot. */
  static decodeSnapshot(bytes: Buffer): ProducerState | null {
    if (bytes.length < SNAPSHOT_HEADER_BYTES || bytes.readInt16BE(0) !== SNAPSHOT_VERSION) return null
    if (bytes.readUInt32BE(2) !== crc32c(bytes, 6)) return null
    const count = bytes.readInt32BE(6)
    if (bytes.length !== SNAPSHOT_HEADER_BYTES + count * SNAPSHOT_ENTRY_BYTES) return null
    const state = new ProducerState()
    const open: [number, number][] = []
    for (let at = SNAPSHOT_HEADER_BYTES; at < bytes.length; at += SNAPSHOT_ENTRY_BYTES) {
      const entry = decodeEntry(bytes, at)
      state.#producers.set(entry.producerId, entry)
      if (entry.transactionFirstOffset >= 0) open.push([entry.producerId, entry.transactionFirstOffset])
    }
    for (const [id, offset] of open.sort((a, b) => a[1] - b[1])) state.#open.set(id, offset)
    return state
  }

  /** The entry of a producer, made or moved to a newer epoch where needed. */
  #entry(producerId: number, epoch: number): ProducerEntry {
    let entry = this.#producers.get(producerId)
    if (entry === undefined) {
      entry = {
        producerId,
        epoch,
        batches: [],
        transactionFirstOffset: -1,
        coordinatorEpoch: -1,
        lastSeenMs: -1,
      }
      this.#producers.set(producerId, entry)
    } else if (epoch !== entry.epoch) {
      entry.epoch = epoch
      entry.batches = []
    }
    return entry
  }
}

function decodeEntry(bytes: Buffer, at: number): ProducerEntry {
  const lastSequence = bytes.readInt32BE(at + 10)
  const lastOffset = readInt64(bytes, at + 14)
  const offsetDelta = bytes.readInt32BE(at + 22)
  const timestamp = readInt64(bytes, at + 26)
  const batches: RememberedBatch[] = []
  if (lastOffset >= 0) {
    const firstSequence = lastSequence < 0 ? -1 : addToSequence(lastSequence, 0x8000_0000 - offsetDelta)
    batches.push({ firstSequence, lastSequence, lastOffset, offsetDelta, timestamp })
  }
  return {
    producerId: readInt64(bytes, at),
    epoch: bytes.readInt16BE(at + 8),
    batches,
    lastSeenMs: timestamp,
    coordinatorEpoch: bytes.readInt32BE(at + 34),
    transactionFirstOffset: readInt64(bytes, at + 38),
  }
}

function findDuplicate(entry: ProducerEntry, batch: RecordBatchView): DuplicateBatch | null {
  if (batch.producerEpoch !== entry.epoch) return null
  const first = batch.baseSequence
  const last = batch.lastSequence
  for (const known of entry.batches) {
    if (known.firstSequence === first && known.lastSequence === last) {
      return {
        baseOffset: known.lastOffset - known.offsetDelta,
        lastOffset: known.lastOffset,
        timestamp: known.timestamp,
      }
    }
  }
  return null
}

function checkSequenceFollows(entry: ProducerEntry, batch: RecordBatchView): void {
  const sequence = batch.baseSequence
  const last = batch.producerEpoch === entry.epoch ? (entry.batches.at(-1)?.lastSequence ?? -1) : -1
  const expected = last < 0 ? 0 : addToSequence(last, 1)
  if (sequence === expected) return
  throw new KafkaError(
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
    `producer ${batch.producerId} (epoch ${batch.producerEpoch}) sent sequence ${sequence} where ${expected} comes next`,
  )
}
