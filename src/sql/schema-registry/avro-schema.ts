import { SchemaRegistryError } from './schema-registry.js'

/* Avro schemas, parsed: names resolved, so that a record that holds itself is a cycle of objects. */

export type AvroNode =
  | AvroPrimitive
  | AvroBytes
  | AvroFixed
  | AvroEnum
  | AvroArray
  | AvroMap
  | AvroRecord
  | AvroUnion

export interface AvroPrimitive {
  readonly kind: 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'string'
  /** `date`, `time-millis`, `timestamp-millis` … */
  readonly logical: string | null
}

export interface AvroDecimal {
  readonly precision: number
  readonly scale: number
}

export interface AvroBytes {
  readonly kind: 'bytes'
  readonly decimal: AvroDecimal | null
}

export interface AvroFixed {
  readonly kind: 'fixed'
  readonly name: string
  readonly size: number
  readonly decimal: AvroDecimal | null
}

export interface AvroEnum {
  readonly kind: 'enum'
  readonly name: string
  readonly symbols: readonly string[]
}

export interface AvroArray {
  readonly kind: 'array'
  readonly items: AvroNode
}

export interface AvroMap {
  readonly kind: 'map'
  readonly values: AvroNode
}

export interface AvroRecord {
  readonly kind: 'record'
  /** With its namespace. */
  readonly name: string
  readonly fields: readonly AvroField[]
}

export interface AvroField {
  readonly name: string
  readonly type: AvroNode
  /** As in the schema's JSON; undefined where there is none. */
  readonly defaultValue: unknown
}

export interface AvroUnion {
  readonly kind: 'union'
  readonly branches: readonly AvroNode[]
}

interface Context {
  readonly names: Map<string, AvroNode>
  readonly namespace: string
}

const primitives = ['null', 'boolean', 'int', 'long', 'float', 'double', 'string'] as const

/**
 * @param references texts of schemas whose names this one uses, each after those it needs itself
 * @throws SchemaRegistryError
 */
export function parseAvro(text: string, references: Iterable<string> = []): AvroNode {
  const context: Context = { names: new Map(), namespace: '' }
  for (const reference of references) parseNode(jsonOf(reference), context)
  return parseNode(jsonOf(text), context)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    // A schema may be no more than the name of a type.
    if (/^[A-Za-z_][\w.]*$/.test(text.trim())) return text.trim()
    throw new SchemaRegistryError(`Not an Avro schema, since not JSON: ${(cause as Error).message}`, {
      cause,
    })
  }
}

type JsonObject = { readonly [name: string]: unknown }

function parseNode(json: unknown, context: Context): AvroNode {
  if (typeof json === 'string') return named(json, context)
  if (Array.isArray(json))
    return { kind: 'union', branches: json.map((branch) => parseNode(branch, context)) }
  if (json === null || typeof json !== 'object') throw malformed(json)
  const schema = json as JsonObject
  switch (schema.type) {
    case 'record':
    case 'error':
      return parseRecord(schema, context)
    case 'enum':
      return define(schema, context, (name) => ({ kind: 'enum', name, symbols: schema.symbols as string[] }))
    case 'fixed':
      return define(schema, context, (name) => ({
        kind: 'fixed',
        name,
        size: Number(schema.size),
        decimal: decimalOf(schema),
      }))
    case 'array':
      return { kind: 'array', items: parseNode(schema.items, context) }
    case 'map':
      return { kind: 'map', values: parseNode(schema.values, context) }
    case 'bytes':
      return { kind: 'bytes', decimal: decimalOf(schema) }
    default:
      return withLogical(parseNode(schema.type, context), schema.logicalType)
  }
}

function withLogical(node: AvroNode, logical: unknown): AvroNode {
  const plain = primitives.find((kind) => kind === node.kind)
  return plain === undefined || typeof logical !== 'string' ? node : { kind: plain, logical }
}

function named(name: string, { names, namespace }: Context): AvroNode {
  const primitive = primitives.find((kind) => kind === name)
  if (primitive !== undefined) return { kind: primitive, logical: null }
  if (name === 'bytes') return { kind: 'bytes', decimal: null }
  const found = names.get(fullName(name, namespace)) ?? names.get(name)
  if (found === undefined) throw new SchemaRegistryError(`Not an Avro schema: there is no type named ${name}`)
  return found
}

function fullName(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`
}

function nameOf(schema: JsonObject, context: Context): string {
  if (typeof schema.name !== 'string') throw malformed(schema)
  const namespace = typeof schema.namespace === 'string' ? schema.namespace : context.namespace
  return fullName(schema.name, namespace)
}

function define(schema: JsonObject, context: Context, make: (name: string) => AvroNode): AvroNode {
  const name = nameOf(schema, context)
  const node = make(name)
  context.names.set(name, node)
  return node
}

function parseRecord(schema: JsonObject, context: Context): AvroRecord {
  const name = nameOf(schema, context)
  const fields: AvroField[] = []
  const record: AvroRecord = { kind: 'record', name, fields }
  context.names.set(name, record)
  if (!Array.isArray(schema.fields)) throw malformed(schema)
  const inside = { names: context.names, namespace: name.slice(0, Math.max(0, name.lastIndexOf('.'))) }
  for (const field of schema.fields as JsonObject[]) {
    if (typeof field.name !== 'string') throw malformed(field)
    fields.push({ name: field.name, type: parseNode(field.type, inside), defaultValue: field.default })
  }
  return record
}

function decimalOf({ logicalType, precision, scale }: JsonObject): AvroDecimal | null {
  if (logicalType !== 'decimal') return null
  return { precision: Number(precision ?? 64), scale: Number(scale ?? 0) }
}

function malformed(json: unknown): SchemaRegistryError {
  return new SchemaRegistryError(`Not an Avro schema: ${(JSON.stringify(json) ?? 'nothing').slice(0, 200)}`)
}

/** `["null", T]` and `[T, "null"]` are T that may be null. */
export function nullable(node: AvroNode): { readonly node: AvroNode; readonly optional: boolean } {
  if (node.kind !== 'union') return { node, optional: node.kind === 'null' }
  const others = node.branches.filter((branch) => branch.kind !== 'null')
  if (others.length !== 1) return { node, optional: others.length < node.branches.length }
  return { node: others[0]!, optional: others.length < node.branches.length }
}

/** A map whose keys are no plain text, as Kafka Connect writes it: an array of records of `key` and `value`. */
export function mapEntryOf({
  items,
}: AvroArray): { readonly key: AvroField; readonly value: AvroField } | null {
  if (items.kind !== 'record' || items.fields.length !== 2) return null
  const [key, value] = items.fields
  return key!.name === 'key' && value!.name === 'value' ? { key: key!, value: value! } : null
}

/** How a branch of a union is named where each is a field. */
export function branchName(node: AvroNode): string {
  return 'name' in node ? node.name.slice(node.name.lastIndexOf('.') + 1) : node.kind
}
