import { caseHint } from '../analyzer/analyzer.js'
import type { Query, Statement } from '../ast.js'
import { SqlError } from '../errors.js'
import type { DataSource } from '../metastore.js'
import { formatPlan } from '../plan/format-plan.js'
import type { QueryPlan } from '../plan/plan-node.js'
import { formatType } from '../types.js'
import type { CatalogueView } from './catalogue-view.js'
import { table } from './show.js'
import type { StatementResult } from './statement-result.js'

type Describe = Extract<Statement, { kind: 'describe' | 'describeAll' | 'describeFunction' }>

export function describeSource(statement: Describe, view: CatalogueView): StatementResult {
  switch (statement.kind) {
    case 'describe': {
      const source = view.metastore.find(statement.name)
      if (source === undefined) {
        throw new SqlError(
          `Could not find STREAM/TABLE '${statement.name}' in the Metastore${caseHint(statement.name, view.metastore)}`,
          { location: statement.location },
        )
      }
      return columns(statement, source, view)
    }
    case 'describeAll': {
      const all = view.metastore.sources.filter((s) => s.kind === statement.sourceKind)
      const rows = all.flatMap((s) => columnRows(s).map((row) => [s.name, ...row]))
      return table(statement.text, ['Name', 'Field', 'Type', 'Role'], rows)
    }
    case 'describeFunction': {
      const found = view.functions.describe(statement.name)
      if (found === undefined) throw new SqlError(`Can't find any functions with the name '${statement.name}'`)
      return table(
        statement.text,
        ['Variation'],
        found.signatures.map((s) => [s]),
        `${found.name} (${found.kind})${found.description === '' ? '' : `: ${found.description}`}`,
      )
    }
  }
}

function columnRows(source: DataSource): string[][] {
  const { key, value, headers } = source.schema
  const keyRole = source.kind === 'TABLE' ? 'primary key' : 'key'
  const windowed = source.window === null ? '' : ` (Window type: ${source.window.type})`
  return [
    ...key.map((c) => [c.name, formatType(c.type), keyRole + windowed]),
    ...value.map((c) => [c.name, formatType(c.type), '']),
    ...headers.map((c) => [c.name, formatType(c.type), c.headerKey == null ? 'headers' : `header('${c.headerKey}')`]),
  ]
}

function columns(
  statement: Extract<Describe, { kind: 'describe' }>,
  source: DataSource,
  view: CatalogueView,
): StatementResult {
  const result = table(statement.text, ['Field', 'Type', 'Role'], columnRows(source), `${source.kind} ${source.name}`)
  if (!statement.extended || result.kind !== 'rows') return result
  const readers = view.metastore.readersOf(source.name)
  const writers = view.metastore.writersOf(source.name)
  const note = [
    `Topic: ${source.topic}, key format ${source.keyFormat.name}, value format ${source.valueFormat.name}`,
    ...(source.timestamp === null ? [] : [`Timestamp column: ${source.timestamp.column}`]),
    `Queries that read from this ${source.kind}: ${readers.join(', ') || '-'}`,
    `Queries that write to this ${source.kind}: ${writers.join(', ') || '-'}`,
    `Statement: ${source.text}`,
  ].join('\n')
  return { ...result, note }
}

/** EXPLAIN of a running query, or of a query that could be run. */
export async function explainQuery(
  statement: Extract<Statement, { kind: 'explain' }>,
  view: CatalogueView,
  planOf: (query: Query) => Promise<QueryPlan>,
): Promise<StatementResult> {
  const text = (lines: readonly string[]): StatementResult => ({
    kind: 'message',
    statement: statement.text,
    message: lines.join('\n'),
    queryId: statement.queryId,
    status: 'success',
  })
  if (statement.queryId !== null) {
    const query = view.queries.get(statement.queryId)
    if (query === undefined) {
      throw new SqlError(`Query with id:${statement.queryId} does not exist, use SHOW QUERIES to view the full set of queries.`)
    }
    return text([
      `ID: ${query.id}`,
      `Status: ${view.statusOf(query.id) ?? 'RUNNING'}`,
      `SQL: ${query.statement}`,
      'Execution plan',
      formatPlan(query.plan),
      'Processing topology',
      view.topologyOf(query.plan, query.settings),
    ])
  }
  const inner = statement.statement
  const query = inner?.kind === 'select' ? inner.query : inner?.kind === 'createAs' || inner?.kind === 'insertInto' ? inner.query : null
  if (query === null) throw new SqlError('EXPLAIN takes a query, or the id of a running one.')
  const plan = await planOf(query)
  return text(['Execution plan', formatPlan(plan), 'Processing topology', view.topologyOf(plan, view.settings)])
}
