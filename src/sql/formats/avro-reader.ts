import { SerializationError } from '../../serde/index.js'
import { doubleToText } from '../expression/java-text.js'
import { type AvroNode, type AvroRecord, branchName, mapEntryOf } from '../schema-registry/avro-schema.js'
import { formatType, type SqlType } from '../types.js'
import { avroName } from './avro-derive.js'
import { type BinaryCursor, readZigzag, take } from './binary-cursor.js'
import { matchField } from './field-match.js'
import type { SqlValue } from './row-class.js'
import { fitted, fromUnscaledBytes } from './unscaled-bytes.js'

/*
 * Readers for one Avro schema and the SQL types it shall become: the schema a record was written with is followed byte
 * by byte, and what no column wants is skipped.
 */

export type AvroReader = (cursor: BinaryCursor) => SqlValue

/** Each record field in turn: to which slot its value goes, or -1. */
export type RecordReader = (cursor: BinaryCursor, slots: SqlValue[]) => void

/** @throws SerializationError when values of the schema cannot become the type */
export function avroReader(node: AvroNode, type: SqlType, path = ''): AvroReader {
  if (node.kind === 'union') return unionReader(node.branches, type, path)
  const mismatch = (): SerializationError =>
    new SerializationError(
      `Cannot deserialize type ${branchName(node)} as type ${formatType(type)} for path: ${path}`,
    )
  switch (type.kind) {
    case 'BOOLEAN':
      if (node.kind === 'boolean') return readBoolean
      break
    case 'INTEGER':
    case 'DATE':
    case 'TIME':
      if (node.kind === 'int') return readZigzag
      break
    case 'BIGINT':
    case 'TIMESTAMP':
      if (node.kind === 'int' || node.kind === 'long') return readZigzag
      break
    case 'DOUBLE':
      if (node.kind === 'double') return readDouble
      if (node.kind === 'float') return readFloat
      break
    case 'STRING':
      return textReader(node) ?? fail(mismatch())
    case 'BYTES':
      return bytesReader(node) ?? fail(mismatch())
    case 'DECIMAL':
      return decimalReader(node, type) ?? fail(mismatch())
    case 'ARRAY':
      if (node.kind === 'array') return arrayReader(avroReader(node.items, type.element, `${path}->ARRAY`))
      break
    case 'MAP':
      return mapReader(node, type, path) ?? fail(mismatch())
    case 'STRUCT':
      if (node.kind === 'record') return structReader(node, type, path)
      break
  }
  return fail(mismatch())
}

function fail(error: SerializationError): never {
  throw error
}

function readBoolean(cursor: BinaryCursor): boolean {
  return cursor.buffer[take(cursor, 1)] === 1
}

function readDouble(cursor: BinaryCursor): number {
  return cursor.buffer.readDoubleLE(take(cursor, 8))
}

function readFloat(cursor: BinaryCursor): number {
  return cursor.buffer.readFloatLE(take(cursor, 4))
}

function readText(cursor: BinaryCursor): string {
  const length = lengthOf(cursor)
  const start = take(cursor, length)
  return cursor.buffer.toString('utf8', start, start + length)
}

function lengthOf(cursor: BinaryCursor): number {
  const length = readZigzag(cursor)
  if (typeof length === 'bigint' || length < 0) throw new SerializationError(`a length of ${length} bytes`)
  return length
}

function readBytes(cursor: BinaryCursor): Uint8Array {
  const length = lengthOf(cursor)
  const start = take(cursor, length)
  return Uint8Array.prototype.slice.call(cursor.buffer, start, start + length)
}

function textReader(node: AvroNode): AvroReader | null {
  switch (node.kind) {
    case 'string':
      return readText
    case 'enum':
      return (cursor) => node.symbols[Number(readZigzag(cursor))] ?? null
    case 'int':
    case 'long':
      return (cursor) => String(readZigzag(cursor))
    case 'float':
      return (cursor) => doubleToText(readFloat(cursor))
    case 'double':
      return (cursor) => doubleToText(readDouble(cursor))
    case 'boolean':
      return (cursor) => String(readBoolean(cursor))
    default:
      return null
  }
}

function bytesReader(node: AvroNode): ((cursor: BinaryCursor) => Uint8Array) | null {
  if (node.kind === 'bytes') return readBytes
  if (node.kind !== 'fixed') return null
  return (cursor) => {
    const start = take(cursor, node.size)
    return Uint8Array.prototype.slice.call(cursor.buffer, start, start + node.size)
  }
}

function decimalReader(node: AvroNode, type: SqlType): AvroReader | null {
  const read = bytesReader(node)
  if (read === null || (node.kind !== 'bytes' && node.kind !== 'fixed') || node.decimal === null) return null
  const { scale } = node.decimal
  return (cursor) => fitted(fromUnscaledBytes(read(cursor), scale), type)
}

function unionReader(branches: readonly AvroNode[], type: SqlType, path: string): AvroReader {
  const alternatives = branches.filter((branch) => branch.kind !== 'null')
  const readers =
    alternatives.length > 1 && type.kind === 'STRUCT'
      ? branches.map((branch) => alternativeReader(branch, type, path))
      : branches.map((branch) => (branch.kind === 'null' ? readNull : avroReader(branch, type, path)))
  return (cursor) => {
    const index = Number(readZigzag(cursor))
    const read = readers[index]
    if (read === undefined)
      throw new SerializationError(`a union of ${readers.length} branches has no branch ${index}`)
    return read(cursor)
  }
}

