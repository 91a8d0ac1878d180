import type { SqlType } from '../types.js'
import { coerce, toDecimal, toDouble } from './coerce.js'
import {
  another,
  invalidJson,
  type JsonCursor,
  peek,
  readNode,
  readNumberText,
  readString,
  readWord,
  skipSpace,
} from './exact-json.js'
import { NameTable } from './name-table.js'
import type { SqlValue } from './row-class.js'

/*
 * Typed readers: each reads the value at the cursor straight into its SQL form when it looks as usual, and hands
 * over to the exact reader and `coerce` when it does not. Both give the same value or both fail.
 */

export type ValueReader = (cursor: JsonCursor) => SqlValue

export function valueReader(type: SqlType): ValueReader {
  const unusual: ValueReader = (cursor) => coerce(readNode(cursor), type)
  switch (type.kind) {
    case 'BIGINT':
    case 'TIMESTAMP':
      return (cursor) => {
        const value = shortInteger(cursor)
        return value === notShort ? unusual(cursor) : value
      }
    case 'INTEGER':
    case 'DATE':
    case 'TIME':
      return (cursor) => {
        const value = shortInteger(cursor)
        return value === notShort ? unusual(cursor) : value | 0
      }
    case 'DOUBLE':
      return (cursor) => (startsNumber(cursor) ? doubleAt(cursor) : unusual(cursor))
    case 'STRING':
      return (cursor) => (peek(cursor) === 0x22 ? readString(cursor) : unusual(cursor))
    case 'BOOLEAN':
      return (cursor) => {
        const byte = peek(cursor)
        if (byte === 0x74) return readWord(cursor, 'true', true)
        return byte === 0x66 ? readWord(cursor, 'false', false) : unusual(cursor)
      }
    case 'DECIMAL':
      return (cursor) => (startsNumber(cursor) ? toDecimal(readNumberText(cursor), type) : unusual(cursor))
    case 'ARRAY':
      return arrayReader(valueReader(type.element), unusual)
    case 'MAP':
      return type.key.kind === 'STRING' ? mapReader(valueReader(type.value), unusual) : unusual
    case 'STRUCT':
      return structReader(type, unusual)
    default:
      return unusual
  }
}

function startsNumber(cursor: JsonCursor): boolean {
  const byte = peek(cursor)
  return byte === 0x2d || (byte >= 0x30 && byte <= 0x39)
}

/** What `shortInteger` answers, not moving the cursor, when it does not stand on up to 15 digits. */
export const notShort = Number.NEGATIVE_INFINITY

export function shortInteger(cursor: JsonCursor): number {
  const { buffer, end } = cursor
  let p = cursor.position
  const negative = p < end && buffer[p] === 0x2d
  if (negative) p++
  const start = p
  let value = 0
  while (p < end) {
    const digit = buffer[p]! - 0x30
    if (digit < 0 || digit > 9) break
    value = value * 10 + digit
    p++
  }
  const digits = p - start
  if (digits === 0 || digits > 15 || (digits > 1 && buffer[start] === 0x30)) return notShort
  const next = p < end ? buffer[p]! : 0x2c
  if (next === 0x2e || next === 0x65 || next === 0x45) return notShort
  cursor.position = p
  return negative && value !== 0 ? -value : value
}

const powersOfTen = Array.from({ length: 23 }, (_, i) => 10 ** i)

/**
 * Up to 15 digits with a point among them: both the digits and the power of ten are exact doubles, so their
 * quotient is the closest double to the text. Anything longer, or with an exponent, goes through `Number`.
 */
export function doubleAt(cursor: JsonCursor): number {
  const { buffer, end } = cursor
  let p = cursor.position
  const negative = p < end && buffer[p] === 0x2d
  if (negative) p++
  const start = p
  let mantissa = 0
  let point = -1
  while (p < end) {
    const byte = buffer[p]!
    if (byte === 0x2e && point === -1) point = p
    else if (byte >= 0x30 && byte <= 0x39) mantissa = mantissa * 10 + (byte - 0x30)
    else break
    p++
  }
  const next = p < end ? buffer[p]! : 0x2c
  const digits = p - start - (point === -1 ? 0 : 1)
  const whole = (point === -1 ? p : point) - start
  const plain =
    digits <= 15 &&
    whole > 0 &&
    p - 1 !== point &&
    (whole === 1 || buffer[start] !== 0x30) &&
    next !== 0x65 &&
    next !== 0x45 &&
    next !== 0x2e
  if (!plain) return toDouble(readNumberText(cursor))
  cursor.position = p
  const value = point === -1 ? mantissa : mantissa / powersOfTen[p - point - 1]!
  return negative && value !== 0 ? -value : value
}

function arrayReader(item: ValueReader, unusual: ValueReader): ValueReader {
  return (cursor) => {
    if (peek(cursor) !== 0x5b) return unusual(cursor)
    const items: SqlValue[] = []
    cursor.position++
    skipSpace(cursor)
    if (peek(cursor) === 0x5d) {
      cursor.position++
      return items
    }
    do items.push(item(cursor))
    while (another(cursor, 0x5d))
    return items
  }
}

function mapReader(value: ValueReader, unusual: ValueReader): ValueReader {
  return (cursor) => {
    if (peek(cursor) !== 0x7b) return unusual(cursor)
    const map = new Map<SqlValue, SqlValue>()
    cursor.position++
    skipSpace(cursor)
    if (peek(cursor) === 0x7d) {
      cursor.position++
      return map
    }
    do {
      if (peek(cursor) !== 0x22) throw invalidJson(cursor, 'a name in quotes is expected')
      const name = readString(cursor)
      skipColon(cursor)
      map.set(name, value(cursor))
    } while (another(cursor, 0x7d))
    return map
  }
}

