import { afterEach } from 'vitest'
import { ManualClock } from '../../../src/common/index.js'
import { Log, type ProducerRecord } from '../../../src/log/index.js'
import type { Statement } from '../../../src/sql/ast.js'
import { compileQuery, compileSourceTable } from '../../../src/sql/compile/topology-compiler.js'
import type { ExplainContext, ShownQuery } from '../../../src/sql/engine/show-context.js'
import { createFunctionRegistry } from '../../../src/sql/functions/built-in.js'
import { parseScript } from '../../../src/sql/parse.js'
import type { SourceNode } from '../../../src/sql/plan/plan-node.js'
import { type PropertyValues, Settings } from '../../../src/sql/properties.js'
import type { MaterializedTable } from '../../../src/sql/pull/store-rows.js'
import { StatementExecutor } from '../../../src/sql/statements/executor.js'
import type { PersistentQuery, QueryHost, TopicHost } from '../../../src/sql/statements/persistent-query.js'
import { keySerde, valueSerde } from '../../../src/sql/statements/serdes.js'
import type { StatementResult } from '../../../src/sql/statements/statement-result.js'
import type { StreamsMetrics } from '../../../src/streams/index.js'

type Statements = { readonly [K in Statement['kind']]: Extract<Statement, { kind: K }> }

/** The only statement of a text, which must be of this kind. */
export function parsed<K extends Statement['kind']>(kind: K, sql: string): Statements[K] {
  const [statement] = parseScript(sql, { commandLine: true })
  if (statement?.kind !== kind) throw new Error(`${sql} is a ${statement?.kind}, not a ${kind}`)
  return statement as Statements[K]
}

/** The application of a query, as a test says it is. */
export class FakeApp {
  state: ShownQuery['app']['state'] = 'RUNNING'
  isPaused = false
  failure: unknown = null
  readonly behind = new Map<string, number>()
  counters: Partial<StreamsMetrics> = {}

  metrics(): StreamsMetrics {
    const zero = { recordsIn: 0, recordsOut: 0, droppedRecords: 0, commits: 0, restarts: 0, tasks: [] }
    return { applicationId: 'fake', state: this.state, ...zero, ...this.counters }
  }

  async lag(): Promise<ReadonlyMap<string, number>> {
    if (this.state !== 'RUNNING') throw new Error(`lag of an application that is ${this.state}`)
    return this.behind
  }
}

/** A catalogue over a log in memory, with queries that are compiled but not run. */
export class CatalogueFixture {
  readonly clock = new ManualClock(1_700_000_000_000)
  readonly log = Log.memory({ clock: this.clock })
  readonly functions = createFunctionRegistry({ clock: this.clock })
  readonly apps = new Map<string, FakeApp>()
  readonly errors = new Map<string, number>()
  readonly executor: StatementExecutor
  session: PropertyValues = {}
  engine: PropertyValues = {}
  variables: Record<string, string> = {}
  /** Everything that was done to topics and queries, in order. */
  readonly effects: string[] = []

  constructor() {
    this.executor = new StatementExecutor({
      topics: this.#topics(),
      queries: this.#queries(),
      functions: this.functions,
    })
  }

  get metastore() {
    return this.executor.metastore
  }

  get settings(): Settings {
    return new Settings(this.session, this.engine)
  }

  async run(sql: string): Promise<StatementResult[]> {
    const results: StatementResult[] = []
    for (const statement of parseScript(sql)) {
      results.push(await this.executor.execute(statement, { settings: this.settings }))
    }
    return results
  }

  /** Without lingering, as the clock stands still. */
  async send(...records: readonly ProducerRecord<Uint8Array, Uint8Array>[]): Promise<void> {
    const producer = this.log.producer({ lingerMs: 0 })
    for (const record of records) await producer.send(record)
    await producer.close()
  }

