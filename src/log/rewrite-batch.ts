import { VarintReader, varlongSize, writeVarint, writeVarlong } from '../common/index.js'
import * as format from './batch-format.js'
import { BATCH_HEADER_BYTES } from './batch-format.js'
import { compress } from './compression.js'
import type { RecordBatchView } from './record-batch.js'
import { writeBatchHeader } from './record-batch-builder.js'

/** What a record may need more than before: a longer timestamp delta, and a longer length for it. */
const REWRITE_SLACK_BYTES = 12

/**
 * The batch with only the records marked in `keep`, as compaction leaves it: offsets, sequences and producer stay,
 * base offset and last offset too. A delete horizon (ms) takes the place of the base timestamp; the timestamps of
 * the records stay right.
 */
export function rewriteBatch(
  batch: RecordBatchView,
  keep: Uint8Array,
  deleteHorizonMs: number | null,
): Buffer {
  const { section, recordCount, baseTimestamp, maxTimestamp } = filterRecords(batch, keep, deleteHorizonMs)
  const records = recordCount === 0 ? section : compress(batch.compression, section)
  const rewritten = Buffer.allocUnsafe(BATCH_HEADER_BYTES + records.length)
  rewritten.set(records, BATCH_HEADER_BYTES)
  rewritten.writeInt32BE(rewritten.length - format.BATCH_OVERHEAD_BYTES, format.LENGTH_AT)
  rewritten[format.MAGIC_AT] = format.MAGIC
  writeBatchHeader(
    rewritten,
    {
      baseOffset: batch.baseOffset,
      partitionLeaderEpoch: batch.partitionLeaderEpoch,
      producerId: batch.producerId,
      producerEpoch: batch.producerEpoch,
      baseSequence: batch.baseSequence,
      transactional: batch.transactional,
      control: batch.control,
      timestampType: batch.timestampType,
    },
    {
      codec: recordCount === 0 ? 0 : batch.attributes & format.CODEC_MASK,
      baseTimestamp,
      maxTimestamp: batch.timestampType === 'LogAppendTime' ? batch.maxTimestamp : maxTimestamp,
      recordCount,
      lastOffsetDelta: batch.lastOffsetDelta,
      deleteHorizon: deleteHorizonMs !== null,
    },
  )
  return rewritten
}

/** An empty batch without a horizon has base timestamp -1 and keeps its greatest timestamp. */
function filterRecords(batch: RecordBatchView, keep: Uint8Array, deleteHorizonMs: number | null) {
  const plain = batch.decompressRecords()
  const section = Buffer.allocUnsafe(plain.length + keep.length * REWRITE_SLACK_BYTES)
  const reader = new VarintReader(plain)
  const oldBase = batch.baseTimestamp
  let baseTimestamp = deleteHorizonMs
  let maxTimestamp = -1
  let recordCount = 0
  let at = 0
  for (let i = 0; i < keep.length; i++) {
    const end = reader.readVarint() + reader.position
    const attributes = plain[reader.position++]!
    const timestamp = oldBase + reader.readVarlong()
    if (keep[i] === 1) {
      baseTimestamp ??= timestamp
      if (timestamp > maxTimestamp) maxTimestamp = timestamp
      const delta = timestamp - baseTimestamp
      // From the offset delta on nothing changes.
      const rest = end - reader.position
      at = writeVarint(section, at, 1 + varlongSize(delta) + rest)
      section[at++] = attributes
      at = writeVarlong(section, at, delta)
      at += plain.copy(section, at, reader.position, end)
      recordCount++
    }
    reader.position = end
  }
  return {
    section: section.subarray(0, at),
    recordCount,
    baseTimestamp: baseTimestamp ?? -1,
    maxTimestamp: recordCount === 0 ? batch.maxTimestamp : maxTimestamp,
  }
}
