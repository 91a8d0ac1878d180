import type { Decimal } from 'decimal.js'
import { ByteWriter } from '../../common/index.js'
import { SerializationError } from '../../serde/index.js'
import {
  type AvroField,
  type AvroNode,
  type AvroRecord,
  branchName,
  mapEntryOf,
} from '../schema-registry/avro-schema.js'
import { formatType, type SqlType } from '../types.js'
import { avroName } from './avro-derive.js'
import { writeDoubleLE, writeFloatLE, writeVarint64, writeZigzag } from './binary-cursor.js'
import type { FormatColumn } from './format-contract.js'
import type { SqlValue } from './row-class.js'
import { unscaledBytes } from './unscaled-bytes.js'

/* Writers of SQL values for one Avro schema, derived from the columns or found in a registry. */

export type AvroWriter = (value: SqlValue, out: ByteWriter) => void

/** @throws SerializationError when values of the type cannot be written with the schema */
export function avroWriter(node: AvroNode, type: SqlType, path = ''): AvroWriter {
  if (node.kind === 'union') return unionWriter(node.branches, type, path)
  const write = presentWriter(node, type, path)
  return (value, out) => {
    if (value === null) throw new SerializationError(`null, but the field is required: ${path || '/'}`)
    write(value, out)
  }
}

type Present = (value: NonNullable<SqlValue>, out: ByteWriter) => void

function unionWriter(branches: readonly AvroNode[], type: SqlType, path: string): AvroWriter {
  const none = branches.findIndex((branch) => branch.kind === 'null')
  let write: Present | null = null
  let index = 0
  let mismatch: unknown
  for (const [i, branch] of branches.entries()) {
    if (branch.kind === 'null' || write !== null) continue
    try {
      write = presentWriter(branch, type, path)
      index = i
    } catch (error) {
      mismatch = error
    }
  }
  if (write === null) throw mismatch
  const present = write
  return (value, out) => {
    if (value === null) {
      if (none < 0) throw new SerializationError(`null, but the field is required: ${path || '/'}`)
      writeVarint64(none * 2, out)
      return
    }
    writeVarint64(index * 2, out)
    present(value, out)
  }
}

const writeInteger: Present = (value, out) => writeZigzag(value as number | bigint, out)

const writeText: Present = (value, out) => {
  const text = value as string
  const start = out.position
  // Most texts are short: room for one byte of length, moved when it takes more.
  out.writeByte(0)
  out.writeUtf8(text)
  const length = out.position - start - 1
  if (length < 64) {
    out.buffer[start] = length * 2
    return
  }
  const bytes = Buffer.from(out.buffer.subarray(start + 1, out.position))
  out.position = start
  writeVarint64(length * 2, out)
  out.writeBytes(bytes)
}

const writeBytes: Present = (value, out) => {
  const bytes = value as Uint8Array
  writeVarint64(bytes.length * 2, out)
  out.writeBytes(bytes)
}

function presentWriter(node: AvroNode, type: SqlType, path: string): Present {
  switch (type.kind) {
    case 'BOOLEAN':
      if (node.kind === 'boolean') return (value, out) => out.writeByte(value === true ? 1 : 0)
      break
    case 'INTEGER':
    case 'DATE':
    case 'TIME':
      if (node.kind === 'int' || node.kind === 'long') return writeInteger
      break
    case 'BIGINT':
    case 'TIMESTAMP':
      if (node.kind === 'long') return writeInteger
      break
    case 'DOUBLE':
      if (node.kind === 'double') return (value, out) => writeDoubleLE(value as number, out)
      if (node.kind === 'float') return (value, out) => writeFloatLE(value as number, out)
      break
    case 'STRING':
      if (node.kind === 'string') return writeText
      if (node.kind === 'enum') return enumWriter(node.name, node.symbols)
      break
    case 'BYTES':
      if (node.kind === 'bytes') return writeBytes
      if (node.kind === 'fixed') return fixedWriter(node.size)
      break
    case 'DECIMAL':
      if (node.kind === 'bytes' && node.decimal !== null) {
        const { scale } = node.decimal
        return (value, out) => writeBytes(unscaledBytes(value as Decimal, scale), out)
      }
      break
    case 'ARRAY':
      if (node.kind === 'array') return arrayWriter(avroWriter(node.items, type.element, `${path}/items`))
      break
    case 'MAP': {
      const write = mapWriter(node, type, path)
      if (write !== null) return write
      break
    }
    case 'STRUCT':
      if (node.kind === 'record') {
        const write = recordWriter(node, type.fields, path)
        return (value, out) => write(value as readonly SqlValue[], out)
      }
      break
  }
  throw new SerializationError(
    `A ${formatType(type)} cannot be written as ${branchName(node)}: ${path || '/'}`,
  )
}

function enumWriter(name: string, symbols: readonly string[]): Present {
  return (value, out) => {
    const index = symbols.indexOf(value as string)
    if (index < 0) throw new SerializationError(`${JSON.stringify(value)} is no symbol of the enum ${name}`)
    writeVarint64(index * 2, out)
  }
}

function fixedWriter(size: number): Present {
  return (value, out) => {
    const bytes = value as Uint8Array
    if (bytes.length !== size) throw new SerializationError(`${bytes.length} bytes where ${size} are fixed`)
    out.writeBytes(bytes)
  }
}

