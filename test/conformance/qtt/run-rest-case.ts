import { Log } from '../../../src/log/index.js'
import { type FunctionRegistry, protobufRows, SqlEngine } from '../../../src/sql/index.js'
import { parseScript } from '../../../src/sql/parse.js'
import { MemorySchemaRegistry } from '../../../src/sql/schema-registry/index.js'
import { formatType, quoteIdentifier } from '../../../src/sql/types.js'
import type { Json } from '../exact-json.js'
import { type Case, list, object, text } from './cases.js'
import { checkOutputs, type LoggedRecord } from './check-outputs.js'
import { difference } from './compare.js'
import { errorDifference } from './expected-error.js'
import { protobufText, sortedBlocks } from './protobuf-text.js'
import { registerTestFunctions } from './test-functions.js'
import { registerTopicSchemas } from './topic-schemas.js'
import { shapeOf, type TopicShape, undeclared } from './topic-shape.js'
import { actualOf } from './typed-value.js'
import { type Actual, encode, joinWindow } from './wire.js'

/** Runs a case of the rest suite on a whole engine (README section 9). Null when it passes. */
export async function runRestCase(c: Case): Promise<string | null> {
  const log = Log.memory()
  const properties = { 'auto.offset.reset': 'earliest', 'cache.max.entries': '0', ...c.properties }
  const schemaRegistry = new MemorySchemaRegistry({ compatibility: 'NONE' })
  const functions = (r: FunctionRegistry): void => void registerTestFunctions(r)
  const engine = await SqlEngine.create({ log, properties, functions, schemaRegistry })
  try {
    return await new RestCase(c, log, engine).run()
  } catch (error) {
    return errorDifference(c, error)
  } finally {
    await engine.close()
    await log.close()
  }
}

interface Reply {
  readonly schema: string
  readonly rows: readonly { readonly columns: readonly Actual[]; readonly tombstone: boolean }[]
  readonly finalMessage: string | null
  /** Of pull queries: the reply in Protobuf. */
  readonly proto?: { readonly schema: string; readonly rows: readonly string[] }
}

class RestCase {
  readonly #case: Case
  readonly #log: Log
  readonly #engine: SqlEngine

  constructor(c: Case, log: Log, engine: SqlEngine) {
    this.#case = c
    this.#log = log
    this.#engine = engine
  }

