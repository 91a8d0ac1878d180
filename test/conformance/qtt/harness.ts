import { seededRandom, systemClock } from '../../../src/common/index.js'
import { serdeOf } from '../../../src/serde/index.js'
import type { CompilerOptions } from '../../../src/sql/compile/compiler-context.js'
import type { ProcessingError } from '../../../src/sql/compile/stage-report.js'
import {
  type CompiledQuery,
  compileQuery,
  compileSourceTable,
} from '../../../src/sql/compile/topology-compiler.js'
import { createFunctionRegistry } from '../../../src/sql/functions/built-in.js'
import type { FunctionRegistry } from '../../../src/sql/functions/registry.js'
import type { DataSource } from '../../../src/sql/metastore.js'
import type { PlanNode, SourceNode } from '../../../src/sql/plan/plan-node.js'
import { MemorySchemaRegistry } from '../../../src/sql/schema-registry/index.js'
import { StatementExecutor } from '../../../src/sql/statements/executor.js'
import type { PersistentQuery, QueryHost, TopicHost } from '../../../src/sql/statements/persistent-query.js'
import { serdesOf } from '../../../src/sql/statements/serdes.js'
import { TopologyTestDriver } from '../../../src/testing/index.js'
import type { RecordSpec } from './cases.js'
import type { LoggedRecord } from './check-outputs.js'
import { registerTestFunctions } from './test-functions.js'
import { shapeOf, type TopicShape, undeclared } from './topic-shape.js'
import { encode, joinWindow } from './wire.js'

/*
 * Statements against a catalogue in memory; queries in test drivers, one each, fed record by record.
 */

export const bytesSerde = serdeOf<Buffer>({ serialize: (b) => b, deserialize: (b) => Buffer.from(b) })

interface Topic {
  readonly partitions: number
  readonly log: LoggedRecord[]
}

export interface HostedQuery {
  readonly query: PersistentQuery
  readonly compiled: CompiledQuery
}

/** Settings of the case that runs: functions read them. */
let currentProperties: Readonly<Record<string, string>> = {}
let sharedFunctions: FunctionRegistry | null = null

function functionsFor(properties: Readonly<Record<string, string>>): FunctionRegistry {
  currentProperties = properties
  sharedFunctions ??= registerTestFunctions(
    createFunctionRegistry({
      clock: systemClock,
      random: seededRandom(1),
      config: (name) => currentProperties[name],
    }),
  )
  return sharedFunctions
}

export class Harness implements TopicHost, QueryHost {
  readonly topics = new Map<string, Topic>()
  readonly queries = new Map<string, HostedQuery>()
  readonly errors: ProcessingError[] = []
  readonly executor: StatementExecutor
  readonly functions: FunctionRegistry
  readonly registry = new MemorySchemaRegistry({ compatibility: 'NONE' })
  /** Told of a record that INSERT VALUES has appended. */
  onInsert: (record: LoggedRecord) => void = () => {}

  constructor(properties: Readonly<Record<string, string>>) {
    this.functions = functionsFor(properties)
    this.executor = new StatementExecutor({
      topics: this,
      queries: this,
      functions: this.functions,
      schemaRegistry: this.registry,
    })
  }

  // ------------------------------------------------------------------------------------------------ topics

  addTopic(name: string, partitions: number): void {
    if (!this.topics.has(name)) this.topics.set(name, { partitions, log: [] })
  }

  logOf = (topic: string): readonly LoggedRecord[] => this.topics.get(topic)?.log ?? []

  appendRecord(record: LoggedRecord): void {
    this.addTopic(record.topic, 4)
    this.topics.get(record.topic)!.log.push(record)
  }

  async partitionsOf(topic: string): Promise<number | null> {
    return this.topics.get(topic)?.partitions ?? null
  }

  async create(topic: string, partitions: number): Promise<void> {
    this.addTopic(topic, partitions)
  }

  async delete(topic: string): Promise<void> {
    this.topics.delete(topic)
  }

