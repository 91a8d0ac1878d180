import type { FileSystem } from '../common/index.js'
import { CompletedTransactions } from './completed-transactions.js'
import { CLEANED_SUFFIX, SWAP_SUFFIX } from './log-recovery.js'
import type { ProducerState } from './producer-state.js'
import { RecordBatchView } from './record-batch.js'
import { rewriteBatch } from './rewrite-batch.js'
import { LOG_SUFFIX, offsetName, SEGMENT_SUFFIXES, Segment, type SegmentOptions } from './segment.js'
import type { SegmentList } from './segment-list.js'
import type { TopicConfig } from './topic-config.js'

/*
 * Compaction: of each key the newest record stays, offsets never change, the active segment is never touched.
 *
 *   base      cleaned up to         end          active
 *   ├─ clean ──┼─ dirty ─────────────┼─ too young ─┼──────▶
 *
 * 1. Read the dirty part and note the newest offset of each key.
 * 2. Write all segments below `end` anew, in groups that fit one segment, without the records that a newer one of the
 *    same key replaces, those of aborted transactions, and tombstones and markers whose delete horizon has passed.
 * 3. Put each new segment in the place of its group: `.cleaned` → `.swap` → its name. A crash in between is settled
 *    by the next start.
 */

/** Keys noted in one round, to bound its memory; what is left is for the next round. */
const MAX_KEYS = 1_000_000
/** A slice of work ends after it has read this many bytes. */
export const SLICE_BYTES = 1024 * 1024

export interface CleanerContext {
  readonly files: FileSystem
  readonly directory: string
  readonly segmentOptions: (baseOffset: number) => SegmentOptions
  readonly segments: SegmentList
  readonly config: TopicConfig
  readonly producers: ProducerState
  readonly lastStableOffset: number
  /** Offsets below it were compacted before. */
  readonly cleanedUpTo: number
  readonly now: number
  /** Default 1,000,000. */
  readonly maxKeys?: number
}

/** Counts what is read, over the parts of a round. */
class Slices {
  #bytes = 0

