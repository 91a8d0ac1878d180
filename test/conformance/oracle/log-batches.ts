import { ATTRIBUTES_AT, LOG_APPEND_TIME_BIT } from '../../../src/log/batch-format.js'
import { readTransactionMarker } from '../../../src/log/control-record.js'
import {
  type BatchHeader,
  batchesIn,
  CorruptRecordError,
  createBatchBuilder,
  type DecodedBatch,
  type Headers,
  type RecordBatchView,
} from '../../../src/log/index.js'
import { RecordBatchView as View } from '../../../src/log/record-batch.js'
import { writeBatchHeader } from '../../../src/log/record-batch-builder.js'
import { rewriteBatch } from '../../../src/log/rewrite-batch.js'
import { firstDifference } from './difference.js'
import { bytes, same, type Vector } from './vector.js'

type Bytes = string | { readonly repeat: string; readonly times: number } | null

interface RecordEntry {
  readonly offset: number
  readonly timestamp: number
  readonly sequence: number
  readonly key: Bytes
  readonly value: Bytes
  readonly headers: readonly { readonly key: string; readonly value: Bytes }[]
  readonly control?: string
  readonly coordinatorEpoch?: number
}

interface BatchEntry {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly partitionLeaderEpoch: number
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly transactional: boolean
  readonly control: boolean
  readonly deleteHorizonMs: number | null
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly records: readonly RecordEntry[]
}

/** Reads the batches, and writes them where their bytes follow from what they say. */
export function checkBatch(vector: Vector): string | null {
  const encoded = bytes(vector.hex)
  const expected = vector.batches as readonly BatchEntry[]
  const views = batchesIn(encoded)
  const found = views.map(describeBatch)
  const difference = firstDifference(expected, found, 'batches')
  if (difference !== null || vector.exact !== true) return difference
  return same(
    'bytes',
    vector.hex,
    Buffer.concat(expected.map((batch, i) => encodeBatch(batch, views[i]!))).toString('hex'),
  )
}

function describeBatch(view: RecordBatchView): object {
  const decoded = view.decode()
  const marker = view.control ? readTransactionMarker(view) : null
  return {
    baseOffset: view.baseOffset,
    lastOffset: view.lastOffset,
    sizeInBytes: view.sizeBytes,
    partitionLeaderEpoch: view.partitionLeaderEpoch,
    magic: view.magic,
    crc: view.crc,
    compression: view.compression,
    timestampType: view.timestampType,
    transactional: view.transactional,
    control: view.control,
    deleteHorizonMs: view.deleteHorizonMs,
    baseTimestamp: view.baseTimestamp,
    maxTimestamp: view.maxTimestamp,
    producerId: view.producerId,
    producerEpoch: view.producerEpoch,
    baseSequence: view.baseSequence,
    lastSequence: view.lastSequence,
    count: view.recordCount,
    records: Array.from({ length: decoded.count }, (_, row) => ({
      offset: decoded.offsets[row],
      timestamp: decoded.timestamps[row],
      sequence: view.baseSequence < 0 ? -1 : view.baseSequence + (decoded.offsets[row]! - view.baseOffset),
      key: field(decoded, decoded.keyStart[row]!, decoded.keyEnd[row]!),
      value: field(decoded, decoded.valueStart[row]!, decoded.valueEnd[row]!),
      headers: (decoded.headers?.[row] ?? []).map(({ key, value }) => ({
        key,
        value: value === null ? null : Buffer.from(value).toString('hex'),
      })),
      ...(marker === null ? {} : { control: marker.type, coordinatorEpoch: marker.coordinatorEpoch }),
    })),
  }
}

/** Long values are written as a repetition of ten bytes. */
function field(decoded: DecodedBatch, start: number, end: number): Bytes {
  if (start < 0) return null
  const value = decoded.buffer.subarray(start, end)
  if (value.length < 10_000) return value.toString('hex')
  const repeat = value.toString('hex', 0, 10)
  const times = value.length / 10
  return Buffer.alloc(value.length, repeat, 'hex').equals(value) ? { repeat, times } : value.toString('hex')
}

function plain(value: Bytes): Buffer | null {
  if (value === null || typeof value === 'string') return value === null ? null : bytes(value)
  return bytes(value.repeat.repeat(value.times))
}

function encodeBatch(batch: BatchEntry, view: RecordBatchView): Buffer {
  const builder = createBatchBuilder()
  const times = writtenTimestamps(view)
  for (const [i, record] of batch.records.entries()) {
    const headers: Headers = record.headers.map(({ key, value }) => ({ key, value: plain(value) }))
    builder.append(times[i]!, plain(record.key), plain(record.value), headers)
  }
  const header: BatchHeader = {
    baseOffset: batch.baseOffset,
    partitionLeaderEpoch: batch.partitionLeaderEpoch,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    transactional: batch.transactional,
    control: batch.control,
    timestampType: batch.timestampType,
    maxTimestamp: batch.maxTimestamp,
  }
  const encoded = builder.finish(header)
  if (batch.deleteHorizonMs !== null) {
    // Only compaction writes a horizon, into a batch that it has read.
    const keep = new Uint8Array(batch.records.length).fill(1)
    return rewriteBatch(new View(encoded), keep, batch.deleteHorizonMs)
  }
  if (batch.records.length > 0) return encoded
  writeBatchHeader(encoded, header, {
    codec: 0,
    baseTimestamp: batch.baseTimestamp,
    maxTimestamp: batch.maxTimestamp,
    recordCount: 0,
    lastOffsetDelta: batch.lastOffset - batch.baseOffset,
  })
  return encoded
}

/** The timestamps as the producer wrote them: with LogAppendTime records still hold them, though readers see another. */
function writtenTimestamps(view: RecordBatchView): Float64Array {
  const copy = Buffer.from(view.bytes())
  copy.writeInt16BE(view.attributes & ~LOG_APPEND_TIME_BIT, ATTRIBUTES_AT)
  const plainTimes = new View(copy)
  plainTimes.markVerified()
  return plainTimes.decode().timestamps
}

export function checkInvalidBatch(vector: Vector): string | null {
  const expected = vector.error as string
  const found = errorOf(bytes(vector.hex))
  return same('error', expected, found)
}

function errorOf(encoded: Buffer): string {
  try {
    new View(encoded).decode()
    return 'none'
  } catch (error) {
    if (!(error instanceof CorruptRecordError)) return `an error of another kind: ${String(error)}`
    if (error.message.includes('incomplete')) return 'incomplete'
    return error.message.includes('CRC') ? 'crc' : 'corrupt'
  }
}
