import type { ResultColumn } from '../statements/statement-result.js'
import type { SqlType } from '../types.js'

/** A row by column names; a STRUCT in it by field names. */
export type RowObject = Readonly<Record<string, unknown>>

type Conversion = (value: unknown) => unknown

/** Makes row objects: values of types.ts, where each STRUCT has become an object. */
export function rowObjects(columns: readonly ResultColumn[]): (values: readonly unknown[]) => RowObject {
  const conversions = columns.map(({ type }) => (type === null ? null : conversionOf(type)))
  return (values) =>
    Object.fromEntries(columns.map(({ name }, i) => [name, convert(conversions[i]!, values[i] ?? null)]))
}

function convert(conversion: Conversion | null, value: unknown): unknown {
  return conversion === null || value === null ? value : conversion(value)
}

/** Null where there is no STRUCT in it. */
function conversionOf(type: SqlType): Conversion | null {
  if (type.kind === 'STRUCT') return rowObjects(type.fields) as Conversion
  if (type.kind === 'ARRAY') {
    const element = conversionOf(type.element)
    return element && ((items) => (items as unknown[]).map((item) => convert(element, item)))
  }
  if (type.kind !== 'MAP') return null
  const [key, value] = [conversionOf(type.key), conversionOf(type.value)]
  if (key === null && value === null) return null
  return (map) =>
    new Map([...(map as Map<unknown, unknown>)].map(([k, v]) => [convert(key, k), convert(value, v)]))
}
