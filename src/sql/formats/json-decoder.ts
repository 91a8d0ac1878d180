import { hasPlainNames, SerializationError, ShapeWatch } from '../../serde/index.js'
import type { SqlType } from '../types.js'
import { coerce, fieldFinder } from './coerce.js'
import { another, expectEnd, JsonCursor, peek, readDocument, skipSpace } from './exact-json.js'
import { shapeDecoder } from './json-shape.js'
import { columnFinder, skipValue, valueChecker, valueReader } from './json-values.js'
import { NameTable } from './name-table.js'
import type { SqlValue } from './row-class.js'

export interface JsonColumn {
  readonly name: string
  readonly type: SqlType
}

/** Reads `buffer[start, end)`; null when the text is `null`. */
export type JsonDecoder<T> = (buffer: Buffer, start: number, end: number) => T | null

export interface ObjectDecoderOptions {
  readonly columns: readonly JsonColumn[]
  /** Indexes of the columns that are wanted; the others stay null. Default all. */
  readonly usedColumns?: ReadonlySet<number>
  /** JavaScript that makes the result of the variables `c0`, `c1` …, with `Row` at hand. */
  readonly result: string
  readonly Row?: unknown
}

/**
 * A decoder of JSON objects into columns:
 *
 *     { "name": value, … }   name → column (NameTable) → typed reader (json-values.ts) → variable → result
 *
 * The loop over the names is generated, so that every column has a variable and a call site of its own. An object
 * in which two names feed one column is read again by the exact rules.
 */
export function objectDecoder<T>(options: ObjectDecoderOptions): JsonDecoder<T> {
  const exact = exactObjectDecoder<T>(options)
  const find = columnFinder(options.columns.map((column) => column.name))
  if (find === null) return exact
  const { columns, usedColumns } = options
  const isUsed = (i: number): boolean => usedColumns === undefined || usedColumns.has(i)
  const watch = new ShapeWatch()
  const cursor = new JsonCursor()
  const variables = columns.map((_, i) => `c${i}`)
  const masks = Math.ceil(columns.length / 30)
  const seen = Array.from({ length: masks }, (_, i) => `seen${i} = 0`)
  const cases = columns.map((_, i) => {
    const mask = `seen${Math.floor(i / 30)}`
    const bit = 1 << (i % 30)
    const read = isUsed(i) ? `c${i} = read${i}(cursor)` : `read${i}(cursor)`
    return `case ${i}: if (${mask} & ${bit}) return exact(buffer, start, end); ${mask} |= ${bit}; ${read}; break`
  })
  const readers = columns.map((column, i) =>
    isUsed(i) ? valueReader(column.type) : valueChecker(column.type),
  )
  const source = `
    'use strict'
    const { ${[...variables.map((_, i) => `read${i}`), 'Row', 'cursor', 'names', 'exact', 'skipValue', 'skipSpace', 'peek', 'another', 'expectEnd'].join(', ')} } = scope
    return function decode(buffer, start, end) {
      cursor.buffer = buffer
      cursor.position = start
      cursor.end = end
      skipSpace(cursor)
      if (peek(cursor) !== 0x7b) return exact(buffer, start, end)
      cursor.position++
      skipSpace(cursor)
      ${variables.length === 0 ? '' : `let ${[...variables.map((v) => `${v} = null`), ...seen].join(', ')}`}
      if (peek(cursor) === 0x7d) cursor.position++
      else {
        names.begin()
        do {
          switch (names.columnAt(cursor)) {
            ${cases.join('\n            ')}
            default: skipValue(cursor)
          }
        } while (another(cursor, 0x7d))
      }
      if (cursor.position !== end) expectEnd(cursor)
      return ${options.result}
    }`
  const scope: Record<string, unknown> = {
    Row: options.Row,
    cursor,
    names: new NameTable(find),
    exact,
    skipValue,
    skipSpace,
    peek,
    another,
    expectEnd,
  }
  readers.forEach((reader, i) => {
    scope[`read${i}`] = reader
  })
  const general = new Function('scope', source)(scope) as JsonDecoder<T>
  const takeShape = (buffer: Buffer, start: number, end: number): void => {
    const names = documentNames(buffer, start, end)
    if (names === null || names.length === 0 || names.length > shapeNamesMax || !hasPlainNames(names)) return
    const feeds = names.map((name) => ({ name, column: find(name) }))
    const fed = feeds.map((feed) => feed.column).filter((column) => column !== -1)
    if (new Set(fed).size < fed.length) return
    const { result, Row } = options
    const fallback = missed
    watch.decode = shapeDecoder({ names: feeds, columns, isUsed, readers, cursor, fallback, result, Row })
  }
  const missed: JsonDecoder<T> = (buffer, start, end) => {
    const value = general(buffer, start, end)
    if (watch.missed()) takeShape(buffer, start, end)
    return value
  }
  return (buffer, start, end) => {
    watch.documents++
    try {
      return (watch.decode ?? missed)(buffer, start, end) as T | null
    } catch {
      // A value that does not fit may be overruled by a later one of the same name; and the exact decoder's
      // errors name the column.
      return exact(buffer, start, end)
    }
  }
}

const shapeNamesMax = 64

function documentNames(buffer: Buffer, start: number, end: number): string[] | null {
  const node = readDocument(cursorOver(buffer, start, end))
  return node instanceof Map ? [...node.keys()] : null
}

/** The reference: a tree of the whole text first, then column by column. */
export function exactObjectDecoder<T>(options: ObjectDecoderOptions): JsonDecoder<T> {
  const { columns, usedColumns } = options
  const variables = columns.map((_, i) => `c${i}`).join(', ')
  const make = new Function('Row', variables, `'use strict'; return ${options.result}`) as (
    Row: unknown,
    ...values: SqlValue[]
  ) => T
  return (buffer, start, end) => {
    const node = readDocument(cursorOver(buffer, start, end))
    if (node === null) return null
    if (!(node instanceof Map)) throw new SerializationError('a JSON object is expected')
    const find = fieldFinder(node)
    const values = columns.map((column, i) => {
      const value = named(column, () => coerce(find(column.name), column.type))
      return usedColumns === undefined || usedColumns.has(i) ? value : null
    })
    return make(options.Row, ...values)
  }
}

function named<R>(column: JsonColumn, read: () => R): R {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof SerializationError)) throw cause
    throw new SerializationError(`column ${column.name}: ${cause.message}`, { cause })
  }
}

/** A decoder of one value that stands without an object around it. */
export function bareDecoder(type: SqlType): JsonDecoder<SqlValue> {
  const read = valueReader(type)
  const exact = exactBareDecoder(type)
  const cursor = new JsonCursor()
  return (buffer, start, end) => {
    cursor.buffer = buffer
    cursor.position = start
    cursor.end = end
    try {
      skipSpace(cursor)
      const value = read(cursor)
      expectEnd(cursor)
      return value
    } catch {
      return exact(buffer, start, end)
    }
  }
}

export function exactBareDecoder(type: SqlType): JsonDecoder<SqlValue> {
  return (buffer, start, end) => coerce(readDocument(cursorOver(buffer, start, end)), type)
}

function cursorOver(buffer: Buffer, start: number, end: number): JsonCursor {
  const cursor = new JsonCursor()
  cursor.buffer = buffer
  cursor.position = start
  cursor.end = end
  return cursor
}
