import { assert } from '../common/index.js'
import { type Serde, serialize } from '../serde/index.js'
import { type ChangelogPort, changelogPort } from './changelog-port.js'
import { prefixEnd } from './key-order.js'
import { sortByText } from './key-sort.js'
import { mergeScan } from './merge-scan.js'
import type {
  CacheFigures,
  ChangelogWriter,
  EntryStore,
  KeyValueEntry,
  KeyValueStore,
  QueryableTable,
  StoreEntry,
  TableStore,
} from './store.js'
import { NO_TIMESTAMP, type StoreCodec } from './store-codec.js'
import type { ChangelogRecord } from './store-spec.js'
import { type Condition, PAGE_ROWS, quoted, type StoreTable, tuple } from './store-table.js'
import { CacheEntry, WriteBackCache } from './write-back-cache.js'

/** A range of keys for cache and table alike. */
interface KeyRange<K> {
  isBelow(key: K): boolean
  isAbove(key: K): boolean
  readonly lower: Condition | null
  readonly upper: Condition | null
}

/** Keys and values in a SQLite table, behind a write-back cache. Values given to it must not be changed afterwards. */
export class SqliteKeyValueStore<K, S> implements KeyValueStore<K, S>, EntryStore<K>, TableStore {
  readonly name: string
  readonly persistent: boolean
  readonly #codec: StoreCodec<K, S>
  readonly #table: StoreTable
  readonly #changelog: ChangelogPort | null
  readonly #cache: WriteBackCache<K, unknown>
  readonly #keyColumns: readonly string[]

