import { assert } from '../common/index.js'
import { type Serde, serialize } from '../serde/index.js'
import { blobLayout, isBlobLayout } from './blob-layout.js'
import type { SqliteValue, TableLayout, ValueAndTimestamp } from './store.js'
import type { StoreSpec } from './store-spec.js'
import type { StoreTable } from './store-table.js'

/** The changelog timestamp of a change that has none: the writer puts its own time. */
export const NO_TIMESTAMP = -1

/**
 * One store's forms of a key and a value: as columns of its table, and as bytes on its changelog.
 *
 * `S` is the stored value: `V`, or `ValueAndTimestamp<V>` in timestamped stores, whose timestamp is a column after
 * those of the layout and the timestamp of the changelog record, as with Kafka's.
 */
export class StoreCodec<K, S> {
  readonly layout: TableLayout<K, unknown>
  readonly timestamped: boolean
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<unknown>
  /** True when the table holds the very bytes of the changelog. */
  readonly blob: boolean

  constructor(spec: StoreSpec) {
    this.keySerde = spec.keySerde as Serde<K>
    this.valueSerde = spec.valueSerde
    this.layout = (spec.layout ?? blobLayout(spec.keySerde, spec.valueSerde)) as TableLayout<K, unknown>
    this.blob = isBlobLayout(this.layout)
    this.timestamped = 'timestamped' in spec && spec.timestamped
  }

  /** The value alone. */
  innerOf(stored: S): unknown {
    return this.timestamped ? (stored as ValueAndTimestamp<unknown>).value : stored
  }

  /** `timestamp` is of no interest without timestamps. */
  storedOf(value: unknown, timestamp: number): S {
    return (this.timestamped ? { value, timestamp } : value) as S
  }

  /** Appends the columns of a value to a row; returns those of the layout. */
  appendInner(table: StoreTable, value: unknown, timestamp: number, key: K): readonly SqliteValue[] {
    const columns = this.layout.encodeValue(value, key)
    table.append(columns)
    if (this.timestamped) table.appendOne(timestamp)
    return columns
  }

  /** The timestamp in a row that begins with the value columns. */
  rowTimestamp(row: readonly SqliteValue[]): number {
    return this.timestamped ? (row[this.layout.valueColumns.length] as number) : NO_TIMESTAMP
  }

  /** Appends the columns of a stored value to a row; returns those of the layout. */
  appendValue(table: StoreTable, stored: S, key: K): readonly SqliteValue[] {
    return this.appendInner(table, this.innerOf(stored), this.timestampOf(stored, NO_TIMESTAMP), key)
  }

  /** `row` begins with the value columns. */
  decodeValue(row: readonly SqliteValue[]): S {
    return this.storedOf(this.layout.decodeValue(row), this.rowTimestamp(row))
  }

  /** `columns` are those of `layout.encodeKey(key)`. */
  keyBytes(key: K, columns: readonly SqliteValue[]): Buffer {
    return this.blob ? (columns[0] as Buffer) : serialize(this.keySerde, key)!
  }

  /** `columns` are those that `layout.encodeValue` gave. */
  valueBytes(stored: S, columns: readonly SqliteValue[]): Buffer | null {
    if (this.blob) return columns[0] as Buffer
    return serialize(this.valueSerde, this.innerOf(stored))!
  }

  /** `otherwise` for values that carry no timestamp. */
  timestampOf(stored: S, otherwise: number): number {
    return this.timestamped ? (stored as ValueAndTimestamp<unknown>).timestamp : otherwise
  }

  /** The key columns of the bytes `[start, end)` of a changelog key. */
  keyFromBytes(bytes: Buffer, end: number): readonly SqliteValue[] {
    if (this.blob) return [end === bytes.length ? bytes : bytes.subarray(0, end)]
    return this.layout.encodeKey(this.keySerde.read(bytes, 0, end))
  }

  /** Appends the columns of a changelog record's value to a row; `key` are the columns of its key. */
  appendFromBytes(
    table: StoreTable,
    bytes: Buffer | null,
    timestamp: number,
    key: readonly SqliteValue[],
  ): void {
    assert(bytes !== null, 'a deletion has no columns')
    if (this.blob) table.appendOne(bytes)
    else {
      const value = this.valueSerde.read(bytes, 0, bytes.length)
      table.append(this.layout.encodeValue(value, this.layout.decodeKey(key)))
    }
    if (this.timestamped) table.appendOne(timestamp)
  }
}

/** Of versioned stores: a deletion is a version too, `null` here, NULLs and a flag in the table. */
export class VersionCodec<K, V> extends StoreCodec<K, V | null> {
  override appendValue(table: StoreTable, stored: V | null, key: K): readonly SqliteValue[] {
    if (stored === null) return this.#appendDeletion(table)
    const columns = super.appendValue(table, stored, key)
    table.appendOne(0)
    return columns
  }

  override decodeValue(row: readonly SqliteValue[]): V | null {
    return row[this.layout.valueColumns.length] === 1 ? null : super.decodeValue(row)
  }

  override valueBytes(stored: V | null, columns: readonly SqliteValue[]): Buffer | null {
    return stored === null ? null : super.valueBytes(stored, columns)
  }

  override appendFromBytes(
    table: StoreTable,
    bytes: Buffer | null,
    timestamp: number,
    key: readonly SqliteValue[],
  ): void {
    if (bytes === null) {
      this.#appendDeletion(table)
    } else {
      super.appendFromBytes(table, bytes, timestamp, key)
      table.appendOne(0)
    }
  }

  #appendDeletion(table: StoreTable): readonly SqliteValue[] {
    for (let i = 0; i < this.layout.valueColumns.length; i++) table.appendOne(null)
    table.appendOne(1)
    return []
  }
}
