import { BATCH_HEADER_BYTES } from './batch-format.js'
import { CorruptRecordError } from './errors.js'
import type { AbortedTransaction, TimestampAndOffset } from './partition-log-options.js'
import { READ_BYTES, ReadBuffer } from './read-buffers.js'
import { RecordBatchView } from './record-batch.js'
import type { Segment } from './segment.js'
import type { SegmentList } from './segment-list.js'

/** How many readers' positions are remembered per log. */
const CURSORS = 8

/** Read at once to find a timestamp: the indexes lead to the batch before, or a few batches, so little is enough. */
const LOOKUP_BYTES = 64 * 1024

/**
 * Reads batches from the files of a log, one segment a call. Readers mostly go on where they stopped: the places
 * are remembered, so that they need no index.
 */
export class LogReader {
  readonly #segments: SegmentList
  #cursors: { readonly offset: number; readonly segment: Segment; readonly position: number }[] = []

  constructor(segments: SegmentList) {
    this.#segments = segments
  }

  /** To be called when segments are replaced or removed. */
  forgetCursors(): void {
    this.#cursors = []
  }

  /**
   * Batches from the one that holds `offset` (or the next after a gap) on, below `endOffset`. Throws CorruptRecordError
   * also where their offsets, which are under no checksum, do not follow each other up to `logEndOffset`.
   */
  read(offset: number, maxBytes: number, endOffset: number, logEndOffset: number): RecordBatchView[] {
    const { all } = this.#segments
    for (let i = this.#segments.indexOf(offset); i < all.length; i++) {
      const segment = all[i]!
      if (segment.baseOffset >= endOffset) break
      const limit = all[i + 1]?.baseOffset ?? logEndOffset
      const batches = this.#readSegment(segment, offset, maxBytes, endOffset, limit)
      if (batches.length > 0) return batches
    }
    return []
  }

  /** Transactions aborted whose records may lie in [offset, end), by first offset. */
  abortedTransactions(offset: number, end: number): AbortedTransaction[] {
    const found: AbortedTransaction[] = []
    const { all } = this.#segments
    for (let i = this.#segments.indexOf(offset); i < all.length; i++) {
      const { transactions } = all[i]!
      for (let entry = 0; entry < transactions.count; entry++) {
        const { producerId, firstOffset, lastOffset, lastStableOffset } = transactions.entry(entry)
        if (lastOffset >= offset && firstOffset < end) found.push({ producerId, firstOffset })
        // Whatever was aborted later began at or after this stable offset.
        if (lastStableOffset >= end) return byFirstOffset(found)
      }
    }
    return byFirstOffset(found)
  }

  /** The first record in offset order, from `startOffset` on, with at least this timestamp; null: none. */
  offsetForTimestamp(timestamp: number, startOffset: number): TimestampAndOffset | null {
    for (const segment of this.#segments.all) {
      if (segment.sizeBytes === 0 || segment.maxTimestamp < timestamp) continue
      const from = Math.max(startOffset, segment.timeIndex.lookup(timestamp))
      const scanner = segment.scan(segment.positionBefore(from), { chunkBytes: LOOKUP_BYTES })
      for (let batch = scanner.next(); batch !== null; batch = scanner.next()) {
        batch.verify()
        if (batch.maxTimestamp < timestamp || batch.lastOffset < startOffset) continue
        const { count, offsets, timestamps } = batch.decode(startOffset)
        for (let i = 0; i < count; i++) {
          if (timestamps[i]! >= timestamp) return { timestamp: timestamps[i]!, offset: offsets[i]! }
        }
      }
    }
    return null
  }

