import type { AnalyzedQuery } from '../analyzer/analyzer.js'
import { rewrite, walk } from '../analyzer/rewrite.js'
import type { Expression } from '../ast.js'
import { SqlError } from '../errors.js'
import { typeOf } from '../expression/expression-typer.js'
import type { FunctionRegistry } from '../functions/registry.js'
import type { ArgumentType } from '../functions/signature.js'
import type { NamedExpression } from './aggregate-planner.js'
import { columnTypes, type FlatMapNode, type PlanNode } from './plan-node.js'
import { type PlannerContext, scopeOf } from './planner-context.js'
import { column } from './query-keys.js'

type Call = Extract<Expression, { kind: 'call' }>

/** Table functions of the select list become columns of a flat-map step under it. */
export function planTableFunctions(
  query: AnalyzedQuery,
  select: readonly NamedExpression[],
  input: PlanNode,
  context: PlannerContext,
): { readonly node: PlanNode; readonly select: readonly NamedExpression[] } {
  const { functions } = context
  refuseIn('WHERE', query.where === null ? [] : [query.where], functions)
  refuseIn('GROUP BY', query.groupBy ?? [], functions)
  refuseIn('HAVING', query.having === null ? [] : [query.having], functions)
  refuseIn('PARTITION BY', query.partitionBy ?? [], functions)
  const calls = select.flatMap((s) => tableCallsIn(s.expression, functions))
  if (calls.length === 0) return { node: input, select }
  if (query.inputKind === 'TABLE') throw new SqlError('Table source is not supported with table functions')
  for (const call of calls) {
    const inner = call.args.flatMap((arg) => tableCallsIn(arg, functions))
    if (inner.length > 0) throw new SqlError(`Table functions can not be nested: ${call.name}`)
  }
  const scope = scopeOf(columnTypes(input), context)
  const columns = calls.map((call, i) => {
    const args: ArgumentType[] = call.args.map((arg) => {
      const type = typeOf(arg, scope)
      return type === null ? { kind: 'null' } : { kind: 'type', type }
    })
    return { name: `KSQL_SYNTH_${i}`, type: functions.resolveTable(call.name, args).returnType, call }
  })
  const replace = (e: Expression): Expression | undefined => {
    const index = calls.indexOf(e as Call)
    return index === -1 ? undefined : column(columns[index]!.name)
  }
  const { key, window, virtual, output } = input
  const node: FlatMapNode = {
    kind: 'flatMap',
    input,
    calls: columns,
    output,
    key,
    columns: [...input.columns, ...columns.map(({ name, type }) => ({ name, type }))],
    window,
    virtual,
  }
  return {
    node,
    select: select.map((s) => ({ ...s, expression: rewrite(s.expression, replace) })),
  }
}

function tableCallsIn(expression: Expression, functions: FunctionRegistry): Call[] {
  const calls: Call[] = []
  walk(expression, (e) => {
    if (e.kind === 'call' && functions.isTable(e.name)) calls.push(e)
  })
  return calls
}

function refuseIn(clause: string, expressions: readonly Expression[], functions: FunctionRegistry): void {
  for (const expression of expressions) {
    if (tableCallsIn(expression, functions).length > 0) {
      throw new SqlError(`Table functions cannot be used in the ${clause} clause.`, {
        location: expression.location,
      })
    }
  }
}
