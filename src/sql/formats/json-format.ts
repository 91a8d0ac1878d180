import type { SqlType } from '../types.js'
import type { Format, FormatColumn, KeyValue, SerdeOptions, SqlSerde } from './format-contract.js'
import { bareDecoder, type JsonDecoder, objectDecoder } from './json-decoder.js'
import { objectWriter, valueWriter } from './json-encoder.js'
import { type Row, rowClass, type SqlValue } from './row-class.js'

/**
 * JSON: an object of all columns, null ones too. A single key column, and a single value column that is not
 * wrapped, stand without the object.
 */
export const jsonFormat: Format = {
  name: 'JSON',
  wrapping: [true, false],
  takesDelimiter: false,
  multiColumnKeys: true,
  refuses: (columns) => refusedMaps(columns, 'JSON'),
  keySerde: jsonKeySerde,
  valueSerde: jsonValueSerde,
}

export function refusedMaps(columns: readonly FormatColumn[], format: string): string | null {
  return columns.some((column) => hasOddMap(column.type))
    ? `${format} only supports MAP types with STRING keys`
    : null
}

/** A MAP whose keys are not STRING, anywhere inside. */
function hasOddMap(type: SqlType): boolean {
  switch (type.kind) {
    case 'MAP':
      return type.key.kind !== 'STRING' || hasOddMap(type.value)
    case 'ARRAY':
      return hasOddMap(type.element)
    case 'STRUCT':
      return type.fields.some((field) => hasOddMap(field.type))
    default:
      return false
  }
}

export function jsonKeySerde({ columns, usedColumns }: SerdeOptions): SqlSerde<KeyValue> {
  const [only] = columns
  if (only !== undefined && columns.length === 1) {
    const write = valueWriter(only.type)
    const isUsed = usedColumns?.has(0) !== false
    const read = bareDecoder(only.type)
    return {
      write: (value, out) => write(value as SqlValue, out),
      read: (buffer, start, end) => (isUsed ? read(buffer, start, end) : null),
      isAbsent: (value) => value === null,
    }
  }
  const result = `Object.freeze([${columns.map((_, i) => `c${i}`).join(', ')}])`
  const read = objectDecoder<KeyValue>({ columns, result, ...(usedColumns && { usedColumns }) })
  return {
    write: objectWriter<KeyValue>(columns, (i) => `value[${i}]`),
    read: read as (buffer: Buffer, start: number, end: number) => KeyValue,
  }
}

export function jsonValueSerde(options: SerdeOptions): SqlSerde<Row> {
  const { columns, usedColumns, wrapSingle } = options
  const Row = options.rowClass ?? rowClass(columns)
  const [only] = columns
  if (only !== undefined && columns.length === 1 && wrapSingle === false) {
    const write = valueWriter(only.type)
    const read = bareDecoder(only.type)
    return {
      write: (row, out) => write(row.c0 ?? null, out),
      read: (buffer, start, end) => {
        const value = read(buffer, start, end)
        return value === null ? (null as unknown as Row) : new Row(value)
      },
      isAbsent: (row) => row.c0 === null,
    }
  }
  const result = `new Row(${columns.map((_, i) => `c${i}`).join(', ')})`
  const read: JsonDecoder<Row> = objectDecoder<Row>({
    columns,
    result,
    Row,
    ...(usedColumns && { usedColumns }),
  })
  return {
    write: objectWriter<Row>(columns, (i) => `value.c${i}`),
    read: read as (buffer: Buffer, start: number, end: number) => Row,
  }
}
