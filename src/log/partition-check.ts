import type { FileSystem } from '../common/index.js'
import { readTransactionMarker } from './control-record.js'
import { checkIndexes } from './index-check.js'
import type { ProblemList } from './log-problem.js'
import { CLEANED_SUFFIX, SWAP_SUFFIX } from './log-recovery.js'
import { SNAPSHOT_SUFFIX } from './producer-snapshots.js'
import { type CompletedTransaction, ProducerState, type ProducerSummary } from './producer-state.js'
import type { RecordBatchView } from './record-batch.js'
import { DELETED_SUFFIX, LOG_SUFFIX, offsetName, SEGMENT_SUFFIXES } from './segment.js'
import { type CheckedSegment, checkSegmentFile } from './segment-check.js'
import type { AbortedTransactionEntry } from './transaction-index.js'

export interface CheckedPartition {
  readonly topic: string
  readonly partition: number
  readonly segmentCount: number
  readonly batchCount: number
  readonly recordCount: number
  readonly sizeBytes: number
  readonly startOffset: number
  readonly endOffset: number
}

export interface PartitionCheckOptions {
  readonly files: FileSystem
  readonly topic: string
  readonly partition: number
  readonly directory: string
  readonly compacted: boolean
  readonly cleanShutdown: boolean
  readonly recoveryPoint: number
  readonly logStartOffset: number
  readonly cleanedUpTo: number
  readonly problems: ProblemList
  readonly onBatch: (batch: RecordBatchView, file: string) => void
}

/** Checks all files of a partition and counts what is in them. */
export function checkPartition(options: PartitionCheckOptions): CheckedPartition {
  return new PartitionCheck(options).run()
}

class PartitionCheck {
  readonly #options: PartitionCheckOptions
  readonly #producers: ProducerState
  /** Snapshots by offset; null: the file is no snapshot. */
  readonly #snapshots: ReadonlyMap<number, ProducerState | null>
  #pending: number[]

