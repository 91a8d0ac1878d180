import { valueToText } from '../expression/java-text.js'
import type { ResultColumn } from '../statements/statement-result.js'
import type { SqlType } from '../types.js'

type Conversion = (value: unknown) => unknown

/**
 * Rows as people and JSON read them, after ksqlDB's replies: dates and times as ISO text, decimals with all digits of
 * their scale, bytes in base64, a STRUCT as an object of its fields.
 */
export function shownValues(
  columns: readonly ResultColumn[],
): (values: readonly unknown[]) => readonly unknown[] {
  const conversions = columns.map(({ type }) => (type === null ? null : conversionOf(type)))
  if (conversions.every((conversion) => conversion === null)) return (values) => values
  return (values) => values.map((value, i) => convert(conversions[i]!, value))
}

function convert(conversion: Conversion | null, value: unknown): unknown {
  return conversion === null || value === null || value === undefined ? value : conversion(value)
}

/** Null where values are shown as they are. */
function conversionOf(type: SqlType): Conversion | null {
  switch (type.kind) {
    case 'DATE':
    case 'TIME':
    case 'TIMESTAMP':
    case 'DECIMAL':
    case 'BYTES':
      return (value) => valueToText(value, type)
    case 'ARRAY': {
      const element = conversionOf(type.element)
      return element && ((items) => (items as unknown[]).map((item) => convert(element, item)))
    }
    case 'MAP': {
      const [key, item] = [conversionOf(type.key), conversionOf(type.value)]
      if (key === null && item === null) return null
      return (map) =>
        new Map([...(map as Map<unknown, unknown>)].map(([k, v]) => [convert(key, k), convert(item, v)]))
    }
    case 'STRUCT': {
      const fields = type.fields.map(({ name, type: of }) => ({ name, conversion: conversionOf(of) }))
      return (value) =>
        Object.fromEntries(
          fields.map(({ name, conversion }, i) => [name, convert(conversion, (value as unknown[])[i])]),
        )
    }
    default:
      return null
  }
}
