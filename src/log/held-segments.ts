/** What a segment keeps because it was read: an open file, indexes in memory. */
export interface SegmentHold {
  /** Lets go of what comes back when needed. */
  letGo(): void
}

export interface HeldSegmentsOptions {
  readonly maxFiles: number
  /** Of indexes in memory. Default 64 MiB. */
  readonly maxIndexBytes?: number
}

/**
 * The segments that were read last, over all partitions: they keep file and indexes. Beyond a number of files and bytes
 * of indexes, the one that was read longest ago lets go.
 */
export class HeldSegments {
  readonly #maxFiles: number
  readonly #maxIndexBytes: number
  /** Index bytes of each; the one that was used last comes last. */
  readonly #held = new Map<SegmentHold, number>()
  #indexBytes = 0

  constructor({ maxFiles, maxIndexBytes = 64 * 1024 * 1024 }: HeldSegmentsOptions) {
    // The one that is read holds its own.
    this.#maxFiles = Math.max(1, maxFiles)
    this.#maxIndexBytes = maxIndexBytes
  }

  /** To be called by a segment whenever it reads. */
  use(segment: SegmentHold, indexBytes: number): void {
    this.forget(segment)
    this.#held.set(segment, indexBytes)
    this.#indexBytes += indexBytes
    while (
      this.#held.size > this.#maxFiles ||
      (this.#indexBytes > this.#maxIndexBytes && this.#held.size > 1)
    ) {
      const [oldest] = this.#held.keys()
      this.forget(oldest!)
      oldest!.letGo()
    }
  }

  /** The segment holds nothing any more, or what it is written through. */
  forget(segment: SegmentHold): void {
    const bytes = this.#held.get(segment)
    if (bytes === undefined) return
    this.#held.delete(segment)
    this.#indexBytes -= bytes
  }
}