function readNull(): null {
  return null
}

/** A struct with a field for each branch: the one that was written is set. */
function alternativeReader(
  branch: AvroNode,
  type: Extract<SqlType, { kind: 'STRUCT' }>,
  path: string,
): AvroReader {
  if (branch.kind === 'null') return readNull
  const field = matchField(type.fields, branchName(branch))
  if (field === undefined) {
    return (cursor) => {
      skipper(branch)(cursor)
      return type.fields.map(() => null)
    }
  }
  const read = avroReader(branch, field.type, `${path}->${field.name}`)
  return (cursor) => {
    const value = read(cursor)
    return type.fields.map((f) => (f === field ? value : null))
  }
}

/** Calls `item` for each of the items of an array or map, which come in blocks. */
function readBlocks(cursor: BinaryCursor, item: () => void): void {
  for (;;) {
    let count = Number(readZigzag(cursor))
    if (count === 0) return
    if (count < 0) {
      count = -count
      readZigzag(cursor)
    }
    for (let i = 0; i < count; i++) item()
  }
}

function arrayReader(read: AvroReader): AvroReader {
  return (cursor) => {
    const items: SqlValue[] = []
    readBlocks(cursor, () => items.push(read(cursor)))
    return items
  }
}

function mapReader(node: AvroNode, type: Extract<SqlType, { kind: 'MAP' }>, path: string): AvroReader | null {
  let key: AvroReader = readText
  let value: AvroReader
  if (node.kind === 'map') value = avroReader(node.values, type.value, `${path}->MAP_VAL`)
  else {
    const entry = node.kind === 'array' ? mapEntryOf(node) : null
    if (entry === null) return null
    key = avroReader(entry.key.type, type.key, `${path}->MAP_KEY`)
    value = avroReader(entry.value.type, type.value, `${path}->MAP_VAL`)
  }
  return (cursor) => {
    const map = new Map<SqlValue, SqlValue>()
    readBlocks(cursor, () => {
      const name = key(cursor)
      map.set(name, value(cursor))
    })
    return map
  }
}

function structReader(
  node: AvroRecord,
  type: Extract<SqlType, { kind: 'STRUCT' }>,
  path: string,
): AvroReader {
  const { fields } = type
  const read = recordReader(node, fields, path)
  return (cursor) => {
    const values: SqlValue[] = fields.map(() => null)
    read(cursor, values)
    return values
  }
}

/** @param fields what each slot is for; null leaves it alone */
export function recordReader(
  node: AvroRecord,
  fields: readonly ({ readonly name: string; readonly type: SqlType } | null)[],
  path = '',
): RecordReader {
  const slotOf = new Map<unknown, number>()
  for (const [slot, field] of fields.entries()) {
    const written = field === null ? undefined : matchField(node.fields, avroName(field.name))
    if (written !== undefined && !slotOf.has(written)) slotOf.set(written, slot)
  }
  const slots = node.fields.map((field) => slotOf.get(field) ?? -1)
  // Made at first use: a record may hold itself.
  let readers: readonly ((cursor: BinaryCursor) => unknown)[] | null = null
  const make = (): readonly ((cursor: BinaryCursor) => unknown)[] =>
    node.fields.map((field, i) => {
      const wanted = fields[slots[i]!]
      return wanted == null
        ? skipper(field.type)
        : avroReader(field.type, wanted.type, `${path}->${wanted.name}`)
    })
  return (cursor, out) => {
    readers ??= make()
    for (let i = 0; i < readers.length; i++) {
      const value = readers[i]!(cursor)
      const slot = slots[i]!
      if (slot >= 0) out[slot] = value as SqlValue
    }
  }
}

/** Moves past a value. */
function skipper(node: AvroNode): (cursor: BinaryCursor) => void {
  switch (node.kind) {
    case 'null':
      return () => {}
    case 'boolean':
      return (cursor) => void take(cursor, 1)
    case 'int':
    case 'long':
    case 'enum':
      return (cursor) => void readZigzag(cursor)
    case 'float':
      return (cursor) => void take(cursor, 4)
    case 'double':
      return (cursor) => void take(cursor, 8)
    case 'string':
    case 'bytes':
      return (cursor) => void take(cursor, lengthOf(cursor))
    case 'fixed':
      return (cursor) => void take(cursor, node.size)
    case 'array': {
      const skip = skipper(node.items)
      return (cursor) => readBlocks(cursor, () => skip(cursor))
    }
    case 'map': {
      const skip = skipper(node.values)
      return (cursor) =>
        readBlocks(cursor, () => {
          take(cursor, lengthOf(cursor))
          skip(cursor)
        })
    }
    case 'union': {
      const skips = node.branches.map((branch) =>
        branch.kind === 'record' ? lazily(branch) : skipper(branch),
      )
      return (cursor) => skips[Number(readZigzag(cursor))]?.(cursor)
    }
    case 'record': {
      const skip = recordReader(node, [])
      return (cursor) => skip(cursor, [])
    }
  }
}

function lazily(node: AvroNode): (cursor: BinaryCursor) => void {
  let skip: ((cursor: BinaryCursor) => void) | null = null
  return (cursor) => {
    skip ??= skipper(node)
    skip(cursor)
  }
}
