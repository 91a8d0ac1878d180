import { columnsIn } from '../analyzer/rewrite.js'
import type { Expression } from '../ast.js'
import { SqlError } from '../errors.js'
import { typeOf } from '../expression/expression-typer.js'
import { evaluateConstant } from '../expression/interpreter.js'
import { constantScope } from '../expression/scope.js'
import { comparable } from '../expression/typing-rules.js'
import { formatExpression } from '../format-sql.js'
import type { FunctionRegistry } from '../functions/registry.js'
import type { PlanColumn } from '../plan/plan-node.js'
import { formatType } from '../types.js'

/** Keys that a WHERE clause allows, as stores know them: raw for one column, an array for several. */
export interface KeyLookup {
  readonly keys: readonly unknown[]
}

/**
 * The keys that conditions pin down by `=` or IN on every key column; null where they do not, and the whole table has
 * to be read. The conditions are still asked of what is found.
 */
export function keyLookup(
  conditions: readonly Expression[],
  keyColumns: readonly PlanColumn[],
  functions: FunctionRegistry,
): KeyLookup | null {
  if (conditions.length === 0 || keyColumns.length === 0) return null
  let keys: unknown[][] = [[]]
  for (const column of keyColumns) {
    const values = conditions.map((c) => valuesFor(c, column, functions)).find((v) => v !== null)
    if (values == null) return null
    keys = keys.flatMap((key) => values.map((value) => [...key, value]))
  }
  return { keys: keyColumns.length === 1 ? keys.map((key) => key[0]) : keys }
}

/** The constants a condition compares the column with, or null when it is another kind of condition. */
function valuesFor(e: Expression, column: PlanColumn, functions: FunctionRegistry): unknown[] | null {
  if (e.kind === 'comparison' && e.operator === '=') {
    if (isColumn(e.left, column)) return constants([e.right], column, functions)
    if (isColumn(e.right, column)) return constants([e.left], column, functions)
  }
  if (e.kind === 'in' && isColumn(e.value, column)) {
    checkConvertible(e.items, column, functions)
    return constants(e.items, column, functions)
  }
  return null
}

/** A pull query looks keys up as they are: text in a list is no number. @throws SqlError for such an item */
function checkConvertible(
  items: readonly Expression[],
  column: PlanColumn,
  functions: FunctionRegistry,
): void {
  for (const item of items) {
    if (columnsIn(item).size > 0) continue
    const type = typeOf(item, constantScope(functions))
    const fits = type === null || comparable(type, '=', column.type)
    if (fits && constants([item], column, functions) !== null) continue
    const text = item.kind === 'string' ? item.value : formatExpression(item)
    throw new SqlError(
      `'${text}' can not be converted to the type of the key column: ` +
        `${column.name} ${formatType(column.type)} KEY`,
      { location: item.location },
    )
  }
}

function isColumn(e: Expression, column: PlanColumn): boolean {
  return e.kind === 'column' && e.name === column.name
}

function constants(
  items: readonly Expression[],
  column: PlanColumn,
  functions: FunctionRegistry,
): unknown[] | null {
  try {
    const values = items.map((item) => evaluateConstant(item, constantScope(functions), column.type))
    return [...new Set(values)].filter((value) => value !== null)
  } catch {
    // Not constant, or of another type: the general path says what is wrong with it.
    return null
  }
}
