import { columnList, type Format } from './format-contract.js'
import { type Row, rowClass } from './row-class.js'

/** No columns and no bytes: the key of a stream without a key. */
export const noneFormat: Format = {
  name: 'NONE',
  wrapping: [],
  takesDelimiter: false,
  multiColumnKeys: false,
  refuses: (columns, role) =>
    columns.length === 0
      ? null
      : `The 'NONE' format can only be used when no columns are defined. Got: ${columnList(columns, role)}`,
  keySerde: () => ({ write: () => {}, read: () => null, isAbsent: () => true }),
  valueSerde: () => {
    const empty: Row = new (rowClass([]))()
    return { write: () => {}, read: () => empty, isAbsent: () => true }
  },
}
