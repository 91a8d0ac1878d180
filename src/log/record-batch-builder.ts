import {
  ByteWriter,
  crc32c,
  unsignedVarintSize,
  varintSize,
  varlongSize,
  writeVarint,
  writeVarlong,
} from '../common/index.js'
import * as format from './batch-format.js'
import { BATCH_HEADER_BYTES, writeInt64 } from './batch-format.js'
import { compress } from './compression.js'
import { KafkaError } from './errors.js'
import type { CompressionType, Headers, RecordBatchBuilder } from './log.js'

export interface BatchBuilderOptions {
  readonly compression?: CompressionType
  /** Room to begin with. Default 4,096. */
  readonly initialBytes?: number
  /** `appendWith` refuses larger records with MESSAGE_TOO_LARGE. Default: no bound. */
  readonly recordBytesMax?: number
}

/** What `finish` puts into the header; everything has a default. */
export interface BatchHeader {
  readonly baseOffset?: number
  readonly partitionLeaderEpoch?: number
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly transactional?: boolean
  readonly control?: boolean
  readonly timestampType?: format.TimestampType
  /** Default: the greatest of the records. With LogAppendTime: the time of every record. */
  readonly maxTimestamp?: number
}

/** A batch builder that can be turned into bytes and used again. */
export interface WireBatchBuilder extends RecordBatchBuilder {
  readonly compression: CompressionType
  /** Of the first record; -1 while empty. */
  readonly baseTimestamp: number
  /** The greatest; -1 while empty. */
  readonly maxTimestamp: number
  /** As `append`, from a range of a larger buffer. A start of -1 means null. */
  appendRanges(
    timestamp: number,
    buffer: Buffer,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
    headers?: Headers | null,
  ): void
  /**
   * The finished batch, its CRC set; an empty one is legal. The bytes belong to the caller. The builder takes no
   * more records until `reset`; calling `finish` again gives the same records under another header.
   */
  finish(header?: BatchHeader): Buffer
  /** Makes the builder empty again. */
  reset(): void
}

/** Collects records in wire form. A builder made here is what `Producer.writeBatch` takes. */
export function createBatchBuilder(options: BatchBuilderOptions = {}): WireBatchBuilder {
  const { compression = 'none', initialBytes = 4096, recordBytesMax = Number.POSITIVE_INFINITY } = options
  return new BatchBuilder(compression, Math.max(initialBytes, 256), recordBytesMax)
}

/** What a caller of `writeBatch` hands over, as what it has to be. Throws INVALID_REQUEST. */
export function wireBatchBuilder(builder: RecordBatchBuilder): WireBatchBuilder {
  if ('finish' in builder && 'reset' in builder) return builder as WireBatchBuilder
  throw new KafkaError('INVALID_REQUEST', 'writeBatch takes builders made by createBatchBuilder')
}

/** Up to this, setting bytes one by one is faster than a call. */
const SHORT_BYTES = 8
/** A finished buffer with more unused room than a quarter is copied to its size instead of handed over. */
const KEPT_SHARE = 0.75

/*
 * Invariants: `#out` holds room for the header, then whole records; between calls `#out.position` is the end of
 * the last one. `#handedOver`: the memory of `#out` belongs to somebody else, take new memory before writing.
 */
class BatchBuilder implements WireBatchBuilder {
  readonly compression: CompressionType
  recordCount = 0
  baseTimestamp = -1
  maxTimestamp = -1
  readonly #out: ByteWriter
  readonly #initialBytes: number
  readonly #recordBytesMax: number
  #handedOver = false
  // Widths of the last record's length fields: the guess for the next one.
  #lengthWidth = 1
  #keyWidth = 1
  #valueWidth = 1

  constructor(compression: CompressionType, initialBytes: number, recordBytesMax: number) {
    this.compression = compression
    this.#recordBytesMax = recordBytesMax
    this.#initialBytes = initialBytes
    this.#out = new ByteWriter(initialBytes)
    this.#out.position = BATCH_HEADER_BYTES
  }

  get sizeBytes(): number {
    return this.#out.position
  }

  append(
    timestamp: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    headers?: Headers | null,
  ): void {
    const delta = this.#timestampDelta(timestamp)
    const keyLength = key === null ? -1 : key.length
    const valueLength = value === null ? -1 : value.length
    const headersSize = headers == null || headers.length === 0 ? 1 : sizeOfHeaders(headers)
    let at = this.#begin(delta, keyLength, valueLength, headersSize)
    const buffer = this.#out.buffer
    at = writeVarint(buffer, at, keyLength)
    if (key !== null) at = copy(key, buffer, at)
    at = writeVarint(buffer, at, valueLength)
    if (value !== null) at = copy(value, buffer, at)
    this.#end(timestamp, at, headers)
  }

