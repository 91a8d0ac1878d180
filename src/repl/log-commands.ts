import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type FileSystem, nodeFiles } from '../common/index.js'
import { Log } from '../log/index.js'
import { dumpFile, showSizes, verifyLog } from './check-commands.js'
import { type CommandContext, commandOptions, UsageError } from './command-context.js'
import { consume } from './consume-command.js'
import { groupCommand } from './group-commands.js'
import { LOG_USAGE } from './log-usage.js'
import { produce } from './produce-command.js'
import { topicCommand } from './topic-commands.js'
import { transactionCommand } from './transaction-commands.js'

export interface CommandSurroundings extends Omit<CommandContext, 'options'> {
  readonly files?: FileSystem
}

/** Runs one of the log's commands; returns the exit code. See LOG_USAGE. */
export async function runLogCommand(argv: readonly string[], around: CommandSurroundings): Promise<number> {
  try {
    const { values, positionals } = parse(argv)
    if (values.help === true) {
      around.out(LOG_USAGE)
      return 0
    }
    return await dispatch({ ...around, options: values }, positionals, around.files ?? nodeFiles)
  } catch (error) {
    const { message } = error as Error
    around.error(`forebay: ${message}`)
    if (!(error instanceof UsageError)) return 1
    around.error('forebay log --help tells more')
    return 2
  }
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: joinSigned(argv), allowPositionals: true, options: commandOptions })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

/** `--shift-by -5` reads as an option -5 otherwise, and so does `-o -10`. */
function joinSigned(argv: readonly string[]): string[] {
  const signed: Readonly<Record<string, string>> = {
    '--shift-by': '--shift-by=',
    '--offset': '--offset=',
    '-o': '--offset=',
  }
  const joined: string[] = []
  let option: string | undefined
  for (const word of argv) {
    if (option !== undefined) joined[joined.length - 1] = option + word
    else joined.push(word)
    option = option === undefined ? signed[word] : undefined
  }
  return joined
}

async function dispatch(context: CommandContext, words: string[], files: FileSystem): Promise<number> {
  const dataDirectory = join(context.options.data ?? 'forebay-data', 'log')
  const [command, ...rest] = words
  if (command === 'log') {
    const [action, ...paths] = rest
    if (action === 'verify' && paths.length === 0) return verifyLog(context, dataDirectory, files)
    if (action === 'dump' && paths.length === 1) return dumpFile(context, dataDirectory, paths[0]!, files)
    if (action !== 'sizes' || paths.length > 0) {
      throw new UsageError('log is followed by verify, by sizes, or by dump and a path')
    }
  }
  const [action = ''] = rest
  const writes = command === 'produce' || (command === 'topic' && action === 'create')
  if (!writes && !files.isDirectory(dataDirectory)) {
    throw new Error(`there is no log at ${dataDirectory}; name the data directory with --data`)
  }
  const log = await Log.open({ dataDirectory, fileSystem: files })
  try {
    if (command === 'topic') return await topicCommand(context, log, rest)
    if (command === 'transaction') return await transactionCommand(context, log, rest)
    if (command === 'log') return await showSizes(context, log)
    if (command === 'group') return await groupCommand(context, log, rest)
    if (rest.length !== 1) throw new UsageError(`${command} takes one topic`)
    return command === 'produce' ? await produce(context, log, action) : await consume(context, log, action)
  } finally {
    await log.close()
  }
}
