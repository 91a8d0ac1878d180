import avro from 'avsc'
import { decimalOf, type Json, NumberText } from '../exact-json.js'
import type { Actual } from './wire-values.js'

/* Avro by a library of its own: JSON of the cases to bytes by a schema, and back. */

const longs = avro.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const buffer = Buffer.alloc(8)
    buffer.writeBigInt64LE(value)
    return buffer
  },
  fromJSON: (value: number) => BigInt(value),
  toJSON: (value: bigint) => Number(value),
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
})

interface Schema {
  readonly type: avro.Type
  /** Scales of the types that are decimals. */
  readonly scales: ReadonlyMap<avro.Type, number>
}

function parse(text: string): Schema {
  const scales = new Map<avro.Type, number>()
  const registry: { [name: string]: avro.Type } = { long: longs }
  const typeHook = (schema: unknown): avro.Type | undefined => {
    const attributes = schema as {
      readonly logicalType?: string
      readonly scale?: number
      readonly type?: string
    }
    if (attributes?.type === 'long') return longs
    if (attributes?.logicalType !== 'decimal') return undefined
    const type = avro.Type.forSchema('bytes')
    scales.set(type, attributes.scale ?? 0)
    return type
  }
  return { type: avro.Type.forSchema(JSON.parse(text) as avro.Schema, { registry, typeHook }), scales }
}

export function encodeAvro(value: Json, text: string): Buffer {
  const schema = parse(text)
  return schema.type.toBuffer(toAvro(value, schema.type, schema))
}

export function decodeAvro(bytes: Buffer, text: string): Actual {
  const schema = parse(text)
  return fromAvro(schema.type.fromBuffer(bytes), schema.type, schema)
}

type Inner = avro.Type & {
  readonly types: readonly avro.Type[]
  readonly fields: readonly { readonly name: string; readonly type: avro.Type }[]
  readonly itemsType: avro.Type
  readonly valuesType: avro.Type
}

function toAvro(value: Json, type: avro.Type, schema: Schema): unknown {
  const inner = type as Inner
  const scale = schema.scales.get(type)
  if (scale !== undefined) return unscaled(String(value), scale)
  switch (type.typeName) {
    case 'null':
      return null
    case 'union:unwrapped':
    case 'union:wrapped':
      return value === null ? null : toAvro(value, inner.types.find((t) => t.typeName !== 'null')!, schema)
    case 'int':
    case 'float':
    case 'double':
      return Number(String(value))
    case 'abstract:long':
      return BigInt(String(value).replace(/\.0+$/, ''))
    case 'bytes':
    case 'fixed':
      return Buffer.from(value as string, 'base64')
    case 'string':
      return value instanceof NumberText ? value.text : value
    case 'array':
      return isEntry(inner.itemsType)
        ? Object.entries(value as object).map(([k, v]) =>
            toAvro({ key: k, value: v as Json }, inner.itemsType, schema),
          )
        : (value as Json[]).map((item) => toAvro(item, inner.itemsType, schema))
    case 'map':
      return Object.fromEntries(
        Object.entries(value as object).map(([k, v]) => [k, toAvro(v as Json, inner.valuesType, schema)]),
      )
    case 'record':
      return Object.fromEntries(
        inner.fields.map((f) => [
          f.name,
          toAvro(fieldOf(value as { [name: string]: Json }, f.name), f.type, schema),
        ]),
      )
    default:
      return value
  }
}

export function fieldOf(object: { readonly [name: string]: Json }, name: string): Json {
  const found = Object.keys(object).find((key) => key.toUpperCase() === name.toUpperCase())
  return found === undefined ? null : (object[name] ?? object[found] ?? null)
}

function isEntry(type: avro.Type): boolean {
  const fields = type.typeName === 'record' ? (type as Inner).fields.map((f) => f.name).join() : ''
  return fields === 'key,value'
}

export function unscaled(text: string, scale: number): Buffer {
  const decimal = decimalOf(text)!
  let digits = decimal.unscaled * 10n ** BigInt(Math.max(0, scale - decimal.scale))
  const bytes: number[] = []
  do {
    bytes.unshift(Number(digits & 0xffn))
    digits >>= 8n
  } while ((digits !== 0n && digits !== -1n) || digits < 0n !== bytes[0]! > 127)
  return Buffer.from(bytes)
}

export function scaledText(bytes: Uint8Array, scale: number): string {
  const hex = Buffer.from(bytes).toString('hex')
  const digits = BigInt.asIntN(bytes.length * 8, BigInt(`0x${hex === '' ? '0' : hex}`))
  if (scale === 0) return String(digits)
  const padded = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0')
  return `${digits < 0n ? '-' : ''}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
}

function fromAvro(value: unknown, type: avro.Type, schema: Schema): Actual {
  if (value === null) return null
  const inner = type as Inner
  const scale = schema.scales.get(type)
  if (scale !== undefined) return { decimal: scaledText(value as Buffer, scale) }
  switch (type.typeName) {
    case 'union:unwrapped':
      return fromAvro(value, inner.types.find((t) => t.typeName !== 'null' && t.isValid(value))!, schema)
    case 'union:wrapped': {
      const [name, item] = Object.entries(value as object)[0]!
      return fromAvro(item, inner.types.find((t) => t.branchName === name)!, schema)
    }
    case 'int':
      return { integer: BigInt(value as number), bits: 32 }
    case 'abstract:long':
      return { integer: value as bigint, bits: 64 }
    case 'float':
    case 'double':
      return { double: value as number }
    case 'bytes':
    case 'fixed':
      return Buffer.from(value as Buffer).toString('base64')
    case 'array': {
      if (!isEntry(inner.itemsType))
        return (value as unknown[]).map((item) => fromAvro(item, inner.itemsType, schema))
      const valueType = (inner.itemsType as Inner).fields[1]!.type
      const entries = value as readonly { readonly key: string; readonly value: unknown }[]
      return new Map(entries.map((e) => [e.key, fromAvro(e.value, valueType, schema)]))
    }
    case 'map':
      return new Map(
        Object.entries(value as object).map(([k, v]) => [k, fromAvro(v, inner.valuesType, schema)]),
      )
    case 'record': {
      const record = value as { readonly [name: string]: unknown }
      return new Map(inner.fields.map((f) => [f.name, fromAvro(record[f.name], f.type, schema)]))
    }
    default:
      return value as boolean | string
  }
}