  #readSegment(
    segment: Segment,
    offset: number,
    maxBytes: number,
    endOffset: number,
    limit: number,
  ): RecordBatchView[] {
    let { position, expected } = this.#placeOf(segment, offset)
    while (position < segment.sizeBytes) {
      const memory = readChunk(segment, position, maxBytes)
      const chunk = memory.bytes
      const found: RecordBatchView[] = []
      let at = 0
      let ended = false
      while (at + BATCH_HEADER_BYTES <= chunk.length) {
        const batch = batchAt(segment, chunk, at, position)
        const size = batch.sizeBytes
        if (at + size > chunk.length) break
        const { baseOffset, nextOffset } = batch
        if (baseOffset !== expected || nextOffset > limit || nextOffset <= baseOffset) {
          checkOffsets(segment, batch, expected, limit)
        }
        ended = baseOffset >= endOffset
        if (ended) break
        expected = nextOffset
        if (batch.lastOffset >= offset) {
          batch.memory = memory
          found.push(batch)
        }
        at += size
      }
      position += at
      memory.pin(found.length)
      if (found.length > 0) this.#remember(found.at(-1)!.nextOffset, segment, position)
      if (found.length > 0 || ended) return found
    }
    return []
  }

  /** Where to begin in a segment, and the least base offset that a batch there may have. */
  #placeOf(segment: Segment, offset: number): { position: number; expected: number } {
    const cursor = this.#cursors.find((c) => c.offset === offset && c.segment === segment)
    if (cursor !== undefined) return { position: cursor.position, expected: offset }
    const entry = segment.offsetIndex.entryBefore(offset)
    if (entry === null) return { position: 0, expected: segment.baseOffset }
    const batch = batchAt(segment, segment.read(entry.position, BATCH_HEADER_BYTES), 0, entry.position)
    if (batch.lastOffset !== entry.offset) {
      throw batch.corrupt(`it ends at offset ${batch.lastOffset}; the index says ${entry.offset}`)
    }
    return { position: entry.position, expected: batch.baseOffset }
  }

  #remember(offset: number, segment: Segment, position: number): void {
    if (this.#cursors.length >= CURSORS) this.#cursors.shift()
    this.#cursors.push({ offset, segment, position })
  }
}

/** At least one whole batch. */
function readChunk(segment: Segment, position: number, maxBytes: number): ReadBuffer {
  const memory = readInto(segment, position, Math.max(Math.min(maxBytes, READ_BYTES), BATCH_HEADER_BYTES))
  const { bytes } = memory
  if (bytes.length < BATCH_HEADER_BYTES) {
    throw new CorruptRecordError(`incomplete: ${bytes.length} bytes are no batch header`, {
      file: segment.path,
      position,
    })
  }
  const size = batchAt(segment, bytes, 0, position).sizeBytes
  return size <= bytes.length ? memory : readInto(segment, position, size)
}

function readInto(segment: Segment, position: number, length: number): ReadBuffer {
  const memory = new ReadBuffer(Math.min(length, segment.sizeBytes - position))
  segment.readInto(memory.bytes, position)
  return memory
}

/** The batch at `at` of a chunk read from `position`, its size checked against the segment. */
function batchAt(segment: Segment, chunk: Buffer, at: number, position: number): RecordBatchView {
  const batch = new RecordBatchView(chunk, at)
  batch.file = segment.path
  batch.filePosition = position + at
  const size = batch.sizeBytes
  if (size < BATCH_HEADER_BYTES || position + at + size > segment.sizeBytes) {
    throw batch.corrupt(`a batch of ${size} bytes does not fit the segment of ${segment.sizeBytes} bytes`)
  }
  if (batch.baseOffset < segment.baseOffset) {
    throw batch.corrupt(`base offset ${batch.baseOffset} is below that of the segment`)
  }
  return batch
}

/** Compaction leaves gaps, but no batch may reach into the one behind it. */
function checkOffsets(segment: Segment, batch: RecordBatchView, expected: number, limit: number): void {
  const { baseOffset, nextOffset } = batch
  if (baseOffset < expected) throw batch.corrupt(`base offset ${baseOffset}, although ${expected} comes next`)
  const behind = batch.filePosition! + batch.sizeBytes
  const next =
    behind + BATCH_HEADER_BYTES > segment.sizeBytes
      ? limit
      : new RecordBatchView(segment.read(behind, BATCH_HEADER_BYTES)).baseOffset
  if (nextOffset <= baseOffset || nextOffset > Math.min(next, limit)) {
    throw batch.corrupt(
      `base offset ${baseOffset}: it would end at ${nextOffset}, behind ${Math.min(next, limit)}`,
    )
  }
}

function byFirstOffset(transactions: AbortedTransaction[]): AbortedTransaction[] {
  return transactions.sort((a, b) => a.firstOffset - b.firstOffset)
}
