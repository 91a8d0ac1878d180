import { type Serde, sessionWindowedSerde, timeWindowedSerde } from '../../serde/index.js'
import type { SerdeRequest } from '../compile/compiler-context.js'
import { createKeySerde, createValueSerde, type SqlSerde } from '../formats/index.js'
import { MemorySchemaRegistry, type SchemaRegistry } from '../schema-registry/index.js'
import { schemaIdOf, wrapOf } from './format-choice.js'

/** Serdes of rows and keys as the catalogue describes them. */
export interface SourceSerdes {
  keySerde(request: SerdeRequest): Serde<unknown>
  valueSerde(request: SerdeRequest): Serde<unknown>
}

/** Those that find the schemas of topics in a registry. */
export function serdesOf(registry: SchemaRegistry): SourceSerdes {
  return {
    keySerde: (request) => keySerdeOf(request, registry),
    valueSerde: (request) => valueSerdeOf(request, registry),
  }
}

export const { keySerde, valueSerde } = serdesOf(new MemorySchemaRegistry())

function valueSerdeOf(request: SerdeRequest, registry: SchemaRegistry): Serde<unknown> {
  const { format, columns, usedColumns, topic } = request
  const used =
    usedColumns == null ? undefined : new Set(columns.flatMap((c, i) => (usedColumns.has(c.name) ? [i] : [])))
  return createValueSerde({
    format: format.name,
    columns,
    wrapSingle: wrapOf(format),
    delimiter: format.properties.delimiter,
    usedColumns: used,
    topic,
    registry,
    schemaId: schemaIdOf(format) ?? undefined,
    properties: format.properties,
  }) as Serde<unknown>
}

function keySerdeOf(request: SerdeRequest, registry: SchemaRegistry): Serde<unknown> {
  const { format, columns, window, topic } = request
  const inner = createKeySerde({
    // Without key columns nothing is read and nothing written, whatever the format.
    format: columns.length === 0 ? 'NONE' : format.name,
    columns,
    delimiter: format.properties.delimiter,
    topic,
    registry,
    schemaId: schemaIdOf(format) ?? undefined,
    properties: format.properties,
  }) as SqlSerde<unknown>
  if (window == null) return inner
  if (window.type === 'SESSION') return sessionWindowedSerde(inner) as Serde<unknown>
  return timeWindowedSerde(inner, window.sizeMs!) as Serde<unknown>
}
