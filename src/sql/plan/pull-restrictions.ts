import type { AnalyzedQuery } from '../analyzer/analyzer.js'
import { columnsIn, walk } from '../analyzer/rewrite.js'
import type { Expression, Query, Relation } from '../ast.js'
import { SqlError } from '../errors.js'
import { formatExpression } from '../format-sql.js'
import type { DataSource, Metastore } from '../metastore.js'
import type { Settings } from '../properties.js'
import { type Column, LogicalSchema } from '../schema.js'

const advice =
  'See https://cnfl.io/queries for more info.\nAdd EMIT CHANGES if you intended to issue a push query.'

/**
 * Clauses that a SELECT without EMIT cannot have. Tables may be joined and grouped, which goes beyond ksqlDB; a stream
 * may not. @throws SqlError
 */
export function checkPullClauses(query: Query, metastore: Metastore): void {
  const onTables = namesIn(query.from).every((name) => metastore.find(name)?.kind !== 'STREAM')
  const clauses = [
    ['JOIN', query.from.kind === 'join' && !onTables ? query.from : null],
    ['WINDOW', query.window],
    ['GROUP BY', onTables ? null : query.groupBy],
    ['PARTITION BY', query.partitionBy],
    ['HAVING', onTables ? null : query.having],
  ] as const
  for (const [name, clause] of clauses) {
    if (clause !== null) throw new SqlError(`Pull queries don't support ${name} clauses. ${advice}`)
  }
}

/** Names of the streams and tables that a FROM clause reads. */
export function namesIn(relation: Relation): string[] {
  if (relation.kind === 'join') return [...namesIn(relation.left), ...namesIn(relation.right)]
  return relation.kind === 'source' ? [relation.name] : []
}

/** @throws SqlError where the settings switch off this kind of pull query */
export function checkPullEnabled(query: AnalyzedQuery, settings: Settings): void {
  if (!settings.enabled('ksql.pull.queries.enable')) {
    throw new SqlError(
      `Pull queries are disabled. ${advice}\nPlease set ksql.pull.queries.enable=true to enable this feature.`,
    )
  }
  const onStream = query.sources[0]!.source.kind === 'STREAM'
  if (onStream && !settings.enabled('ksql.query.pull.stream.enabled')) {
    throw new SqlError(
      'Pull queries on streams are disabled. To create a push query on the stream, add EMIT CHANGES to the end. ' +
        "To enable pull queries on streams, set the ksql.query.pull.stream.enabled config to 'true'.",
    )
  }
  if (query.limit !== null && !settings.enabled('ksql.query.pull.limit.clause.enabled')) {
    throw new SqlError(
      "LIMIT clause in pull queries is disabled. Set the ksql.query.pull.limit.clause.enabled config to 'true'.",
    )
  }
}

/** A state has neither partition nor offset of its own. @throws SqlError */
export function checkPullColumns(query: AnalyzedQuery): void {
  const selected = query.select.flatMap((item) => (item.kind === 'column' ? [item.expression] : []))
  for (const [clause, expressions] of [
    ['SELECT', selected],
    ['WHERE', query.where === null ? [] : [query.where]],
  ] as const) {
    const found = new Set<string>()
    for (const expression of expressions) {
      walk(expression, (e) => {
        if (e.kind === 'column' && (e.name === 'ROWPARTITION' || e.name === 'ROWOFFSET'))
          found.add(`\`${e.name}\``)
      })
    }
    if (found.size > 0) {
      throw new SqlError(
        `Pull queries don't support the following columns in ${clause} clauses: ${[...found].join(', ')}`,
      )
    }
  }
}

/**
 * Without table scans a pull query must say which keys it wants: `=` or IN for every key column in each part of an OR,
 * or one range over a single text key.
 *
 * @throws SqlError where only a scan of the whole table could answer
 */
export function checkPullScan(query: AnalyzedQuery, settings: Settings): void {
  const { source, values } = query.sources[0]!
  if (
    source.kind !== 'TABLE' ||
    values !== undefined ||
    settings.enabled('ksql.query.pull.table.scan.enabled')
  )
    return
  if (query.where === null) throw needsScan()
  const parts = operands(query.where, 'OR')
  const ranges = parts.map((part) => checkPart(part, source)).filter((isRange) => isRange)
  if (ranges.length === 0) return
  const plain = source.schema.key.length === 1 && source.window === null
  const isText = source.schema.key[0]!.type.kind === 'STRING'
  const allowed =
    plain && isText && parts.length === 1 && settings.enabled('ksql.query.pull.range.scan.enabled')
  if (!allowed) throw needsScan()
}

/** Whether the part asks for a range of keys, and not for certain ones. */
function checkPart(part: Expression, source: DataSource): boolean {
  const { key } = source.schema
  const conditions = new Map<string, string>()
  for (const e of operands(part, 'AND')) {
    if (e.kind === 'like' && e.value.kind !== 'column')
      throw refused('Like condition must be between strings.')
    const found = keyCondition(e, key)
    if (found === null) continue
    if (conditions.has(found.column)) {
      throw refused(
        'A comparison condition on the key column cannot be combined with other comparisons such as an IN predicate.',
      )
    }
    conditions.set(found.column, found.operator)
  }
  if (conditions.size === 0) {
    throw refused(`WHERE clause missing key column for disjunct: ${formatExpression(part)}.`)
  }
  if (conditions.size < key.length) {
    throw refused(
      `Multi-column sources must specify every key in the WHERE clause. Specified: [${[...conditions.keys()].join(', ')}].`,
    )
  }
  const operators = [...conditions.values()]
  if (operators.some((o) => !['=', 'IN', '<', '<=', '>', '>='].includes(o))) {
    throw refused(`Bound on key columns '[${new LogicalSchema(key).toString()}]' must currently be '='. `)
  }
  return operators.some((o) => o !== '=' && o !== 'IN')
}

function keyCondition(
  e: Expression,
  key: readonly Column[],
): { readonly column: string; readonly operator: string } | null {
  const keyName = (side: Expression): string | null =>
    side.kind === 'column' && key.some((c) => c.name === side.name) ? side.name : null
  if (e.kind !== 'comparison' && e.kind !== 'in') return null
  const [column, others] =
    e.kind === 'in'
      ? [keyName(e.value), e.items]
      : keyName(e.left) === null
        ? [keyName(e.right), [e.left]]
        : [keyName(e.left), [e.right]]
  if (column === null) return null
  if (others.some((other) => columnsIn(other).size > 0)) {
    throw refused('A comparison must be between a key column and a resolvable expression.')
  }
  return { column, operator: e.kind === 'in' ? 'IN' : e.operator }
}

function operands(e: Expression, operator: 'AND' | 'OR'): Expression[] {
  if (e.kind !== 'logical' || e.operator !== operator) return [e]
  return [...operands(e.left, operator), ...operands(e.right, operator)]
}

function needsScan(): SqlError {
  return refused('Query requires table scan to be enabled.')
}

function refused(why: string): SqlError {
  return new SqlError(
    `${why} Table scans can be enabled by setting ksql.query.pull.table.scan.enabled=true. ${advice}`,
  )
}
