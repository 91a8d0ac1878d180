import {
  bytesSerde,
  doubleSerde,
  int32Serde,
  int64Serde,
  type Serde,
  stringSerde,
} from '../../serde/index.js'
import type { SqlType } from '../types.js'
import {
  columnList,
  type Format,
  type KeyValue,
  type SerdeOptions,
  type SqlSerde,
  unsupportedType,
} from './format-contract.js'
import { type Row, rowClass, type SqlValue } from './row-class.js'

const kinds: ReadonlySet<SqlType['kind']> = new Set(['INTEGER', 'BIGINT', 'DOUBLE', 'STRING', 'BYTES'])

/** One column as Kafka's own serializers write it. */
export const kafkaFormat: Format = {
  name: 'KAFKA',
  wrapping: [false],
  takesDelimiter: false,
  multiColumnKeys: false,
  refuses: (columns, role) =>
    columns.length > 1
      ? `The 'KAFKA' format only supports a single field. Got: ${columnList(columns, role)}`
      : unsupportedType('KAFKA', columns, kinds),
  /** Kafka's own serde as it is: stores and caches know it, and keep its keys apart without serialising them. */
  keySerde: (options) => primitive(options) as SqlSerde<KeyValue>,
  valueSerde: (options) => {
    const Row = options.rowClass ?? rowClass(options.columns)
    if (options.columns.length === 0) {
      const empty: Row = new Row()
      return { write: () => {}, read: () => empty, isAbsent: () => true }
    }
    const serde = primitive(options)
    return {
      write: (row, out) => serde.write(row.c0 ?? null, out),
      read: (buffer, start, end) => new Row(serde.read(buffer, start, end)),
      isAbsent: (row) => row.c0 === null,
    }
  },
}

const nothing: Serde<SqlValue> = { write: () => {}, read: () => null }

function primitive({ columns }: SerdeOptions): Serde<SqlValue> {
  const kind = columns[0]?.type.kind
  switch (kind) {
    case 'INTEGER':
      return int32Serde as Serde<SqlValue>
    case 'BIGINT':
      return int64Serde as Serde<SqlValue>
    case 'DOUBLE':
      return doubleSerde as Serde<SqlValue>
    case 'STRING':
      return stringSerde as Serde<SqlValue>
    case 'BYTES':
      return bytesSerde as Serde<SqlValue>
    default:
      return nothing
  }
}
