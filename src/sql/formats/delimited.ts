import type { Decimal } from 'decimal.js'
import type { ByteWriter } from '../../common/index.js'
import { SerializationError } from '../../serde/index.js'
import { decimalToPlainText } from '../expression/decimal.js'
import { doubleToText } from '../expression/java-text.js'
import type { SqlType } from '../types.js'
import { parseBase64, parseDouble, parseInt32, parseInt64, toDecimal } from './coerce.js'
import { needsQuotes, parseDelimiter, quoted, splitLine } from './csv.js'
import {
  type Format,
  type KeyValue,
  type SerdeOptions,
  type SqlSerde,
  unsupportedType,
} from './format-contract.js'
import { base64 } from './json-encoder.js'
import { type Row, rowClass, type SqlValue } from './row-class.js'

const kinds: ReadonlySet<SqlType['kind']> = new Set([
  'BOOLEAN',
  'INTEGER',
  'BIGINT',
  'DOUBLE',
  'DECIMAL',
  'STRING',
  'BYTES',
  'DATE',
  'TIME',
  'TIMESTAMP',
])

/** One line of fields in column order. Null is an empty field. */
export const delimitedFormat: Format = {
  name: 'DELIMITED',
  wrapping: [false],
  takesDelimiter: true,
  multiColumnKeys: true,
  refuses: (columns) => unsupportedType('DELIMITED', columns, kinds),
  keySerde: (options) => {
    const line = lineCodec(options)
    if (options.columns.length !== 1) {
      return {
        write: (value, out) => line.write(value as readonly SqlValue[], out),
        read: (buffer, start, end): KeyValue => Object.freeze(line.read(buffer, start, end)),
      }
    }
    return {
      write: (value, out) => line.write([value as SqlValue], out),
      read: (buffer, start, end) => line.read(buffer, start, end)[0] ?? null,
      isAbsent: (value) => value === null,
    }
  },
  valueSerde: (options): SqlSerde<Row> => {
    const line = lineCodec(options)
    const Row = options.rowClass ?? rowClass(options.columns)
    return {
      write: (row, out) => line.write(row.toArray(), out),
      read: (buffer, start, end) => Row.from(line.read(buffer, start, end)),
    }
  },
}

interface LineCodec {
  write(values: readonly SqlValue[], out: ByteWriter): void
  read(buffer: Buffer, start: number, end: number): SqlValue[]
}

function lineCodec({ columns, delimiter: written, usedColumns }: SerdeOptions): LineCodec {
  const delimiter = parseDelimiter(written ?? ',')
  const parsers = columns.map((column) => fieldParser(column.type))
  const printers = columns.map((column) => fieldPrinter(column.type))
  return {
    write(values, out) {
      let line = ''
      for (let i = 0; i < printers.length; i++) {
        if (i > 0) line += delimiter
        const value = values[i] ?? null
        if (value === null) continue
        const text = printers[i]!(value)
        line += needsQuotes(text, delimiter, i === 0) ? quoted(text) : text
      }
      out.writeUtf8(line)
    },
    read(buffer, start, end) {
      const fields = splitLine(buffer.toString('utf8', start, end), delimiter)
      if (fields.length !== parsers.length) {
        throw new SerializationError(
          `Column count mismatch on deserialization. expected: ${parsers.length}, got: ${fields.length}`,
        )
      }
      const values: SqlValue[] = []
      for (let i = 0; i < fields.length; i++) {
        const text = fields[i]!
        const value = text === '' ? null : parseField(parsers[i]!, text, columns[i]!.name)
        values.push(usedColumns === undefined || usedColumns.has(i) ? value : null)
      }
      return values
    },
  }
}

function parseField(parse: (text: string) => SqlValue, text: string, column: string): SqlValue {
  try {
    return parse(text)
  } catch (cause) {
    throw new SerializationError(`column ${column}: ${(cause as Error).message}`, { cause })
  }
}

function fieldParser(type: SqlType): (text: string) => SqlValue {
  switch (type.kind) {
    case 'BOOLEAN':
      return (text) => text.toLowerCase() === 'true'
    case 'INTEGER':
    case 'DATE':
    case 'TIME':
      return (text) => parseInt32(text.trim())
    case 'BIGINT':
      return (text) => parseInt64(text.trim())
    case 'TIMESTAMP':
      return (text) => Number(parseInt64(text.trim()))
    case 'DOUBLE':
      return parseDouble
    case 'DECIMAL':
      return (text) => toDecimal(text.trim(), type)
    case 'BYTES':
      return parseBase64
    default:
      return (text) => text
  }
}

function fieldPrinter(type: SqlType): (value: SqlValue) => string {
  switch (type.kind) {
    case 'DOUBLE':
      return (value) => doubleToText(value as number)
    case 'DECIMAL':
      return (value) => decimalToPlainText(value as Decimal, type.scale)
    case 'BYTES':
      return (value) => base64(value as Uint8Array)
    default:
      return String
  }
}
