import type { DataSource, FormatInfo } from '../../../src/sql/metastore.js'
import type { Column } from '../../../src/sql/schema.js'
import type { SchemaRegistry } from '../../../src/sql/schema-registry/index.js'
import type { Side } from './wire.js'

/** How the records of a topic are written: what the stream or table declared on it says. */
export interface TopicShape {
  readonly key: Side
  readonly value: Side
  readonly window: { readonly type: 'time' | 'session'; readonly sizeMs: number | null } | null
}

export const undeclared: TopicShape = {
  key: { format: 'KAFKA', columns: [], wrapped: false, role: 'key' },
  value: { format: 'JSON', columns: [], wrapped: true, role: 'value' },
  window: null,
}

export function shapeOf(source: DataSource, registry: SchemaRegistry): TopicShape {
  const { keyFormat, valueFormat, schema, window, topic } = source
  const side = (format: FormatInfo, columns: readonly Column[], role: Side['role']): Side => ({
    format: format.name,
    columns,
    wrapped: columns.length !== 1 || !format.features.includes('UNWRAP_SINGLES'),
    role,
    place: { topic, registry, properties: format.properties },
  })
  return {
    key: side(keyFormat, schema.key, 'key'),
    value: side(valueFormat, schema.value, 'value'),
    window:
      window === null
        ? null
        : { type: window.type === 'SESSION' ? 'session' : 'time', sizeMs: window.sizeMs },
  }
}
