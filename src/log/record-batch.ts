import { crc32c, VarintReader } from '../common/index.js'
import * as format from './batch-format.js'
import { BATCH_HEADER_BYTES, readInt64 } from './batch-format.js'
import { decompress } from './compression.js'
import { decodeRecords } from './decode-records.js'
import { CorruptRecordError } from './errors.js'
import type { CompressionType, DecodedBatch } from './log.js'
import type { ReadBuffer } from './read-buffers.js'

/**
 * A record batch where it lies in a buffer: nothing is copied or decoded until asked for.
 *
 * `buffer` holds at least the header at `position`; `verify` and `decode` need the whole batch.
 */
export class RecordBatchView {
  readonly buffer: Buffer
  readonly position: number
  /** The file the bytes came from and where the batch lies in it, for error messages. */
  file: string | undefined
  filePosition: number | undefined
  /** Where the bytes lie if they may be read over, once they are given back. */
  memory: ReadBuffer | null = null
  #verified = false

  constructor(buffer: Buffer, position = 0) {
    this.buffer = buffer
    this.position = position
  }

  get baseOffset(): number {
    return readInt64(this.buffer, this.position)
  }
  get lastOffset(): number {
    return this.baseOffset + this.lastOffsetDelta
  }
  /** The offset after the batch. */
  get nextOffset(): number {
    return this.baseOffset + this.lastOffsetDelta + 1
  }
  get lastOffsetDelta(): number {
    return this.buffer.readInt32BE(this.position + format.LAST_OFFSET_DELTA_AT)
  }
  /** Header included. */
  get sizeBytes(): number {
    return format.BATCH_OVERHEAD_BYTES + this.buffer.readInt32BE(this.position + format.LENGTH_AT)
  }
  get partitionLeaderEpoch(): number {
    return this.buffer.readInt32BE(this.position + format.LEADER_EPOCH_AT)
  }
  get magic(): number {
    return this.buffer.readInt8(this.position + format.MAGIC_AT)
  }
  get crc(): number {
    return this.buffer.readUInt32BE(this.position + format.CRC_AT)
  }
  get attributes(): number {
    return this.buffer.readInt16BE(this.position + format.ATTRIBUTES_AT)
  }
  /** Throws CorruptRecordError for a codec nobody knows. */
  get compression(): CompressionType {
    const type = format.compressionTypes[this.attributes & format.CODEC_MASK]
    if (type === undefined)
      throw this.corrupt(`unknown compression codec ${this.attributes & format.CODEC_MASK}`)
    return type
  }
  get timestampType(): format.TimestampType {
    return (this.attributes & format.LOG_APPEND_TIME_BIT) === 0 ? 'CreateTime' : 'LogAppendTime'
  }
  get transactional(): boolean {
    return (this.attributes & format.TRANSACTIONAL_BIT) !== 0
  }
  get control(): boolean {
    return (this.attributes & format.CONTROL_BIT) !== 0
  }
  /** When compaction may drop the tombstones and markers of this batch, in ms; null: not decided yet. */
  get deleteHorizonMs(): number | null {
    return (this.attributes & format.DELETE_HORIZON_BIT) === 0 ? null : this.baseTimestamp
  }
  /** What record timestamps are relative to; -1 without timestamps. */
  get baseTimestamp(): number {
    return readInt64(this.buffer, this.position + format.BASE_TIMESTAMP_AT)
  }
  get maxTimestamp(): number {
    return readInt64(this.buffer, this.position + format.MAX_TIMESTAMP_AT)
  }
  /** -1: not idempotent. */
  get producerId(): number {
    return readInt64(this.buffer, this.position + format.PRODUCER_ID_AT)
  }
  get producerEpoch(): number {
    return this.buffer.readInt16BE(this.position + format.PRODUCER_EPOCH_AT)
  }
  get baseSequence(): number {
    return this.buffer.readInt32BE(this.position + format.BASE_SEQUENCE_AT)
  }
  get lastSequence(): number {
    const base = this.baseSequence
    return base < 0 ? -1 : format.addToSequence(base, this.lastOffsetDelta)
  }
  /** Records present, fewer than the offsets covered after compaction. */
  get recordCount(): number {
    return this.buffer.readInt32BE(this.position + format.RECORD_COUNT_AT)
  }

