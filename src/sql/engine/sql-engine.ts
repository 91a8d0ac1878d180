import {
  type Clock,
  type FileSystem,
  nodeFiles,
  type Random,
  systemClock,
  systemRandom,
} from '../../common/index.js'
import type { Log } from '../../log/index.js'
import type { Query, Statement } from '../ast.js'
import { SqlError } from '../errors.js'
import { createFunctionRegistry } from '../functions/built-in.js'
import type { FunctionRegistry } from '../functions/registry.js'
import type { DataSource, Metastore } from '../metastore.js'
import { parseScript } from '../parse.js'
import { type PlannedQuery, planQuery } from '../plan/logical-planner.js'
import { type PropertyValues, Settings } from '../properties.js'
import { LogSchemaRegistry, type SchemaRegistry } from '../schema-registry/index.js'
import { StatementExecutor } from '../statements/executor.js'
import { analyze } from '../statements/plan-persistent.js'
import type { StatementResult } from '../statements/statement-result.js'
import { assertTopic } from './assert-topic.js'
import { CommandLog } from './command-log.js'
import { describeStatement } from './describe-statements.js'
import { explainStatement } from './explain-statement.js'
import { LogTopics } from './log-topics.js'
import { PrintQuery } from './print-topic.js'
import { ProcessingLog } from './processing-log.js'
import { keyLookup } from './pull-keys.js'
import { pullStream, pullTable } from './pull-query.js'
import { PushQuery } from './push-query.js'
import { QueryApps } from './query-apps.js'
import type { TypedRow } from './result-rows.js'
import { SessionWrites } from './session-writes.js'
import type { ExplainContext, ShownQuery } from './show-context.js'
import { showStatement } from './show-statements.js'
import { SqlText } from './sql-template.js'
import type { RowObject } from './typed-rows.js'

export interface SqlEngineOptions {
  readonly log: Log
  /** Where queries keep their state. Without one it lives in memory and is rebuilt at every start. */
  readonly stateDirectory?: string
  /** Settings that hold for every statement, by ksqlDB's names. */
  readonly properties?: PropertyValues
  /** Called once with the registry of functions, to add one's own. */
  readonly functions?: (registry: FunctionRegistry) => void
  /** Schemas of topics; default those kept in the log's topic `_schemas`. Closed with the engine. */
  readonly schemaRegistry?: SchemaRegistry
  readonly files?: FileSystem
  readonly clock?: Clock
  readonly random?: Random
}

/** What came of one statement: finished, or rows that go on coming. */
export type ExecutionOutcome =
  | { readonly kind: 'done'; readonly result: StatementResult }
  | { readonly kind: 'query'; readonly query: PushQuery | PrintQuery }

/** Statements that change the catalogue: they are kept in the command topic. */
const commands: ReadonlySet<Statement['kind']> = new Set([
  'createSource',
  'createAs',
  'insertInto',
  'createType',
  'dropType',
  'alterSource',
  'dropSource',
  'terminate',
  'pause',
  'resume',
])

/**
 * Continuous SQL on a log. Streams, tables and running queries come back when an engine is created on the same log:
 * their statements are kept in a command topic.
 */
export class SqlEngine {
  readonly log: Log
  readonly functions: FunctionRegistry
  readonly processingLog: ProcessingLog
  readonly executor: StatementExecutor
  readonly apps: QueryApps
  readonly #topics: LogTopics
  readonly #commandLog: CommandLog
  readonly #writes: SessionWrites
  readonly #files: FileSystem
  readonly #clock: Clock
  readonly #properties: PropertyValues
  /** SET and DEFINE of this engine's session. */
  #session: Record<string, string> = {}
  #variables: Record<string, string> = {}
  #liveQueries = new Set<PushQuery<unknown> | PrintQuery>()
  #nextTransient = 0
  /** Statements that change something run one after the other. */
  #last: Promise<unknown> = Promise.resolve()
  #closed = false

  private constructor(options: SqlEngineOptions, schemaRegistry: SchemaRegistry) {
    const { log, clock = systemClock, random = systemRandom, files = nodeFiles } = options
    this.log = log
    this.#files = files
    this.#clock = clock
    this.#properties = options.properties ?? {}
    this.functions = createFunctionRegistry({ clock, random, config: (name) => this.settings().get(name) })
    options.functions?.(this.functions)
    const serviceId = this.settings().get('ksql.service.id') ?? 'default_'
    this.#topics = new LogTopics(log)
    this.#commandLog = new CommandLog(log, `_confluent-ksql-${serviceId}_command_topic`)
    this.processingLog = new ProcessingLog(log, `${serviceId}ksql_processing_log`, clock)
    this.apps = new QueryApps({
      log,
      stateDirectory: options.stateDirectory ?? null,
      files,
      functions: this.functions,
      metastore: () => this.executor.metastore,
      processingLog: this.processingLog,
      serviceId,
      schemaRegistry,
    })
    this.#writes = new SessionWrites(() => this.executor.metastore, this.apps)
    this.executor = new StatementExecutor({
      topics: this.#topics,
      queries: this.apps,
      functions: this.functions,
      schemaRegistry,
    })
  }

