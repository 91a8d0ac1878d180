import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../log/index.js'
import { type SqlEngine, splitStatements } from '../sql/index.js'
import type { Progress } from './app.js'
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

/** Prepares the demo for the terminal; returns the queries to show. With a rate, flights go on arriving behind them. */
export async function startDemo(
  { log, engine, signal, rate }: DemoOptions,
  report: (progress: Progress) => void,
): Promise<string> {
  const { definitions, queries } = demoScript()
  report({ label: 'loading airports', fraction: 0 })
  await createFlightTopics(log)
  await loadAirports(log)
  await engine.execute(definitions)
  const onProgress = (flights: number): void =>
    report({ label: 'loading flights', fraction: flights / FLIGHTS })
  if (rate === null) {
    await loadFlights(log, { signal, onProgress })
    report({ label: 'computing', fraction: 1 })
    await engine.caughtUp()
  } else void loadFlights(log, { signal, rate })
  return queries.join('\n')
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
        outcome.kind === 'live' ? await lastRows(outcome.query, format) : renderOutcome(outcome, format, 0)
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
  return renderOutcome({ kind: 'table', title: null, columns: query.columns, rows, note }, format, 0)
}
