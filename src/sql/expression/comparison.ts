import type { Decimal } from 'decimal.js'
import { compareBytes } from '../../common/index.js'
import type { SqlType } from '../types.js'
import { requireFinite, SqlDecimal } from './decimal.js'
import type { ComparisonKind } from './typed-expression.js'

/*
 * Comparison of values that are not null. Doubles: NaN is neither equal to anything nor different from it.
 * Text is compared by UTF-16 code units, bytes as unsigned numbers.
 */

/** Whether two values of one kind are the same; both not null. */
export function equals(kind: ComparisonKind, a: unknown, b: unknown): boolean {
  switch (kind) {
    case 'number':
      // A DOUBLE may meet a bigint: then neither is above the other.
      return typeof a === typeof b
        ? a === b
        : (a as number) >= (b as number) && (a as number) <= (b as number)
    case 'decimal':
      return compareDecimals(a, b) === 0
    case 'bytes':
      return compareBytes(a as Uint8Array, b as Uint8Array) === 0
    case 'structure':
      return sameValue(a, b)
    default:
      return a === b
  }
}

/** Below, at or above zero; NaN when a side is NaN. */
export function compare(kind: ComparisonKind, a: unknown, b: unknown): number {
  if (kind === 'decimal') return compareDecimals(a, b)
  if (kind === 'bytes') return compareBytes(a as Uint8Array, b as Uint8Array)
  const [x, y] = [a as number, b as number]
  if (x < y) return -1
  if (x > y) return 1
  return Number.isNaN(x) || Number.isNaN(y) ? Number.NaN : 0
}

/** One side may be a number. @throws RangeError for NaN and the infinities, which are no decimals */
export function compareDecimals(a: unknown, b: unknown): number {
  return toDecimal(a).comparedTo(toDecimal(b))
}

function toDecimal(value: unknown): Decimal {
  if (typeof value === 'number') {
    requireFinite(value)
    return new SqlDecimal(value)
  }
  return typeof value === 'bigint' ? new SqlDecimal(String(value)) : (value as Decimal)
}

/** Deep equality; nulls inside are equal to each other. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') {
    return Number.isNaN(a) && Number.isNaN(b)
  }
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameValue(item, b[i]))
  }
  if (a instanceof Uint8Array) return b instanceof Uint8Array && compareBytes(a, b) === 0
  if (a instanceof Map) {
    if (!(b instanceof Map) || a.size !== b.size) return false
    for (const [key, value] of a) if (!b.has(key) || !sameValue(value, b.get(key))) return false
    return true
  }
  return isDecimal(a) && isDecimal(b) && a.eq(b)
}

function isDecimal(value: object): value is Decimal {
  return SqlDecimal.isDecimal(value)
}

/** A text that is equal for equal values, for sets of values: deduplication keeps the first. */
export function identityOf(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value
  return identityText(value)
}

function identityText(value: unknown): string {
  if (value === null || value === undefined) return 'n'
  if (typeof value === 'string') return `s${value.length}:${value}`
  if (typeof value !== 'object') return `${(typeof value)[0]}${String(value)};`
  if (value instanceof Uint8Array) return `b${Buffer.from(value).toString('hex')};`
  if (Array.isArray(value)) return `[${value.map(identityText).join('')}]`
  if (value instanceof Map) {
    const entries = [...value].map(([k, v]) => identityText(k) + identityText(v))
    return `{${entries.sort().join('')}}`
  }
  return `d${(value as Decimal).toFixed()};`
}

/** How values of these types are compared, or null when they are not. Dates must have been brought together. */
export function comparisonKind(left: SqlType, right: SqlType): ComparisonKind | null {
  if (left.kind === 'DECIMAL' || right.kind === 'DECIMAL') return 'decimal'
  switch (left.kind) {
    case 'INTEGER':
    case 'BIGINT':
    case 'DOUBLE':
    case 'DATE':
    case 'TIME':
    case 'TIMESTAMP':
      return 'number'
    case 'STRING':
      return right.kind === 'STRING' ? 'string' : null
    case 'BOOLEAN':
      return 'boolean'
    case 'BYTES':
      return 'bytes'
    default:
      return 'structure'
  }
}
