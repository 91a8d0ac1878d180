import { Subject } from 'rxjs'
import type { Headers, Log } from '../../log/index.js'
import { deserialize } from '../../serde/index.js'
import type {
  AnyBatch,
  NodeContext,
  ReadOnlyKeyValueStore,
  ReadOnlySessionStore,
  ReadOnlyWindowStore,
  ValueAndTimestamp,
  Windowed,
} from '../../streams/index.js'
import { CompilerContext, type CompilerOptions } from '../compile/compiler-context.js'
import { compileStreamStage, type StageNode } from '../compile/stage-compiler.js'
import { StageReport } from '../compile/stage-report.js'
import { SqlError } from '../errors.js'
import { type Row, rowClass, type SqlValue } from '../formats/index.js'
import type { DataSource } from '../metastore.js'
import type { PlannedQuery } from '../plan/logical-planner.js'
import type { PlanNode, SourceNode } from '../plan/plan-node.js'
import type { KeyLookup } from './pull-keys.js'
import type { RunningQuery } from './query-apps.js'
import { RowReader, type TypedRow } from './result-rows.js'

/*
 * SELECT without EMIT: the rows of a materialised table as they are now, or of a stream up to now. Rows are read in
 * batches from the store (by key where the WHERE clause says which) or the topic, and go through the same generated
 * function that a push query would have.
 */

export interface PullQueryOptions {
  readonly planned: PlannedQuery
  readonly limit: number | null
  readonly compiler: CompilerOptions
}

const BATCH_ROWS = 1000

/** Rows of a table from the store of the query that makes it. */
export function pullTable(
  options: PullQueryOptions & { readonly running: RunningQuery; readonly keys: KeyLookup | null },
): TypedRow[] {
  const source = sourceOf(options.planned.root)
  const stage = new PullStage(options, source)
  for (const entry of storedRows(options.running, options.keys)) {
    if (!stage.add(entry.key, entry.row, entry.timestamp)) break
  }
  return stage.finish()
}

/** Rows of a stream: its topic from the beginning to where it ends now. */
export async function pullStream(
  options: PullQueryOptions & { readonly log: Log; readonly source: DataSource },
): Promise<TypedRow[]> {
  const { log, source } = options
  const node = sourceOf(options.planned.root)
  const stage = new PullStage(options, node)
  const { topic, schema, keyFormat, valueFormat, window } = source
  const keys = options.compiler.keySerde({ format: keyFormat, columns: schema.key, topic, window })
  const values = options.compiler.valueSerde({ format: valueFormat, columns: schema.value, topic })
  const consumer = log.consumer({ isolationLevel: 'read_committed', autoOffsetReset: 'earliest' })
  try {
    const [description] = await log.admin.describeTopics([source.topic])
    const partitions = description!.partitions.map(({ partition }) => ({ topic: source.topic, partition }))
    consumer.assign(partitions)
    const ends = await consumer.endOffsets(partitions)
    for (const [i, partition] of partitions.entries()) {
      consumer.pause(partitions.filter((p) => p !== partition))
      consumer.resume([partition])
      while ((await consumer.position(partition)) < ends[i]!) {
        for (const record of await consumer.poll(10)) {
          if (record.offset >= ends[i]!) continue
          try {
            const row = deserialize(values, record.value)
            if (
              row !== null &&
              !stage.add(deserialize(keys, record.key), row as Row, record.timestamp, record.headers)
            ) {
              return stage.finish()
            }
          } catch (error) {
            const { topic, partition: at, offset } = record
            options.compiler.log({
              queryId: options.compiler.queryId,
              step: 'Deserialize',
              topic,
              partition: at,
              offset,
              error,
            })
          }
        }
      }
    }
    return stage.finish()
  } finally {
    await consumer.close()
  }
}

function sourceOf(node: PlanNode): SourceNode {
  if (node.kind === 'source') return node
  if (node.kind === 'filter' || node.kind === 'project') return sourceOf(node.input)
  throw new SqlError(
    `Pull queries don't support ${node.kind === 'aggregate' ? 'GROUP BY or aggregate functions' : 'JOIN or table functions'}.`,
    {
      suggestion:
        'See https://cnfl.io/queries for more info. Add EMIT CHANGES if you intended to issue a push query.',
    },
  )
}

/** Collects rows into batches, runs them through filter and projection, and counts down the LIMIT. */
class PullStage {
  readonly #input = new Subject<AnyBatch>()
  readonly #rows: TypedRow[] = []
  readonly #limit: number
  /** Columns of a table's source that come with the record and stand behind its own. */
  readonly #carried: readonly string[]
  readonly #rowClass: ReturnType<typeof rowClass>
  #keys: unknown[] = []
  #values: unknown[] = []
  #timestamps: number[] = []
  /** Null until a record has some. */
  #headers: (Headers | null)[] | null = null

