import { ByteWriter } from '../common/index.js'
import { FieldReader, writeLong, writeString, writeTopicPartitions } from './field-codec.js'
import type { TopicPartition } from './log.js'

/*
 * The records of `__transaction_state`, byte for byte as Kafka's transaction coordinator writes them.
 *
 *   key    int16 0, string transactionalId
 *   value  int16 0, int64 producerId, int16 producerEpoch, int32 timeoutMs, int8 status,
 *          array? of {string topic, array of int32 partition}, int64 lastUpdate, int64 start
 *
 * Value version 0 is written; version 1 (the same fields in compact types, with tagged fields) is read as well.
 */

/** In the order of Kafka's status byte. */
export const transactionStatuses = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'Dead',
] as const
export type TransactionStatus = (typeof transactionStatuses)[number]

export interface TransactionValue {
  readonly producerId: number
  readonly producerEpoch: number
  readonly timeoutMs: number
  readonly status: TransactionStatus
  readonly partitions: readonly TopicPartition[]
  readonly lastUpdateMs: number
  /** -1: no transaction was begun. */
  readonly startMs: number
}

export function encodeTransactionKey(transactionalId: string): Buffer {
  const out = new ByteWriter(64)
  out.writeInt16(0)
  writeString(out, transactionalId)
  return out.toBuffer()
}

/** Null for key types that are not known. */
export function decodeTransactionKey(bytes: Uint8Array): string | null {
  const fields = new FieldReader(bytes)
  return fields.int16() === 0 ? fields.string() : null
}

export function encodeTransactionValue(value: TransactionValue): Buffer {
  const out = new ByteWriter(128)
  out.writeInt16(0)
  writeLong(out, value.producerId)
  out.writeInt16(value.producerEpoch)
  out.writeInt32(value.timeoutMs)
  out.writeByte(transactionStatuses.indexOf(value.status))
  if (value.status === 'Empty') out.writeInt32(-1)
  else writeTopicPartitions(out, value.partitions)
  writeLong(out, value.lastUpdateMs)
  writeLong(out, value.startMs)
  return out.toBuffer()
}

export function decodeTransactionValue(bytes: Uint8Array): TransactionValue {
  const fields = new FieldReader(bytes)
  const compact = fields.int16() >= 1
  const producerId = fields.long()
  const producerEpoch = fields.int16()
  const timeoutMs = fields.int32()
  const status = transactionStatuses[fields.int8()]
  if (status === undefined) throw new RangeError('unknown transaction status')
  const partitions: TopicPartition[] = []
  const readTopic = () => {
    const topic = compact ? fields.compactString() : fields.string()
    const readId = () => partitions.push({ topic, partition: fields.int32() })
    if (compact) fields.compactArray(readId)
    else fields.array(readId)
    if (compact) fields.skipTaggedFields()
  }
  if (compact) fields.compactArray(readTopic)
  else fields.array(readTopic)
  return {
    producerId,
    producerEpoch,
    timeoutMs,
    status,
    partitions,
    lastUpdateMs: fields.long(),
    startMs: fields.long(),
  }
}
