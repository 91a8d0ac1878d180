import { Box, Static, Text, useApp, useStdout } from 'ink'
import { type ReactElement, useEffect, useRef, useState } from 'react'
import { splitStatements } from '../sql/index.js'
import type { History } from './history.js'
import { LiveView } from './live-view.js'
import { type MetaCommand, metaCommand } from './meta-commands.js'
import { Prompt } from './prompt.js'
import { promptRows } from './prompt-rows.js'
import { paintedError, renderOutcome } from './render-outcome.js'
import type { Catalogue, LiveQuery, Outcome, Session } from './session.js'
import { Spool, type SpoolCommand } from './spool.js'
import { useTerminalSize } from './terminal-size.js'
import { useKeys } from './use-keys.js'

export interface Progress {
  readonly label: string
  /** 0 to 1. */
  readonly fraction: number
}

export interface StartupReport {
  readonly progress: (progress: Progress) => void
  /** Something that goes on behind the prompt has failed. */
  readonly failed: (error: unknown) => void
}

type Mode =
  | { readonly kind: 'prompt'; readonly serial: number }
  | { readonly kind: 'running'; readonly label: string }
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'live'; readonly query: LiveQuery; readonly ended: () => void }

const emptyCatalogue: Catalogue = { sources: [], topics: [], queries: [], functions: [], properties: [] }
/** More rows of a finished result would only push the rest out of the scrollback. */
const ROWS_PRINTED_MAX = 1000
const CLEAR_SCREEN = '\u001b[2J\u001b[H'

/**
 * The terminal: finished output goes to the scrollback, below it stands the live area: the prompt, a progress bar or
 * a live table. Output and the change of the live area are drawn in one frame.
 */
