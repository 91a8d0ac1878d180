import type { FileSystem } from '../common/index.js'
import { readInt64, writeInt64 } from './batch-format.js'
import { IndexFile } from './index-file.js'

const ENTRY_BYTES = 34

/** A transaction that was aborted, as the index of the segment with its marker keeps it. */
export interface AbortedTransactionEntry {
  readonly producerId: number
  readonly firstOffset: number
  /** Of the marker. */
  readonly lastOffset: number
  /** What the last stable offset became with the marker. */
  readonly lastStableOffset: number
}

/**
 * The aborted transactions whose marker lies in a segment: entries `int16 version 0, int64 producerId, int64
 * firstOffset, int64 lastOffset, int64 lastStableOffset`, in the order of their markers.
 */
export class TransactionIndex {
  readonly #files: FileSystem
  readonly #file: IndexFile

  private constructor(files: FileSystem, file: IndexFile) {
    this.#files = files
    this.#file = file
  }

  static empty(files: FileSystem, path: string): TransactionIndex {
    return new TransactionIndex(files, new IndexFile(files, path, ENTRY_BYTES, null))
  }

  /** Null where the bytes cannot be a transaction index. */
  static load(files: FileSystem, path: string): TransactionIndex | null {
    const bytes = files.readFile(path)
    if (bytes.length % ENTRY_BYTES !== 0) return null
    return new TransactionIndex(files, new IndexFile(files, path, ENTRY_BYTES, bytes))
  }

  get count(): number {
    return this.#file.count
  }

  /** Of memory. */
  get sizeBytes(): number {
    return this.#file.sizeBytes
  }

  get isPersisted(): boolean {
    return this.#file.isPersisted || (this.count === 0 && !this.#files.exists(this.#file.path))
  }

  append(entry: AbortedTransactionEntry): void {
    const at = this.#file.add()
    const { buffer } = this.#file
    buffer.writeInt16BE(0, at)
    writeInt64(buffer, entry.producerId, at + 2)
    writeInt64(buffer, entry.firstOffset, at + 10)
    writeInt64(buffer, entry.lastOffset, at + 18)
    writeInt64(buffer, entry.lastStableOffset, at + 26)
  }

  entry(index: number): AbortedTransactionEntry {
    const at = index * ENTRY_BYTES
    const { buffer } = this.#file
    return {
      producerId: readInt64(buffer, at + 2),
      firstOffset: readInt64(buffer, at + 10),
      lastOffset: readInt64(buffer, at + 18),
      lastStableOffset: readInt64(buffer, at + 26),
    }
  }

  entries(): AbortedTransactionEntry[] {
    return Array.from({ length: this.count }, (_, i) => this.entry(i))
  }

  /** A segment without aborted transactions has no file, but where one is left of records that were cut off. */
  persist(): boolean {
    if (this.count === 0 && !this.#files.exists(this.#file.path)) return false
    return this.#file.persist()
  }
}