  /** The bytes of the batch, not copied. */
  bytes(): Buffer {
    return this.buffer.subarray(this.position, this.position + this.sizeBytes)
  }

  /** Gives the memory back: neither the batch nor what was decoded from it may be used any more. */
  release(): void {
    this.memory?.unpin()
    this.memory = null
  }

  /** Says that size, magic and CRC were checked elsewhere. */
  markVerified(): void {
    this.#verified = true
  }

  /** Checks size, magic and CRC, once. Throws CorruptRecordError. */
  verify(): void {
    if (this.#verified) return
    const available = this.buffer.length - this.position
    if (available < BATCH_HEADER_BYTES)
      throw this.corrupt(`incomplete: ${available} bytes are no batch header`)
    const size = this.sizeBytes
    if (size < BATCH_HEADER_BYTES) throw this.corrupt(`a size of ${size} bytes is less than a batch header`)
    if (size > available) throw this.corrupt(`incomplete: ${available} of ${size} bytes`)
    if (this.magic !== format.MAGIC) throw this.corrupt(`magic ${this.magic} instead of 2`)
    const computed = crc32c(this.buffer, this.position + format.ATTRIBUTES_AT, this.position + size)
    if (computed !== this.crc) throw this.corrupt(`stored CRC ${this.crc}, computed CRC ${computed}`)
    if (this.recordCount < 0 || this.lastOffsetDelta < 0) throw this.corrupt('a negative count of records')
    this.#verified = true
  }

  /** Reads the records from offset `fromOffset` on into parallel arrays. Verifies first. Throws CorruptRecordError. */
  decode(fromOffset = 0): DecodedBatch {
    this.verify()
    const start = this.position + BATCH_HEADER_BYTES
    const end = this.position + this.sizeBytes
    if ((this.attributes & format.CODEC_MASK) === 0)
      return decodeRecords(this, this.buffer, start, end, fromOffset)
    const records = this.decompressRecords()
    return decodeRecords(this, records, 0, records.length, fromOffset)
  }

  /** The record section in plain form; a view of the batch where it is not compressed. */
  decompressRecords(): Buffer {
    const section = this.buffer.subarray(this.position + BATCH_HEADER_BYTES, this.position + this.sizeBytes)
    const type = this.compression
    if (type === 'none') return section
    try {
      return decompress(type, section)
    } catch (error) {
      if (error instanceof Error && 'errorCode' in error) throw error
      throw this.corrupt(`the ${type} data cannot be decompressed (${String(error)})`)
    }
  }

  /** A reader over the plain record section, for the few who look at records one by one. */
  recordReader(): VarintReader {
    return new VarintReader(this.decompressRecords())
  }

  corrupt(problem: string): CorruptRecordError {
    return new CorruptRecordError(problem, { file: this.file, position: this.filePosition })
  }
}

/**
 * The complete batches in `buffer[start, end)`, not verified. Stops before an incomplete one at the end; a size
 * that no batch can have throws CorruptRecordError.
 */
export function batchesIn(buffer: Buffer, start = 0, end: number = buffer.length): RecordBatchView[] {
  const batches: RecordBatchView[] = []
  let at = start
  while (at + BATCH_HEADER_BYTES <= end) {
    const batch = new RecordBatchView(buffer, at)
    const size = batch.sizeBytes
    if (size < BATCH_HEADER_BYTES) throw batch.corrupt(`a size of ${size} bytes is less than a batch header`)
    if (at + size > end) break
    batches.push(batch)
    at += size
  }
  return batches
}
