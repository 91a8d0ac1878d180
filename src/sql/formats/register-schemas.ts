import { SqlError } from '../errors.js'
import { type Schema, type SchemaRegistry, SchemaRegistryError, subjectOf } from '../schema-registry/index.js'
import { formatType, quoteIdentifier, sameType } from '../types.js'
import { findFormat } from './format.js'
import type { FormatColumn } from './format-contract.js'
import { inferColumns } from './infer-columns.js'

/* What a new stream or table adds to the schema registry, and what it must agree with there. */

export interface SchemaSide {
  readonly role: 'key' | 'value'
  readonly format: string
  readonly columns: readonly FormatColumn[]
  readonly properties: Readonly<Record<string, string>>
  readonly wrapSingle?: boolean | undefined
  readonly schemaId?: number | null | undefined
}

export interface SchemaSource {
  readonly topic: string
  readonly sides: readonly SchemaSide[]
}

/**
 * Registers the schemas derived from the columns, or those chosen by id, for the topic. To be called before the first
 * record is written; `registry.flush()` makes it durable.
 *
 * @param replace a query's sink gets a new version where its schema has changed; a CREATE over a topic that has a
 *     schema leaves it alone
 * @throws SqlError `Could not register schema for topic: …`
 */
export function registerSchemas(source: SchemaSource, registry: SchemaRegistry, replace: boolean): void {
  for (const { subject, schema, id } of missingSchemas(source, registry, replace)) {
    refusing(() => registry.register(subject, schema, id === undefined ? {} : { id }))
  }
}

/**
 * Whether `registerSchemas` would succeed; registers nothing.
 *
 * @throws SqlError as `registerSchemas`, with what is not compatible
 */
export function checkSchemas(source: SchemaSource, registry: SchemaRegistry, replace: boolean): void {
  for (const { subject, schema } of missingSchemas(source, registry, replace)) {
    refusing(() => {
      if (registry.find(subject, schema) === null) registry.checkCompatible(subject, schema)
    })
  }
}

interface MissingSchema {
  readonly subject: string
  readonly schema: Schema
  readonly id?: number
}

function missingSchemas(source: SchemaSource, registry: SchemaRegistry, replace: boolean): MissingSchema[] {
  return source.sides.flatMap((side): MissingSchema[] => {
    const { schemas } = findFormat(side.format)
    if (schemas === undefined || side.columns.length === 0) return []
    const subject = subjectOf(source.topic, side.role)
    if (side.schemaId != null) {
      const chosen = registry.byId(side.schemaId)
      if (chosen === null || registry.latest(subject) !== null) return []
      return [{ subject, schema: chosen, id: chosen.id }]
    }
    if (!replace && registry.latest(subject) !== null) return []
    return [{ subject, schema: refusing(() => schemas.derive({ ...side, schemaId: undefined })) }]
  })
}

function refusing<T>(body: () => T): T {
  try {
    return body()
  } catch (cause) {
    if (!(cause instanceof SchemaRegistryError)) throw cause
    throw new SqlError(`Could not register schema for topic: ${cause.message}`, { cause })
  }
}

/**
 * A query's columns must be the first of those of the schema that its sink is given by id.
 *
 * @throws SqlError
 */
export function checkSchemaColumns(topic: string, side: SchemaSide, registry: SchemaRegistry): void {
  if (side.schemaId == null) return
  const { role, format, schemaId, columns, wrapSingle, properties } = side
  const inferred = inferColumns({
    topic,
    role,
    format,
    registry,
    schemaId,
    wrapSingle,
    fullName: properties.fullSchemaName,
  })
  const written = inferred ?? []
  const different = columns.filter((column, i) => {
    const other = written[i]
    return other === undefined || other.name !== column.name || !sameType(other.type, column.type)
  })
  if (different.length === 0) return
  throw new SqlError(
    `The following ${role} columns are changed, missing or reordered: ${list(different)}. ` +
      `Schema from schema registry is ${list(written)}`,
  )
}

function list(columns: readonly FormatColumn[]): string {
  return `[${columns.map((c) => `${quoteIdentifier(c.name)} ${formatType(c.type)}`).join(', ')}]`
}
