import type { ByteWriter } from '../../common/index.js'
import { SerializationError } from '../../serde/index.js'
import { type AvroNode, type AvroRecord, nullable, parseAvro } from '../schema-registry/avro-schema.js'
import type { Schema } from '../schema-registry/index.js'
import type { SqlType } from '../types.js'
import { defaultValueSchemaName, deriveAvro, refusedAvroName } from './avro-derive.js'
import { sqlTypeOfAvro } from './avro-infer.js'
import { avroReader, recordReader } from './avro-reader.js'
import { avroWriter, recordWriter } from './avro-writer.js'
import { type BinaryCursor, readZigzag } from './binary-cursor.js'
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
import { type ResolvedSchema, registeredSerde } from './registered-serde.js'
import { type Row, rowClass, type SqlValue } from './row-class.js'

/**
 * AVRO: a record of all columns; single key columns, and single value columns that are not wrapped, stand bare. The
 * schema a record was written with is in the registry, under the id before the bytes.
 */
export const avroFormat: Format = {
  name: 'AVRO',
  wrapping: [true, false],
  takesDelimiter: false,
  multiColumnKeys: true,
  refuses: (columns) =>
    refusedMaps(columns, 'Avro')?.replace('MAP types', 'MAPs') ??
    refusedNames(columns.map((c) => [c.name, c.type])),
  keySerde: avroKeySerde,
  valueSerde: avroValueSerde,
  schemas: { type: 'AVRO', derive, infer },
}

function refusedNames(fields: readonly (readonly [string, SqlType])[]): string | null {
  for (const [name, type] of fields) {
    const reason = refusedAvroName(name)
    if (reason !== null) return `Schema is not compatible with Avro: ${reason}`
    const inside = refusedNames(fieldsInside(type))
    if (inside !== null) return inside
  }
  return null
}

function fieldsInside(type: SqlType): (readonly [string, SqlType])[] {
  switch (type.kind) {
    case 'STRUCT':
      return type.fields.map((f) => [f.name, f.type])
    case 'ARRAY':
      return fieldsInside(type.element)
    case 'MAP':
      return fieldsInside(type.value)
    default:
      return []
  }
}

function isUnwrapped({ columns, role, wrapSingle }: SerdeOptions): boolean {
  return columns.length === 1 && (role === 'key' || wrapSingle === false)
}

function derive(options: SerdeOptions): Schema {
  const fullName = options.properties?.fullSchemaName ?? defaultValueSchemaName
  return { type: 'AVRO', text: deriveAvro(options.columns, { fullName, unwrapped: isUnwrapped(options) }) }
}

function infer(schema: Schema, options: InferOptions): readonly FormatColumn[] {
  return columnsOfType(
    sqlTypeOfAvro(parseAvro(schema.text, options.references.values()), options.rename),
    options,
  )
}

function parsed({ schema, references }: ResolvedSchema): AvroNode {
  return parseAvro(schema.text, references.values())
}

type Read<T> = (buffer: Buffer, start: number, end: number) => T
type Write<T> = (value: T, out: ByteWriter) => void

function avroKeySerde(options: SerdeOptions): SqlSerde<KeyValue> {
  if (isUnwrapped(options)) {
    const serde = registeredSerde<KeyValue>(options, {
      derive: () => derive(options),
      writer: (schema) => bareWriter(parsed(schema), options.columns[0]!) as Write<KeyValue>,
      reader: (schema) => bareReader(parsed(schema), options.columns[0]!, options.usedColumns),
    })
    return { ...serde, isAbsent: (value) => value === null }
  }
  return registeredSerde<KeyValue>(options, {
    derive: () => derive(options),
    writer: (schema) => {
      const write = rootWriter(parsed(schema), options.columns)
      return (value, out) => write(value as readonly SqlValue[], out)
    },
    reader: (schema) => rootReader<KeyValue>(parsed(schema), options, (values) => Object.freeze([...values])),
  })
}

function avroValueSerde(options: SerdeOptions): SqlSerde<Row> {
  const Row = options.rowClass ?? rowClass(options.columns)
  if (isUnwrapped(options)) {
    const serde = registeredSerde<Row>(options, {
      derive: () => derive(options),
      writer: (schema) => {
        const write = bareWriter(parsed(schema), options.columns[0]!)
        return (row, out) => write(row.c0 ?? null, out)
      },
      reader: (schema) => {
        const read = bareReader(parsed(schema), options.columns[0]!)
        return (buffer, start, end) => {
          const value = read(buffer, start, end)
          return value === null ? (null as unknown as Row) : new Row(value)
        }
      },
    })
    return { ...serde, isAbsent: (row) => row.c0 === null }
  }
  return registeredSerde<Row>(options, {
    derive: () => derive(options),
    writer: (schema) => {
      const write = rootWriter(parsed(schema), options.columns)
      return (row, out) => write(row.toArray(), out)
    },
    reader: (schema) => rootReader<Row>(parsed(schema), options, (values) => Row.from(values)),
  })
}

function bareWriter(node: AvroNode, { type }: FormatColumn): Write<SqlValue> {
  return avroWriter(node, type)
}

function bareReader(node: AvroNode, { type }: FormatColumn, used?: ReadonlySet<number>): Read<SqlValue> {
  if (used?.has(0) === false) return () => null
  const read = avroReader(node, type)
  const cursor: BinaryCursor = { buffer: Buffer.alloc(0), position: 0, end: 0 }
  return (buffer, start, end) => {
    cursor.buffer = buffer
    cursor.position = start
    cursor.end = end
    return read(cursor)
  }
}

function requireRecord(node: AvroNode): AvroRecord {
  if (node.kind === 'record') return node
  throw new SerializationError(`Cannot deserialize type ${node.kind} as type STRUCT for path: `)
}

function rootWriter(root: AvroNode, columns: readonly FormatColumn[]): Write<readonly SqlValue[]> {
  const { node } = nullable(root)
  const write = recordWriter(requireRecord(node), columns)
  if (root.kind !== 'union') return write
  const branch = root.branches.indexOf(node)
  return (values, out) => {
    out.writeByte(branch * 2)
    write(values, out)
  }
}

/** @param make of the values in column order; the array is used again for the next record */
function rootReader<T>(
  root: AvroNode,
  options: SerdeOptions,
  make: (values: readonly SqlValue[]) => T,
): Read<T> {
  const { columns, usedColumns } = options
  const { node } = nullable(root)
  const read = recordReader(
    requireRecord(node),
    columns.map((column, i) => (usedColumns?.has(i) === false ? null : column)),
  )
  const branch = root.kind === 'union' ? root.branches.indexOf(node) : -1
  const cursor: BinaryCursor = { buffer: Buffer.alloc(0), position: 0, end: 0 }
  const values: SqlValue[] = columns.map(() => null)
  return (buffer, start, end) => {
    cursor.buffer = buffer
    cursor.position = start
    cursor.end = end
    if (branch >= 0 && readZigzag(cursor) !== branch) return null as T
    values.fill(null)
    read(cursor, values)
    return make(values)
  }
}
