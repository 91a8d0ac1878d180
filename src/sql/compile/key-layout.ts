import type { SqliteValue, TableColumn, TableLayout } from '../../state/index.js'
import type { SqlValue } from '../formats/row-class.js'
import type { PlanColumn } from '../plan/plan-node.js'
import { SqlTypes } from '../types.js'
import { columnCodec, compareStored } from './column-codec.js'
import type { ColumnNames } from './sqlite-names.js'
import { type StoredColumn, storedColumn, type TableShape, type ValueColumn } from './stored-table.js'

export interface KeyLayout
  extends Pick<TableLayout<unknown, unknown>, 'keyColumns' | 'encodeKey' | 'decodeKey' | 'compareKeys'> {
  readonly isIdentityOrdered: boolean
  /** The key columns, by SQL name, where they are the primary key. */
  readonly columns: readonly (readonly [string, StoredColumn])[]
  /** Where they are not: columns beside it, made from `key`. */
  readonly copies: readonly ValueColumn[]
}

/** Types whose values have one form in SQLite each, which is never NULL, and the order of the values. */
const plainTypes: ReadonlySet<string> = new Set([
  'BOOLEAN',
  'INTEGER',
  'BIGINT',
  'DATE',
  'TIME',
  'TIMESTAMP',
  'STRING',
])

/** The primary key of a table: the key's own columns, or one BLOB with the bytes of its serde. */
export function keyLayout(
  { key, window, kind, keysComplete }: TableShape,
  blob: TableLayout<NonNullable<unknown>, unknown>,
  names: ColumnNames,
): KeyLayout {
  const isWindowedKey = window !== null && kind === 'key-value'
  const isPlain = key.every(({ type }) => plainTypes.has(type.kind)) && (key.length === 1 || keysComplete)
  if (!isPlain || isWindowedKey || key.length === 0) {
    return {
      keyColumns: [{ name: names.allot('__key'), type: 'BLOB' }],
      encodeKey: (k) => blob.encodeKey(k as never),
      decodeKey: (row) => blob.decodeKey(row),
      compareKeys: (a, b) => blob.compareKeys(a as never, b as never),
      isIdentityOrdered: blob.isIdentityOrdered === true,
      columns: [],
      copies: keyCopies(key, isWindowedKey),
    }
  }
  const columns = key.map(({ name, type }) => ({
    name: names.allot(name),
    sqlName: name,
    codec: columnCodec(type),
  }))
  const encode = columns.map(
    ({ codec }) =>
      (value: unknown) =>
        codec.encode === null ? (value as SqliteValue) : codec.encode(value as SqlValue),
  )
  const decode = columns.map(
    ({ codec }) =>
      (value: SqliteValue) =>
        codec.decode === null ? value : codec.decode(value),
  )
  const isSingle = key.length === 1
  const encodeKey = isSingle
    ? (k: unknown) => [encode[0]!(k)]
    : (k: unknown) => (k as unknown[]).map((part, i) => encode[i]!(part))
  return {
    keyColumns: columns.map(({ name, codec }): TableColumn => ({ ...codec.column, name })),
    encodeKey,
    decodeKey: isSingle
      ? (row) => decode[0]!(row[0]!)
      : (row) => Object.freeze(decode.map((part, i) => part(row[i]!))),
    compareKeys(a, b) {
      const [x, y] = [encodeKey(a), encodeKey(b)]
      for (let i = 0; i < x.length; i++) {
        const order = compareStored(x[i]!, y[i]!)
        if (order !== 0) return order
      }
      return 0
    },
    // Where the identity is the text itself, both are in the order of its characters.
    isIdentityOrdered:
      blob.isIdentityOrdered === true &&
      isSingle &&
      key[0]!.type.kind === 'STRING' &&
      blob.identity('a') === 'a',
    columns: columns.map(({ name, sqlName, codec }) => [sqlName, storedColumn(name, codec)]),
    copies: [],
  }
}

function keyCopies(key: readonly PlanColumn[], isWindowedKey: boolean): ValueColumn[] {
  const inner = isWindowedKey ? 'key.key' : 'key'
  const copies = key.map(
    (column, i): ValueColumn => ({ ...column, source: key.length === 1 ? inner : `${inner}[${i}]` }),
  )
  if (isWindowedKey) {
    copies.push({ name: 'WINDOWSTART', type: SqlTypes.BIGINT, source: 'key.start' })
    copies.push({ name: 'WINDOWEND', type: SqlTypes.BIGINT, source: 'key.end' })
  }
  return copies
}
