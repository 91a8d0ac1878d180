import type { AnalyzedQuery } from '../analyzer/analyzer.js'
import { columnsIn, rewrite, structure, walk } from '../analyzer/rewrite.js'
import type { Expression } from '../ast.js'
import { SqlError } from '../errors.js'
import { ExpressionError } from '../expression/expression-error.js'
import { located } from '../expression/typing-rules.js'
import { formatExpression } from '../format-sql.js'
import { pseudoColumnNames, windowColumnNames } from '../schema.js'
import { formatType, quoteIdentifier, type SqlType } from '../types.js'
import { aggregatesIn, keyName, type NamedExpression, planAggregation } from './aggregate-planner.js'
import { AliasGenerator } from './column-names.js'
import { planJoins } from './join-planner.js'
import type { AggregateNode, FilterNode, PlanColumn, PlanNode, ProjectNode } from './plan-node.js'
import { explaining, type PlannerContext, typeIn } from './planner-context.js'
import { checkPullColumns } from './pull-restrictions.js'
import { column, findKeyItems, type QueryKeys } from './query-keys.js'
import { withRequiredColumns } from './required-columns.js'
import { planSource } from './source-planner.js'
import { planTableFunctions } from './table-function-planner.js'

export interface PlanOptions {
  /** The stream or table a persistent query makes; null for push queries, which may leave out keys. */
  readonly sinkName: string | null
  readonly context: PlannerContext
  /** Whether a stream may leave out its key (`ksql.new.query.planner.enabled`). */
  readonly keyOptional?: boolean
  /** Called with the columns of the result, key columns among them, before keys are looked for. @throws SqlError */
  readonly checkColumns?: (columns: readonly PlanColumn[]) => void
}

export interface PlannedQuery {
  readonly root: ProjectNode
  /** Key columns of the result, under their final names; none for push queries, where all columns are values. */
  readonly key: readonly PlanColumn[]
  /** Of push queries: for each column the index of the key column it shows, or -1. */
  readonly keyPositions: readonly number[]
}

/**
 * Analysis to plan, in the order in which clauses take effect: FROM, WHERE, PARTITION BY, table functions, GROUP BY,
 * HAVING, SELECT.
 */
export function planQuery(given: AnalyzedQuery, options: PlanOptions): PlannedQuery {
  const { sinkName, context } = options
  const { isPull } = given
  if (isPull) checkPullColumns(given)
  const query = sinkName === null ? groupingAll(given, context) : given
  if (!isPull) checkClauses(query, sinkName !== null)
  const names = new AliasGenerator(query.sources.flatMap((s) => s.source.schema.columns.map((c) => c.name)))
  let { node, keys, starOf } = planFrom(query, sinkName !== null, context)
  const select = expandSelect(query, keys, starOf, names)
  checkFunctions(query, select, context)
  checkReserved(select, query, sinkName !== null)
  if (query.where !== null) node = planFilter(node, query.where, 'WHERE', context, isPull)
  let newKey: ProjectNode['newKey'] = 'same'
  if (query.partitionBy !== null) {
    ;({ newKey, keys } = planPartitionBy(query, query.partitionBy, select, node, names, context))
  }
  const tableFunctions = planTableFunctions(query, select, node, context)
  node = tableFunctions.node
  let items: readonly NamedExpression[] = tableFunctions.select
  if (isAggregation(query, items, context)) {
    const valueFormat = query.sources[0]!.source.valueFormat
    const plan = planAggregation(query, items, node, names, valueFormat, context)
    node =
      plan.having === null
        ? plan.node
        : withWrittenCalls(plan.node, () => planFilter(plan.node, plan.having!, 'HAVING', context))
    keys = plan.keys
    items = plan.select
  } else if (query.window !== null) {
    throw new SqlError('WINDOW clause requires a GROUP BY clause.', { location: query.window.location })
  }
  if (query.emit === 'FINAL' && query.window === null) {
    throw new SqlError('EMIT FINAL is only supported for windowed aggregations.', {
      suggestion:
        'Write EMIT CHANGES, or add a WINDOW clause: results of a window are final once it has closed.',
    })
  }
  return sinkName === null
    ? planTransient(items, node, newKey, keys, context, isPull)
    : planPersistent(items, node, newKey, keys, sinkName, options)
}

