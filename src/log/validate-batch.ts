import { crc32c } from '../common/index.js'
import * as format from './batch-format.js'
import { writeInt64 } from './batch-format.js'
import { CorruptRecordError, KafkaError } from './errors.js'
import type { CompressionType, DecodedBatch } from './log.js'
import { RecordBatchView } from './record-batch.js'
import { createBatchBuilder } from './record-batch-builder.js'
import type { TopicConfig } from './topic-config.js'

export interface ValidationContext {
  readonly config: TopicConfig
  /** For messages: topic-partition. */
  readonly place: string
  readonly now: number
  readonly trusted: boolean
  readonly allKeyed: boolean
}

/**
 * Checks a batch of a client in Kafka's order and brings it into the form that is stored: its bytes change only
 * where the topic asks for another codec or for broker time, or where the client's greatest timestamp is wrong.
 * Records are looked at one by one only where a check needs it.
 */
export function validateClientBatch(bytes: Buffer, context: ValidationContext): RecordBatchView {
  const { config, place, trusted } = context
  const batch = new RecordBatchView(bytes)
  const size = sizeOfSingleBatch(batch, place)
  if (size > config.maxMessageBytes) {
    throw new KafkaError(
      'MESSAGE_TOO_LARGE',
      `a batch of ${size} bytes for ${place} passes max.message.bytes ${config.maxMessageBytes}: ` +
        'send less at once, or raise that config of the topic',
    )
  }
  if (trusted) batch.markVerified()
  else batch.verify()
  checkHeader(batch, context)
  checkHeaderTimestamp(batch, context)

  const transcode = targetCodec(batch, config)
  const needsRecords =
    !trusted ||
    transcode !== null ||
    (config.compact && !context.allKeyed) ||
    config.timestampBeforeMaxMs < Number.MAX_SAFE_INTEGER
  const records = needsRecords ? batch.decode() : null
  if (records !== null) checkRecords(batch, records, context)
  const stored = transcode === null || records === null ? batch : recompress(batch, records, transcode)
  setTimestamps(stored, records, context)
  stored.markVerified()
  return stored
}

/** Checks that the bytes are exactly one batch; returns its size. */
export function sizeOfSingleBatch(batch: RecordBatchView, place: string): number {
  const { buffer } = batch
  if (buffer.length < format.BATCH_HEADER_BYTES) {
    throw new CorruptRecordError(`${buffer.length} bytes for ${place} are no record batch`)
  }
  const size = batch.sizeBytes
  if (size < format.BATCH_HEADER_BYTES || size > buffer.length) {
    throw new CorruptRecordError(`a batch for ${place} says it has ${size} bytes, there are ${buffer.length}`)
  }
  if (size < buffer.length) {
    throw new KafkaError('INVALID_RECORD', `more than one batch for ${place} in one append`)
  }
  return size
}

function checkHeader(batch: RecordBatchView, { place }: ValidationContext): void {
  if (batch.control)
    throw new KafkaError('INVALID_RECORD', `clients may not write control batches (${place})`)
  const count = batch.recordCount
  if (count <= 0 || batch.lastOffsetDelta + 1 !== count) {
    throw new KafkaError(
      'INVALID_RECORD',
      `a batch for ${place} counts ${count} records and a last offset delta of ${batch.lastOffsetDelta}`,
    )
  }
  if (batch.producerId >= 0 && batch.baseSequence < 0) {
    throw new KafkaError('INVALID_RECORD', `an idempotent batch for ${place} without sequence numbers`)
  }
  if (batch.timestampType !== 'CreateTime') {
    throw new KafkaError('INVALID_TIMESTAMP', `clients may not send batches with LogAppendTime (${place})`)
  }
}

function checkHeaderTimestamp(batch: RecordBatchView, { config, place, now }: ValidationContext): void {
  if (config.timestampType === 'LogAppendTime') return
  if (batch.maxTimestamp - now > config.timestampAfterMaxMs) {
    throw outOfRange(
      batch.maxTimestamp,
      place,
      `message.timestamp.after.max.ms ${config.timestampAfterMaxMs} ahead`,
    )
  }
}

function checkRecords(batch: RecordBatchView, records: DecodedBatch, context: ValidationContext): void {
  const { config, place, now } = context
  const { count, offsets, timestamps, keyStart } = records
  if (count !== batch.recordCount) throw new KafkaError('INVALID_RECORD', `negative offset deltas (${place})`)
  const base = batch.baseOffset
  const checkTime = config.timestampType === 'CreateTime'
  const earliest = now - config.timestampBeforeMaxMs
  const latest = now + config.timestampAfterMaxMs
  for (let i = 0; i < count; i++) {
    if (offsets[i]! !== base + i) {
      throw new KafkaError(
        'INVALID_RECORD',
        `record ${i} of a batch for ${place} has offset delta ${offsets[i]! - base}`,
      )
    }
    if (config.compact && keyStart[i]! < 0) {
      throw new KafkaError('INVALID_RECORD', `record ${i} has no key, but topic of ${place} is compacted`)
    }
    const timestamp = timestamps[i]!
    if (checkTime && timestamp >= 0 && (timestamp < earliest || timestamp > latest)) {
      const limit = timestamp > latest ? 'after' : 'before'
      throw outOfRange(timestamp, place, `message.timestamp.${limit}.max.ms`)
    }
  }
}

function outOfRange(timestamp: number, place: string, limit: string): KafkaError {
  return new KafkaError(
    'INVALID_TIMESTAMP',
    `timestamp ${timestamp} of a record for ${place} is beyond ${limit}`,
  )
}

/** The codec to store in; null: as it came. */
function targetCodec(batch: RecordBatchView, config: TopicConfig): CompressionType | null {
  const target = config.compressionType
  return target === 'producer' || target === batch.compression ? null : target
}

function recompress(
  batch: RecordBatchView,
  records: DecodedBatch,
  compression: CompressionType,
): RecordBatchView {
  const builder = createBatchBuilder({ compression, initialBytes: batch.sizeBytes * 2 })
  const { buffer, timestamps, keyStart, keyEnd, valueStart, valueEnd, headers } = records
  for (let i = 0; i < records.count; i++) {
    builder.appendRanges(
      timestamps[i]!,
      buffer,
      keyStart[i]!,
      keyEnd[i]!,
      valueStart[i]!,
      valueEnd[i]!,
      headers === null ? null : headers[i],
    )
  }
  const { producerId, producerEpoch, baseSequence, transactional } = batch
  return new RecordBatchView(builder.finish({ producerId, producerEpoch, baseSequence, transactional }))
}

function setTimestamps(
  batch: RecordBatchView,
  records: DecodedBatch | null,
  context: ValidationContext,
): void {
  const { buffer } = batch
  if (context.config.timestampType === 'LogAppendTime') {
    buffer.writeInt16BE(batch.attributes | format.LOG_APPEND_TIME_BIT, format.ATTRIBUTES_AT)
    writeInt64(buffer, context.now, format.MAX_TIMESTAMP_AT)
  } else {
    if (records === null) return
    let max = -1
    for (let i = 0; i < records.count; i++) if (records.timestamps[i]! > max) max = records.timestamps[i]!
    if (max === batch.maxTimestamp) return
    writeInt64(buffer, max, format.MAX_TIMESTAMP_AT)
  }
  buffer.writeUInt32BE(crc32c(buffer, format.ATTRIBUTES_AT, buffer.length), format.CRC_AT)
}
