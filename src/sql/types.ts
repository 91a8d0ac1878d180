/*
 * SQL types, and how their values look in JavaScript:
 *
 *   BOOLEAN boolean · INTEGER, DATE (days), TIME (ms of day), TIMESTAMP (ms) number · DOUBLE number
 *   BIGINT number while it is a safe integer, bigint beyond (always normalised: never a bigint that would be safe)
 *   DECIMAL Decimal (decimal.js), kept at the type's scale on output · STRING string · BYTES Uint8Array
 *   ARRAY Array · MAP Map · STRUCT an array of field values in field order, frozen by convention
 *   NULL in any type: null, never undefined
 */

export type SqlType =
  | {
      readonly kind:
        | 'BOOLEAN'
        | 'INTEGER'
        | 'BIGINT'
        | 'DOUBLE'
        | 'STRING'
        | 'BYTES'
        | 'DATE'
        | 'TIME'
        | 'TIMESTAMP'
    }
  | { readonly kind: 'DECIMAL'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'ARRAY'; readonly element: SqlType }
  | { readonly kind: 'MAP'; readonly key: SqlType; readonly value: SqlType }
  | { readonly kind: 'STRUCT'; readonly fields: readonly StructField[] }

export interface StructField {
  readonly name: string
  readonly type: SqlType
}

export type PrimitiveKind = Exclude<SqlType['kind'], 'DECIMAL' | 'ARRAY' | 'MAP' | 'STRUCT'>

export const SqlTypes = {
  BOOLEAN: { kind: 'BOOLEAN' },
  INTEGER: { kind: 'INTEGER' },
  BIGINT: { kind: 'BIGINT' },
  DOUBLE: { kind: 'DOUBLE' },
  STRING: { kind: 'STRING' },
  BYTES: { kind: 'BYTES' },
  DATE: { kind: 'DATE' },
  TIME: { kind: 'TIME' },
  TIMESTAMP: { kind: 'TIMESTAMP' },
  decimal: (precision: number, scale: number): SqlType => ({ kind: 'DECIMAL', precision, scale }),
  array: (element: SqlType): SqlType => ({ kind: 'ARRAY', element }),
  map: (key: SqlType, value: SqlType): SqlType => ({ kind: 'MAP', key, value }),
  struct: (fields: readonly StructField[]): SqlType => ({ kind: 'STRUCT', fields }),
} as const satisfies Record<string, SqlType | ((...args: never[]) => SqlType)>

/** As ksqlDB prints it: `INTEGER`, `DECIMAL(4, 2)`, ``STRUCT<`A` INTEGER, `b` STRING>``. */
export function formatType(type: SqlType): string {
  switch (type.kind) {
    case 'DECIMAL':
      return `DECIMAL(${type.precision}, ${type.scale})`
    case 'ARRAY':
      return `ARRAY<${formatType(type.element)}>`
    case 'MAP':
      return `MAP<${formatType(type.key)}, ${formatType(type.value)}>`
    case 'STRUCT':
      return type.fields.length === 0
        ? 'STRUCT< >'
        : `STRUCT<${type.fields.map((f) => `${quoteIdentifier(f.name)} ${formatType(f.type)}`).join(', ')}>`
    default:
      return type.kind
  }
}

export function quoteIdentifier(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}

export function sameType(a: SqlType, b: SqlType): boolean {
  return formatType(a) === formatType(b)
}
