/** Formats: how rows and keys of SQL become bytes. */
export { keySchemaName } from './avro-derive.js'
export { parseDelimiter } from './csv.js'
export {
  checkFormat,
  createKeySerde,
  createSerde,
  createValueSerde,
  findFormat,
  formatNames,
  registerFormat,
} from './format.js'
export type {
  Format,
  FormatColumn,
  FormatSchemas,
  InferOptions,
  KeyValue,
  SerdeOptions,
  SqlSerde,
} from './format-contract.js'
export { type InferRequest, inferColumns, inferElements } from './infer-columns.js'
export { type ProtobufRows, protobufRows } from './protobuf-rows.js'
export {
  checkSchemaColumns,
  checkSchemas,
  registerSchemas,
  type SchemaSide,
  type SchemaSource,
} from './register-schemas.js'
export { type Row, type RowClass, rowClass, type SqlValue } from './row-class.js'
