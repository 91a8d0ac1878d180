import type { ByteWriter } from '../../common/index.js'
import { SerializationError } from '../../serde/index.js'
import type { ScalarName } from '../schema-registry/protobuf-schema.js'
import {
  type BinaryCursor,
  normal,
  readLength,
  readVarint32,
  readVarint64,
  signed64,
  take,
  unzigzag,
  writeDoubleLE,
  writeFloatLE,
  writeSigned64,
  writeVarint64,
  writeZigzag,
} from './binary-cursor.js'
import type { SqlValue } from './row-class.js'

/* Protobuf's scalar types: how each lies in the bytes. */

/** What follows a tag: a varint, 8 bytes, a length and that many bytes, or 4 bytes. */
export const wireTypes = { varint: 0, bits64: 1, delimited: 2, bits32: 5 } as const

export interface Scalar {
  readonly wireType: number
  readonly read: (cursor: BinaryCursor) => SqlValue
  readonly write: (value: NonNullable<SqlValue>, out: ByteWriter) => void
  /** What a field that is not there means. */
  readonly zero: SqlValue
}

const { varint, bits64, delimited, bits32 } = wireTypes

const integer = (value: SqlValue): number | bigint => value as number | bigint

export const scalars: Readonly<Record<ScalarName, Scalar>> = {
  bool: {
    wireType: varint,
    read: (cursor) => readVarint64(cursor) !== 0,
    write: (value, out) => out.writeByte(value === true ? 1 : 0),
    zero: false,
  },
  int32: {
    wireType: varint,
    read: readVarint32,
    write: (value, out) => writeSigned64(integer(value), out),
    zero: 0,
  },
  uint32: {
    wireType: varint,
    read: (cursor) => readVarint32(cursor) >>> 0,
    write: (value, out) => writeVarint64(within32(value), out),
    zero: 0,
  },
  sint32: {
    wireType: varint,
    read: (cursor) => unzigzag(readVarint32(cursor) >>> 0),
    write: (value, out) => writeZigzag(integer(value), out),
    zero: 0,
  },
  int64: {
    wireType: varint,
    read: (cursor) => signed64(readVarint64(cursor)),
    write: (value, out) => writeSigned64(integer(value), out),
    zero: 0,
  },
  uint64: {
    wireType: varint,
    read: (cursor) => signed64(readVarint64(cursor)),
    write: (value, out) => writeSigned64(integer(value), out),
    zero: 0,
  },
  sint64: {
    wireType: varint,
    read: (cursor) => unzigzag(readVarint64(cursor)),
    write: (value, out) => writeZigzag(integer(value), out),
    zero: 0,
  },
  fixed32: {
    wireType: bits32,
    read: (cursor) => cursor.buffer.readUInt32LE(take(cursor, 4)),
    write: (value, out) => {
      out.position = out.reserve(4).writeUInt32LE(within32(value), out.position)
    },
    zero: 0,
  },
  sfixed32: {
    wireType: bits32,
    read: (cursor) => cursor.buffer.readInt32LE(take(cursor, 4)),
    write: (value, out) => {
      out.position = out.reserve(4).writeInt32LE(value as number, out.position)
    },
    zero: 0,
  },
  fixed64: { wireType: bits64, read: readBits64, write: writeBits64, zero: 0 },
  sfixed64: { wireType: bits64, read: readBits64, write: writeBits64, zero: 0 },
  float: {
    wireType: bits32,
    read: (cursor) => cursor.buffer.readFloatLE(take(cursor, 4)),
    write: (value, out) => writeFloatLE(value as number, out),
    zero: 0,
  },
  double: {
    wireType: bits64,
    read: (cursor) => cursor.buffer.readDoubleLE(take(cursor, 8)),
    write: (value, out) => writeDoubleLE(value as number, out),
    zero: 0,
  },
  string: {
    wireType: delimited,
    read: (cursor) => {
      const length = readLength(cursor)
      const start = take(cursor, length)
      return cursor.buffer.toString('utf8', start, start + length)
    },
    write: (value, out) => writeDelimited(out, () => out.writeUtf8(value as string)),
    zero: '',
  },
  bytes: {
    wireType: delimited,
    read: (cursor) => {
      const length = readLength(cursor)
      const start = take(cursor, length)
      return Uint8Array.prototype.slice.call(cursor.buffer, start, start + length)
    },
    write: (value, out) => {
      const bytes = value as Uint8Array
      writeVarint64(bytes.length, out)
      out.writeBytes(bytes)
    },
    zero: new Uint8Array(0),
  },
}

function readBits64(cursor: BinaryCursor): number | bigint {
  return normal(cursor.buffer.readBigInt64LE(take(cursor, 8)))
}

function writeBits64(value: NonNullable<SqlValue>, out: ByteWriter): void {
  out.position = out.reserve(8).writeBigInt64LE(BigInt(integer(value)), out.position)
}

function within32(value: SqlValue): number {
  const number = Number(value)
  if (number >= 0 && number <= 0xffff_ffff) return number
  throw new SerializationError(`${value} does not fit 32 bits without a sign`)
}

/** Writes what `body` writes, after its length. */
export function writeDelimited(out: ByteWriter, body: () => void): void {
  const start = out.position
  // Most lengths take one byte; what was written is moved when it takes more.
  out.writeByte(0)
  body()
  const length = out.position - start - 1
  if (length < 0x80) {
    out.buffer[start] = length
    return
  }
  const extra = length < 0x4000 ? 1 : length < 0x20_0000 ? 2 : length < 0x1000_0000 ? 3 : 4
  out.reserve(extra)
  out.buffer.copyWithin(start + 1 + extra, start + 1, start + 1 + length)
  out.position = start
  writeVarint64(length, out)
  out.position = start + 1 + extra + length
}

/** Moves past a value whose field nobody wants. */
export function skipField(cursor: BinaryCursor, wireType: number): void {
  switch (wireType) {
    case varint:
      readVarint64(cursor)
      return
    case bits64:
      take(cursor, 8)
      return
    case delimited:
      take(cursor, readLength(cursor))
      return
    case bits32:
      take(cursor, 4)
      return
    default:
      throw new SerializationError(`unknown Protobuf wire type ${wireType}`)
  }
}
