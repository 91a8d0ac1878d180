import { findFormat } from '../../../src/sql/formats/index.js'
import { referencedTexts, subjectOf } from '../../../src/sql/schema-registry/index.js'
import { type Json, NumberText, parseExact, printExact } from '../exact-json.js'
import { decodeAvro, encodeAvro } from './wire-avro.js'
import { decodeProtobuf, encodeProtobuf, type ProtobufSchema } from './wire-protobuf.js'
import { type Actual, fromJson, type Side } from './wire-values.js'

/* Records with a schema: those framed by the registry, and PROTOBUF_NOSR, whose schema is that of the columns. */

export const registeredFormats: ReadonlySet<string> = new Set([
  'AVRO',
  'PROTOBUF',
  'JSON_SR',
  'PROTOBUF_NOSR',
])

export function encodeRegistered(value: Json, side: Side): Buffer {
  if (side.format === 'PROTOBUF_NOSR') return encodeProtobuf(value, derived(side), false)
  const { registry, topic, properties } = side.place!
  const subject = subjectOf(topic, side.role)
  const latest = registry.latest(subject)?.schema
  if (latest === undefined) throw new Error(`no schema for ${subject}`)
  const frame = Buffer.alloc(5)
  frame.writeInt32BE(latest.id, 1)
  const references = referencedTexts(registry, latest).values()
  const name = properties.fullSchemaName
  switch (side.format) {
    case 'AVRO':
      return Buffer.concat([frame, encodeAvro(value, latest.text)])
    case 'PROTOBUF':
      return Buffer.concat([frame, encodeProtobuf(value, { text: latest.text, references }, true, name)])
    default:
      return Buffer.concat([frame, Buffer.from(printExact(value))])
  }
}

export function decodeRegistered(bytes: Buffer, side: Side): Actual {
  if (side.format === 'PROTOBUF_NOSR') return decodeProtobuf(bytes, derived(side), false)
  const { registry } = side.place!
  if (bytes[0] !== 0) throw new Error(`no magic byte: ${bytes.toString('hex')}`)
  const schema = registry.byId(bytes.readInt32BE(1))
  if (schema === null) throw new Error(`the schema ${bytes.readInt32BE(1)} is not registered`)
  const body = bytes.subarray(5)
  const references = referencedTexts(registry, schema).values()
  switch (side.format) {
    case 'AVRO':
      return decodeAvro(body, schema.text)
    case 'PROTOBUF':
      return decodeProtobuf(body, { text: schema.text, references }, true)
    default:
      return bySchema(parseExact(body.toString()), JSON.parse(schema.text) as JsonSchema)
  }
}

function derived({ columns, role, place }: Side): ProtobufSchema {
  const { schemas } = findFormat('PROTOBUF')
  const { text } = schemas!.derive({ format: 'PROTOBUF', columns, role, properties: place?.properties })
  return { text, references: [] }
}

interface JsonSchema {
  readonly type?: string
  readonly 'connect.type'?: string
  readonly properties?: { readonly [name: string]: JsonSchema }
  readonly additionalProperties?: JsonSchema
  readonly items?: JsonSchema
  readonly oneOf?: readonly JsonSchema[]
}

/** A value of a JSON schema: which numbers are doubles and which decimals, and the properties that are not there. */
function bySchema(value: Json, written: JsonSchema): Actual {
  const schema = written.oneOf?.find((s) => s.type !== 'null') ?? written
  if (value === null) return null
  if (value instanceof NumberText) {
    if (schema.type !== 'number') return fromJson(value)
    return schema['connect.type'] === 'bytes' ? { decimal: value.text } : { double: Number(value.text) }
  }
  if (Array.isArray(value)) return value.map((item) => bySchema(item, schema.items ?? {}))
  if (typeof value !== 'object') return value
  const { properties, additionalProperties } = schema
  if (properties === undefined) {
    return new Map(Object.entries(value).map(([k, v]) => [k, bySchema(v, additionalProperties ?? {})]))
  }
  return new Map(Object.entries(properties).map(([k, s]) => [k, bySchema(value[k] ?? null, s)]))
}
