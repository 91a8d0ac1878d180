import type {
  AliasedSource,
  Expression,
  OrderItem,
  Query,
  Relation,
  SelectItem,
  ValuesRelation,
} from '../ast.js'
import { SqlError } from '../errors.js'
import type { ExpressionScope } from '../expression/scope.js'
import { formatExpression, formatIdentifier } from '../format-sql.js'
import type { Metastore } from '../metastore.js'
import { checkPullClauses } from '../plan/pull-restrictions.js'
import { pseudoColumnNames, windowColumnNames } from '../schema.js'
import { durationMs } from '../statements/with-properties.js'
import type { SqlType } from '../types.js'
import type {
  AnalyzedJoin,
  AnalyzedOrder,
  AnalyzedSelect,
  AnalyzedSource,
  QueryAnalysis,
  SourceLeaf,
  SourceTree,
} from './analysis.js'
import { NameScope } from './name-scope.js'
import { analyzePullJoin } from './pull-join.js'
import { columnsIn, walk } from './rewrite.js'
import { unknownSource } from './unknown-source.js'
import { valuesSource } from './values-source.js'

export interface AnalyzedQuery extends QueryAnalysis {
  readonly scope: NameScope
}

export interface AnalyzerOptions {
  readonly metastore: Metastore
  /** The type of a resolved expression over the sources, for `expr->*`. */
  readonly typeOf: (expression: Expression, scope: NameScope) => SqlType
  /** SELECT without EMIT outside of a persistent query: fewer clauses are allowed. */
  readonly pull?: boolean
  /** For VALUES. */
  readonly constants: ExpressionScope
}

/** Resolves the names of a query and takes its joins apart. What needs types or keys is checked by the planner. */
export function analyzeQuery(query: Query, options: AnalyzerOptions): AnalyzedQuery {
  const isPull = options.pull === true
  if (isPull) checkPullClauses(query, options.metastore)
  else checkOnlyPull(query)
  if (query.limit !== null && query.limit < 0) {
    throw new SqlError(
      `${options.pull === true ? 'Pull' : 'Push'} queries don't support negative integers in the LIMIT clause. ` +
        'See https://cnfl.io/queries for more info.',
    )
  }
  const sources = collectSources(query.from, options)
  if (isPull) checkDistinctAliases(sources)
  else checkDistinctSources(sources)
  const scope = new NameScope(sources, query.window !== null)
  const from = analyzeRelation(query.from, scope, isPull)
  checkStar(query)
  if (query.partitionBy?.length === 0) throw new SqlError('PARTITION BY requires at least one expression')
  const resolveAll = (list: readonly Expression[] | null, clause: 'GROUP BY' | 'PARTITION BY') =>
    list?.map((e) => scope.resolve(e, clause)) ?? null
  const groupBy = resolveAll(query.groupBy, 'GROUP BY')
  if (groupBy !== null) checkDistinctGroupBy(query.groupBy!, groupBy)
  return {
    sources,
    from,
    select: query.select.flatMap((item) => analyzeSelect(item, scope, options)),
    window: query.window,
    where: query.where && scope.resolve(query.where, 'WHERE'),
    groupBy,
    partitionBy: resolveAll(query.partitionBy, 'PARTITION BY'),
    having: query.having && scope.resolve(query.having, 'HAVING'),
    emit: query.emit,
    limit: query.limit,
    offset: query.offset,
    distinct: query.distinct,
    orderBy: query.orderBy?.map((item) => analyzeOrder(item, query.select, scope)) ?? null,
    isPull,
    inputKind: sources.every((s) => s.source.kind === 'TABLE') ? 'TABLE' : 'STREAM',
    qualified: (e) => scope.qualified(e),
    scope,
  }
}

function collectSources(relation: Relation, options: AnalyzerOptions): AnalyzedSource[] {
  if (relation.kind === 'join') {
    return [...collectSources(relation.left, options), ...collectSources(relation.right, options)]
  }
  if (relation.kind === 'values') return [valuesSource(relation, options.constants)]
  const { metastore } = options
  const source = metastore.find(relation.name)
  if (source === undefined) {
    const message = `Exception while preparing statement: ${relation.name} does not exist.`
    throw unknownSource(relation.name, metastore, relation.location, message)
  }
  return [{ alias: relation.alias ?? relation.name, source }]
}

