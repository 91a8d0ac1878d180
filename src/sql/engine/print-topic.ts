import { Observable, Subject } from 'rxjs'
import type { Consumer, ConsumerRecord, Headers, Log, TopicPartition } from '../../log/index.js'
import type { Statement } from '../ast.js'
import { SqlError } from '../errors.js'
import { formatString } from '../format-sql.js'
import type { DataSource, Metastore } from '../metastore.js'
import type { ResultColumn } from '../statements/statement-result.js'
import { didYouMean } from '../suggestion.js'
import { SqlTypes } from '../types.js'
import { FormatGuess, type PrimitiveFormat, readable, WindowedKeyGuess } from './format-guess.js'
import { ReadRow, type TypedRow } from './result-rows.js'
import { rowObjects } from './typed-rows.js'

export type PrintStatement = Extract<Statement, { kind: 'print' }>

export interface PrintContext {
  readonly log: Log
  /** Tells which windowed keys and which numbers to expect on the topic. */
  readonly metastore: Metastore
  /** Called once, when printing has ended. */
  readonly onEnd?: (print: PrintQuery) => void
}

/** How long one poll waits; records and `stop` end it earlier. */
const POLL_MS = 60_000

/**
 * PRINT: the committed records of a topic as they lie there, from now on or FROM BEGINNING, until its LIMIT or `stop`.
 * With INTERVAL n, every n-th record. A row has the record's time, key, value, partition, offset and headers; keys and
 * values are text, shown in the format that their bytes suggest. A value of NULL is a tombstone.
 *
 * Reading begins with the first subscription to `rows` or with the iteration, at the offsets of the time of `start`.
 */
export class PrintQuery implements AsyncIterable<TypedRow> {
  readonly id: string
  readonly columns: readonly ResultColumn[] = [
    { name: 'ROWTIME', type: SqlTypes.TIMESTAMP },
    { name: 'KEY', type: SqlTypes.STRING },
    { name: 'VALUE', type: SqlTypes.STRING },
    { name: 'PARTITION', type: SqlTypes.INTEGER },
    { name: 'OFFSET', type: SqlTypes.BIGINT },
    { name: 'HEADERS', type: SqlTypes.STRING },
  ]
  readonly #object = rowObjects(this.columns)
  /** Completes at the LIMIT and at `stop`; ends with an error where the topic cannot be read any more. */
  readonly rows: Observable<TypedRow>
  readonly #statement: PrintStatement
  readonly #context: PrintContext
  readonly #consumer: Consumer
  readonly #partitions: readonly TopicPartition[]
  readonly #keys: FormatGuess | WindowedKeyGuess
  readonly #values: FormatGuess
  readonly #live = new Subject<TypedRow>()
  #reading = false
  #seen = 0
  #left: number
  #stopping: Promise<void> | null = null
  /** Who waits in `caughtUp`, and for which offsets. */
  #waiting: { readonly ends: readonly number[]; readonly done: () => void }[] = []

