import {
  mapRows,
  type SeriesKind,
  type SeriesRow,
  SeriesStore,
  type SeriesStoreOptions,
} from './series-store.js'
import type { KeyValueEntry, VersionedKeyValueStore, VersionedRecord } from './store.js'
import type { VersionCodec } from './store-codec.js'
import type { ChangelogRecord, VersionedStoreSpec } from './store-spec.js'
import { quoted, type StoreTable } from './store-table.js'

const versionKind: SeriesKind = {
  major: 'validfrom',
  minor: 'sequence',
  isMinorBeforeKey: false,
  // The newest version of a key stays for ever; the store itself deletes those that ended.
  retentionMs: Number.POSITIVE_INFINITY,
  keepsDeletions: true,
  changelogSerde: (keySerde) => ({
    write: (at, out) => keySerde.write(at.key, out),
    read: (buffer, start, end) => ({ key: keySerde.read(buffer, start, end), major: 0, minor: 0 }),
  }),
}

/** Versions of keys: major is the time a version begins; it ends where the next one, or a deletion (null), begins. */
export class SqliteVersionedStore<K, V> implements VersionedKeyValueStore<K, V> {
  readonly name: string
  readonly persistent: boolean
  readonly historyRetentionMs: number
  droppedExpired = 0
  readonly #codec: VersionCodec<K, V>
  readonly #series: SeriesStore<K, V | null>
  readonly #table: StoreTable
  #purgedTo = Number.NEGATIVE_INFINITY

  constructor(
    spec: VersionedStoreSpec,
    options: Omit<SeriesStoreOptions<K, V | null>, 'kind'> & { codec: VersionCodec<K, V> },
  ) {
    this.name = spec.name
    this.persistent = spec.persistent
    this.historyRetentionMs = spec.historyRetentionMs
    this.#codec = options.codec
    this.#table = options.table
    this.#series = new SeriesStore({ ...options, kind: versionKind })
  }

  put(key: K, value: V | null, timestamp: number): number | null {
    if (timestamp < this.#horizon) {
      this.droppedExpired++
      return null
    }
    this.#series.advance(timestamp)
    const newest = this.#series.newest(key)
    const isNewest = newest === undefined || newest.major <= timestamp
    this.#series.set(key, timestamp, 0, value)
    return isNewest ? Number.POSITIVE_INFINITY : this.#series.higher(key, timestamp)!.major
  }

  delete(key: K, timestamp: number): VersionedRecord<V> | undefined {
    if (timestamp < this.#horizon) {
      this.droppedExpired++
      return undefined
    }
    const before = this.getAsOf(key, timestamp)
    this.put(key, null, timestamp)
    return before
  }

  get(key: K): VersionedRecord<V> | undefined {
    const newest = this.#series.newest(key)
    if (newest === undefined || newest.value === null) return undefined
    return { value: newest.value, timestamp: newest.major, validTo: null }
  }

  getAsOf(key: K, asOf: number): VersionedRecord<V> | undefined {
    const newest = this.#series.newest(key)
    if (newest === undefined) return undefined
    if (newest.major <= asOf) return this.get(key)
    if (asOf < this.#horizon) return undefined
    const version = this.#series.floor(key, asOf)
    if (version === undefined || version.value === null) return undefined
    const validTo = this.#series.higher(key, version.major)!.major
    return { value: version.value, timestamp: version.major, validTo }
  }

  versions(key: K, from: number, to: number): IterableIterator<VersionedRecord<V>> {
    const found: VersionedRecord<V>[] = []
    const first = this.#series.floor(key, from)?.major ?? from
    let version: SeriesRow<K, V | null> | undefined
    for (const next of this.#series.slice(key, first, Number.POSITIVE_INFINITY)) {
      this.#collect(found, version, next.major)
      version = next.major > to ? undefined : next
      if (version === undefined) break
    }
    this.#collect(found, version, null)
    return found.values()
  }

  all(): IterableIterator<KeyValueEntry<K, VersionedRecord<V>>> {
    const rows = this.#series.scanKeys(null, null, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
    return mapRows(rows, ({ key, major }) => {
      const newest = this.get(key)
      return newest?.timestamp === major ? { key, value: newest } : undefined
    })
  }

  flush(): void {
    this.#series.flush()
    this.#purge()
  }

  logChanges(): void {
    this.#series.logChanges()
  }

  close(): void {
    this.#series.clear()
  }

  wipe(): void {
    this.#series.wipe()
    this.#purgedTo = Number.NEGATIVE_INFINITY
  }

  restore(records: Iterable<ChangelogRecord>): void {
    this.#series.beginRestore()
    for (const { key, value, timestamp } of records) {
      const columns = this.#codec.keyFromBytes(key, key.length)
      this.#series.restore(columns, timestamp, 0, value, timestamp)
    }
    this.#series.endRestore()
  }

  get #horizon(): number {
    return this.#series.streamTime - this.historyRetentionMs
  }

  #collect(
    into: VersionedRecord<V>[],
    version: SeriesRow<K, V | null> | undefined,
    validTo: number | null,
  ): void {
    if (version === undefined || version.value === null) return
    if (validTo !== null && validTo <= this.#horizon) return
    into.push({ value: version.value, timestamp: version.major, validTo })
  }

  /** Deletes versions that ended at or before the horizon, once it has moved by half the retention. */
  #purge(): void {
    const horizon = this.#horizon
    if (!Number.isFinite(horizon) || horizon - this.#purgedTo < Math.max(1, this.historyRetentionMs / 2))
      return
    const table = quoted(this.#table.name)
    const isSameKey = this.#codec.layout.keyColumns
      .map(({ name }) => `newer.${quoted(name)} = ${table}.${quoted(name)}`)
      .join(' AND ')
    this.#table.deleteWhere({
      sql:
        `validfrom <= ? AND EXISTS (SELECT 1 FROM ${table} AS newer ` +
        `WHERE ${isSameKey} AND newer.validfrom > ${table}.validfrom AND newer.validfrom <= ?)`,
      parameters: [horizon, horizon],
    })
    this.#table.deleteWhere({ sql: 'deleted = 1 AND validfrom <= ?', parameters: [horizon] })
    this.#purgedTo = horizon
  }
}
