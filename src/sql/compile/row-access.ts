import { columnsScope, type ExpressionScope, type ScopeColumn } from '../expression/scope.js'
import type { FunctionRegistry } from '../functions/registry.js'
import type { PlanColumn, PlanNode } from '../plan/plan-node.js'
import type { SqlType } from '../types.js'

/*
 * How generated code reads the columns of a record. Keys are raw for one column, arrays for several and null for none,
 * inside a `Windowed` where the key is windowed. Values are row objects with fields c0 … cn.
 */

/** Columns by name, with the source text that reads each. */
export type ColumnAccess = ReadonlyMap<string, ScopeColumn>

export interface AccessNames {
  readonly key: string
  readonly value: string
  /** Sources for columns that come with the record: ROWTIME and so on. */
  readonly virtual: Readonly<Record<string, string>>
}

export function accessTo(
  node: Pick<PlanNode, 'key' | 'columns' | 'virtual' | 'window'>,
  names: AccessNames,
): ColumnAccess {
  const access = new Map<string, ScopeColumn>()
  for (const column of node.virtual) {
    const accessor = names.virtual[column.name]
    if (accessor !== undefined) access.set(column.name, { type: column.type, accessor })
  }
  node.columns.forEach((column, i) => {
    access.set(column.name, { type: column.type, accessor: `${names.value}.c${i}` })
  })
  const key = node.window === null ? names.key : `${names.key}.key`
  const guard = (inner: string): string => `(${names.key} === null ? null : ${inner})`
  node.key.forEach((column, i) => {
    const accessor = guard(node.key.length === 1 ? key : `${key}[${i}]`)
    access.set(column.name, { type: column.type, accessor })
  })
  if (node.window !== null) {
    for (const [name, field] of [
      ['WINDOWSTART', 'start'],
      ['WINDOWEND', 'end'],
    ] as const) {
      const type = node.virtual.find((c) => c.name === name)?.type
      if (type !== undefined) access.set(name, { type, accessor: guard(`${names.key}.${field}`) })
    }
  }
  return access
}

export function expressionScope(
  access: ColumnAccess,
  functions: FunctionRegistry,
  customType: (name: string) => SqlType | undefined,
): ExpressionScope {
  return columnsScope(functions, access, { customType })
}

/** The code of a key made of these values. */
export function keySource(values: readonly string[]): string {
  return values.length === 1 ? values[0]! : `[${values.join(', ')}]`
}

export function plainColumns(columns: readonly PlanColumn[]): PlanColumn[] {
  return columns.map(({ name, type }) => ({ name, type }))
}
