import type { LiveChange, Row } from './session.js'

/**
 * What a live table shows of a push query: the newest row per key for a table, the last rows for a stream. Bounded:
 * beyond `rowsMax` the rows touched longest ago are forgotten from the screen (never from the query).
 */
export class LiveModel {
  readonly #rowsMax: number
  readonly #rows = new Map<string | number, Row>()
  #received = 0

  constructor(rowsMax: number) {
    this.#rowsMax = rowsMax
  }

  /** Changes received so far. */
  get received(): number {
    return this.#received
  }

  get rowCount(): number {
    return this.#rows.size
  }

  accept({ row, tombstone, identity }: LiveChange): void {
    const key = identity ?? this.#received
    this.#received++
    this.#rows.delete(key)
    if (tombstone) return
    this.#rows.set(key, row)
    if (this.#rows.size > this.#rowsMax) this.#rows.delete(this.#rows.keys().next().value!)
  }

  /** The `count` rows changed last, the newest at the bottom. */
  newest(count: number): Row[] {
    return [...this.#rows.values()].slice(-count)
  }
}