  private constructor(
    statement: PrintStatement,
    context: PrintContext,
    consumer: Consumer,
    partitions: readonly TopicPartition[],
  ) {
    this.id = `print_${statement.topic}`
    this.#statement = statement
    this.#context = context
    this.#consumer = consumer
    this.#partitions = partitions
    this.#left = statement.limit ?? Number.POSITIVE_INFINITY
    const source = context.metastore.sources.find((s) => s.topic === statement.topic)
    this.#keys = keyGuess(source)
    this.#values = new FormatGuess(declaredPrimitive(source, 'value'))
    this.rows = new Observable((subscriber) => {
      const subscription = this.#live.subscribe(subscriber)
      if (!this.#reading && this.#stopping === null) void this.#publish()
      return subscription
    })
  }

  /** @throws SqlError where there is no such topic */
  static async start(statement: PrintStatement, context: PrintContext): Promise<PrintQuery> {
    const { topic, interval, limit, fromBeginning } = statement
    for (const [clause, count] of [
      ['INTERVAL', interval],
      ['LIMIT', limit],
    ] as const) {
      if (count !== null && count < 1)
        throw new SqlError(`${clause} of PRINT must be at least 1, found ${count}`)
    }
    const { admin } = context.log
    const topics = await admin.listTopics()
    if (!topics.includes(topic)) {
      throw new SqlError(`Could not find topic '${topic}'. Topic names are case-sensitive.`, {
        suggestion: didYouMean(topic, topics, formatString) ?? 'SHOW TOPICS lists them.',
      })
    }
    const [description] = await admin.describeTopics([topic])
    const partitions = description!.partitions.map(({ partition }) => ({ topic, partition }))
    const consumer = context.log.consumer({ isolationLevel: 'read_committed', autoOffsetReset: 'earliest' })
    consumer.assign(partitions)
    const offsets = await (fromBeginning
      ? consumer.beginningOffsets(partitions)
      : consumer.endOffsets(partitions))
    for (const [i, partition] of partitions.entries()) consumer.seek(partition, offsets[i]!)
    return new PrintQuery(statement, context, consumer, partitions)
  }

  /** Such as `Key format: KAFKA_STRING, value format: JSON`, by the records seen so far. */
  get formats(): string {
    return `Key format: ${this.#keys.label}, value format: ${this.#values.label}`
  }

  /** Ends the printing; `rows` completes. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#close()
    return this.#stopping
  }

  async #close(): Promise<void> {
    this.#release()
    this.#live.complete()
    await this.#consumer.close()
    this.#context.onEnd?.(this)
  }

  /**
   * Resolves once every record that is in the topic now has been read and shown, which somebody has to have begun;
   * at once where printing has ended.
   */
  async caughtUp(): Promise<void> {
    if (this.#stopping !== null) return
    const ends = await this.#consumer.endOffsets(this.#partitions)
    if (this.#stopping !== null) return
    await new Promise<void>((done) => {
      this.#waiting.push({ ends, done })
      this.#consumer.wakeup()
    })
  }

  /** Why nothing has come. */
  async explainEmpty(): Promise<string> {
    const { topic, fromBeginning } = this.#statement
    const [description] = await this.#context.log.admin.describeTopics([topic])
    const records = description!.partitions.reduce((sum, p) => sum + p.endOffset - p.startOffset, 0)
    const hint = fromBeginning || records === 0 ? '' : ' Add FROM BEGINNING to see those that are there.'
    return `No records yet: topic ${topic} holds ${records}.${fromBeginning ? '' : ' New ones are printed.'}${hint}`
  }

  /** Records one by one, read as fast as they are taken. Leaving the loop ends the printing. */
  async *[Symbol.asyncIterator](): AsyncGenerator<TypedRow> {
    if (this.#reading) throw new SqlError(`${this.id} is being read already.`)
    try {
      for await (const rows of this.#read()) yield* rows
    } finally {
      await this.stop()
    }
  }

  async #publish(): Promise<void> {
    try {
      for await (const rows of this.#read()) {
        for (const row of rows) if (this.#stopping === null) this.#live.next(row)
      }
    } catch (error) {
      this.#live.error(error)
    }
    await this.stop()
  }

  async *#read(): AsyncGenerator<readonly TypedRow[]> {
    this.#reading = true
    while (this.#stopping === null && this.#left > 0) {
      let records: readonly ConsumerRecord<Uint8Array, Uint8Array>[]
      try {
        // Markers of transactions move positions without giving records: who waits has them looked at now.
        records = await this.#consumer.poll(this.#waiting.length > 0 ? 0 : POLL_MS)
      } catch (error) {
        if (this.#stopping !== null) return
        throw error
      }
      const rows = this.#rowsOf(records)
      if (rows.length > 0) yield rows
      if (this.#waiting.length > 0 && this.#stopping === null) await this.#settle()
    }
  }

  /** All records of a poll have their say on the formats before the first of them is shown. */
  #rowsOf(records: readonly ConsumerRecord<Uint8Array, Uint8Array>[]): TypedRow[] {
    const interval = this.#statement.interval ?? 1
    const chosen = records.filter(() => this.#seen++ % interval === 0 && this.#left-- > 0)
    for (const { key, value } of chosen) {
      this.#keys.observe(key as Buffer | null)
      this.#values.observe(value as Buffer | null)
    }
    return chosen.map(({ key, value, timestamp, partition, offset, headers }) => {
      const columns = [
        timestamp,
        key === null ? null : this.#keys.show(key as Buffer),
        value === null ? null : this.#values.show(value as Buffer),
        partition,
        offset,
        headersText(headers),
      ]
      // A tombstone is a record like any other here: nothing is taken off the screen.
      return new ReadRow(columns, false, null, this.#object)
    })
  }

  async #settle(): Promise<void> {
    const positions = await Promise.all(this.#partitions.map((p) => this.#consumer.position(p)))
    const reached = ({ ends }: { ends: readonly number[] }) => ends.every((end, i) => positions[i]! >= end)
    const done = this.#waiting.filter(reached)
    this.#waiting = this.#waiting.filter((waiting) => !reached(waiting))
    for (const waiting of done) waiting.done()
  }

  #release(): void {
    for (const { done } of this.#waiting) done()
    this.#waiting = []
  }
}

/** `trace=4bf9, note=0x00ff`; empty where a record has none. */
function headersText(headers: Headers): string {
  return headers
    .map(({ key, value }) => `${key}=${value === null ? 'NULL' : readable(Buffer.from(value))}`)
    .join(', ')
}

function keyGuess(source: DataSource | undefined): FormatGuess | WindowedKeyGuess {
  const declared = declaredPrimitive(source, 'key')
  const window = source?.window ?? null
  return window === null ? new FormatGuess(declared) : new WindowedKeyGuess(window, declared)
}

const primitives: Readonly<Partial<Record<string, PrimitiveFormat>>> = {
  INTEGER: 'KAFKA_INT',
  BIGINT: 'KAFKA_BIGINT',
  DOUBLE: 'KAFKA_DOUBLE',
  STRING: 'KAFKA_STRING',
}

function declaredPrimitive(source: DataSource | undefined, side: 'key' | 'value'): PrimitiveFormat | null {
  if (source === undefined) return null
  const format = side === 'key' ? source.keyFormat : source.valueFormat
  const [column] = source.schema[side]
  return format.name === 'KAFKA' && column !== undefined ? (primitives[column.type.kind] ?? null) : null
}
