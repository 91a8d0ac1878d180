import type { Headers } from '../log/index.js'

/**
 * Where the records of a batch came from: one run of one source partition. Kept by reference through the graph, so
 * that headers, offsets and stream time cost nothing where nobody asks for them.
 */
export interface Origin {
  readonly topic: string
  readonly partition: number
  readonly offsets: ArrayLike<number>
  readonly headers: readonly (Headers | null)[] | null
  /** Stream time of the task when each record was picked, ms: the greatest timestamp so far, its own included. */
  readonly streamTimes: ArrayLike<number>
}

/**
 * Records on an edge of the running graph, as parallel arrays of `size`.
 *
 * Invariants
 * - Immutable once emitted; receivers may keep it.
 * - Row i stems from row `rows[i]` of `origin` (row i itself where `rows` is null).
 * - On the edges of a table, a value is the new one and `oldValues` (where the table sends them) the one before; null is
 *   the absence of a row. On the edges of a stream `oldValues` is null.
 * - `headers` overrides the origin's where it is not null.
 */
export interface Batch<K, V> {
  readonly size: number
  readonly keys: readonly K[]
  readonly values: readonly V[]
  /** Event time in ms. */
  readonly timestamps: ArrayLike<number>
  readonly oldValues: readonly V[] | null
  readonly headers: readonly (Headers | null)[] | null
  readonly origin: Origin | null
  readonly rows: ArrayLike<number> | null
  /**
   * On the edges of versioned tables: rows that are older than the newest of their key. They change history, not the
   * present; joins and aggregations of tables pass over them (KIP-914).
   */
  readonly outdated?: readonly boolean[] | null
}

export type AnyBatch = Batch<unknown, unknown>

export function originRow(batch: AnyBatch, row: number): number {
  return batch.rows === null ? row : batch.rows[row]!
}

export function headersOf(batch: AnyBatch, row: number): Headers | null {
  if (batch.headers !== null) return batch.headers[row]!
  const headers = batch.origin?.headers
  return headers ? headers[originRow(batch, row)]! : null
}

const noOptions = {}

/** Grows a batch row by row: what operators that change the number of records write into. */
export class BatchBuilder<K, V> {
  // Literals of one item: many batches have no more rows, and pushing to an empty array makes room for sixteen.
  #keys: K[] | null = null
  #values: V[] = []
  #timestamps: number[] = []
  #oldValues: V[] | null
  #rows: number[] = []
  /** Undefined: those of the record it stems from. */
  #headers: (Headers | null | undefined)[] | null = null

  constructor(options: { oldValues?: boolean } = noOptions) {
    this.#oldValues = options.oldValues ? [] : null
  }

  get size(): number {
    return this.#keys === null ? 0 : this.#keys.length
  }

  /** `row` is the row of the batch being processed that this record stems from. */
  push(key: K, value: V, timestamp: number, from: AnyBatch, row: number): void {
    if (this.#keys === null) {
      this.#keys = [key]
      this.#values = [value]
      this.#timestamps = [timestamp]
      this.#rows = [originRow(from, row)]
    } else {
      this.#keys.push(key)
      this.#values.push(value)
      this.#timestamps.push(timestamp)
      this.#rows.push(originRow(from, row))
    }
    if (from.headers !== null) this.setHeaders(from.headers[row]!)
    else if (this.#headers !== null) this.#headers.push(undefined)
  }

  pushChange(key: K, value: V, oldValue: V, timestamp: number, from: AnyBatch, row: number): void {
    this.push(key, value, timestamp, from, row)
    this.#oldValues?.push(oldValue)
  }

  /** Sets the headers of the row pushed last, whatever the origin says. */
  setHeaders(headers: Headers | null): void {
    this.#headers ??= []
    while (this.#headers.length < this.size - 1) this.#headers.push(undefined)
    this.#headers[this.size - 1] = headers
  }

  #headersOr(headers: Headers | null | undefined, from: AnyBatch, row: number): Headers | null {
    return headers === undefined ? (from.origin?.headers?.[this.#rows[row]!] ?? null) : headers
  }

  build(from: AnyBatch): Batch<K, V> {
    return {
      size: this.size,
      keys: this.#keys ?? [],
      values: this.#values,
      timestamps: this.#timestamps,
      oldValues: this.#oldValues,
      headers: this.#headers?.map((headers, row) => this.#headersOr(headers, from, row)) ?? null,
      origin: from.origin,
      rows: this.#rows,
    }
  }
}
