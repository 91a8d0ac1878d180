import type { LiveChange, Row } from './session.js'

/** The column by which a live table is ordered. */
export interface Order {
  readonly column: number
  readonly descending: boolean
}

/**
 * What a live table shows of a push query: the newest row per key for a table, the last rows for a stream. Bounded:
 * beyond `rowsMax` the rows touched longest ago are forgotten from the screen (never from the query).
 */
export class LiveModel {
  readonly #rowsMax: number
  readonly #rows = new Map<string | number, Row>()
  #received = 0
  #forgotten = false

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

  /** Whether there are more rows than are kept here. */
  get forgotten(): boolean {
    return this.#forgotten
  }

  accept({ row, tombstone, identity }: LiveChange): void {
    const key = identity ?? this.#received
    this.#received++
    this.#rows.delete(key)
    if (tombstone) return
    this.#rows.set(key, row)
    if (this.#rows.size <= this.#rowsMax) return
    this.#rows.delete(this.#rows.keys().next().value!)
    this.#forgotten = true
  }

  /** The `count` rows changed last, the newest at the bottom. */
  newest(count: number): Row[] {
    return [...this.#rows.values()].slice(-count)
  }

  /** The first `count` rows by one column; NULL comes last. */
  sorted({ column, descending }: Order, count: number): Row[] {
    const sign = descending ? -1 : 1
    return [...this.#rows.values()].sort((a, b) => compareCells(a[column], b[column], sign)).slice(0, count)
  }
}

function compareCells(a: unknown, b: unknown, sign: number): number {
  const absent = (value: unknown): boolean => value === null || value === undefined
  if (absent(a) || absent(b)) return Number(absent(a)) - Number(absent(b))
  const [x, y] =
    isOrdered(a) && isOrdered(b)
      ? [a, b]
      : isDecimal(a) && isDecimal(b)
        ? [Number(a), Number(b)]
        : [String(a), String(b)]
  return x < y ? -sign : x > y ? sign : 0
}

function isOrdered(value: unknown): value is number {
  return typeof value === 'number' || typeof value === 'bigint'
}

/** Decimals are shown as their digits. */
function isDecimal(value: unknown): boolean {
  return typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value)
}

/** Changes a second over the last `samplesMax` readings. */
export class Rate {
  readonly #samplesMax: number
  #samples: { readonly atMs: number; readonly count: number }[] = []

  constructor(samplesMax: number) {
    this.#samplesMax = samplesMax
  }

  read(atMs: number, count: number): number {
    this.#samples = [...this.#samples, { atMs, count }].slice(-this.#samplesMax)
    const first = this.#samples[0]!
    return atMs > first.atMs ? Math.round(((count - first.count) * 1000) / (atMs - first.atMs)) : 0
  }
}
