import { assert } from '../common/index.js'
import type { Serde } from '../serde/index.js'
import type { TimedKey } from './changelog-key.js'
import { type ChangelogPort, changelogPort } from './changelog-port.js'
import { sortByText } from './key-sort.js'
import { mergeScan } from './merge-scan.js'
import { entryAt, positionIn, type Series, SeriesCache, type SeriesEntry } from './series-cache.js'
import type { ChangelogWriter, QueryableTable, SqliteValue } from './store.js'
import type { StoreCatalog, StoreRecord } from './store-catalog.js'
import type { StoreCodec } from './store-codec.js'
import { type Condition, PAGE_ROWS, quoted, type StoreTable, tuple } from './store-table.js'

/** Rows read at once when a series is loaded; of longer ones the older part stays in the table. */
const LOAD_ROWS = 512

/** What differs between windows, sessions and versions. */
export interface SeriesKind {
  /** The key columns that hold major and minor. */
  readonly major: string
  readonly minor: string
  /** Whether entries of one major are ordered by minor before key: in scans by time. */
  readonly isMinorBeforeKey: boolean
  /** Entries that are this far, or further, behind the newest major are gone. Infinity: none. */
  readonly retentionMs: number
  /**
   * A deletion is an entry too, with a value of its own. The changelog then is in order of major, not of key: a reader
   * that replays it with Kafka's retention must not meet an old deletion late.
   */
  readonly keepsDeletions: boolean
  /** How the changelog writes the key of an entry. */
  changelogSerde<K>(keySerde: Serde<K>): Serde<TimedKey<K>>
}

export interface SeriesStoreOptions<K, V> {
  readonly name: string
  readonly kind: SeriesKind
  readonly codec: StoreCodec<K, V>
  readonly table: StoreTable
  readonly catalog: StoreCatalog
  readonly changelog: ChangelogWriter | undefined
  readonly cacheEntriesMax: number
}

/** One entry as scans yield it. */
export interface SeriesRow<K, V> {
  readonly key: K
  readonly major: number
  readonly minor: number
  readonly value: V
}

interface Place<K> {
  readonly key: K
  readonly major: number
  readonly minor: number
}

/**
 * Values by key and two integers, major and minor, in a SQLite table with the primary key (key, major, minor), behind a
 * cache that holds the newest entries of each key together. Windows, sessions and versions are thin faces of it.
 *
 * Expired entries (`major <= newest - retentionMs`, Kafka's bound) are invisible at once. Their rows are deleted in
 * bulk at flushes, once the horizon has moved by half the retention, so that each such pass removes a good part of
 * what it reads.
 */
export class SeriesStore<K, V> {
  droppedExpired = 0
  readonly #name: string
  readonly #kind: SeriesKind
  readonly #codec: StoreCodec<K, V>
  readonly #table: StoreTable
  readonly #catalog: StoreCatalog
  readonly #record: StoreRecord
  readonly #changelog: ChangelogPort | null
  readonly #changelogKey: TimedKey<K> = { key: undefined as K, major: 0, minor: 0 }
  /** Entries that the changelog does not have yet, in the order in which they were first changed. */
  #unlogged: SeriesEntry<K, V>[] = []
  readonly #cache: SeriesCache<K, V>
  readonly #keyWidth: number
  readonly #keyColumns: readonly string[]
  readonly #major: string
  readonly #minor: string
  #purgedTo = Number.NEGATIVE_INFINITY
  #hasTimeIndex = false

