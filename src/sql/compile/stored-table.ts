import type { Serde } from '../../serde/index.js'
import { type SqliteValue, selectedColumn, type TableIndex } from '../../state/index.js'
import type { SqlValue } from '../formats/row-class.js'
import type { WindowInfo } from '../metastore.js'
import type { PlanColumn } from '../plan/plan-node.js'
import { Bindings, instantiate } from './bindings.js'
import type { ColumnCodec } from './column-codec.js'

/** A column of a SQL table as queries find it in SQLite. */
export interface StoredColumn {
  readonly name: string
  readonly codec: ColumnCodec
  /** As it stands in a SELECT list. */
  readonly selected: string
}

/** What pull queries know of a table of typed columns. */
export interface StoredTable {
  /** By SQL name, ROWTIME and window bounds too. A column that is missing has to be computed from the state. */
  readonly columns: ReadonlyMap<string, StoredColumn>
  /** SQL for the rows that belong to the table, where not all do. */
  readonly condition: string | null
  /** Its indexes, as they should be. */
  readonly indexes: () => readonly TableIndex[]
}

export interface TableShape {
  readonly name: string
  readonly kind: 'key-value' | 'window' | 'session'
  readonly key: readonly PlanColumn[]
  /** Of keys that are themselves windowed, and of the store's windows. */
  readonly window: WindowInfo | null
  /** Whether no part of a key is ever null. */
  readonly keysComplete: boolean
  readonly keySerde: Serde<NonNullable<unknown>>
  readonly valueSerde: Serde<NonNullable<unknown>>
  readonly values: StoredValues
  /** Indexes by the names of SQL columns. */
  readonly indexes: () => readonly TableIndex[]
}

/** A column of the table that is made from a stored value. */
export interface ValueColumn extends PlanColumn {
  /** JavaScript over `value` and `key` in `bindings`. */
  readonly source: string
  /** What it is made of, where that may change while the stored values stay. */
  readonly origin?: string
}

/** How the values of a store become columns, and columns values again. */
export interface StoredValues {
  readonly bindings: Bindings
  /** Statements that declare what the sources use. */
  readonly prologue: string
  readonly columns: readonly ValueColumn[]
  /** Columns that are no part of the SQL table. */
  readonly hidden: readonly ValueColumn[]
  /** The fields of the stored row, each as the place of its column among `columns` and then `hidden`. */
  readonly fields: readonly number[]
  readonly row: readonly PlanColumn[]
  /** Columns that are copies of the key, or of a window's bound, by the name of what they copy. */
  readonly copies: readonly (PlanColumn & { readonly of: string })[]
  /** Name of the hidden column that says whether the row belongs to the table. */
  readonly visible: string | null
}

export function storedColumn(name: string, codec: ColumnCodec): StoredColumn {
  return { name, codec, selected: selectedColumn({ ...codec.column, name }) }
}

/** Reads columns of a query's result, in the order in which they were selected. */
export function columnReader(columns: readonly StoredColumn[]): (row: readonly SqliteValue[]) => SqlValue[] {
  const bindings = new Bindings()
  const items = columns.map(({ codec }, i) => {
    const wide = codec.column.bigint === true
    if (wide) return `(typeof row[${i}] === 'string' ? BigInt(row[${i}]) : row[${i}])`
    return codec.decode === null
      ? `row[${i}]`
      : `(row[${i}] === null ? null : ${bindings.bind(codec.decode)}(row[${i}]))`
  })
  return instantiate(['row'], `return [${items.join(', ')}]`, bindings)
}
