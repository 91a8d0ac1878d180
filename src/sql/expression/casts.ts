import type { Decimal } from 'decimal.js'
import { SqlError } from '../errors.js'
import { formatType, type SqlType, sameType } from '../types.js'
import {
  type Bigint,
  bigintToInteger,
  doubleToBigint,
  doubleToInteger,
  normalizeBigint,
  parseBigint,
  parseDouble,
  parseInteger,
} from './arithmetic.js'
import { decodeBase64 } from './base64.js'
import { isTrueText } from './booleans.js'
import {
  dayMs,
  floorMod,
  formatDate,
  formatTime,
  formatTimestamp,
  parseDate,
  parseTime,
  parseTimestamp,
} from './date-time.js'
import {
  castDecimal,
  castDoubleToDecimal,
  type DecimalType,
  decimalToPlainText,
  parseDecimal,
  SqlDecimal,
} from './decimal.js'
import { doubleToText, valueToText } from './java-text.js'

/** Changes a value that is not null; throws RangeError when this value cannot be changed. */
export type CastFunction = (value: never) => unknown

const identity: CastFunction = (value) => value

/** CAST(value AS to). @throws SqlError when the types have no cast at all */
export function castFunction(from: SqlType, to: SqlType): CastFunction {
  if (sameType(from, to)) return identity
  const cast = find(from, to)
  if (cast !== null) return cast
  throw new SqlError(`Cast of ${formatType(from)} to ${formatType(to)} is not supported`)
}

/** Null when there is no such cast. */
function find(from: SqlType, to: SqlType): CastFunction | null {
  if (to.kind === 'STRING') return toText(from)
  if (from.kind === 'STRING') return fromText(to)
  switch (from.kind) {
    case 'INTEGER':
    case 'BIGINT':
      return fromWhole(to)
    case 'DOUBLE':
      return fromDouble(to)
    case 'DECIMAL':
      return fromDecimal(to)
    case 'TIMESTAMP':
      if (to.kind === 'DATE') return (ms: number) => Math.floor(ms / dayMs)
      return to.kind === 'TIME' ? (ms: number) => floorMod(ms, dayMs) : null
    case 'DATE':
      return to.kind === 'TIMESTAMP' ? (day: number) => day * dayMs : null
    case 'ARRAY':
      return to.kind === 'ARRAY' ? arrayCast(from.element, to.element) : null
    case 'MAP':
      return to.kind === 'MAP' ? mapCast(from, to) : null
    case 'STRUCT':
      return to.kind === 'STRUCT' ? structCast(from, to) : null
    default:
      return null
  }
}

function toText(from: SqlType): CastFunction | null {
  switch (from.kind) {
    case 'BYTES':
      return null
    case 'DECIMAL': {
      const { scale } = from
      return (value: Decimal) => decimalToPlainText(value, scale)
    }
    case 'DOUBLE':
      return doubleToText
    case 'TIMESTAMP':
      return formatTimestamp
    case 'TIME':
      return formatTime
    case 'DATE':
      return formatDate
    case 'BOOLEAN':
    case 'INTEGER':
    case 'BIGINT':
      return String
    default:
      return (value: unknown) => valueToText(value, from)
  }
}

function fromText(to: SqlType): CastFunction | null {
  switch (to.kind) {
    case 'BOOLEAN':
      return (text: string) => isTrueText(text.trim())
    case 'INTEGER':
      return (text: string) => parseInteger(text.trim())
    case 'BIGINT':
      return (text: string) => parseBigint(text.trim())
    case 'DOUBLE':
      return (text: string) => parseDouble(text.trim())
    case 'DECIMAL':
      return (text: string) => castDecimal(parseDecimal(text.trim()), to)
    case 'TIMESTAMP':
      return (text: string) => parseTimestamp(text.trim())
    case 'TIME':
      return (text: string) => parseTime(text.trim())
    case 'DATE':
      return (text: string) => parseDate(text.trim())
    case 'BYTES':
      return (text: string) => decodeBase64(text.trim())
    default:
      return null
  }
}

function fromWhole(to: SqlType): CastFunction | null {
  switch (to.kind) {
    case 'INTEGER':
      return bigintToInteger
    case 'BIGINT':
      return identity
    case 'DOUBLE':
      return (value: Bigint) => Number(value)
    case 'DECIMAL':
      return wholeToDecimal(to)
    default:
      return null
  }
}

function wholeToDecimal(type: DecimalType): CastFunction {
  return (value: Bigint) => castDecimal(new SqlDecimal(String(value)), type)
}

function fromDouble(to: SqlType): CastFunction | null {
  switch (to.kind) {
    case 'INTEGER':
      return doubleToInteger
    case 'BIGINT':
      return doubleToBigint
    case 'DECIMAL':
      return (value: number) => castDoubleToDecimal(value, to)
    default:
      return null
  }
}

function fromDecimal(to: SqlType): CastFunction | null {
  const whole = (value: Decimal): Bigint => normalizeBigint(BigInt(value.trunc().toFixed(0)))
  switch (to.kind) {
    case 'INTEGER':
      return (value: Decimal) => bigintToInteger(whole(value))
    case 'BIGINT':
      return whole
    case 'DOUBLE':
      return (value: Decimal) => value.toNumber()
    case 'DECIMAL':
      return (value: Decimal) => castDecimal(value, to)
    default:
      return null
  }
}

function arrayCast(from: SqlType, to: SqlType): CastFunction | null {
  const element = elementCast(from, to)
  if (element === null) return null
  return (items: unknown[]) => items.map(element)
}

function mapCast(
  from: Extract<SqlType, { kind: 'MAP' }>,
  to: Extract<SqlType, { kind: 'MAP' }>,
): CastFunction | null {
  const key = elementCast(from.key, to.key)
  const value = elementCast(from.value, to.value)
  if (key === null || value === null) return null
  return (map: Map<unknown, unknown>) => {
    const result = new Map<unknown, unknown>()
    for (const [k, v] of map) result.set(key(k), value(v))
    return result
  }
}

/** Fields go by name; those the source lacks are null. */
function structCast(
  from: Extract<SqlType, { kind: 'STRUCT' }>,
  to: Extract<SqlType, { kind: 'STRUCT' }>,
): CastFunction | null {
  const fields: ((source: unknown[]) => unknown)[] = []
  for (const field of to.fields) {
    const index = from.fields.findIndex((f) => f.name === field.name)
    if (index === -1) {
      fields.push(() => null)
      continue
    }
    const cast = elementCast(from.fields[index]!.type, field.type)
    if (cast === null) return null
    fields.push((source) => cast(source[index]))
  }
  return (source: unknown[]) => fields.map((field) => field(source))
}

function elementCast(from: SqlType, to: SqlType): ((value: unknown) => unknown) | null {
  const cast = sameType(from, to) ? identity : find(from, to)
  return cast === null ? null : (value) => (value === null ? null : cast(value as never))
}
