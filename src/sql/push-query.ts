import { Observable, Subject } from 'rxjs'
import type { AnyBatch, KafkaStreams } from '../streams/index.js'
import type { ResultColumn } from './statements/statement-result.js'

export interface ResultRow {
  readonly columns: readonly unknown[]
  /** A row of a table that is gone: only key columns have values. */
  readonly tombstone: boolean
}

/** How far a query has read one of its topics. */
export interface SourceProgress {
  readonly topic: string
  readonly records: number
  readonly read: number
}

/** What a push query needs of whoever runs it. */
export interface PushQuerySource {
  readonly start: (onBatch: (batch: AnyBatch) => void, onFailure: (error: unknown) => void) => Promise<void>
  readonly stop: () => Promise<void>
  readonly streams: () => KafkaStreams | null
  readonly progress: () => Promise<readonly SourceProgress[]>
  readonly caughtUp: () => Promise<void>
}

export interface PushQueryOptions {
  readonly id: string
  readonly statement: string
  readonly columns: readonly ResultColumn[]
  readonly isTable: boolean
  /** For each column the position of the key column it shows, or -1. */
  readonly keyPositions: readonly number[]
  readonly keyCount: number
  readonly windowed: boolean
  readonly limit: number | null
  readonly source: PushQuerySource
}

/** More rows than this wait for their reader: then the query pauses. */
const rowsWaitingMax = 10_000

/**
 * A running SELECT … EMIT CHANGES. Read it as an async iterable (one reader, with back-pressure) or subscribe to
 * `rows`; it begins with the first of the two, and ends at its LIMIT, by `stop`, or with an error.
 */
export class PushQuery implements AsyncIterable<ResultRow> {
  readonly kind = 'query'
  readonly id: string
  readonly statement: string
  readonly columns: readonly ResultColumn[]
  /** Positions of the columns that identify a row; empty for streams. */
  readonly keyColumns: readonly number[]
  readonly isTable: boolean
  readonly limit: number | null
  readonly #options: PushQueryOptions
  readonly #waiting: ResultRow[] = []
  readonly #subject = new Subject<ResultRow>()
  #started: Promise<void> | null = null
  #wake: (() => void) | null = null
  #ended = false
  #limitReached = false
  #failure: unknown = null
  #count = 0
  #hasIterator = false

  constructor(options: PushQueryOptions) {
    this.#options = options
    this.id = options.id
    this.statement = options.statement
    this.columns = options.columns
    this.isTable = options.isTable
    this.limit = options.limit
    this.keyColumns = options.isTable
      ? options.keyPositions.flatMap((position, i) => (position === -1 ? [] : [i]))
      : []
  }

  /** Whether it ended because of its LIMIT. */
  get limitReached(): boolean {
    return this.#limitReached
  }

  /** Begins to run; called by the first reader. */
  start(): Promise<void> {
    if (this.#started === null) {
      this.#started =
        this.limit === 0
          ? Promise.resolve(this.#end(true))
          : this.#options.source.start(
              (batch) => this.#accept(batch),
              (error) => this.#fail(error),
            )
      this.#started.catch((error: unknown) => this.#fail(error))
    }
    return this.#started
  }

  /** Rows as they come, to any number of subscribers. */
  get rows(): Observable<ResultRow> {
    return new Observable((subscriber) => {
      if (this.#failure !== null) return subscriber.error(this.#failure)
      if (this.#ended) return subscriber.complete()
      const subscription = this.#subject.subscribe(subscriber)
      void this.start().catch(() => {})
      return subscription
    })
  }

  async *[Symbol.asyncIterator](): AsyncIterator<ResultRow> {
    this.#hasIterator = true
    await this.start()
    try {
      for (;;) {
        const row = this.#waiting.shift()
        if (row !== undefined) {
          if (this.#waiting.length === 0) this.#options.source.streams()?.resume()
          yield row
        } else if (this.#failure !== null) throw this.#failure
        else if (this.#ended) return
        else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
        }
      }
    } finally {
      await this.stop()
    }
  }

  async stop(): Promise<void> {
    this.#end(false)
    await this.#options.source.stop()
  }

  /** Resolves once everything that is in the sources now has been seen by the query, or it has ended. */
  async caughtUp(): Promise<void> {
    await this.start()
    if (!this.#ended) await this.#options.source.caughtUp()
  }

  /** Says why nothing has come: how much each source topic holds, and how far the query has read. */
  async explainEmpty(): Promise<string> {
    const progress = await this.#options.source.progress()
    const lines = progress.map(({ topic, records, read }) =>
      records === 0
        ? `Topic ${topic} is empty.`
        : `Topic ${topic} has ${records} records; the query has read ${read} of them.`,
    )
    return ['No rows so far.', ...lines].join('\n')
  }

  #accept(batch: AnyBatch): void {
    for (let i = 0; i < batch.size && !this.#ended; i++) {
      const value = batch.values[i] as { toArray(): unknown[] } | null
      if (value === null && !this.#options.isTable) continue
      this.#emit(
        value === null
          ? { columns: this.#keyOnly(batch.keys[i]), tombstone: true }
          : { columns: value.toArray(), tombstone: false },
      )
    }
  }

  #emit(row: ResultRow): void {
    this.#count++
    this.#subject.next(row)
    if (this.#hasIterator) {
      this.#waiting.push(row)
      if (this.#waiting.length > rowsWaitingMax) this.#options.source.streams()?.pause()
    }
    this.#notify()
    if (this.limit !== null && this.#count >= this.limit) {
      this.#end(true)
      void this.#options.source.stop()
    }
  }

  #keyOnly(key: unknown): unknown[] {
    const { keyPositions, keyCount, windowed, columns } = this.#options
    const plain = windowed ? (key as { key: unknown }).key : key
    const window = windowed ? (key as { start: number; end: number }) : null
    return keyPositions.map((position, i) => {
      if (position !== -1) return keyCount === 1 ? plain : (plain as readonly unknown[])[position]
      if (columns[i]!.name === 'WINDOWSTART') return window?.start ?? null
      return columns[i]!.name === 'WINDOWEND' ? (window?.end ?? null) : null
    })
  }

  #end(limitReached: boolean): void {
    if (this.#ended) return
    this.#ended = true
    this.#limitReached = limitReached
    this.#subject.complete()
    this.#notify()
  }

  #fail(error: unknown): void {
    if (this.#ended) return
    this.#failure = error
    this.#ended = true
    this.#subject.error(error)
    this.#notify()
  }

  #notify(): void {
    const wake = this.#wake
    this.#wake = null
    wake?.()
  }
}

