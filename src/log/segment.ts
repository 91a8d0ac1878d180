import type { FileHandle, FileSystem } from '../common/index.js'
import { BATCH_HEADER_BYTES } from './batch-format.js'
import { BatchScanner, type ReadAt, type ScanOptions } from './batch-scanner.js'
import { CorruptRecordError } from './errors.js'
import type { HeldSegments } from './held-segments.js'
import { OffsetIndex } from './offset-index.js'
import { RecordBatchView } from './record-batch.js'
import { TimeIndex } from './time-index.js'
import { TransactionIndex } from './transaction-index.js'

export const LOG_SUFFIX = '.log'
export const OFFSET_INDEX_SUFFIX = '.index'
export const TIME_INDEX_SUFFIX = '.timeindex'
export const TRANSACTION_INDEX_SUFFIX = '.txnindex'
export const SEGMENT_SUFFIXES = [
  LOG_SUFFIX,
  OFFSET_INDEX_SUFFIX,
  TIME_INDEX_SUFFIX,
  TRANSACTION_INDEX_SUFFIX,
] as const

/** Of files that are about to be removed. */
export const DELETED_SUFFIX = '.deleted'

/** Offsets in file names have 20 digits. */
export function offsetName(offset: number): string {
  return String(offset).padStart(20, '0')
}

export interface SegmentOptions {
  readonly files: FileSystem
  readonly directory: string
  readonly baseOffset: number
  readonly indexIntervalBytes: number
  /** '.cleaned' while compaction writes it. */
  readonly suffix?: string
  /** Bounds what segments that were read hold; without it, this one holds on until `release`. */
  readonly held?: HeldSegments
}

interface Indexes {
  readonly offsets: OffsetIndex
  readonly times: TimeIndex
  readonly transactions: TransactionIndex
}

/**
 * One file of batches from a base offset on, with its indexes. Only the last segment of a log is appended to.
 *
 * Invariants: `sizeBytes` ends the last whole batch; what the file holds beyond is garbage of a failed write.
 * Files are opened, and indexes loaded, when first needed.
 */
export class Segment {
  readonly baseOffset: number
  readonly path: string
  sizeBytes = 0
  readonly #options: SegmentOptions
  #file: FileHandle | null = null
  #writable = false
  #indexes: Indexes | null = null
  #bytesSinceIndexEntry = 0
  // Greatest timestamp of the segment and the last offset of the first batch with it; undefined: not loaded.
  #max: { timestamp: number; offset: number } | undefined
  #firstTimestamp: number | undefined
  /** The file does not exist before the first append. */
  #deferred = false
  #deleted = false
  // What is not stable yet, of the log file and of the index files.
  #dirty = false
  /** Syncs off the event loop that have not ended: what they cover is not stable yet. */
  #syncing = 0
  #indexesDirty = false
  #indexesSyncing = 0
  /** The offset and time index were lost and built anew, of a segment that no restart need read: so a restart believes them. */
  #rebuilt = false
  // Scanners outlive a handle: it may be closed, or opened anew for writing, between two of their reads.
  readonly #readAt: ReadAt = (into, position) => this.#open(false).read(into, 0, into.length, position)

  private constructor(options: SegmentOptions) {
    this.#options = options
    this.baseOffset = options.baseOffset
    this.path = this.#pathOf(LOG_SUFFIX)
  }
  /** A segment without records. `deferred`: its file appears with the first append. */
  static create(options: SegmentOptions, deferred = false): Segment {
    const segment = new Segment(options)
    segment.#max = { timestamp: -1, offset: -1 }
    segment.#resetIndexes()
    segment.#deferred = deferred
    if (!deferred) segment.#open(true).truncate(0)
    return segment
  }

  /** A segment that exists and is complete. */
  static existing(options: SegmentOptions): Segment {
    const segment = new Segment(options)
    segment.sizeBytes = segment.fileSize()
    segment.closeFile()
    return segment
  }

  fileSize(): number {
    return this.#open(false).size()
  }

