import type { DecodedBatch, Header } from './log.js'
import type { RecordBatchView } from './record-batch.js'

/*
 * The hot loop of reading: varints are read in line, nothing is allocated per record (but headers, which are rare).
 */

/** Where the last slow-path read ended. Module state instead of an object per record; the loop is synchronous. */
let cursor = 0

/** Reads the records in `buffer[start, end)` that lie at or above `fromOffset`. Throws CorruptRecordError. */
export function decodeRecords(
  batch: RecordBatchView,
  buffer: Buffer,
  start: number,
  end: number,
  fromOffset: number,
): DecodedBatch {
  const total = batch.recordCount
  // The smallest record has 7 bytes: a damaged count must not make us allocate.
  if (total * 7 > end - start) throw batch.corrupt(`${total} records do not fit ${end - start} bytes`)
  const arrays = allocate(total)
  const { offsets, timestamps, keyStart, keyEnd, valueStart, valueEnd } = arrays
  const baseOffset = batch.baseOffset
  const logAppendTime = batch.timestampType === 'LogAppendTime'
  const baseTimestamp = logAppendTime ? batch.maxTimestamp : batch.baseTimestamp
  let headers: (readonly Header[] | null)[] | null = null
  let count = 0
  let at = start
  for (let i = 0; i < total; i++) {
    // Varints of one and two bytes are nearly all there are; longer ones take the slow path.
    if (at + 1 >= end) throw batch.corrupt(`record ${i} passes the end of the batch`)
    let raw = buffer[at]!
    let next = 0
    if (raw < 0x80) at++
    else if ((next = buffer[at + 1]!) < 0x80) {
      raw = (raw & 0x7f) | (next << 7)
      at += 2
    } else {
      raw = rawVarintAt(batch, buffer, at, end)
      at = cursor
    }
    const recordEnd = at + ((raw >>> 1) ^ -(raw & 1))
    // Below: no read of one or two bytes passes `recordEnd` by more than it is checked for in the end.
    if (recordEnd - at < 6 || recordEnd > end) throw batch.corrupt(`record ${i} passes the end of the batch`)
    at++ // attributes, unused

    let timestampDelta: number
    raw = buffer[at]!
    if (raw < 0x80) {
      timestampDelta = (raw >>> 1) ^ -(raw & 1)
      at++
    } else if ((next = buffer[at + 1]!) < 0x80) {
      raw = (raw & 0x7f) | (next << 7)
      timestampDelta = (raw >>> 1) ^ -(raw & 1)
      at += 2
    } else {
      timestampDelta = varlongAt(batch, buffer, at, recordEnd)
      at = cursor
    }

    raw = buffer[at]!
    if (raw < 0x80) at++
    else if ((next = buffer[at + 1]!) < 0x80) {
      raw = (raw & 0x7f) | (next << 7)
      at += 2
    } else {
      raw = rawVarintAt(batch, buffer, at, recordEnd)
      at = cursor
    }
    const offsetDelta = (raw >>> 1) ^ -(raw & 1)

    if (at >= recordEnd) throw batch.corrupt(`record ${i} passes its own end`)
    raw = buffer[at]!
    if (raw < 0x80) at++
    else if (at + 1 < recordEnd && (next = buffer[at + 1]!) < 0x80) {
      raw = (raw & 0x7f) | (next << 7)
      at += 2
    } else {
      raw = rawVarintAt(batch, buffer, at, recordEnd)
      at = cursor
    }
    let keyAt = -1
    let keyTo = -1
    let length = (raw >>> 1) ^ -(raw & 1)
    if (length >= 0) {
      keyAt = at
      at += length
      keyTo = at
    }

    if (at >= recordEnd) throw batch.corrupt(`the key of record ${i} passes its end`)
    raw = buffer[at]!
    if (raw < 0x80) at++
    else if (at + 1 < recordEnd && (next = buffer[at + 1]!) < 0x80) {
      raw = (raw & 0x7f) | (next << 7)
      at += 2
    } else {
      raw = rawVarintAt(batch, buffer, at, recordEnd)
      at = cursor
    }
    let valueAt = -1
    let valueTo = -1
    length = (raw >>> 1) ^ -(raw & 1)
    if (length >= 0) {
      valueAt = at
      at += length
      valueTo = at
    }
    if (at >= recordEnd) throw batch.corrupt(`key and value of record ${i} pass its end`)

    const wanted = baseOffset + offsetDelta >= fromOffset
    if (buffer[at] === 0) at++
    else {
      const read = readHeaders(batch, buffer, at, recordEnd)
      at = cursor
      if (wanted) {
        headers ??= new Array<null>(count).fill(null)
        headers.push(read)
      }
    }
    if (at !== recordEnd)
      throw batch.corrupt(`record ${i} is ${at - recordEnd} bytes off its declared length`)
    if (!wanted) continue
    if (headers !== null && headers.length === count) headers.push(null)
    offsets[count] = baseOffset + offsetDelta
    timestamps[count] = logAppendTime ? baseTimestamp : baseTimestamp + timestampDelta
    keyStart[count] = keyAt
    keyEnd[count] = keyTo
    valueStart[count] = valueAt
    valueEnd[count] = valueTo
    count++
  }
  if (at !== end) throw batch.corrupt(`${end - at} bytes follow the declared ${total} records`)
  const found = count < total ? trimmed(arrays, count) : arrays
  return {
    count,
    buffer,
    offsets: found.offsets,
    timestamps: found.timestamps,
    keyStart: found.keyStart,
    keyEnd: found.keyEnd,
    valueStart: found.valueStart,
    valueEnd: found.valueEnd,
    headers,
  }
}

