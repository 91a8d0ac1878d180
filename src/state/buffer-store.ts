import { assert } from '../common/index.js'
import { readTime, type TimedKey, WINDOW_SUFFIX_BYTES, windowKeySerde } from './changelog-key.js'
import { type ChangelogPort, changelogPort } from './changelog-port.js'
import { hashOf, KeyFilter } from './key-filter.js'
import { sortByText } from './key-sort.js'
import { mergeInOrder } from './merge-in-order.js'
import { mergeScan } from './merge-scan.js'
import { type BufferedRecord, RecordCache } from './record-cache.js'
import { SortedNumbers } from './sorted-numbers.js'
import type { ChangelogWriter, SqliteValue, WindowEntry, WindowStore } from './store.js'
import type { StoreCatalog, StoreRecord } from './store-catalog.js'
import { NO_TIMESTAMP, type StoreCodec } from './store-codec.js'
import type { ChangelogRecord, WindowStoreSpec } from './store-spec.js'
import { type Condition, PAGE_ROWS, quoted, type StoreTable, tuple } from './store-table.js'

/** Filters of more than this are given up, the earliest segments' first. */
const FILTER_BYTES_MAX = 32 * 1024 * 1024
/** Most segments a store is cut into, so that a look at all of them stays cheap. */
const SEGMENTS_MAX = 4096

/** A record as scans order it. */
interface Place<K> {
  readonly key: K
  readonly start: number
  readonly sequence: number
}

/**
 * Window stores that retain duplicates: the buffers of joins of streams. Records are only added; they go by retention.
 *
 * The table is cut by time into segments, under the primary key (segment, key, start, sequence): new records go to the
 * few newest segments, expired ones leave with theirs. For each segment a filter tells which keys it may have beyond the
 * cache, so that a record that meets nobody needs no look into the table.
 */
