import type { BufferSegment } from './buffer-segment.js'
import type { RecordBlock } from './record-block.js'

/** A block in memory, and the segment it belongs to. */
export type ResidentBlock = readonly [block: RecordBlock, segment: BufferSegment]

export interface BlockCacheOptions {
  readonly recordsMax: number
  /** Writes blocks below the cache, which then marks them clean; by segment, then number. */
  write(blocks: readonly ResidentBlock[]): void
}

/**
 * The blocks of a join's buffer that are in memory, up to a number of records. Eviction is the clock of `WriteBackCache`:
 * blocks used since the hand last passed are spared, and before a dirty one leaves, all dirty ones are written.
 */
export class BlockCache {
  readonly #options: BlockCacheOptions
  readonly #blocks = new Map<RecordBlock, BufferSegment>()
  #hand: Iterator<[RecordBlock, BufferSegment]>
  #records = 0

  constructor(options: BlockCacheOptions) {
    this.#options = options
    this.#hand = this.#blocks.entries()
  }

  get isDirty(): boolean {
    for (const block of this.#blocks.keys()) if (block.dirty) return true
    return false
  }

  admit(segment: BufferSegment, block: RecordBlock): void {
    this.#blocks.set(block, segment)
    this.#records += block.count
    this.#makeRoom(block)
  }

  /** A record was added to a block. */
  grown(block: RecordBlock): void {
    this.#records++
    this.#makeRoom(block)
  }

  flush(): void {
    const dirty = [...this.#blocks].filter(([block]) => block.dirty)
    if (dirty.length === 0) return
    dirty.sort(([a, s], [b, t]) => s.number - t.number || a.number - b.number)
    this.#options.write(dirty)
    for (const [block] of dirty) block.dirty = false
  }

  /** Forgets the blocks of some segments, what is dirty too. */
  forget(isOf: (segment: BufferSegment) => boolean): void {
    for (const [block, segment] of this.#blocks) if (isOf(segment)) this.#remove(block)
  }

  clear(): void {
    this.#blocks.clear()
    this.#hand = this.#blocks.entries()
    this.#records = 0
  }

  #makeRoom(kept: RecordBlock): void {
    while (this.#records > this.#options.recordsMax && this.#blocks.size > 1) {
      const step = this.#hand.next()
      if (step.done === true) {
        this.#hand = this.#blocks.entries()
        continue
      }
      const [block, segment] = step.value
      if (block === kept) continue
      if (block.referenced) {
        block.referenced = false
        continue
      }
      if (block.dirty) this.flush()
      segment.forget(block)
      this.#remove(block)
    }
  }

  #remove(block: RecordBlock): void {
    this.#blocks.delete(block)
    this.#records -= block.count
  }
}