  async run(): Promise<string | null> {
    const { statements } = this.#case
    const first = statements.findIndex((s) => /^\s*SELECT\s/i.test(s))
    const admin = first === -1 ? statements : statements.slice(0, first)
    const queries = first === -1 ? [] : statements.slice(first)
    await this.#createTopics(admin)
    const results = await this.#engine.execute(admin.join('\n'))
    const replies: (Reply | 'admin')[] = results
      .filter((r) => !/^\s*INSERT\s+INTO\b.*\bVALUES\b/is.test(r.statement))
      .map(() => 'admin')
    if (!this.#case.waitForActivePushQuery) await this.#produce()
    await this.#engine.caughtUp()
    for (const sql of queries) replies.push(await this.#query(sql))
    if (this.#case.expectedError !== null) return 'an error was expected, none came'
    const found = await this.#checkTopics()
    return found ?? this.#checkResponses(replies)
  }

  async #createTopics(admin: readonly string[]): Promise<void> {
    const wanted = new Map<string, number>()
    for (const { name, partitions } of this.#case.topics) wanted.set(name, partitions)
    for (const sql of admin) {
      for (const s of tryParse(sql)) {
        const topic = s.kind === 'createSource' ? s.properties.get('KAFKA_TOPIC') : undefined
        const partitions = s.kind === 'createSource' ? s.properties.get('PARTITIONS') : undefined
        if (topic?.kind === 'string' && !wanted.has(topic.value)) {
          wanted.set(topic.value, partitions?.kind === 'integer' ? partitions.value : 4)
        }
      }
    }
    for (const { topic } of [...this.#case.inputs, ...this.#case.outputs]) {
      if (!wanted.has(topic)) wanted.set(topic, 4)
    }
    const topics = [...wanted].map(([topic, partitions]) => ({ topic, partitions }))
    await this.#log.admin.createTopics(topics, { ifNotExists: true })
    registerTopicSchemas(this.#case, admin.flatMap(tryParse), this.#engine.executor.schemaRegistry)
  }

  #shape = (topic: string): TopicShape => {
    const source = this.#engine.metastore.sources.find((s) => s.topic === topic)
    return source === undefined ? undeclared : shapeOf(source, this.#engine.executor.schemaRegistry)
  }

  async #produce(): Promise<void> {
    const producer = this.#log.producer({ lingerMs: 0 })
    for (const { topic, key, value, timestamp, window, headers } of this.#case.inputs) {
      const shape = this.#shape(topic)
      const plain = encode(key, shape.key)
      await producer.send({
        topic,
        key: plain !== null && window !== null ? joinWindow(plain, window) : plain,
        value: encode(value, shape.value),
        timestamp: timestamp ?? 0,
        headers,
      })
    }
    await producer.close()
  }

  async #query(sql: string): Promise<Reply> {
    const [statement] = parseScript(sql)
    const query = statement?.kind === 'select' ? statement.query : null
    if (query?.emit == null) return this.#pull(sql, query)
    const push = await this.#engine.query(sql)
    const rows: { columns: Actual[]; tombstone: boolean }[] = []
    const ended = new Promise<boolean>((resolve, reject) => {
      push.rows.subscribe({
        next: (row) => {
          const columns = push.columns.map((c, i) => actualOf(row.columns[i], c.type))
          rows.push({ columns, tombstone: row.tombstone })
        },
        complete: () => resolve(true),
        error: reject,
      })
    })
    if (this.#case.waitForActivePushQuery) {
      await this.#produce()
      await this.#engine.caughtUp()
    }
    const limitReached = await Promise.race([ended, push.caughtUp().then(() => false)])
    await push.stop()
    const schema = push.columns.map((c) => `${quoteIdentifier(c.name)} ${formatType(c.type!)}`).join(', ')
    return { schema, rows, finalMessage: limitReached ? 'Limit Reached' : null }
  }

  async #pull(sql: string, query: { from: { kind: string } } | null): Promise<Reply> {
    const [result] = await this.#engine.execute(sql)
    if (result?.kind !== 'rows') throw new Error('a pull query gives rows')
    const from = query?.from as { kind: string; name?: string } | undefined
    const source = this.#engine.metastore.find(from?.name ?? '')
    const isTable = source?.kind === 'TABLE'
    const keys = new Set(isTable ? [...source.schema.key.map((c) => c.name), 'WINDOWSTART', 'WINDOWEND'] : [])
    const schema = result.columns
      .map((c) => `${quoteIdentifier(c.name)} ${formatType(c.type!)}${keys.has(c.name) ? ' KEY' : ''}`)
      .join(', ')
    const rows = result.rows.map((row) => ({
      columns: result.columns.map((c, i) => actualOf(row[i], c.type)),
      tombstone: false,
    }))
    const { protoSchema, encode } = protobufRows(
      result.columns.map(({ name, type }) => ({ name, type: type! })),
    )
    const proto = {
      schema: protoSchema,
      rows: result.rows.map((row) => protobufText(encode(row), protoSchema)),
    }
    return { schema, rows, finalMessage: result.note, proto }
  }

  async #checkTopics(): Promise<string | null> {
    if (this.#case.outputs.length === 0) return null
    await this.#engine.caughtUp()
    const logs = new Map<string, LoggedRecord[]>()
    for (const topic of new Set(this.#case.outputs.map((o) => o.topic))) {
      const count = this.#case.outputs.filter((o) => o.topic === topic).length
      logs.set(topic, (await this.#read(topic)).slice(0, count))
    }
    return checkOutputs({ ...this.#case, inputs: [] }, (topic) => logs.get(topic) ?? [], this.#shape)
  }

  async #read(topic: string): Promise<LoggedRecord[]> {
    const consumer = this.#log.consumer({ isolationLevel: 'read_committed' })
    const [description] = await this.#log.admin.describeTopics([topic])
    const partitions = description!.partitions.map(({ partition }) => ({ topic, partition }))
    const records: LoggedRecord[] = []
    consumer.assign(partitions)
    consumer.seekToBeginning(partitions)
    for (let batch = await consumer.poll(0); batch.length > 0; batch = await consumer.poll(0)) {
      for (const { key, value, timestamp } of batch) {
        const bytes = (b: Uint8Array | null): Buffer | null => (b === null ? null : Buffer.from(b))
        records.push({ topic, key: bytes(key), value: bytes(value), timestamp, headers: [] })
      }
    }
    await consumer.close()
    return records
  }

  #checkResponses(once: readonly (Reply | 'admin')[]): string | null {
    // The replies in Protobuf follow all others.
    const replies = [...once, ...once.filter((reply) => reply !== 'admin')]
    for (const [i, expected] of this.#case.responses.entries()) {
      if ('admin' in expected) continue
      const reply = replies[i]
      if (reply === undefined || reply === 'admin') return `response ${i}: there is no such reply`
      const found =
        'queryProto' in expected
          ? protoDifference(list(expected.queryProto).map(object), reply)
          : replyDifference(list(expected.query).map(object), reply, this.#case.verifyOrder)
      if (found !== null) return `response ${i}: ${found}`
    }
    return null
  }
}

function tryParse(sql: string): ReturnType<typeof parseScript> {
  try {
    return parseScript(sql)
  } catch {
    return []
  }
}

function protoDifference(
  expected: readonly { readonly [name: string]: Json }[],
  { proto, finalMessage }: Reply,
): string | null {
  const rows: string[] = []
  for (const { header, row, finalMessage: last } of expected) {
    if (header !== undefined && object(header).protoSchema !== proto?.schema) {
      return `Protobuf schema: expected ${text(object(header).protoSchema!)}, found ${proto?.schema}`
    }
    if (row !== undefined) rows.push(sortedBlocks(text(row)))
    if (last !== undefined && last !== finalMessage)
      return `final message: expected ${text(last)}, found ${finalMessage}`
  }
  const [wanted, found] = [rows.sort().join('--\n'), [...(proto?.rows ?? [])].sort().join('--\n')]
  return wanted === found ? null : `Protobuf rows: expected ${wanted}, found ${found}`
}

function replyDifference(
  expected: readonly { readonly [name: string]: Json }[],
  reply: Reply,
  verifyOrder: boolean,
): string | null {
  const rows: { readonly columns: Json; readonly tombstone: boolean }[] = []
  for (const entry of expected) {
    if (entry.header !== undefined) {
      const { schema } = object(entry.header)
      if (schema !== undefined && text(schema) !== reply.schema) {
        return `schema: expected ${text(schema)}, found ${reply.schema}`
      }
    } else if (entry.finalMessage !== undefined) {
      if (entry.finalMessage !== reply.finalMessage) {
        return `final message: expected ${text(entry.finalMessage)}, found ${reply.finalMessage}`
      }
    } else if (entry.row !== undefined) {
      const row = object(entry.row)
      rows.push({ columns: row.columns ?? [], tombstone: row.tombstone === true })
    }
  }
  if (rows.length !== reply.rows.length) return `expected ${rows.length} rows, found ${reply.rows.length}`
  const left = [...reply.rows]
  for (const row of rows) {
    const differences = left.map((actual) => difference(row.columns, actual.columns, true))
    const at = verifyOrder ? (differences[0] === null ? 0 : -1) : differences.indexOf(null)
    if (at === -1) return differences[0] ?? 'a row is missing'
    left.splice(at, 1)
  }
  return null
}
