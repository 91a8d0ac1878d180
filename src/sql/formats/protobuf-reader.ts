import { SerializationError } from '../../serde/index.js'
import { doubleToText } from '../expression/java-text.js'
import { mapOf, type ProtoField, type ProtoMessage } from '../schema-registry/protobuf-schema.js'
import { formatType, type SqlType } from '../types.js'
import { type BinaryCursor, readLength, readVarint32 } from './binary-cursor.js'
import { epochDay } from './civil-date.js'
import { matchField } from './field-match.js'
import { protobufName } from './protobuf-derive.js'
import { isWrapper } from './protobuf-infer.js'
import { scalars, skipField, wireTypes } from './protobuf-scalars.js'
import type { SqlValue } from './row-class.js'
import { fitted, fromUnscaledBytes } from './unscaled-bytes.js'

/*
 * Readers for one Protobuf message and the SQL types its fields shall become. A field that is not there is null where
 * the schema tells absent from default, else its default.
 */

/** Reads the message up to the cursor's end into the slots, all of them set. */
export type MessageReader = (cursor: BinaryCursor, slots: SqlValue[]) => void

type ValueReader = (cursor: BinaryCursor) => SqlValue

interface FieldReader {
  readonly slot: number
  /** Also adds to a list or map that is in the slot. */
  readonly read: (cursor: BinaryCursor, wireType: number, before: SqlValue) => SqlValue
}

interface Wanted {
  readonly name: string
  readonly type: SqlType
}

/**
 * @param fields what each slot is for; null leaves it null
 * @throws SerializationError when a field cannot become its type
 */
export function messageReader(
  message: ProtoMessage,
  fields: readonly (Wanted | null)[],
  path = '',
): MessageReader {
  const readers: (FieldReader | undefined)[] = []
  const initial: (() => SqlValue)[] = fields.map(() => () => null)
  for (const [slot, wanted] of fields.entries()) {
    const field = wanted === null ? undefined : matchField(message.fields, protobufName(wanted.name))
    if (wanted === null || field === undefined) continue
    const { read, zero } = fieldReader(field, wanted.type, `${path}->${wanted.name}`)
    initial[slot] = zero
    readers[field.number] = { slot, read }
  }
  return (cursor, slots) => {
    for (let i = 0; i < initial.length; i++) slots[i] = initial[i]!()
    while (cursor.position < cursor.end) {
      const tag = readVarint32(cursor)
      const reader = readers[tag >>> 3]
      if (reader === undefined) skipField(cursor, tag & 7)
      else slots[reader.slot] = reader.read(cursor, tag & 7, slots[reader.slot]!)
    }
  }
}

interface FieldPlan {
  readonly read: FieldReader['read']
  readonly zero: () => SqlValue
}

function fieldReader(field: ProtoField, type: SqlType, path: string): FieldPlan {
  if (type.kind === 'MAP') return mapReader(field, type, path)
  if (type.kind === 'ARRAY') return listReader(field, type, path)
  if (field.repeated) throw mismatch('ARRAY', type, path)
  const { read, wireType, zero } = valueReader(field, type, path)
  return {
    read: (cursor, found) => {
      if (found !== wireType) throw wrongWire(found, wireType, path)
      return read(cursor)
    },
    zero: () => (field.hasPresence ? null : zero),
  }
}

function mismatch(found: string, type: SqlType, path: string): SerializationError {
  return new SerializationError(
    `Cannot deserialize type ${found} as type ${formatType(type)} for path: ${path}`,
  )
}

function wrongWire(found: number, expected: number, path: string): SerializationError {
  return new SerializationError(`Protobuf wire type ${found} where ${expected} is expected for path: ${path}`)
}

function listReader(field: ProtoField, type: Extract<SqlType, { kind: 'ARRAY' }>, path: string): FieldPlan {
  if (!field.repeated) return holderReader(field, type, path)
  const { read, wireType } = valueReader(field, type.element, `${path}->ARRAY`)
  return {
    read: (cursor, found, before) => {
      const items = before as SqlValue[]
      if (found === wireType) items.push(read(cursor))
      else if (found === wireTypes.delimited) {
        within(cursor, () => {
          while (cursor.position < cursor.end) items.push(read(cursor))
          return null
        })
      } else throw wrongWire(found, wireType, path)
      return items
    },
    zero: () => [],
  }
}

/** A list or a map inside a list is held by a message of one field. */
function holderReader(field: ProtoField, type: SqlType, path: string): FieldPlan {
  const { read, wireType } = valueReader(field, type, path)
  return {
    read: (cursor, found) => {
      if (found !== wireType) throw wrongWire(found, wireType, path)
      return read(cursor)
    },
    zero: () => null,
  }
}

function mapReader(field: ProtoField, type: Extract<SqlType, { kind: 'MAP' }>, path: string): FieldPlan {
  const entry = mapOf(field)
  if (entry === null) return holderReader(field, type, path)
  const message: ProtoMessage = {
    fullName: 'entry',
    name: 'entry',
    fields: [entry.key, entry.value],
    nested: [],
  }
  const read = messageReader(
    message,
    [
      { name: 'key', type: type.key },
      { name: 'value', type: type.value },
    ],
    path,
  )
  return {
    read: (cursor, found, before) => {
      if (found !== wireTypes.delimited) throw wrongWire(found, wireTypes.delimited, path)
      const slots: SqlValue[] = [null, null]
      within(cursor, () => {
        read(cursor, slots)
        return null
      })
      ;(before as Map<SqlValue, SqlValue>).set(slots[0]!, slots[1]!)
      return before
    },
    zero: () => new Map(),
  }
}

