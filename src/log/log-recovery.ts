import type { FileSystem } from '../common/index.js'
import { readTransactionMarker } from './control-record.js'
import { CorruptRecordError } from './errors.js'
import type { HeldSegments } from './held-segments.js'
import { loadSnapshot, removeSnapshot, SNAPSHOT_SUFFIX } from './producer-snapshots.js'
import { ProducerState } from './producer-state.js'
import type { RecordBatchView } from './record-batch.js'
import {
  DELETED_SUFFIX,
  LOG_SUFFIX,
  OFFSET_INDEX_SUFFIX,
  offsetName,
  Segment,
  type SegmentOptions,
  TIME_INDEX_SUFFIX,
  TRANSACTION_INDEX_SUFFIX,
} from './segment.js'

export const CLEANED_SUFFIX = '.cleaned'
export const SWAP_SUFFIX = '.swap'

/** What was cut off a log that was not closed in good order. */
export interface Truncation {
  readonly file: string
  readonly position: number
  readonly bytes: number
  readonly reason: string
}

export interface RecoveryOptions {
  readonly files: FileSystem
  readonly directory: string
  readonly indexIntervalBytes: number
  readonly heldSegments: HeldSegments
  readonly cleanShutdown: boolean
  /** Offsets below it were flushed, and so were the indexes of the segments before the one that holds it. */
  readonly recoveryPoint: number
  readonly logStartOffset: number
  readonly producerIdExpirationMs: number
  /** Producers found in the log count as seen now. */
  readonly now: number
}

export interface RecoveredLog {
  /** Ascending; at least one. */
  readonly segments: Segment[]
  readonly producers: ProducerState
  /** All records are stable. */
  readonly logEndOffset: number
  /** The segments before this base offset are stable, with their indexes. */
  readonly completeBelow: number
  readonly truncation: Truncation | null
  /** Of the producer snapshots there are, ascending. */
  readonly snapshots: number[]
}

/**
 * Brings the files of a partition into order: finishes or undoes a compaction, checks what an unclean stop may have
 * torn, cuts a torn tail, and restores the producer state. Damage below the recovery point is no torn tail: it
 * throws CorruptRecordError with file and position, and nothing is cut.
 */
export function recoverLog(options: RecoveryOptions): RecoveredLog {
  const { files, directory } = options
  settleCompaction(files, directory)
  const names = new Set(files.list(directory))
  removeOrphanedIndexes(files, directory, names)
  const bases = offsetsOf(names, LOG_SUFFIX)
  if (bases.length === 0) return startAnew(options, names)
  const segments = bases.map((baseOffset) => Segment.existing(segmentOptions(options, baseOffset)))
  const snapshots = offsetsOf(names, SNAPSHOT_SUFFIX)
  return options.cleanShutdown
    ? loadClean(options, segments, snapshots)
    : recoverUnclean(options, segments, snapshots)
}

function segmentOptions(options: RecoveryOptions, baseOffset: number): SegmentOptions {
  const { files, directory, indexIntervalBytes, heldSegments } = options
  return { files, directory, baseOffset, indexIntervalBytes, held: heldSegments }
}

/** Puts a batch of the log into the producer state and, where it ends an aborted transaction, into the index. */
export function replay(
  producers: ProducerState,
  batch: RecordBatchView,
  segment: Segment | null,
  now: number,
): void {
  if (batch.producerId < 0) return
  if (!batch.control) {
    producers.update(batch, now)
    return
  }
  const marker = readTransactionMarker(batch)
  if (marker === null) return
  const completed = producers.complete(marker, batch.baseOffset, now)
  if (completed === null || !completed.aborted || segment === null) return
  segment.transactions.append({
    producerId: completed.producerId,
    firstOffset: completed.firstOffset,
    lastOffset: completed.lastOffset,
    lastStableOffset: Math.min(producers.firstOpenOffset, batch.nextOffset),
  })
}

/** `.cleaned` is unfinished and goes. `.swap` is finished: what it replaces goes, and it takes its name. */
function settleCompaction(files: FileSystem, directory: string): void {
  const names = files.list(directory)
  const remove = (name: string): void => files.remove(`${directory}/${name}`)
  const unfinished = names.filter((n) => n.endsWith(CLEANED_SUFFIX)).map((n) => Number.parseInt(n, 10))
  const smallestUnfinished = Math.min(...unfinished)
  const swaps: string[] = []
  for (const name of names) {
    if (name.endsWith(CLEANED_SUFFIX) || name.endsWith(DELETED_SUFFIX)) remove(name)
    else if (name.endsWith(SWAP_SUFFIX)) {
      if (Number.parseInt(name, 10) >= smallestUnfinished) remove(name)
      else swaps.push(name)
    }
  }
  if (swaps.length === 0) return
  removeReplaced(files, directory, swaps)
  for (const name of swaps) {
    files.rename(`${directory}/${name}`, `${directory}/${name.slice(0, -SWAP_SUFFIX.length)}`)
  }
  files.syncDirectory(directory)
}

