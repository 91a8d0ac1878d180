import { serialize } from '../../serde/index.js'
import { checkFormat, createValueSerde } from './format.js'
import type { FormatColumn } from './format-contract.js'
import { deriveProtobuf } from './protobuf-derive.js'
import { rowClass, type SqlValue } from './row-class.js'

/** Rows of a result as messages: what ksqlDB replies to `Accept: application/vnd.ksql.v1+protobuf`. */
export interface ProtobufRows {
  /** The text of a `.proto` file with the message of a row, `ConnectDefault1`. */
  readonly protoSchema: string
  /** A row's bytes; null becomes the default of its type. @throws SerializationError */
  encode(values: readonly unknown[]): Buffer
}

/** @throws SqlError for columns that a message cannot have */
export function protobufRows(columns: readonly FormatColumn[]): ProtobufRows {
  checkFormat({ format: 'PROTOBUF_NOSR', columns, role: 'value' })
  const serde = createValueSerde({ format: 'PROTOBUF_NOSR', columns })
  const Row = rowClass(columns)
  return {
    protoSchema: deriveProtobuf(columns, { nullable: null }),
    encode: (values) => serialize(serde, Row.from(values as readonly SqlValue[]))!,
  }
}
