import type { FileSystem } from '../common/index.js'
import { readInt64, writeInt64 } from './batch-format.js'
import { IndexFile } from './index-file.js'

const ENTRY_BYTES = 12

/**
 * Where timestamps begin in a segment: entries `int64 greatest timestamp so far, int32 last offset of the first
 * batch that has it - base`. Timestamps strictly increase.
 */
export class TimeIndex {
  readonly #baseOffset: number
  readonly #file: IndexFile

  private constructor(baseOffset: number, file: IndexFile) {
    this.#baseOffset = baseOffset
    this.#file = file
  }

  static empty(files: FileSystem, path: string, baseOffset: number): TimeIndex {
    return new TimeIndex(baseOffset, new IndexFile(files, path, ENTRY_BYTES, null))
  }

  /** Null where the bytes cannot be a time index. Zeros at the end are left out. */
  static load(files: FileSystem, path: string, baseOffset: number): TimeIndex | null {
    const bytes = files.readFile(path)
    if (bytes.length % ENTRY_BYTES !== 0) return null
    let end = 0
    for (; end < bytes.length; end += ENTRY_BYTES) {
      if (isZero(bytes, end) && (end > 0 || isZero(bytes, ENTRY_BYTES))) break
      if (end > 0 && readInt64(bytes, end) <= readInt64(bytes, end - ENTRY_BYTES)) return null
    }
    return new TimeIndex(baseOffset, new IndexFile(files, path, ENTRY_BYTES, bytes.subarray(0, end)))
  }

  get count(): number {
    return this.#file.count
  }

  /** Of memory. */
  get sizeBytes(): number {
    return this.#file.sizeBytes
  }

  get isPersisted(): boolean {
    return this.#file.isPersisted
  }

  /** -1 without entries. */
  get lastTimestamp(): number {
    return this.count === 0 ? -1 : this.#timestamp(this.count - 1)
  }

  get lastOffset(): number {
    return this.count === 0 ? this.#baseOffset : this.#offset(this.count - 1)
  }

  isFull(maxIndexBytes: number): boolean {
    // Kafka keeps room for the entry forced at the roll.
    return this.count >= Math.floor(maxIndexBytes / ENTRY_BYTES) - 1
  }

  /** Adds the entry if the timestamp is greater than the last one. */
  maybeAppend(timestamp: number, offset: number): void {
    if (timestamp <= this.lastTimestamp) return
    const at = this.#file.add()
    writeInt64(this.#file.buffer, timestamp, at)
    this.#file.buffer.writeInt32BE(offset - this.#baseOffset, at + 8)
  }

  /** An offset below which no record has a timestamp of `timestamp` or more, counting by whole batches. */
  lookup(timestamp: number): number {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#timestamp(middle) <= timestamp) low = middle + 1
      else high = middle
    }
    return low === 0 ? this.#baseOffset : this.#offset(low - 1)
  }

  entries(): { timestamp: number; offset: number }[] {
    return Array.from({ length: this.count }, (_, i) => ({
      timestamp: this.#timestamp(i),
      offset: this.#offset(i),
    }))
  }

  persist(): boolean {
    return this.#file.persist()
  }

  /** As IndexFile.replace. */
  replace(): void {
    this.#file.replace()
  }

  #timestamp(entry: number): number {
    return readInt64(this.#file.buffer, entry * ENTRY_BYTES)
  }

  #offset(entry: number): number {
    return this.#baseOffset + this.#file.buffer.readInt32BE(entry * ENTRY_BYTES + 8)
  }
}

/** One entry of zeros alone is a record at time 0; more of them are space set aside. */
function isZero(bytes: Buffer, at: number): boolean {
  return at < bytes.length && readInt64(bytes, at) === 0 && bytes.readInt32BE(at + 8) === 0
}
