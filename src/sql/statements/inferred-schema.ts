import type { CreateSource, TableElement } from '../ast.js'
import { formatStatement } from '../format-sql.js'
import { checkSchemas, inferColumns, registerSchemas, type SchemaSide } from '../formats/index.js'
import type { DataSource, FormatInfo, FormatName } from '../metastore.js'
import { type Column, LogicalSchema } from '../schema.js'
import type { SchemaRegistry } from '../schema-registry/index.js'
import { schemaIdOf, wrapOf } from './format-choice.js'
import type { SideProperties, WithProperties } from './with-properties.js'

/* What statements take from the schema registry and what they put there. */

export interface Inference {
  readonly topic: string
  readonly key: SideProperties
  readonly keyFormat: FormatName
  readonly value: SideProperties
  readonly valueFormat: FormatName
  readonly wrapSingle: boolean | null
  readonly registry: SchemaRegistry
}

/** The columns a statement declares, and those of the registry for the side it says nothing of. @throws SqlError */
export function withInferred(declared: LogicalSchema, inference: Inference): LogicalSchema {
  const key = declared.key.length > 0 ? declared.key : inferredSide('key', inference)
  const value = declared.value.length > 0 ? declared.value : inferredSide('value', inference)
  if (key === declared.key && value === declared.value) return declared
  return new LogicalSchema([...key, ...value, ...declared.headers])
}

/**
 * The statement with the columns written out that were taken from the latest schema of the topic: run again, it must
 * not see a newer one. Null where there are none; a schema chosen by its id does not change.
 */
export function withColumns(
  statement: CreateSource & { readonly text: string; readonly script?: string },
  schema: LogicalSchema,
  properties: WithProperties,
): string | null {
  const declared = new Map(statement.elements.map((e) => [e.name, e]))
  const isChosen = (role: Column['role']): boolean => role !== 'header' && properties[role].schemaId !== null
  const written = schema.columns.filter((c) => declared.has(c.name) || !isChosen(c.role))
  if (written.length === declared.size) return null
  const key = statement.sourceKind === 'TABLE' ? 'PRIMARY KEY' : 'KEY'
  const elements = written.map(
    ({ name, type, role }): TableElement =>
      declared.get(name) ?? {
        name,
        type: { kind: 'type', type },
        constraint: role === 'key' ? key : null,
        location: null,
      },
  )
  return formatStatement({ ...statement, elements })
}

function inferredSide(role: 'key' | 'value', inference: Inference): readonly Column[] {
  const { topic, registry, wrapSingle } = inference
  const { schemaId, schemaFullName: fullName } = inference[role]
  const format = role === 'key' ? inference.keyFormat : inference.valueFormat
  const columns = inferColumns({ topic, role, format, registry, schemaId, wrapSingle, fullName })
  return (columns ?? []).map(({ name, type }) => ({ name, type, role }))
}

/** The two sides of a stream or table as the registry sees them. */
export function schemaSides({ keyFormat, valueFormat, schema }: DataSource): readonly SchemaSide[] {
  const side = (role: 'key' | 'value', format: FormatInfo): SchemaSide => ({
    role,
    format: format.name,
    columns: schema[role],
    properties: format.properties,
    wrapSingle: role === 'value' ? wrapOf(format) : undefined,
    schemaId: schemaIdOf(format),
  })
  return [side('key', keyFormat), side('value', valueFormat)]
}

/** Whether `registerSource` would succeed. @throws SqlError with what is not compatible */
export function checkRegistrable(source: DataSource, registry: SchemaRegistry, replace: boolean): void {
  checkSchemas({ topic: source.topic, sides: schemaSides(source) }, registry, replace)
}

/** @param replace for the sink of a query: a changed schema becomes a new version */
export async function registerSource(
  source: DataSource,
  registry: SchemaRegistry,
  replace: boolean,
): Promise<void> {
  registerSchemas({ topic: source.topic, sides: schemaSides(source) }, registry, replace)
  await registry.flush()
}
