import type { Decimal } from 'decimal.js'
import type { ByteWriter } from '../../common/index.js'
import { SerializationError } from '../../serde/index.js'
import { mapOf, type ProtoField, type ProtoMessage } from '../schema-registry/protobuf-schema.js'
import { formatType, type SqlType } from '../types.js'
import { writeVarint64 } from './binary-cursor.js'
import { civilDate } from './civil-date.js'
import type { FormatColumn } from './format-contract.js'
import { protobufName } from './protobuf-derive.js'
import { isWrapper } from './protobuf-infer.js'
import { type Scalar, scalars, wireTypes, writeDelimited } from './protobuf-scalars.js'
import type { SqlValue } from './row-class.js'
import { unscaledBytes } from './unscaled-bytes.js'

/* Writers of SQL values for one Protobuf message, derived from the columns or found in a registry. */

export type MessageWriter = (values: readonly SqlValue[], out: ByteWriter) => void

type Write = (value: NonNullable<SqlValue>, out: ByteWriter) => void

/** What a value of a field is, after its tag. */
interface ValueWriter {
  readonly wireType: number
  readonly write: Write
  /** What null becomes inside a list, and what is left out where absent means the same. */
  readonly zero: SqlValue
}

/** @throws SerializationError when a column is missing in the message, or cannot be written as its field */
export function messageWriter(
  message: ProtoMessage,
  columns: readonly FormatColumn[],
  path = '',
): MessageWriter {
  const missing = columns.find((column) => !message.fields.some((f) => f.name === protobufName(column.name)))
  if (missing !== undefined) {
    throw new SerializationError(`Schema from Schema Registry misses field with name: ${missing.name}`)
  }
  const written = message.fields
    .map((field) => ({ field, slot: columns.findIndex((c) => protobufName(c.name) === field.name) }))
    .sort((a, b) => a.field.number - b.field.number)
  const slots = written.map(({ slot }) => slot)
  const writers = written.map(({ field, slot }) =>
    fieldWriter(field, columns[slot]?.type, `${path}/${field.name}`),
  )
  return (values, out) => {
    for (let i = 0; i < writers.length; i++) writers[i]!(values[slots[i]!] ?? null, out)
  }
}

type FieldWriter = (value: SqlValue, out: ByteWriter) => void

function fieldWriter(field: ProtoField, type: SqlType | undefined, path: string): FieldWriter {
  if (type === undefined) {
    if (!field.required) return () => {}
    return () => {
      throw new SerializationError(
        `Missing default value for required Protobuf field: [${field.name}]. This field appears in Protobuf schema in Schema Registry`,
      )
    }
  }
  if (type.kind === 'MAP' && mapOf(field) !== null) return mapWriter(field, type, path)
  if (type.kind === 'ARRAY' && field.repeated) return listWriter(field, type, path)
  if (field.repeated) throw unwritable(type, 'a repeated field', path)
  const { wireType, write, zero } = valueWriter(field, type, path)
  const tag = field.number * 8 + wireType
  const { hasPresence, required } = field
  return (value, out) => {
    if (value === null) {
      if (required) throw new SerializationError(`null, but the field is required: ${path}`)
      return
    }
    if (!hasPresence && isZero(value, zero)) return
    writeVarint64(tag, out)
    write(value, out)
  }
}

function isZero(value: SqlValue, zero: SqlValue): boolean {
  if (value instanceof Uint8Array) return value.length === 0
  return Object.is(value, zero)
}

function unwritable(type: SqlType, as: string, path: string): SerializationError {
  return new SerializationError(`A ${formatType(type)} cannot be written as ${as}: ${path}`)
}

function listWriter(field: ProtoField, type: Extract<SqlType, { kind: 'ARRAY' }>, path: string): FieldWriter {
  const { wireType, write, zero } = valueWriter(field, type.element, `${path}/items`)
  const packed = field.packed && wireType !== wireTypes.delimited
  const tag = field.number * 8 + (packed ? wireTypes.delimited : wireType)
  return (value, out) => {
    const items = (value ?? []) as readonly SqlValue[]
    if (!packed) {
      for (const item of items) {
        writeVarint64(tag, out)
        writeItem(item)
      }
    } else if (items.length > 0) {
      writeVarint64(tag, out)
      writeDelimited(out, () => items.forEach(writeItem))
    }
    function writeItem(item: SqlValue): void {
      const present = item ?? zero
      // Nothing can be null in a Protobuf list: null becomes the default, which of a message is an empty one.
      if (present === null) out.writeByte(0)
      else write(present, out)
    }
  }
}