export function App(props: {
  session: Session
  history: History
  banner: string
  now: () => number
  /** Runs before the first prompt and may show progress; the SQL it returns is run as if it had been typed. */
  startup?: (report: StartupReport) => Promise<string>
}): ReactElement {
  const { session, history, now } = props
  const { exit } = useApp()
  const { write } = useStdout()
  const { columns: width, rows } = useTerminalSize()
  const [mode, setMode] = useState<Mode>({ kind: 'running', label: 'starting' })
  const [catalogue, setCatalogue] = useState(emptyCatalogue)
  const [printed, setPrinted] = useState<readonly string[]>([])
  const [expanded, setExpanded] = useState(false)
  /** Keys pressed while a statement runs: they are for the next prompt. */
  const typedAhead = useRef('')
  const prompts = useRef(0)
  const spool = useRef(new Spool())
  /** The user has gone: what was about to run no longer does. */
  const left = useRef(false)
  // Statements run across renders: they read the newest values here.
  const latest = useRef({ width, expanded })
  latest.current = { width, expanded }

  const print = (lines: readonly string[]): void => {
    if (lines.length === 0) return
    spool.current.write(lines)
    setPrinted((before) => [...before, lines.join('\n')])
  }
  const toPrompt = async (): Promise<void> => {
    if (left.current) return
    setCatalogue(await session.catalogue().catch(() => catalogue))
    setMode({ kind: 'prompt', serial: ++prompts.current })
  }

  useEffect(() => {
    const start = async (): Promise<void> => {
      print([props.banner, ''])
      try {
        const sql = await props.startup?.({
          progress: (progress) => setMode({ kind: 'progress', progress }),
          failed: (error) => print(paintedError(error, latest.current.width)),
        })
        if (sql !== undefined) await runSql(splitStatements(sql).statements, true)
      } catch (error) {
        print([...paintedError(error, latest.current.width), ''])
      }
      await toPrompt()
    }
    void start()
    return () => {
      left.current = true
    }
  }, [])

  useKeys((input, key) => {
    if (mode.kind !== 'running' && mode.kind !== 'progress') return
    // What has been committed stays.
    if (key.ctrl && input === 'c') exit()
    else if (key.return) typedAhead.current += '\n'
    else if (key.backspace || key.delete) typedAhead.current = typedAhead.current.slice(0, -1)
    else if (!key.ctrl && !key.meta && !key.escape) typedAhead.current += input
  })

  async function submit(text: string): Promise<void> {
    setMode({ kind: 'running', label: 'running' })
    history.add(text)
    const command = metaCommand(text)
    if (command?.kind !== 'clear') print(promptRows(text.trimEnd(), -1, { width }))
    if (command?.kind === 'exit') return exit()
    if (command === null) await runSql([text], false)
    else if (command.kind === 'sql') await runSql([command.sql], false)
    else perform(command)
    await toPrompt()
  }

  function perform(command: Exclude<MetaCommand, { kind: 'sql' | 'exit' }>): void {
    switch (command.kind) {
      case 'text':
        return print([command.text, ''])
      case 'history':
        return print([...history.entries.map((e, i) => `${String(i + 1).padStart(4)}  ${e}`), ''])
      case 'expanded':
        setExpanded(!expanded)
        return print([`Expanded display is ${expanded ? 'off' : 'on'}.`, ''])
      case 'clear':
        return write(CLEAR_SCREEN)
      case 'spool':
        return print([...switchSpool(command), ''])
    }
  }

  function switchSpool(command: SpoolCommand): string[] {
    try {
      return [spool.current.switchTo(command)]
    } catch (error) {
      return paintedError(error, width)
    }
  }

  /** With `echoed`, each statement stands above its outcome, as if it had been typed. */
  async function runSql(statements: readonly string[], echoed: boolean): Promise<void> {
    setMode({ kind: 'running', label: 'running' })
    try {
      for (const statement of statements) {
        if (left.current) return
        if (echoed) print(promptRows(statement, -1, { width: latest.current.width }))
        let startedAt = now()
        for await (const outcome of session.run(statement)) {
          await show(outcome, now() - startedAt)
          startedAt = now()
        }
        print([''])
      }
    } catch (error) {
      print([...paintedError(error, latest.current.width), ''])
    }
  }

  async function show(outcome: Outcome, elapsedMs: number): Promise<void> {
    if (outcome.kind === 'live') {
      await new Promise<void>((ended) => setMode({ kind: 'live', query: outcome.query, ended }))
    } else {
      print(renderOutcome(outcome, 'table', { ...latest.current, rowsMax: ROWS_PRINTED_MAX, elapsedMs }))
    }
  }

  function liveEnded(lines: readonly string[], error: unknown, ended: () => void): void {
    setMode({ kind: 'running', label: 'running' })
    print(error === null ? lines : [...lines, ...paintedError(error, latest.current.width)])
    ended()
  }

  return (
    <>
      <Static items={[...printed]}>
        {(text, i) => (
          <Box key={i} width={width}>
            <Text>{text === '' ? ' ' : text}</Text>
          </Box>
        )}
      </Static>
      {mode.kind === 'running' && <Text dimColor>{`${mode.label} …`}</Text>}
      {mode.kind === 'progress' && <ProgressBar progress={mode.progress} width={width} />}
      {mode.kind === 'live' && (
        <LiveView
          query={mode.query}
          width={width}
          rows={rows}
          now={now}
          onEnd={(lines, error) => liveEnded(lines, error, mode.ended)}
        />
      )}
      {mode.kind === 'prompt' && (
        <Prompt
          key={mode.serial}
          history={history}
          catalogue={catalogue}
          width={width}
          rows={rows}
          typedAhead={typedAhead}
          onSubmit={(text) => void submit(text)}
          onClear={() => write(CLEAR_SCREEN)}
          onExit={exit}
        />
      )}
    </>
  )
}

function ProgressBar({ progress, width }: { progress: Progress; width: number }): ReactElement {
  const size = Math.max(10, Math.min(40, width - progress.label.length - 10))
  const full = Math.round(progress.fraction * size)
  return (
    <Text wrap="truncate">
      {`${progress.label} `}
      <Text color="cyan">{'█'.repeat(full)}</Text>
      <Text dimColor>{'░'.repeat(size - full)}</Text>
      {` ${Math.floor(progress.fraction * 100)} %`}
    </Text>
  )
}
