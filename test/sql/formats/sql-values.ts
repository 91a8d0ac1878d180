import fc from 'fast-check'
import { SqlDecimal } from '../../../src/sql/expression/decimal.js'
import type { FormatColumn, SqlValue } from '../../../src/sql/formats/index.js'
import { type SqlType, SqlTypes } from '../../../src/sql/types.js'

/* Random columns and values that fit them. */

const int32 = fc.integer()
export const int64: fc.Arbitrary<SqlValue> = fc
  .oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.maxSafeInteger().map(BigInt),
    fc.integer().map(BigInt),
  )
  .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value))
const safe = fc.maxSafeInteger()
const double = fc.oneof(
  fc.double({ noNaN: true }),
  fc.integer({ min: -1e7, max: 1e7 }).map((i) => i / 100),
  fc.constantFrom(0, 1e7, 1e-3, 9.999e-4, 123456.7891, 5e-324, 1.7976931348623157e308),
)
const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  fc.constant('a"\\\n\u0001é😀'),
)

export const leafTypes: readonly SqlType[] = [
  SqlTypes.BOOLEAN,
  SqlTypes.INTEGER,
  SqlTypes.BIGINT,
  SqlTypes.DOUBLE,
  SqlTypes.STRING,
  SqlTypes.BYTES,
  SqlTypes.DATE,
  SqlTypes.TIME,
  SqlTypes.TIMESTAMP,
  SqlTypes.decimal(10, 3),
  SqlTypes.decimal(38, 0),
]

const fieldName = fc.constantFrom('A', 'B', 'id', 'ID', 'Id', 'X Y', 'é', 'q"uote', '__proto__')

export const anyType: fc.Arbitrary<SqlType> = fc.letrec<{ type: SqlType }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 2, depthSize: 'small' },
    { weight: 3, arbitrary: fc.constantFrom(...leafTypes) },
    { weight: 1, arbitrary: tie('type').map((element) => SqlTypes.array(element)) },
    { weight: 1, arbitrary: tie('type').map((value) => SqlTypes.map(SqlTypes.STRING, value)) },
    {
      weight: 1,
      arbitrary: fc
        .uniqueArray(fc.record({ name: fieldName, type: tie('type') }), {
          maxLength: 3,
          selector: (f) => f.name,
        })
        .map((fields) => SqlTypes.struct(fields)),
    },
  ),
})).type

export function columnsOf(type: fc.Arbitrary<SqlType>, maxLength = 5): fc.Arbitrary<FormatColumn[]> {
  return fc.uniqueArray(fc.record({ name: fieldName, type }), {
    minLength: 1,
    maxLength,
    selector: (c) => c.name,
  })
}

/** Values of a type, null among them. */
export function anyValueOf(type: SqlType): fc.Arbitrary<SqlValue> {
  return fc.option(presentValueOf(type), { freq: 6 })
}

export function presentValueOf(type: SqlType): fc.Arbitrary<SqlValue> {
  switch (type.kind) {
    case 'BOOLEAN':
      return fc.boolean()
    case 'INTEGER':
    case 'DATE':
    case 'TIME':
      return int32
    case 'TIMESTAMP':
      return safe
    case 'BIGINT':
      return int64
    case 'DOUBLE':
      return double.map((value) => (value === 0 ? 0 : value))
    case 'STRING':
      return text
    case 'BYTES':
      return fc.uint8Array({ maxLength: 9 })
    case 'DECIMAL': {
      const limit = 10n ** BigInt(type.precision) - 1n
      return fc
        .bigInt({ min: -limit, max: limit })
        .map((digits) => new SqlDecimal(`${digits}e-${type.scale}`))
    }
    case 'ARRAY':
      return fc.array(anyValueOf(type.element), { maxLength: 4 })
    case 'MAP':
      return fc
        .array(fc.tuple(text, anyValueOf(type.value)), { maxLength: 4 })
        .map((entries): SqlValue => new Map<SqlValue, SqlValue>(entries))
    case 'STRUCT':
      return fc.tuple(...type.fields.map((field) => anyValueOf(field.type)))
  }
}

export function valuesOf(columns: readonly FormatColumn[]): fc.Arbitrary<SqlValue[]> {
  return fc.tuple(...columns.map((column) => anyValueOf(column.type)))
}

/** Comparable form: decimals as text, bytes as arrays, maps as entries. */
export function plain(value: SqlValue | undefined): unknown {
  if (value === null || value === undefined) return null
  if (value instanceof Uint8Array) return { bytes: [...value] }
  if (value instanceof Map) return { map: [...value].map(([k, v]) => [plain(k), plain(v)]) }
  if (SqlDecimal.isDecimal(value)) return { decimal: value.toFixed() }
  if (Array.isArray(value)) return value.map(plain)
  return value
}
