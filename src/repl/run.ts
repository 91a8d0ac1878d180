import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { nodeFiles, systemClock } from '../common/index.js'
import { Log } from '../log/index.js'
import { SqlEngine } from '../sql/index.js'
import type { Arguments } from './arguments.js'
import { embeddedSession } from './embedded-session.js'
import { History } from './history.js'
import { loadFunctions } from './load-functions.js'
import { renderError } from './render-outcome.js'
import { runScript } from './run-script.js'

const INTERRUPTED = 130

/** Opens log and engine, shows the face that was asked for, closes them; returns the exit code. */
export async function run(options: Arguments, version: string): Promise<number> {
  const interrupt = new AbortController()
  const closed = watchOutput(interrupt)
  watchSignals(interrupt)
  try {
    const script = scriptOf(options)
    const code = await withEngine(options, (log, engine) =>
      face({ options, version, script, log, engine, signal: interrupt.signal }),
    )
    return closed() ? 0 : code
  } catch (error) {
    console.error(renderError(error))
    return 1
  }
}

/** The first signal closes everything in order, a second one ends the process at once. */
function watchSignals(interrupt: AbortController): void {
  const onSignal = (): void => {
    if (interrupt.signal.aborted) process.exit(INTERRUPTED)
    interrupt.abort()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
}

/** A reader that has gone, as `head` has after its lines, is a quiet end. Returns whether that has happened. */
function watchOutput(interrupt: AbortController): () => boolean {
  let gone = false
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    gone = true
    interrupt.abort()
  })
  return () => gone
}

/** Null: the statements come from stdin or from the prompt. */
function scriptOf({ execute, file }: Arguments): string | null {
  return execute ?? (file === null ? null : nodeFiles.readFile(file).toString('utf8'))
}

async function withEngine(
  { memory, dataDirectory, functions }: Arguments,
  body: (log: Log, engine: SqlEngine) => Promise<number>,
): Promise<number> {
  const addFunctions = await loadFunctions(functions)
  const log = memory ? await Log.memory() : await Log.open({ dataDirectory: join(dataDirectory, 'log') })
  try {
    const state = memory ? {} : { stateDirectory: join(dataDirectory, 'state') }
    const engine = await SqlEngine.create({ log, ...state, functions: addFunctions })
    try {
      return await body(log, engine)
    } finally {
      await engine.close()
    }
  } finally {
    await log.close()
  }
}

interface FaceOptions {
  readonly options: Arguments
  readonly version: string
  readonly script: string | null
  readonly log: Log
  readonly engine: SqlEngine
  readonly signal: AbortSignal
}

async function face({ options, version, script, log, engine, signal }: FaceOptions): Promise<number> {
  const session = embeddedSession(engine)
  const output = {
    out: (line: string): void => {
      if (process.stdout.writable) process.stdout.write(`${line}\n`)
    },
    error: (line: string): void => console.error(line),
    format: options.format,
    signal,
  }
  if (options.command === 'types') {
    const { declarations } = await import('./types-command.js')
    output.out(declarations(engine).trimEnd())
    return 0
  }
  if (script !== null) return await runScript(session, script, output)
  const demo = options.command === 'demo' ? { log, engine, rate: options.rate } : null
  if (process.stdin.isTTY === true && process.stdout.isTTY === true) {
    await showTerminal({ options, version, session, demo, signal })
    return 0
  }
  if (demo === null) return await runScript(session, await readInput(signal), output)
  const { runDemo } = await import('./demo.js')
  await runDemo({ ...demo, ...output, session, progress: output.error })
  return signal.aborted ? INTERRUPTED : 0
}

async function readInput(signal: AbortSignal): Promise<string> {
  const stop = (): void => void process.stdin.destroy()
  signal.addEventListener('abort', stop)
  try {
    return await text(process.stdin)
  } catch (error) {
    if (signal.aborted) return ''
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** Ink and React are loaded only where there is a terminal. */
async function showTerminal(terminal: {
  readonly options: Arguments
  readonly version: string
  readonly session: ReturnType<typeof embeddedSession>
  readonly demo: { readonly log: Log; readonly engine: SqlEngine; readonly rate: number | null } | null
  readonly signal: AbortSignal
}): Promise<void> {
  const { options, session, demo, signal } = terminal
  const { memory, dataDirectory } = options
  // React's development build is slower, and Ink's colours do not know NO_COLOR.
  process.env['NODE_ENV'] ??= 'production'
  if (process.env['NO_COLOR']) process.env['FORCE_COLOR'] = '0'
  const { showApp } = await import('./show-app.js')
  const history = new History(memory ? null : nodeFiles, join(dataDirectory, 'history.jsonl'))
  const stop = new AbortController()
  /** What goes on behind the prompt must have ended before the log is closed. */
  let background: Promise<unknown> = Promise.resolve()
  const where = memory ? 'in memory' : dataDirectory
  await showApp(
    {
      session,
      history,
      now: () => systemClock.now(),
      banner: `Forebay ${terminal.version} · ${where} · help for help, Ctrl-D leaves`,
      ...(demo !== null && {
        startup: (report) => {
          const starting = import('./demo.js').then(({ startDemo }) =>
            startDemo({ ...demo, signal: stop.signal }, report),
          )
          background = starting.then(({ loaded }) => loaded).catch(() => {})
          return starting.then(({ sql }) => sql)
        },
      }),
    },
    signal,
  )
  stop.abort()
  await background
}
