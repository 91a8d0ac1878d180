import type { ByteWriter } from '../../common/index.js'
import { SerializationError } from '../../serde/index.js'

/* Numbers of Avro and Protobuf: variable-length integers of up to 64 bits, and fixed ones with the low byte first. */

export interface BinaryCursor {
  buffer: Buffer
  position: number
  end: number
}

export function atEnd(): SerializationError {
  return new SerializationError('the bytes end inside a value')
}

/** Moves past `length` bytes and returns where they began. */
export function take(cursor: BinaryCursor, length: number): number {
  const start = cursor.position
  if (length < 0 || start + length > cursor.end) throw atEnd()
  cursor.position = start + length
  return start
}

/** The low 32 bits of a varint, signed. */
export function readVarint32(cursor: BinaryCursor): number {
  const { buffer, end } = cursor
  let value = 0
  let shift = 0
  let position = cursor.position
  while (position < end) {
    const byte = buffer[position++]!
    if (shift < 32) value |= (byte & 0x7f) << shift
    if (byte < 0x80) {
      cursor.position = position
      return value
    }
    shift += 7
    if (shift > 63) break
  }
  throw shift > 63 ? new SerializationError('a varint of more than 10 bytes') : atEnd()
}

/** A varint of 64 bits, not signed: a number while it is safe, a bigint beyond. */
export function readVarint64(cursor: BinaryCursor): number | bigint {
  const { buffer, end } = cursor
  let value = 0
  let factor = 1
  const start = cursor.position
  for (let position = start; position < end; position++) {
    const byte = buffer[position]!
    if (position - start === 7) return readLargeVarint(cursor)
    value += (byte & 0x7f) * factor
    if (byte < 0x80) {
      cursor.position = position + 1
      return value
    }
    factor *= 128
  }
  throw atEnd()
}

function readLargeVarint(cursor: BinaryCursor): number | bigint {
  const { buffer, end } = cursor
  let value = 0n
  let shift = 0n
  for (let position = cursor.position; position < end; position++) {
    const byte = buffer[position]!
    value |= BigInt(byte & 0x7f) << shift
    if (byte < 0x80) {
      cursor.position = position + 1
      return normal(BigInt.asUintN(64, value))
    }
    shift += 7n
    if (shift > 63n) throw new SerializationError('a varint of more than 10 bytes')
  }
  throw atEnd()
}

/** A bigint that would be safe as a number becomes one. */
export function normal(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

export function unzigzag(value: number | bigint): number | bigint {
  if (typeof value === 'bigint') return normal((value >> 1n) ^ -(value & 1n))
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

/** Of unsigned 64 bits to signed. */
export function signed64(value: number | bigint): number | bigint {
  return typeof value === 'bigint' ? normal(BigInt.asIntN(64, value)) : value
}

export function readZigzag(cursor: BinaryCursor): number | bigint {
  return unzigzag(readVarint64(cursor))
}

/** Lengths and counts. */
export function readLength(cursor: BinaryCursor): number {
  const length = readVarint64(cursor)
  if (typeof length === 'bigint' || length > cursor.end - cursor.position) throw atEnd()
  return length
}

/** @param value not negative and safe, or a bigint of 64 bits without sign */
export function writeVarint64(value: number | bigint, out: ByteWriter): void {
  const buffer = out.reserve(10)
  let position = out.position
  if (typeof value === 'number') {
    let rest = value
    while (rest >= 0x8000_0000) {
      buffer[position++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    while (rest >= 0x80) {
      buffer[position++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    buffer[position++] = rest
  } else {
    let rest = value
    while (rest >= 0x80n) {
      buffer[position++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    buffer[position++] = Number(rest)
  }
  out.position = position
}

const zigzagSafe = 2 ** 52

export function writeZigzag(value: number | bigint, out: ByteWriter): void {
  if (typeof value === 'number' && value < zigzagSafe && value >= -zigzagSafe) {
    writeVarint64(value >= 0 ? value * 2 : -value * 2 - 1, out)
  } else {
    const big = BigInt(value)
    writeVarint64(BigInt.asUintN(64, (big << 1n) ^ (big >> 63n)), out)
  }
}

/** Two's complement, so that negative numbers take 10 bytes. */
export function writeSigned64(value: number | bigint, out: ByteWriter): void {
  writeVarint64(typeof value === 'number' && value >= 0 ? value : BigInt.asUintN(64, BigInt(value)), out)
}

export function writeDoubleLE(value: number, out: ByteWriter): void {
  out.position = out.reserve(8).writeDoubleLE(value, out.position)
}

export function writeFloatLE(value: number, out: ByteWriter): void {
  out.position = out.reserve(4).writeFloatLE(value, out.position)
}