  constructor(options: PartitionCheckOptions) {
    this.#options = options
    const { files, directory } = options
    const offsets = offsetsOf(files.list(directory), SNAPSHOT_SUFFIX)
    this.#snapshots = new Map(
      offsets.map((offset) => [
        offset,
        ProducerState.decodeSnapshot(files.readFile(this.#snapshotPath(offset))),
      ]),
    )
    // Retention took the batches of the first producers; a snapshot at the start knows them.
    const [start = 0] = offsetsOf(files.list(directory), LOG_SUFFIX)
    this.#producers = this.#snapshots.get(start) ?? new ProducerState()
    this.#pending = offsets.filter((offset) => offset > start)
  }

  run(): CheckedPartition {
    const { files, directory, problems } = this.#options
    const names = files.list(directory)
    this.#checkNames(names)
    const bases = offsetsOf(names, LOG_SUFFIX)
    const segments: CheckedSegment[] = []
    for (const [i, baseOffset] of bases.entries()) {
      const before = segments.at(-1) ?? null
      if (before !== null && this.#isCutOff(before, baseOffset)) break
      segments.push(this.#checkSegment(baseOffset, bases[i + 1] ?? null, before))
    }
    const endOffset = segments.at(-1)?.endOffset ?? this.#options.logStartOffset
    this.#checkCheckpoints(endOffset, segments.at(-1)?.path ?? directory)
    this.#compareSnapshots(endOffset, true)
    for (const offset of this.#pending) {
      const report = this.#options.cleanShutdown ? 'damage' : 'repairable'
      problems[report](this.#snapshotPath(offset), null, `lies beyond the end of the log, ${endOffset}`)
    }
    const sum = (of: (segment: CheckedSegment) => number) => segments.reduce((total, s) => total + of(s), 0)
    return {
      topic: this.#options.topic,
      partition: this.#options.partition,
      segmentCount: segments.length,
      batchCount: sum((s) => s.batches.length),
      recordCount: sum((s) => s.recordCount),
      sizeBytes: sum((s) => s.sizeBytes),
      startOffset: Math.max(this.#options.logStartOffset, bases[0] ?? 0),
      endOffset,
    }
  }

  /** After a crash, what follows a lost end goes with it. */
  #isCutOff(before: CheckedSegment, baseOffset: number): boolean {
    const { cleanShutdown, recoveryPoint, problems, directory } = this.#options
    if (cleanShutdown || before.endOffset < recoveryPoint) return false
    if (!before.torn && before.endOffset === baseOffset) return false
    const path = `${directory}/${offsetName(baseOffset)}${LOG_SUFFIX}`
    problems.repairable(path, null, `the log ends at ${before.endOffset}, before it: it is cut off`)
    return true
  }

  #checkSegment(baseOffset: number, nextBase: number | null, before: CheckedSegment | null): CheckedSegment {
    const { files, directory, problems, compacted, cleanShutdown, recoveryPoint, cleanedUpTo } = this.#options
    const path = `${directory}/${offsetName(baseOffset)}${LOG_SUFFIX}`
    const gapsAllowedBelow = compacted ? Number.POSITIVE_INFINITY : cleanedUpTo
    if (before !== null && before.endOffset > baseOffset) {
      problems.damage(
        path,
        null,
        `begins at ${baseOffset}, but ${before.path} goes up to ${before.endOffset}`,
      )
    } else if (before !== null && before.endOffset < baseOffset && before.endOffset >= gapsAllowedBelow) {
      problems.damage(
        path,
        null,
        `the offsets ${before.endOffset} to ${baseOffset - 1} before it are missing`,
      )
    }
    const aborted: AbortedTransactionEntry[] = []
    const segment = checkSegmentFile({
      files,
      path,
      baseOffset,
      problems,
      gapsAllowedBelow,
      tornTailFrom: cleanShutdown ? Number.POSITIVE_INFINITY : recoveryPoint,
      onBatch: (batch) => {
        this.#compareSnapshots(batch.baseOffset)
        const completed = this.#observe(batch)
        if (completed?.aborted === true) {
          const lastStableOffset = Math.min(this.#producers.firstOpenOffset, batch.nextOffset)
          aborted.push({ ...completed, lastStableOffset })
        }
        this.#options.onBatch(batch, path)
      },
    })
    // A restart after a crash reads all from the segment on that holds the recovery point.
    const rebuilt = !cleanShutdown && (nextBase === null || nextBase > recoveryPoint)
    checkIndexes({
      files,
      segment,
      active: nextBase === null,
      rebuilt,
      aborted,
      exact: !this.#thinned,
      problems,
    })
    return segment
  }

  #observe(batch: RecordBatchView): CompletedTransaction | null {
    if (batch.producerId < 0) return null
    if (!batch.control) {
      this.#producers.update(batch, 0)
      return null
    }
    const marker = readTransactionMarker(batch)
    return marker === null ? null : this.#producers.complete(marker, batch.baseOffset, 0)
  }

  /**
   * Compares the snapshots up to `offset` with what the log said before it. Of a compacted log only the one at the end
   * can be: it holds the last batch of each producer, not those that were the last earlier.
   */
  #compareSnapshots(offset: number, atEnd = false): void {
    while (this.#pending.length > 0 && this.#pending[0]! <= offset) {
      const at = this.#pending.shift()!
      const snapshot = this.#snapshots.get(at)
      const path = this.#snapshotPath(at)
      if (snapshot === null || snapshot === undefined) {
        this.#options.problems.repairable(path, null, 'no valid snapshot of producers; an older one is used')
        continue
      }
      if (this.#thinned && !(atEnd && at === offset)) continue
      const known = new Map(this.#producers.entries().map((entry) => [entry.producerId, entry]))
      for (const entry of snapshot.entries()) {
        const problem = difference(entry, known.get(entry.producerId), this.#thinned)
        if (problem !== null) this.#reportSnapshot(at, path, `producer ${entry.producerId}: ${problem}`)
      }
    }
  }

  /** A snapshot that a crash left above the recovery point is not used. */
  #reportSnapshot(offset: number, path: string, problem: string): void {
    const { cleanShutdown, recoveryPoint, problems } = this.#options
    if (!cleanShutdown && offset > recoveryPoint) problems.repairable(path, null, problem)
    else problems.damage(path, null, problem)
  }

  /** Whether compaction may have taken batches. */
  get #thinned(): boolean {
    return this.#options.compacted || this.#options.cleanedUpTo > 0
  }

  #checkCheckpoints(endOffset: number, file: string): void {
    const { problems, recoveryPoint, logStartOffset, cleanedUpTo, cleanShutdown } = this.#options
    if (recoveryPoint > endOffset) {
      problems.damage(
        file,
        null,
        `the log ends at ${endOffset}, although offsets below ${recoveryPoint} were flushed`,
      )
    } else if (cleanShutdown && recoveryPoint < endOffset) {
      problems.damage(
        file,
        null,
        `closed in good order, but flushed only up to ${recoveryPoint} of ${endOffset}`,
      )
    }
    if (logStartOffset > endOffset) {
      const report = cleanShutdown ? 'damage' : 'repairable'
      problems[report](file, null, `the log ends at ${endOffset}, before its start offset ${logStartOffset}`)
    }
    if (cleanedUpTo > endOffset) {
      problems.repairable(
        file,
        null,
        `compacted up to ${cleanedUpTo}, beyond the end of the log, ${endOffset}`,
      )
    }
  }

  #checkNames(names: readonly string[]): void {
    const { directory, problems } = this.#options
    const logs = new Set(names.filter((name) => name.endsWith(LOG_SUFFIX)))
    for (const name of names) {
      const path = `${directory}/${name}`
      if ([CLEANED_SUFFIX, SWAP_SUFFIX, DELETED_SUFFIX].some((suffix) => name.endsWith(suffix))) {
        problems.repairable(path, null, 'left over from a compaction or deletion that was interrupted')
        continue
      }
      const suffix = SEGMENT_SUFFIXES.find((s) => name.endsWith(s))
      if (suffix !== undefined && !logs.has(name.slice(0, -suffix.length) + LOG_SUFFIX)) {
        problems.repairable(path, null, 'an index without its log')
      }
    }
  }

  #snapshotPath(offset: number): string {
    return `${this.#options.directory}/${offsetName(offset)}${SNAPSHOT_SUFFIX}`
  }
}

/**
 * A producer the log does not show any more was compacted away, or retention took it. Compaction may also have taken the
 * marker with its newest epoch, or its last batch, for a newer one that a power cut then took.
 */
function difference(
  snapshot: ProducerSummary,
  log: ProducerSummary | undefined,
  thinned: boolean,
): string | null {
  if (log === undefined || (thinned && log.epoch < snapshot.epoch)) return null
  for (const field of ['epoch', 'lastSequence', 'lastOffset', 'transactionFirstOffset'] as const) {
    if (thinned && log.lastOffset < 0 && (field === 'lastSequence' || field === 'lastOffset')) continue
    if (snapshot[field] !== log[field])
      return `${field} is ${snapshot[field]}; by the log it is ${log[field]}`
  }
  return null
}

/** Numbers of the files with a suffix, ascending. */
function offsetsOf(names: readonly string[], suffix: string): number[] {
  return names
    .filter((name) => name.endsWith(suffix) && /^\d{20}$/.test(name.slice(0, -suffix.length)))
    .map((name) => Number.parseInt(name, 10))
}