  /** The offset after the last batch, of a segment whose files are complete. Throws CorruptRecordError. */
  findEndOffset(): number {
    const scanner = this.scan(this.offsetIndex.lastPosition, { reuseMemory: true })
    let end = this.baseOffset
    for (let batch = scanner.next(); batch !== null; batch = scanner.next()) {
      end = batch.nextOffset
      this.#bytesSinceIndexEntry += batch.sizeBytes
    }
    return end
  }

  get maxTimestamp(): number {
    return this.#loadedMax().timestamp
  }

  /** Of the first batch: what `segment.ms` counts from. -1 without. */
  get firstTimestamp(): number {
    if (this.#firstTimestamp === undefined) {
      if (this.sizeBytes === 0) return -1
      this.#firstTimestamp = new RecordBatchView(this.read(0, BATCH_HEADER_BYTES)).maxTimestamp
    }
    return this.#firstTimestamp
  }

  get modifiedMs(): number {
    return this.#options.files.modifiedMs(this.path)
  }

  get transactions(): TransactionIndex {
    return this.#loadedIndexes().transactions
  }

  get offsetIndex(): OffsetIndex {
    return this.#loadedIndexes().offsets
  }

  get timeIndex(): TimeIndex {
    return this.#loadedIndexes().times
  }

  isIndexFull(maxIndexBytes: number): boolean {
    const { offsets, times } = this.#loadedIndexes()
    return offsets.isFull(maxIndexBytes) || times.isFull(maxIndexBytes)
  }

  /** Writes one batch at the end, with one call. When that throws, the segment is as before. */
  append(batch: RecordBatchView): void {
    const file = this.#open(true)
    const position = this.sizeBytes
    this.#dirty = true
    try {
      file.write(batch.bytes(), position)
    } catch (error) {
      // What was written lies beyond the end and would be overwritten; cutting it off is tidier, not vital.
      try {
        file.truncate(position)
      } catch {}
      throw error
    }
    this.#index(batch, position)
  }

