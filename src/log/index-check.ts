import type { FileSystem } from '../common/index.js'
import { readInt64 } from './batch-format.js'
import type { ProblemList } from './log-problem.js'
import { OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX, TRANSACTION_INDEX_SUFFIX } from './segment.js'
import type { CheckedBatch, CheckedSegment } from './segment-check.js'
import type { AbortedTransactionEntry } from './transaction-index.js'

/*
 * Whether the three indexes of a segment say what its batches say. An index that is missing, or whose shape is wrong,
 * is built anew when the segment is opened; one of good shape with wrong entries would be believed.
 */

export interface IndexCheckOptions {
  readonly files: FileSystem
  readonly segment: CheckedSegment
  /** The last segment may have records that no index knows yet. */
  readonly active: boolean
  /** After a crash, the segment is read whole and its indexes are built anew, whatever they hold. */
  readonly rebuilt: boolean
  /** Transactions whose ABORT marker lies in the segment and of which data was seen, in the order of the markers. */
  readonly aborted: readonly AbortedTransactionEntry[]
  /** Nothing was compacted: what the transaction index says of offsets can be read off the log. */
  readonly exact: boolean
  readonly problems: ProblemList
}

type Report = (position: number | null, problem: string) => void

export function checkIndexes(options: IndexCheckOptions): void {
  const { files, segment } = options
  if (segment.sizeBytes === 0 && options.active) return
  const offsetPath = pathOf(segment, OFFSET_INDEX_SUFFIX)
  const timePath = pathOf(segment, TIME_INDEX_SUFFIX)
  for (const path of [offsetPath, timePath]) {
    if (files.exists(path)) continue
    options.problems.repairable(path, null, 'missing; it is built anew from the log')
  }
  if (files.exists(offsetPath))
    checkOffsetIndex(files.readFile(offsetPath), options, reporter(options, offsetPath))
  if (files.exists(timePath)) checkTimeIndex(files.readFile(timePath), options, reporter(options, timePath))
  checkTransactionIndex(options)
}

function pathOf({ path }: CheckedSegment, suffix: string): string {
  return path.slice(0, -'.log'.length) + suffix
}

function reporter({ problems, rebuilt }: IndexCheckOptions, path: string): Report {
  return (position, problem) => {
    if (rebuilt) problems.repairable(path, position, problem)
    else problems.damage(path, position, `${problem}; delete the file to have it built anew`)
  }
}

function checkOffsetIndex(bytes: Buffer, { segment, problems }: IndexCheckOptions, report: Report): void {
  const path = pathOf(segment, OFFSET_INDEX_SUFFIX)
  if (bytes.length % 8 !== 0) {
    problems.repairable(path, bytes.length - (bytes.length % 8), 'no whole number of entries of 8 bytes')
    return
  }
  const byPosition = new Map(segment.batches.map((batch) => [batch.position, batch]))
  let last = -1
  for (let at = 0; at < bytes.length; at += 8) {
    const offset = bytes.readInt32BE(at)
    const position = bytes.readInt32BE(at + 4)
    // Space set aside for more entries.
    if (offset === 0 && position === 0) return
    const batch = byPosition.get(position)
    if (offset <= last) report(at, `offset ${segment.baseOffset + offset} does not follow the entry before`)
    else if (batch === undefined) report(at, `no batch begins at position ${position} of the log`)
    else if (batch.lastOffset !== segment.baseOffset + offset) {
      report(
        at,
        `the batch at position ${position} ends at offset ${batch.lastOffset}, not ${segment.baseOffset + offset}`,
      )
    }
    last = offset
  }
}

function checkTimeIndex(bytes: Buffer, options: IndexCheckOptions, report: Report): void {
  const { segment, active, problems } = options
  const path = pathOf(segment, TIME_INDEX_SUFFIX)
  if (bytes.length % 12 !== 0) {
    problems.repairable(path, bytes.length - (bytes.length % 12), 'no whole number of entries of 12 bytes')
    return
  }
  const leaders = timeLeaders(segment.batches)
  let last = -1
  for (let at = 0; at < bytes.length; at += 12) {
    const timestamp = readInt64(bytes, at)
    const offset = segment.baseOffset + bytes.readInt32BE(at + 8)
    if (timestamp === 0 && offset === segment.baseOffset && (at > 0 || !leaders.has(offset))) break
    if (timestamp <= last) report(at, `timestamp ${timestamp} does not follow the entry before`)
    else if (leaders.get(offset) !== timestamp) {
      report(at, `no batch that ends at offset ${offset} is the first with timestamp ${timestamp}`)
    }
    last = timestamp
  }
  const greatest = segment.batches.reduce((most, batch) => Math.max(most, batch.maxTimestamp), -1)
  if (!active && last < greatest)
    report(null, `ends at timestamp ${last}, but the segment goes up to ${greatest}`)
}

/** The batches with a greater timestamp than all before, by their last offsets. */
function timeLeaders(batches: readonly CheckedBatch[]): Map<number, number> {
  const leaders = new Map<number, number>()
  let greatest = -1
  for (const { lastOffset, maxTimestamp } of batches) {
    if (maxTimestamp <= greatest) continue
    greatest = maxTimestamp
    leaders.set(lastOffset, maxTimestamp)
  }
  return leaders
}

function checkTransactionIndex(options: IndexCheckOptions): void {
  const { files, segment, aborted, problems } = options
  const path = pathOf(segment, TRANSACTION_INDEX_SUFFIX)
  const report = reporter(options, path)
  const bytes = files.exists(path) ? files.readFile(path) : Buffer.alloc(0)
  if (bytes.length % 34 !== 0) {
    report(bytes.length - (bytes.length % 34), 'no whole number of entries of 34 bytes')
    return
  }
  const found = new Map<number, AbortedTransactionEntry & { at: number }>()
  for (let at = 0; at + 34 <= bytes.length; at += 34) {
    const entry = {
      producerId: readInt64(bytes, at + 2),
      firstOffset: readInt64(bytes, at + 10),
      lastOffset: readInt64(bytes, at + 18),
      lastStableOffset: readInt64(bytes, at + 26),
    }
    if (bytes.readInt16BE(at) !== 0) report(at, `version ${bytes.readInt16BE(at)} instead of 0`)
    if (entry.lastOffset < segment.baseOffset || entry.lastOffset >= segment.endOffset) {
      report(at, `the marker at offset ${entry.lastOffset} lies outside the segment`)
    }
    found.set(entry.lastOffset, { ...entry, at })
  }
  for (const expected of aborted) {
    const entry = found.get(expected.lastOffset)
    if (entry === undefined) {
      const problem = `the transaction of producer ${expected.producerId} aborted at offset ${expected.lastOffset} is not in it`
      if (options.rebuilt) problems.repairable(path, null, problem)
      else problems.damage(path, null, `${problem}: its records would be read as committed`)
    } else if (!agrees(entry, expected, options.exact)) {
      report(entry.at, `says ${describe(entry)}; the log says ${describe(expected)}`)
    }
  }
}

function agrees(entry: AbortedTransactionEntry, log: AbortedTransactionEntry, exact: boolean): boolean {
  if (entry.producerId !== log.producerId) return false
  if (!exact) return entry.firstOffset <= log.firstOffset
  return entry.firstOffset === log.firstOffset && entry.lastStableOffset === log.lastStableOffset
}

function describe({ producerId, firstOffset, lastStableOffset }: AbortedTransactionEntry): string {
  return `producer ${producerId} from offset ${firstOffset}, stable up to ${lastStableOffset}`
}
