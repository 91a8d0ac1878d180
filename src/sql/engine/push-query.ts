import { Observable, Subject } from 'rxjs'
import type { Log } from '../../log/index.js'
import { KafkaStreams, type KafkaStreamsOptions } from '../../streams/index.js'
import type { CompilerOptions } from '../compile/compiler-context.js'
import { compileQuery } from '../compile/topology-compiler.js'
import type { DataSource } from '../metastore.js'
import type { PlannedQuery } from '../plan/logical-planner.js'
import type { ResultColumn } from '../statements/statement-result.js'
import { RowReader, type TypedRow } from './result-rows.js'
import type { RowObject } from './typed-rows.js'

export interface PushQueryOptions {
  readonly log: Log
  readonly planned: PlannedQuery
  readonly sources: readonly DataSource[]
  readonly limit: number | null
  readonly compiler: CompilerOptions
  readonly app: KafkaStreamsOptions
  /** Called once, when the query has ended and its application is closed. */
  readonly onEnd: (query: PushQuery<unknown>) => Promise<void>
}

const BUFFERED_ROWS_MAX = 10_000

/** A running SELECT … EMIT CHANGES: rows as they come, until its LIMIT or `stop`. */
export class PushQuery<R = RowObject> implements AsyncIterable<TypedRow<R>> {
  readonly id: string
  readonly columns: readonly ResultColumn[]
  /** Columns that show the key, for a table. */
  readonly keyColumns: readonly number[]
  /** Every row since the start; completes when the query ends. A query that fails ends with its error. */
  readonly rows: Observable<TypedRow<R>>
  readonly #options: PushQueryOptions
  readonly #streams: KafkaStreams
  readonly #live = new Subject<TypedRow>()
  /** Rows wait here until somebody subscribes; null from then on. */
  #early: TypedRow[] | null = []
  #left: number
  #ended: Promise<void> | null = null

  private constructor(options: PushQueryOptions) {
    const { planned, compiler, app, limit } = options
    this.#options = options
    this.id = compiler.queryId
    const reader = new RowReader(planned)
    this.columns = reader.columns
    this.keyColumns = reader.isTable
      ? planned.keyPositions.flatMap((position, column) => (position >= 0 ? [column] : []))
      : []
    this.#left = limit ?? Number.POSITIVE_INFINITY
    const plan = { root: planned.root, sources: options.sources.map((s) => s.name), sink: null }
    const { topology } = compileQuery(plan, compiler, (stream) =>
      stream.foreach((key, value) => this.#accept(reader.read(key, value))),
    )
    this.#streams = new KafkaStreams(topology, {
      ...app,
      stateListener: (state) => {
        if (state === 'ERROR') this.#fail(this.#streams.failure)
      },
    })
    const rows = new Observable<TypedRow>((subscriber) => {
      const early = this.#early ?? []
      this.#early = null
      for (const row of early) subscriber.next(row)
      if (this.#streams.isPaused) this.#streams.resume()
      return this.#live.subscribe(subscriber)
    })
    this.rows = rows as Observable<TypedRow<R>>
  }

  static async start<R>(options: PushQueryOptions): Promise<PushQuery<R>> {
    const query = new PushQuery<R>(options)
    if (options.limit === 0) await query.stop()
    else await query.#streams.start()
    return query
  }

  #accept(row: TypedRow | null): void {
    if (row === null || this.#left <= 0) return
    this.#left--
    if (this.#early === null) this.#live.next(row)
    else {
      this.#early.push(row)
      if (this.#early.length > BUFFERED_ROWS_MAX) this.#streams.pause()
    }
    if (this.#left <= 0) void this.stop()
  }

  #fail(error: unknown): void {
    this.#ended ??= this.#options.onEnd(this)
    this.#live.error(error)
  }

  /** Ends the query; `rows` completes. Idempotent. */
  stop(): Promise<void> {
    this.#ended ??= this.#close()
    return this.#ended
  }

  async #close(): Promise<void> {
    this.#left = 0
    this.#live.complete()
    await this.#streams.close().catch(() => {})
    await this.#options.onEnd(this)
  }

  /** Resolves once all that is in the sources now has gone through the query. */
  async caughtUp(): Promise<void> {
    if (this.#ended === null) await this.#streams.caughtUp()
  }

  /** Why nothing has come: what each source topic holds, and how far the query has read. */
  async explainEmpty(): Promise<string> {
    const { admin } = this.#options.log
    const lag = this.#ended === null ? await this.#streams.lag() : new Map<string, number>()
    const lines: string[] = []
    for (const { name, topic } of this.#options.sources) {
      const [description] = await admin.describeTopics([topic])
      const records = description!.partitions.reduce((sum, p) => sum + p.endOffset - p.startOffset, 0)
      const unread = description!.partitions.reduce(
        (sum, p) => sum + (lag.get(`${topic}-${p.partition}`) ?? 0),
        0,
      )
      lines.push(
        `${name} (topic ${topic}) has ${records} records; the query has read ${Math.max(0, records - unread)}`,
      )
    }
    return `No rows yet: ${lines.join('; ')}.`
  }

  /** Rows one by one; reading stops the query from running far ahead. Leaving the loop ends the query. */
  async *[Symbol.asyncIterator](): AsyncGenerator<TypedRow<R>> {
    const buffer: TypedRow<R>[] = []
    let wake: () => void = () => {}
    let done = false
    let failure: unknown = null
    const finish = (error: unknown): void => {
      done = true
      failure = error
      wake()
    }
    const subscription = this.rows.subscribe({
      next: (row) => {
        buffer.push(row)
        if (buffer.length > BUFFERED_ROWS_MAX) this.#streams.pause()
        wake()
      },
      error: finish,
      complete: () => finish(null),
    })
    try {
      for (;;) {
        while (buffer.length > 0) yield buffer.shift()!
        if (done) break
        if (this.#streams.isPaused) this.#streams.resume()
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      if (failure !== null) throw failure
    } finally {
      subscription.unsubscribe()
      await this.stop()
    }
  }
}
