import type { Expression } from '../ast.js'
import { SqlError } from '../errors.js'
import { typeOf } from '../expression/expression-typer.js'
import { columnsScope, type ExpressionScope, type ScopeColumn } from '../expression/scope.js'
import type { FunctionRegistry } from '../functions/registry.js'
import type { SqlType } from '../types.js'
import { columnTypes, type PlanNode } from './plan-node.js'

/** What the planner needs to know besides the query. */
export interface PlannerContext {
  readonly functions: FunctionRegistry
  readonly customType: (name: string) => SqlType | undefined
  readonly partitionsOf: (topic: string) => number
}

export function scopeOf(columns: ReadonlyMap<string, SqlType>, context: PlannerContext): ExpressionScope {
  const scope = new Map<string, ScopeColumn>()
  for (const [name, type] of columns) scope.set(name, { type, accessor: 'null' })
  return columnsScope(context.functions, scope, { customType: context.customType })
}

/** @throws SqlError for a NULL without a type, and where operands do not fit. */
export function typeIn(node: PlanNode, expression: Expression, context: PlannerContext): SqlType {
  const type = typeOf(expression, scopeOf(columnTypes(node), context))
  if (type !== null) return type
  throw new SqlError('NULL has no type here. CAST it to the type the column shall have.', {
    location: expression.location,
  })
}

/** Runs a check and puts `prefix` before what it complains about. */
export function explaining<T>(prefix: string, check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof SqlError)) throw error
    throw new SqlError(prefix + error.message, {
      kind: error.kind,
      location: error.location,
      text: error.text,
      suggestion: error.suggestion,
      cause: error,
    })
  }
}
