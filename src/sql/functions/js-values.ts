import { type Bigint, normalizeBigint } from '../expression/arithmetic.js'
import { requireFit, SqlDecimal } from '../expression/decimal.js'
import { formatType, type SqlType } from '../types.js'

/*
 * Values between SQL and functions of an application: a STRUCT is an object there and a list of fields here; what comes
 * back is checked, as nothing else would notice a text in an INTEGER column.
 */

type Conversion = (value: unknown) => unknown

/** Null where values of the type are the same on both sides. */
export function toApplication(type: SqlType | null): Conversion | null {
  switch (type?.kind) {
    case 'STRUCT': {
      const fields = type.fields.map(({ name, type: of }) => ({ name, convert: toApplication(of) }))
      return (value) =>
        Object.fromEntries(
          fields.map(({ name, convert }, i) => [name, through(convert, (value as unknown[])[i])]),
        )
    }
    case 'ARRAY': {
      const convert = toApplication(type.element)
      return convert && ((value) => (value as unknown[]).map((item) => through(convert, item)))
    }
    case 'MAP': {
      const convert = toApplication(type.value)
      return (
        convert &&
        ((value) => new Map([...(value as Map<unknown, unknown>)].map(([k, v]) => [k, through(convert, v)])))
      )
    }
    default:
      return null
  }
}

export function through(convert: Conversion | null, value: unknown): unknown {
  return convert === null || value === null || value === undefined ? (value ?? null) : convert(value)
}

/** @throws TypeError or RangeError from the conversion when a value is none of the type */
export function fromApplication(type: SqlType, what: string): Conversion {
  const refuse = (value: unknown): never => {
    throw new TypeError(`${what} is to be ${formatType(type)}, found ${describe(value)}`)
  }
  switch (type.kind) {
    case 'BOOLEAN':
      return (value) => (typeof value === 'boolean' ? value : refuse(value))
    case 'STRING':
      return (value) => (typeof value === 'string' ? value : refuse(value))
    case 'DOUBLE':
      return (value) => (typeof value === 'number' ? value : refuse(value))
    case 'INTEGER':
      return (value) => (typeof value === 'number' && (value | 0) === value ? value + 0 : refuse(value))
    case 'BIGINT':
      return (value) => {
        if (typeof value === 'bigint' && BigInt.asIntN(64, value) === value) return normalizeBigint(value)
        return Number.isSafeInteger(value) ? (((value as number) + 0) as Bigint) : refuse(value)
      }
    case 'DATE':
    case 'TIME':
    case 'TIMESTAMP':
      return (value) => {
        if (value instanceof Date && type.kind === 'TIMESTAMP' && !Number.isNaN(value.getTime()))
          return value.getTime()
        return Number.isSafeInteger(value) ? value : refuse(value)
      }
    case 'BYTES':
      return (value) => (value instanceof Uint8Array ? value : refuse(value))
    case 'DECIMAL':
      return (value) => decimalOf(value, type, refuse)
    case 'ARRAY': {
      const element = fromApplication(type.element, `an element of ${what}`)
      return (value) => (Array.isArray(value) ? value.map((item) => through(element, item)) : refuse(value))
    }
    case 'MAP':
      return mapConversion(type, what, refuse)
    case 'STRUCT': {
      const fields = type.fields.map(({ name, type: of }) => ({
        name,
        convert: fromApplication(of, `${name} of ${what}`),
      }))
      return (value) => {
        if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(value)
        return fields.map(({ name, convert }) =>
          Object.hasOwn(value, name) ? through(convert, (value as Record<string, unknown>)[name]) : null,
        )
      }
    }
  }
}

function decimalOf(
  value: unknown,
  { precision, scale }: Extract<SqlType, { kind: 'DECIMAL' }>,
  refuse: (value: unknown) => never,
): unknown {
  if (!SqlDecimal.isDecimal(value) && typeof value !== 'number' && typeof value !== 'string')
    return refuse(value)
  const decimal = new SqlDecimal(value as string).toDecimalPlaces(scale)
  if (!decimal.isFinite()) return refuse(value)
  requireFit(decimal, precision, scale)
  return decimal
}

function mapConversion(
  type: Extract<SqlType, { kind: 'MAP' }>,
  what: string,
  refuse: (value: unknown) => never,
): Conversion {
  const key = fromApplication(type.key, `a key of ${what}`)
  const item = fromApplication(type.value, `a value of ${what}`)
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(value)
    const entries = value instanceof Map ? value : Object.entries(value)
    const map = new Map<unknown, unknown>()
    for (const [k, v] of entries) map.set(key(k), through(item, v))
    return map
  }
}

function describe(value: unknown): string {
  if (typeof value === 'string') return `the text ${JSON.stringify(value.slice(0, 40))}`
  if (value instanceof Date) return 'a Date'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `${typeof value} ${String(value)}`
}