/** A query of its own may aggregate without GROUP BY: all rows are one group. On streams only a push query. */
function groupingAll(query: AnalyzedQuery, { functions }: PlannerContext): AnalyzedQuery {
  const aggregates = query.select.some(
    (item) => item.kind === 'column' && aggregatesIn(item.expression, functions).length > 0,
  )
  if (query.groupBy !== null || !aggregates) return query
  if (query.emit === null && query.inputKind === 'STREAM') return query
  return { ...query, groupBy: [{ kind: 'integer', value: 1, location: null }] }
}

function checkClauses(query: AnalyzedQuery, persistent: boolean): void {
  if (persistent && query.sources.some((s) => s.source.kind === 'TABLE' && s.source.window !== null)) {
    throw new SqlError('KSQL does not support persistent queries on windowed tables.')
  }
  const kafka = query.sources.filter((s) => s.source.valueFormat.name === 'KAFKA').map((s) => s.source.name)
  const clause = query.sources.length > 1 ? 'JOIN' : query.groupBy !== null ? 'GROUP BY' : null
  if (kafka.length > 0 && clause !== null) {
    throw new SqlError(
      `Source(s) ${kafka.join(', ')} are using the 'KAFKA' value format. This format does not yet support ${clause}.`,
    )
  }
  if (query.partitionBy !== null && query.inputKind === 'TABLE') {
    throw new SqlError('PARTITION BY is not supported for tables.')
  }
  if (query.window !== null && query.inputKind === 'TABLE') {
    throw new SqlError('WINDOW clause is only supported on streams.', { location: query.window.location })
  }
}

/** Messages about HAVING speak of the calls, not of the columns that hold their results. */
function withWrittenCalls<T>(node: AggregateNode, check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof SqlError)) throw error
    const calls = new Map(node.aggregates.map((a) => [a.name, formatExpression(a.call)]))
    const message = error.message.replace(/KSQL_AGG_VARIABLE_\d+/g, (name) => calls.get(name) ?? name)
    throw new SqlError(message, { location: error.location, suggestion: error.suggestion, cause: error })
  }
}

function isAggregation(
  query: AnalyzedQuery,
  select: readonly NamedExpression[],
  { functions }: PlannerContext,
): boolean {
  return (
    query.groupBy !== null ||
    query.having !== null ||
    select.some((s) => aggregatesIn(s.expression, functions).length > 0)
  )
}

// ------------------------------------------------------------------------------------------------- FROM

interface Input {
  readonly node: PlanNode
  readonly keys: QueryKeys
  /** Expands `*` or `alias.*`. */
  readonly starOf: (source: string | null) => readonly NamedExpression[]
}

