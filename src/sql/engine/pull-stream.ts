import { Subject } from 'rxjs'
import type { Headers, Log } from '../../log/index.js'
import { deserialize } from '../../serde/index.js'
import type { AnyBatch, NodeContext } from '../../streams/index.js'
import { CompilerContext, type CompilerOptions } from '../compile/compiler-context.js'
import { compileStreamStage, type StageNode } from '../compile/stage-compiler.js'
import { StageReport } from '../compile/stage-report.js'
import { SqlError } from '../errors.js'
import { type Row, rowClass, type SqlValue } from '../formats/index.js'
import type { DataSource } from '../metastore.js'
import type { PlannedQuery } from '../plan/logical-planner.js'
import type { PlanNode, SourceNode } from '../plan/plan-node.js'
import { RowReader, type TypedRow } from './result-rows.js'

/*
 * SELECT without EMIT from a stream: its rows up to now. They are read in batches from the topic, and go through the same
 * generated function that a push query would have.
 */

export interface PullStreamOptions {
  readonly planned: PlannedQuery
  readonly limit: number | null
  readonly compiler: CompilerOptions
}

const BATCH_ROWS = 1000

/** Rows of a stream: its topic from the beginning to where it ends now. */
export async function pullStream(
  options: PullStreamOptions & { readonly log: Log; readonly source: DataSource },
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

  constructor({ planned, limit, compiler }: PullStreamOptions, source: SourceNode) {
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
