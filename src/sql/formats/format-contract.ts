import type { Serde } from '../../serde/index.js'
import type { Schema, SchemaRegistry, SchemaType } from '../schema-registry/index.js'
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
  /**
   * The topic of the records, for formats whose schemas are in a registry. Without one nothing is registered: records
   * carry the schema id 0, which stands for the schema derived from the columns. So are internal topics and stores.
   */
  readonly topic?: string | undefined
  /** Where the topic's schemas are. */
  readonly registry?: SchemaRegistry | undefined
  /** KEY_SCHEMA_ID or VALUE_SCHEMA_ID: records are written with that schema, not with one derived from the columns. */
  readonly schemaId?: number | undefined
  /** Settings of the format by ksqlDB's names, such as `fullSchemaName` and `nullableRepresentation`. */
  readonly properties?: Readonly<Record<string, string>> | undefined
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
  /** Of formats whose schemas are in a registry. */
  readonly schemas?: FormatSchemas
}

/** From columns to registered schemas, and back. */
export interface FormatSchemas {
  readonly type: SchemaType
  derive(options: SerdeOptions): Schema
  /** The columns of a schema; those without a SQL type are left out. @throws SqlError when there are none */
  infer(schema: Schema, options: InferOptions): readonly FormatColumn[]
}

export interface InferOptions {
  readonly role: 'key' | 'value'
  /** The schema is that of a single column, without an object around it. */
  readonly unwrapped: boolean
  /** What becomes of the names in the schema. */
  readonly rename: (name: string) => string
  /** Texts of what the schema refers to, by name. */
  readonly references: ReadonlyMap<string, string>
  /** Which of several messages, in Protobuf. */
  readonly fullName?: string | undefined
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