/** Narrows the cursor to the next length-delimited value. */
function within(cursor: BinaryCursor, read: () => SqlValue): SqlValue {
  const length = readLength(cursor)
  const { end } = cursor
  const inner = cursor.position + length
  cursor.end = inner
  const value = read()
  cursor.position = inner
  cursor.end = end
  return value
}

interface ValuePlan {
  readonly read: ValueReader
  readonly wireType: number
  readonly zero: SqlValue
}

function valueReader({ type: written }: ProtoField, type: SqlType, path: string): ValuePlan {
  switch (written.kind) {
    case 'scalar': {
      const plan = scalarReader(written.name, type)
      if (plan === null) throw mismatch(written.name, type, path)
      return plan
    }
    case 'enum': {
      if (type.kind !== 'STRING') throw mismatch(written.name, type, path)
      const names = new Map([...written.values].map(([name, value]) => [value, name]))
      const nameOf = (value: number): string => names.get(value) ?? String(value)
      return { read: (cursor) => nameOf(readVarint32(cursor)), wireType: wireTypes.varint, zero: nameOf(0) }
    }
    case 'message': {
      const read = messageValueReader(written.message, type, path)
      return {
        read: (cursor) => within(cursor, () => read(cursor)),
        wireType: wireTypes.delimited,
        zero: null,
      }
    }
    case 'map':
      throw mismatch('MAP', type, path)
  }
}

const integers: ReadonlySet<string> = new Set(['int32', 'sint32', 'sfixed32'])
const longs: ReadonlySet<string> = new Set([
  ...integers,
  'uint32',
  'fixed32',
  'int64',
  'uint64',
  'sint64',
  'fixed64',
  'sfixed64',
])

function scalarReader(name: keyof typeof scalars, type: SqlType): ValuePlan | null {
  const scalar = scalars[name]
  switch (type.kind) {
    case 'BOOLEAN':
      return name === 'bool' ? scalar : null
    case 'INTEGER':
      return integers.has(name) ? scalar : null
    case 'BIGINT':
      return longs.has(name) ? scalar : null
    case 'DOUBLE':
      return name === 'double' || name === 'float' ? scalar : null
    case 'BYTES':
      return name === 'bytes' ? scalar : null
    case 'STRING': {
      if (name === 'string') return scalar
      if (name === 'bytes') return null
      const isReal = name === 'double' || name === 'float'
      const text = (value: SqlValue): string => (isReal ? doubleToText(value as number) : String(value))
      return {
        read: (cursor) => text(scalar.read(cursor)),
        wireType: scalar.wireType,
        zero: text(scalar.zero),
      }
    }
    default:
      return null
  }
}

function messageValueReader(message: ProtoMessage, type: SqlType, path: string): ValueReader {
  switch (type.kind) {
    case 'DECIMAL':
      if (message.fullName === 'confluent.type.Decimal') return decimalReader(message, type)
      break
    case 'DATE':
      if (message.fullName === 'google.type.Date')
        return integersReader(message, (v) => epochDay({ year: v[0]!, month: v[1]!, day: v[2]! }))
      break
    case 'TIME':
      if (message.fullName === 'google.type.TimeOfDay') {
        return integersReader(
          message,
          (v) => v[0]! * 3_600_000 + v[1]! * 60_000 + v[2]! * 1000 + Math.floor(v[3]! / 1e6),
        )
      }
      break
    case 'TIMESTAMP':
      if (message.fullName === 'google.protobuf.Timestamp') {
        return integersReader(message, (v) => v[0]! * 1000 + Math.floor(v[1]! / 1e6))
      }
      break
    case 'STRUCT':
      return structReader(message, type, path)
    case 'ARRAY':
    case 'MAP':
      if (message.fields.length === 1) return soleReader(message, type, path)
      break
    default:
      if (isWrapper(message)) return soleReader(message, type, path)
  }
  throw mismatch('STRUCT', type, path)
}

function structReader(
  message: ProtoMessage,
  type: Extract<SqlType, { kind: 'STRUCT' }>,
  path: string,
): ValueReader {
  let read: MessageReader | null = null
  return (cursor) => {
    read ??= messageReader(message, type.fields, path)
    const slots: SqlValue[] = []
    read(cursor, slots)
    return slots
  }
}

/** The one field of a message, instead of the message. */
function soleReader(message: ProtoMessage, type: SqlType, path: string): ValueReader {
  const read = messageReader(message, [{ name: message.fields[0]!.name, type }], path)
  const slots: SqlValue[] = [null]
  return (cursor) => {
    read(cursor, slots)
    return slots[0]!
  }
}

function integersReader(message: ProtoMessage, make: (values: readonly number[]) => number): ValueReader {
  const read = messageReader(
    message,
    message.fields.map(({ name }) => ({ name, type: { kind: 'BIGINT' } })),
  )
  const slots: SqlValue[] = []
  return (cursor) => {
    read(cursor, slots)
    return make(slots.map(Number))
  }
}

function decimalReader(message: ProtoMessage, type: SqlType): ValueReader {
  const read = messageReader(message, [
    { name: 'value', type: { kind: 'BYTES' } },
    { name: 'scale', type: { kind: 'INTEGER' } },
  ])
  const slots: SqlValue[] = []
  return (cursor) => {
    read(cursor, slots)
    return fitted(fromUnscaledBytes(slots[0] as Uint8Array, slots[1] as number), type)
  }
}