  /** Whether a slice is over with these bytes. */
  endsWith(bytes: number): boolean {
    this.#bytes += bytes
    if (this.#bytes < SLICE_BYTES) return false
    this.#bytes = 0
    return true
  }
}

export interface CleanResult {
  readonly cleanedUpTo: number
}

/** Newest offset of each key; keys as latin1 text, one character a byte. */
type OffsetMap = Map<string, number>

/** Whether a compaction pays now: by share of dirty bytes, or because something dirty is too old. */
export function isCleanable(context: CleanerContext): boolean {
  const { config, now, segments, cleanedUpTo } = context
  const end = cleanableSegments(context)
  let clean = 0
  let dirty = 0
  let oldest = Number.POSITIVE_INFINITY
  for (let i = 0; i < end; i++) {
    const segment = segments.all[i]!
    if ((segments.all[i + 1]?.baseOffset ?? 0) <= cleanedUpTo) clean += segment.sizeBytes
    else {
      dirty += segment.sizeBytes
      if (segment.firstTimestamp >= 0) oldest = Math.min(oldest, segment.firstTimestamp)
    }
  }
  if (dirty === 0) return false
  return dirty / (clean + dirty) > config.minCleanableDirtyRatio || now - oldest > config.maxCompactionLagMs
}

/** How many segments, from the first on, may be compacted. */
function cleanableSegments({ segments, lastStableOffset, config, now }: CleanerContext): number {
  let count = 0
  for (; count < segments.count - 1; count++) {
    if (segments.all[count + 1]!.baseOffset > lastStableOffset) break
    const segment = segments.all[count]!
    if (config.minCompactionLagMs > 0 && segment.maxTimestamp > now - config.minCompactionLagMs) break
  }
  return count
}

/**
 * Where a compaction pauses: after a slice of work (null), or until something is stable: a segment with its indexes, or
 * the names in the directory.
 */
export type CleanerPause = Segment | 'directory' | null

/**
 * One round of compaction, as a generator that yields between slices of work: the caller decides when to go on, or
 * ends it with `return`. Returns null when there is nothing dirty. Between slices nobody may change the segments.
 */
export function* cleanLog(context: CleanerContext): Generator<CleanerPause, CleanResult | null> {
  const count = cleanableSegments(context)
  const { all } = context.segments
  const limit = all[count]!.baseOffset
  const from = Math.max(context.cleanedUpTo, all[0]!.baseOffset)
  if (from >= limit) return null
  // What replaces older records must not be lost after they are gone.
  for (const segment of all.slice(0, count)) yield segment
  const transactions = new CompletedTransactions(all)
  const slices = new Slices()
  const { newest, end } = yield* noteKeys(context, transactions, slices, from, limit)
  const affected = all.slice(0, count).filter((segment) => segment.baseOffset < end)
  for (const group of groupSegments(affected, context.config.segmentBytes)) {
    const groupEnd = all[all.indexOf(group.at(-1)!) + 1]!.baseOffset
    yield* cleanGroup(context, group, { newest, end, transactions, slices, groupEnd })
  }
  return { cleanedUpTo: end }
}

/** Reads [from, limit), or less where the keys become too many; `end` says up to where. */
function* noteKeys(
  context: CleanerContext,
  transactions: CompletedTransactions,
  slices: Slices,
  from: number,
  limit: number,
): Generator<null, { newest: OffsetMap; end: number }> {
  const { segments, maxKeys = MAX_KEYS } = context
  const newest: OffsetMap = new Map()
  let end = from
  for (let i = segments.indexOf(from); segments.all[i]!.baseOffset < limit; i++) {
    const segment = segments.all[i]!
    const scanner = segment.scan(segment.positionBefore(from))
    for (let batch = scanner.next(); batch !== null; batch = scanner.next()) {
      if (batch.nextOffset <= from) continue
      // A batch is noted whole or not at all; the first always is, or there would be no progress.
      if (newest.size > 0 && newest.size + batch.recordCount > maxKeys) return { newest, end }
      if (!batch.control && !transactions.isAborted(batch)) noteBatch(newest, batch, from)
      end = batch.nextOffset
      if (slices.endsWith(batch.sizeBytes)) yield null
    }
    end = segments.all[i + 1]!.baseOffset
  }
  return { newest, end }
}

function noteBatch(newest: OffsetMap, batch: RecordBatchView, from: number): void {
  const { count, buffer, offsets, keyStart, keyEnd } = batch.decode(from)
  for (let i = 0; i < count; i++) {
    if (keyStart[i]! >= 0) newest.set(keyAt(buffer, keyStart[i]!, keyEnd[i]!), offsets[i]!)
  }
}

function keyAt(buffer: Buffer, start: number, end: number): string {
  return buffer.toString('latin1', start, end)
}

/** Neighbours that together fit one segment, so that what compaction shrinks does not stay in many small files. */
function* groupSegments(segments: readonly Segment[], segmentBytes: number): Generator<Segment[]> {
  let group: Segment[] = []
  let size = 0
  for (const segment of segments) {
    const base = group[0]?.baseOffset ?? segment.baseOffset
    if (
      group.length > 0 &&
      (size + segment.sizeBytes > segmentBytes || segment.baseOffset - base > 0x7fff_ffff / 2)
    ) {
      yield group
      group = []
      size = 0
    }
    group.push(segment)
    size += segment.sizeBytes
  }
  if (group.length > 0) yield group
}

interface Round {
  /** The base of the segment after the group. */
  readonly groupEnd: number
  readonly newest: OffsetMap
  /** Records from here on are not touched. */
  readonly end: number
  readonly transactions: CompletedTransactions
  readonly slices: Slices
}

function* cleanGroup(
  context: CleanerContext,
  group: readonly Segment[],
  round: Round,
): Generator<CleanerPause, void> {
  const options = context.segmentOptions(group[0]!.baseOffset)
  const cleaned = Segment.create({ ...options, suffix: CLEANED_SUFFIX })
  let installed = false
  try {
    const goneMarkers = new Set<number>()
    for (const segment of group) {
      const scanner = segment.scan(0)
      for (let batch = scanner.next(); batch !== null; batch = scanner.next()) {
        batch.verify()
        const kept = cleanBatch(context, batch, round)
        if (kept !== null) cleaned.append(kept)
        else if (batch.control) goneMarkers.add(batch.baseOffset)
        if (round.slices.endsWith(batch.sizeBytes)) yield null
      }
      for (const entry of segment.transactions.entries()) {
        if (!goneMarkers.has(entry.lastOffset)) cleaned.transactions.append(entry)
      }
    }
    yield cleaned
    cleaned.closeFile()
    yield* install(context, group, options)
    installed = true
  } finally {
    cleaned.closeFile()
    if (!installed) cleaned.delete()
  }
}

/** The batch as it stays, rewritten where records go; null: nothing of it stays. */
function cleanBatch(context: CleanerContext, batch: RecordBatchView, round: Round): RecordBatchView | null {
  const { transactions, newest, end } = round
  const { now, config } = context
  if (batch.baseOffset >= end) return batch
  const horizon = batch.deleteHorizonMs
  const horizonPassed = horizon !== null && horizon <= now
  const emptyTransaction = transactions.observe(batch)
  const keep = new Uint8Array(batch.recordCount)
  let tombstones = false
  let kept = 0
  if (batch.control) {
    if (!(emptyTransaction && horizonPassed)) kept = keep.fill(1).length
  } else if (!transactions.isAborted(batch)) {
    const { count, buffer, offsets, keyStart, keyEnd, valueStart } = batch.decode()
    for (let i = 0; i < count; i++) {
      const offset = offsets[i]!
      const newestOffset =
        keyStart[i]! < 0 ? Number.POSITIVE_INFINITY : newest.get(keyAt(buffer, keyStart[i]!, keyEnd[i]!))
      const tombstone = valueStart[i]! < 0
      if (offset < end && newestOffset !== undefined && newestOffset > offset) continue
      if (tombstone && horizonPassed) continue
      keep[i] = 1
      kept++
      tombstones ||= tombstone
    }
  }
  if (kept === 0 && !mustStayEmpty(context, batch, round)) return null
  const setHorizon = horizon === null && ((batch.control && emptyTransaction && kept > 0) || tombstones)
  if (kept === keep.length && !setHorizon) return batch
  const newHorizon = setHorizon ? now + config.deleteRetentionMs : kept === 0 ? null : horizon
  const rewritten = new RecordBatchView(rewriteBatch(batch, keep, newHorizon))
  rewritten.markVerified()
  return rewritten
}

/**
 * Sequence numbers go on from the last batch of a producer, offsets from the last batch of a segment: where a segment
 * ends before the next one begins, a power cut took its end.
 */
function mustStayEmpty({ producers }: CleanerContext, batch: RecordBatchView, round: Round): boolean {
  if (batch.nextOffset === round.end || batch.nextOffset === round.groupEnd) return true
  return batch.producerId >= 0 && producers.isLastBatch(batch)
}

/**
 * Puts the cleaned segment in the place of its group, in steps that a restart can finish or undo. A failure before the
 * group is touched undoes them; a later one leaves the rest to a restart, see `hasUnfinishedSwap`.
 */
function* install(
  { files, directory, segments }: CleanerContext,
  group: readonly Segment[],
  options: SegmentOptions,
): Generator<CleanerPause, void> {
  const name = (suffix: string): string => `${directory}/${offsetName(options.baseOffset)}${suffix}`
  const suffixes = SEGMENT_SUFFIXES.filter((suffix) => files.exists(name(suffix + CLEANED_SUFFIX)))
  let ready = false
  try {
    for (const suffix of suffixes) files.rename(name(suffix + CLEANED_SUFFIX), name(suffix + SWAP_SUFFIX))
    yield 'directory'
    ready = true
  } finally {
    // One day a restart would take it for newer than the log.
    if (!ready) undoSwap(files, name)
  }
  for (const segment of group) segment.delete()
  for (const suffix of suffixes) files.rename(name(suffix + SWAP_SUFFIX), name(suffix))
  segments.replace(segments.all.indexOf(group[0]!), group.length, [Segment.existing(options)])
  yield 'directory'
}

/** Unfinished first, so that of what a crash leaves of this no index is taken for the log's. */
function undoSwap(files: FileSystem, name: (suffix: string) => string): void {
  const log = name(LOG_SUFFIX + SWAP_SUFFIX)
  if (files.exists(log)) files.rename(log, name(LOG_SUFFIX + CLEANED_SUFFIX))
  for (const suffix of SEGMENT_SUFFIXES) files.remove(name(suffix + SWAP_SUFFIX))
}

/** Whether a compaction failed half-way through its installation: only a restart may touch the log now. */
export function hasUnfinishedSwap(files: FileSystem, directory: string): boolean {
  return files.list(directory).some((name) => name.endsWith(SWAP_SUFFIX))
}
