import type { Statement } from '../ast.js'
import type { StatementResult } from '../statements/statement-result.js'
import type { SqlType } from '../types.js'

/** Types of a result's columns by their names, in order. */
type Columns = Readonly<Record<string, SqlType>>

/** Typed rows as the result of a statement. */
export function resultTable(
  statement: Statement,
  columns: Columns,
  rows: readonly (readonly unknown[])[],
  text: { readonly title?: string | null; readonly note?: string | null } = {},
): StatementResult {
  return {
    kind: 'rows',
    statement: statement.text,
    title: text.title ?? null,
    columns: Object.entries(columns).map(([name, type]) => ({ name, type })),
    rows,
    note: text.note ?? null,
  }
}

export function resultMessage(statement: Statement, message: string): StatementResult {
  return { kind: 'message', statement: statement.text, message, queryId: null, status: 'success' }
}

/** `label : text` lines with the colons under each other; entries that are null are left out. */
export function labelled(entries: Readonly<Record<string, string | null>>): string {
  const present = Object.entries(entries).filter(([, text]) => text !== null)
  const width = Math.max(...present.map(([label]) => label.length))
  return present.map(([label, text]) => `${label.padEnd(width)} : ${text}`).join('\n')
}

/** A heading over its lines, or nothing where there are none. */
export function section(heading: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return []
  return ['', heading, '-'.repeat(heading.length), ...lines]
}

/** A statement on one line. */
export function oneLine(statement: string): string {
  return statement.trim().replaceAll(/\s+/g, ' ')
}
