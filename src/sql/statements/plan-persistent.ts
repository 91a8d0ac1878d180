import { type AnalyzedQuery, analyzeQuery } from '../analyzer/analyzer.js'
import { unknownSource } from '../analyzer/unknown-source.js'
import type { CreateAs, InsertInto, Query } from '../ast.js'
import { SqlError } from '../errors.js'
import { typeOf } from '../expression/expression-typer.js'
import { constantScope } from '../expression/scope.js'
import { findFormat } from '../formats/index.js'
import { castsImplicitly } from '../functions/signature.js'
import type { DataSource, FormatName, Metastore } from '../metastore.js'
import { type PlannedQuery, planQuery } from '../plan/logical-planner.js'
import type { AggregateNode, PlanColumn, PlanNode, QueryPlan, SinkPlan } from '../plan/plan-node.js'
import { type PlannerContext, scopeOf } from '../plan/planner-context.js'
import { checkPullEnabled, checkPullScan } from '../plan/pull-restrictions.js'
import type { Settings } from '../properties.js'
import { type Column, LogicalSchema } from '../schema.js'
import { formatType, type SqlType, sameType } from '../types.js'
import { checkTimestamp, timestampOf } from './create-source.js'
import {
  checkColumns,
  checkFormatSettings,
  defaultKeyFormat,
  keyFormatInfo,
  valueFormatInfo,
} from './format-choice.js'
import { readWithProperties, type WithProperties } from './with-properties.js'

export interface PersistentPlan {
  readonly plan: QueryPlan
  /** What CREATE … AS adds to the catalogue; `createdBy` and `text` are still to be filled in. */
  readonly sink: DataSource
  readonly properties: WithProperties | null
  readonly partitions: number
}

export interface PlanningOptions {
  readonly metastore: Metastore
  readonly settings: Settings
  readonly context: PlannerContext
}

/** @param persistent of CREATE … AS and INSERT INTO; without EMIT any other query is a pull query */
export function analyze(
  query: Query,
  { metastore, settings, context }: PlanningOptions,
  persistent = false,
): AnalyzedQuery {
  const analysis = analyzeQuery(query, {
    metastore,
    pull: !persistent && query.emit === null,
    constants: constantScope(context.functions, context.customType),
    typeOf: (expression, scope) => {
      const types = new Map<string, SqlType>()
      for (const { alias, source } of scope.sources) {
        for (const c of source.schema.columns) types.set(scope.planName(alias, c.name), c.type)
      }
      const type = typeOf(expression, scopeOf(types, context))
      if (type === null) throw new SqlError('NULL has no fields.', { location: expression.location })
      return type
    },
  })
  if (!persistent && query.emit === null) {
    checkPullEnabled(analysis, settings)
    checkPullScan(analysis, settings)
  }
  return analysis
}

/** Plans CREATE STREAM/TABLE … AS. Touches nothing. @throws SqlError */
export function planCreateAs(
  statement: CreateAs & { readonly text: string },
  options: PlanningOptions,
): PersistentPlan {
  const properties = readWithProperties(statement.properties, 'query')
  if (statement.query.limit !== null) {
    throw new SqlError(`CREATE ${statement.sourceKind} AS SELECT statements don't support LIMIT clause.`)
  }
  const analysis = analyze(statement.query, options, true)
  const { context, settings } = options
  const planned = planQuery(analysis, {
    sinkName: statement.name,
    context,
    keyOptional: settings.enabled('ksql.new.query.planner.enabled'),
    checkColumns: (columns) => checkTimestamp(properties, columns),
  })
  checkKind(statement, planned)
  const sink = sinkOf(statement, properties, analysis, planned, options)
  checkStates(planned.root)
  const leftMost = analysis.sources[0]!.source
  return {
    plan: queryPlan(planned, analysis, sink),
    sink,
    properties,
    partitions: properties.partitions ?? context.partitionsOf(leftMost.topic),
  }
}

function checkKind(statement: CreateAs, { root }: PlannedQuery): void {
  if (root.output === statement.sourceKind) return
  throw new SqlError(
    statement.sourceKind === 'STREAM'
      ? `Invalid result type. Your SELECT query produces a TABLE. Please use CREATE TABLE AS SELECT statement instead.`
      : `Invalid result type. Your SELECT query produces a STREAM. Please use CREATE STREAM AS SELECT statement instead.`,
  )
}

function queryPlan(planned: PlannedQuery, analysis: AnalyzedQuery, sink: SinkPlan): QueryPlan {
  const { name, topic, schema, keyFormat, valueFormat, window, timestamp } = sink
  return {
    root: planned.root,
    sources: analysis.sources.map((s) => s.source.name),
    sink: { name, topic, schema, keyFormat, valueFormat, window, timestamp },
  }
}

