import type { FileSystem } from '../common/index.js'
import { BatchScanner } from './batch-scanner.js'
import { CorruptRecordError } from './errors.js'
import type { ProblemList } from './log-problem.js'
import type { RecordBatchView } from './record-batch.js'

/** What the check of the indexes needs to know of a good batch. */
export interface CheckedBatch {
  readonly position: number
  readonly lastOffset: number
  readonly maxTimestamp: number
}

export interface CheckedSegment {
  readonly path: string
  readonly baseOffset: number
  readonly batches: readonly CheckedBatch[]
  readonly recordCount: number
  readonly sizeBytes: number
  /** The offset after the last good batch. */
  readonly endOffset: number
  /** A crash tore its end: what follows is cut off by the next opening. */
  readonly torn: boolean
}

export interface SegmentCheckOptions {
  readonly files: FileSystem
  readonly path: string
  readonly baseOffset: number
  readonly problems: ProblemList
  /** Missing offsets below it were compacted away. Infinity: all may be. */
  readonly gapsAllowedBelow: number
  /** A bad end from this offset on is the torn tail of a crash: the next opening cuts it. Infinity: nowhere. */
  readonly tornTailFrom: number
  readonly onBatch: (batch: RecordBatchView) => void
}

/** Walks a `.log` file: size, magic, CRC, record structure, offsets and timestamps of every batch. */
export function checkSegmentFile(options: SegmentCheckOptions): CheckedSegment {
  const { files, path, baseOffset, problems } = options
  const file = files.open(path, 'r')
  try {
    const sizeBytes = file.size()
    const scanner = new BatchScanner(
      (into, position) => file.read(into, 0, into.length, position),
      path,
      0,
      sizeBytes,
    )
    const batches: CheckedBatch[] = []
    let recordCount = 0
    let endOffset = baseOffset
    let afterDamage = false
    let torn = false
    for (;;) {
      const position = scanner.position
      try {
        const batch = scanner.next()
        if (batch === null) break
        const problem = problemOf(batch, endOffset)
        if (problem !== null) problems.damage(path, position, problem)
        if (batch.baseOffset > endOffset && endOffset >= options.gapsAllowedBelow && !afterDamage) {
          problems.damage(path, position, `the offsets ${endOffset} to ${batch.baseOffset - 1} are missing`)
        }
        afterDamage = false
        recordCount += batch.recordCount
        endOffset = Math.max(endOffset, batch.nextOffset)
        batches.push({ position, lastOffset: batch.lastOffset, maxTimestamp: batch.maxTimestamp })
        options.onBatch(batch)
      } catch (error) {
        if (!(error instanceof CorruptRecordError)) throw error
        // What a crash tore is cut at the first bad byte; nothing behind it counts.
        if (endOffset >= options.tornTailFrom) {
          torn = true
          problems.repairable(path, position, `torn tail of ${sizeBytes - position} bytes: ${error.problem}`)
          break
        }
        problems.damage(path, position, error.problem)
        afterDamage = true
        // With its size in doubt, there is no next batch.
        if (scanner.position === position) break
      }
    }
    return { path, baseOffset, batches, recordCount, sizeBytes, endOffset, torn }
  } finally {
    file.close()
  }
}

/** Verifies and decodes; throws CorruptRecordError. What only contradicts its surroundings is returned. */
function problemOf(batch: RecordBatchView, nextOffset: number): string | null {
  batch.verify()
  const { count, offsets, timestamps } = batch.decode()
  if (batch.baseOffset < nextOffset) {
    return `base offset ${batch.baseOffset}, although ${nextOffset} comes next`
  }
  let last = batch.baseOffset - 1
  let greatest = -1
  for (let i = 0; i < count; i++) {
    const offset = offsets[i]!
    if (offset <= last || offset > batch.lastOffset) {
      return `record ${i} has offset ${offset}, outside (${last}, ${batch.lastOffset}]`
    }
    last = offset
    if (timestamps[i]! > greatest) greatest = timestamps[i]!
  }
  if (count > 0 && greatest > batch.maxTimestamp) {
    return `a record has timestamp ${greatest}, above the batch's greatest, ${batch.maxTimestamp}`
  }
  return null
}
