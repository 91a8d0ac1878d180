import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type FileSystem, nodeFiles } from '../common/index.js'
import { Log } from '../log/index.js'
import { dumpFile, verifyLog } from './check-commands.js'
import { type CommandContext, commandOptions, UsageError } from './command-context.js'
import { groupCommand } from './group-commands.js'
import { LOG_USAGE } from './log-usage.js'
import { consume, produce } from './record-commands.js'
import { topicCommand } from './topic-commands.js'

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
    around.error(`\n${LOG_USAGE}`)
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

/** `--shift-by -5` reads as an option -5 otherwise. */
function joinSigned(argv: readonly string[]): string[] {
  const joined: string[] = []
  for (const word of argv) {
    if (joined.at(-1) === '--shift-by') joined[joined.length - 1] = `--shift-by=${word}`
    else joined.push(word)
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
    throw new UsageError('log is followed by verify, or by dump and a path')
  }
  const [action = ''] = rest
  const writes = command === 'produce' || (command === 'topic' && action === 'create')
  if (!writes && !files.isDirectory(dataDirectory)) {
    throw new Error(`there is no log at ${dataDirectory}; name the data directory with --data`)
  }
  const log = await Log.open({ dataDirectory, fileSystem: files })
  try {
    if (command === 'topic') return await topicCommand(context, log, rest)
    if (command === 'group') return await groupCommand(context, log, rest)
    if (rest.length !== 1) throw new UsageError(`${command} takes one topic`)
    return command === 'produce' ? await produce(context, log, action) : await consume(context, log, action)
  } finally {
    await log.close()
  }
}