function structReader(type: Extract<SqlType, { kind: 'STRUCT' }>, unusual: ValueReader): ValueReader {
  const find = columnFinder(type.fields.map((field) => field.name))
  if (find === null) return unusual
  const names = new NameTable(find)
  const readers = type.fields.map((field) => valueReader(field.type))
  return (cursor) => {
    if (peek(cursor) !== 0x7b) return unusual(cursor)
    const start = cursor.position
    // undefined: not met yet
    const values: (SqlValue | undefined)[] = []
    for (let i = 0; i < readers.length; i++) values.push(undefined)
    cursor.position++
    skipSpace(cursor)
    if (peek(cursor) === 0x7d) cursor.position++
    else {
      names.begin()
      do {
        const index = names.columnAt(cursor)
        if (index === -1) skipValue(cursor)
        else if (values[index] !== undefined) {
          // Two names for one field: which one counts is for the exact rules to say.
          cursor.position = start
          return unusual(cursor)
        } else values[index] = readers[index]!(cursor)
      } while (another(cursor, 0x7d))
    }
    for (let i = 0; i < values.length; i++) if (values[i] === undefined) values[i] = null
    return values as SqlValue[]
  }
}

/**
 * From a name in a document to the index of the column it feeds, or -1. Null where a name may feed two columns
 * (`id` and `ID` both exist), which only the exact rules can sort out.
 */
export function columnFinder(names: readonly string[]): ((name: string) => number) | null {
  const index = new Map(names.map((name, i) => [name, i]))
  if (new Set(names.map((name) => name.toUpperCase())).size < names.length) return null
  return (name) => index.get(name) ?? index.get(name.toUpperCase()) ?? -1
}

// ------------------------------------------------------------------------------------- values not needed

/** Steps over one value, as strictly as if it were read, but makes nothing of it. */
export function skipValue(cursor: JsonCursor, depth = 0): void {
  const byte = peek(cursor)
  if (byte === 0x22) skipString(cursor)
  else if (byte === 0x7b || byte === 0x5b) skipNested(cursor, byte, depth)
  else if (startsNumber(cursor)) {
    if (shortInteger(cursor) === notShort) doubleAt(cursor)
  } else readNode(cursor)
}

function skipString(cursor: JsonCursor): void {
  const { buffer, end } = cursor
  for (let p = cursor.position + 1; p < end; p++) {
    const byte = buffer[p]!
    if (byte === 0x22) {
      cursor.position = p + 1
      return
    }
    if (byte === 0x5c || byte < 0x20) break
  }
  readString(cursor)
}

function skipNested(cursor: JsonCursor, open: number, depth: number): void {
  if (depth > nestedMax) {
    readNode(cursor, depth)
    return
  }
  const close = open + 2
  cursor.position++
  skipSpace(cursor)
  if (peek(cursor) === close) {
    cursor.position++
    return
  }
  do {
    if (open === 0x7b) skipName(cursor)
    skipValue(cursor, depth + 1)
  } while (another(cursor, close))
}

/** Deeper values are left to the exact reader, which knows its limit. */
const nestedMax = 100

function skipName(cursor: JsonCursor): void {
  if (peek(cursor) !== 0x22) throw invalidJson(cursor, 'a name in quotes is expected')
  skipString(cursor)
  skipColon(cursor)
}

function skipColon(cursor: JsonCursor): void {
  skipSpace(cursor)
  if (peek(cursor) !== 0x3a) throw invalidJson(cursor, "':' is expected")
  cursor.position++
  skipSpace(cursor)
}

/**
 * Steps over the value of a column that is not used, but still refuses what the column could not hold, so that
 * which records are good does not depend on the query.
 */
export type ValueChecker = (cursor: JsonCursor) => void

export function valueChecker(type: SqlType): ValueChecker {
  const read = valueReader(type)
  switch (type.kind) {
    case 'STRING':
      return (cursor) => skipValue(cursor)
    case 'INTEGER':
    case 'BIGINT':
    case 'DOUBLE':
    case 'DATE':
    case 'TIME':
    case 'TIMESTAMP':
      return (cursor) => {
        if (startsNumber(cursor)) skipValue(cursor)
        else read(cursor)
      }
    case 'STRUCT':
      return structChecker(type, read)
    default:
      return read
  }
}

function structChecker(type: Extract<SqlType, { kind: 'STRUCT' }>, read: ValueReader): ValueChecker {
  const find = columnFinder(type.fields.map((field) => field.name))
  if (find === null) return read
  const names = new NameTable(find)
  const checkers = type.fields.map((field) => valueChecker(field.type))
  const seen: boolean[] = checkers.map(() => false)
  return (cursor) => {
    const start = cursor.position
    const begins = peek(cursor) === 0x7b
    cursor.position++
    skipSpace(cursor)
    if (!begins || peek(cursor) === 0x7d) {
      cursor.position = start
      read(cursor)
      return
    }
    seen.fill(false)
    names.begin()
    do {
      const index = names.columnAt(cursor)
      if (index === -1) skipValue(cursor)
      else if (seen[index]) {
        cursor.position = start
        read(cursor)
        return
      } else {
        seen[index] = true
        checkers[index]!(cursor)
      }
    } while (another(cursor, 0x7d))
  }
}
