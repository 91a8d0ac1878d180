import type { Column } from '../../../src/sql/schema.js'
import { type Json, NumberText, parseExact, printExact } from '../exact-json.js'

/*
 * Records of the cases as bytes on topics, and back (README section 5), written apart from the engine's own formats.
 */

/** How one side of a topic's records is written. */
export interface Side {
  readonly format: string
  readonly columns: readonly Column[]
  readonly wrapped: boolean
  readonly role: 'key' | 'value'
}

/** What came out, in a form that keeps what the README's section 4 compares by. */
export type Actual =
  | null
  | boolean
  | string
  | { readonly integer: bigint; readonly bits: 32 | 64 }
  | { readonly decimal: string }
  | { readonly double: number }
  | readonly Actual[]
  | ReadonlyMap<string, Actual>

export function encode(value: Json, side: Side): Buffer | null {
  if (value === null || side.format === 'NONE') return null
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

/** Numbers with a fraction or an exponent are exact decimals. */
export function fromJson(value: Json): Actual {
  if (value instanceof NumberText) {
    if (!/^-?\d+$/.test(value.text)) return { decimal: value.text }
    const integer = BigInt(value.text)
    return { integer, bits: integer === BigInt.asIntN(32, integer) ? 32 : 64 }
  }
  if (Array.isArray(value)) return value.map(fromJson)
  if (value !== null && typeof value === 'object') {
    return new Map(Object.entries(value).map(([name, field]) => [name, fromJson(field)]))
  }
  return value
}

/** For messages. */
export function plain(value: Json): string {
  return printExact(value)
}
