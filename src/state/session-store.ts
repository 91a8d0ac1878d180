import type { Windowed } from '../serde/index.js'
import { readTime, SESSION_SUFFIX_BYTES, sessionKeySerde } from './changelog-key.js'
import {
  mapRows,
  type SeriesKind,
  type SeriesRow,
  SeriesStore,
  type SeriesStoreOptions,
} from './series-store.js'
import type { QueryableTable, SessionStore, TableStore, WindowEntry } from './store.js'
import type { StoreCodec } from './store-codec.js'
import type { ChangelogRecord, SessionStoreSpec } from './store-spec.js'

function sessionKind(retentionMs: number): SeriesKind {
  return {
    major: 'windowend',
    minor: 'windowstart',
    isMinorBeforeKey: true,
    retentionMs,
    keepsDeletions: false,
    changelogSerde: sessionKeySerde,
  }
}

/** Sessions of keys: major is the session's end, minor its start. */
export class SqliteSessionStore<K, V> implements SessionStore<K, V>, TableStore {
  readonly name: string
  readonly persistent: boolean
  readonly retentionMs: number
  readonly #codec: StoreCodec<K, V>
  readonly #series: SeriesStore<K, V>

  constructor(spec: SessionStoreSpec, options: Omit<SeriesStoreOptions<K, V>, 'kind'>) {
    this.name = spec.name
    this.persistent = spec.persistent
    this.retentionMs = spec.retentionMs
    this.#codec = options.codec
    this.#series = new SeriesStore({ ...options, kind: sessionKind(spec.retentionMs) })
  }

  get newestTimeMs(): number {
    return this.#series.streamTime
  }

  get droppedExpired(): number {
    return this.#series.droppedExpired
  }

  put(session: Windowed<K>, value: V | null): void {
    if (!this.#series.advance(session.end)) return
    this.#series.set(session.key, session.end, session.start, value === null ? undefined : value)
  }

  remove(session: Windowed<K>): void {
    if (session.end > this.#series.horizon) this.put(session, null)
  }

  fetchSession(key: K, start: number, end: number): V | undefined {
    return this.#series.get(key, end, start)
  }

  findSessions(key: K, earliestEnd: number, latestStart: number): IterableIterator<WindowEntry<K, V>> {
    const rows = this.#series.slice(key, earliestEnd, Number.POSITIVE_INFINITY)
    return mapRows(rows, (row) => (row.minor <= latestStart ? toEntry(row) : undefined))
  }

  findSessionsByEnd(earliestEnd: number, latestEnd: number): IterableIterator<WindowEntry<K, V>> {
    return mapRows(this.#series.scanTimes(earliestEnd, latestEnd), toEntry)
  }

  fetch(key: K): IterableIterator<WindowEntry<K, V>> {
    return this.findSessions(key, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
  }

  all(): IterableIterator<WindowEntry<K, V>> {
    const rows = this.#series.scanKeys(null, null, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
    return mapRows(rows, toEntry)
  }

  flush(): void {
    this.#series.flush()
  }

  queryable(): QueryableTable {
    return this.#series.queryable()
  }

  logChanges(): void {
    this.#series.logChanges()
  }

  close(): void {
    this.#series.clear()
  }

  wipe(): void {
    this.#series.wipe()
  }

  restore(records: Iterable<ChangelogRecord>): void {
    this.#series.beginRestore()
    for (const { key, value, timestamp } of records) {
      const keyEnd = key.length - SESSION_SUFFIX_BYTES
      this.#series.restore(
        this.#codec.keyFromBytes(key, keyEnd),
        readTime(key, keyEnd),
        readTime(key, keyEnd + 8),
        value,
        timestamp,
      )
    }
    this.#series.endRestore()
  }
}

function toEntry<K, V>(row: SeriesRow<K, V>): WindowEntry<K, V> {
  return { key: { key: row.key, start: row.minor, end: row.major }, value: row.value }
}
