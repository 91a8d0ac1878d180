import {
  type Clock,
  type FileSystem,
  nodeFiles,
  type Random,
  systemClock,
  systemRandom,
} from '../../common/index.js'
import type { Log } from '../../log/index.js'
import type { AnalyzedQuery } from '../analyzer/analyzer.js'
import { unknownSource } from '../analyzer/unknown-source.js'
import type { Query, Statement } from '../ast.js'
import { SqlError } from '../errors.js'
import { createFunctionRegistry } from '../functions/built-in.js'
import type { FunctionRegistry } from '../functions/registry.js'
import type { DataSource, Metastore } from '../metastore.js'
import { parseScript } from '../parse.js'
import { planQuery } from '../plan/logical-planner.js'
import type { PlannerContext } from '../plan/planner-context.js'
import { checkProperty, type PropertyValues, Settings } from '../properties.js'
import { LogSchemaRegistry, type SchemaRegistry } from '../schema-registry/index.js'
import { checkRecord, checkSource } from '../statements/assertions.js'
import { type AcceptedStatement, StatementExecutor } from '../statements/executor.js'
import { analyze } from '../statements/plan-persistent.js'
import { serdesOf } from '../statements/serdes.js'
import type { StatementResult } from '../statements/statement-result.js'
import { assertSchema } from './assert-schema.js'
import { assertTopic } from './assert-topic.js'
import { type Command, type CommandHistory, CommandLog } from './command-log.js'
import { connectorStatement } from './connector-statements.js'
import { describeStatement } from './describe-statements.js'
import { explainStatement } from './explain-statement.js'
import { LogTopics } from './log-topics.js'
import { materializedTable } from './materialized-tables.js'
import { PrintQuery } from './print-topic.js'
import { ProcessingLog } from './processing-log.js'
import { processingLogStream } from './processing-log-stream.js'
import { pull } from './pull-query.js'
import { PushQuery } from './push-query.js'
import { QueryApps } from './query-apps.js'
import { RateMeter } from './query-rates.js'
import type { TypedRow } from './result-rows.js'
import { resultMessage } from './result-table.js'
import { SessionWrites } from './session-writes.js'
import type { ExplainContext, ShownQuery } from './show-context.js'
import { showStatement } from './show-statements.js'
import { SqlSession } from './sql-session.js'
import { SqlText } from './sql-template.js'
import { storesOf } from './store-figures.js'
import { TopicCursors } from './topic-cursors.js'
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
  'createIndex',
  'dropIndex',
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
  readonly #rates: RateMeter
  readonly #files: FileSystem
  readonly #clock: Clock
  readonly #properties: PropertyValues
  readonly #session = new SqlSession()
  /** What ALTER SYSTEM has changed. */
  #system: PropertyValues = {}
  readonly #assertions: TopicCursors
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
    this.#rates = new RateMeter(clock)
    this.#properties = options.properties ?? {}
    this.functions = createFunctionRegistry({ clock, random, config: (name) => this.settings().get(name) })
    options.functions?.(this.functions)
    const serviceId = this.settings().get('ksql.service.id') ?? 'default_'
    this.#topics = new LogTopics(log)
    this.#assertions = new TopicCursors(log)
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
      rates: this.#rates,
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
    if (engine.settings().enabled('ksql.logging.processing.stream.auto.create')) {
      const { metastore, processingLog } = engine
      metastore.put(processingLogStream(processingLog.topic, metastore, engine.settings()))
    }
    await engine.#replay(await engine.#commandLog.open())
    return engine
  }

  /** A statement that cannot be run again is reported in the processing log, and the others are run all the same. */
  async #replay({ settled, interrupted }: CommandHistory): Promise<void> {
    this.executor.beginRestore()
    this.apps.deferStarts()
    for (const command of settled) {
      try {
        await this.#rerun(command)
      } catch (error) {
        this.#reportReplay(command.queryId ?? command.statement, error)
      }
    }
    await this.executor.endRestore()
    for (const { id, error } of await this.apps.startDeferred()) this.#reportReplay(id, error)
    if (interrupted === null) return
    // It may have taken effect in part: run once more, it does the rest.
    const failure = await this.#rerun(interrupted).then(
      () => null,
      (error: unknown) => error,
    )
    await this.#commandLog.settle(interrupted.sequence, failure)
    if (failure !== null) this.#reportReplay(interrupted.queryId ?? interrupted.statement, failure)
  }

  async #rerun({ statement, properties, queryId }: Command): Promise<void> {
    // Its variables were replaced when it first ran.
    const [parsed] = parseScript(statement, { variables: null, openEnd: true })
    if (parsed!.kind === 'alterSystem') {
      this.#system = { ...this.#system, [parsed!.property]: parsed!.value }
      return
    }
    const options = { settings: this.#settingsWith(properties), ...(queryId === null ? {} : { queryId }) }
    await this.executor.execute(parsed!, options)
  }

  #reportReplay(queryId: string, error: unknown): void {
    const place = { topic: null, partition: -1, offset: -1 }
    this.processingLog.write({ queryId, step: 'Restart', kind: 'restart', ...place, error })
  }

  get metastore(): Metastore {
    return this.executor.metastore
  }

  get variables(): Readonly<Record<string, string>> {
    return this.#session.variables
  }

  /** What SET has changed in this session. */
  get sessionProperties(): PropertyValues {
    return this.#session.properties
  }

  settings(): Settings {
    return this.#settingsWith(this.#session?.properties ?? {})
  }

  #settingsWith(properties: PropertyValues): Settings {
    return new Settings(properties, this.#system ?? {}, this.#properties)
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
      this.#push<R>(
        statement.query,
        this.#settingsWith({ ...this.#session.properties, ...options.properties }),
      ),
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
    const substitutes = this.settings().enabled('ksql.variable.substitution.enable')
    const options = { commandLine: true, openEnd: true }
    if (sql instanceof SqlText) return parseScript(sql.text, { ...options, variables: null })
    return parseScript(sql, { ...options, variables: substitutes ? this.variables : null })
  }

  async *#outcomes(statement: Statement, properties: PropertyValues): AsyncGenerator<ExecutionOutcome> {
    const settings = this.#settingsWith({ ...this.#session.properties, ...properties })
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
    } catch (thrown) {
      const error = SqlError.from(thrown)
      if (error instanceof SqlError) error.placeIn(statement)
      throw error
    }
  }

  async #command(
    statement: Statement,
    settings: Settings,
    properties: PropertyValues,
  ): Promise<StatementResult> {
    const looked = this.#session.apply(statement) ?? (await this.#look(statement, settings))
    if (looked !== null) return looked
    return this.#exclusive(async () => {
      if (statement.kind === 'alterSystem') return this.#alterSystem(statement)
      const values = { ...this.#session.properties, ...properties }
      const result = await this.#execute(statement, settings, values)
      if (statement.kind === 'insertValues') this.#writes.inserted(this.metastore.find(statement.target)!)
      return result
    })
  }

  /** A command is in its topic before it takes effect: a crash in between forgets nothing. */
  async #execute(
    statement: Statement,
    settings: Settings,
    properties: PropertyValues,
  ): Promise<StatementResult> {
    if (!commands.has(statement.kind)) return this.executor.execute(statement, { settings })
    let sequence: number | null = null
    const onAccepted = async ({ queryId, text }: AcceptedStatement): Promise<void> => {
      sequence = await this.#commandLog.append({ statement: text, properties, queryId })
    }
    try {
      const result = await this.executor.execute(statement, { settings, onAccepted })
      if (sequence !== null) await this.#commandLog.settle(sequence)
      return result
    } catch (error) {
      if (sequence !== null) await this.#commandLog.settle(sequence, error)
      throw error
    }
  }

  /** Holds for all statements from here on, and over restarts. */
  async #alterSystem(statement: Extract<Statement, { kind: 'alterSystem' }>): Promise<StatementResult> {
    const { property, value, location, text } = statement
    checkProperty(property, value, location)
    const sequence = await this.#commandLog.append({ statement: text, properties: {}, queryId: null })
    this.#system = { ...this.#system, [property]: value }
    await this.#commandLog.settle(sequence)
    return resultMessage(statement, `System property '${property}' was set to '${value}'.`)
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
      case 'createConnector':
      case 'dropConnector':
        return connectorStatement(statement)
      case 'assertTopic':
        return assertTopic(statement, { admin: this.log.admin, clock: this.#clock, settings })
      case 'assertSchema':
        return assertSchema(statement, {
          registry: this.executor.schemaRegistry,
          clock: this.#clock,
          settings,
        })
      case 'assertValues':
      case 'assertTombstone': {
        const source = this.metastore.find(statement.name)
        if (source === undefined) throw unknownSource(statement.name, this.metastore, statement.location)
        await this.caughtUp()
        const record = await this.#assertions.next(source.topic)
        const serdes = serdesOf(this.executor.schemaRegistry)
        checkRecord(statement, source, record, { functions: this.functions, serdes })
        return resultMessage(statement, `The next record of ${source.name} is as expected.`)
      }
      case 'assertSource': {
        const { name } = statement.statement
        const source = this.metastore.find(name)
        if (source === undefined) throw unknownSource(name, this.metastore, statement.location)
        const registry = this.executor.schemaRegistry
        checkSource(statement, source, { metastore: this.metastore, settings, registry })
        return resultMessage(statement, `${source.name} is as expected.`)
      }
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
        stepErrors: this.processingLog.steps(query.id),
        rates: () => this.#rates.look(query.id, streams.metrics()),
        stores: () => storesOf(compiled.topology, streams),
        compile: () => this.apps.compile(query),
      }),
    )
    return {
      metastore: this.metastore,
      functions: this.functions,
      admin: this.log.admin,
      queries: persistent,
      properties: {
        session: this.#session.properties,
        engine: { ...this.#properties, ...this.#system },
      },
      variables: this.#session.variables,
      settings,
      compilerOptions: (id, querySettings) => this.apps.compilerOptions(id, querySettings),
      tableOf: (source) => materializedTable(source, this.apps.running),
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

  async #analyzed(
    query: Query,
    settings: Settings,
  ): Promise<{ analysis: AnalyzedQuery; context: PlannerContext }> {
    const partitions = new Map<string, number>()
    for (const source of this.metastore.sources) {
      partitions.set(source.topic, (await this.#topics.partitionsOf(source.topic)) ?? 1)
    }
    const context = this.executor.plannerContext(partitions)
    return { analysis: analyze(query, { metastore: this.metastore, settings, context }), context }
  }

  async #push<R>(query: Query, settings: Settings): Promise<PushQuery<R>> {
    const { analysis, context } = await this.#analyzed(query, settings)
    const planned = planQuery(analysis, { sinkName: null, context })
    const sources = analysis.sources.map((s) => s.source)
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
    const settings = this.#settingsWith({ ...this.#session.properties, ...properties })
    const { analysis, context } = await this.#analyzed(query, settings)
    const compiler = this.apps.compilerOptions('pull', settings)
    if (settings.enabled('ksql.query.pull.read.your.writes')) {
      for (const { source, values } of analysis.sources) {
        if (values === undefined) await this.#writes.visibleIn(source)
      }
    }
    const logged = analysis.sources.some(({ source }) => source.topic === this.processingLog.topic)
    if (logged) await this.processingLog.flush()
    const tableOf = (source: DataSource) => materializedTable(source, this.apps.running)
    return pull({ analysis, context, compiler, tableOf, log: this.log })
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
    await this.#assertions.close()
    await this.processingLog.close()
    await this.executor.schemaRegistry.close()
    await this.#commandLog.close()
    await this.#topics.close()
  }
}