export class BufferStore<K, S> implements WindowStore<K, S> {
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
  readonly #changelogKey: TimedKey<K> = { key: undefined as K, major: 0, minor: 0 }
  readonly #cache: RecordCache<K>
  readonly #keyColumns: readonly string[]
  readonly #keyWidth: number
  readonly #segmentMs: number
  /** Segments that have rows in the table. */
  readonly #segments = new SortedNumbers()
  /** Of segments whose rows have all come through the cache. */
  readonly #filters = new Map<number, KeyFilter>()
  #unlogged: BufferedRecord<K>[] = []

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
    this.#segmentMs = Math.max(
      1,
      Math.ceil(spec.windowSizeMs / 2),
      Math.ceil(spec.retentionMs / SEGMENTS_MAX),
    )
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
    this.#keyWidth = this.#keyColumns.length
    this.#cache = new RecordCache<K>({
      entriesMax: options.cacheEntriesMax,
      write: (records) => this.#write(records),
      forget: (record) => this.#forget(record),
    })
    for (const segment of table.distinctFirst()) this.#segments.add(segment)
  }

  get newestTimeMs(): number {
    return this.#record.streamTime
  }

  put(key: K, value: S | null, start: number): void {
    const record = this.#record
    if (start > record.streamTime) {
      record.streamTime = start
    } else if (start <= this.#horizon) {
      this.droppedExpired++
      return
    }
    if (value === null) return
    record.sequence = (record.sequence + 1) & 0x7fff_ffff
    const codec = this.#codec
    const added = this.#cache.add(
      key,
      codec.layout.identity(key),
      start,
      record.sequence,
      codec.innerOf(value),
      codec.timestampOf(value, NO_TIMESTAMP),
    )
    if (this.#changelog !== null) this.#unlogged.push(added)
  }

  fetch(key: K, start: number): S | undefined {
    return this.#find(key, start, start)[0]?.value
  }

  fetchRange(key: K, startFrom: number, startTo: number): IterableIterator<WindowEntry<K, S>> {
    return this.#find(key, startFrom, startTo).values()
  }

  backwardFetchRange(key: K, startFrom: number, startTo: number): IterableIterator<WindowEntry<K, S>> {
    return this.#find(key, startFrom, startTo).reverse().values()
  }

  fetchKeyRange(
    keyFrom: K | null,
    keyTo: K | null,
    startFrom: number,
    startTo: number,
  ): IterableIterator<WindowEntry<K, S>> {
    const { layout } = this.#codec
    const segments = this.#segmentsBetween(startFrom, startTo)
    return mergeInOrder(
      segments.map((segment) => this.#scan(segment, keyFrom, keyTo, startFrom, startTo)),
      (a, b) => layout.compareKeys(a.key.key, b.key.key) || a.key.start - b.key.start,
    )
  }

  /** Holds one segment at a time in memory. */
  *fetchAll(startFrom: number, startTo: number): IterableIterator<WindowEntry<K, S>> {
    for (const segment of this.#segmentsBetween(startFrom, startTo)) {
      const entries = [...this.#scan(segment, null, null, startFrom, startTo)]
      // Sorting is stable: keys, and arrivals of one key, stay in order.
      yield* entries.sort((a, b) => a.key.start - b.key.start)
    }
  }

  all(): IterableIterator<WindowEntry<K, S>> {
    return this.fetchKeyRange(null, null, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
  }

  flush(): void {
    this.logChanges()
    this.#cache.flush()
    this.#purge()
  }

  logChanges(): void {
    this.#catalog.touch(this.name)
    const records = this.#unlogged
    if (records.length === 0) return
    const changelog = this.#changelog!
    const at = this.#changelogKey
    const horizon = this.#horizon
    for (let i = 0; i < records.length; i++) {
      const { key, start, sequence, value, timestamp } = records[i]!
      if (start <= horizon) continue
      at.key = key
      at.major = start
      at.minor = sequence
      changelog.log(at, value, this.#codec.timestamped ? timestamp : start)
    }
    this.#unlogged = []
  }

  close(): void {
    this.#clear()
  }

  wipe(): void {
    this.#table.clear()
    this.#clear()
    this.#segments.clear()
    this.#record.streamTime = Number.NEGATIVE_INFINITY
    this.#record.sequence = 0
  }

  restore(records: Iterable<ChangelogRecord>): void {
    assert(this.#cache.dirty.length === 0, `store ${this.name} is restored over changes not flushed`)
    const table = this.#table
    const record = this.#record
    table.beginWrites()
    for (const { key, value, timestamp } of records) {
      const keyEnd = key.length - WINDOW_SUFFIX_BYTES
      const start = readTime(key, keyEnd)
      const sequence = key.readInt32BE(keyEnd + 8)
      if (start > record.streamTime) record.streamTime = start
      if (sequence > record.sequence) record.sequence = sequence
      if (start <= this.#horizon) continue
      const segment = this.#segmentOf(start)
      const keyColumns = this.#codec.keyFromBytes(key, keyEnd)
      if (value === null) {
        table.delete([segment, ...keyColumns, start, sequence])
        continue
      }
      table.appendOne(segment)
      table.append(keyColumns)
      table.appendOne(start)
      table.appendOne(sequence)
      this.#codec.appendFromBytes(table, value, timestamp, keyColumns)
      table.endRow()
      this.#segments.add(segment)
    }
    table.endWrites()
    this.#clear()
    this.#catalog.touch(this.name)
  }

  /** Starts up to this one are gone. */
  get #horizon(): number {
    return this.#record.streamTime - this.retentionMs
  }

  #segmentOf(start: number): number {
    return Math.floor(start / this.#segmentMs)
  }

  #clear(): void {
    this.#cache.clear()
    this.#unlogged = []
    this.#filters.clear()
  }

  /** Segments of starts in [from, to] that are not expired and may have records, in order. */
  #segmentsBetween(from: number, to: number): number[] {
    const live = Math.max(from, this.#horizon + 1)
    const [first, last] = [this.#segmentOf(live), this.#segmentOf(to)]
    const segments = new Set(this.#segments.between(first, last))
    for (const { start } of this.#cache.dirty) {
      if (start >= live && start <= to) segments.add(this.#segmentOf(start))
    }
    return [...segments].sort((a, b) => a - b)
  }

  /** Records of one key with start in [from, to], by start, then arrival. */
  #find(key: K, from: number, to: number): WindowEntry<K, S>[] {
    const identity = this.#codec.layout.identity(key)
    const live = Math.max(from, this.#horizon + 1)
    let found: BufferedRecord<K>[] | null = null
    for (let record = this.#cache.young(identity) ?? null; record !== null; record = record.older) {
      if (record.start >= live && record.start <= to) (found ??= []).push(record)
    }
    for (let record = this.#cache.old(identity) ?? null; record !== null; record = record.older) {
      if (record.start >= live && record.start <= to) (found ??= []).push(record)
    }
    const stored = this.#segments.size === 0 ? null : this.#findStored(key, identity, live, to)
    if (stored !== null) return this.#merged(key, found ?? [], stored)
    if (found === null) return []
    if (found.length > 1) found.sort(byStart)
    return found.map((record) => this.#entryOf(record))
  }

  /** Null where the table certainly has nothing beyond the cache. */
  #findStored(key: K, identity: string | number, from: number, to: number): SqliteValue[][] | null {
    let rows: SqliteValue[][] | null = null
    let hash = 0
    let hashed = false
    for (const segment of this.#segments.between(this.#segmentOf(from), this.#segmentOf(to))) {
      const filter = this.#filters.get(segment)
      if (filter !== undefined) {
        if (!hashed) {
          hash = hashOf(identity)
          hashed = true
        }
        if (!filter.mayHave(hash)) continue
      }
      const page = this.#table.all({
        where: [
          { sql: '"segment" = ?', parameters: [segment] },
          { sql: tuple(this.#keyColumns, '='), parameters: this.#codec.layout.encodeKey(key) },
          { sql: '"windowstart" BETWEEN ? AND ?', parameters: [from, to] },
        ],
        order: ['"windowstart"', '"sequence"'],
      })
      if (page.length > 0) rows = rows === null ? page : [...rows, ...page]
    }
    return rows
  }

  /** Rows of the table and records of the cache, which may be the same. */
  #merged(
    key: K,
    records: readonly BufferedRecord<K>[],
    rows: readonly SqliteValue[][],
  ): WindowEntry<K, S>[] {
    const known = new Set(records.map((record) => record.sequence))
    const all = records.map((record) => ({
      start: record.start,
      sequence: record.sequence,
      entry: this.#entryOf(record),
    }))
    for (const row of rows) {
      const start = row[this.#keyWidth + 1] as number
      const sequence = row[this.#keyWidth + 2] as number
      if (known.has(sequence) && records.some((r) => r.sequence === sequence && r.start === start)) continue
      all.push({
        start,
        sequence,
        entry: this.#entry(key, start, this.#codec.decodeValue(this.#table.valueOf(row))),
      })
    }
    return all.sort(byStart).map(({ entry }) => entry)
  }

  #entryOf(record: BufferedRecord<K>): WindowEntry<K, S> {
    return this.#entry(record.key, record.start, this.#codec.storedOf(record.value, record.timestamp))
  }

  #entry(key: K, start: number, value: S): WindowEntry<K, S> {
    return {
      key: { key, start, end: Math.min(start + this.windowSizeMs, Number.MAX_SAFE_INTEGER) },
      value,
    }
  }

  /** The records of one segment with keys and starts in range (null = open), by key, start and arrival. */
  #scan(
    segment: number,
    keyFrom: K | null,
    keyTo: K | null,
    from: number,
    to: number,
  ): Generator<WindowEntry<K, S>> {
    const codec = this.#codec
    const { layout } = codec
    const table = this.#table
    const keyWidth = this.#keyWidth
    const live = Math.max(from, this.#horizon + 1)
    const bound = (operator: string, key: K | null): Condition | null =>
      key === null ? null : { sql: tuple(this.#keyColumns, operator), parameters: layout.encodeKey(key) }
    const compare = (a: Place<K>, b: Place<K>) => layout.compareKeys(a.key, b.key) || byStart(a, b)
    const changed = this.#cache.dirty.filter(
      ({ key, start }) =>
        start >= live &&
        start <= to &&
        this.#segmentOf(start) === segment &&
        (keyFrom === null || layout.compareKeys(key, keyFrom) >= 0) &&
        (keyTo === null || layout.compareKeys(key, keyTo) <= 0),
    )
    return mergeScan<Place<K>, WindowEntry<K, S>>({
      changed: changed.sort(compare),
      compare,
      tableVersion: () => table.version,
      page: (after) =>
        table.page({
          where: [
            { sql: '"segment" = ?', parameters: [segment] },
            { sql: '+"windowstart" BETWEEN ? AND ?', parameters: [live, to] },
          ],
          lower: bound('>=', keyFrom),
          upper: bound('<=', keyTo),
          order: [...this.#keyColumns, '"windowstart"', '"sequence"'],
          descending: false,
          after: after === null ? null : [...layout.encodeKey(after.key), after.start, after.sequence],
          limit: PAGE_ROWS,
        }),
      positionOf: (row) => ({
        key: layout.decodeKey(row.slice(1)),
        start: row[keyWidth + 1] as number,
        sequence: row[keyWidth + 2] as number,
      }),
      resolve: (place, row) => {
        if (place.start <= this.#horizon) return undefined
        if (row !== undefined)
          return this.#entry(place.key, place.start, codec.decodeValue(table.valueOf(row)))
        return this.#entryOf(place as BufferedRecord<K>)
      },
    })
  }

  /** Segment by segment, in key order. */
  #write(records: readonly BufferedRecord<K>[]): void {
    const { layout } = this.#codec
    const horizon = this.#horizon
    const bySegment = new Map<number, BufferedRecord<K>[]>()
    for (let i = 0; i < records.length; i++) {
      const record = records[i]!
      if (record.start <= horizon) continue
      const segment = this.#segmentOf(record.start)
      const list = bySegment.get(segment)
      if (list === undefined) bySegment.set(segment, [record])
      else list.push(record)
    }
    const compare = (a: BufferedRecord<K>, b: BufferedRecord<K>) =>
      layout.compareKeys(a.key, b.key) || byStart(a, b)
    const sort =
      layout.isIdentityOrdered === true
        ? (list: readonly BufferedRecord<K>[]) =>
            sortByText(list, (record) => record.identity as string, compare)
        : (list: readonly BufferedRecord<K>[]) => [...list].sort(compare)
    const table = this.#table
    table.beginWrites()
    for (const segment of [...bySegment.keys()].sort((a, b) => a - b)) {
      for (const record of sort(bySegment.get(segment)!)) {
        table.appendOne(segment)
        table.append(layout.encodeKey(record.key))
        table.appendOne(record.start)
        table.appendOne(record.sequence)
        this.#codec.appendInner(table, record.value, record.timestamp, record.key)
        table.endRow()
      }
      if (!this.#segments.has(segment)) {
        this.#segments.add(segment)
        this.#filters.set(segment, new KeyFilter())
      }
    }
    table.endWrites()
  }

  #forget({ identity, start }: BufferedRecord<K>): void {
    this.#filters.get(this.#segmentOf(start))?.add(hashOf(identity))
  }

  #purge(): void {
    const horizon = this.#horizon
    if (Number.isFinite(horizon)) {
      // A segment goes when all of it is expired.
      const last = this.#segmentOf(horizon + 1) - 1
      if (this.#segments.first <= last) {
        this.#table.deleteWhere({ sql: '"segment" <= ?', parameters: [last] })
        this.#segments.removeUpTo(last)
        for (const segment of this.#filters.keys()) if (segment <= last) this.#filters.delete(segment)
      }
    }
    let bytes = 0
    for (const filter of this.#filters.values()) bytes += filter.bytes
    while (bytes > FILTER_BYTES_MAX) {
      const earliest = Math.min(...this.#filters.keys())
      bytes -= this.#filters.get(earliest)!.bytes
      this.#filters.delete(earliest)
    }
  }
}

function byStart(
  a: { readonly start: number; readonly sequence: number },
  b: { readonly start: number; readonly sequence: number },
): number {
  return a.start - b.start || a.sequence - b.sequence
}
