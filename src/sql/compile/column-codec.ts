import type { Decimal } from 'decimal.js'
import { ByteWriter, compareBytes } from '../../common/index.js'
import { compareStrings, type SqliteValue, type TableColumn } from '../../state/index.js'
import { decimalToPlainText, SqlDecimal } from '../expression/decimal.js'
import { bareDecoder } from '../formats/json-decoder.js'
import { valueWriter } from '../formats/json-encoder.js'
import type { SqlValue } from '../formats/row-class.js'
import type { SqlType } from '../types.js'

/*
 * How values of SQL types lie in SQLite columns:
 *
 *     BOOLEAN                         INTEGER 0 or 1
 *     INT, BIGINT                     INTEGER
 *     DATE, TIME, TIMESTAMP           INTEGER: days, ms of the day, ms
 *     DOUBLE                          ANY: a REAL, or the text 'NaN', which SQLite has no number for. A REAL column
 *                                     would make null of it, and 0.0 of -0.0
 *     DECIMAL(p, s)                   TEXT with s decimals
 *     STRING                          TEXT; see `storedText` for what UTF-8 cannot hold
 *     BYTES                           BLOB
 *     ARRAY, MAP, STRUCT              TEXT: JSON with every digit of its numbers
 */

export interface ColumnCodec {
  readonly column: Omit<TableColumn, 'name'>
  /** Null where values lie in the column as they are. Not for null. */
  readonly encode: ((value: SqlValue) => SqliteValue) | null
  readonly decode: ((value: SqliteValue) => SqlValue) | null
}

/** SQLite's order of what lies in a column: NULL, numbers, texts by their UTF-8, BLOBs by their bytes. */
export function compareStored(a: SqliteValue, b: SqliteValue): number {
  const rank = rankOf(a) - rankOf(b)
  if (rank !== 0 || a === null || b === null) return rank
  if (typeof a === 'string') return compareStrings(a, b as string)
  if (typeof a === 'object') return compareBytes(a, b as Uint8Array)
  return a < (b as number) ? -1 : a > (b as number) ? 1 : 0
}

/** The order of values that are not null: of decimals by what they are worth, else as they lie in SQLite. */
export function storedOrder(type: SqlType): (a: SqlValue, b: SqlValue) => number {
  if (type.kind === 'DECIMAL') return (a, b) => (a as Decimal).comparedTo(b as Decimal)
  const { encode } = columnCodec(type)
  if (encode === null) return (a, b) => compareStored(a as SqliteValue, b as SqliteValue)
  return (a, b) => compareStored(encode(a), encode(b))
}

function rankOf(value: SqliteValue): number {
  if (value === null) return 0
  return typeof value === 'string' ? 2 : typeof value === 'object' ? 3 : 1
}

const integer: ColumnCodec = { column: { type: 'INTEGER' }, encode: null, decode: null }

export function columnCodec(type: SqlType): ColumnCodec {
  switch (type.kind) {
    case 'BOOLEAN':
      return {
        column: { type: 'INTEGER' },
        encode: (value) => (value === true ? 1 : 0),
        decode: (value) => value === 1,
      }
    case 'INTEGER':
    case 'DATE':
    case 'TIME':
    case 'TIMESTAMP':
      return integer
    case 'BIGINT':
      return { column: { type: 'INTEGER', bigint: true }, encode: null, decode: null }
    case 'DOUBLE':
      return {
        column: { type: 'ANY' },
        encode: (value) => (Number.isNaN(value) ? 'NaN' : (value as number)),
        decode: (value) => (value === 'NaN' ? Number.NaN : (value as number)),
      }
    case 'DECIMAL': {
      const { scale } = type
      return {
        column: { type: 'TEXT' },
        encode: (value) => decimalToPlainText(value as Decimal, scale),
        decode: (value) => new SqlDecimal(value as string),
      }
    }
    case 'STRING':
      return {
        column: { type: 'TEXT' },
        encode: (value) => storedText(value as string),
        decode: (value) => textOf(value as string),
      }
    case 'BYTES':
      return { column: { type: 'BLOB' }, encode: null, decode: null }
    case 'ARRAY':
    case 'MAP':
    case 'STRUCT':
      return jsonCodec(type)
  }
}

function jsonCodec(type: SqlType): ColumnCodec {
  const write = valueWriter(type)
  const read = bareDecoder(type)
  const scratch = new ByteWriter(256)
  return {
    column: { type: 'TEXT', utf8: true },
    encode(value) {
      scratch.reset()
      write(value, scratch)
      return Buffer.from(scratch.buffer.subarray(0, scratch.position))
    },
    decode(value) {
      const bytes = value as Buffer
      return read(bytes, 0, bytes.length)
    },
  }
}

const MARK = '\uffff'
const unsafe = /[\p{Surrogate}\uffff]/u
const unsafeAll = /[\p{Surrogate}\uffff]/gu

/**
 * UTF-8 has no lone surrogates: each becomes U+FFFF, which is no character, and its four hexadecimal digits; U+FFFF
 * itself is doubled. Where a text is compared with one whose characters lie below U+D800, the result stays the same.
 */
export function storedText(text: string): string {
  if (!unsafe.test(text)) return text
  return text.replace(unsafeAll, (c) => MARK + (c === MARK ? MARK : c.charCodeAt(0).toString(16)))
}

function textOf(stored: string): string {
  if (!stored.includes(MARK)) return stored
  return stored.replace(/\uffff(\uffff|[0-9a-f]{4})/g, (_, code: string) =>
    code === MARK ? MARK : String.fromCharCode(Number.parseInt(code, 16)),
  )
}
