import type { Serde } from '../../serde/index.js'
import { formatType, quoteIdentifier, type SqlType } from '../types.js'
import type { Row, RowClass, SqlValue } from './row-class.js'

/* What a format is, and what all of them need. */

export interface FormatColumn {
  readonly name: string
  readonly type: SqlType
}

export interface SerdeOptions {
  /** The format's name, in any case. */
  readonly format: string
  /** The key columns or the value columns, in order. */
  readonly columns: readonly FormatColumn[]
  readonly role: 'key' | 'value'
  /** WRAP_SINGLE_VALUE, for a single value column; undefined takes the format's own habit. */
  readonly wrapSingle?: boolean | undefined
  /** As written in VALUE_DELIMITER or KEY_DELIMITER. */
  readonly delimiter?: string | undefined
  /** Indexes of the columns the query reads; the others stay null. Default all. */
  readonly usedColumns?: ReadonlySet<number> | undefined
  /** The class of the rows; default `rowClass(columns)`. */
  readonly rowClass?: RowClass | undefined
}

/** Key of a record: the bare value where there is one key column, a frozen array where there are several. */
export type KeyValue = SqlValue | readonly SqlValue[]

/**
 * A serde of SQL rows or keys. `read` gives null where the bytes say null (JSON `null`), which makes a tombstone
 * or a null key. Where `isAbsent` is there, it must be asked before `write`: a single bare column that is null has
 * no bytes at all.
 */
export interface SqlSerde<T> extends Serde<T> {
  isAbsent?(value: T): boolean
}

/** One format. Registered by name; more can be added with `registerFormat`. */
export interface Format {
  readonly name: string
  /** What WRAP_SINGLE_VALUE may be set to. */
  readonly wrapping: readonly boolean[]
  /** Takes VALUE_DELIMITER and KEY_DELIMITER. */
  readonly takesDelimiter: boolean
  /** Several key columns are allowed. */
  readonly multiColumnKeys: boolean
  /** Which columns it refuses: the reason in ksqlDB's words, or null. */
  refuses(columns: readonly FormatColumn[], role: 'key' | 'value'): string | null
  keySerde(options: SerdeOptions): SqlSerde<KeyValue>
  valueSerde(options: SerdeOptions): SqlSerde<Row>
}

/** ``[`K` STRING KEY, `V` INTEGER]`` */
export function columnList(columns: readonly FormatColumn[], role: 'key' | 'value'): string {
  const mark = role === 'key' ? ' KEY' : ''
  return `[${columns.map((c) => `${quoteIdentifier(c.name)} ${formatType(c.type)}${mark}`).join(', ')}]`
}

/** For formats without nested types. */
export function unsupportedType(
  format: string,
  columns: readonly FormatColumn[],
  kinds: ReadonlySet<SqlType['kind']>,
): string | null {
  const column = columns.find(({ type }) => !kinds.has(type.kind))
  if (column === undefined) return null
  return `The '${format}' format does not support type '${column.type.kind}', column: ${quoteIdentifier(column.name)}`
}
