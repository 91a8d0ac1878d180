import { doubleToText } from '../../../src/sql/expression/java-text.js'
import type { SqlType } from '../../../src/sql/types.js'
import type { Actual } from './wire.js'

/** A value of the engine as a JSON reply would have it. */
export function actualOf(value: unknown, type: SqlType | null): Actual {
  if (value === null || value === undefined || type === null) return null
  switch (type.kind) {
    case 'INTEGER':
      return { integer: BigInt(value as number), bits: 32 }
    case 'BIGINT':
      return { integer: BigInt(value as number | bigint), bits: 64 }
    case 'DOUBLE':
      return { decimal: doubleToText(value as number) }
    case 'DECIMAL':
      return { decimal: (value as { toFixed(scale: number): string }).toFixed(type.scale) }
    case 'BYTES':
      return Buffer.from(value as Uint8Array).toString('base64')
    case 'DATE':
      return new Date((value as number) * 86_400_000).toISOString().slice(0, 10)
    case 'TIME':
      return new Date(value as number)
        .toISOString()
        .slice(11, 23)
        .replace(/(:00)?\.000$/, '')
    case 'TIMESTAMP':
      return new Date(value as number).toISOString().slice(0, 23)
    case 'ARRAY':
      return (value as unknown[]).map((item) => actualOf(item, type.element))
    case 'MAP':
      return new Map(
        [...(value as Map<unknown, unknown>)].map(([k, v]) => [String(k), actualOf(v, type.value)]),
      )
    case 'STRUCT':
      return new Map(type.fields.map((f, i) => [f.name, actualOf((value as unknown[])[i], f.type)]))
    default:
      return value as boolean | string
  }
}
