import type { Decimal } from 'decimal.js'
import type { SqlType } from '../types.js'
import { formatDate, formatTime, formatTimestamp } from './date-time.js'
import { decimalToText } from './decimal.js'

/*
 * How values look as text: in CAST(x AS STRING), in JSON made by functions, in messages. The rules are those of
 * Java's toString methods, which is what ksqlDB's users see.
 */

/**
 * Shortest digits that read back as the same double, with at least one digit after the point; plain from 10^-3 up
 * to 10^7, else `d.dddE±n` without a plus sign.
 */
export function doubleToText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const size = Math.abs(value)
  if (size >= 1e-3 && size < 1e7) {
    const text = String(value)
    return text.includes('.') ? text : `${text}.0`
  }
  // Java writes two digits at least, the closest two: 4.9E-324 where one digit would say 5.
  const shortest = value.toExponential()
  const [digits, exponent] = (shortest.includes('.') ? shortest : value.toExponential(1)).split('e')
  return `${digits}E${Number(exponent)}`
}

/** The text of a value inside an array, a map or a struct, and of CAST(x AS STRING). Null prints as `null`. */
export function valueToText(value: unknown, type: SqlType): string {
  if (value === null || value === undefined) return 'null'
  switch (type.kind) {
    case 'DOUBLE':
      return doubleToText(value as number)
    case 'DECIMAL':
      return decimalToText(value as Decimal, type.scale)
    case 'DATE':
      return formatDate(value as number)
    case 'TIME':
      return formatTime(value as number)
    case 'TIMESTAMP':
      return formatTimestamp(value as number)
    case 'BYTES':
      return Buffer.from(value as Uint8Array).toString('base64')
    case 'ARRAY':
      return `[${(value as unknown[]).map((item) => valueToText(item, type.element)).join(', ')}]`
    case 'MAP': {
      const entries = [...(value as Map<unknown, unknown>)]
      return `{${entries.map(([k, v]) => `${valueToText(k, type.key)}=${valueToText(v, type.value)}`).join(', ')}}`
    }
    case 'STRUCT': {
      const values = value as unknown[]
      const parts = type.fields.flatMap((f, i) =>
        values[i] === null || values[i] === undefined ? [] : [`${f.name}=${valueToText(values[i], f.type)}`],
      )
      return `Struct{${parts.join(',')}}`
    }
    default:
      return String(value)
  }
}
