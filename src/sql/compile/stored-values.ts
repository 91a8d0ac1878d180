import { columnsIn } from '../analyzer/rewrite.js'
import { formatExpression } from '../format-sql.js'
import type { AggregateNode, FilterNode, PlanColumn, PlanNode, ProjectNode } from '../plan/plan-node.js'
import { windowColumnNames } from '../schema.js'
import { SqlTypes, sameType } from '../types.js'
import type { CompiledAggregation } from './aggregate-compiler.js'
import { Bindings } from './bindings.js'
import type { CompilerContext } from './compiler-context.js'
import { StageReport } from './stage-report.js'
import type { StoredValues, ValueColumn } from './stored-table.js'
import { compilePredicate, compileRow } from './table-functions.js'

/** Of stores that hold the very rows of the table. */
export function storedRows(columns: readonly PlanColumn[]): StoredValues {
  return {
    bindings: new Bindings(),
    prologue: '',
    columns: columns.map(({ name, type }, i) => ({ name, type, source: `value.c${i}` })),
    hidden: [],
    fields: columns.map((_, i) => i),
    row: columns,
    copies: [],
    visible: null,
  }
}

const VISIBLE = '__visible'

/**
 * Of stores that hold the states of an aggregation: the columns of the table are made from a state when it is written,
 * and states are read from what columns hold. What a function needs besides its result has a column of its own.
 *
 * Null where HAVING asks for bounds of windows: only who reads a row knows them. For the same reason an expression over
 * bounds is no column of the table; a bound alone is a copy.
 */
export function storedStates(
  node: AggregateNode,
  root: ProjectNode,
  functions: CompiledAggregation,
  context: CompilerContext,
): StoredValues | null {
  const having = root.input.kind === 'filter' ? root.input : null
  if (having !== null && readsBounds(having.predicate)) return null
  const bindings = new Bindings()
  // The steps behind the store report what fails.
  const report = new StageReport(context.options.queryId, 'Store', () => {})
  const items = root.expressions.filter(({ expression }) => !readsBounds(expression))
  const result = `${bindings.bind(functions.result)}(value)`
  const key = node.windowing === null ? 'key' : '{ key, start: 0, end: 0 }'
  const row = bindings.bind(compileRow(root.input, items, context, report))
  const columns = items.map(
    ({ name, type, expression }, i): ValueColumn => ({
      name,
      type,
      source: `shown.c${i}`,
      origin: formatExpression(expression),
    }),
  )
  const hidden: ValueColumn[] = []
  const fields = node.aggregates.map(({ name, call, type, stateType }, i) => {
    const shown = items.findIndex(({ expression: e }) => e.kind === 'column' && e.name === name)
    if (shown >= 0 && functions.stateIsResult[i] === true && sameType(type, stateType)) return shown
    hidden.push({ name: `${formatExpression(call)}#state`, type: stateType, source: `value.c${i}` })
    return columns.length + hidden.length - 1
  })
  if (having !== null) hidden.push(visibility(having, bindings, context, report, key))
  return {
    bindings,
    prologue: `const result = ${result}, shown = ${row}(${key}, result)`,
    columns,
    hidden,
    fields,
    row: functions.state,
    copies: root.expressions.flatMap(({ name, type, expression: e }) =>
      e.kind === 'column' && windowColumnNames.has(e.name) ? [{ name, type, of: e.name }] : [],
    ),
    visible: having === null ? null : VISIBLE,
  }
}

function visibility(
  having: FilterNode,
  bindings: Bindings,
  context: CompilerContext,
  report: StageReport,
  key: string,
): ValueColumn {
  const predicate = bindings.bind(compilePredicate(having.input, having.predicate, context, report))
  return {
    name: VISIBLE,
    type: SqlTypes.BOOLEAN,
    source: `${predicate}(${key}, result)`,
    origin: formatExpression(having.predicate),
  }
}

function readsBounds(expression: Parameters<typeof columnsIn>[0]): boolean {
  return [...columnsIn(expression)].some((name) => windowColumnNames.has(name))
}

/** The SELECT above an aggregation, when nothing but HAVING lies between. */
export function selectAbove(root: PlanNode, node: AggregateNode): ProjectNode | null {
  if (root.kind !== 'project' || root.clause !== 'SELECT') return null
  const below = root.input.kind === 'filter' ? root.input.input : root.input
  return below === node ? root : null
}