function mapWriter(field: ProtoField, type: Extract<SqlType, { kind: 'MAP' }>, path: string): FieldWriter {
  const { key, value } = mapOf(field)!
  const writeKey = fieldWriter(key, type.key, `${path}/key`)
  const writeValue = fieldWriter(value, type.value, `${path}/value`)
  const tag = field.number * 8 + wireTypes.delimited
  return (map, out) => {
    if (map === null) return
    for (const [name, item] of map as ReadonlyMap<SqlValue, SqlValue>) {
      writeVarint64(tag, out)
      writeDelimited(out, () => {
        writeKey(name, out)
        writeValue(item, out)
      })
    }
  }
}

function valueWriter({ type: target }: ProtoField, type: SqlType, path: string): ValueWriter {
  switch (target.kind) {
    case 'scalar': {
      const scalar = scalars[target.name]
      if (canHold(target.name, type)) return scalar
      throw unwritable(type, target.name, path)
    }
    case 'enum':
      if (type.kind === 'STRING') return enumWriter(target.name, target.values)
      throw unwritable(type, target.name, path)
    case 'message': {
      const write = bodyWriter(target.message, type, path)
      return {
        wireType: wireTypes.delimited,
        write: (value, out) => writeDelimited(out, () => write(value, out)),
        zero: null,
      }
    }
    case 'map':
      throw unwritable(type, 'a map', path)
  }
}

const holders: Readonly<Partial<Record<SqlType['kind'], readonly (keyof typeof scalars)[]>>> = {
  BOOLEAN: ['bool'],
  INTEGER: [
    'int32',
    'sint32',
    'sfixed32',
    'uint32',
    'fixed32',
    'int64',
    'sint64',
    'sfixed64',
    'uint64',
    'fixed64',
  ],
  BIGINT: ['int64', 'sint64', 'sfixed64', 'uint64', 'fixed64', 'uint32', 'fixed32'],
  DOUBLE: ['double', 'float'],
  STRING: ['string'],
  BYTES: ['bytes'],
}

function canHold(name: keyof typeof scalars, type: SqlType): boolean {
  return holders[type.kind]?.includes(name) === true
}

function enumWriter(name: string, values: ReadonlyMap<string, number>): ValueWriter {
  return {
    wireType: wireTypes.varint,
    write: (value, out) => {
      const number = values.get(value as string)
      if (number === undefined)
        throw new SerializationError(`${JSON.stringify(value)} is no value of the enum ${name}`)
      writeVarint64(number, out)
    },
    zero: [...values].find(([, number]) => number === 0)?.[0] ?? null,
  }
}

/** Writes what is inside a message, without its length. */
function bodyWriter(message: ProtoMessage, type: SqlType, path: string): Write {
  switch (type.kind) {
    case 'DECIMAL':
      if (message.fullName === 'confluent.type.Decimal') return decimalWriter(type.precision, type.scale)
      break
    case 'DATE':
      if (message.fullName === 'google.type.Date') {
        return (value, out) => {
          const { year, month, day } = civilDate(value as number)
          writeIntegers([year, month, day], out)
        }
      }
      break
    case 'TIME':
      if (message.fullName === 'google.type.TimeOfDay') {
        return (value, out) => writeIntegers(timeOfDay(value as number), out)
      }
      break
    case 'TIMESTAMP':
      if (message.fullName === 'google.protobuf.Timestamp') {
        return (value, out) => {
          const seconds = Math.floor((value as number) / 1000)
          writeIntegers([seconds, ((value as number) - seconds * 1000) * 1e6], out)
        }
      }
      break
    case 'STRUCT': {
      const write = messageWriter(message, type.fields, path)
      return (value, out) => write(value as readonly SqlValue[], out)
    }
    default: {
      const isHolder =
        type.kind === 'ARRAY' || type.kind === 'MAP' ? message.fields.length === 1 : isWrapper(message)
      if (!isHolder) break
      const write = fieldWriter(message.fields[0]!, type, path)
      return (value, out) => write(value, out)
    }
  }
  throw unwritable(type, message.fullName, path)
}

function timeOfDay(ms: number): readonly number[] {
  return [
    Math.trunc(ms / 3_600_000),
    Math.trunc((ms % 3_600_000) / 60_000),
    Math.trunc((ms % 60_000) / 1000),
    (ms % 1000) * 1e6,
  ]
}

/** Fields 1, 2, 3 … of a message of whole numbers. */
function writeIntegers(values: readonly number[], out: ByteWriter): void {
  const { wireType, write } = scalars.int64
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (value === 0) continue
    writeVarint64((i + 1) * 8 + wireType, out)
    write(value, out)
  }
}

const bytes: Scalar = scalars.bytes

function decimalWriter(precision: number, scale: number): Write {
  return (value, out) => {
    writeVarint64(1 * 8 + bytes.wireType, out)
    bytes.write(unscaledBytes(value as Decimal, scale), out)
    writeVarint64(2 * 8 + wireTypes.varint, out)
    writeVarint64(precision, out)
    if (scale === 0) return
    writeVarint64(3 * 8 + wireTypes.varint, out)
    writeVarint64(scale, out)
  }
}