  constructor(options: SeriesStoreOptions<K, V>) {
    this.#name = options.name
    this.#kind = options.kind
    this.#codec = options.codec
    this.#table = options.table
    this.#catalog = options.catalog
    this.#record = options.catalog.record(options.name)!
    this.#changelog = changelogPort(
      options.name,
      options.kind.changelogSerde(options.codec.keySerde),
      options.codec.valueSerde,
      options.changelog,
    )
    const { layout } = options.codec
    this.#keyWidth = layout.keyColumns.length
    this.#keyColumns = layout.keyColumns.map((column) => quoted(column.name))
    this.#major = quoted(options.kind.major)
    this.#minor = quoted(options.kind.minor)
    this.#cache = new SeriesCache<K, V>({
      entriesMax: options.cacheEntriesMax,
      identity: layout.identity,
      write: (entries) => this.#write(entries),
      isEmptyBelow: () => !options.table.mayHaveRows,
    })
  }

  /** The newest time ever put; -Infinity before the first. */
  get streamTime(): number {
    return this.#record.streamTime
  }

  /** Entries up to this major are gone. */
  get horizon(): number {
    return this.#record.streamTime - this.#kind.retentionMs
  }

  /** Moves the newest time; returns false, and counts, when `major` is expired. */
  advance(major: number): boolean {
    const record = this.#record
    if (major > record.streamTime) {
      record.streamTime = major
      return true
    }
    if (major > record.streamTime - this.#kind.retentionMs) return true
    this.droppedExpired++
    return false
  }

  get(key: K, major: number, minor: number): V | undefined {
    if (major <= this.horizon) return undefined
    const series = this.#cache.open(key)
    let entry = entryAt(series, positionIn(series.entries, major, minor), major, minor)
    if (entry === undefined && major < series.loadedFrom) {
      this.#load(series, major)
      entry = entryAt(series, positionIn(series.entries, major, minor), major, minor)
      if (entry === undefined && major < series.loadedFrom) entry = this.#loadOne(series, major, minor)
    }
    const value = entry?.value
    this.#cache.trim(series)
    return value
  }

  /** undefined deletes. Does not look at retention: see `advance`. */
  set(key: K, major: number, minor: number, value: V | undefined): void {
    const series = this.#cache.open(key)
    const position = positionIn(series.entries, major, minor)
    let entry = entryAt(series, position, major, minor)
    if (entry === undefined) {
      entry = { series, major, minor, value, dirty: false, unlogged: false }
      this.#cache.insert(series, position, entry)
    } else {
      entry.value = value
    }
    this.#cache.markDirty(entry)
    if (this.#changelog !== null && !entry.unlogged) {
      entry.unlogged = true
      this.#unlogged.push(entry)
    }
    this.#dropExpired(series)
    this.#cache.trim(series)
  }

  /** Entries of one key with major in [from, to], in order. */
  slice(key: K, from: number, to: number, descending = false): Iterable<SeriesRow<K, V>> {
    const start = this.#live(from)
    if (start > to) return []
    const series = this.#cache.open(key)
    if (start < series.loadedFrom) this.#load(series, start)
    if (start < series.loadedFrom) {
      this.#cache.trim(series)
      return this.#scanSeries(series, start, to, descending)
    }
    const { entries } = series
    const rows: SeriesRow<K, V>[] = []
    for (let i = positionIn(entries, start, Number.NEGATIVE_INFINITY); i < entries.length; i++) {
      const { major, minor, value } = entries[i]!
      if (major > to) break
      if (value !== undefined) rows.push({ key, major, minor, value })
    }
    this.#cache.trim(series)
    return descending ? rows.reverse() : rows
  }

  /** The newest entry of a key. */
  newest(key: K): SeriesRow<K, V> | undefined {
    const series = this.#cache.open(key)
    if (series.loadedFrom === Number.POSITIVE_INFINITY) this.#load(series, Number.NEGATIVE_INFINITY, 1)
    const row = rowOf(series.entries.at(-1))
    this.#cache.trim(series)
    return row
  }

  /** The newest entry of a key with `entry.major <= major`. */
  floor(key: K, major: number): SeriesRow<K, V> | undefined {
    const series = this.#cache.open(key)
    const entry = series.entries[positionIn(series.entries, major + 1, Number.NEGATIVE_INFINITY) - 1]
    if (entry !== undefined && entry.major >= series.loadedFrom) return rowOf(entry)
    return first(this.slice(key, Number.NEGATIVE_INFINITY, major, true))
  }

  /** The oldest entry of a key with `entry.major > major`. */
  higher(key: K, major: number): SeriesRow<K, V> | undefined {
    return first(this.slice(key, major + 1, Number.POSITIVE_INFINITY))
  }

  /** Entries of keys in [keyFrom, keyTo] (null = open) with major in [from, to], by key, major, minor. */
  scanKeys(keyFrom: K | null, keyTo: K | null, from: number, to: number): IterableIterator<SeriesRow<K, V>> {
    const { layout } = this.#codec
    const bound = (operator: string, key: K | null): Condition | null =>
      key === null ? null : { sql: tuple(this.#keyColumns, operator), parameters: layout.encodeKey(key) }
    const isInRange = (key: K) =>
      (keyFrom === null || layout.compareKeys(key, keyFrom) >= 0) &&
      (keyTo === null || layout.compareKeys(key, keyTo) <= 0)
    return this.#scan({
      // The plus keeps SQLite from reading by the time index, and then sorting.
      where: [{ sql: `+${this.#major} BETWEEN ? AND ?`, parameters: [this.#live(from), to] }],
      lower: bound('>=', keyFrom),
      upper: bound('<=', keyTo),
      from,
      to,
      order: [...this.#keyColumns, this.#major, this.#minor],
      compare: (a, b) => layout.compareKeys(a.key, b.key) || a.major - b.major || a.minor - b.minor,
      after: (place) => [...layout.encodeKey(place.key), place.major, place.minor],
      accepts: (entry) => isInRange(entry.series.key),
    })
  }

  /** Entries of all keys with major in [from, to], by major, then minor and key as the kind has it. */
  scanTimes(from: number, to: number): IterableIterator<SeriesRow<K, V>> {
    const { layout } = this.#codec
    const { isMinorBeforeKey } = this.#kind
    const order = isMinorBeforeKey
      ? [this.#major, this.#minor, ...this.#keyColumns]
      : [this.#major, ...this.#keyColumns, this.#minor]
    // Only stores that are read by time pay for the index.
    if (!this.#hasTimeIndex && this.#table.mayHaveRows) {
      this.#table.ensureIndex('by_time', order)
      this.#hasTimeIndex = true
    }
    return this.#scan({
      where: [],
      lower: { sql: `${this.#major} >= ?`, parameters: [this.#live(from)] },
      upper: { sql: `${this.#major} <= ?`, parameters: [to] },
      from,
      to,
      order,
      compare: isMinorBeforeKey
        ? (a, b) => a.major - b.major || a.minor - b.minor || layout.compareKeys(a.key, b.key)
        : (a, b) => a.major - b.major || layout.compareKeys(a.key, b.key) || a.minor - b.minor,
      after: (place) =>
        isMinorBeforeKey
          ? [place.major, place.minor, ...layout.encodeKey(place.key)]
          : [place.major, ...layout.encodeKey(place.key), place.minor],
      accepts: () => true,
    })
  }

  flush(): void {
    this.logChanges()
    this.#cache.flush()
    this.#purge()
  }

  /** The table, with all changes and without what is expired. */
  queryable(): QueryableTable {
    this.flush()
    this.#purgeNow()
    return this.#table.reader
  }

  /** Tells the changelog what it does not have yet. */
  logChanges(): void {
    this.#catalog.touch(this.#name)
    const changelog = this.#changelog
    const entries = this.#unlogged
    if (changelog === null || entries.length === 0) return
    if (this.#kind.keepsDeletions) entries.sort((a, b) => a.major - b.major)
    const { horizon } = this
    const codec = this.#codec
    const at = this.#changelogKey
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!
      entry.unlogged = false
      const { major, value } = entry
      if (major <= horizon) continue
      at.key = entry.series.key
      at.major = major
      at.minor = entry.minor
      if (value === undefined) changelog.log(at, null, major)
      else changelog.log(at, codec.innerOf(value), codec.timestampOf(value, major))
    }
    this.#unlogged = []
  }

  clear(): void {
    this.#cache.clear()
    this.#unlogged = []
  }

  wipe(): void {
    this.#table.clear()
    this.clear()
    this.#record.streamTime = Number.NEGATIVE_INFINITY
    this.#record.sequence = 0
    this.#purgedTo = Number.NEGATIVE_INFINITY
  }

  beginRestore(): void {
    assert(this.#cache.dirty.length === 0, `store ${this.#name} is restored over changes not flushed`)
    this.#table.beginWrites()
  }

  /** Writes one changelog record below the cache. `endRestore` must follow. */
  restore(
    key: readonly SqliteValue[],
    major: number,
    minor: number,
    value: Buffer | null,
    timestamp: number,
  ): void {
    const record = this.#record
    if (major > record.streamTime) record.streamTime = major
    if (value === null && !this.#kind.keepsDeletions) {
      this.#table.delete([...key, major, minor])
    } else if (major > this.horizon) {
      const table = this.#table
      table.append(key)
      table.appendOne(major)
      table.appendOne(minor)
      this.#codec.appendFromBytes(table, value, timestamp, key)
      table.endRow()
    }
  }

  endRestore(): void {
    this.#table.endWrites()
    this.#cache.clear()
    this.#catalog.touch(this.#name)
  }

  /** The first major, from `from` on, that is not expired. */
  #live(from: number): number {
    return Math.max(from, this.horizon + 1)
  }

  #dropExpired(series: Series<K, V>): void {
    const { entries } = series
    const { horizon } = this
    // Half of them at a time: moving the rest up is not free.
    if (entries[entries.length >>> 1]!.major > horizon) return
    this.#cache.drop(series, positionIn(entries, horizon + 1, Number.NEGATIVE_INFINITY))
  }

  /** Reads the rows from major `from` on, newest first, at most `limit`; entries of the cache win. */
  #load(series: Series<K, V>, from: number, limit = LOAD_ROWS): void {
    const { horizon } = this
    const rows = this.#table.page({
      where: [
        ...this.#isKey(series.key),
        { sql: `${this.#major} >= ?`, parameters: [Math.max(from, horizon + 1)] },
        { sql: `${this.#major} < ?`, parameters: [series.loadedFrom] },
      ],
      lower: null,
      upper: null,
      order: [this.#major, this.#minor],
      descending: true,
      after: null,
      limit,
    })
    for (const row of rows) this.#admit(series, row)
    if (rows.length === limit) series.loadedFrom = (rows.at(-1)![this.#keyWidth] as number) + 1
    else series.loadedFrom = from <= horizon + 1 ? Number.NEGATIVE_INFINITY : from
  }

  #loadOne(series: Series<K, V>, major: number, minor: number): SeriesEntry<K, V> | undefined {
    const key = [...this.#codec.layout.encodeKey(series.key), major, minor]
    const values = this.#table.get(key)
    return values === undefined ? undefined : this.#admit(series, [...key, ...values])
  }

  #admit(series: Series<K, V>, row: SqliteValue[]): SeriesEntry<K, V> {
    const major = row[this.#keyWidth] as number
    const minor = row[this.#keyWidth + 1] as number
    const position = positionIn(series.entries, major, minor)
    const known = entryAt(series, position, major, minor)
    if (known !== undefined) return known
    const value = this.#codec.decodeValue(this.#table.valueOf(row))
    const entry = { series, major, minor, value, dirty: false, unlogged: false }
    this.#cache.insert(series, position, entry)
    return entry
  }

  /** A series too long for the cache. */
  #scanSeries(
    series: Series<K, V>,
    from: number,
    to: number,
    descending: boolean,
  ): IterableIterator<SeriesRow<K, V>> {
    const sign = descending ? -1 : 1
    return this.#scan({
      where: this.#isKey(series.key),
      lower: { sql: `${this.#major} >= ?`, parameters: [this.#live(from)] },
      upper: { sql: `${this.#major} <= ?`, parameters: [to] },
      from,
      to,
      order: [this.#major, this.#minor],
      descending,
      compare: (a, b) => sign * (a.major - b.major || a.minor - b.minor),
      after: (place) => [place.major, place.minor],
      accepts: (entry) => entry.series.identity === series.identity,
    })
  }

  #scan(scan: {
    where: readonly Condition[]
    lower: Condition | null
    upper: Condition | null
    from: number
    to: number
    order: readonly string[]
    descending?: boolean
    compare: (a: Place<K>, b: Place<K>) => number
    after: (place: Place<K>) => readonly SqliteValue[]
    accepts: (entry: SeriesEntry<K, V>) => boolean
  }): IterableIterator<SeriesRow<K, V>> {
    const table = this.#table
    const from = this.#live(scan.from)
    const changed: Place<K>[] = []
    for (const entry of this.#cache.dirty) {
      if (entry.major >= from && entry.major <= scan.to && scan.accepts(entry)) {
        changed.push({ key: entry.series.key, major: entry.major, minor: entry.minor })
      }
    }
    return mergeScan<Place<K>, SeriesRow<K, V>>({
      changed: changed.sort(scan.compare),
      compare: scan.compare,
      tableVersion: () => table.version,
      page: (after) =>
        table.page({
          where: scan.where,
          lower: scan.lower,
          upper: scan.upper,
          order: scan.order,
          descending: scan.descending ?? false,
          after: after === null ? null : scan.after(after),
          limit: PAGE_ROWS,
        }),
      positionOf: (row) => ({
        key: this.#codec.layout.decodeKey(row),
        major: row[this.#keyWidth] as number,
        minor: row[this.#keyWidth + 1] as number,
      }),
      resolve: (place, row) => this.#resolve(place, row),
    })
  }

  #resolve(place: Place<K>, row: SqliteValue[] | undefined): SeriesRow<K, V> | undefined {
    const { key, major, minor } = place
    if (major <= this.horizon) return undefined
    const series = this.#cache.peek(key)
    if (series !== undefined) {
      const entry = entryAt(series, positionIn(series.entries, major, minor), major, minor)
      if (entry !== undefined)
        return entry.value === undefined ? undefined : { key, major, minor, value: entry.value }
    }
    return row === undefined
      ? undefined
      : { key, major, minor, value: this.#codec.decodeValue(this.#table.valueOf(row)) }
  }

  #isKey(key: K): Condition[] {
    const columns = this.#codec.layout.encodeKey(key)
    return [{ sql: this.#keyColumns.map((column) => `${column} = ?`).join(' AND '), parameters: columns }]
  }

  #sort(entries: readonly SeriesEntry<K, V>[]): SeriesEntry<K, V>[] {
    const { layout } = this.#codec
    const compare = (a: SeriesEntry<K, V>, b: SeriesEntry<K, V>) =>
      (a.series === b.series ? 0 : layout.compareKeys(a.series.key, b.series.key)) ||
      a.major - b.major ||
      a.minor - b.minor
    if (layout.isIdentityOrdered !== true) return [...entries].sort(compare)
    return sortByText(entries, (entry) => entry.series.identity as string, compare)
  }

  #write(unsorted: readonly SeriesEntry<K, V>[]): void {
    const { layout } = this.#codec
    const sorted = this.#sort(unsorted)
    const { horizon } = this
    const codec = this.#codec
    const table = this.#table
    table.beginWrites()
    let series: Series<K, V> | null = null
    let keyColumns: readonly SqliteValue[] = []
    for (let i = 0; i < sorted.length; i++) {
      const entry = sorted[i]!
      if (entry.major <= horizon) continue
      if (entry.series !== series) {
        series = entry.series
        keyColumns = layout.encodeKey(series.key)
      }
      if (entry.value === undefined) {
        table.delete([...keyColumns, entry.major, entry.minor])
      } else {
        table.append(keyColumns)
        table.appendOne(entry.major)
        table.appendOne(entry.minor)
        codec.appendValue(table, entry.value, series.key)
        table.endRow()
      }
    }
    table.endWrites()
  }

  #purge(): void {
    const { horizon } = this
    if (horizon === this.#purgedTo || !Number.isFinite(horizon)) return
    if (!this.#hasTimeIndex && horizon - this.#purgedTo < this.#kind.retentionMs / 2) return
    this.#purgeNow()
  }

  #purgeNow(): void {
    const { horizon } = this
    if (horizon === this.#purgedTo || !Number.isFinite(horizon)) return
    this.#table.deleteWhere({ sql: `${this.#major} <= ?`, parameters: [horizon] })
    this.#purgedTo = horizon
  }
}

function rowOf<K, V>(entry: SeriesEntry<K, V> | undefined): SeriesRow<K, V> | undefined {
  if (entry === undefined || entry.value === undefined) return undefined
  return { key: entry.series.key, major: entry.major, minor: entry.minor, value: entry.value }
}

function first<T>(items: Iterable<T>): T | undefined {
  for (const item of items) return item
  return undefined
}

/** Rows as a store's own entries, undefined ones left out; an array stays free of a generator's cost. */
export function mapRows<K, V, E>(
  rows: Iterable<SeriesRow<K, V>>,
  map: (row: SeriesRow<K, V>) => E | undefined,
): IterableIterator<E> {
  if (!Array.isArray(rows)) return mapEach(rows, map)
  const entries: E[] = []
  for (const row of rows as SeriesRow<K, V>[]) {
    const entry = map(row)
    if (entry !== undefined) entries.push(entry)
  }
  return entries.values()
}

function* mapEach<K, V, E>(
  rows: Iterable<SeriesRow<K, V>>,
  map: (row: SeriesRow<K, V>) => E | undefined,
): Generator<E, undefined> {
  for (const row of rows) {
    const entry = map(row)
    if (entry !== undefined) yield entry
  }
}