function planFrom(query: AnalyzedQuery, persistent: boolean, context: PlannerContext): Input {
  const { scope, from } = query
  if (from.kind === 'source') {
    const node = planSource(from.source)
    const windowBounds = persistent || node.window === null ? [] : windowColumnNames
    return {
      node,
      keys: {
        origin: 'source',
        synthetic: false,
        columns: node.key.map((c) => ({ ...c, matches: [column(c.name)], written: [c.name] })),
      },
      starOf: () =>
        [
          ...node.key.map((c) => c.name),
          ...windowBounds,
          ...node.columns.map((c) => c.name),
          ...node.schema.headers.map((c) => c.name),
        ].map((name) => ({ alias: name, expression: column(name) })),
    }
  }
  const starOfSources = (alias: string | null): NamedExpression[] =>
    query.sources
      .filter((s) => alias === null || s.alias === alias)
      .flatMap((s) => {
        const schema = s.source.schema
        const windowBounds = s.source.window === null ? [] : [...windowColumnNames]
        return [
          ...schema.key.map((c) => c.name),
          ...windowBounds,
          ...[...schema.value, ...schema.headers].map((c) => c.name),
        ].map((name) => {
          const joined = scope.planName(s.alias, name)
          return { alias: joined, expression: column(joined) }
        })
      })
  const side = planJoins(from, { scope, used: usedNames(query, starOfSources), context })
  const [synthetic] = side.keys.synthetic ? side.keys.columns : []
  return {
    node: side.node,
    keys: side.keys,
    starOf: (alias) =>
      synthetic !== undefined && alias === null
        ? [{ alias: synthetic.name, expression: column(synthetic.name) }, ...starOfSources(null)]
        : starOfSources(alias),
  }
}

/** Everything the query reads, so that joins carry nothing else. */
function usedNames(
  query: AnalyzedQuery,
  starOf: (alias: string | null) => readonly NamedExpression[],
): Set<string> {
  const used = new Set<string>()
  const add = (e: Expression | null): void => {
    if (e !== null) for (const name of columnsIn(e)) used.add(name)
  }
  const addTree = (tree: AnalyzedQuery['from']): void => {
    if (tree.kind === 'source') return
    if (tree.kind === 'pullJoin') add(tree.condition)
    else {
      add(tree.leftExpression)
      add(tree.rightExpression)
    }
    addTree(tree.left)
  }
  addTree(query.from)
  for (const item of query.select) {
    if (item.kind === 'column') add(item.expression)
    else for (const { expression } of starOf(item.source)) add(expression)
  }
  for (const e of [...(query.groupBy ?? []), ...(query.partitionBy ?? [])]) add(e)
  add(query.where)
  add(query.having)
  return used
}

function planFilter(
  input: PlanNode,
  predicate: Expression,
  clause: 'WHERE' | 'HAVING',
  context: PlannerContext,
  isPull = false,
): FilterNode {
  explaining(`Error in ${clause} expression: `, () => {
    checkKnown(predicate, input)
    const type = quoting(isPull, () => typeIn(input, withoutRanges(predicate), context))
    if (type.kind !== 'BOOLEAN') {
      throw new SqlError(
        `Type error in ${clause} expression: Should evaluate to boolean but is ${formatExpression(predicate)} ` +
          `(${formatType(type)}) instead.`,
        { location: predicate.location },
      )
    }
  })
  explaining(isPull ? 'Invalid expression: ' : 'Invalid Predicate: ', () => typeIn(input, predicate, context))
  const { output, key, columns, window, virtual } = input
  return { kind: 'filter', input, predicate, clause, output, key, columns, window, virtual }
}

/** IN and BETWEEN are true or false whatever they hold, which is looked at when the predicate is compiled. */
function withoutRanges(predicate: Expression): Expression {
  return rewrite(predicate, (e) =>
    e.kind === 'in' || e.kind === 'between'
      ? { kind: 'boolean', value: true, location: e.location }
      : undefined,
  )
}

/** Refusals of a pull query's comparison end with the comparison itself. */
function quoting<T>(isPull: boolean, check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (!isPull || !(error instanceof ExpressionError) || error.comparison === null) throw error
    const { message, location, suggestion, comparison } = error
    throw new ExpressionError(`${message}\nStatement: ${formatExpression(comparison)}`, location, {
      suggestion,
    })
  }
}

function checkKnown(expression: Expression, input: PlanNode): void {
  const known = new Set([...input.virtual, ...input.columns, ...input.key].map((c) => c.name))
  for (const name of columnsIn(expression)) {
    if (!known.has(name)) throw new SqlError(`Unknown column ${name}.`, { location: expression.location })
  }
}

// ----------------------------------------------------------------------------------------- the select list

