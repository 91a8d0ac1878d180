#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodeFiles, systemClock } from '../common/index.js'
import { Log } from '../log/index.js'
import { SqlEngine } from '../sql/index.js'
import { type Arguments, parseArguments, USAGE } from './arguments.js'
import { embeddedSession } from './embedded-session.js'
import { History } from './history.js'
import { renderError } from './render-outcome.js'
import { runScript } from './run-script.js'

/** The `forebay` program. Sets the exit code; see USAGE. */
async function main(argv: readonly string[]): Promise<number> {
  let options: Arguments
  try {
    options = parseArguments(argv)
  } catch (error) {
    console.error(`forebay: ${(error as Error).message}\n\n${USAGE}`)
    return 2
  }
  if (options.help) console.log(USAGE)
  else if (options.version) console.log(version())
  else return await run(options)
  return 0
}

function version(): string {
  return JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8')).version
}

async function run(options: Arguments): Promise<number> {
  const interrupt = new AbortController()
  const onSignal = (): void => interrupt.abort()
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  const log = options.memory
    ? await Log.memory()
    : await Log.open({ dataDirectory: join(options.dataDirectory, 'log') })
  try {
    const stateDirectory = options.memory ? null : join(options.dataDirectory, 'state')
    const engine = await SqlEngine.create({ log, ...(stateDirectory === null ? {} : { stateDirectory }) })
    try {
      return await face(options, log, engine, interrupt.signal)
    } finally {
      await engine.close()
    }
  } finally {
    await log.close()
  }
}

async function face(options: Arguments, log: Log, engine: SqlEngine, signal: AbortSignal): Promise<number> {
  const session = embeddedSession(engine)
  const output = { out: (line: string) => console.log(line), error: (line: string) => console.error(line) }
  const sql = options.execute ?? (options.file === null ? null : readFileSync(options.file, 'utf8'))
  if (sql !== null) return await runScript(session, sql, { ...output, format: options.format, signal })
  const terminal = process.stdin.isTTY === true && process.stdout.isTTY === true
  const demo = { log, engine, signal, rate: options.rate }
  if (terminal) {
    await showTerminal(options, session, options.command === 'demo' ? demo : null)
    return 0
  }
  if (options.command === 'demo') {
    const { runDemo } = await import('./demo.js')
    await runDemo({ ...demo, session, format: options.format, out: output.out, progress: output.error })
    return signal.aborted ? 130 : 0
  }
  return await runScript(session, readFileSync(0, 'utf8'), { ...output, format: options.format, signal })
}

/** Ink and React are loaded only where there is a terminal. */
async function showTerminal(
  options: Arguments,
  session: ReturnType<typeof embeddedSession>,
  demo: Parameters<typeof import('./demo.js').startDemo>[0] | null,
): Promise<void> {
  const [{ showApp }, { startDemo }] = await Promise.all([import('./show-app.js'), import('./demo.js')])
  const history = new History(options.memory ? null : nodeFiles, join(options.dataDirectory, 'history.jsonl'))
  const stop = new AbortController()
  await showApp({
    session,
    history,
    now: () => systemClock.now(),
    banner: `Forebay ${version()} · ${options.memory ? 'in memory' : options.dataDirectory} · help for help, Ctrl-D leaves`,
    ...(demo === null ? {} : { startup: (report) => startDemo({ ...demo, signal: stop.signal }, report) }),
  })
  stop.abort()
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(renderError(error))
  return 1
})
