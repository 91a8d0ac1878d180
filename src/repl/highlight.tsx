import { Text } from 'ink'
import type { ReactElement } from 'react'
import { type SqlToken, tokenize } from '../sql/index.js'

const colours: Readonly<Record<SqlToken['category'], string | undefined>> = {
  keyword: 'cyan',
  identifier: undefined,
  string: 'green',
  number: 'yellow',
  comment: 'gray',
  operator: 'white',
  variable: 'magenta',
  unknown: 'red',
}

interface Segment {
  readonly text: string
  readonly colour: string | undefined
}

/** The text cut into pieces of one colour; joined they are the text again. */
export function segments(text: string): Segment[] {
  const pieces: Segment[] = []
  let at = 0
  for (const token of tokenize(text)) {
    if (token.start > at) pieces.push({ text: text.slice(at, token.start), colour: undefined })
    pieces.push({ text: text.slice(token.start, token.end), colour: colours[token.category] })
    at = token.end
  }
  if (at < text.length) pieces.push({ text: text.slice(at), colour: undefined })
  return pieces
}

/** One line of highlighted SQL, `from` to `to` of the text, with the cursor drawn where it stands in it. */
export function HighlightedLine(props: {
  pieces: readonly Segment[]
  from: number
  to: number
  cursor: number | null
}): ReactElement {
  const { from, to, cursor } = props
  const parts: ReactElement[] = []
  let at = 0
  for (const piece of props.pieces) {
    const start = Math.max(at, from)
    const end = Math.min(at + piece.text.length, to)
    if (start < end) {
      const text = piece.text.slice(start - at, end - at)
      const split = cursor !== null && cursor >= start && cursor < end ? cursor - start : -1
      parts.push(<Coloured key={start} text={text} colour={piece.colour} cursorAt={split} />)
    }
    at += piece.text.length
  }
  if (cursor === to)
    parts.push(
      <Text key="cursor" inverse>
        {' '}
      </Text>,
    )
  return <Text wrap="wrap">{parts.length > 0 ? parts : ' '}</Text>
}

function Coloured(props: { text: string; colour: string | undefined; cursorAt: number }): ReactElement {
  const { text, cursorAt } = props
  const colour = props.colour === undefined ? {} : { color: props.colour }
  if (cursorAt < 0) return <Text {...colour}>{text}</Text>
  return (
    <Text {...colour}>
      {text.slice(0, cursorAt)}
      <Text inverse>{text.charAt(cursorAt)}</Text>
      {text.slice(cursorAt + 1)}
    </Text>
  )
}
