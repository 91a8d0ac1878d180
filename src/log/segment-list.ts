import type { Segment } from './segment.js'

/**
 * The segments of a log by base offset. There is always at least one; the last is the active one.
 */
export class SegmentList {
  readonly #segments: Segment[]

  constructor(segments: readonly Segment[]) {
    this.#segments = [...segments]
  }

  get active(): Segment {
    return this.#segments.at(-1)!
  }

  get first(): Segment {
    return this.#segments[0]!
  }

  get count(): number {
    return this.#segments.length
  }

  get all(): readonly Segment[] {
    return this.#segments
  }

  get sizeBytes(): number {
    let size = 0
    for (const segment of this.#segments) size += segment.sizeBytes
    return size
  }

  baseOffsets(): Set<number> {
    return new Set(this.#segments.map((segment) => segment.baseOffset))
  }

  add(segment: Segment): void {
    this.#segments.push(segment)
  }

  /** Index of the segment that holds `offset`, or would; 0 for offsets before the first. */
  indexOf(offset: number): number {
    let low = 0
    let high = this.#segments.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#segments[middle]!.baseOffset <= offset) low = middle + 1
      else high = middle
    }
    return Math.max(0, low - 1)
  }

  /** Removes the first `count` segments, with their files. */
  deleteFirst(count: number): void {
    for (const segment of this.#segments.splice(0, count)) segment.delete()
  }

  /** Puts `replacement` in the place of `count` segments from index `from` on. */
  replace(from: number, count: number, replacement: readonly Segment[]): void {
    this.#segments.splice(from, count, ...replacement)
  }
}
