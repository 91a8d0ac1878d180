import { Box, Text, useInput } from 'ink'
import { type ReactElement, useEffect, useState } from 'react'
import { LiveModel } from './live-model.js'
import type { LiveQuery } from './session.js'
import { textTable } from './text-table.js'

const REFRESH_MS = 100
const EMPTY_AFTER_MS = 2000
const ROWS_MAX = 10_000

/** A push query as a table that moves; Ctrl-C or q ends it, the space bar holds the picture still. */
export function LiveView(props: {
  query: LiveQuery
  width: number
  rows: number
  now: () => number
  onEnd: (lastLines: string[], error: unknown) => void
}): ReactElement {
  const { query, width, now } = props
  const [model] = useState(() => new LiveModel(ROWS_MAX))
  const [startedAt] = useState(now)
  const [held, setHeld] = useState(false)
  const [hint, setHint] = useState<string | null>(null)
  const [, refresh] = useState(0)
  const shown = Math.max(3, props.rows - 7)

  useEffect(() => {
    const finish = (error: unknown): void =>
      props.onEnd(
        [...tableLines(model, query, width, shown), footer(model, now() - startedAt, 'ended')],
        error,
      )
    const subscription = query.rows.subscribe({
      next: (change) => model.accept(change),
      error: (error: unknown) => finish(error),
      complete: () => finish(null),
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

  useInput((input, key) => {
    if ((key.ctrl && input === 'c') || input === 'q' || key.escape) void query.stop()
    else if (input === ' ') setHeld((h) => !h)
  })

  return (
    <Box flexDirection="column">
      {tableLines(model, query, width, shown).map((line, i) => (
        // Lines have no identity of their own: they are redrawn as a whole.
        // biome-ignore lint/suspicious/noArrayIndexKey: a line is its position
        <Text key={i} bold={i === 0} wrap="truncate">
          {line}
        </Text>
      ))}
      {model.received === 0 && <Text dimColor>{hint ?? 'waiting for rows …'}</Text>}
      <Text dimColor wrap="truncate">
        {`${footer(model, now() - startedAt, held ? 'held' : 'live')} · Ctrl-C ends · space ${held ? 'goes on' : 'holds'}`}
      </Text>
    </Box>
  )
}

function tableLines(model: LiveModel, query: LiveQuery, width: number, shown: number): string[] {
  return textTable(query.columns, model.newest(shown), { width })
}

function footer(model: LiveModel, elapsedMs: number, state: string): string {
  const rows = `${model.rowCount} row${model.rowCount === 1 ? '' : 's'}`
  return ` ${state} · ${rows} · ${model.received} changes · ${(elapsedMs / 1000).toFixed(1)} s`
}
