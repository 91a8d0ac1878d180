import { ForebayError } from '../common/index.js'
import { SqlError } from '../sql/index.js'
import type { Outcome } from './session.js'
import { formatCell, jsonValue, textTable } from './text-table.js'

export type OutputFormat = 'table' | 'json' | 'csv'

/** A finished outcome as text lines. Live ones are shown elsewhere. */
export function renderOutcome(outcome: Outcome, format: OutputFormat, width: number): string[] {
  if (outcome.kind === 'message') return format === 'table' ? outcome.text.split('\n') : []
  if (outcome.kind === 'live') return []
  const { columns, rows, title, note } = outcome
  if (format === 'json') return rows.map((row) => jsonRow(columns, row))
  if (format === 'csv')
    return [columns.map((c) => csvCell(c.name)).join(','), ...rows.map((row) => csvRow(columns, row))]
  const table = columns.length === 0 ? [] : textTable(columns, rows, { width })
  const count = `(${rows.length} row${rows.length === 1 ? '' : 's'})`
  return [...(title === null ? [] : [title]), ...table, ...(note === null ? [count] : [count, note])]
}

export function jsonRow(columns: readonly { name: string }[], row: readonly unknown[]): string {
  return JSON.stringify(Object.fromEntries(columns.map((c, i) => [c.name, row[i] ?? null])), jsonValue)
}

export function csvRow(columns: readonly { type: string }[], row: readonly unknown[]): string {
  return columns
    .map((c, i) => (row[i] === null || row[i] === undefined ? '' : csvCell(formatCell(row[i], c.type))))
    .join(',')
}

function csvCell(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** What went wrong, for people: a SQL error with its caret, any other known error as a sentence. */
export function renderError(error: unknown): string {
  if (error instanceof SqlError) return error.render()
  if (error instanceof ForebayError) return `${error.code}: ${error.message}`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
