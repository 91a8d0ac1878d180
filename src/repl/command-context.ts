import type { parseArgs } from 'node:util'
import { textTable } from './text-table.js'

/** Every option of the log's commands; each command says which it reads. */
export const commandOptions = {
  data: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  partitions: { type: 'string' },
  config: { type: 'string', multiple: true },
  'if-not-exists': { type: 'boolean' },
  topic: { type: 'string', multiple: true },
  'all-topics': { type: 'boolean' },
  'to-earliest': { type: 'boolean' },
  'to-latest': { type: 'boolean' },
  'to-offset': { type: 'string' },
  'to-datetime': { type: 'string' },
  'shift-by': { type: 'string' },
  'dry-run': { type: 'boolean' },
  'key-separator': { type: 'string' },
  partition: { type: 'string' },
  compression: { type: 'string' },
  group: { type: 'string' },
  'from-beginning': { type: 'boolean' },
  max: { type: 'string' },
  format: { type: 'string' },
  'read-committed': { type: 'boolean' },
  records: { type: 'boolean' },
} as const

export type CommandOptions = ReturnType<typeof parseArgs<{ options: typeof commandOptions }>>['values']

/** What a command talks to. */
export interface CommandContext {
  readonly options: CommandOptions
  readonly out: (line: string) => void
  readonly error: (line: string) => void
  /** Lines of the standard input. */
  readonly input: () => AsyncIterable<string>
  readonly signal: AbortSignal
}

/** Wrong arguments: the usage is shown with it. */
export class UsageError extends Error {}

/** A whole number of at least `min`; undefined where the option is not there. */
export function wholeNumber(text: string | undefined, name: string, min = 0): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < min) {
    throw new UsageError(
      `--${name} is a whole number${min === 0 ? '' : ` of at least ${min}`}, not '${text}'`,
    )
  }
  return value
}

export function printJson({ out }: CommandContext, value: unknown): void {
  out(JSON.stringify(value, null, 2))
}

/** Numbers to the right, text to the left. */
export function printTable(
  { out }: CommandContext,
  names: readonly string[],
  rows: readonly (readonly unknown[])[],
): void {
  const columns = names.map((name, i) => ({
    name,
    type: rows.every((row) => row[i] === null || typeof row[i] === 'number') ? 'BIGINT' : 'STRING',
  }))
  for (const line of textTable(columns, rows, { width: 0 })) out(line)
}