function expandSelect(
  query: AnalyzedQuery,
  keys: QueryKeys,
  starOf: (source: string | null) => readonly NamedExpression[],
  names: AliasGenerator,
): NamedExpression[] {
  const items: NamedExpression[] = []
  for (const item of query.select) {
    if (item.kind === 'star') {
      items.push(
        ...(query.partitionBy === null ? starOf(item.source) : repartitionedStar(query, starOf, names)),
      )
    } else if (item.alias !== '') items.push(item)
    else items.push({ ...item, alias: names.forExpression(item.expression) })
  }
  for (const { expression } of items) checkSynthetic(expression, query, keys)
  return items
}

/** After PARTITION BY: the new key first, then the values, and last what was the key. */
function repartitionedStar(
  query: AnalyzedQuery,
  starOf: (source: string | null) => readonly NamedExpression[],
  names: AliasGenerator,
): NamedExpression[] {
  const all = starOf(null)
  const isKey = (item: NamedExpression): boolean =>
    query.sources.some((s) =>
      s.source.schema.key.some((c) => query.scope.planName(s.alias, c.name) === item.alias),
    )
  const newKey = query
    .partitionBy!.filter((e) => e.kind !== 'null')
    .map((e) => ({ alias: keyName(e, [], names), expression: e }))
  const taken = new Set(newKey.map((k) => structure(k.expression)))
  const rest = all.filter((item) => !taken.has(structure(item.expression)))
  return [...newKey, ...rest.filter((i) => !isKey(i)), ...rest.filter(isKey)]
}

/** Names like ROWKEY were let through by the analyzer: they must be the synthetic key of this very join. */
function checkSynthetic(expression: Expression, query: AnalyzedQuery, keys: QueryKeys): void {
  walk(expression, (e) => {
    if (e.kind !== 'column' || query.scope.originOf(e.name) !== undefined) return
    if (windowColumnNames.has(e.name) && query.window !== null) return
    if (keys.synthetic && keys.columns[0]!.name === e.name) return
    throw new SqlError(`SELECT column '${e.name}' cannot be resolved.`, { location: e.location })
  })
}

function checkFunctions(
  query: AnalyzedQuery,
  select: readonly NamedExpression[],
  { functions }: PlannerContext,
): void {
  const clauses = [query.where, query.having, ...(query.groupBy ?? []), ...(query.partitionBy ?? [])]
  for (const e of [...select.map((s) => s.expression), ...clauses]) {
    if (e === null) continue
    walk(e, (node) => {
      // Resolving an unknown name says so, and what may have been meant.
      if (node.kind === 'call' && functions.kindOf(node.name) === undefined)
        located(node.location, () => functions.resolveScalar(node.name, []))
    })
  }
}

function checkReserved(select: readonly NamedExpression[], query: AnalyzedQuery, persistent: boolean): void {
  if (!persistent) return
  const partitionKeys = new Set(query.partitionBy?.map(structure))
  for (const { alias, expression } of select) {
    if (partitionKeys.has(structure(expression))) continue
    if (pseudoColumnNames.has(alias) || windowColumnNames.has(alias)) {
      throw new SqlError(
        `Reserved column name in select: ${quoteIdentifier(alias)}. Please remove or alias the column.`,
        { location: expression.location },
      )
    }
  }
}

function planPartitionBy(
  query: AnalyzedQuery,
  partitionBy: readonly Expression[],
  select: readonly NamedExpression[],
  node: PlanNode,
  names: AliasGenerator,
  context: PlannerContext,
): { newKey: ProjectNode['newKey']; keys: QueryKeys } {
  if (partitionBy.some((e) => e.kind === 'null')) {
    if (partitionBy.length > 1) throw new SqlError('Cannot PARTITION BY multiple columns including NULL')
    return { newKey: null, keys: { origin: 'PARTITION BY', synthetic: false, columns: [] } }
  }
  const columns = partitionBy.map((expression) => ({
    name: keyName(expression, select, names),
    type: explaining('Invalid Partition By: ', () => typeIn(node, expression, context)),
    expression,
  }))
  return {
    newKey: columns,
    keys: {
      origin: 'PARTITION BY',
      synthetic: false,
      columns: columns.map(({ name, type, expression }) => ({
        name,
        type,
        matches: [expression],
        written: [query.qualified(expression)],
      })),
    },
  }
}

