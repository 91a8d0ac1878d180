import { unknownSource } from '../analyzer/unknown-source.js'
import type { CreateAs, CreateSource, InsertInto, Query, Statement } from '../ast.js'
import { SqlError } from '../errors.js'
import { resolveType } from '../expression/expression-typer.js'
import { formatIdentifier } from '../format-sql.js'
import { checkSchemaColumns } from '../formats/index.js'
import type { FunctionRegistry } from '../functions/registry.js'
import { type DataSource, Metastore } from '../metastore.js'
import type { PlannerContext } from '../plan/planner-context.js'
import { namesIn } from '../plan/pull-restrictions.js'
import { withRequiredColumns } from '../plan/required-columns.js'
import { planSource } from '../plan/source-planner.js'
import type { Settings } from '../properties.js'
import { LogicalSchema } from '../schema.js'
import { MemorySchemaRegistry, type SchemaRegistry } from '../schema-registry/index.js'
import { didYouMean } from '../suggestion.js'
import { columnOf, declareSource } from './create-source.js'
import { declareIndex } from './index-statements.js'
import { schemaSides, withColumns } from './inferred-schema.js'
import { insertedRecord } from './insert-values.js'
import type { PersistentQuery, QueryHost, TopicHost } from './persistent-query.js'
import { type PersistentPlan, planCreateAs, planInsertInto } from './plan-persistent.js'
import { checkPlanEvolution, checkSchemaEvolution } from './query-upgrade.js'
import { type SourceSerdes, serdesOf } from './serdes.js'
import type { StatementResult } from './statement-result.js'
import { TopicEffects } from './topic-effects.js'

export interface ExecutorOptions {
  readonly topics: TopicHost
  readonly queries: QueryHost
  readonly functions: FunctionRegistry
  /** Schemas of topics; default one in memory. */
  readonly schemaRegistry?: SchemaRegistry
}

type QueryStatement = Extract<Statement, { kind: 'terminate' | 'pause' | 'resume' }>

/** How one statement is run. */
export interface ExecuteOptions {
  readonly settings: Settings
  /** The id its query had before, when a statement is replayed. */
  readonly queryId?: string | null
  /** Called once the statement has been found good, before anything is changed. */
  readonly onAccepted?: (accepted: AcceptedStatement) => Promise<void>
}

export interface AcceptedStatement {
  /** Of the persistent query it will start. */
  readonly queryId: string | null
  /** What to run when it is run again: columns that were inferred are written out. */
  readonly text: string
}

/**
 * Runs the statements that change the catalogue, one after the other. A refused statement changes nothing: everything
 * is checked before the first effect.
 */
export class StatementExecutor {
  readonly metastore = new Metastore()
  readonly functions: FunctionRegistry
  readonly schemaRegistry: SchemaRegistry
  readonly #serdes: SourceSerdes
  readonly #topics: TopicHost
  readonly #effects: TopicEffects
  readonly #hosts: QueryHost
  readonly #queries = new Map<string, PersistentQuery>()
  #nextQuery = 0

  constructor({ topics, queries, functions, schemaRegistry = new MemorySchemaRegistry() }: ExecutorOptions) {
    this.schemaRegistry = schemaRegistry
    this.#serdes = serdesOf(schemaRegistry)
    this.#topics = topics
    this.#effects = new TopicEffects(topics, schemaRegistry)
    this.#hosts = queries
    this.functions = functions
  }

  get queries(): ReadonlyMap<string, PersistentQuery> {
    return this.#queries
  }

  /** From here on statements of an earlier run are carried out again: they change the catalogue and nothing else. */
  beginRestore(): void {
    this.#effects.beginRestore()
  }

  /** Makes topics and schemas that what was restored needs and does not find. */
  async endRestore(): Promise<void> {
    await this.#effects.endRestore(this.metastore.sources)
  }

  /** @throws SqlError with the statement's text */
  async execute(statement: Statement, options: ExecuteOptions): Promise<StatementResult> {
    try {
      return await this.#dispatch(statement, options)
    } catch (thrown) {
      const error = SqlError.from(thrown)
      if (error instanceof SqlError) error.placeIn(statement)
      throw error
    }
  }

