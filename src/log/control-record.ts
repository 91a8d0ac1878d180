import * as format from './batch-format.js'
import type { RecordBatchView } from './record-batch.js'
import { createBatchBuilder } from './record-batch-builder.js'

/*
 * Transaction markers: one record a batch, attributes transactional and control, not compressed.
 *
 *   key     int16 version 0, int16 type (0 ABORT, 1 COMMIT)
 *   value   int16 version 0, int32 coordinator epoch
 */

export type ControlRecordType = 'ABORT' | 'COMMIT'

export interface TransactionMarker {
  readonly type: ControlRecordType
  readonly producerId: number
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
}

/** The batch of a marker, ready for `PartitionLog.append` with origin 'coordinator'. */
export function buildTransactionMarker(marker: TransactionMarker & { readonly timestamp: number }): Buffer {
  const key = Buffer.alloc(4)
  key.writeInt16BE(marker.type === 'COMMIT' ? 1 : 0, 2)
  const value = Buffer.alloc(6)
  value.writeInt32BE(marker.coordinatorEpoch, 2)
  const builder = createBatchBuilder({ initialBytes: 256 })
  builder.append(marker.timestamp, key, value)
  return builder.finish({
    producerId: marker.producerId,
    producerEpoch: marker.producerEpoch,
    transactional: true,
    control: true,
    partitionLeaderEpoch: 0,
  })
}

/** The marker in a control batch; null for types that are no transaction markers. Throws CorruptRecordError. */
export function readTransactionMarker(batch: RecordBatchView): TransactionMarker | null {
  const { count, buffer, keyStart, keyEnd, valueStart, valueEnd } = batch.decode()
  if (count === 0) return null
  const keyAt = keyStart[0]!
  if (count !== 1 || keyAt < 0 || keyEnd[0]! - keyAt < 4)
    throw batch.corrupt('a control batch without a marker')
  const type = buffer.readInt16BE(keyAt + 2)
  if (type !== 0 && type !== 1) return null
  const valueAt = valueStart[0]!
  if (valueAt < 0 || valueEnd[0]! - valueAt < 6) throw batch.corrupt('a transaction marker without a value')
  return {
    type: type === 1 ? 'COMMIT' : 'ABORT',
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    coordinatorEpoch: buffer.readInt32BE(valueAt + 2),
  }
}

/** Whether a batch takes part in a transaction that a marker may end. */
export function isTransactionalData(batch: RecordBatchView): boolean {
  return (batch.attributes & (format.TRANSACTIONAL_BIT | format.CONTROL_BIT)) === format.TRANSACTIONAL_BIT
}
