import { createInterface } from 'node:readline'
import { runLogCommand } from './log-commands.js'

/** Runs a command of the log on this process's standard streams; returns the exit code. */
export async function runLogProcess(argv: readonly string[]): Promise<number> {
  const interrupt = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interrupt.abort())
  // Whoever read the output has gone, such as head: there is nobody to go on for.
  process.stdout.on('error', () => interrupt.abort())
  return await runLogCommand(argv, {
    out: (line) => console.log(line),
    error: (line) => console.error(line),
    input: () =>
      createInterface({
        input: process.stdin,
        crlfDelay: Number.POSITIVE_INFINITY,
        signal: interrupt.signal,
      }),
    signal: interrupt.signal,
  })
}
