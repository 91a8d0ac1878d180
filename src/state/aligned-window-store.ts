import { assert } from '../common/index.js'
import { readTime, type TimedKey, WINDOW_SUFFIX_BYTES, windowKeySerde } from './changelog-key.js'
import { type ChangelogPort, changelogPort } from './changelog-port.js'
import { sortByText } from './key-sort.js'
import { mergeInOrder } from './merge-in-order.js'
import { mergeScan } from './merge-scan.js'
import { SortedNumbers } from './sorted-numbers.js'
import type {
  CacheFigures,
  ChangelogWriter,
  QueryableTable,
  TableStore,
  WindowEntry,
  WindowEntryStore,
  WindowStore,
} from './store.js'
import type { StoreCatalog, StoreRecord } from './store-catalog.js'
import { NO_TIMESTAMP, type StoreCodec } from './store-codec.js'
import type { ChangelogRecord, WindowStoreSpec } from './store-spec.js'
import { type Condition, PAGE_ROWS, quoted, type StoreTable, tuple } from './store-table.js'
import { AlignedEntry, type CachedWindow, WindowCache } from './window-cache.js'

/** Least rows of a page when many windows are read side by side. */
const SIDE_PAGE_ROWS = 16

/**
 * Windows that begin at the same times for all keys (tumbling, hopping). Both cache and table hold them window by
 * window, the table under the primary key (windowstart, key): new windows are appended to it and expired ones leave at
 * its front, however many keys there are.
 *
 * Expired windows (`start <= newest - retentionMs`, Kafka's bound) are invisible at once; their rows go with the next
 * flush.
 */
export class AlignedWindowStore<K, S> implements WindowStore<K, S>, WindowEntryStore<K>, TableStore {
  readonly name: string
  readonly persistent: boolean
  readonly windowSizeMs: number
  readonly retentionMs: number
  droppedExpired = 0
  readonly #codec: StoreCodec<K, S>
  readonly #table: StoreTable
  readonly #catalog: StoreCatalog
  readonly #record: StoreRecord
  readonly #changelog: ChangelogPort | null
  readonly #cache: WindowCache<K>
  readonly #keyColumns: readonly string[]
  /** Starts of windows that have rows in the table. */
  readonly #stored = new SortedNumbers()
  #purgedTo = Number.NEGATIVE_INFINITY
  readonly #changelogKey: TimedKey<K> = { key: undefined as K, major: 0, minor: 0 }