  appendRanges(
    timestamp: number,
    source: Buffer,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
    headers?: Headers | null,
  ): void {
    const delta = this.#timestampDelta(timestamp)
    const keyLength = keyStart < 0 ? -1 : keyEnd - keyStart
    const valueLength = valueStart < 0 ? -1 : valueEnd - valueStart
    const headersSize = headers == null || headers.length === 0 ? 1 : sizeOfHeaders(headers)
    let at = this.#begin(delta, keyLength, valueLength, headersSize)
    const buffer = this.#out.buffer
    at = writeVarint(buffer, at, keyLength)
    if (keyStart >= 0) at += source.copy(buffer, at, keyStart, keyEnd)
    at = writeVarint(buffer, at, valueLength)
    if (valueStart >= 0) at += source.copy(buffer, at, valueStart, valueEnd)
    this.#end(timestamp, at, headers)
  }

  appendWith<K, V>(
    timestamp: number,
    keySerde: { write(value: K, out: ByteWriter): void },
    key: K | null,
    valueSerde: { write(value: V, out: ByteWriter): void },
    value: V | null,
    headers?: Headers | null,
  ): void {
    const delta = this.#timestampDelta(timestamp)
    this.#takeMemory()
    const out = this.#out
    const start = out.position
    try {
      // Sizes are known only afterwards: leave room as the last record needed, and move the bytes where it differs.
      out.reserve(24)
      out.position = start + this.#lengthWidth
      out.buffer[out.position++] = 0
      out.position = writeVarlong(out.buffer, out.position, delta)
      out.position = writeVarint(out.buffer, out.position, this.recordCount)
      this.#keyWidth = writeSized(out, keySerde, key, this.#keyWidth)
      this.#valueWidth = writeSized(out, valueSerde, value, this.#valueWidth)
      out.reserve(headers == null || headers.length === 0 ? 8 : 8 + sizeOfHeaders(headers))
      out.position = writeHeaders(out.buffer, out.position, headers)
      this.#lengthWidth = closeGap(out, start, this.#lengthWidth)
      if (out.position - start > this.#recordBytesMax)
        throw tooLarge(out.position - start, this.#recordBytesMax)
    } catch (error) {
      out.position = start
      throw error
    }
    this.#count(timestamp)
  }

  finish(header: BatchHeader = {}): Buffer {
    const plain = this.#out.buffer.subarray(0, this.#out.position)
    const batch = this.compression === 'none' ? this.#handOver(plain) : this.#compressed(plain)
    batch.writeInt32BE(batch.length - format.BATCH_OVERHEAD_BYTES, format.LENGTH_AT)
    batch[format.MAGIC_AT] = format.MAGIC
    writeBatchHeader(batch, header, {
      codec: format.compressionTypes.indexOf(this.compression),
      baseTimestamp: this.baseTimestamp,
      maxTimestamp: this.maxTimestamp,
      recordCount: this.recordCount,
      lastOffsetDelta: Math.max(0, this.recordCount - 1),
    })
    return batch
  }

  reset(): void {
    this.recordCount = 0
    this.baseTimestamp = -1
    this.maxTimestamp = -1
    this.#out.position = BATCH_HEADER_BYTES
  }

  #timestampDelta(timestamp: number): number {
    if (!Number.isSafeInteger(timestamp)) {
      throw new KafkaError('INVALID_TIMESTAMP', `a timestamp is a whole number of ms, not ${timestamp}`)
    }
    return this.recordCount === 0 ? 0 : timestamp - this.baseTimestamp
  }

  /** Writes everything before the key's length; returns the position after it, with room for the whole record. */
  #begin(delta: number, keyLength: number, valueLength: number, headersSize: number): number {
    this.#takeMemory()
    const offsetDelta = this.recordCount
    const bodySize =
      1 +
      varlongSize(delta) +
      varintSize(offsetDelta) +
      varintSize(keyLength) +
      Math.max(keyLength, 0) +
      varintSize(valueLength) +
      Math.max(valueLength, 0) +
      headersSize
    const buffer = this.#out.reserve(bodySize + 5)
    let at = writeVarint(buffer, this.#out.position, bodySize)
    buffer[at++] = 0
    at = writeVarlong(buffer, at, delta)
    return writeVarint(buffer, at, offsetDelta)
  }

  #end(timestamp: number, position: number, headers: Headers | null | undefined): void {
    this.#out.position = writeHeaders(this.#out.buffer, position, headers)
    this.#count(timestamp)
  }