  async #dispatch(statement: Statement, options: ExecuteOptions): Promise<StatementResult> {
    switch (statement.kind) {
      case 'createSource':
        return this.#createSource(statement, options)
      case 'createAs':
        return this.#createAs(statement, options)
      case 'insertInto':
        return this.#insertInto(statement, options)
      case 'insertValues': {
        const record = insertedRecord(statement, {
          metastore: this.metastore,
          functions: this.functions,
          ...this.#serdes,
        })
        await this.schemaRegistry.flush()
        await this.#topics.append(record.topic, record.key, record.value, record.timestamp)
        return done(statement, `Inserted into ${statement.target}`)
      }
      case 'createType': {
        const exists = this.metastore.types.has(statement.name)
        if (exists && statement.ifNotExists)
          return warning(statement, `Type ${statement.name} already exists`)
        if (exists) {
          throw new SqlError(
            `Cannot register custom type '${statement.name}' since it is already registered with type: ` +
              `${this.metastore.types.get(statement.name)!.kind}`,
          )
        }
        const type = resolveType(statement.type, { customType: (n) => this.metastore.types.get(n) })
        await accept(statement, options)
        this.metastore.putType(statement.name, type)
        return done(statement, `Registered custom type with name '${statement.name}'`)
      }
      case 'dropType':
        if (!this.metastore.types.has(statement.name)) {
          if (statement.ifExists) return warning(statement, `Type '${statement.name}' does not exist`)
          throw new SqlError(`Type ${statement.name} does not exist.`)
        }
        await accept(statement, options)
        this.metastore.removeType(statement.name)
        return done(statement, `Dropped type '${statement.name}'`)
      case 'createIndex': {
        const exists = this.metastore.indexes.has(statement.name)
        if (exists && statement.ifNotExists)
          return warning(statement, `Index ${statement.name} already exists.`)
        if (exists)
          throw new SqlError(`Index ${statement.name} already exists.`, { location: statement.location })
        const stored = (source: DataSource) => this.#hosts.storedColumns?.(source.createdBy!) ?? null
        const index = declareIndex(statement, this.metastore, stored)
        await accept(statement, options)
        this.metastore.putIndex(index)
        this.#hosts.indexesChanged?.(this.metastore.find(index.table)!.createdBy!)
        return done(statement, `Created index ${index.name} on ${index.table}.`)
      }
      case 'dropIndex': {
        const index = this.metastore.indexes.get(statement.name)
        if (index === undefined) {
          if (statement.ifExists) return warning(statement, `Index ${statement.name} does not exist.`)
          throw new SqlError(`Index ${statement.name} does not exist.`, {
            location: statement.location,
            suggestion: didYouMean(statement.name, [...this.metastore.indexes.keys()]),
          })
        }
        await accept(statement, options)
        this.metastore.removeIndex(index.name)
        const { createdBy } = this.metastore.find(index.table)!
        if (createdBy !== null) this.#hosts.indexesChanged?.(createdBy)
        return done(statement, `Dropped index ${index.name}.`)
      }
      case 'dropSource':
        return this.#dropSource(statement, options)
      case 'alterSource':
        return this.#alterSource(statement, options)
      case 'terminate':
        return this.#terminate(statement, options)
      case 'pause':
      case 'resume':
        return this.#pauseOrResume(statement, options)
      default:
        throw new SqlError(`Statement not supported: ${statement.kind}`)
    }
  }

  // ------------------------------------------------------------------------------------- CREATE STREAM/TABLE

  async #createSource(
    statement: CreateSource & { readonly text: string },
    options: ExecuteOptions,
  ): Promise<StatementResult> {
    const existing = this.metastore.find(statement.name)
    if (existing !== undefined && statement.ifNotExists) return alreadyExists(statement, existing.kind)
    const { source, properties } = declareSource(
      statement,
      this.metastore,
      options.settings,
      this.schemaRegistry,
    )
    this.#checkReplacement(statement, existing !== undefined)
    if (existing !== undefined) checkSchemaEvolution(existing.schema, source.schema, existing)
    const text = withColumns(statement, source.schema, properties)
    const present = await this.#effects.partitionsOf(source.topic)
    if (present === null && properties.partitions === null && !this.#effects.restoring) {
      throw new SqlError(`Kafka topic does not exist: ${source.topic}`, {
        suggestion: 'Add PARTITIONS = n to the WITH clause to have it created.',
      })
    }
    const materialized = statement.isSource && statement.sourceKind === 'TABLE'
    const queryId = materialized ? this.#queryId(`CST_${statement.name}`, options) : null
    this.#effects.checkRegistrable(source, false)
    await accept(statement, options, queryId, text ?? statement.text)
    if (present === null && properties.partitions !== null) {
      await this.#effects.create(source.topic, properties.partitions, topicConfigs(properties))
    }
    await this.#effects.register(source, false)
    this.metastore.put(source)
    const kind = statement.sourceKind === 'STREAM' ? 'Stream' : 'Table'
    if (queryId !== null) {
      const root = withRequiredColumns(planSource({ alias: source.name, source }))
      const query: PersistentQuery = {
        id: queryId,
        kind: 'CREATE_SOURCE',
        statement: statement.text,
        plan: { root, sources: [source.name], sink: null },
        sink: null,
        settings: options.settings,
      }
      await this.#startFor({ ...source, createdBy: queryId }, query, existing)
      return done(statement, `Created query with ID ${queryId}`, queryId)
    }
    return done(statement, `${kind} created`)
  }

  #checkReplacement(statement: CreateSource | CreateAs, exists: boolean): void {
    const { name, sourceKind } = statement
    const kind = sourceKind.toLowerCase()
    const existing = this.metastore.find(name)
    const readOnly = (statement.kind === 'createSource' && statement.isSource) || existing?.isSource === true
    if (statement.orReplace && readOnly) {
      throw new SqlError(
        `Cannot add ${kind} '${name}': CREATE OR REPLACE is not supported on source ${kind}s.`,
      )
    }
    if (!exists) return
    if (!statement.orReplace || existing!.kind !== sourceKind) {
      throw new SqlError(
        `Cannot add ${kind} '${name}': A ${existing!.kind.toLowerCase()} with the same name already exists`,
        {
          suggestion:
            existing!.kind === sourceKind
              ? `CREATE OR REPLACE ${sourceKind} changes it, CREATE ${sourceKind} IF NOT EXISTS leaves it as it is.`
              : null,
        },
      )
    }
  }

  // -------------------------------------------------------------------------------------- persistent queries

  async #createAs(
    statement: CreateAs & { readonly text: string },
    options: ExecuteOptions,
  ): Promise<StatementResult> {
    const existing = this.metastore.find(statement.name)
    if (existing !== undefined && statement.ifNotExists) return alreadyExists(statement, existing.kind)
    this.#checkReplacement(statement, existing !== undefined)
    const planned = planCreateAs(statement, await this.#planning(statement.query, options))
    for (const side of schemaSides(planned.sink)) {
      checkSchemaColumns(planned.sink.topic, side, this.schemaRegistry)
    }
    const present = await this.#effects.partitionsOf(planned.sink.topic)
    if (present !== null && planned.properties?.partitions != null && existing === undefined) {
      checkPartitions(planned, present)
    }
    const replaced = existing?.createdBy ?? null
    if (existing !== undefined) {
      checkSchemaEvolution(existing.schema, planned.sink.schema, existing)
      const before = replaced === null ? undefined : this.#queries.get(replaced)
      if (before !== undefined) checkPlanEvolution(before.plan, planned.plan, existing)
    }
    const prefix = statement.sourceKind === 'STREAM' ? 'CSAS' : 'CTAS'
    const id = replaced ?? this.#queryId(`${prefix}_${statement.name}`, options)
    const query = persistent(id, 'CREATE_AS', statement.text, planned, options)
    this.#hosts.check(query)
    this.#effects.checkRegistrable(planned.sink, true)
    await accept(statement, options, id)
    if (present === null) {
      const configs = { ...(await this.#inheritedConfigs(planned)), ...topicConfigs(planned.properties) }
      await this.#effects.create(planned.sink.topic, planned.partitions, configs)
    }
    await this.#effects.register(planned.sink, true)
    await this.#startFor({ ...planned.sink, createdBy: id }, query, existing)
    return done(statement, `Created query with ID ${id}`, id)
  }

  /** A result is kept as long as its left-most source, and a table's topic is compacted. */
  async #inheritedConfigs({ plan, sink }: PersistentPlan): Promise<Record<string, string>> {
    const left = this.metastore.find(plan.sources[0]!)
    const known = left !== undefined && (await this.#topics.partitionsOf(left.topic)) !== null
    const retention = known ? await this.#topics.configOf?.(left.topic, 'retention.ms') : undefined
    return {
      ...(retention === undefined ? {} : { 'retention.ms': retention }),
      ...(sink.kind === 'STREAM'
        ? {}
        : { 'cleanup.policy': sink.window === null ? 'compact' : 'compact,delete' }),
    }
  }

  async #insertInto(
    statement: InsertInto & { readonly text: string },
    options: ExecuteOptions,
  ): Promise<StatementResult> {
    const planned = planInsertInto(
      statement,
      await this.#planning(statement.query, options, statement.target),
    )
    const wanted = statement.properties.get('QUERY_ID')
    const id = wanted?.kind === 'string' ? wanted.value.toUpperCase() : this.#queryId('INSERTQUERY', options)
    if (this.#queries.has(id)) throw new SqlError(`Query ID '${id}' already exists.`)
    const query = persistent(id, 'INSERT', statement.text, planned, options)
    this.#hosts.check(query)
    await accept(statement, options, id)
    await this.#start(query)
    return done(statement, `Created query with ID ${id}`, id)
  }

  async #planning(query: Query, options: ExecuteOptions, target?: string) {
    const partitions = new Map<string, number>()
    for (const name of [...namesIn(query.from), ...(target === undefined ? [] : [target])]) {
      const topic = this.metastore.find(name)?.topic
      if (topic !== undefined) partitions.set(topic, (await this.#effects.partitionsOf(topic)) ?? 1)
    }
    return { metastore: this.metastore, settings: options.settings, context: this.plannerContext(partitions) }
  }

  plannerContext(partitions: ReadonlyMap<string, number>): PlannerContext {
    return {
      functions: this.functions,
      customType: (name) => this.metastore.types.get(name),
      partitionsOf: (topic) => partitions.get(topic) ?? 1,
    }
  }

  #queryId(prefix: string, options: ExecuteOptions): string {
    if (options.queryId != null) {
      const number = Number(/_(\d+)$/.exec(options.queryId)?.[1] ?? -1)
      this.#nextQuery = Math.max(this.#nextQuery, number + 1)
      return options.queryId
    }
    return `${prefix}_${this.#nextQuery++}`
  }

  async #start(query: PersistentQuery): Promise<void> {
    await this.#hosts.start(query)
    this.#queries.set(query.id, query)
    this.metastore.linkQuery({ id: query.id, sources: query.plan.sources, sink: query.sink })
  }

  /** Starts the query that makes a stream or table. When it does not start, the catalogue is as it was before. */
  async #startFor(made: DataSource, query: PersistentQuery, before: DataSource | undefined): Promise<void> {
    this.metastore.put(made)
    try {
      await this.#start(query)
    } catch (error) {
      if (before === undefined) this.metastore.remove(made.name)
      else this.metastore.put(before)
      throw error
    }
  }

  async #stop(id: string): Promise<void> {
    await this.#hosts.stop(id)
    this.#queries.delete(id)
    this.metastore.unlinkQuery(id)
  }

  // ------------------------------------------------------------------------------------ changes and removals

  async #dropSource(
    statement: Extract<Statement, { kind: 'dropSource' }>,
    options: ExecuteOptions,
  ): Promise<StatementResult> {
    const { name, sourceKind } = statement
    const kind = sourceKind === 'STREAM' ? 'Stream' : 'Table'
    const source = this.metastore.find(name)
    if (source === undefined) {
      if (statement.ifExists) return warning(statement, `${kind} ${name} does not exist.`)
      throw unknownSource(name, this.metastore, statement.location, `${kind} ${name} does not exist`)
    }
    if (source.kind !== sourceKind) {
      throw new SqlError(
        `Incompatible data source type is ${source.kind}, but statement was DROP ${sourceKind}`,
        { suggestion: `Write DROP ${source.kind} ${formatIdentifier(name)};` },
      )
    }
    if (statement.deleteTopic && source.isSource) {
      throw new SqlError(`Cannot delete topic of read-only source: ${name}`)
    }
    this.metastore.checkRemovable(name)
    await accept(statement, options)
    this.metastore.remove(name)
    if (source.createdBy !== null) await this.#stop(source.createdBy)
    if (statement.deleteTopic) await this.#effects.delete(source.topic)
    return done(statement, `Source ${quoted(name)} (topic: ${source.topic}) was dropped.`)
  }

  async #alterSource(
    statement: Extract<Statement, { kind: 'alterSource' }>,
    options: ExecuteOptions,
  ): Promise<StatementResult> {
    const { name, sourceKind } = statement
    const kind = sourceKind.toLowerCase()
    const source = this.metastore.find(name)
    if (source === undefined) {
      throw unknownSource(name, this.metastore, statement.location, `Source ${name} does not exist.`)
    }
    if (source.kind !== sourceKind) {
      throw new SqlError(
        `Incompatible data source type is ${source.kind}, but statement was ALTER ${sourceKind}`,
        { suggestion: `Write ALTER ${source.kind} ${formatIdentifier(name)} …` },
      )
    }
    if (source.isSource) {
      throw new SqlError(
        `Cannot alter ${kind} '${name}': ALTER operations are not supported on source ${kind}s.`,
      )
    }
    if (source.createdBy !== null) {
      throw new SqlError(`ALTER command is not supported for CREATE ... AS statements.`, {
        suggestion: `Change the query: CREATE OR REPLACE ${sourceKind} ${formatIdentifier(name)} AS SELECT …`,
      })
    }
    for (const column of statement.columns) {
      if (source.schema.find(column.name) !== undefined) {
        throw new SqlError(
          `Cannot add column ${quoted(column.name)} to schema. A column with the same name already exists.`,
          { location: column.location },
        )
      }
    }
    const added = statement.columns.map((c) => columnOf(c, this.metastore))
    await accept(statement, options)
    this.metastore.put({ ...source, schema: new LogicalSchema([...source.schema.columns, ...added]) })
    return done(statement, `${sourceKind === 'STREAM' ? 'Stream' : 'Table'} ${name} altered`)
  }

  async #terminate(statement: QueryStatement, options: ExecuteOptions): Promise<StatementResult> {
    const ids = statement.queryId === null ? [...this.#queries.keys()] : [statement.queryId]
    for (const id of ids) this.#checkKnown(id)
    await accept(statement, options)
    for (const id of ids) await this.#stop(id)
    return done(statement, statement.queryId === null ? 'All queries terminated.' : 'Query terminated.')
  }

  async #pauseOrResume(statement: QueryStatement, options: ExecuteOptions): Promise<StatementResult> {
    const ids = statement.queryId === null ? [...this.#queries.keys()] : [statement.queryId]
    for (const id of ids) this.#checkKnown(id)
    await accept(statement, options)
    for (const id of ids) await (statement.kind === 'pause' ? this.#hosts.pause(id) : this.#hosts.resume(id))
    return done(statement, `Query ${statement.kind}d.`)
  }

  #checkKnown(id: string): void {
    if (this.#queries.has(id)) return
    throw new SqlError(`Unknown queryId: ${id}`, {
      suggestion: didYouMean(id, [...this.#queries.keys()]) ?? 'SHOW QUERIES lists their ids.',
    })
  }
}

async function accept(
  statement: Statement,
  { onAccepted }: ExecuteOptions,
  queryId: string | null = null,
  text: string = statement.text,
): Promise<void> {
  await onAccepted?.({ queryId, text })
}

function persistent(
  id: string,
  kind: 'CREATE_AS' | 'INSERT',
  statement: string,
  planned: PersistentPlan,
  options: ExecuteOptions,
): PersistentQuery {
  return { id, kind, statement, plan: planned.plan, sink: planned.sink.name, settings: options.settings }
}

function checkPartitions({ properties, sink }: PersistentPlan, present: number): void {
  if (properties?.partitions == null || properties.partitions === present) return
  throw new SqlError(
    `A Kafka topic with the name '${sink.topic}' already exists, with different partition/replica configuration ` +
      `than required. KSQL expects ${properties.partitions} partitions (topic has ${present})`,
  )
}

function topicConfigs(properties: PersistentPlan['properties']): Record<string, string> {
  const configs: Record<string, string> = {}
  if (properties?.retentionMs != null) configs['retention.ms'] = String(properties.retentionMs)
  if (properties?.cleanupPolicy != null) configs['cleanup.policy'] = properties.cleanupPolicy
  return configs
}

function quoted(name: string): string {
  return `\`${name}\``
}

function done(statement: Statement, message: string, queryId: string | null = null): StatementResult {
  return { kind: 'message', statement: statement.text, message, queryId, status: 'success' }
}

function warning(statement: Statement, message: string): StatementResult {
  return { kind: 'message', statement: statement.text, message, queryId: null, status: 'warning' }
}

function alreadyExists(statement: Statement & { readonly name: string }, kind: string): StatementResult {
  return warning(
    statement,
    `Cannot add ${kind.toLowerCase()} \`${statement.name}\`: A ${kind.toLowerCase()} with the same name already exists.`,
  )
}
