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
    // Length of the record.
    let byte = at < end ? buffer[at++]! : -1
    let length: number
    if (byte >= 0 && byte < 0x80) length = (byte >>> 1) ^ -(byte & 1)
    else {
      length = varintAt(batch, buffer, at - (byte < 0 ? 0 : 1), end)
      at = cursor
    }
    const recordEnd = at + length
    if (length < 6 || recordEnd > end) throw batch.corrupt(`record ${i} passes the end of the batch`)
    at++ // attributes, unused

    let timestampDelta: number
    byte = buffer[at]!
    if (byte < 0x80) {
      timestampDelta = (byte >>> 1) ^ -(byte & 1)
      at++
    } else {
      timestampDelta = varlongAt(batch, buffer, at, recordEnd)
      at = cursor
    }

    let offsetDelta: number
    byte = buffer[at]!
    if (byte < 0x80) {
      offsetDelta = (byte >>> 1) ^ -(byte & 1)
      at++
    } else {
      offsetDelta = varintAt(batch, buffer, at, recordEnd)
      at = cursor
    }

    byte = buffer[at]!
    if (byte < 0x80) {
      length = (byte >>> 1) ^ -(byte & 1)
      at++
    } else {
      length = varintAt(batch, buffer, at, recordEnd)
      at = cursor
    }
    let keyAt = -1
    let keyTo = -1
    if (length >= 0) {
      keyAt = at
      at += length
      keyTo = at
    }

    byte = at < recordEnd ? buffer[at]! : 0x80
    if (byte < 0x80) {
      length = (byte >>> 1) ^ -(byte & 1)
      at++
    } else {
      length = varintAt(batch, buffer, at, recordEnd)
      at = cursor
    }
    let valueAt = -1
    let valueTo = -1
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
  if (count < total) trim(arrays, count)
  return {
    count,
    buffer,
    offsets: arrays.offsets,
    timestamps: arrays.timestamps,
    keyStart: arrays.keyStart,
    keyEnd: arrays.keyEnd,
    valueStart: arrays.valueStart,
    valueEnd: arrays.valueEnd,
    headers,
  }
}

interface Arrays {
  offsets: Float64Array
  timestamps: Float64Array
  keyStart: Int32Array
  keyEnd: Int32Array
  valueStart: Int32Array
  valueEnd: Int32Array
}

/** One allocation for all six: 2 × 8 + 4 × 4 bytes a record. */
function allocate(count: number): Arrays {
  const memory = new ArrayBuffer(count * 32)
  return {
    offsets: new Float64Array(memory, 0, count),
    timestamps: new Float64Array(memory, count * 8, count),
    keyStart: new Int32Array(memory, count * 16, count),
    keyEnd: new Int32Array(memory, count * 20, count),
    valueStart: new Int32Array(memory, count * 24, count),
    valueEnd: new Int32Array(memory, count * 28, count),
  }
}

function trim(arrays: Arrays, count: number): void {
  arrays.offsets = arrays.offsets.subarray(0, count)
  arrays.timestamps = arrays.timestamps.subarray(0, count)
  arrays.keyStart = arrays.keyStart.subarray(0, count)
  arrays.keyEnd = arrays.keyEnd.subarray(0, count)
  arrays.valueStart = arrays.valueStart.subarray(0, count)
  arrays.valueEnd = arrays.valueEnd.subarray(0, count)
}

/** Leaves the position after the varint in `cursor`. */
function varintAt(batch: RecordBatchView, buffer: Buffer, start: number, end: number): number {
  let at = start
  let value = 0
  for (let shift = 0; shift <= 28; shift += 7) {
    if (at >= end) throw batch.corrupt('the bytes end inside a varint')
    const byte = buffer[at++]!
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) {
      cursor = at
      return (value >>> 1) ^ -(value & 1)
    }
  }
  throw batch.corrupt('a varint of more than 5 bytes')
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
