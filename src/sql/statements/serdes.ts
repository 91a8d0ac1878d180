import { type Serde, sessionWindowedSerde, timeWindowedSerde } from '../../serde/index.js'
import type { SerdeRequest } from '../compile/compiler-context.js'
import { createKeySerde, createValueSerde, type SqlSerde } from '../formats/index.js'
import { wrapOf } from './format-choice.js'

/** Serdes of rows and keys as the catalogue describes them. */
export function valueSerde(request: SerdeRequest): Serde<unknown> {
  const { format, columns, usedColumns } = request
  const used =
    usedColumns == null ? undefined : new Set(columns.flatMap((c, i) => (usedColumns.has(c.name) ? [i] : [])))
  return createValueSerde({
    format: format.name,
    columns,
    wrapSingle: wrapOf(format),
    delimiter: format.properties.delimiter,
    usedColumns: used,
  }) as Serde<unknown>
}

export function keySerde(request: SerdeRequest): Serde<unknown> {
  const { format, columns, window } = request
  const inner = createKeySerde({
    // Without key columns nothing is read and nothing written, whatever the format.
    format: columns.length === 0 ? 'NONE' : format.name,
    columns,
    delimiter: format.properties.delimiter,
  }) as SqlSerde<unknown>
  if (window == null) return inner
  if (window.type === 'SESSION') return sessionWindowedSerde(inner) as Serde<unknown>
  return timeWindowedSerde(inner, window.sizeMs!) as Serde<unknown>
}
