import type { RecordBatchView } from './record-batch.js'

/**
 * The last batches appended, kept in memory up to a shared budget, so that readers near the end of a log touch no
 * file. The oldest goes first, whichever partition it belongs to.
 */
export class RecentBatches {
  readonly #maxBytes: number
  readonly #queue: { owner: RecentTail; bytes: number }[] = []
  #head = 0
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  tail(): RecentTail {
    return new RecentTail(this)
  }

  /** Makes room by dropping the oldest batches of all partitions. */
  admit(owner: RecentTail, bytes: number): void {
    this.#queue.push({ owner, bytes })
    this.#bytes += bytes
    while (this.#bytes > this.#maxBytes && this.#head < this.#queue.length) {
      const oldest = this.#queue[this.#head++]!
      this.#bytes -= oldest.bytes
      oldest.owner.dropOldest()
    }
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue.splice(0, this.#head)
      this.#head = 0
    }
  }
}

/** The recent batches of one partition, in offset order without gaps. */
export class RecentTail {
  readonly #shared: RecentBatches
  readonly #batches: (RecordBatchView | null)[] = []
  #head = 0
  #hiddenBelow = 0
  #closed = false

  constructor(shared: RecentBatches) {
    this.#shared = shared
  }

  /** The first offset to be read here; Infinity while empty. */
  get firstOffset(): number {
    const first = this.#batches[this.#head]
    return first == null ? Number.POSITIVE_INFINITY : Math.max(first.baseOffset, this.#hiddenBelow)
  }

  /** What lies below was compacted: only the files are right. */
  hideBelow(offset: number): void {
    this.#hiddenBelow = offset
  }

  add(batch: RecordBatchView): void {
    this.#batches.push(batch)
    this.#shared.admit(this, batch.sizeBytes)
  }

  dropOldest(): void {
    if (this.#closed) return
    this.#batches[this.#head++] = null
    if (this.#head > 64 && this.#head * 2 > this.#batches.length) {
      this.#batches.splice(0, this.#head)
      this.#head = 0
    }
  }

  /** Gives the memory free; nothing may be added afterwards. */
  close(): void {
    this.#closed = true
    this.#batches.length = 0
    this.#head = 0
  }

  /** Batches from the one that holds `offset` on, up to `maxBytes` but at least one, below `endOffset`. */
  from(offset: number, maxBytes: number, endOffset: number): RecordBatchView[] {
    let low = this.#head
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#batches[middle]!.lastOffset < offset) low = middle + 1
      else high = middle
    }
    const found: RecordBatchView[] = []
    let bytes = 0
    for (let i = low; i < this.#batches.length; i++) {
      const batch = this.#batches[i]!
      if (batch.baseOffset >= endOffset) break
      bytes += batch.sizeBytes
      if (found.length > 0 && bytes > maxBytes) break
      found.push(batch)
    }
    return found
  }
}
