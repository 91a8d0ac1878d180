import stringWidth from 'string-width'
import { paintRange, segments } from './highlight.js'
import { paint } from './paint.js'

export const PROMPT = 'forebay> '
export const CONTINUATION = '      -> '
const WRAPPED = ' '.repeat(PROMPT.length)

interface ScreenRow {
  readonly from: number
  readonly to: number
  readonly prefix: string
}

/**
 * The edited text as rows of the screen, in colour: long lines are wrapped here, and when there are more rows than
 * `rowsMax` those around the cursor are given. A cursor of -1 is none.
 */
export function promptRows(
  text: string,
  cursor: number,
  size: { readonly width: number; readonly rowsMax?: number },
): string[] {
  const { width, rowsMax = Number.POSITIVE_INFINITY } = size
  const rows = screenRows(text, width)
  const current = rows.findLastIndex((row) => row.from <= cursor)
  const first = Math.max(0, Math.min(current - (rowsMax >> 1), rows.length - rowsMax))
  const pieces = segments(text)
  return rows
    .slice(first, first + rowsMax)
    .map(
      (row, i) => paint.prompt(row.prefix) + paintRange(pieces, row, first + i === current ? cursor : null),
    )
}

function screenRows(text: string, width: number): ScreenRow[] {
  // One column stays free for the cursor behind the last character.
  const room = Math.max(8, width - PROMPT.length - 1)
  const rows: ScreenRow[] = []
  let at = 0
  for (const line of text.split('\n')) {
    let prefix = at === 0 ? PROMPT : CONTINUATION
    let from = at
    let used = 0
    for (const character of line) {
      const columns = stringWidth(character)
      if (used + columns > room) {
        rows.push({ from, to: at, prefix })
        prefix = WRAPPED
        from = at
        used = 0
      }
      used += columns
      at += character.length
    }
    rows.push({ from, to: at, prefix })
    at++
  }
  return rows
}
