import { Box, Text } from 'ink'
import { type ReactElement, useEffect, useRef, useState } from 'react'
import { LiveModel, type Order, Rate } from './live-model.js'
import { paint } from './paint.js'
import { formatElapsed } from './render-outcome.js'
import type { LiveQuery } from './session.js'
import { isNumeric, naturalWidths, textTable } from './text-table.js'
import { useKeys } from './use-keys.js'

const REFRESH_MS = 100
const EMPTY_AFTER_MS = 2000
const ROWS_MAX = 10_000
const ROWS_PRINTED_MAX = 1000

/**
 * A push query as a table that moves. Ctrl-C, q or Escape ends it, the space bar holds the picture still, s orders the
 * rows by the next column, r turns the order round. What stood there last is handed to `onEnd`.
 */
export function LiveView(props: {
  query: LiveQuery
  width: number
  rows: number
  now: () => number
  onEnd: (lastLines: string[], error: unknown) => void
}): ReactElement {
  const { query, width, now } = props
  const [model] = useState(() => new LiveModel(ROWS_MAX))
  const [rate] = useState(() => new Rate(10))
  const [startedAt] = useState(now)
  const [held, setHeld] = useState(false)
  const [order, setOrder] = useState<Order | null>(null)
  const [hint, setHint] = useState<string | null>(null)
  const [, refresh] = useState(0)
  const widths = useRef<number[]>([])

  function draw(count: number): string[] {
    const rows = order === null ? model.newest(count) : model.sorted(order, count)
    const columns = query.columns.map((c, i) =>
      i === order?.column ? { ...c, name: `${c.name} ${order.descending ? '▼' : '▲'}` } : c,
    )
    widths.current = naturalWidths(columns, rows, widths.current)
    return textTable(columns, rows, { width, widths: widths.current })
  }

  // With the hint and the footer the table stays lower than the terminal.
  const visible = Math.max(1, props.rows - 7)
  // A held picture is drawn anew only for another order or size.
  const picture = useRef<{ readonly of: string; readonly lines: string[] }>({ of: '', lines: [] })
  const of = `${width} ${props.rows} ${order?.column} ${order?.descending}`
  if (!held || picture.current.of !== of) picture.current = { of, lines: draw(visible) }

  const counts = (state: string): string => {
    const { rowCount, received } = model
    const rows = `${rowCount}${model.forgotten ? '+' : ''} row${rowCount === 1 ? '' : 's'}`
    const changes = received === rowCount ? '' : ` · ${received} changes`
    return ` ${state} · ${rows}${changes} · ${formatElapsed(now() - startedAt)}`
  }
  const reason = model.received > 0 ? null : (hint ?? 'waiting for rows …')

  // The query may end at any time; what is shown then has the order and the size of now. Where nobody stopped it, it
  // reached its LIMIT, and all it gave is wanted.
  const stopped = useRef(false)
  const stop = (): void => {
    stopped.current = true
    void query.stop()
  }
  const last = useRef<() => string[]>(() => [])
  last.current = () => [
    ...draw(stopped.current ? visible : ROWS_PRINTED_MAX),
    ...(hint === null || reason === null ? [] : [reason]),
    paint.dim(counts('ended')),
  ]
  useEffect(() => {
    const subscription = query.rows.subscribe({
      next: (change) => model.accept(change),
      error: (error: unknown) => props.onEnd(last.current(), error),
      complete: () => props.onEnd(last.current(), null),
    })
    return () => subscription.unsubscribe()
  }, [])

  useEffect(() => {
    if (held) return
    const timer = setInterval(() => refresh((n) => n + 1), REFRESH_MS)
    return () => clearInterval(timer)
  }, [held])

  useEffect(() => {
    const timer = setTimeout(() => {
      if (model.received === 0) query.explainEmpty().then(setHint, () => {})
    }, EMPTY_AFTER_MS)
    return () => clearTimeout(timer)
  }, [])

  useKeys((input, key) => {
    if ((key.ctrl && input === 'c') || key.escape) stop()
    // Keys pressed quickly arrive together.
    else for (const character of input) press(character)
  })

  function press(character: string): void {
    if (character === 'q') stop()
    else if (character === ' ') setHeld((h) => !h)
    else if (character === 's') setOrder(nextOrder)
    else if (character === 'r') setOrder((o) => o && { ...o, descending: !o.descending })
  }

  /** Numbers begin with the largest; after the last column comes the order of arrival again. */
  function nextOrder(now: Order | null): Order | null {
    const column = query.columns[now === null ? 0 : now.column + 1]
    if (column === undefined) return null
    return { column: query.columns.indexOf(column), descending: isNumeric(column) }
  }

  return (
    <Box flexDirection="column">
      {picture.current.lines.map((line, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line is its position, all are drawn anew
        <Text key={i} wrap="truncate">
          {line}
        </Text>
      ))}
      {reason !== null && <Text>{reason}</Text>}
      <Text dimColor wrap="truncate">
        {`${counts(held ? 'held' : 'live')} · ${rate.read(now(), model.received)}/s`}
      </Text>
      <Text dimColor wrap="truncate">
        {` Ctrl-C ends · space ${held ? 'goes on' : 'holds'} · s sorts${order === null ? '' : ' · r reverses'}`}
      </Text>
    </Box>
  )
}
