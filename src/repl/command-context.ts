import type { parseArgs } from 'node:util'
import type { Log, TopicPartition } from '../log/index.js'
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
  'key-separator': { type: 'string', short: 'K' },
  key: { type: 'string', short: 'k' },
  header: { type: 'string', short: 'H', multiple: true },
  'empty-as-null': { type: 'boolean', short: 'Z' },
  'from-json': { type: 'boolean' },
  partition: { type: 'string', short: 'p' },
  compression: { type: 'string', short: 'z' },
  group: { type: 'string', short: 'G' },
  'from-beginning': { type: 'boolean' },
  offset: { type: 'string', short: 'o' },
  max: { type: 'string', short: 'c' },
  format: { type: 'string', short: 'f' },
  before: { type: 'string' },
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
    throw new UsageError(`--${name} is a whole number${min > 0 ? ` of at least ${min}` : ''}, not '${text}'`)
  }
  return value
}

export function printJson({ out }: CommandContext, value: unknown): void {
  out(JSON.stringify(value, null, 2))
}

/** The second word of a command. Throws UsageError where it is none of `actions`. */
export function actionOf<A extends string>(
  command: string,
  word: string | undefined,
  actions: readonly A[],
): A {
  const action = actions.find((known) => known === word)
  if (action !== undefined) return action
  const known = `${actions.slice(0, -1).join(', ')} or ${actions.at(-1)}`
  throw new UsageError(`${command} is followed by ${known}${word === undefined ? '' : `, not by '${word}'`}`)
}

/** What was done: a sentence, or JSON. */
export function printDone({ options, out }: CommandContext, sentence: string, json: unknown): void {
  out(options.json === true ? JSON.stringify(json) : sentence)
}

/** A time as people write it, in ms since the epoch. */
export function timeOf(text: string): number {
  const time = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
  if (Number.isNaN(time)) throw new UsageError(`'${text}' is no date and time such as 2026-03-01T12:00:00Z`)
  return time
}

/** `TOPIC` or `TOPIC:PARTITION`, as the partitions there are. */
export async function partitionsNamed(log: Log, names: readonly string[]): Promise<TopicPartition[]> {
  const chosen: TopicPartition[] = []
  for (const name of names) {
    const [topic, partition] = name.split(':') as [string, string?]
    const [described] = await log.admin.describeTopics([topic])
    const all = described!.partitions.map((p) => ({ topic, partition: p.partition }))
    const only = wholeNumber(partition, 'topic')
    const found = only === undefined ? all : all.filter((p) => p.partition === only)
    if (found.length === 0) throw new Error(`topic '${topic}' has no partition ${only}`)
    chosen.push(...found)
  }
  return chosen
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
