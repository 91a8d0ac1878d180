import type { Column } from '../../../src/sql/schema.js'
import { type Json, parseExact, printExact } from '../exact-json.js'
import { decodeRegistered, encodeRegistered, registeredFormats } from './wire-registered.js'
import { type Actual, fromJson, type Side } from './wire-values.js'

/*
 * Records of the cases as bytes on topics, and back (README section 5), written apart from the engine's own formats.
 */

export function encode(value: Json, side: Side): Buffer | null {
  if (value === null || side.format === 'NONE') return null
  if (registeredFormats.has(side.format)) return encodeRegistered(value, side)
  switch (side.format) {
    case 'KAFKA':
      return encodeKafka(value, side.columns[0])
    case 'DELIMITED':
      return Buffer.from(typeof value === 'string' ? value : printExact(value))
    default:
      return Buffer.from(printExact(value))
  }
}

function encodeKafka(value: Json, column: Column | undefined): Buffer {
  const text = typeof value === 'string' ? value : printExact(value)
  switch (column?.type.kind) {
    case 'INTEGER': {
      const bytes = Buffer.alloc(4)
      bytes.writeInt32BE(Number(text))
      return bytes
    }
    case 'BIGINT':
      return int64(BigInt(text))
    case 'DOUBLE': {
      const bytes = Buffer.alloc(8)
      bytes.writeDoubleBE(Number(text))
      return bytes
    }
    default:
      return Buffer.from(text)
  }
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}

/** The bytes of a windowed key. */
export function joinWindow(
  key: Buffer,
  window: { readonly start: number; readonly end: number; readonly type: 'time' | 'session' },
): Buffer {
  const start = int64(BigInt(window.start))
  return window.type === 'session'
    ? Buffer.concat([key, int64(BigInt(window.end)), start])
    : Buffer.concat([key, start])
}

export function splitWindow(
  bytes: Buffer,
  type: 'time' | 'session',
  sizeMs: number | null,
): { readonly key: Buffer; readonly window: { readonly start: number; readonly end: number } } {
  const start = Number(bytes.readBigInt64BE(bytes.length - 8))
  if (type === 'time') {
    return { key: bytes.subarray(0, bytes.length - 8), window: { start, end: start + (sizeMs ?? 0) } }
  }
  const end = Number(bytes.readBigInt64BE(bytes.length - 16))
  return { key: bytes.subarray(0, bytes.length - 16), window: { start, end } }
}

export function decode(bytes: Buffer | null, side: Side): Actual {
  if (bytes === null || side.format === 'NONE') return null
  if (registeredFormats.has(side.format)) return decodeRegistered(bytes, side)
  switch (side.format) {
    case 'KAFKA':
      return decodeKafka(bytes, side.columns[0])
    case 'DELIMITED':
      return bytes.toString()
    default:
      return fromJson(parseExact(bytes.toString()))
  }
}

function decodeKafka(bytes: Buffer, column: Column | undefined): Actual {
  switch (column?.type.kind) {
    case 'INTEGER':
      return { integer: BigInt(bytes.readInt32BE()), bits: 32 }
    case 'BIGINT':
      return { integer: bytes.readBigInt64BE(), bits: 64 }
    case 'DOUBLE': {
      const text = String(bytes.readDoubleBE())
      return { decimal: /[.e]/.test(text) ? text : `${text}.0` }
    }
    default:
      return bytes.toString()
  }
}

/** For messages. */
export function plain(value: Json): string {
  return printExact(value)
}

export type { Actual, Side } from './wire-values.js'
