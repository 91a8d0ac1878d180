import type { FunctionRegistry } from '../functions/registry.js'
import type { SqlType } from '../types.js'

/** A column as an expression can use it. */
export interface ScopeColumn {
  readonly type: SqlType
  /**
   * JavaScript source that reads the value, such as `v.c2` or `k`. It must be free of side effects and cheap: it
   * may be evaluated more than once. Its value is never undefined.
   */
  readonly accessor: string
}

/** What the names in an expression mean. */
export interface ExpressionScope {
  readonly functions: FunctionRegistry
  /** For messages: "SELECT column 'X' cannot be resolved." Default 'SELECT'. */
  readonly clause?: string
  /**
   * Finds a column by name; `source` is the alias or source name in front of it, if any.
   * @throws SqlError when the name is ambiguous or the source is unknown.
   */
  column(name: string, source: string | null): ScopeColumn | undefined
  /** Candidates for "Did you mean". */
  readonly columnNames: readonly string[]
  /** CREATE TYPE names. */
  customType?(name: string): SqlType | undefined
}

/** A scope of plain columns, by name. */
export function columnsScope(
  functions: FunctionRegistry,
  columns: ReadonlyMap<string, ScopeColumn>,
  options: { readonly clause?: string; readonly customType?: (name: string) => SqlType | undefined } = {},
): ExpressionScope {
  return {
    functions,
    ...options,
    column: (name) => columns.get(name),
    columnNames: [...columns.keys()],
  }
}

/** For INSERT VALUES and the like, where no column may be used. */
export function constantScope(
  functions: FunctionRegistry,
  customType?: (name: string) => SqlType | undefined,
): ExpressionScope {
  return columnsScope(functions, new Map(), customType === undefined ? {} : { customType })
}
