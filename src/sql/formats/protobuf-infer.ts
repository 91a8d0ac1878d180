import {
  mapOf,
  type ProtoField,
  type ProtoMessage,
  type ProtoType,
} from '../schema-registry/protobuf-schema.js'
import { type SqlType, SqlTypes } from '../types.js'

/** The SQL type of a Protobuf message; null where there is none. Fields without one are left out. */
export function sqlTypeOfMessage(message: ProtoMessage, rename: (name: string) => string): SqlType | null {
  return struct(message, rename, new Set())
}

type Open = ReadonlySet<ProtoMessage>

function struct(message: ProtoMessage, rename: (name: string) => string, open: Open): SqlType | null {
  // A message inside itself has no SQL type.
  if (open.has(message)) return null
  const inside = new Set([...open, message])
  const fields = message.fields.flatMap((field) => {
    const type = fieldType(field, rename, inside)
    return type === null ? [] : [{ name: rename(field.name), type }]
  })
  return fields.length === 0 ? null : SqlTypes.struct(fields)
}

function fieldType(field: ProtoField, rename: (name: string) => string, open: Open): SqlType | null {
  const map = mapOf(field)
  if (map !== null) {
    const value = fieldType(map.value, rename, open)
    const hasTextKey = fieldType(map.key, rename, open)?.kind === 'STRING'
    return value === null || !hasTextKey ? null : SqlTypes.map(SqlTypes.STRING, value)
  }
  const type = valueType(field, rename, open)
  return type !== null && field.repeated ? SqlTypes.array(type) : type
}

function valueType(
  { type, params }: ProtoField,
  rename: (name: string) => string,
  open: Open,
): SqlType | null {
  if (type.kind === 'scalar' || type.kind === 'enum') return scalarType(type)
  if (type.kind === 'map') return null
  switch (type.message.fullName) {
    case 'confluent.type.Decimal':
      return SqlTypes.decimal(Number(params.precision ?? 64), Number(params.scale ?? 0))
    case 'google.protobuf.Timestamp':
      return SqlTypes.TIMESTAMP
    case 'google.type.Date':
      return SqlTypes.DATE
    case 'google.type.TimeOfDay':
      return SqlTypes.TIME
    default:
      return isWrapper(type.message)
        ? scalarType(type.message.fields[0]!.type)
        : struct(type.message, rename, open)
  }
}

/** `google.protobuf.StringValue` and its like: a value that may be missing. */
export function isWrapper(message: ProtoMessage): boolean {
  return /^google\.protobuf\.\w+Value$/.test(message.fullName) && message.fields.length === 1
}

function scalarType(type: ProtoType): SqlType | null {
  if (type.kind !== 'scalar') return SqlTypes.STRING
  switch (type.name) {
    case 'bool':
      return SqlTypes.BOOLEAN
    case 'string':
      return SqlTypes.STRING
    case 'bytes':
      return SqlTypes.BYTES
    case 'double':
    case 'float':
      return SqlTypes.DOUBLE
    case 'int32':
    case 'sint32':
    case 'sfixed32':
      return SqlTypes.INTEGER
    default:
      // 32 bits without a sign do not fit an INTEGER.
      return SqlTypes.BIGINT
  }
}
