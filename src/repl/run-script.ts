import {
  csvHeader,
  csvRow,
  jsonRow,
  type OutputFormat,
  renderError,
  renderOutcome,
} from './render-outcome.js'
import type { LiveQuery, Session } from './session.js'

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
  const { format, signal } = options
  try {
    for await (const outcome of session.run(sql)) {
      if (signal.aborted) return 130
      if (outcome.kind === 'live') await printRows(outcome.query, options)
      else for (const line of renderOutcome(outcome, format, { width: 0 })) options.out(line)
    }
    return signal.aborted ? 130 : 0
  } catch (error) {
    options.error(renderError(error))
    return 1
  }
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