  constructor(
    spec: WindowStoreSpec,
    options: {
      readonly codec: StoreCodec<K, S>
      readonly table: StoreTable
      readonly catalog: StoreCatalog
      readonly changelog: ChangelogWriter | undefined
      readonly cacheEntriesMax: number
    },
  ) {
    this.name = spec.name
    this.persistent = spec.persistent
    this.windowSizeMs = spec.windowSizeMs
    this.retentionMs = spec.retentionMs
    const { codec, table, catalog } = options
    this.#codec = codec
    this.#table = table
    this.#catalog = catalog
    this.#record = catalog.record(spec.name)!
    this.#changelog = changelogPort(
      spec.name,
      windowKeySerde(codec.keySerde),
      codec.valueSerde,
      options.changelog,
    )
    this.#keyColumns = codec.layout.keyColumns.map((column) => quoted(column.name))
    this.#cache = new WindowCache<K>({
      entriesMax: options.cacheEntriesMax,
      identity: codec.layout.identity,
      hasRows: (start) => this.#stored.has(start),
      load: (key, identity, window) => this.#load(key, identity, window),
      log: (entries) => this.#log(entries),
      write: (windows) => this.#write(windows),
    })
    for (const start of table.distinctFirst()) this.#stored.add(start)
  }

  get newestTimeMs(): number {
    return this.#record.streamTime
  }

  put(key: K, value: S | null, windowStart: number): void {
    if (!this.#advance(windowStart)) return
    const entry = this.#cache.open(key, windowStart)
    if (value === null) this.#cache.change(entry, undefined, NO_TIMESTAMP)
    else this.#cache.change(entry, this.#codec.innerOf(value), this.#codec.timestampOf(value, NO_TIMESTAMP))
  }

  windowEntry(key: K, windowStart: number): AlignedEntry<K> | null {
    return this.#advance(windowStart) ? this.#cache.open(key, windowStart) : null
  }

  change(entry: AlignedEntry<K>, value: unknown, timestamp: number): void {
    this.#cache.change(entry, value, timestamp)
  }

  onRelease(release: () => void): void {
    this.#cache.onRelease(release)
  }

  fetch(key: K, windowStart: number): S | undefined {
    if (windowStart <= this.#horizon) return undefined
    return this.#peek(key, windowStart)
  }

  fetchRange(key: K, startFrom: number, startTo: number): IterableIterator<WindowEntry<K, S>> {
    return this.#windowsOf(key, this.#starts(startFrom, startTo)).values()
  }

  backwardFetchRange(key: K, startFrom: number, startTo: number): IterableIterator<WindowEntry<K, S>> {
    return this.#windowsOf(key, this.#starts(startFrom, startTo).reverse()).values()
  }

  fetchKeyRange(
    keyFrom: K | null,
    keyTo: K | null,
    startFrom: number,
    startTo: number,
  ): IterableIterator<WindowEntry<K, S>> {
    const starts = this.#starts(startFrom, startTo)
    const pageRows = Math.max(SIDE_PAGE_ROWS, Math.floor((PAGE_ROWS * 16) / Math.max(1, starts.length)))
    const rows = Math.min(PAGE_ROWS, pageRows)
    const { layout } = this.#codec
    return mergeInOrder(
      starts.map((start) => this.#scan(start, keyFrom, keyTo, rows)),
      (a, b) => layout.compareKeys(a.key.key, b.key.key) || a.key.start - b.key.start,
    )
  }

  *fetchAll(startFrom: number, startTo: number): IterableIterator<WindowEntry<K, S>> {
    for (const start of this.#starts(startFrom, startTo)) yield* this.#scan(start, null, null, PAGE_ROWS)
  }

  all(): IterableIterator<WindowEntry<K, S>> {
    return this.fetchKeyRange(null, null, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
  }

  flush(): void {
    this.#cache.flush()
    this.#purge()
    this.#catalog.touch(this.name)
  }

  logChanges(): void {
    this.#cache.log()
    this.#catalog.touch(this.name)
  }

  cacheFigures(): CacheFigures {
    const { lookUps, misses } = this.#cache
    return { lookUps, misses }
  }

  queryable(): QueryableTable {
    this.flush()
    return this.#table.reader
  }

  close(): void {
    this.#cache.clear()
  }

  wipe(): void {
    this.#table.clear()
    this.#cache.clear()
    this.#stored.clear()
    this.#record.streamTime = Number.NEGATIVE_INFINITY
    this.#purgedTo = Number.NEGATIVE_INFINITY
  }

  restore(records: Iterable<ChangelogRecord>): void {
    assert(!this.#cache.isDirty, `store ${this.name} is restored over changes not flushed`)
    const table = this.#table
    const record = this.#record
    table.beginWrites()
    for (const { key, value, timestamp } of records) {
      const keyEnd = key.length - WINDOW_SUFFIX_BYTES
      const start = readTime(key, keyEnd)
      if (start > record.streamTime) record.streamTime = start
      if (start <= this.#horizon) continue
      const keyColumns = this.#codec.keyFromBytes(key, keyEnd)
      if (value === null) {
        table.delete([start, ...keyColumns])
        continue
      }
      table.appendOne(start)
      table.append(keyColumns)
      this.#codec.appendFromBytes(table, value, timestamp, keyColumns)
      table.endRow()
      this.#stored.add(start)
    }
    table.endWrites()
    this.#cache.clear()
    this.#catalog.touch(this.name)
  }

  /** Windows up to this start are gone. */
  get #horizon(): number {
    return this.#record.streamTime - this.retentionMs
  }

  #advance(start: number): boolean {
    const record = this.#record
    if (start > record.streamTime) {
      record.streamTime = start
      return true
    }
    if (start > record.streamTime - this.retentionMs) return true
    this.droppedExpired++
    return false
  }

  /** Windows in [from, to] that are not expired and may have entries, in order. */
  #starts(from: number, to: number): number[] {
    const live = Math.max(from, this.#horizon + 1)
    const starts = this.#stored.between(live, to)
    const fresh = this.#cache.dirtyStarts(live, to).filter((start) => !this.#stored.has(start))
    return fresh.length === 0 ? starts : [...starts, ...fresh].sort((a, b) => a - b)
  }

  #windowsOf(key: K, starts: readonly number[]): WindowEntry<K, S>[] {
    const found: WindowEntry<K, S>[] = []
    for (const start of starts) {
      const value = this.#peek(key, start)
      if (value !== undefined) found.push(this.#entry(key, start, value))
    }
    return found
  }

  #entry(key: K, start: number, value: S): WindowEntry<K, S> {
    return {
      key: { key, start, end: Math.min(start + this.windowSizeMs, Number.MAX_SAFE_INTEGER) },
      value,
    }
  }

  /** Reads past the cache what it does not have. */
  #peek(key: K, start: number): S | undefined {
    const codec = this.#codec
    const window = this.#cache.peekWindow(start)
    const entry = window?.entries.get(codec.layout.identity(key))
    if (entry !== undefined) {
      return entry.value === undefined ? undefined : codec.storedOf(entry.value, entry.timestamp)
    }
    if (window?.complete === true || !this.#stored.has(start)) return undefined
    const row = this.#table.get([start, ...codec.layout.encodeKey(key)])
    return row === undefined ? undefined : codec.decodeValue(row)
  }

  #load(key: K, identity: string | number, window: CachedWindow<K>): AlignedEntry<K> {
    const codec = this.#codec
    const row = this.#table.get([window.start, ...codec.layout.encodeKey(key)])
    if (row === undefined) return new AlignedEntry(key, identity, window, undefined, NO_TIMESTAMP)
    return new AlignedEntry(key, identity, window, codec.layout.decodeValue(row), codec.rowTimestamp(row))
  }

  #log(entries: readonly AlignedEntry<K>[]): void {
    const changelog = this.#changelog
    if (changelog === null) return
    const at = this.#changelogKey
    for (let i = 0; i < entries.length; i++) {
      const { key, window, value, timestamp } = entries[i]!
      at.key = key
      at.major = window.start
      if (value === undefined) changelog.log(at, null, window.start)
      else changelog.log(at, value, this.#codec.timestamped ? timestamp : window.start)
    }
  }

  #write(windows: readonly CachedWindow<K>[]): void {
    const horizon = this.#horizon
    const codec = this.#codec
    const table = this.#table
    table.beginWrites()
    for (const window of windows) {
      const { start } = window
      if (start <= horizon) continue
      const entries = this.#sort(window.dirty)
      for (let i = 0; i < entries.length; i++) {
        const { key, value, timestamp } = entries[i]!
        if (value === undefined) {
          if (this.#stored.has(start)) table.delete([start, ...codec.layout.encodeKey(key)])
          continue
        }
        table.appendOne(start)
        table.append(codec.layout.encodeKey(key))
        codec.appendInner(table, value, timestamp, key)
        table.endRow()
      }
      this.#stored.add(start)
    }
    table.endWrites()
  }

  #sort(entries: readonly AlignedEntry<K>[]): readonly AlignedEntry<K>[] {
    const { layout } = this.#codec
    const compare = (a: AlignedEntry<K>, b: AlignedEntry<K>) => layout.compareKeys(a.key, b.key)
    if (layout.isIdentityOrdered !== true) return [...entries].sort(compare)
    return sortByText(entries, (entry) => entry.identity as string, compare)
  }

  /** The entries of one window with keys in [keyFrom, keyTo] (null = open), in key order. */
  #scan(start: number, keyFrom: K | null, keyTo: K | null, pageRows: number): Generator<WindowEntry<K, S>> {
    const codec = this.#codec
    const { layout } = codec
    const table = this.#table
    const isInRange = (key: K) =>
      (keyFrom === null || layout.compareKeys(key, keyFrom) >= 0) &&
      (keyTo === null || layout.compareKeys(key, keyTo) <= 0)
    const bound = (operator: string, key: K | null): Condition | null =>
      key === null ? null : { sql: tuple(this.#keyColumns, operator), parameters: layout.encodeKey(key) }
    const dirty = this.#cache.peekWindow(start)?.dirty ?? []
    const changed = this.#sort(dirty.filter((entry) => isInRange(entry.key))).map((entry) => entry.key)
    return mergeScan<K, WindowEntry<K, S>>({
      changed,
      compare: layout.compareKeys,
      pageRows,
      tableVersion: () => table.version,
      page: (after) =>
        table.page({
          where: [{ sql: '"windowstart" = ?', parameters: [start] }],
          lower: bound('>=', keyFrom),
          upper: bound('<=', keyTo),
          order: this.#keyColumns,
          descending: false,
          after: after === null ? null : layout.encodeKey(after),
          limit: pageRows,
        }),
      positionOf: (row) => layout.decodeKey(row.slice(1)),
      resolve: (key, row) => {
        if (start <= this.#horizon) return undefined
        const cached = this.#cache.peekWindow(start)?.entries.get(layout.identity(key))
        if (cached === undefined) {
          return row === undefined
            ? undefined
            : this.#entry(key, start, codec.decodeValue(table.valueOf(row)))
        }
        if (cached.value === undefined) return undefined
        return this.#entry(key, start, codec.storedOf(cached.value, cached.timestamp))
      },
    })
  }

  #purge(): void {
    const horizon = this.#horizon
    if (horizon === this.#purgedTo || !Number.isFinite(horizon)) return
    this.#purgedTo = horizon
    this.#cache.expire(horizon)
    if (this.#stored.first > horizon) return
    this.#table.deleteWhere({ sql: '"windowstart" <= ?', parameters: [horizon] })
    this.#stored.removeUpTo(horizon)
  }
}