/** Removes the segments whose base lies in the offsets that the swap files cover. */
function removeReplaced(files: FileSystem, directory: string, swaps: readonly string[]): void {
  const logs = swaps.filter((name) => name.endsWith(LOG_SUFFIX + SWAP_SUFFIX))
  if (logs.length === 0) return
  const from = Math.min(...logs.map((name) => Number.parseInt(name, 10)))
  let to = from
  for (const name of logs) {
    const baseOffset = Number.parseInt(name, 10)
    const swap = Segment.existing({
      files,
      directory,
      baseOffset,
      indexIntervalBytes: 0,
      suffix: SWAP_SUFFIX,
    })
    const scanner = swap.scan(0, { reuseMemory: true })
    for (let batch = scanner.next(); batch !== null; batch = scanner.next())
      to = Math.max(to, batch.nextOffset)
    swap.closeFile()
  }
  for (const name of files.list(directory)) {
    const base = Number.parseInt(name, 10)
    if (swaps.includes(name) || name.endsWith(SNAPSHOT_SUFFIX)) continue
    if (base >= from && base < to) files.remove(`${directory}/${name}`)
  }
}

function removeOrphanedIndexes(files: FileSystem, directory: string, names: Set<string>): void {
  for (const name of names) {
    for (const suffix of [OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX, TRANSACTION_INDEX_SUFFIX]) {
      if (!name.endsWith(suffix) || names.has(name.slice(0, -suffix.length) + LOG_SUFFIX)) continue
      files.remove(`${directory}/${name}`)
      names.delete(name)
    }
  }
}

/** Numbers of the files with a suffix, ascending. Other names do not count. */
function offsetsOf(names: Iterable<string>, suffix: string): number[] {
  const offsets: number[] = []
  for (const name of names) {
    if (name.endsWith(suffix) && /^\d{20}$/.test(name.slice(0, -suffix.length)))
      offsets.push(Number.parseInt(name, 10))
  }
  return offsets.sort((a, b) => a - b)
}

/** No file yet: a partition that was never written to, or whose files are gone. */
function startAnew(options: RecoveryOptions, names: ReadonlySet<string>): RecoveredLog {
  const { files, directory, recoveryPoint, logStartOffset } = options
  if (recoveryPoint > logStartOffset) {
    throw new CorruptRecordError(`no segment is left, although offsets below ${recoveryPoint} were flushed`, {
      file: directory,
      position: 0,
    })
  }
  for (const offset of offsetsOf(names, SNAPSHOT_SUFFIX)) removeSnapshot(files, directory, offset)
  // The file of offset 0 appears with the first append. Any other base must not be forgotten.
  const first = Segment.create(segmentOptions(options, logStartOffset), logStartOffset === 0)
  return {
    segments: [first],
    producers: new ProducerState(),
    logEndOffset: logStartOffset,
    completeBelow: logStartOffset,
    truncation: null,
    snapshots: [],
  }
}

/** Nothing is torn: only the end of the last segment has to be found. */
function loadClean(options: RecoveryOptions, segments: Segment[], snapshots: number[]): RecoveredLog {
  const active = segments.at(-1)!
  const logEndOffset = active.findEndOffset()
  checkNothingIsMissing(options, active, logEndOffset)
  checkNothingWasAdded(options, active, logEndOffset)
  const { producers, snapshotOffset } = loadSnapshot(options, snapshots, logEndOffset)
  if (snapshotOffset < logEndOffset) {
    for (const segment of segments) replaySegment(producers, segment, segments, snapshotOffset, options.now)
  }
  producers.expire(options.now - options.producerIdExpirationMs)
  return {
    segments,
    producers,
    logEndOffset,
    completeBelow: active.baseOffset,
    truncation: null,
    snapshots,
  }
}

