import { parseArgs } from 'node:util'
import type { OutputFormat } from './render-outcome.js'

export interface Arguments {
  readonly command: 'repl' | 'demo' | 'types'
  readonly dataDirectory: string
  /** No files at all: everything is gone at the end. */
  readonly memory: boolean
  readonly execute: string | null
  readonly file: string | null
  readonly format: OutputFormat
  /** demo: replay this many times faster than it happened; null = as fast as possible. */
  readonly rate: number | null
  /** Modules with functions for SQL. */
  readonly functions: readonly string[]
  readonly help: boolean
  readonly version: boolean
}

export const USAGE = `forebay: continuous SQL over an embedded log

  forebay                     the SQL terminal on ./forebay-data
  forebay -e "SQL; …"         run statements, print, leave
  forebay -f FILE             run a file of statements, print, leave
  forebay demo [--rate N]     the flights demo; with --rate, N times faster than it happened
  forebay types               TypeScript row types of all streams and tables, as a .d.ts file

  forebay topic | group | transaction | produce | consume | log …      without SQL: forebay topic --help

  --data DIR                  the data directory (default ./forebay-data)
  --memory                    keep nothing
  --functions MODULE          functions of your own: its default export is called with the registry
  --format table|json|csv     how results are printed with -e, -f and pipes
  --help  --version

Exit codes: 0 all ran, 1 a statement was refused or failed, 2 wrong usage, 130 interrupted.`

/** Throws an Error with a sentence for people when the arguments make no sense. */
export function parseArguments(argv: readonly string[]): Arguments {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      data: { type: 'string' },
      memory: { type: 'boolean' },
      execute: { type: 'string', short: 'e' },
      file: { type: 'string', short: 'f' },
      format: { type: 'string' },
      rate: { type: 'string' },
      functions: { type: 'string', multiple: true },
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean' },
    },
  })
  const [command = 'repl', ...rest] = positionals
  if ((command !== 'repl' && command !== 'demo' && command !== 'types') || rest.length > 0) {
    throw new Error(`unknown command '${positionals.join(' ')}'`)
  }
  const format = values.format ?? 'table'
  if (format !== 'table' && format !== 'json' && format !== 'csv') {
    throw new Error(`--format is table, json or csv, not '${format}'`)
  }
  if (values.execute !== undefined && values.file !== undefined)
    throw new Error('-e and -f exclude each other')
  return {
    command,
    dataDirectory: values.data ?? 'forebay-data',
    memory: values.memory ?? false,
    execute: values.execute ?? null,
    file: values.file ?? null,
    format,
    functions: values.functions ?? [],
    rate: values.rate === undefined ? null : positive(values.rate),
    help: values.help ?? false,
    version: values.version ?? false,
  }
}

function positive(text: string): number {
  const rate = Number(text)
  if (!(rate > 0)) throw new Error(`--rate is a number above 0, not '${text}'`)
  return rate
}