function checkDistinctSources(sources: readonly AnalyzedSource[]): void {
  for (const [i, { source }] of sources.entries()) {
    if (!sources.slice(0, i).some((other) => other.source.name === source.name)) continue
    const copy = formatIdentifier(`${source.name}_COPY`)
    const statement = `CREATE ${source.kind} ${copy} AS SELECT * FROM ${formatIdentifier(source.name)};`
    throw new SqlError(
      sources.length === 2
        ? `Can not join '${source.name}' to '${source.name}': self joins are not yet supported.`
        : `N-way joins do not support multiple occurrences of the same source. Source: '${source.name}'`,
      { suggestion: `Join it with a copy: ${statement}` },
    )
  }
}

function checkDistinctAliases(sources: readonly AnalyzedSource[]): void {
  for (const [i, { alias }] of sources.entries()) {
    if (!sources.slice(0, i).some((other) => other.alias === alias)) continue
    throw new SqlError(`Two sources are called ${alias}.`, {
      suggestion: 'Give one of them another name with AS.',
    })
  }
}

/** Without FROM there is nothing that a star could stand for. @throws SqlError */
function checkStar({ from, select }: Query): void {
  const star = select.find((item) => item.kind === 'star')
  if (star === undefined || from.kind !== 'values' || from.rows[0]!.length > 0) return
  throw new SqlError('SELECT * needs a FROM clause.', { location: star.location })
}

/** What only rows that come to an end can have. @throws SqlError */
function checkOnlyPull({ distinct, orderBy, offset, from }: Query): void {
  const clause = distinct ? 'DISTINCT' : orderBy !== null ? 'ORDER BY' : offset !== null ? 'OFFSET' : null
  const found = clause ?? (hasValues(from) ? 'VALUES' : null)
  if (found === null) return
  throw new SqlError(`Only pull queries support ${found}.`, {
    location: orderBy?.[0]?.location ?? null,
    suggestion: 'A SELECT of its own, without EMIT, reads what tables hold now.',
  })
}

function hasValues(relation: Relation): boolean {
  if (relation.kind === 'join') return hasValues(relation.left) || hasValues(relation.right)
  return relation.kind === 'values'
}

/** An alias of the select list goes before a column of the same name, as in standard SQL. */
function analyzeOrder(
  { expression, descending, nulls, location }: OrderItem,
  select: readonly SelectItem[],
  scope: NameScope,
): AnalyzedOrder {
  const nullsFirst = nulls === null ? !descending : nulls === 'FIRST'
  const order = { descending, nullsFirst, location }
  if (expression.kind === 'integer') return { by: { kind: 'position', position: expression.value }, ...order }
  const alias = expression.kind === 'column' ? expression.name : null
  if (alias !== null && select.some((item) => item.kind === 'expression' && item.alias === alias)) {
    return { by: { kind: 'alias', alias }, ...order }
  }
  return { by: { kind: 'expression', expression: scope.resolve(expression, 'ORDER BY') }, ...order }
}

function checkDistinctGroupBy(written: readonly Expression[], resolved: readonly Expression[]): void {
  const seen = new Set<string>()
  for (const [i, expression] of resolved.entries()) {
    const text = formatExpression(expression)
    if (seen.has(text)) throw new SqlError(`Duplicate GROUP BY expression: ${formatExpression(written[i]!)}`)
    seen.add(text)
  }
}

const otherConditions = 'Join on one equality of a column of each side; other conditions belong into WHERE.'

