import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../common/index.js'
import type { Log } from '../log/index.js'
import { type SqlEngine, splitStatements } from '../sql/index.js'
import type { StartupReport } from './app.js'
import { createFlightTopics, FLIGHTS, loadAirports, loadFlights } from './flights.js'
import { LiveModel } from './live-model.js'
import { type OutputFormat, renderOutcome } from './render-outcome.js'
import type { LiveQuery, Session } from './session.js'

/*
 * The flights demo: examples/flights.sql over real flights. Its definitions are run first, then the flights are loaded
 * (each once, whatever stops in between), then its SELECTs are shown.
 */

interface DemoScript {
  readonly definitions: string
  readonly queries: readonly string[]
}

function demoScript(): DemoScript {
  const path = join(import.meta.dirname, '..', '..', 'examples', 'flights.sql')
  const { statements } = splitStatements(readFileSync(path, 'utf8'))
  const isQuery = (statement: string): boolean => /^SELECT\b/i.test(withoutComments(statement))
  return {
    definitions: statements.filter((s) => !isQuery(s)).join('\n'),
    queries: statements.filter(isQuery).map(withoutComments),
  }
}

function withoutComments(statement: string): string {
  return statement.replaceAll(/^\s*--.*$/gm, '').trim()
}

export interface DemoOptions {
  readonly log: Log
  readonly engine: SqlEngine
  readonly signal: AbortSignal
  readonly rate: number | null
}

/**
 * Prepares the demo for the terminal; `sql` are the queries to show, `loaded` resolves when all flights are in the log
 * or `signal` has stopped the loader: with a rate that is later, flights go on arriving behind the prompt.
 */
export async function startDemo(
  { log, engine, signal, rate }: DemoOptions,
  { progress, failed }: StartupReport,
): Promise<{ sql: string; loaded: Promise<void> }> {
  const { definitions, queries } = demoScript()
  progress({ label: 'loading airports', fraction: 0 })
  await createFlightTopics(log)
  await loadAirports(log)
  await engine.execute(definitions)
  const sql = queries.join('\n')
  if (rate !== null) return { sql, loaded: loadFlights(log, { signal, rate }).catch(failed) }
  const onProgress = (flights: number): void =>
    progress({ label: 'loading flights', fraction: flights / FLIGHTS })
  await loadFlights(log, { signal, onProgress })
  if (!signal.aborted) await compute(engine, progress)
  return { sql, loaded: Promise.resolve() }
}

const POLL_MS = 50

/** Waits until the queries have caught up with the flights; progress is what they have read since. */
async function compute(engine: SqlEngine, progress: StartupReport['progress']): Promise<void> {
  const lag = async (): Promise<number> => {
    let sum = 0
    for (const { streams } of engine.apps.running.values()) {
      for (const records of (await streams.lag()).values()) sum += records
    }
    return sum
  }
  const total = await lag()
  let done = false
  const end = (): void => {
    done = true
  }
  const caughtUp = engine.caughtUp()
  caughtUp.then(end, end)
  while (!done) {
    progress({ label: 'computing', fraction: total === 0 ? 1 : Math.max(0, 1 - (await lag()) / total) })
    const pause = new Promise<void>((resolve) => systemClock.setTimer(POLL_MS, resolve, true))
    await Promise.race([caughtUp, pause])
  }
  await caughtUp
}

/** Runs the demo to its end and prints its result tables. */
export async function runDemo(
  options: DemoOptions & {
    session: Session
    format: OutputFormat
    out: (line: string) => void
    progress: (line: string) => void
  },
): Promise<void> {
  const { log, engine, session, signal, rate, format, out, progress } = options
  const { definitions, queries } = demoScript()
  await createFlightTopics(log)
  await loadAirports(log)
  await engine.execute(definitions)
  const onProgress = (flights: number): void => {
    if (flights % PROGRESS_EVERY === 0) progress(`${flights} of ${FLIGHTS} flights loaded`)
  }
  await loadFlights(log, { signal, onProgress, ...(rate === null ? {} : { rate }) })
  if (signal.aborted) return
  await engine.caughtUp()
  for (const sql of queries) {
    out(sql)
    for await (const outcome of session.run(sql)) {
      const lines =
        outcome.kind === 'live'
          ? await lastRows(outcome.query, format)
          : renderOutcome(outcome, format, { width: 0 })
      for (const line of lines) out(line)
    }
    out('')
  }
}

const PROGRESS_EVERY = 5000
const SNAPSHOT_ROWS = 20

/** What a live table shows once the query has seen all there is. */
async function lastRows(query: LiveQuery, format: OutputFormat): Promise<string[]> {
  const model = new LiveModel(Number.POSITIVE_INFINITY)
  const failed = new Promise<never>((_, reject) =>
    query.rows.subscribe({ next: (change) => model.accept(change), error: reject }),
  )
  await Promise.race([query.caughtUp(), failed])
  await query.stop()
  const rows = model.newest(SNAPSHOT_ROWS)
  const note = `the last ${rows.length} of ${model.rowCount} rows, after ${model.received} changes`
  return renderOutcome({ kind: 'table', title: null, columns: query.columns, rows, note }, format, {
    width: 0,
  })
}