type Arrays = Pick<DecodedBatch, 'offsets' | 'timestamps' | 'keyStart' | 'keyEnd' | 'valueStart' | 'valueEnd'>

/** 2 × 8 + 4 × 4 bytes a record. */
const BYTES_PER_RECORD = 32
/** Below what the C library fetches fresh from the system: that memory would have to be touched first. */
const SLAB_BYTES = 64 * 1024

/** Memory for the arrays of the next batches: several share one ArrayBuffer, for each costs as much as many records. */
let slab = new ArrayBuffer(0)
let slabUsed = 0

/** Arrays that were given back, the newest last. */
const spare: Arrays[] = []
const SPARE_MAX = 64

/** Takes the arrays of a batch back: the next batch with as many records is decoded into them. */
export function recycleArrays(decoded: DecodedBatch): void {
  if (spare.length === SPARE_MAX) return
  const { offsets, timestamps, keyStart, keyEnd, valueStart, valueEnd } = decoded
  spare.push({ offsets, timestamps, keyStart, keyEnd, valueStart, valueEnd })
}

function allocate(count: number): Arrays {
  // Batches of a topic mostly have as many records as the one before; arrays of another size are let go.
  const reused = spare.pop()
  if (reused !== undefined && reused.offsets.length === count) return reused
  const bytes = count * BYTES_PER_RECORD
  let memory = slab
  let at = slabUsed
  if (at + bytes <= slab.byteLength) slabUsed += bytes
  else {
    // Not cleared: what is read of it was written before.
    memory = Buffer.allocUnsafeSlow(Math.max(bytes, SLAB_BYTES)).buffer as ArrayBuffer
    at = 0
    if (bytes < SLAB_BYTES) {
      slab = memory
      slabUsed = bytes
    }
  }
  const wide = count * 8
  const narrow = count * 4
  return {
    offsets: new Float64Array(memory, at, count),
    timestamps: new Float64Array(memory, (at += wide), count),
    keyStart: new Int32Array(memory, (at += wide), count),
    keyEnd: new Int32Array(memory, (at += narrow), count),
    valueStart: new Int32Array(memory, (at += narrow), count),
    valueEnd: new Int32Array(memory, at + narrow, count),
  }
}

function trimmed(arrays: Arrays, count: number): Arrays {
  return {
    offsets: arrays.offsets.subarray(0, count),
    timestamps: arrays.timestamps.subarray(0, count),
    keyStart: arrays.keyStart.subarray(0, count),
    keyEnd: arrays.keyEnd.subarray(0, count),
    valueStart: arrays.valueStart.subarray(0, count),
    valueEnd: arrays.valueEnd.subarray(0, count),
  }
}

/** Without undoing the zigzag. Leaves the position after the varint in `cursor`. */
function rawVarintAt(batch: RecordBatchView, buffer: Buffer, start: number, end: number): number {
  let at = start
  let value = 0
  for (let shift = 0; shift <= 28; shift += 7) {
    if (at >= end) throw batch.corrupt('the bytes end inside a varint')
    const byte = buffer[at++]!
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) {
      cursor = at
      return value
    }
  }
  throw batch.corrupt('a varint of more than 5 bytes')
}

function varintAt(batch: RecordBatchView, buffer: Buffer, start: number, end: number): number {
  const raw = rawVarintAt(batch, buffer, start, end)
  return (raw >>> 1) ^ -(raw & 1)
}

/** Leaves the position after the varlong in `cursor`. */
function varlongAt(batch: RecordBatchView, buffer: Buffer, start: number, end: number): number {
  let at = start
  let byte = buffer[at++]!
  const negative = (byte & 1) === 1
  let value = (byte & 0x7f) >> 1
  for (let factor = 64; byte >= 0x80; factor *= 128) {
    if (at >= end || at - start >= 10) throw batch.corrupt('a varlong that does not end')
    byte = buffer[at++]!
    value += (byte & 0x7f) * factor
  }
  cursor = at
  return negative ? -value - 1 : value
}

/** Leaves the position after the headers in `cursor`. */
function readHeaders(batch: RecordBatchView, buffer: Buffer, start: number, end: number): Header[] | null {
  const count = varintAt(batch, buffer, start, end)
  if (count < 0 || count > end - cursor) throw batch.corrupt(`a record with ${count} headers`)
  const headers: Header[] = []
  for (let i = 0; i < count; i++) {
    const keyLength = varintAt(batch, buffer, cursor, end)
    const keyAt = cursor
    if (keyLength < 0 || keyAt + keyLength > end)
      throw batch.corrupt('a header key passes the end of its record')
    const key = buffer.toString('utf8', keyAt, keyAt + keyLength)
    const valueLength = varintAt(batch, buffer, keyAt + keyLength, end)
    const valueAt = cursor
    if (valueLength >= 0) {
      if (valueAt + valueLength > end) throw batch.corrupt('a header value passes the end of its record')
      cursor = valueAt + valueLength
    }
    headers.push({ key, value: valueLength < 0 ? null : buffer.subarray(valueAt, valueAt + valueLength) })
  }
  return headers.length === 0 ? null : headers
}