function analyzeRelation(relation: Relation, scope: NameScope, isPull: boolean): SourceTree {
  if (relation.kind !== 'join') return leaf(aliasOfSource(relation), scope)
  const left = analyzeRelation(relation.left, scope, isPull)
  const right = leaf(aliasOfSource(relation.right), scope)
  if (isPull) return analyzePullJoin(relation, left, right, scope)
  const { on } = relation
  if (on.kind === 'logical') {
    throw new SqlError(
      'Invalid join condition: joins on multiple conditions are not yet supported. ' +
        `Got ${scope.qualified(scope.resolve(on, 'JOIN ON'))}.`,
      { location: on.location, suggestion: otherConditions },
    )
  }
  if (on.kind !== 'comparison' || on.operator !== '=') {
    throw new SqlError(
      `Unsupported join expression: ${scope.qualified(scope.resolve(on, 'JOIN ON'))}. ` +
        'The condition must be one equality.',
      { location: on.location, suggestion: otherConditions },
    )
  }
  const resolved = scope.resolve(on, 'JOIN ON') as typeof on
  const sides = [resolved.left, resolved.right].map((side) => ({ side, sources: sourcesIn(side, scope) }))
  for (const { side, sources } of sides) {
    if (sources.size === 1) continue
    throw new SqlError(
      `Invalid comparison expression '${scope.qualified(side)}' in join '${scope.qualified(resolved)}'. ` +
        'Each side of the join comparision must contain references from exactly one source.',
      { location: on.location, suggestion: otherConditions },
    )
  }
  const [first, second] = sides.map(({ sources }) => [...sources][0]!)
  const leftAliases = aliasesOf(left)
  const rightAlias = right.source.alias
  const flipped = first === rightAlias && leftAliases.has(second!)
  if (!flipped && !(second === rightAlias && leftAliases.has(first!))) {
    throw new SqlError(
      'Each side of the join must reference exactly one source and not the same source. ' +
        `Left side references \`${first}\` and right references \`${second}\``,
    )
  }
  const { within } = relation
  return {
    kind: 'join',
    type: relation.type,
    left,
    right,
    leftExpression: flipped ? resolved.right : resolved.left,
    rightExpression: flipped ? resolved.left : resolved.right,
    location: relation.on.location ?? relation.location,
    on: scope.qualified(resolved).replace(/^\((.*)\)$/s, '$1'),
    within: within && {
      beforeMs: durationMs(within.before),
      afterMs: durationMs(within.after),
      graceMs: within.grace && durationMs(within.grace),
    },
  } satisfies AnalyzedJoin
}

function aliasOfSource(relation: AliasedSource | ValuesRelation): string {
  return relation.alias ?? (relation.kind === 'values' ? 'VALUES' : relation.name)
}

function leaf(alias: string, scope: NameScope): SourceLeaf {
  return { kind: 'source', source: scope.source(alias) }
}

function aliasesOf(tree: SourceTree): Set<string> {
  if (tree.kind === 'source') return new Set([tree.source.alias])
  return new Set([...aliasesOf(tree.left), ...aliasesOf(tree.right)])
}

function sourcesIn(expression: Expression, scope: NameScope): Set<string> {
  const sources = new Set<string>()
  for (const name of columnsIn(expression)) {
    const origin = scope.originOf(name)
    if (origin !== undefined) sources.add(origin.alias)
  }
  return sources
}

// --------------------------------------------------------------------------------------------- the select list

function isSystemName(name: string): boolean {
  return pseudoColumnNames.has(name) || windowColumnNames.has(name)
}

function analyzeSelect(item: SelectItem, scope: NameScope, options: AnalyzerOptions): AnalyzedSelect[] {
  switch (item.kind) {
    case 'star':
      if (item.source !== null) scope.source(item.source)
      return [{ kind: 'star', source: item.source, location: item.location }]
    case 'structStar': {
      const base = scope.resolve(item.expression, 'SELECT')
      const type = options.typeOf(base, scope)
      if (type.kind !== 'STRUCT') {
        throw new SqlError(`Select star on structs requires a STRUCT: ${formatExpression(item.expression)}`, {
          location: item.location,
        })
      }
      return type.fields.map(({ name }) => ({
        kind: 'column',
        alias: name,
        expression: { kind: 'dereference', base, field: name, location: item.location },
        location: item.location,
      }))
    }
    case 'expression':
      return [
        {
          kind: 'column',
          alias: aliasOf(item, scope) ?? '',
          expression: scope.resolve(item.expression, 'SELECT'),
          location: item.location,
        },
      ]
  }
}

/** The item's name; null when one has to be made up, which waits until all other names are known. */
function aliasOf(item: Extract<SelectItem, { kind: 'expression' }>, scope: NameScope): string | null {
  const { expression, alias } = item
  const isColumn = expression.kind === 'column' || expression.kind === 'qualifiedColumn'
  if (alias !== null) {
    if (isSystemName(alias) && !(isColumn && expression.name === alias)) {
      throw new SqlError(
        `\`${alias}\` is a reserved column name. You cannot use it as an alias for a column.`,
        { location: item.location },
      )
    }
    return alias
  }
  if (!isColumn) return null
  if (expression.kind === 'qualifiedColumn' && scope.isJoin && scope.isShared(expression.name)) {
    return `${expression.source}_${expression.name}`
  }
  return expression.name
}

/** Function calls in an expression, outermost first. */
export function callsIn(expression: Expression): Extract<Expression, { kind: 'call' }>[] {
  const calls: Extract<Expression, { kind: 'call' }>[] = []
  walk(expression, (node) => {
    if (node.kind === 'call') calls.push(node)
  })
  return calls
}
