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

  /** Batches from the one that holds `offset` (or the next after a gap) on, below `endOffset`. */
  read(offset: number, maxBytes: number, endOffset: number): RecordBatchView[] {
    const { all } = this.#segments
    for (let i = this.#segments.indexOf(offset); i < all.length; i++) {
      const segment = all[i]!
      if (segment.baseOffset >= endOffset) break
      const batches = this.#readSegment(segment, offset, maxBytes, endOffset)
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
        if (batch.maxTimestamp < timestamp || batch.lastOffset < startOffset) continue
        const { count, offsets, timestamps } = batch.decode(startOffset)
        for (let i = 0; i < count; i++) {
          if (timestamps[i]! >= timestamp) return { timestamp: timestamps[i]!, offset: offsets[i]! }
        }
      }
    }
    return null
  }

  #readSegment(segment: Segment, offset: number, maxBytes: number, endOffset: number): RecordBatchView[] {
    let position = this.#positionOf(segment, offset)
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
        ended = batch.baseOffset >= endOffset
        if (ended) break
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

  #positionOf(segment: Segment, offset: number): number {
    const cursor = this.#cursors.find((c) => c.offset === offset && c.segment === segment)
    return cursor?.position ?? segment.positionBefore(offset)
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

function byFirstOffset(transactions: AbortedTransaction[]): AbortedTransaction[] {
  return transactions.sort((a, b) => a.firstOffset - b.firstOffset)
}