  async list(): Promise<readonly string[]> {
    return [...this.topics.keys()]
  }

  async append(
    topic: string,
    key: Buffer | null,
    value: Buffer | null,
    timestamp: number | null,
  ): Promise<void> {
    const record = { topic, key, value, timestamp: timestamp ?? 0, headers: [] }
    this.appendRecord(record)
    this.onInsert(record)
  }

  sourceOn(topic: string): DataSource | undefined {
    return this.executor.metastore.sources.find((s) => s.topic === topic)
  }

  shapeOfTopic = (topic: string): TopicShape => {
    const source = this.sourceOn(topic)
    return source === undefined ? undeclared : shapeOf(source, this.registry)
  }

  encodeInput(record: RecordSpec): LoggedRecord {
    const shape = this.shapeOfTopic(record.topic)
    const plain = encode(record.key, shape.key)
    return {
      topic: record.topic,
      key: plain !== null && record.window !== null ? joinWindow(plain, record.window) : plain,
      value: encode(record.value, shape.value),
      timestamp: record.timestamp ?? 0,
      headers: record.headers,
    }
  }

  // ----------------------------------------------------------------------------------------------- queries

  check(query: PersistentQuery): void {
    this.#compile(query)
  }

  async start(query: PersistentQuery): Promise<void> {
    this.queries.set(query.id, { query, compiled: this.#compile(query) })
  }

  async stop(id: string): Promise<void> {
    this.queries.delete(id)
  }

  async pause(): Promise<void> {}

  async resume(): Promise<void> {}

  #compile(query: PersistentQuery): CompiledQuery {
    const options: CompilerOptions = {
      queryId: query.id,
      functions: this.functions,
      customType: (name) => this.executor.metastore.types.get(name),
      ...serdesOf(this.registry),
      log: (error) => this.errors.push(error),
      throwOnInvalidTimestamp: query.settings.enabled('ksql.timestamp.throw.on.invalid'),
    }
    return query.kind === 'CREATE_SOURCE'
      ? compileSourceTable(query.plan.root as SourceNode, options)
      : compileQuery(query.plan, options)
  }
}

/** One query in a driver of its own: bytes in, bytes out. */
export class QueryDriver {
  readonly id: string
  readonly sources: readonly string[]
  readonly sink: string | null
  readonly driver: TopologyTestDriver
  readonly #inputs
  readonly #output

  constructor({ query, compiled }: HostedQuery) {
    this.id = query.id
    this.sources = [...new Set(topicsRead(query.plan.root))]
    this.sink = query.plan.sink?.topic ?? null
    this.driver = new TopologyTestDriver(compiled.topology, {
      applicationId: `_confluent-ksql-some.ksql.service.idquery_${query.id}`,
      deserializationExceptionHandler: 'log-and-continue',
    })
    this.#inputs = new Map(
      this.sources.map((topic) => [topic, this.driver.createInputTopic(topic, bytesSerde, bytesSerde)]),
    )
    this.#output =
      this.sink === null ? null : this.driver.createOutputTopic(this.sink, bytesSerde, bytesSerde)
  }

  /** Everything that one record leads to. */
  feed({ topic, key, value, timestamp, headers }: LoggedRecord): LoggedRecord[] {
    this.#inputs.get(topic)!.pipeRecord({ key, value, timestamp, headers })
    const written: LoggedRecord[] = []
    while (this.#output !== null && !this.#output.isEmpty) {
      written.push({ topic: this.sink!, ...this.#output.readRecord() })
    }
    return written
  }

  close(): void {
    this.driver.close()
  }
}

function topicsRead(node: PlanNode): string[] {
  switch (node.kind) {
    case 'source':
      return [node.topic]
    case 'join':
    case 'foreignKeyJoin':
    case 'pullJoin':
      return [...topicsRead(node.left), ...topicsRead(node.right)]
    default:
      return topicsRead(node.input)
  }
}