function recoverUnclean(options: RecoveryOptions, all: Segment[], snapshots: number[]): RecoveredLog {
  const { recoveryPoint } = options
  const from = Math.max(
    0,
    all.findLastIndex((segment) => segment.baseOffset <= recoveryPoint),
  )
  const { producers, snapshotOffset } = loadSnapshot(options, snapshots, all[from]!.baseOffset)
  for (const segment of all.slice(0, from))
    replaySegment(producers, segment, all, snapshotOffset, options.now)

  let truncation: Truncation | null = null
  let logEndOffset = all[from]!.baseOffset
  let kept = from
  for (; kept < all.length && truncation === null; kept++) {
    const segment = all[kept]!
    if (kept > from && segment.baseOffset !== logEndOffset) {
      // A power cut took the end of the segment before, and left this one.
      truncation = lostEnd(all[kept - 1]!, segment)
      break
    }
    const problem = segment.recover((batch) => {
      replay(producers, batch, segment, options.now)
      logEndOffset = batch.nextOffset
    })
    if (problem !== null) {
      // Below the recovery point everything was stable: this is damage, and cutting would hide it.
      if (logEndOffset < recoveryPoint) throw problem
      truncation = cut(segment, problem)
    }
  }
  checkNothingIsMissing(options, all[kept - 1]!, logEndOffset)
  if (logEndOffset < options.logStartOffset) return beginAtStart(options, all, snapshots)
  for (const lost of all.slice(kept)) lost.delete()
  const spent = snapshots.filter((offset) => offset > logEndOffset)
  for (const offset of spent) removeSnapshot(options.files, options.directory, offset)
  // What was cut off, here or by a recovery that was killed, must not come back with the next power cut, among what is
  // written from now on; and what is found must not go, for readers act on it.
  for (const segment of all.slice(from, kept)) segment.syncLog()
  options.files.syncDirectory(options.directory)
  producers.expire(options.now - options.producerIdExpirationMs)
  return {
    segments: all.slice(0, kept),
    producers,
    logEndOffset,
    completeBelow: all[from]!.baseOffset,
    truncation,
    snapshots: snapshots.filter((offset) => offset <= logEndOffset),
  }
}

/** A power cut took even what had been deleted since: as in Kafka, none of those offsets is given again. */
function beginAtStart(options: RecoveryOptions, all: readonly Segment[], snapshots: number[]): RecoveredLog {
  // The last first: a start that finds some of them left does the same again.
  for (const segment of [...all].reverse()) segment.delete()
  const anew = startAnew(options, new Set(snapshots.map((offset) => offsetName(offset) + SNAPSHOT_SUFFIX)))
  options.files.syncDirectory(options.directory)
  return anew
}

function lostEnd(before: Segment, next: Segment): Truncation {
  const reason = `the end is lost: the segment after it begins at offset ${next.baseOffset}`
  return { file: before.path, position: before.sizeBytes, bytes: 0, reason }
}

function cut(segment: Segment, problem: CorruptRecordError): Truncation {
  const position = segment.sizeBytes
  const bytes = segment.fileSize() - position
  segment.truncateToSize()
  return { file: segment.path, position, bytes, reason: problem.message }
}

/** A clean stop writes down where the log ends. Without that, the last batch is believed. */
function checkNothingWasAdded({ recoveryPoint }: RecoveryOptions, last: Segment, logEndOffset: number): void {
  if (recoveryPoint === 0 || logEndOffset === recoveryPoint) return
  throw new CorruptRecordError(
    `the log ends at offset ${logEndOffset}, although it was closed at ${recoveryPoint}`,
    {
      file: last.path,
      position: last.offsetIndex.lastPosition,
    },
  )
}

function checkNothingIsMissing(options: RecoveryOptions, last: Segment, logEndOffset: number): void {
  if (logEndOffset >= options.recoveryPoint) return
  throw new CorruptRecordError(
    `the log ends at offset ${logEndOffset}, although offsets below ${options.recoveryPoint} were flushed`,
    { file: last.path, position: last.sizeBytes },
  )
}

/** Replays what lies at or above the snapshot, without touching the indexes. */
function replaySegment(
  producers: ProducerState,
  segment: Segment,
  segments: readonly Segment[],
  snapshotOffset: number,
  now: number,
): void {
  const next = segments[segments.indexOf(segment) + 1]
  if (next !== undefined && next.baseOffset <= snapshotOffset) return
  const scanner = segment.scan(
    snapshotOffset <= segment.baseOffset ? 0 : segment.positionBefore(snapshotOffset),
    { reuseMemory: true },
  )
  for (let batch = scanner.next(); batch !== null; batch = scanner.next()) {
    if (batch.baseOffset >= snapshotOffset) replay(producers, batch, null, now)
  }
}
