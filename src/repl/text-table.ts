import stringWidth from 'string-width'
import { paint } from './paint.js'
import type { Column, Row } from './session.js'

export interface TableOptions {
  /** The terminal's width; wider cells are cut with `…`. 0 = no limit. */
  readonly width: number
  /** Columns get at least these widths: so that a table that moves keeps its shape. */
  readonly widths?: readonly number[]
}

const NUMERIC = /^(INTEGER|BIGINT|DOUBLE|DECIMAL)/
const CELL_MIN = 6

/**
 * Rows as an aligned text table: numbers to the right, text to the left, widths by display columns.
 *
 *      ORIGIN │ FLIGHTS
 *     ────────┼─────────
 *      ATL    │     718
 */
export function textTable(columns: readonly Column[], rows: readonly Row[], options: TableOptions): string[] {
  const natural = naturalWidths(columns, rows, options.widths)
  const widths = options.width === 0 ? natural : shrink(natural, options.width)
  const cell = (text: string, i: number): string =>
    isNumeric(columns[i]!) ? alignRight(text, widths[i]!) : alignLeft(text, widths[i]!)
  const line = (cells: readonly string[]): string => ` ${cells.join(' │ ')}`.trimEnd()
  return [
    paint.bold(line(columns.map((c, i) => cell(c.name, i)))),
    widths.map((w) => '─'.repeat(w + 2)).join('┼'),
    ...rows.map((row) =>
      line(
        columns.map((c, i) => {
          const text = cell(formatCell(row[i], c.type), i)
          return row[i] === null || row[i] === undefined ? text.replace('NULL', paint.dim) : text
        }),
      ),
    ),
  ]
}

/** One field a line, for rows that are too wide to stand side by side. */
export function recordLines(columns: readonly Column[], rows: readonly Row[]): string[] {
  const width = Math.max(1, ...columns.map((c) => stringWidth(c.name)))
  return rows.flatMap((row, n) => [
    paint.dim(`─[ ${n + 1} ]${'─'.repeat(Math.max(1, width - 3))}`),
    ...columns.map((c, i) => ` ${alignLeft(c.name, width)} │ ${formatCell(row[i], c.type)}`),
  ])
}

export function isNumeric({ type }: Column): boolean {
  return NUMERIC.test(type)
}

/** Whether the columns can stand side by side and still show something. */
export function fits(columns: readonly Column[], width: number): boolean {
  return width === 0 || columns.length * (CELL_MIN + 3) - 1 <= width
}

/** What the columns need to show everything. */
export function naturalWidths(
  columns: readonly Column[],
  rows: readonly Row[],
  atLeast: readonly number[] = [],
): number[] {
  return columns.map((c, i) => {
    let width = Math.max(1, stringWidth(c.name), atLeast[i] ?? 0)
    for (const row of rows) width = Math.max(width, stringWidth(formatCell(row[i], c.type)))
    return width
  })
}

/** The text of a value in a cell: NULL for null, structures as JSON, no line breaks. */
export function formatCell(value: unknown, type: string): string {
  if (value === null || value === undefined) return 'NULL'
  if (typeof value === 'number' && type === 'DOUBLE') return formatDouble(value)
  const text = typeof value === 'object' ? JSON.stringify(value, jsonValue) : String(value)
  return text.replaceAll(/\r?\n/g, '⏎').replaceAll(/[\u0000-\u001f\u007f]/g, ' ')
}

/** At most four digits behind the point; very large and very small values keep their exponent. */
export function formatDouble(value: number): string {
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-4 || size >= 1e15)) return String(value)
  return Number.isInteger(value) ? value.toFixed(1) : value.toFixed(4).replace(/0+$/, '')
}

/** Makes any SQL value printable as JSON: big integers by their digits, bytes as base64. */
export function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (value instanceof Map) return Object.fromEntries(value)
  return value
}

/**
 * Takes space away until the table fits: first from columns wider than 24, the widest first, then from the one that
 * needs most, such as a statement's text, so that names stay whole beside it.
 */
function shrink(natural: readonly number[], width: number): number[] {
  const widths = natural.map((w) => Math.min(w, width))
  const available = width - 3 * natural.length + 1
  let excess = widths.reduce((a, b) => a + b, 0) - available
  const narrow = (floor: number, measure: readonly number[]): void => {
    while (excess > 0) {
      let widest = -1
      widths.forEach((w, i) => {
        if (w > floor && (widest === -1 || measure[i]! > measure[widest]!)) widest = i
      })
      if (widest === -1) return
      widths[widest]!--
      excess--
    }
  }
  narrow(24, widths)
  narrow(12, natural)
  narrow(CELL_MIN, widths)
  return widths
}

function alignLeft(text: string, width: number): string {
  const cut = truncate(text, width)
  return cut + ' '.repeat(width - stringWidth(cut))
}

function alignRight(text: string, width: number): string {
  const cut = truncate(text, width)
  return ' '.repeat(width - stringWidth(cut)) + cut
}

/** Cuts to a display width, with `…` for what is left out. */
export function truncate(text: string, width: number): string {
  if (stringWidth(text) <= width) return text
  let cut = ''
  let used = 0
  for (const character of text) {
    used += stringWidth(character)
    if (used > width - 1) break
    cut += character
  }
  return `${cut}…`
}
