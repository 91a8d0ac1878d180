import { styleText } from 'node:util'
import { type SqlToken, tokenize } from '../sql/index.js'

type Colour = 'cyan' | 'green' | 'yellow' | 'gray' | 'magenta' | 'red'

const colours: Readonly<Record<SqlToken['category'], Colour | null>> = {
  keyword: 'cyan',
  identifier: null,
  string: 'green',
  number: 'yellow',
  comment: 'gray',
  operator: null,
  variable: 'magenta',
  unknown: 'red',
}

export interface Segment {
  readonly text: string
  readonly colour: Colour | null
}

/** The text cut into pieces of one colour; joined they are the text again. */
export function segments(text: string): Segment[] {
  const pieces: Segment[] = []
  let at = 0
  for (const token of tokenize(text)) {
    if (token.start > at) pieces.push({ text: text.slice(at, token.start), colour: null })
    pieces.push({ text: text.slice(token.start, token.end), colour: colours[token.category] })
    at = token.end
  }
  if (at < text.length) pieces.push({ text: text.slice(at), colour: null })
  return pieces
}

/** `from` to `to` of the text that `pieces` make up, in colour, with the cursor drawn where it stands in it. */
export function paintRange(
  pieces: readonly Segment[],
  { from, to }: { readonly from: number; readonly to: number },
  cursor: number | null,
): string {
  let painted = ''
  let at = 0
  for (const { text, colour } of pieces) {
    const start = Math.max(at, from)
    const end = Math.min(at + text.length, to)
    if (start < end) {
      const paint = (part: string): string =>
        colour === null || part === '' ? part : styleText(colour, part)
      const part = text.slice(start - at, end - at)
      if (cursor === null || cursor < start || cursor >= end) painted += paint(part)
      else {
        const under = String.fromCodePoint(part.codePointAt(cursor - start)!)
        painted += paint(part.slice(0, cursor - start)) + styleText('inverse', under)
        painted += paint(part.slice(cursor - start + under.length))
      }
    }
    at += text.length
  }
  return cursor === to ? painted + styleText('inverse', ' ') : painted
}
