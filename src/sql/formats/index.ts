/** Formats: how rows and keys of SQL become bytes. */
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
export type { Format, FormatColumn, KeyValue, SerdeOptions, SqlSerde } from './format-contract.js'
export { type Row, type RowClass, rowClass, type SqlValue } from './row-class.js'
