import { SqlError } from '../errors.js'
import { type SqlType, SqlTypes } from '../types.js'
import type { FormatColumn } from './format-contract.js'

/*
 * JSON schemas of SQL columns and back, with the annotations of Confluent's converter: `connect.type` says which
 * integer, `connect.index` the order of the properties, `oneOf` with null that a value may be missing.
 */

type Json = { readonly [name: string]: unknown }

const optional = (schema: Json): Json => ({ oneOf: [{ type: 'null' }, schema] })

/** @param unwrapped the single column stands without an object around it */
export function deriveJsonSchema(columns: readonly FormatColumn[], unwrapped: boolean): string {
  const [only] = columns
  const bare = unwrapped && only !== undefined
  return JSON.stringify(bare ? optional(schemaOf(only.type)) : objectSchema(columns))
}

function objectSchema(fields: readonly FormatColumn[]): Json {
  const properties = fields.map(
    (f, i) => [f.name, { 'connect.index': i, ...optional(schemaOf(f.type)) }] as const,
  )
  return { type: 'object', properties: Object.fromEntries(properties) }
}

function schemaOf(type: SqlType): Json {
  switch (type.kind) {
    case 'BOOLEAN':
      return { type: 'boolean' }
    case 'INTEGER':
      return { type: 'integer', 'connect.type': 'int32' }
    case 'BIGINT':
      return { type: 'integer', 'connect.type': 'int64' }
    case 'DOUBLE':
      return { type: 'number', 'connect.type': 'float64' }
    case 'STRING':
      return { type: 'string' }
    case 'BYTES':
      return { type: 'string', 'connect.type': 'bytes' }
    case 'DATE':
      return connectType('integer', 'Date', 'int32')
    case 'TIME':
      return connectType('integer', 'Time', 'int32')
    case 'TIMESTAMP':
      return connectType('integer', 'Timestamp', 'int64')
    case 'DECIMAL': {
      const parameters = { scale: String(type.scale), 'connect.decimal.precision': String(type.precision) }
      return { ...connectType('number', 'Decimal', 'bytes'), 'connect.parameters': parameters }
    }
    case 'ARRAY':
      return { type: 'array', items: optional(schemaOf(type.element)) }
    case 'MAP':
      // ksqlDB describes a list of entries here, which it cannot read itself; an object is what everyone expects.
      return { type: 'object', 'connect.type': 'map', additionalProperties: optional(schemaOf(type.value)) }
    case 'STRUCT':
      return objectSchema(type.fields)
  }
}

function connectType(type: string, name: string, connect: string): Json {
  return {
    type,
    title: `org.apache.kafka.connect.data.${name}`,
    'connect.version': 1,
    'connect.type': connect,
  }
}

/** Looks up `#/definitions/…` in the schema and other names among the references. */
interface Context {
  readonly root: Json
  readonly references: ReadonlyMap<string, string>
  readonly rename: (name: string) => string
  /** Schemas that are being converted: one inside itself has no SQL type. */
  readonly open: ReadonlySet<Json>
}

/** The SQL type of a JSON schema; null where there is none. Properties without one are left out. */
export function sqlTypeOfJsonSchema(
  text: string,
  { references, rename }: Pick<Context, 'references' | 'rename'>,
): SqlType | null {
  let root: Json
  try {
    root = JSON.parse(text) as Json
  } catch (cause) {
    throw new SqlError(`Not a JSON schema, since not JSON: ${(cause as Error).message}`, { cause })
  }
  return convert(root, { root, references, rename, open: new Set() })
}