function planPersistent(
  items: readonly NamedExpression[],
  input: PlanNode,
  newKey: ProjectNode['newKey'],
  keys: QueryKeys,
  sinkName: string,
  { context, checkColumns, keyOptional = false }: PlanOptions,
): PlannedQuery {
  const columns = items.map(({ alias, expression }) => ({
    name: alias,
    type: explaining('Invalid Select: ', () => typeIn(input, expression, context)),
  }))
  checkColumns?.(columns)
  if (keyOptional && input.output === 'STREAM' && newKey === 'same' && input.window === null) {
    if (!showsKey(keys, items)) {
      newKey = null
      keys = { ...keys, columns: [] }
    }
  }
  const keyItems = findKeyItems(keys, items, sinkName)
  const values = items.filter((_, i) => !keyItems.includes(i))
  if (values.length === 0) throw new SqlError('The projection contains no value columns.')
  checkDuplicates(items)
  const key = keys.columns.map(({ type }, i) => ({ name: items[keyItems[i]!]!.alias, type }))
  const root = withRequiredColumns(project(values, input, newKey, key, context))
  return { root, key, keyPositions: [] }
}

function showsKey(keys: QueryKeys, items: readonly NamedExpression[]): boolean {
  const shown = new Set(items.map((item) => structure(item.expression)))
  return keys.columns.some((key) => key.matches.some((match) => shown.has(structure(match))))
}

function planTransient(
  items: readonly NamedExpression[],
  input: PlanNode,
  newKey: ProjectNode['newKey'],
  keys: QueryKeys,
  context: PlannerContext,
  isPull: boolean,
): PlannedQuery {
  if (isPull) {
    const twice = items.find((item, i) => items.findIndex((other) => other.alias === item.alias) < i)
    if (twice !== undefined) {
      const type = formatType(typeIn(input, twice.expression, context))
      throw new SqlError(`Duplicate value columns found in schema: ${quoteIdentifier(twice.alias)} ${type}`, {
        location: twice.expression.location,
      })
    }
  }
  const positions = items.map((item) =>
    keys.columns.findIndex((k) => k.matches.some((m) => structure(m) === structure(item.expression))),
  )
  const root = withRequiredColumns(project(items, input, newKey, keys.columns, context))
  return { root, key: [], keyPositions: positions }
}

function checkDuplicates(items: readonly NamedExpression[]): void {
  const seen = new Set<string>()
  for (const { alias, expression } of items) {
    if (seen.has(alias)) {
      throw new SqlError(`Duplicate column found in the projection: ${quoteIdentifier(alias)}`, {
        location: expression.location,
        suggestion: 'Give one of them another name with AS.',
      })
    }
    seen.add(alias)
  }
}

function project(
  items: readonly NamedExpression[],
  input: PlanNode,
  newKey: ProjectNode['newKey'],
  key: readonly { readonly name: string; readonly type: SqlType }[],
  context: PlannerContext,
): ProjectNode {
  const expressions = items.map(({ alias, expression }) => ({
    name: alias,
    type: explaining('Invalid Select: ', () => typeIn(input, expression, context)),
    expression,
  }))
  return {
    kind: 'project',
    input,
    output: input.output,
    key: key.map(({ name, type }) => ({ name, type })),
    columns: expressions.map(({ name, type }) => ({ name, type })),
    window: newKey === 'same' ? input.window : null,
    virtual: [],
    expressions,
    newKey,
    clause: 'SELECT',
    nullKeys: 'keep',
  }
}