  /** Opens the engine and brings back what earlier statements made. */
  static async create(options: SqlEngineOptions): Promise<SqlEngine> {
    const { log, schemaRegistry = await LogSchemaRegistry.open(log) } = options
    const engine = new SqlEngine(options, schemaRegistry)
    await engine.processingLog.open()
    await engine.#replay(await engine.#commandLog.open())
    return engine
  }

  /** A statement that cannot be run again is reported in the processing log, and the others are run all the same. */
  async #replay(log: Awaited<ReturnType<CommandLog['open']>>): Promise<void> {
    this.apps.deferStarts()
    for (const { statement, properties, queryId } of log) {
      try {
        // Its variables were replaced when it first ran.
        const [parsed] = parseScript(statement, { variables: null, openEnd: true })
        const options = { settings: this.#settingsWith(properties), ...(queryId === null ? {} : { queryId }) }
        await this.executor.execute(parsed!, options)
      } catch (error) {
        this.#reportReplay(queryId ?? statement, error)
      }
    }
    for (const { id, error } of await this.apps.startDeferred()) this.#reportReplay(id, error)
  }

  #reportReplay(queryId: string, error: unknown): void {
    this.processingLog.write({ queryId, step: 'Restart', topic: null, partition: -1, offset: -1, error })
  }

  get metastore(): Metastore {
    return this.executor.metastore
  }

  get variables(): Readonly<Record<string, string>> {
    return this.#variables
  }

  /** What SET has changed in this session. */
  get sessionProperties(): PropertyValues {
    return this.#session
  }

  settings(): Settings {
    return this.#settingsWith(this.#session ?? {})
  }

  #settingsWith(properties: PropertyValues): Settings {
    return new Settings(properties, this.#properties)
  }

  // -------------------------------------------------------------------------------------------- statements

  /**
   * Runs statements in order, giving the outcome of each before the next begins. The whole text is parsed first: a
   * syntax error surfaces before anything runs. @throws SqlError
   */
  async *run(sql: string | SqlText, properties: PropertyValues = {}): AsyncGenerator<ExecutionOutcome> {
    for (const statement of this.#parse(sql)) yield* this.#outcomes(statement, properties)
  }

  /** Runs statements and returns their results; SELECT … EMIT CHANGES is for `query`. @throws SqlError */
  async execute(
    sql: string | SqlText,
    options: { properties?: PropertyValues } = {},
  ): Promise<StatementResult[]> {
    const results: StatementResult[] = []
    for await (const outcome of this.run(sql, options.properties)) {
      if (outcome.kind === 'done') results.push(outcome.result)
      else {
        await outcome.query.stop()
        throw new SqlError('A push query has no end: run it with engine.query().')
      }
    }
    return results
  }

  /** Starts SELECT … EMIT CHANGES. @throws SqlError */
  async query<R = RowObject>(
    sql: string | SqlText,
    options: { properties?: PropertyValues } = {},
  ): Promise<PushQuery<R>> {
    const statement = this.#single(sql)
    if (statement.kind !== 'select') throw new SqlError('This is not a query: run it with engine.execute().')
    return this.#placed(statement, () =>
      this.#push<R>(statement.query, this.#settingsWith({ ...this.#session, ...options.properties })),
    )
  }

  /** Runs SELECT without EMIT: the rows as they are now. @throws SqlError */
  async pull<R = RowObject>(
    sql: string | SqlText,
    options: { properties?: PropertyValues } = {},
  ): Promise<readonly TypedRow<R>[]> {
    const statement = this.#single(sql)
    if (statement.kind !== 'select' || statement.query.emit !== null) {
      throw new SqlError('This is not a pull query: it has no EMIT clause and begins with SELECT.')
    }
    return this.#placed(
      statement,
      async () => (await this.#pull(statement.query, options.properties ?? {})).rows as TypedRow<R>[],
    )
  }

  #single(sql: string | SqlText): Statement {
    const statements = this.#parse(sql)
    if (statements.length !== 1) throw new SqlError(`One statement is expected, found ${statements.length}.`)
    return statements[0]!
  }

  #parse(sql: string | SqlText): Statement[] {
    if (this.#closed) throw new SqlError('The engine is closed.')
    const [text, variables] = sql instanceof SqlText ? [sql.text, null] : [sql, this.#variables]
    return parseScript(text, { variables, commandLine: true, openEnd: true })
  }

  async *#outcomes(statement: Statement, properties: PropertyValues): AsyncGenerator<ExecutionOutcome> {
    const settings = this.#settingsWith({ ...this.#session, ...properties })
    if (statement.kind === 'runScript') {
      yield* this.run(this.#files.readFile(statement.file).toString('utf8'), properties)
    } else if (statement.kind === 'select' && statement.query.emit !== null) {
      yield {
        kind: 'query',
        query: await this.#placed(statement, () => this.#push(statement.query, settings)),
      }
    } else if (statement.kind === 'print') {
      yield { kind: 'query', query: await this.#placed(statement, () => this.#print(statement)) }
    } else if (statement.kind === 'select') {
      yield {
        kind: 'done',
        result: await this.#placed(statement, () => this.#pullResult(statement, properties)),
      }
    } else {
      yield {
        kind: 'done',
        result: await this.#placed(statement, () => this.#command(statement, settings, properties)),
      }
    }
  }

  /** Puts the text into errors, so that they can show the place. */
  async #placed<T>(statement: Statement, body: () => Promise<T>): Promise<T> {
    try {
      return await body()
    } catch (error) {
      if (error instanceof SqlError) error.text ??= statement.script ?? statement.text
      throw error
    }
  }

  async #command(
    statement: Statement,
    settings: Settings,
    properties: PropertyValues,
  ): Promise<StatementResult> {
    const session = this.#sessionStatement(statement) ?? (await this.#look(statement, settings))
    if (session !== null) return session
    return this.#exclusive(async () => {
      const result = await this.executor.execute(statement, { settings })
      if (statement.kind === 'insertValues') this.#writes.inserted(this.metastore.find(statement.target)!)
      if (commands.has(statement.kind) && !(result.kind === 'message' && result.status === 'warning')) {
        await this.#commandLog.append({
          statement: (result.kind === 'message' ? result.replay : undefined) ?? statement.text,
          properties: { ...this.#session, ...properties },
          queryId: result.kind === 'message' ? result.queryId : null,
        })
      }
      return result
    })
  }

  #sessionStatement(statement: Statement): StatementResult | null {
    const said = (message: string): StatementResult => ({
      kind: 'message',
      statement: statement.text,
      message,
      queryId: null,
      status: 'success',
    })
    switch (statement.kind) {
      case 'set':
        this.#session = { ...this.#session, [statement.property]: statement.value }
        return said(`Successfully changed local property '${statement.property}' to '${statement.value}'.`)
      case 'unset': {
        const { [statement.property]: _, ...rest } = this.#session
        this.#session = rest
        return said(`Successfully unset local property '${statement.property}'.`)
      }
      case 'define':
        this.#variables = { ...this.#variables, [statement.variable]: statement.value }
        return said(`Defined ${statement.variable}.`)
      case 'undefine': {
        const { [statement.variable]: _, ...rest } = this.#variables
        this.#variables = rest
        return said(`Undefined ${statement.variable}.`)
      }
      default:
        return null
    }
  }

  /** Statements that look at what there is, and change nothing. */
  async #look(statement: Statement, settings: Settings): Promise<StatementResult | null> {
    switch (statement.kind) {
      case 'show':
        return showStatement(statement, this.#shown(settings))
      case 'describe':
      case 'describeAll':
      case 'describeFunction':
      case 'describeConnector':
        return describeStatement(statement, this.#shown(settings))
      case 'explain':
        return explainStatement(statement, this.#shown(settings))
      case 'assertTopic':
        return assertTopic(statement, { admin: this.log.admin, clock: this.#clock, settings })
      default:
        return null
    }
  }

  #shown(settings: Settings): ExplainContext {
    const persistent = [...this.apps.running.values()].map(
      ({ query, compiled, streams }): ShownQuery => ({
        id: query.id,
        kind: 'PERSISTENT',
        statement: query.statement,
        plan: query.plan,
        topology: compiled.topology,
        app: streams,
        processingErrors: this.processingLog.count(query.id),
      }),
    )
    return {
      metastore: this.metastore,
      functions: this.functions,
      admin: this.log.admin,
      queries: persistent,
      properties: { session: this.#session, engine: this.#properties },
      variables: this.#variables,
      settings,
      compilerOptions: (id, querySettings) => this.apps.compilerOptions(id, querySettings),
    }
  }

  async #print(statement: Extract<Statement, { kind: 'print' }>): Promise<PrintQuery> {
    const print = await PrintQuery.start(statement, {
      log: this.log,
      metastore: this.metastore,
      onEnd: (ended) => this.#liveQueries.delete(ended),
    })
    this.#liveQueries.add(print)
    return print
  }

  #exclusive<T>(body: () => Promise<T>): Promise<T> {
    const next = this.#last.then(body)
    this.#last = next.catch(() => {})
    return next
  }

  // ----------------------------------------------------------------------------------------------- queries

  async #planned(
    query: Query,
    settings: Settings,
  ): Promise<{ planned: PlannedQuery; sources: DataSource[] }> {
    const partitions = new Map<string, number>()
    for (const source of this.metastore.sources) {
      partitions.set(source.topic, (await this.#topics.partitionsOf(source.topic)) ?? 1)
    }
    const context = this.executor.plannerContext(partitions)
    const analysis = analyze(query, { metastore: this.metastore, settings, context })
    return {
      planned: planQuery(analysis, { sinkName: null, context }),
      sources: analysis.sources.map((s) => s.source),
    }
  }

  async #push<R>(query: Query, settings: Settings): Promise<PushQuery<R>> {
    const { planned, sources } = await this.#planned(query, settings)
    const id = `transient_${sources[0]!.name}_${this.#nextTransient++}`
    const app = {
      ...this.apps.appOptions(id, settings),
      processingGuarantee: 'at_least_once' as const,
      stateDir: undefined,
    }
    const { stateDir: _, ...options } = app
    await this.apps.forget(options.applicationId)
    const push = await PushQuery.start<R>({
      log: this.log,
      planned,
      sources,
      limit: query.limit,
      compiler: this.apps.compilerOptions(id, settings),
      app: options,
      onEnd: async (ended) => {
        this.#liveQueries.delete(ended)
        if (!this.#closed) await this.apps.forget(options.applicationId)
      },
    })
    this.#liveQueries.add(push)
    return push
  }

  async #pullResult(
    statement: Extract<Statement, { kind: 'select' }>,
    properties: PropertyValues,
  ): Promise<StatementResult> {
    const { columns, rows, note } = await this.#pull(statement.query, properties)
    return {
      kind: 'rows',
      statement: statement.text,
      title: null,
      columns,
      rows: rows.map((row) => row.columns),
      note,
    }
  }

  async #pull(query: Query, properties: PropertyValues) {
    const settings = this.#settingsWith({ ...this.#session, ...properties })
    const { planned, sources } = await this.#planned(query, settings)
    const columns = planned.root.columns.map(({ name, type }) => ({ name, type }))
    const compiler = this.apps.compilerOptions('pull', settings)
    const options = { planned, limit: query.limit, compiler }
    const source = sources[0]!
    if (sources.length > 1) throw new SqlError("Pull queries don't support JOIN clauses.")
    if (settings.enabled('ksql.query.pull.read.your.writes')) await this.#writes.visibleIn(source)
    if (source.kind === 'STREAM') {
      const rows = await pullStream({ ...options, log: this.log, source })
      return { columns, rows, note: rows.length === query.limit ? 'Limit Reached' : 'Query Completed' }
    }
    const running = source.createdBy === null ? undefined : this.apps.running.get(source.createdBy)
    if (running?.compiled.materialization == null) throw notQueryable(source)
    const keys = keyLookup(query.where, source.schema.key, this.functions)
    return { columns, rows: pullTable({ ...options, running, keys }), note: null }
  }

  // -------------------------------------------------------------------------------------------------- life

  /**
   * Resolves once all running queries have processed and committed what is in their sources, what they write to each
   * other included. Throws the error of a query that has failed.
   */
  async caughtUp(): Promise<void> {
    for (;;) {
      const before = this.#commits()
      for (const { streams } of this.apps.running.values()) if (!streams.isPaused) await streams.caughtUp()
      if (this.#commits() === before) return
    }
  }

  #commits(): number {
    let sum = 0
    for (const { streams } of this.apps.running.values()) sum += streams.metrics().commits
    return sum
  }

  /** Stops all queries. They go on when an engine is created again. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#last
    for (const query of [...this.#liveQueries]) await query.stop()
    await this.apps.close()
    await this.processingLog.close()
    await this.executor.schemaRegistry.close()
    await this.#commandLog.close()
    await this.#topics.close()
  }
}

function notQueryable({ name }: DataSource): SqlError {
  return new SqlError(
    `The \`${name}\` table isn't queryable. To derive a queryable table, you can do ` +
      `'CREATE TABLE QUERYABLE_${name} AS SELECT * FROM ${name}'. See https://cnfl.io/queries for more info.`,
    { suggestion: 'Add EMIT CHANGES to see its changes instead.' },
  )
}