  context(): ExplainContext {
    const { metastore, functions, session, engine, variables, settings } = this
    const queries = [...this.executor.queries.values()].map((query) => this.#shown(query))
    return {
      metastore,
      functions,
      admin: this.log.admin,
      queries,
      properties: { session, engine },
      variables,
      settings,
      compilerOptions: (queryId) => this.#compiler(queryId),
      tableOf: ({ createdBy }) => this.#table(createdBy),
    }
  }

  #compiler(queryId: string) {
    return {
      queryId,
      functions: this.functions,
      customType: (name: string) => this.metastore.types.get(name),
      keySerde,
      valueSerde,
      log: () => {},
      throwOnInvalidTimestamp: false,
    }
  }

  #compile(query: PersistentQuery) {
    const options = this.#compiler(query.id)
    return query.kind === 'CREATE_SOURCE'
      ? compileSourceTable(query.plan.root as SourceNode, options)
      : compileQuery(query.plan, options)
  }

  #shown(query: PersistentQuery): ShownQuery {
    const { id, statement, plan } = query
    return {
      id,
      kind: 'PERSISTENT',
      statement,
      plan,
      topology: this.#compile(query).topology,
      app: this.apps.get(id)!,
      processingErrors: this.errors.get(id) ?? 0,
      stepErrors: [],
      rates: () => ({ inPerS: 0, outPerS: 0, overMs: 0 }),
      stores: () => [],
      compile: () => this.#compile(query),
    }
  }

  /** Compiled, with nothing in it. */
  #table(queryId: string | null): MaterializedTable | null {
    const query = queryId === null ? undefined : this.executor.queries.get(queryId)
    if (query === undefined) return null
    const materialization = this.#compile(query).materialization!
    return { queryId: query.id, materialization, store: () => null, tables: () => [] }
  }

  #topics(): TopicHost {
    const { admin } = this.log
    return {
      partitionsOf: async (topic) => {
        if (!(await admin.listTopics()).includes(topic)) return null
        return (await admin.describeTopics([topic]))[0]!.partitions.length
      },
      create: async (topic, partitions, configs) => {
        this.effects.push(`create ${topic}`)
        await admin.createTopics([{ topic, partitions, configs }])
      },
      delete: async (topic) => {
        this.effects.push(`delete ${topic}`)
        await admin.deleteTopics([topic])
      },
      list: () => admin.listTopics(),
      append: (topic, key, value, timestamp) =>
        this.send({ topic, key, value, ...(timestamp === null ? {} : { timestamp }) }),
    }
  }

  #queries(): QueryHost {
    return {
      check: (query) => void this.#compile(query),
      start: async ({ id }) => {
        this.effects.push(`start ${id}`)
        this.apps.set(id, new FakeApp())
      },
      stop: async (id) => void this.apps.delete(id),
      pause: async (id) => {
        this.apps.get(id)!.isPaused = true
      },
      resume: async (id) => {
        this.apps.get(id)!.isPaused = false
      },
    }
  }
}

const open: CatalogueFixture[] = []

/** A fresh catalogue, closed after the test. */
export function catalogue(): CatalogueFixture {
  const fixture = new CatalogueFixture()
  open.push(fixture)
  return fixture
}

afterEach(async () => {
  for (const fixture of open.splice(0)) await fixture.log.close()
})

/** The statements most tests begin with: a stream, a filtered stream and a table of counts. */
export const orders = `
  CREATE STREAM ORDERS (ID BIGINT KEY, ITEM STRING, PRICE DOUBLE)
    WITH (KAFKA_TOPIC = 'orders', PARTITIONS = 2, VALUE_FORMAT = 'JSON');
  CREATE STREAM DEAR AS SELECT * FROM ORDERS WHERE PRICE > 100.0;
  CREATE TABLE COUNTS AS SELECT ITEM, COUNT(*) AS N FROM ORDERS GROUP BY ITEM;
`

type Rows = Extract<StatementResult, { kind: 'rows' }>

export function rowsOf(result: StatementResult): Rows {
  if (result.kind !== 'rows') throw new Error(`a message, not rows: ${result.message}`)
  return result
}

/** Rows as objects by column name. */
export function records(result: StatementResult): Record<string, unknown>[] {
  const { columns, rows } = rowsOf(result)
  return rows.map((row) => Object.fromEntries(columns.map((c, i) => [c.name, row[i]])))
}

export function messageOf(result: StatementResult): string {
  if (result.kind !== 'message') throw new Error('rows, not a message')
  return result.message
}
