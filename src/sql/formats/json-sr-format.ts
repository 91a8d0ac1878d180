import { SerializationError } from '../../serde/index.js'
import type { Schema } from '../schema-registry/index.js'
import type {
  Format,
  FormatColumn,
  InferOptions,
  KeyValue,
  SerdeOptions,
  SqlSerde,
} from './format-contract.js'
import { columnsOfType } from './inferred-columns.js'
import { jsonFormat, jsonKeySerde, jsonValueSerde, refusedMaps } from './json-format.js'
import { deriveJsonSchema, propertyNames, sqlTypeOfJsonSchema } from './json-schema.js'
import { type ResolvedSchema, registeredSerde } from './registered-serde.js'
import type { Row } from './row-class.js'

/** JSON_SR: as JSON, after the id of a JSON schema in the registry. */
export const jsonSrFormat: Format = {
  ...jsonFormat,
  name: 'JSON_SR',
  refuses: (columns) => refusedMaps(columns, 'JSON'),
  keySerde: (options) => framed<KeyValue>(options, jsonKeySerde(options)),
  valueSerde: (options) => framed<Row>(options, jsonValueSerde(options)),
  schemas: { type: 'JSON', derive, infer },
}

function derive({ columns, role, wrapSingle }: SerdeOptions): Schema {
  const unwrapped = columns.length === 1 && (role === 'key' || wrapSingle === false)
  return { type: 'JSON', text: deriveJsonSchema(columns, unwrapped) }
}

function infer(schema: Schema, options: InferOptions): readonly FormatColumn[] {
  return columnsOfType(sqlTypeOfJsonSchema(schema.text, options), options)
}

/** Reading needs no schema: names and types are in the JSON. */
function framed<T>(options: SerdeOptions, json: SqlSerde<T>): SqlSerde<T> {
  const serde = registeredSerde<T>(options, {
    derive: () => derive(options),
    writer: ({ schema }: ResolvedSchema) => {
      if (options.schemaId !== undefined) requireNames(schema, options)
      return (value, out) => json.write(value, out)
    },
    reader: () => (buffer, start, end) => json.read(buffer, start, end),
  })
  return json.isAbsent === undefined ? serde : { ...serde, isAbsent: json.isAbsent }
}

function requireNames(schema: Schema, { columns, role, wrapSingle }: SerdeOptions): void {
  if (columns.length === 1 && (role === 'key' || wrapSingle === false)) return
  const names = propertyNames(schema.text)
  const missing = names === null ? undefined : columns.find((column) => !names.has(column.name))
  if (missing === undefined) return
  throw new SerializationError(`Schema from Schema Registry misses field with name: ${missing.name}`)
}
