import stringWidth from 'string-width'
import type { Column, Row } from './session.js'

export interface TableOptions {
  /** The terminal's width; wider cells are cut with `…`. 0 = no limit. */
  readonly width: number
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
  const cells = rows.map((row) => columns.map((c, i) => formatCell(row[i], c.type)))
  const natural = columns.map((c, i) =>
    Math.max(stringWidth(c.name), ...cells.map((row) => stringWidth(row[i]!)), 1),
  )
  const widths = options.width === 0 ? natural : shrink(natural, options.width)
  const line = (values: readonly string[], pad: (text: string, i: number) => string): string =>
    ` ${values.map(pad).join(' │ ')} `.trimEnd()
  const padded = (text: string, i: number): string =>
    NUMERIC.test(columns[i]!.type) ? alignRight(text, widths[i]!) : alignLeft(text, widths[i]!)
  return [
    line(
      columns.map((c) => c.name),
      padded,
    ),
    widths.map((w) => '─'.repeat(w + 2)).join('┼'),
    ...cells.map((row) => line(row, padded)),
  ]
}

/** The text of a value in a cell: NULL for null, structures as JSON, no line breaks. */
export function formatCell(value: unknown, type: string): string {
  if (value === null || value === undefined) return 'NULL'
  if (typeof value === 'number' && type === 'DOUBLE') return formatDouble(value)
  const text = typeof value === 'object' ? JSON.stringify(value, jsonValue) : String(value)
  return text.replaceAll(/\r?\n/g, '⏎').replaceAll('\t', ' ')
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

/** Takes space from the widest columns until the table fits. */
function shrink(natural: readonly number[], width: number): number[] {
  const widths = [...natural]
  const available = Math.max(width - 3 * natural.length + 1, CELL_MIN * natural.length)
  for (let total = widths.reduce((a, b) => a + b, 0); total > available; total--) {
    const widest = widths.indexOf(Math.max(...widths))
    if (widths[widest]! <= CELL_MIN) break
    widths[widest]!--
  }
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
  for (const character of text) {
    if (stringWidth(cut + character) > width - 1) break
    cut += character
  }
  return `${cut}…`
}
