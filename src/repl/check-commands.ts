import type { FileSystem } from '../common/index.js'
import { dumpLogFile, formatDumpEntry, type Log, verifyDataDirectory } from '../log/index.js'
import { type CommandContext, printJson, printTable } from './command-context.js'

/** Exit code 1: damage was found. What the next opening mends by itself is told, and is none. */
export function verifyLog(context: CommandContext, dataDirectory: string, fileSystem: FileSystem): number {
  const report = verifyDataDirectory({ dataDirectory, fileSystem })
  const damage = report.problems.filter(({ severity }) => severity === 'damage').length
  if (context.options.json === true) printJson(context, report)
  else {
    for (const { severity, file, position, problem } of report.problems) {
      context.out(`${severity}: ${file}${position === null ? '' : ` at ${position}`}: ${problem}`)
    }
    const sum = (of: 'segmentCount' | 'batchCount' | 'recordCount' | 'sizeBytes') =>
      report.partitions.reduce((total, partition) => total + partition[of], 0)
    context.out(
      `${report.partitions.length} partitions, ${sum('segmentCount')} segments, ${sum('batchCount')} batches, ` +
        `${sum('recordCount')} records, ${sum('sizeBytes')} bytes: ${damage === 0 ? 'no damage' : `${damage} damaged places`}` +
        `${report.cleanShutdown ? '' : '; the log was not closed in good order'}`,
    )
  }
  return damage === 0 ? 0 : 1
}

/** `path`: a file or directory, or one of the data directory, such as orders-0. */
export function dumpFile(
  context: CommandContext,
  dataDirectory: string,
  path: string,
  files: FileSystem,
): number {
  const found = files.exists(path) ? path : `${dataDirectory}/${path}`
  const entries = dumpLogFile({ path: found, fileSystem: files, records: context.options.records ?? false })
  for (const entry of entries) {
    if (context.signal.aborted) return 130
    context.out(
      context.options.json === true
        ? JSON.stringify({ kind: entry.kind, ...entry.fields })
        : formatDumpEntry(entry),
    )
  }
  return 0
}

/** How large each partition is. */
export async function showSizes(context: CommandContext, { admin }: Log): Promise<number> {
  const described = await admin.describeLogDirs()
  if (context.options.json === true) {
    printJson(context, described)
    return 0
  }
  printTable(
    context,
    ['TOPIC', 'PARTITION', 'SEGMENTS', 'BYTES'],
    described.partitions.map((p) => [p.topic, p.partition, p.segmentCount, p.sizeBytes]),
  )
  context.out(`${described.sizeBytes} bytes in ${described.path}`)
  return 0
}
