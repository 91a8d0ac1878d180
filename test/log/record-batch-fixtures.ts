import { crc32c } from '../../src/common/index.js'
import { createBatchBuilder } from '../../src/log/index.js'

export {
  batchesIn,
  type CompressionType,
  CorruptRecordError,
  createBatchBuilder,
  type DecodedBatch,
  type Headers,
  KafkaError,
  RecordBatchView,
} from '../../src/log/index.js'

/** A batch whose record section is anything, with a right size and CRC. */
export function serializeBatch(section: Uint8Array, recordCount: number): Buffer {
  const header = createBatchBuilder().finish()
  const batch = Buffer.concat([header, section])
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeInt32BE(recordCount - 1, 23)
  batch.writeInt32BE(recordCount, 57)
  batch.writeUInt32BE(crc32c(batch, 21), 17)
  return batch
}

/** A batch of `values` with keys k0, k1 … and timestamps from `timestamp` on. */
export function batchOf(
  values: readonly string[],
  options: {
    timestamp?: number
    producerId?: number
    producerEpoch?: number
    baseSequence?: number
    transactional?: boolean
  } = {},
): Buffer {
  const builder = createBatchBuilder()
  const { timestamp = 1000, ...header } = options
  for (const [i, value] of values.entries())
    builder.append(timestamp + i, Buffer.from(`k${i}`), Buffer.from(value))
  return builder.finish(header)
}
