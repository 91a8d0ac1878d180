import type { CompressionType } from './log.js'

/*
 * Record batch, magic 2 (all integers big-endian):
 *
 *   0        8      12      16 17      21    23      27        35        43        51    53      57      61
 *   ├────────┼───────┼───────┼──┼───────┼─────┼───────┼─────────┼─────────┼─────────┼─────┼───────┼───────┼────▶
 *   baseOffset length  leader  m  crc    attr  lastOff baseTime- maxTime-  producer  prod. base    record  records
 *   int64      int32   epoch   a  uint32 int16 Delta   stamp     stamp     Id        Epoch Sequ.   count
 *                      int32   g               int32   int64     int64     int64     int16 int32   int32
 *
 * `length` counts from byte 12 on. The CRC-32C covers [21, end): base offset and leader epoch can be set without
 * it. Only the records are compressed.
 *
 * Record: varint length of what follows · int8 attributes (0) · varlong timestamp delta · varint offset delta ·
 * varint key length (-1: null) · key · varint value length (-1: null) · value · varint header count, then each
 * header: varint key length · UTF-8 key · varint value length (-1: null) · value
 */

export const BATCH_HEADER_BYTES = 61
/** Base offset and length: what is needed to find the next batch. */
export const BATCH_OVERHEAD_BYTES = 12
export const MAGIC = 2

export const LENGTH_AT = 8
export const LEADER_EPOCH_AT = 12
export const MAGIC_AT = 16
export const CRC_AT = 17
export const ATTRIBUTES_AT = 21
export const LAST_OFFSET_DELTA_AT = 23
export const BASE_TIMESTAMP_AT = 27
export const MAX_TIMESTAMP_AT = 35
export const PRODUCER_ID_AT = 43
export const PRODUCER_EPOCH_AT = 51
export const BASE_SEQUENCE_AT = 53
export const RECORD_COUNT_AT = 57

export const CODEC_MASK = 0x07
export const LOG_APPEND_TIME_BIT = 0x08
export const TRANSACTIONAL_BIT = 0x10
export const CONTROL_BIT = 0x20
export const DELETE_HORIZON_BIT = 0x40

/** By codec number. */
export const compressionTypes: readonly CompressionType[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

export type TimestampType = 'CreateTime' | 'LogAppendTime'

const TWO_32 = 0x1_0000_0000

/** A signed 64-bit integer as a number: exact while it is a safe integer. */
export function readInt64(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at) * TWO_32 + buffer.readUInt32BE(at + 4)
}

/** `value` is a safe integer. */
export function writeInt64(buffer: Buffer, value: number, at: number): void {
  const high = Math.floor(value / TWO_32)
  buffer.writeInt32BE(high, at)
  buffer.writeUInt32BE(value - high * TWO_32, at + 4)
}

/** Sequence numbers run to 2^31 - 1 and go on at 0. */
export function addToSequence(sequence: number, count: number): number {
  return (sequence + count) % 0x8000_0000
}