  constructor({ planned, limit, compiler }: PullQueryOptions, source: SourceNode) {
    this.#limit = limit ?? Number.POSITIVE_INFINITY
    this.#carried = source.columns.slice(source.schema.value.length).map((c) => c.name)
    this.#rowClass = rowClass(source.columns)
    const reader = new RowReader(planned)
    const report = new StageReport(compiler.queryId, 'Project', compiler.log)
    const stage = compileStreamStage(source, stepsOf(planned.root), new CompilerContext(compiler), report)
    stage({} as NodeContext)(this.#input).subscribe((batch) => {
      for (let i = 0; i < batch.size; i++) {
        const row = reader.read(batch.keys[i], batch.values[i])
        if (row !== null && this.#rows.length < this.#limit) this.#rows.push(row)
      }
    })
  }

  /** False once the LIMIT is reached. */
  add(key: unknown, row: Row, timestamp: number, headers: Headers | null = null): boolean {
    if (headers !== null && headers.length > 0) this.#headers ??= new Array(this.#keys.length).fill(null)
    this.#headers?.push(headers)
    this.#keys.push(key)
    this.#values.push(this.#carried.length === 0 ? row : this.#withCarried(row, timestamp))
    this.#timestamps.push(timestamp)
    if (this.#keys.length >= Math.min(BATCH_ROWS, this.#limit)) this.#flush()
    return this.#rows.length < this.#limit
  }

  finish(): TypedRow[] {
    this.#flush()
    return this.#rows
  }

  #withCarried(row: Row, timestamp: number): Row {
    const extra = this.#carried.map((name): SqlValue => (name === 'ROWTIME' ? timestamp : null))
    return this.#rowClass.from([...row.toArray(), ...extra])
  }

  #flush(): void {
    const size = this.#keys.length
    if (size === 0) return
    const [keys, values, timestamps, headers] = [this.#keys, this.#values, this.#timestamps, this.#headers]
    this.#keys = []
    this.#values = []
    this.#timestamps = []
    this.#headers = null
    this.#input.next({
      size,
      keys,
      values,
      timestamps,
      oldValues: null,
      headers,
      origin: null,
      rows: null,
    })
  }
}

function stepsOf(root: PlanNode): StageNode[] {
  const steps: StageNode[] = []
  for (let node = root; node.kind === 'filter' || node.kind === 'project'; node = node.input)
    steps.unshift(node)
  return steps
}

interface StoredRow {
  readonly key: unknown
  readonly row: Row
  readonly timestamp: number
}

function* storedRows({ compiled, streams }: RunningQuery, lookup: KeyLookup | null): Generator<StoredRow> {
  const { storeName, kind, rowOf } = compiled.materialization!
  const store = streams.store(storeName)
  const entries =
    kind === 'key-value'
      ? keyValueEntries(store as ReadOnlyKeyValueStore<unknown, ValueAndTimestamp<unknown>>, lookup)
      : windowEntries(store as WindowedStore, kind, lookup)
  for (const { key, value, timestamp } of entries) {
    const row = rowOf(key, value)
    if (row !== null) yield { key, row: row as Row, timestamp }
  }
}

interface Entry {
  readonly key: unknown
  readonly value: unknown
  readonly timestamp: number
}

function* keyValueEntries(
  store: ReadOnlyKeyValueStore<unknown, ValueAndTimestamp<unknown>>,
  lookup: KeyLookup | null,
): Generator<Entry> {
  if (lookup === null) {
    for (const { key, value } of store.all()) yield { key, value: value.value, timestamp: value.timestamp }
    return
  }
  for (const key of lookup.keys) {
    const value = store.get(key)
    if (value !== undefined) yield { key, value: value.value, timestamp: value.timestamp }
  }
}

type WindowedStore = ReadOnlyWindowStore<unknown, ValueAndTimestamp<unknown>> &
  ReadOnlySessionStore<unknown, unknown>

function* windowEntries(
  store: WindowedStore,
  kind: 'window' | 'session',
  lookup: KeyLookup | null,
): Generator<Entry> {
  const scans =
    lookup === null
      ? [store.all()]
      : lookup.keys.map((key) =>
          kind === 'session'
            ? store.fetch(key as never, undefined as never)
            : store.fetchRange(key, 0, Number.MAX_SAFE_INTEGER),
        )
  for (const scan of scans as Iterable<{ key: Windowed<unknown>; value: unknown }>[]) {
    for (const { key, value } of scan) {
      if (kind === 'session') yield { key, value, timestamp: key.end }
      else
        yield {
          key,
          value: (value as ValueAndTimestamp<unknown>).value,
          timestamp: (value as ValueAndTimestamp<unknown>).timestamp,
        }
    }
  }
}