function convert(written: unknown, context: Context): SqlType | null {
  const found = resolve(written, context)
  if (found === null || found.context.open.has(found.schema)) return null
  const { schema } = found
  const inside = { ...found.context, open: new Set([...found.context.open, schema]) }
  const alternatives = (schema.oneOf ?? schema.anyOf) as readonly Json[] | undefined
  if (Array.isArray(alternatives)) {
    const present = alternatives.filter((a) => a.type !== 'null')
    return present.length === 1 ? convert(present[0], inside) : null
  }
  const types = ([schema.type ?? []].flat() as string[]).filter((type) => type !== 'null')
  const type =
    types[0] ?? (schema.properties === undefined ? (schema.enum === undefined ? null : 'string') : 'object')
  switch (types.length > 1 ? null : type) {
    case 'boolean':
      return SqlTypes.BOOLEAN
    case 'string':
      return schema['connect.type'] === 'bytes' ? SqlTypes.BYTES : SqlTypes.STRING
    case 'integer':
      return integerType(schema)
    case 'number':
      return numberType(schema)
    case 'array':
      return arrayType(schema, inside)
    case 'object':
      return objectType(schema, inside)
    default:
      return null
  }
}

function resolve(
  written: unknown,
  context: Context,
): { readonly schema: Json; readonly context: Context } | null {
  if (written === null || typeof written !== 'object') return null
  const schema = written as Json
  const reference = schema.$ref
  if (typeof reference !== 'string') return { schema, context }
  if (reference.startsWith('#')) {
    const path = reference.split('/').slice(1)
    const target = path.reduce<unknown>((at, name) => (at as Json | undefined)?.[name], context.root)
    return target === schema ? null : resolve(target, context)
  }
  const text = context.references.get(reference)
  if (text === undefined) return null
  const root = JSON.parse(text) as Json
  return resolve(root, { ...context, root })
}

function integerType(schema: Json): SqlType {
  switch (schema.title) {
    case 'org.apache.kafka.connect.data.Date':
      return SqlTypes.DATE
    case 'org.apache.kafka.connect.data.Time':
      return SqlTypes.TIME
    case 'org.apache.kafka.connect.data.Timestamp':
      return SqlTypes.TIMESTAMP
    default:
      return /^int(8|16|32)$/.test(String(schema['connect.type'])) ? SqlTypes.INTEGER : SqlTypes.BIGINT
  }
}

function numberType(schema: Json): SqlType {
  if (schema['connect.type'] !== 'bytes') return SqlTypes.DOUBLE
  const parameters = (schema['connect.parameters'] ?? {}) as Readonly<Record<string, string>>
  return SqlTypes.decimal(
    Number(parameters['connect.decimal.precision'] ?? 64),
    Number(parameters.scale ?? 0),
  )
}

function arrayType(schema: Json, context: Context): SqlType | null {
  const element = convert(schema.items, context)
  if (schema['connect.type'] !== 'map') return element === null ? null : SqlTypes.array(element)
  const value =
    element?.kind === 'STRUCT' ? element.fields.find((f) => f.name.toLowerCase() === 'value') : undefined
  return value === undefined ? null : SqlTypes.map(SqlTypes.STRING, value.type)
}

function objectType(schema: Json, context: Context): SqlType | null {
  if (schema['connect.type'] === 'map') {
    const value = convert(schema.additionalProperties, context)
    return value === null ? null : SqlTypes.map(SqlTypes.STRING, value)
  }
  const properties = Object.entries((schema.properties ?? {}) as Readonly<Record<string, Json>>)
  const indexed = properties.map(([name, property], i) => ({
    name: context.rename(name),
    property,
    index: Number(property['connect.index'] ?? i),
  }))
  indexed.sort((a, b) => a.index - b.index)
  const fields = indexed.flatMap(({ name, property }) => {
    const type = convert(property, context)
    return type === null ? [] : [{ name, type }]
  })
  return fields.length === 0 ? null : SqlTypes.struct(fields)
}

/** The names an object may have; null where the schema does not say. */
export function propertyNames(text: string): ReadonlySet<string> | null {
  const { properties } = JSON.parse(text) as { readonly properties?: object }
  return properties === undefined ? null : new Set(Object.keys(properties))
}
