import { readTime, WINDOW_SUFFIX_BYTES, windowKeySerde } from './changelog-key.js'
import {
  mapRows,
  type SeriesKind,
  type SeriesRow,
  SeriesStore,
  type SeriesStoreOptions,
} from './series-store.js'
import type { WindowEntry, WindowStore } from './store.js'
import type { StoreCodec } from './store-codec.js'
import type { ChangelogRecord, WindowStoreSpec } from './store-spec.js'

function windowKind(retentionMs: number): SeriesKind {
  return {
    major: 'windowstart',
    minor: 'sequence',
    isMinorBeforeKey: false,
    retentionMs,
    keepsDeletions: false,
    changelogSerde: windowKeySerde,
  }
}

/** Windows that begin at any time, as sliding ones do: major is the window start, minor is 0. */
export class SqliteWindowStore<K, V> implements WindowStore<K, V> {
  readonly name: string
  readonly persistent: boolean
  readonly windowSizeMs: number
  readonly retentionMs: number
  readonly #codec: StoreCodec<K, V>
  readonly #series: SeriesStore<K, V>

  constructor(spec: WindowStoreSpec, options: Omit<SeriesStoreOptions<K, V>, 'kind'>) {
    this.name = spec.name
    this.persistent = spec.persistent
    this.windowSizeMs = spec.windowSizeMs
    this.retentionMs = spec.retentionMs
    this.#codec = options.codec
    this.#series = new SeriesStore({ ...options, kind: windowKind(spec.retentionMs) })
  }

  get newestTimeMs(): number {
    return this.#series.streamTime
  }

  get droppedExpired(): number {
    return this.#series.droppedExpired
  }

  put(key: K, value: V | null, windowStart: number): void {
    if (!this.#series.advance(windowStart)) return
    this.#series.set(key, windowStart, 0, value === null ? undefined : value)
  }

  fetch(key: K, windowStart: number): V | undefined {
    return this.#series.get(key, windowStart, 0)
  }

  fetchRange(key: K, startFrom: number, startTo: number): IterableIterator<WindowEntry<K, V>> {
    return this.#entries(this.#series.slice(key, startFrom, startTo))
  }

  backwardFetchRange(key: K, startFrom: number, startTo: number): IterableIterator<WindowEntry<K, V>> {
    return this.#entries(this.#series.slice(key, startFrom, startTo, true))
  }

  fetchKeyRange(
    keyFrom: K | null,
    keyTo: K | null,
    startFrom: number,
    startTo: number,
  ): IterableIterator<WindowEntry<K, V>> {
    return this.#entries(this.#series.scanKeys(keyFrom, keyTo, startFrom, startTo))
  }

  fetchAll(startFrom: number, startTo: number): IterableIterator<WindowEntry<K, V>> {
    return this.#entries(this.#series.scanTimes(startFrom, startTo))
  }

  all(): IterableIterator<WindowEntry<K, V>> {
    return this.fetchKeyRange(null, null, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
  }

  flush(): void {
    this.#series.flush()
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
      const keyEnd = key.length - WINDOW_SUFFIX_BYTES
      this.#series.restore(
        this.#codec.keyFromBytes(key, keyEnd),
        readTime(key, keyEnd),
        key.readInt32BE(keyEnd + 8),
        value,
        timestamp,
      )
    }
    this.#series.endRestore()
  }

  #entries(rows: Iterable<SeriesRow<K, V>>): IterableIterator<WindowEntry<K, V>> {
    const { windowSizeMs } = this
    return mapRows(rows, (row) => ({
      key: {
        key: row.key,
        start: row.major,
        end: Math.min(row.major + windowSizeMs, Number.MAX_SAFE_INTEGER),
      },
      value: row.value,
    }))
  }
}