  /** Counts a batch that the file holds at `sizeBytes`: in the indexes, and in the size. */
  #index(batch: RecordBatchView, position: number): void {
    const { offsets, times } = this.#loadedIndexes()
    const size = batch.sizeBytes
    const max = this.#loadedMax()
    const timestamp = batch.maxTimestamp
    if (position === 0) this.#firstTimestamp = timestamp
    if (timestamp > max.timestamp) {
      max.timestamp = timestamp
      max.offset = batch.lastOffset
    }
    if (this.#bytesSinceIndexEntry > this.#options.indexIntervalBytes) {
      offsets.append(batch.lastOffset, position)
      times.maybeAppend(max.timestamp, max.offset)
      this.#bytesSinceIndexEntry = 0
    }
    this.#bytesSinceIndexEntry += size
    this.sizeBytes = position + size
  }

  /**
   * Checks every batch, builds the indexes anew and calls `onBatch` for each. Returns what stopped it before the
   * end of the file, with `sizeBytes` set to where the good batches end; null: all is well.
   */
  recover(onBatch: (batch: RecordBatchView, segment: Segment) => void): CorruptRecordError | null {
    const end = this.#open(false).size()
    this.#resetIndexes()
    this.#max = { timestamp: -1, offset: -1 }
    this.#bytesSinceIndexEntry = 0
    this.sizeBytes = 0
    this.#dirty = true
    const scanner = new BatchScanner(this.#readAt, this.path, 0, end, { reuseMemory: true })
    let nextOffset = this.baseOffset
    try {
      for (let batch = scanner.next(); batch !== null; batch = scanner.next()) {
        batch.verify()
        if (batch.baseOffset < nextOffset) {
          return batch.corrupt(`base offset ${batch.baseOffset}, although ${nextOffset} comes next`)
        }
        nextOffset = batch.nextOffset
        onBatch(batch, this)
        this.#index(batch, this.sizeBytes)
      }
      return null
    } catch (error) {
      if (error instanceof CorruptRecordError) return error
      throw error
    }
  }

  /** Cuts the file where the good batches end. */
  truncateToSize(): void {
    this.#open(true).truncate(this.sizeBytes)
  }

  /** Batches from a position on, which must be where one begins. */
  scan(position: number, options?: ScanOptions): BatchScanner {
    return new BatchScanner(this.#readAt, this.path, position, this.sizeBytes, options)
  }

  /** Where to begin looking for the batch that holds `offset`. */
  positionBefore(offset: number): number {
    return this.#loadedIndexes().offsets.lookup(offset)
  }

  /** Reads up to `length` bytes at `position`. */
  read(position: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(Math.min(length, this.sizeBytes - position))
    this.readInto(bytes, position)
    return bytes
  }

  /** Fills `bytes` from `position` on. Throws CorruptRecordError where the file ends before. */
  readInto(bytes: Buffer, position: number): void {
    const read = this.#open(false).read(bytes, 0, bytes.length, position)
    if (read === bytes.length) return
    throw new CorruptRecordError(`the file ends ${bytes.length - read} bytes too early`, {
      file: this.path,
      position: position + read,
    })
  }

  /** To be called when no more is appended: the last time entry is forced and the indexes go to their files. */
  complete(): void {
    if (this.#indexes === null || this.#deferred) return
    const { offsets, times, transactions } = this.#indexes
    if (this.#max !== undefined) times.maybeAppend(this.#max.timestamp, this.#max.offset)
    if (this.#rebuilt) {
      offsets.replace()
      times.replace()
      this.#rebuilt = false
    }
    for (const index of [offsets, times, transactions]) {
      if (index.persist()) this.#indexesDirty = true
    }
  }

  syncLog(): void {
    if ((!this.#dirty && this.#syncing === 0) || this.#deleted) return
    this.#open(true).sync()
    this.#dirty = false
  }

  async syncLogAsync(): Promise<void> {
    if (!this.#dirty || this.#deleted) return
    // Cleared first: what is appended while the sync runs is not covered by it.
    this.#dirty = false
    this.#syncing++
    try {
      await this.#open(true).syncAsync()
    } catch (error) {
      this.#dirty = true
      throw error
    } finally {
      this.#syncing--
    }
  }

  /** Completes the indexes and makes them stable, but for the directory that they may be new in. Returns whether it had to. */
  syncIndexes(): boolean {
    this.complete()
    if (!this.#indexesDirty && this.#indexesSyncing === 0) return false
    for (const path of this.#indexPaths()) {
      const file = this.#options.files.open(path, 'r+')
      try {
        file.sync()
      } finally {
        file.close()
      }
    }
    this.#indexesDirty = false
    return true
  }

  /** As `syncIndexes`, off the event loop. */
  async syncIndexesAsync(): Promise<void> {
    this.complete()
    if (!this.#indexesDirty) return
    this.#indexesDirty = false
    this.#indexesSyncing++
    try {
      const files = this.#indexPaths().map((path) => this.#options.files.open(path, 'r+'))
      try {
        for (const file of files) await file.syncAsync()
      } finally {
        for (const file of files) file.close()
      }
    } catch (error) {
      this.#indexesDirty = true
      throw error
    } finally {
      this.#indexesSyncing--
    }
  }

  #indexPaths(): string[] {
    if (this.#deleted) return []
    const paths = SEGMENT_SUFFIXES.filter((suffix) => suffix !== LOG_SUFFIX).map((s) => this.#pathOf(s))
    return paths.filter((path) => this.#options.files.exists(path))
  }

  /** Of the indexes in memory. */
  get #indexBytes(): number {
    if (this.#indexes === null) return 0
    const { offsets, times, transactions } = this.#indexes
    return offsets.sizeBytes + times.sizeBytes + transactions.sizeBytes
  }

  /** As `release`, but nothing is written: what is appended to keeps its file, what is new in indexes stays. */
  letGo(): void {
    if (!this.#writable) this.closeFile()
    if (this.#indexes === null) return
    const { offsets, times, transactions } = this.#indexes
    if (!offsets.isPersisted || !times.isPersisted || !transactions.isPersisted) return
    this.#loadedMax()
    this.#indexes = null
  }

  /** Gives file and index memory free; they come back when needed. */
  release(): void {
    if (this.#indexes !== null) {
      this.#loadedMax()
      this.complete()
    }
    this.#indexes = null
    this.closeFile()
  }

  /**
   * Removes all files, the log first: an index without a log is cleared away at the next start. They go by another name
   * at once, and off the event loop for good.
   */
  delete(): void {
    this.#deleted = true
    this.#indexes = null
    this.closeFile()
    const { files } = this.#options
    for (const suffix of SEGMENT_SUFFIXES) {
      const path = this.#pathOf(suffix)
      if (!files.exists(path)) continue
      files.rename(path, path + DELETED_SUFFIX)
      // What cannot be removed now is removed at the next start.
      files.removeAsync(path + DELETED_SUFFIX).catch(() => {})
    }
  }

  #loadedMax(): { timestamp: number; offset: number } {
    if (this.#max === undefined) {
      const { times } = this.#loadedIndexes()
      // Loading may rebuild the indexes, which also finds the greatest timestamp.
      this.#max ??= { timestamp: times.lastTimestamp, offset: times.lastOffset }
    }
    return this.#max
  }

  #loadedIndexes(): Indexes {
    if (this.#indexes === null) {
      this.#loadIndexes()
      if (!this.#writable) this.#options.held?.use(this, this.#indexBytes)
    }
    return this.#indexes!
  }

  #loadIndexes(): void {
    const { files, baseOffset } = this.#options
    const offsetPath = this.#pathOf(OFFSET_INDEX_SUFFIX)
    const timePath = this.#pathOf(TIME_INDEX_SUFFIX)
    const transactionPath = this.#pathOf(TRANSACTION_INDEX_SUFFIX)
    const offsets = files.exists(offsetPath)
      ? OffsetIndex.load(files, offsetPath, baseOffset, this.sizeBytes)
      : null
    const times = files.exists(timePath) ? TimeIndex.load(files, timePath, baseOffset) : null
    const transactions = files.exists(transactionPath)
      ? TransactionIndex.load(files, transactionPath)
      : TransactionIndex.empty(files, transactionPath)
    if (transactions === null) {
      throw new CorruptRecordError('the transaction index has no whole number of entries', {
        file: transactionPath,
      })
    }
    if (offsets !== null && times !== null) this.#indexes = { offsets, times, transactions }
    else this.#rebuildIndexes(transactions)
  }

  /** From the batch headers; damage inside batches is left to their readers. */
  #rebuildIndexes(transactions: TransactionIndex): void {
    const size = this.sizeBytes
    const scanner = new BatchScanner(this.#readAt, this.path, 0, size, { reuseMemory: true })
    this.#resetIndexes(transactions)
    this.#max = { timestamp: -1, offset: -1 }
    this.#bytesSinceIndexEntry = 0
    this.sizeBytes = 0
    try {
      for (let batch = scanner.next(); batch !== null; batch = scanner.next())
        this.#index(batch, this.sizeBytes)
    } finally {
      this.sizeBytes = size
    }
    this.#rebuilt = true
  }

  #resetIndexes(transactions?: TransactionIndex): void {
    const { files, baseOffset } = this.#options
    this.#indexes = {
      offsets: OffsetIndex.empty(files, this.#pathOf(OFFSET_INDEX_SUFFIX), baseOffset),
      times: TimeIndex.empty(files, this.#pathOf(TIME_INDEX_SUFFIX), baseOffset),
      transactions: transactions ?? TransactionIndex.empty(files, this.#pathOf(TRANSACTION_INDEX_SUFFIX)),
    }
  }

  #open(writable: boolean): FileHandle {
    if (!writable && !this.#writable) this.#options.held?.use(this, this.#indexBytes)
    if (this.#file !== null && (this.#writable || !writable)) return this.#file
    this.closeFile()
    if (writable) this.#options.held?.forget(this)
    this.#file = this.#options.files.open(this.path, writable ? 'a+' : 'r')
    this.#writable = writable
    this.#deferred = false
    return this.#file
  }

  closeFile(): void {
    this.#file?.close()
    this.#file = null
    this.#writable = false
    if (this.#indexes === null) this.#options.held?.forget(this)
  }

  #pathOf(suffix: string): string {
    const { directory, baseOffset } = this.#options
    return `${directory}/${offsetName(baseOffset)}${suffix}${this.#options.suffix ?? ''}`
  }
}
