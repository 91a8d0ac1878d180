import {
  csvHeader,
  csvRow,
  jsonRow,
  type OutputFormat,
  renderError,
  renderOutcome,
} from './render-outcome.js'
import type { LiveQuery, Session } from './session.js'
import { Spool, withoutSpools } from './spool.js'

export interface ScriptOutput {
  readonly out: (line: string) => void
  readonly error: (line: string) => void
}

/** Exit codes: 0 all ran, 1 a statement was refused, 130 interrupted. */
export type ExitCode = 0 | 1 | 130

/**
 * Runs statements without a terminal. Stops at the first error. A push query prints its rows as they come, until its
 * LIMIT or until `signal`.
 */
export async function runScript(
  session: Session,
  sql: string,
  options: ScriptOutput & { format: OutputFormat; signal: AbortSignal },
): Promise<ExitCode> {
  const { signal } = options
  const spool = new Spool()
  const out = (line: string): void => {
    spool.write([line])
    options.out(line)
  }
  try {
    for (const part of withoutSpools(sql)) {
      if (typeof part !== 'string') spool.switchTo(part)
      else if (!(await runPart(session, part, { ...options, out }))) return 130
    }
    return signal.aborted ? 130 : 0
  } catch (error) {
    const text = renderError(error)
    spool.write([text])
    options.error(text)
    return 1
  }
}

/** Whether it came to its end. */
async function runPart(
  session: Session,
  sql: string,
  options: ScriptOutput & { format: OutputFormat; signal: AbortSignal },
): Promise<boolean> {
  for await (const outcome of session.run(sql)) {
    if (options.signal.aborted) return false
    if (outcome.kind === 'live') await printRows(outcome.query, options)
    else for (const line of renderOutcome(outcome, options.format, { width: 0 })) options.out(line)
  }
  return true
}

function printRows(
  query: LiveQuery,
  options: ScriptOutput & { format: OutputFormat; signal: AbortSignal },
): Promise<void> {
  const { format, signal, out } = options
  const { columns } = query
  if (format !== 'json') out(csvHeader(columns))
  return new Promise((resolve, reject) => {
    const stop = (): void => void query.stop()
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop)
    const done = (settle: () => void) => (): void => {
      signal.removeEventListener('abort', stop)
      settle()
    }
    query.rows.subscribe({
      next: ({ row }) => out(format === 'json' ? jsonRow(columns, row) : csvRow(columns, row)),
      error: (error: unknown) => done(() => reject(error))(),
      complete: done(resolve),
    })
  })
}
