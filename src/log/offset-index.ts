import type { FileSystem } from '../common/index.js'
import { IndexFile } from './index-file.js'

const ENTRY_BYTES = 8

/**
 * Where batches lie in a segment: entries `int32 last offset of a batch - base, int32 position of the batch`, both
 * strictly increasing, one about every `index.interval.bytes`.
 */
export class OffsetIndex {
  readonly #baseOffset: number
  readonly #file: IndexFile

  private constructor(baseOffset: number, file: IndexFile) {
    this.#baseOffset = baseOffset
    this.#file = file
  }

  static empty(files: FileSystem, path: string, baseOffset: number): OffsetIndex {
    return new OffsetIndex(baseOffset, new IndexFile(files, path, ENTRY_BYTES, null))
  }

  /** Null where the bytes cannot be the index of a segment of `segmentBytes`. Zeros at the end are left out. */
  static load(files: FileSystem, path: string, baseOffset: number, segmentBytes: number): OffsetIndex | null {
    const bytes = files.readFile(path)
    if (bytes.length % ENTRY_BYTES !== 0) return null
    let end = 0
    let offset = -1
    let position = -1
    for (; end < bytes.length; end += ENTRY_BYTES) {
      if (bytes.readInt32BE(end) === 0 && bytes.readInt32BE(end + 4) === 0) break
      if (bytes.readInt32BE(end) <= offset || bytes.readInt32BE(end + 4) <= position) return null
      offset = bytes.readInt32BE(end)
      position = bytes.readInt32BE(end + 4)
    }
    if (position >= segmentBytes) return null
    return new OffsetIndex(baseOffset, new IndexFile(files, path, ENTRY_BYTES, bytes.subarray(0, end)))
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

  /** Position of the last entry's batch; 0 without entries. */
  get lastPosition(): number {
    return this.count === 0 ? 0 : this.#position(this.count - 1)
  }

  isFull(maxIndexBytes: number): boolean {
    return this.count >= Math.floor(maxIndexBytes / ENTRY_BYTES)
  }

  append(offset: number, position: number): void {
    const at = this.#file.add()
    this.#file.buffer.writeInt32BE(offset - this.#baseOffset, at)
    this.#file.buffer.writeInt32BE(position, at + 4)
  }

  /** The position of a batch at or before the one that holds `offset`. */
  lookup(offset: number): number {
    return this.entryBefore(offset)?.position ?? 0
  }

  /** The last entry at or below `offset`; null: the segment begins at or after it. */
  entryBefore(offset: number): { readonly offset: number; readonly position: number } | null {
    const target = offset - this.#baseOffset
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#file.buffer.readInt32BE(middle * ENTRY_BYTES) <= target) low = middle + 1
      else high = middle
    }
    return low === 0 ? null : this.#entry(low - 1)
  }

  #entry(i: number): { readonly offset: number; readonly position: number } {
    const { buffer } = this.#file
    return { offset: this.#baseOffset + buffer.readInt32BE(i * ENTRY_BYTES), position: this.#position(i) }
  }

  entries(): { offset: number; position: number }[] {
    return Array.from({ length: this.count }, (_, i) => this.#entry(i))
  }

  persist(): boolean {
    return this.#file.persist()
  }

  /** As IndexFile.replace. */
  replace(): void {
    this.#file.replace()
  }

  #position(entry: number): number {
    return this.#file.buffer.readInt32BE(entry * ENTRY_BYTES + 4)
  }
}
