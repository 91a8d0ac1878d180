import protobuf from 'protobufjs'
import type { Json } from '../exact-json.js'
import { fieldOf, scaledText, unscaled } from './wire-avro.js'
import type { Actual } from './wire-values.js'

/* Protobuf by a library of its own: JSON of the cases to bytes by a schema, and back. */

const imported = `syntax = "proto3"; package P;`
const known: readonly string[] = [
  `${imported.replace('P', 'google.protobuf')} message DoubleValue { double value = 1; } message Int64Value { int64 value = 1; }
   message Int32Value { int32 value = 1; } message BoolValue { bool value = 1; } message StringValue { string value = 1; }
   message BytesValue { bytes value = 1; } message Timestamp { int64 seconds = 1; int32 nanos = 2; }`,
  `${imported.replace('P', 'google.type')} message Date { int32 year = 1; int32 month = 2; int32 day = 3; }
   message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }`,
  `${imported.replace('P', 'confluent.type')} message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }`,
]

interface File {
  readonly messages: readonly protobuf.Type[]
}

function parse(text: string, references: Iterable<string>): File {
  const root = new protobuf.Root()
  const parsed = protobuf.parse(text, root, { keepCase: true })
  const own = (parsed.package === undefined ? root : root.lookup(parsed.package)) as protobuf.Namespace
  const messages = own.nestedArray.filter((n) => n instanceof protobuf.Type)
  for (const file of [...known, ...references]) protobuf.parse(file, root, { keepCase: true })
  root.resolveAll()
  return { messages }
}

export interface ProtobufSchema {
  readonly text: string
  readonly references: Iterable<string>
}

/** @param name of the message, for files of several */
export function encodeProtobuf(value: Json, schema: ProtobufSchema, framed: boolean, name?: string): Buffer {
  const { messages } = parse(schema.text, schema.references)
  const index = name === undefined ? 0 : messages.findIndex((m) => m.name === name)
  const type = messages[index]!
  const body = Buffer.from(type.encode(type.fromObject(toProto(value, type))).finish())
  if (!framed) return body
  return Buffer.concat([Buffer.from(index === 0 ? [0] : [2, index * 2]), body])
}

export function decodeProtobuf(bytes: Buffer, schema: ProtobufSchema, framed: boolean): Actual {
  const { messages } = parse(schema.text, schema.references)
  const skipped = !framed ? 0 : bytes[0] === 0 ? 1 : 2
  const type = messages[skipped === 2 ? bytes[1]! / 2 : 0]!
  return fromProto(type.decode(bytes.subarray(skipped)) as unknown as Fields, type)
}

type Fields = { readonly [name: string]: unknown }

function toProto(value: Json, type: protobuf.Type): { [name: string]: unknown } {
  const fields: { [name: string]: unknown } = {}
  for (const field of type.fieldsArray) {
    const item = fieldOf(value as { [name: string]: Json }, field.name)
    if (item === null) continue
    if (field.map) {
      fields[field.name] = Object.fromEntries(
        Object.entries(item).map(([k, v]) => [k, toValue(v as Json, field)]),
      )
    } else if (isEntries(field)) {
      const entry = field.resolvedType as protobuf.Type
      fields[field.name] = Object.entries(item).map(([key, v]) => toProto({ key, value: v as Json }, entry))
    } else if (field.repeated) fields[field.name] = (item as Json[]).map((i) => toValue(i, field))
    else fields[field.name] = toValue(item, field)
  }
  return fields
}

function isEntries(field: protobuf.Field): boolean {
  return (
    field.repeated && field.resolvedType instanceof protobuf.Type && field.resolvedType.name.endsWith('Entry')
  )
}

function toValue(value: Json, field: protobuf.Field): unknown {
  const type = field.resolvedType
  if (type === null && field.type === 'bytes') return Buffer.from(value as string, 'base64')
  if (!(type instanceof protobuf.Type))
    return typeof value === 'boolean' || typeof value === 'string' ? value : String(value)
  switch (type.fullName) {
    case '.confluent.type.Decimal': {
      const scale = /\.(\d+)$/.exec(String(value))?.[1]?.length ?? 0
      return { value: unscaled(String(value), scale), precision: 38, scale }
    }
    case '.google.protobuf.Timestamp': {
      const ms = Number(String(value))
      return { seconds: Math.floor(ms / 1000), nanos: (((ms % 1000) + 1000) % 1000) * 1_000_000 }
    }
    case '.google.type.Date': {
      const date = new Date(Number(String(value)) * 86_400_000)
      return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
    }
    case '.google.type.TimeOfDay': {
      const time = new Date(Number(String(value)))
      const nanos = time.getUTCMilliseconds() * 1_000_000
      return {
        hours: time.getUTCHours(),
        minutes: time.getUTCMinutes(),
        seconds: time.getUTCSeconds(),
        nanos,
      }
    }
    default:
      return type.fullName.startsWith('.google.protobuf.')
        ? { value: toValue(value, type.fields.value!) }
        : toProto(value, type)
  }
}

function fromProto(message: Fields, type: protobuf.Type): Actual {
  return new Map(type.fieldsArray.map((field) => [field.name, fromField(message, field)]))
}

function fromField(message: Fields, field: protobuf.Field): Actual {
  const value = message[field.name]
  if (field.map) {
    return new Map(Object.entries(value as object).map(([k, v]) => [k, fromValue(v, field)]))
  }
  if (isEntries(field)) {
    const entry = field.resolvedType as protobuf.Type
    const entries = value as readonly Fields[]
    return new Map(entries.map((e) => [String(e.key), fromField(e, entry.fields.value!)]))
  }
  if (field.repeated) return (value as unknown[]).map((item) => fromValue(item, field))
  const isSet = Object.hasOwn(message, field.name)
  if (!isSet && (field.partOf != null || field.resolvedType instanceof protobuf.Type)) return null
  return fromValue(value, field)
}

function fromValue(value: unknown, field: protobuf.Field): Actual {
  const type = field.resolvedType
  if (type instanceof protobuf.Enum) return type.valuesById[value as number] ?? null
  if (type instanceof protobuf.Type) return fromMessage(value as Fields, type)
  switch (field.type) {
    case 'bool':
      return value as boolean
    case 'string':
      return value as string
    case 'bytes':
      return Buffer.from(value as Uint8Array).toString('base64')
    case 'double':
    case 'float':
      return { double: value as number }
    default:
      return { integer: BigInt(String(value)), bits: /64|uint32|^fixed32/.test(field.type) ? 64 : 32 }
  }
}

function fromMessage(message: Fields, type: protobuf.Type): Actual {
  const number = (name: string): number => Number(String(message[name]))
  const whole = (value: number): Actual => ({ integer: BigInt(Math.round(value)), bits: 64 })
  switch (type.fullName) {
    case '.confluent.type.Decimal':
      return { decimal: scaledText(message.value as Uint8Array, number('scale')) }
    case '.google.protobuf.Timestamp':
      return whole(number('seconds') * 1000 + number('nanos') / 1e6)
    case '.google.type.Date':
      return whole(Date.UTC(number('year'), number('month') - 1, number('day')) / 86_400_000)
    case '.google.type.TimeOfDay':
      return whole(
        ((number('hours') * 60 + number('minutes')) * 60 + number('seconds')) * 1000 + number('nanos') / 1e6,
      )
    default:
      return type.fullName.startsWith('.google.protobuf.')
        ? fromValue(message.value, type.fields.value!)
        : fromProto(message, type)
  }
}
