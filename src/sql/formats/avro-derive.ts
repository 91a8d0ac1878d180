import type { SqlType } from '../types.js'
import type { FormatColumn } from './format-contract.js'

/*
 * The Avro schema of SQL columns, as ksqlDB derives it: every column is a union of null and its type. Nested records
 * are named by the path to them, joined by underscores.
 */

export const defaultValueSchemaName = 'io.confluent.ksql.avro_schemas.KsqlDataSourceSchema'

/** `ORDER_STATS` has the key schema `io.confluent.ksql.avro_schemas.OrderStatsKey`. */
export function keySchemaName(sourceName: string): string {
  const words = sourceName.split('_').filter((word) => word !== '')
  const camel = words.map((word) => word[0]!.toUpperCase() + word.slice(1).toLowerCase()).join('')
  return `io.confluent.ksql.avro_schemas.${camel}Key`
}

export interface AvroDerivation {
  /** Name of the record at the top. */
  readonly fullName: string
  /** The single column stands without a record around it. */
  readonly unwrapped: boolean
}

type Json = string | { readonly [name: string]: unknown } | readonly Json[]

export function deriveAvro(
  columns: readonly FormatColumn[],
  { fullName, unwrapped }: AvroDerivation,
): string {
  const [only] = columns
  const schema =
    unwrapped && only !== undefined
      ? avroType(only.type, [fullName])
      : record(columns, [fullName], namespaceOf(fullName))
  return JSON.stringify(typeof schema === 'string' ? { type: schema } : schema)
}

function namespaceOf(fullName: string): string | undefined {
  const dot = fullName.lastIndexOf('.')
  return dot < 0 ? undefined : fullName.slice(0, dot)
}

/** @param path the names on the way here, beginning with the full name of the schema */
function record(fields: readonly FormatColumn[], path: readonly string[], namespace?: string): Json {
  const name = path.join('_')
  return {
    type: 'record',
    name: name.slice(name.lastIndexOf('.') + 1),
    ...(namespace === undefined ? {} : { namespace }),
    fields: fields.map((f) => ({
      name: avroName(f.name),
      type: optional(f.type, [...path, f.name]),
      default: null,
    })),
    'connect.name': name,
  }
}

function optional(type: SqlType, path: readonly string[]): Json {
  return ['null', avroType(type, path)]
}

/** A column `a.b` is what is left of a qualified name. */
export function avroName(name: string): string {
  return name.replaceAll('.', '_')
}

function avroType(type: SqlType, path: readonly string[]): Json {
  switch (type.kind) {
    case 'BOOLEAN':
    case 'DOUBLE':
    case 'STRING':
    case 'BYTES':
      return type.kind.toLowerCase()
    case 'INTEGER':
      return 'int'
    case 'BIGINT':
      return 'long'
    case 'DATE':
      return connectType('int', 'Date', 'date')
    case 'TIME':
      return connectType('int', 'Time', 'time-millis')
    case 'TIMESTAMP':
      return connectType('long', 'Timestamp', 'timestamp-millis')
    case 'DECIMAL':
      return decimal(type.precision, type.scale)
    case 'ARRAY':
      return { type: 'array', items: optional(type.element, path) }
    case 'MAP':
      return mapEntries(type, path)
    case 'STRUCT':
      return record(type.fields, path, path.length === 1 ? namespaceOf(path[0]!) : undefined)
  }
}

function connectType(type: string, name: string, logicalType: string): Json {
  return {
    type,
    'connect.version': 1,
    'connect.name': `org.apache.kafka.connect.data.${name}`,
    logicalType,
  }
}

function decimal(precision: number, scale: number): Json {
  return {
    type: 'bytes',
    scale,
    precision,
    'connect.version': 1,
    'connect.parameters': { scale: String(scale), 'connect.decimal.precision': String(precision) },
    'connect.name': 'org.apache.kafka.connect.data.Decimal',
    logicalType: 'decimal',
  }
}

/** Keys of a SQL map may be null, those of an Avro map may not: a list of entries takes its place. */
function mapEntries(type: Extract<SqlType, { kind: 'MAP' }>, path: readonly string[]): Json {
  const name = path.join('_')
  const items = {
    type: 'record',
    name: name.slice(name.lastIndexOf('.') + 1),
    ...(path.length === 1 ? { namespace: namespaceOf(path[0]!) } : {}),
    fields: [
      { name: 'key', type: optional(type.key, [...path, 'MapKey']), default: null },
      { name: 'value', type: optional(type.value, [...path, 'MapValue']), default: null },
    ],
    'connect.internal.type': 'MapEntry',
  }
  return { type: 'array', items, 'connect.name': name }
}

/** Why a name cannot be a field of an Avro record, in Avro's words; null when it can. */
export function refusedAvroName(name: string): string | null {
  const avro = avroName(name)
  if (avro === '') return 'Empty name'
  if (!/^[\p{L}_]/u.test(avro)) return `Illegal initial character: ${avro}`
  return /^[\p{L}\p{N}_]+$/u.test(avro) ? null : `Illegal character in: ${avro}`
}