function arrayWriter(write: AvroWriter): Present {
  return (value, out) => {
    const items = value as readonly SqlValue[]
    if (items.length > 0) writeVarint64(items.length * 2, out)
    for (let i = 0; i < items.length; i++) write(items[i]!, out)
    out.writeByte(0)
  }
}

function mapWriter(node: AvroNode, type: Extract<SqlType, { kind: 'MAP' }>, path: string): Present | null {
  let key: AvroWriter = writeKey
  let value: AvroWriter
  if (node.kind === 'map') value = avroWriter(node.values, type.value, `${path}/values`)
  else {
    const entry = node.kind === 'array' ? mapEntryOf(node) : null
    if (entry === null) return null
    key = avroWriter(entry.key.type, type.key, `${path}/key`)
    value = avroWriter(entry.value.type, type.value, `${path}/value`)
  }
  return (map, out) => {
    const entries = map as ReadonlyMap<SqlValue, SqlValue>
    if (entries.size > 0) writeVarint64(entries.size * 2, out)
    for (const [name, item] of entries) {
      key(name, out)
      value(item, out)
    }
    out.writeByte(0)
  }
}

const writeKey: AvroWriter = (value, out) => {
  if (value === null) throw new SerializationError('an Avro map cannot have a null key')
  writeText(value, out)
}

/**
 * Fields the columns do not have take their defaults, and so does null in a field that cannot be null.
 *
 * @throws SerializationError when a column is missing in the schema, or cannot be written as its field
 */
export function recordWriter(
  node: AvroRecord,
  columns: readonly FormatColumn[],
  path = '',
): (values: readonly SqlValue[], out: ByteWriter) => void {
  const missing = columns.find((column) => !node.fields.some((f) => f.name === avroName(column.name)))
  if (missing !== undefined) {
    throw new SerializationError(`Schema from Schema Registry misses field with name: ${missing.name}`)
  }
  const slots = node.fields.map((field) => columns.findIndex((c) => avroName(c.name) === field.name))
  const writers = node.fields.map((field, i) => fieldWriter(field, columns[slots[i]!], path))
  return (values, out) => {
    for (let i = 0; i < writers.length; i++) writers[i]!(values[slots[i]!] ?? null, out)
  }
}

function fieldWriter(field: AvroField, column: FormatColumn | undefined, path: string): AvroWriter {
  const { name, type, defaultValue } = field
  const place = `${path}/${name}`
  if (column === undefined) {
    const bytes = defaultBytes(field)
    if (bytes !== null) return (_value, out) => out.writeBytes(bytes)
    if (type.kind === 'union' && type.branches.some((branch) => branch.kind === 'null')) {
      const none = type.branches.findIndex((branch) => branch.kind === 'null')
      return (_value, out) => writeVarint64(none * 2, out)
    }
    return () => {
      throw new SerializationError(
        `Missing default value for required Avro field: [${name}]. This field appears in Avro schema in Schema Registry`,
      )
    }
  }
  const write = avroWriter(type, column.type, place)
  if (defaultValue === undefined || type.kind === 'union') return write
  const bytes = defaultBytes(field)!
  return (value, out) => (value === null ? out.writeBytes(bytes) : write(value, out))
}

/** The default of a field as it is written; null where it has none. */
function defaultBytes({ type, defaultValue }: AvroField): Buffer | null {
  if (defaultValue === undefined) return null
  const out = new ByteWriter(64)
  writeDefault(type, defaultValue, out)
  return out.toBuffer()
}

/** Defaults are JSON: that of a union is of its first branch, bytes are text of one character a byte. */
function writeDefault(node: AvroNode, json: unknown, out: ByteWriter): void {
  switch (node.kind) {
    case 'null':
      return
    case 'boolean':
      out.writeByte(json === true ? 1 : 0)
      return
    case 'int':
    case 'long':
      writeZigzag(json as number, out)
      return
    case 'float':
      writeFloatLE(json as number, out)
      return
    case 'double':
      writeDoubleLE(json as number, out)
      return
    case 'string':
      writeText(json as string, out)
      return
    case 'bytes':
      writeBytes(Buffer.from(json as string, 'latin1'), out)
      return
    case 'fixed':
      out.writeBytes(Buffer.from(json as string, 'latin1'))
      return
    case 'enum':
      writeVarint64(Math.max(0, node.symbols.indexOf(json as string)) * 2, out)
      return
    case 'array': {
      const items = json as readonly unknown[]
      if (items.length > 0) writeVarint64(items.length * 2, out)
      for (const item of items) writeDefault(node.items, item, out)
      out.writeByte(0)
      return
    }
    case 'map': {
      const entries = Object.entries(json as object)
      if (entries.length > 0) writeVarint64(entries.length * 2, out)
      for (const [name, item] of entries) {
        writeText(name, out)
        writeDefault(node.values, item, out)
      }
      out.writeByte(0)
      return
    }
    case 'record':
      for (const field of node.fields) {
        const value = (json as Readonly<Record<string, unknown>>)[field.name] ?? field.defaultValue
        writeDefault(field.type, value, out)
      }
      return
    case 'union':
      writeVarint64(0, out)
      writeDefault(node.branches[0]!, json, out)
  }
}