function sinkOf(
  statement: CreateAs & { readonly text: string },
  properties: WithProperties,
  analysis: AnalyzedQuery,
  { root, key }: PlannedQuery,
  { settings }: PlanningOptions,
): DataSource {
  const left = analysis.sources[0]!.source
  const schema = new LogicalSchema([
    ...key.map((c): Column => ({ name: c.name, type: c.type, role: 'key' })),
    ...root.columns.map((c): Column => ({ name: c.name, type: c.type, role: 'value' })),
  ])
  const keyFormat = keyFormatInfo(sinkKeyFormat(properties, left, key, settings), key, properties.key, {
    inherited: left.keyFormat,
    sourceName: statement.name,
  })
  const valueName = properties.value.format ?? left.valueFormat.name
  const valueFormat = valueFormatInfo(valueName, root.columns, properties, settings, left.valueFormat)
  checkFormatSettings(keyFormat)
  checkFormatSettings(valueFormat)
  if (key.length > 0) checkColumns('key', keyFormat, key)
  checkColumns('value', valueFormat, root.columns)
  const prefix = settings.get('ksql.output.topic.name.prefix') ?? ''
  return {
    kind: statement.sourceKind,
    name: statement.name,
    schema,
    topic: properties.topic ?? `${prefix}${statement.name}`,
    keyFormat,
    valueFormat,
    window: root.window,
    timestamp: timestampOf(properties, schema),
    isSource: false,
    createdBy: null,
    text: statement.text,
  }
}

function sinkKeyFormat(
  properties: WithProperties,
  left: DataSource,
  key: readonly PlanColumn[],
  settings: Settings,
): FormatName {
  if (key.length === 0) {
    if (properties.key.format !== null && properties.key.format !== 'NONE') {
      throw new SqlError('Key format specified for stream without key columns.')
    }
    return 'NONE'
  }
  if (properties.key.format !== null) return properties.key.format
  return left.keyFormat.name === 'NONE' ? defaultKeyFormat(settings) : left.keyFormat.name
}

/** States of aggregate functions lie in the source's value format, in ksqlDB; what it cannot hold is refused. */
function checkStates(root: PlanNode): void {
  const aggregate = findAggregate(root)
  if (aggregate === null) return
  const format = findFormat(aggregate.valueFormat.name)
  const states = aggregate.aggregates.map((a) => ({ name: a.name, type: a.stateType }))
  if (format.refuses(states, 'value') === null) return
  throw new SqlError(
    'One of the functions used in the statement has an intermediate type that the value format can not handle. ' +
      'Please remove the function or change the format.',
  )
}

function findAggregate(node: PlanNode): AggregateNode | null {
  if (node.kind === 'aggregate') return node
  return 'input' in node ? findAggregate(node.input) : null
}

/** Plans INSERT INTO … SELECT. @throws SqlError */
export function planInsertInto(statement: InsertInto, options: PlanningOptions): PersistentPlan {
  const { metastore } = options
  const target = metastore.find(statement.target)
  if (target === undefined) {
    const message = `Sink '${statement.target}' does not exist for the INSERT INTO statement.`
    throw unknownSource(statement.target, metastore, statement.location, message)
  }
  if (target.kind !== 'STREAM') {
    throw new SqlError(`INSERT INTO can only be used to insert into a stream. ${target.name} is a table.`)
  }
  if (target.isSource) throw new SqlError(`Cannot insert into read-only stream: ${target.name}`)
  if (target.schema.headers.length > 0) {
    throw new SqlError(`Cannot insert into ${target.name} because it has header columns`)
  }
  const analysis = analyze(statement.query, options, true)
  const planned = planQuery(analysis, { sinkName: target.name, context: options.context })
  if (planned.root.output !== 'STREAM') {
    throw new SqlError(
      'Invalid result type. Your SELECT query produces a TABLE, which cannot be inserted into a stream.',
    )
  }
  checkInsertSchema(target, planned)
  checkStates(planned.root)
  return {
    plan: queryPlan(planned, analysis, target),
    sink: target,
    properties: null,
    partitions: options.context.partitionsOf(target.topic),
  }
}

function checkInsertSchema(target: DataSource, { root, key }: PlannedQuery): void {
  const fits = (from: readonly PlanColumn[], to: readonly PlanColumn[]): boolean =>
    from.length === to.length &&
    from.every((c, i) => {
      const wanted = to[i]!
      return (
        c.name === wanted.name && (sameType(c.type, wanted.type) || castsImplicitly(c.type, wanted.type.kind))
      )
    })
  if (fits(key, target.schema.key) && fits(root.columns, target.schema.value)) return
  const text = (columns: readonly PlanColumn[], mark: string): string[] =>
    columns.map((c) => `\`${c.name}\` ${formatType(c.type)}${mark}`)
  const result = [...text(key, ' KEY'), ...text(root.columns, '')].join(', ')
  throw new SqlError(
    `Incompatible schema between results and sink.\nResult schema is ${result}\nSink schema is ${target.schema.toString()}`,
  )
}