  constructor(options: {
    name: string
    persistent: boolean
    codec: StoreCodec<K, S>
    table: StoreTable
    changelog: ChangelogWriter | undefined
    cacheEntriesMax: number
  }) {
    const { codec, table } = options
    this.name = options.name
    this.persistent = options.persistent
    this.#codec = codec
    this.#table = table
    this.#changelog = changelogPort(options.name, codec.keySerde, codec.valueSerde, options.changelog)
    const layout = codec.layout
    this.#keyColumns = layout.keyColumns.map((column) => quoted(column.name))
    const compare = (a: CacheEntry<K, unknown>, b: CacheEntry<K, unknown>) => layout.compareKeys(a.key, b.key)
    this.#cache = new WriteBackCache<K, unknown>({
      entriesMax: options.cacheEntriesMax,
      identity: layout.identity,
      compare,
      sort:
        layout.isIdentityOrdered === true
          ? (entries) => sortByText(entries, identityOf, compare)
          : (entries) => [...entries].sort(compare),
      load: (key, identity) => this.#load(key, identity),
      log: this.#changelog === null ? null : (entries) => this.#log(entries),
      write: (entries) => this.#write(entries),
      isEmptyBelow: () => !table.mayHaveRows,
    })
  }

  get(key: K): S | undefined {
    return this.#stored(this.#cache.open(key))
  }

  put(key: K, value: S | null): void {
    if (value === null) this.#cache.set(key, undefined, NO_TIMESTAMP)
    else this.#cache.set(key, this.#codec.innerOf(value), this.#codec.timestampOf(value, NO_TIMESTAMP))
  }

  putIfAbsent(key: K, value: S): S | undefined {
    const present = this.get(key)
    if (present === undefined) this.put(key, value)
    return present
  }

  delete(key: K): S | undefined {
    const present = this.get(key)
    this.put(key, null)
    return present
  }

  entry(key: K): StoreEntry<K, unknown> {
    return this.#cache.open(key)
  }

  change(entry: StoreEntry<K, unknown>, value: unknown, timestamp: number): void {
    this.#cache.change(entry as CacheEntry<K, unknown>, value, timestamp)
  }

  onRelease(release: () => void): void {
    this.#cache.onRelease(release)
  }

  range(from: K | null, to: K | null): IterableIterator<KeyValueEntry<K, S>> {
    return this.#scan(this.#keyRange(from, to), false)
  }

  reverseRange(from: K | null, to: K | null): IterableIterator<KeyValueEntry<K, S>> {
    return this.#scan(this.#keyRange(from, to), true)
  }

  all(): IterableIterator<KeyValueEntry<K, S>> {
    return this.range(null, null)
  }

  reverseAll(): IterableIterator<KeyValueEntry<K, S>> {
    return this.reverseRange(null, null)
  }

  prefixScan<P>(prefix: P, serde: Serde<P>): IterableIterator<KeyValueEntry<K, S>> {
    const bytes = serialize(serde, prefix)!
    const end = prefixEnd(bytes)
    const keyBytes = (key: K) => serialize(this.#codec.keySerde, key)!
    if (this.#codec.blob) {
      const column = this.#keyColumns[0]
      return this.#scan(
        {
          isBelow: (key) => Buffer.compare(keyBytes(key), bytes) < 0,
          isAbove: (key) => end !== null && Buffer.compare(keyBytes(key), end) >= 0,
          lower: { sql: `${column} >= ?`, parameters: [bytes] },
          upper: end === null ? null : { sql: `${column} < ?`, parameters: [end] },
        },
        false,
      )
    }
    // Typed columns need not be in the order of the bytes: read everything.
    return filtered(this.all(), (key) => keyBytes(key).subarray(0, bytes.length).equals(bytes))
  }

  /** Exact, but reads the table: not for every record. */
  approximateNumEntries(): number {
    let count = this.#table.rowCount()
    for (const entry of this.#cache.dirtyEntries()) {
      const isStored = this.#table.get(this.#codec.layout.encodeKey(entry.key)) !== undefined
      count += Number(entry.value !== undefined) - Number(isStored)
    }
    return count
  }

  flush(): void {
    this.#cache.flush()
  }

  logChanges(): void {
    this.#cache.log()
  }

  close(): void {
    this.#cache.clear()
  }

  cacheFigures(): CacheFigures {
    const { lookUps, misses } = this.#cache
    return { lookUps, misses }
  }

  queryable(): QueryableTable {
    this.flush()
    return this.#table.reader
  }

  /** Writes changelog records below the cache, which must have no changes of its own. */
  restore(records: Iterable<ChangelogRecord>): void {
    assert(this.#cache.dirtyCount === 0, `store ${this.name} is restored over changes not flushed`)
    this.#table.beginWrites()
    for (const record of records) {
      const key = this.#codec.keyFromBytes(record.key, record.key.length)
      if (record.value === null) {
        this.#table.delete(key)
      } else {
        this.#table.append(key)
        this.#codec.appendFromBytes(this.#table, record.value, record.timestamp, key)
        this.#table.endRow()
      }
    }
    this.#table.endWrites()
    this.#cache.clear()
  }

  wipe(): void {
    this.#table.clear()
    this.#cache.clear()
  }

  #stored(entry: CacheEntry<K, unknown>): S | undefined {
    return entry.value === undefined ? undefined : this.#codec.storedOf(entry.value, entry.timestamp)
  }

  #load(key: K, identity: string | number): CacheEntry<K, unknown> {
    const row = this.#table.get(this.#codec.layout.encodeKey(key))
    if (row === undefined) return new CacheEntry(key, identity, undefined, NO_TIMESTAMP)
    const codec = this.#codec
    return new CacheEntry(key, identity, codec.layout.decodeValue(row), codec.rowTimestamp(row))
  }

  #log(entries: readonly CacheEntry<K, unknown>[]): void {
    const changelog = this.#changelog!
    for (let i = 0; i < entries.length; i++) {
      const { key, value, timestamp } = entries[i]!
      if (value === undefined) changelog.log(key, null, NO_TIMESTAMP)
      else changelog.log(key, value, timestamp)
    }
  }

  #write(entries: readonly CacheEntry<K, unknown>[]): void {
    const codec = this.#codec
    const table = this.#table
    table.beginWrites()
    for (let i = 0; i < entries.length; i++) {
      const { key, value, timestamp } = entries[i]!
      const keyColumns = codec.layout.encodeKey(key)
      if (value === undefined) {
        table.delete(keyColumns)
      } else {
        table.append(keyColumns)
        codec.appendInner(table, value, timestamp, key)
        table.endRow()
      }
    }
    table.endWrites()
  }

  #keyRange(from: K | null, to: K | null): KeyRange<K> {
    const layout = this.#codec.layout
    const bound = (operator: string, key: K | null): Condition | null =>
      key === null ? null : { sql: tuple(this.#keyColumns, operator), parameters: layout.encodeKey(key) }
    return {
      isBelow: (key) => from !== null && layout.compareKeys(key, from) < 0,
      isAbove: (key) => to !== null && layout.compareKeys(key, to) > 0,
      lower: bound('>=', from),
      upper: bound('<=', to),
    }
  }

  #scan(range: KeyRange<K>, descending: boolean): IterableIterator<KeyValueEntry<K, S>> {
    const codec = this.#codec
    const layout = codec.layout
    const table = this.#table
    const cache = this.#cache
    const changed = cache.dirtyBetween(
      (entry) => range.isBelow(entry.key),
      (entry) => range.isAbove(entry.key),
    )
    if (descending) changed.reverse()
    return mergeScan<K, KeyValueEntry<K, S>>({
      changed: changed.map((entry) => entry.key),
      compare: descending ? (a, b) => layout.compareKeys(b, a) : layout.compareKeys,
      tableVersion: () => table.version,
      page: (after) =>
        table.page({
          where: [],
          lower: range.lower,
          upper: range.upper,
          order: this.#keyColumns,
          descending,
          after: after === null ? null : layout.encodeKey(after),
          limit: PAGE_ROWS,
        }),
      positionOf: (row) => layout.decodeKey(row),
      resolve(key, row) {
        const cached = cache.peek(key)
        if (cached !== undefined) {
          if (cached.value === undefined) return undefined
          return { key, value: codec.storedOf(cached.value, cached.timestamp) }
        }
        return row === undefined ? undefined : { key, value: codec.decodeValue(table.valueOf(row)) }
      },
    })
  }
}

function* filtered<K, V>(
  entries: IterableIterator<KeyValueEntry<K, V>>,
  accepts: (key: K) => boolean,
): Generator<KeyValueEntry<K, V>, undefined> {
  for (const entry of entries) if (accepts(entry.key)) yield entry
}

function identityOf<K>(entry: CacheEntry<K, unknown>): string {
  return entry.identity as string
}
