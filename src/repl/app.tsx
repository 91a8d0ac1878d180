import { Box, Text, useApp, useInput, useStdout } from 'ink'
import { type ReactElement, useEffect, useState } from 'react'
import { splitStatements } from '../sql/index.js'
import type { History } from './history.js'
import { LiveView } from './live-view.js'
import { metaCommand } from './meta-commands.js'
import { Prompt } from './prompt.js'
import { renderError, renderOutcome } from './render-outcome.js'
import type { Catalogue, LiveQuery, Outcome, Session } from './session.js'
import { useTerminalSize } from './terminal-size.js'

export interface Progress {
  readonly label: string
  /** 0 to 1. */
  readonly fraction: number
}

type Mode =
  | { readonly kind: 'prompt' }
  | { readonly kind: 'running'; readonly label: string; readonly startedAt: number }
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'live'; readonly query: LiveQuery; readonly ended: () => void }

const emptyCatalogue: Catalogue = { sources: [], topics: [], queries: [], functions: [], properties: [] }

/**
 * The terminal: finished output goes to the scrollback, below it stands the live area: the prompt, a progress bar or
 * a live table.
 */
export function App(props: {
  session: Session
  history: History
  banner: string
  now: () => number
  /** Runs before the first prompt and may show progress; the SQL it returns is run as if it had been typed. */
  startup?: (report: (progress: Progress) => void) => Promise<string>
}): ReactElement {
  const { session, history, now } = props
  const { exit } = useApp()
  const { write } = useStdout()
  const { columns: width, rows } = useTerminalSize()
  const [mode, setMode] = useState<Mode>({ kind: 'running', label: 'starting', startedAt: now() })
  const [catalogue, setCatalogue] = useState(emptyCatalogue)

  const print = (lines: readonly string[]): void => {
    if (lines.length > 0) write(`${lines.join('\n')}\n`)
  }
  const toPrompt = async (): Promise<void> => {
    setCatalogue(await session.catalogue())
    setMode({ kind: 'prompt' })
  }

  useEffect(() => {
    const start = async (): Promise<void> => {
      print([props.banner, ''])
      try {
        const sql = await props.startup?.((progress) => setMode({ kind: 'progress', progress }))
        if (sql !== undefined) return await runSql(sql, true)
      } catch (error) {
        print([renderError(error), ''])
      }
      await toPrompt()
    }
    void start()
  }, [])

  async function submit(text: string): Promise<void> {
    if (text.trim() === '') return
    print(echo(text))
    history.add(text)
    const command = metaCommand(text)
    if (command === null) await runSql(text)
    else if (command.kind === 'sql') await runSql(command.sql)
    else if (command.kind === 'text') print([command.text, ''])
    else if (command.kind === 'history') print([...history.entries.map((e, i) => `${i + 1}  ${e}`), ''])
    else if (command.kind === 'clear') write('\u001b[2J\u001b[H')
    else exit()
  }

  /** Statement by statement, so that with `echoed` each stands above its outcome. */
  async function runSql(sql: string, echoed = false): Promise<void> {
    const startedAt = now()
    setMode({ kind: 'running', label: 'running', startedAt })
    try {
      for (const statement of echoed ? splitStatements(sql).statements : [sql]) {
        if (echoed) print(echo(statement))
        for await (const outcome of session.run(statement)) await show(outcome)
        if (echoed) print([''])
      }
      print([`${((now() - startedAt) / 1000).toFixed(3)} s`, ''])
    } catch (error) {
      print([renderError(error), ''])
    }
    await toPrompt()
  }

  async function show(outcome: Outcome): Promise<void> {
    if (outcome.kind === 'live') {
      await new Promise<void>((ended) => setMode({ kind: 'live', query: outcome.query, ended }))
    } else print(renderOutcome(outcome, 'table', width))
  }

  function liveEnded(lines: readonly string[], error: unknown, ended: () => void): void {
    setMode({ kind: 'running', label: 'running', startedAt: now() })
    print(error === null ? lines : [...lines, renderError(error)])
    ended()
  }

  switch (mode.kind) {
    case 'prompt':
      return (
        <Prompt
          history={history}
          catalogue={catalogue}
          rows={rows}
          onSubmit={(text) => void submit(text)}
          onExit={exit}
        />
      )
    case 'live':
      return (
        <LiveView
          query={mode.query}
          width={width}
          rows={rows}
          now={now}
          onEnd={(lines, error) => liveEnded(lines, error, mode.ended)}
        />
      )
    case 'progress':
      return (
        <Interruptible onInterrupt={exit} content={<ProgressBar progress={mode.progress} width={width} />} />
      )
    case 'running':
      return <Interruptible onInterrupt={exit} content={<Text dimColor>{`${mode.label} …`}</Text>} />
  }
}

/** Ctrl-C while something runs leaves the program; what had been committed stays. */
function Interruptible({
  content,
  onInterrupt,
}: {
  content: ReactElement
  onInterrupt: () => void
}): ReactElement {
  useInput((input, key) => {
    if (key.ctrl && input === 'c') onInterrupt()
  })
  return content
}

function ProgressBar({ progress, width }: { progress: Progress; width: number }): ReactElement {
  const size = Math.max(10, Math.min(40, width - progress.label.length - 10))
  const full = Math.round(progress.fraction * size)
  return (
    <Box>
      <Text>{`${progress.label} `}</Text>
      <Text color="cyan">{'█'.repeat(full)}</Text>
      <Text dimColor>{'░'.repeat(size - full)}</Text>
      <Text>{` ${Math.floor(progress.fraction * 100)} %`}</Text>
    </Box>
  )
}

function echo(text: string): string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line, i) => (i === 0 ? 'forebay> ' : '      -> ') + line)
}
