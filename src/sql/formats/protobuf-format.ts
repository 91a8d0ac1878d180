import type { ByteWriter } from '../../common/index.js'
import type { Schema } from '../schema-registry/index.js'
import {
  findMessage,
  messageAt,
  messageIndexes,
  type ProtoMessage,
  parseProtobuf,
} from '../schema-registry/protobuf-schema.js'
import { readMessageIndexes, writeMessageIndexes } from '../schema-registry/wire-format.js'
import type { SqlType } from '../types.js'
import type { BinaryCursor } from './binary-cursor.js'
import type {
  Format,
  FormatColumn,
  InferOptions,
  KeyValue,
  SerdeOptions,
  SqlSerde,
} from './format-contract.js'
import { columnsOfType } from './inferred-columns.js'
import { refusedMaps } from './json-format.js'
import { clashingNames, deriveProtobuf, type NullableRepresentation } from './protobuf-derive.js'
import { sqlTypeOfMessage } from './protobuf-infer.js'
import { messageReader } from './protobuf-reader.js'
import { type MessageWriter, messageWriter } from './protobuf-writer.js'
import { type ResolvedSchema, registeredSerde } from './registered-serde.js'
import { type Row, rowClass, type SqlValue } from './row-class.js'

type Read<T> = (buffer: Buffer, start: number, end: number) => T
type Write<T> = (value: T, out: ByteWriter) => void

/**
 * PROTOBUF: a message of all columns, keys of one column too. Null numbers, texts, lists and maps come back as 0, '',
 * and empty, unless the nullable representation says otherwise.
 */
export const protobufFormat: Format = {
  name: 'PROTOBUF',
  wrapping: [true],
  takesDelimiter: false,
  multiColumnKeys: true,
  refuses,
  keySerde: (options) => {
    const serde = registeredSerde<KeyValue>(options, codec(options, keyShape(options)))
    return options.columns.length === 1 ? { ...serde, isAbsent: isNull } : serde
  },
  valueSerde: (options) => registeredSerde<Row>(options, codec(options, rowShape(options))),
  schemas: { type: 'PROTOBUF', derive, infer },
}

/** PROTOBUF_NOSR: the message of the columns alone, without a schema id; there is no registry. */
export const protobufNoSrFormat: Format = {
  name: 'PROTOBUF_NOSR',
  wrapping: [true, false],
  takesDelimiter: false,
  multiColumnKeys: true,
  refuses,
  keySerde: (options) => {
    const serde = bareSerde<KeyValue>(options, keyShape(options))
    return options.columns.length === 1 ? { ...serde, isAbsent: isNull } : serde
  },
  valueSerde: (options) => {
    const [only] = options.columns
    // A STRUCT that is not wrapped is the message itself. Anything else needs a message around it.
    if (options.wrapSingle === false && options.columns.length === 1 && only?.type.kind === 'STRUCT') {
      const columns = only.type.fields
      return {
        ...bareSerde<Row>({ ...options, columns }, structShape(options)),
        isAbsent: (row) => row.c0 === null,
      }
    }
    return bareSerde<Row>(options, rowShape(options))
  },
}

function isNull(value: KeyValue): boolean {
  return value === null
}

function refuses(columns: readonly FormatColumn[]): string | null {
  const maps = refusedMaps(columns, 'PROTOBUF format')
  if (maps !== null) return maps
  const clash =
    clashingNames(columns) ?? columns.map((c) => clashInside(c.type)).find((found) => found !== null)
  return clash == null
    ? null
    : `Schema is not compatible with Protobuf: ${clash[0]} and ${clash[1]} would be one field`
}

function clashInside(type: SqlType): readonly [string, string] | null {
  switch (type.kind) {
    case 'ARRAY':
      return clashInside(type.element)
    case 'MAP':
      return clashInside(type.value)
    case 'STRUCT':
      return (
        clashingNames(type.fields) ??
        type.fields.map((f) => clashInside(f.type)).find((found) => found !== null) ??
        null
      )
    default:
      return null
  }
}

function derive({ columns, properties }: SerdeOptions): Schema {
  const nullable = (properties?.nullableRepresentation?.toLowerCase() ?? null) as NullableRepresentation
  return {
    type: 'PROTOBUF',
    text: deriveProtobuf(columns, { nullable, fullName: properties?.fullSchemaName }),
  }
}

function infer(schema: Schema, options: InferOptions): readonly FormatColumn[] {
  const message = findMessage(parseProtobuf(schema.text, options.references), options.fullName)
  return columnsOfType(sqlTypeOfMessage(message, options.rename), { ...options, unwrapped: false })
}

/** Between what a record is and its values in column order. */
interface Shape<T> {
  valuesOf(value: T): readonly SqlValue[]
  /** The array is used again for the next record. */
  make(values: readonly SqlValue[]): T
}

function keyShape({ columns }: SerdeOptions): Shape<KeyValue> {
  return columns.length === 1
    ? { valuesOf: (key) => [key as SqlValue], make: (values) => values[0]! }
    : { valuesOf: (key) => key as readonly SqlValue[], make: (values) => Object.freeze([...values]) }
}

function rowShape(options: SerdeOptions): Shape<Row> {
  const Row = options.rowClass ?? rowClass(options.columns)
  return { valuesOf: (row) => row.toArray(), make: (values) => Row.from(values) }
}

function structShape(options: SerdeOptions): Shape<Row> {
  const Row = options.rowClass ?? rowClass(options.columns)
  return { valuesOf: (row) => row.c0 as readonly SqlValue[], make: (values) => new Row([...values]) }
}

function codec<T>(options: SerdeOptions, shape: Shape<T>) {
  return {
    derive: () => derive(options),
    writer({ schema, references }: ResolvedSchema): Write<T> {
      const file = parseProtobuf(schema.text, references)
      const message = findMessage(file, options.properties?.fullSchemaName)
      const indexes = messageIndexes(file, message)
      const write: MessageWriter = messageWriter(message, options.columns)
      return (value, out) => {
        writeMessageIndexes(indexes, out)
        write(shape.valuesOf(value), out)
      }
    },
    reader({ schema, references }: ResolvedSchema): Read<T> {
      const file = parseProtobuf(schema.text, references)
      const readers = new Map<string, Read<T>>()
      return (buffer, start, end) => {
        const { indexes, position } = readMessageIndexes(buffer, start, end)
        const place = indexes.join()
        let read = readers.get(place)
        if (read === undefined) {
          read = bodyReader(messageAt(file, indexes), options, shape)
          readers.set(place, read)
        }
        return read(buffer, position, end)
      }
    },
  }
}

function bodyReader<T>(message: ProtoMessage, options: SerdeOptions, shape: Shape<T>): Read<T> {
  const { columns, usedColumns } = options
  const read = messageReader(
    message,
    columns.map((column, i) => (usedColumns?.has(i) === false ? null : column)),
  )
  const cursor: BinaryCursor = { buffer: Buffer.alloc(0), position: 0, end: 0 }
  const values: SqlValue[] = columns.map(() => null)
  return (buffer, start, end) => {
    cursor.buffer = buffer
    cursor.position = start
    cursor.end = end
    read(cursor, values)
    return shape.make(values)
  }
}

function bareSerde<T>(options: SerdeOptions, shape: Shape<T>): SqlSerde<T> {
  const message = findMessage(parseProtobuf(derive(options).text), options.properties?.fullSchemaName)
  const write = messageWriter(message, options.columns)
  return {
    write: (value, out) => write(shape.valuesOf(value), out),
    read: bodyReader(message, options, shape),
  }
}