  #count(timestamp: number): void {
    if (this.recordCount++ === 0) {
      this.baseTimestamp = timestamp
      this.maxTimestamp = timestamp
    } else if (timestamp > this.maxTimestamp) this.maxTimestamp = timestamp
  }

  #takeMemory(): void {
    if (!this.#handedOver) return
    const { position, buffer } = this.#out
    const fresh = Buffer.allocUnsafe(Math.max(this.#initialBytes, position * 2))
    if (position > BATCH_HEADER_BYTES) buffer.copy(fresh, BATCH_HEADER_BYTES, BATCH_HEADER_BYTES, position)
    this.#out.buffer = fresh
    this.#handedOver = false
  }

  #handOver(plain: Buffer): Buffer {
    if (this.#handedOver || plain.length < this.#out.buffer.length * KEPT_SHARE) return Buffer.from(plain)
    this.#handedOver = true
    return plain
  }

  #compressed(plain: Buffer): Buffer {
    const records = compress(this.compression, plain.subarray(BATCH_HEADER_BYTES))
    const batch = Buffer.allocUnsafe(BATCH_HEADER_BYTES + records.length)
    batch.set(records, BATCH_HEADER_BYTES)
    return batch
  }
}

/** Writes all header fields but length and magic, then the CRC. */
export function writeBatchHeader(
  batch: Buffer,
  header: BatchHeader,
  content: {
    codec: number
    baseTimestamp: number
    maxTimestamp: number
    recordCount: number
    lastOffsetDelta: number
    deleteHorizon?: boolean
  },
): void {
  const attributes =
    content.codec |
    (header.timestampType === 'LogAppendTime' ? format.LOG_APPEND_TIME_BIT : 0) |
    (header.transactional ? format.TRANSACTIONAL_BIT : 0) |
    (header.control ? format.CONTROL_BIT : 0) |
    (content.deleteHorizon ? format.DELETE_HORIZON_BIT : 0)
  writeInt64(batch, header.baseOffset ?? 0, 0)
  batch.writeInt32BE(header.partitionLeaderEpoch ?? -1, format.LEADER_EPOCH_AT)
  batch.writeInt16BE(attributes, format.ATTRIBUTES_AT)
  batch.writeInt32BE(content.lastOffsetDelta, format.LAST_OFFSET_DELTA_AT)
  writeInt64(batch, content.baseTimestamp, format.BASE_TIMESTAMP_AT)
  writeInt64(batch, header.maxTimestamp ?? content.maxTimestamp, format.MAX_TIMESTAMP_AT)
  writeInt64(batch, header.producerId ?? -1, format.PRODUCER_ID_AT)
  batch.writeInt16BE(header.producerEpoch ?? -1, format.PRODUCER_EPOCH_AT)
  batch.writeInt32BE(header.baseSequence ?? -1, format.BASE_SEQUENCE_AT)
  batch.writeInt32BE(content.recordCount, format.RECORD_COUNT_AT)
  batch.writeUInt32BE(crc32c(batch, format.ATTRIBUTES_AT, batch.length), format.CRC_AT)
}

/** Writes length and bytes of a value, with `guess` bytes for the length; returns the width it took. */
function writeSized<T>(
  out: ByteWriter,
  serde: { write(value: T, out: ByteWriter): void },
  value: T | null,
  guess: number,
): number {
  if (value === null) {
    out.reserve(1)[out.position++] = 0x01
    return guess
  }
  const start = out.position
  out.reserve(guess)
  out.position = start + guess
  serde.write(value, out)
  return closeGap(out, start, guess)
}

/**
 * Sets the length of what lies in `[start + guess, position)` as a varint at `start`, moving the bytes where it
 * needs another width. Returns that width.
 */
function closeGap(out: ByteWriter, start: number, guess: number): number {
  const length = out.position - start - guess
  const width = unsignedVarintSize(length * 2)
  if (width !== guess) {
    out.reserve(5)
    out.buffer.copyWithin(start + width, start + guess, out.position)
    out.position += width - guess
  }
  writeVarint(out.buffer, start, length)
  return width
}

function copy(bytes: Uint8Array, into: Buffer, at: number): number {
  const length = bytes.length
  if (length > SHORT_BYTES) into.set(bytes, at)
  else for (let i = 0; i < length; i++) into[at + i] = bytes[i]!
  return at + length
}

function sizeOfHeaders(headers: Headers): number {
  let size = varintSize(headers.length)
  for (const { key, value } of headers) {
    const keyLength = Buffer.byteLength(key)
    size += varintSize(keyLength) + keyLength
    size += value === null ? 1 : varintSize(value.length) + value.length
  }
  return size
}

/** Returns the position after them. Room for `sizeOfHeaders` bytes must be there. */
function writeHeaders(buffer: Buffer, position: number, headers: Headers | null | undefined): number {
  let at = position
  if (headers == null || headers.length === 0) {
    buffer[at++] = 0
    return at
  }
  at = writeVarint(buffer, at, headers.length)
  for (const { key, value } of headers) {
    const keyLength = Buffer.byteLength(key)
    at = writeVarint(buffer, at, keyLength)
    at += buffer.write(key, at, 'utf8')
    at = writeVarint(buffer, at, value === null ? -1 : value.length)
    if (value !== null) at = copy(value, buffer, at)
  }
  return at
}

function tooLarge(bytes: number, max: number): KafkaError {
  return new KafkaError('MESSAGE_TOO_LARGE', `a record of ${bytes} bytes is larger than ${max}`)
}
