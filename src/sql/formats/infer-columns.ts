import type { TableElement } from '../ast.js'
import { SqlError } from '../errors.js'
import {
  type RegisteredSchema,
  referencedTexts,
  type SchemaRegistry,
  SchemaRegistryError,
  subjectOf,
} from '../schema-registry/index.js'
import { findFormat } from './format.js'
import type { FormatColumn, FormatSchemas } from './format-contract.js'

/* Columns that are not written in a statement, but are in the schema registry. */

export interface InferRequest {
  readonly topic: string
  readonly role: 'key' | 'value'
  readonly format: string
  readonly registry: SchemaRegistry
  /** KEY_SCHEMA_ID or VALUE_SCHEMA_ID; without one the latest schema of the topic. */
  readonly schemaId?: number | null | undefined
  /** WRAP_SINGLE_VALUE. False: the schema is that of a single column. */
  readonly wrapSingle?: boolean | null | undefined
  /** KEY_SCHEMA_FULL_NAME or VALUE_SCHEMA_FULL_NAME: one of several Protobuf messages. */
  readonly fullName?: string | null | undefined
}

/**
 * The columns of a topic's keys or values; null where the format has no schemas. Names become upper-case, unless the
 * schema was chosen by its id. A key that is no message of Protobuf is one column, ROWKEY.
 *
 * @throws SqlError when there is no such schema, or none of its fields has a SQL type
 */
export function inferColumns(request: InferRequest): readonly FormatColumn[] | null {
  const { role, registry, wrapSingle } = request
  const schemaId = request.schemaId ?? null
  const { name, schemas, wrapping } = findFormat(request.format)
  if (schemas === undefined) {
    if (schemaId === null) return null
    const side = role.toUpperCase()
    throw new SqlError(
      `${side}_FORMAT should support schema inference when ${side}_SCHEMA_ID is provided. Current format is ${name}.`,
    )
  }
  const schema = schemaOf(request, schemas)
  const columns = schemas.infer(schema, {
    role,
    unwrapped: role === 'key' ? wrapping.includes(false) : wrapSingle === false,
    rename: schemaId === null ? (column) => column.toUpperCase() : (column) => column,
    references: referencedTexts(registry, schema),
    fullName: request.fullName ?? undefined,
  })
  requireDifferent(columns)
  return columns
}

/** `inferColumns` as the elements of a CREATE statement. */
export function inferElements(
  request: InferRequest,
  keyConstraint: 'KEY' | 'PRIMARY KEY',
): readonly TableElement[] | null {
  const columns = inferColumns(request)
  if (columns === null) return null
  return columns.map(({ name, type }) => ({
    name,
    type: { kind: 'type', type },
    constraint: request.role === 'key' ? keyConstraint : null,
    location: null,
  }))
}

function schemaOf(request: InferRequest, { type }: FormatSchemas): RegisteredSchema {
  const { registry, topic, role, format } = request
  const schemaId = request.schemaId ?? null
  const schema =
    schemaId === null ? (registry.latest(subjectOf(topic, role))?.schema ?? null) : registry.byId(schemaId)
  if (schema === null) throw notFound(request)
  if (schema.type === type) return schema
  throw new SqlError(
    `${role === 'key' ? 'Key' : 'Value'} schema is not in the expected format. ` +
      `You may want to set ${role.toUpperCase()}_FORMAT to '${schema.type === 'JSON' ? 'JSON_SR' : schema.type}'.\n` +
      `topic: ${topic}\nexpected format: ${format.toUpperCase()}\nactual format from Schema Registry: ${schema.type}`,
  )
}

function notFound({ topic, role, schemaId }: InferRequest): SqlError {
  const what = schemaId == null ? `Subject: ${subjectOf(topic, role)}` : `Schema Id: ${schemaId}`
  return new SchemaRegistryError(
    `Schema for message ${role}s on topic '${topic}' does not exist in the Schema Registry.\n${what}`,
    { suggestion: 'Write the columns in the statement, or register the schema first.' },
  )
}

function requireDifferent(columns: readonly FormatColumn[]): void {
  const seen = new Set<string>()
  for (const { name } of columns) {
    if (seen.has(name)) throw new SqlError(`Duplicate column names: \`${name}\``)
    seen.add(name)
  }
}
