import { ForebayError } from '../common/index.js'
import { SqlError } from '../sql/index.js'
import { paint } from './paint.js'
import type { Outcome } from './session.js'
import { fits, formatCell, jsonValue, recordLines, textTable } from './text-table.js'

export type OutputFormat = 'table' | 'json' | 'csv'

export interface RenderOptions {
  /** The terminal's width; 0 = no limit. */
  readonly width: number
  /** Rows beyond it are counted, not shown. */
  readonly rowsMax?: number
  /** Shown with the count, where it is known. */
  readonly elapsedMs?: number
  /** One field a line, whether or not the table fits. */
  readonly expanded?: boolean
}

/** A finished outcome as text lines. Live ones are shown elsewhere. */
export function renderOutcome(outcome: Outcome, format: OutputFormat, options: RenderOptions): string[] {
  if (outcome.kind === 'live') return []
  const time = options.elapsedMs === undefined ? '' : formatElapsed(options.elapsedMs)
  if (outcome.kind === 'message') {
    if (format !== 'table') return []
    // EXPLAIN indents with tabs, which would waste most of a line.
    const lines = outcome.text.trimEnd().replaceAll('\t', '  ').split('\n')
    const timed = time === '' ? '' : paint.dim(`(${time})`)
    return lines.length === 1 && timed !== ''
      ? [`${lines[0]} ${timed}`]
      : timed === ''
        ? lines
        : [...lines, timed]
  }
  const { columns, rows, title, note } = outcome
  if (format === 'json') return rows.map((row) => jsonRow(columns, row))
  if (format === 'csv') return [csvHeader(columns), ...rows.map((row) => csvRow(columns, row))]
  const shown = rows.slice(0, options.rowsMax ?? rows.length)
  const expanded = options.expanded === true || !fits(columns, options.width)
  const table =
    columns.length === 0 ? [] : expanded ? recordLines(columns, shown) : textTable(columns, shown, options)
  const left = rows.length - shown.length
  const count = `${rows.length} row${rows.length === 1 ? '' : 's'}`
  const more = left === 0 ? '' : `, the first ${shown.length} shown: WHERE and LIMIT narrow them down`
  return [
    ...(title === null ? [] : [title]),
    ...table,
    paint.dim(`(${count}${more}${time === '' ? '' : `, ${time}`})`),
    ...(note === null ? [] : note.trimEnd().replaceAll('\t', '  ').split('\n')),
  ]
}

/** `12 ms`, `3.4 s` */
export function formatElapsed(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`
}

export function jsonRow(columns: readonly { name: string }[], row: readonly unknown[]): string {
  return JSON.stringify(Object.fromEntries(columns.map((c, i) => [c.name, row[i] ?? null])), jsonValue)
}

export function csvHeader(columns: readonly { name: string }[]): string {
  return columns.map((c) => csvCell(c.name)).join(',')
}

/** Numbers with all their digits; null is the empty field. */
export function csvRow(columns: readonly { type: string }[], row: readonly unknown[]): string {
  return columns.map((c, i) => csvCell(csvText(row[i], c.type))).join(',')
}

function csvText(value: unknown, type: string): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'object' ? formatCell(value, type) : String(value)
}

function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** What went wrong, for people: a SQL error with its caret, any other known error as a sentence. */
export function renderError(error: unknown): string {
  if (error instanceof SqlError) return error.render()
  if (error instanceof ForebayError) return `${error.code}: ${error.message}`
  if (!(error instanceof Error)) return String(error)
  // A refusal of the operating system, such as a file that is not there, says it all in its message.
  return 'syscall' in error ? error.message : (error.stack ?? error.message)
}

const CARET = /^ *\^+$/

/** As `renderError`, in colour for a terminal; a line too long for it is cut so that the caret still points. */
export function paintedError(error: unknown, width: number): string[] {
  const lines = renderError(error).split('\n')
  return lines.map((line, i) => {
    const caret = [line, lines[i + 1]].find((l) => l !== undefined && CARET.test(l))
    const length = CARET.test(line) ? lines[i - 1]!.length : line.length
    const from =
      caret === undefined ? 0 : Math.max(0, Math.min(caret.indexOf('^') - (width >> 1), length - width))
    const cut = caret === undefined ? line : line.slice(from, from + width)
    return i === 0 || CARET.test(line) ? paint.red(cut) : cut
  })
}
