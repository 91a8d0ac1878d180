import { readTime, WINDOW_SUFFIX_BYTES, windowKeySerde } from './changelog-key.js'
import { type ChangelogPort, changelogPort } from './changelog-port.js'
import type { CustomWindowStore } from './custom-store.js'
import type {
  ChangelogWriter,
  WindowEntry,
  WindowEntryStore,
  WindowStore,
  WindowStoreEntry,
} from './store.js'
import { NO_TIMESTAMP, StoreCodec } from './store-codec.js'
import type { ChangelogRecord, WindowStoreSpec } from './store-spec.js'
import { SuppliedEntries, SuppliedEntry } from './supplied-entries.js'

class WindowEntryOf<K> extends SuppliedEntry<K> implements WindowStoreEntry<K> {
  readonly windowStart: number

  constructor(key: K, identity: string, windowStart: number, value: unknown, timestamp: number) {
    super(key, identity, value, timestamp)
    this.windowStart = windowStart
  }
}

/** A window store of the user's as processors see one: with retention, and every change in the changelog at once. */
export class SuppliedWindowStore<K, S> implements WindowStore<K, S>, WindowEntryStore<K> {
  readonly name: string
  readonly persistent = false
  readonly windowSizeMs: number
  readonly retentionMs: number
  droppedExpired = 0
  newestTimeMs = Number.NEGATIVE_INFINITY
  readonly #store: CustomWindowStore<K, S>
  readonly #codec: StoreCodec<K, S>
  readonly #changelog: ChangelogPort | null
  readonly #entries: SuppliedEntries<WindowEntryOf<K>>

  constructor(
    spec: WindowStoreSpec,
    store: CustomWindowStore<K, S>,
    options: { readonly changelog: ChangelogWriter | undefined; readonly cacheEntriesMax: number },
  ) {
    this.name = spec.name
    this.windowSizeMs = spec.windowSizeMs
    this.retentionMs = spec.retentionMs
    this.#store = store
    this.#codec = new StoreCodec<K, S>(spec)
    const keySerde = windowKeySerde(this.#codec.keySerde)
    this.#changelog = changelogPort(spec.name, keySerde, this.#codec.valueSerde, options.changelog)
    this.#entries = new SuppliedEntries(options.cacheEntriesMax)
  }

  put(key: K, value: S | null, windowStart: number): void {
    if (!this.#advance(windowStart)) return
    if (value === null) this.#write(key, windowStart, undefined, NO_TIMESTAMP)
    else
      this.#write(key, windowStart, this.#codec.innerOf(value), this.#codec.timestampOf(value, NO_TIMESTAMP))
  }

  windowEntry(key: K, windowStart: number): WindowStoreEntry<K> | null {
    if (!this.#advance(windowStart)) return null
    const codec = this.#codec
    const identity = this.#identity(key, windowStart)
    return this.#entries.open(identity, () => {
      const stored = this.#store.fetch(key, windowStart)
      if (stored === undefined) {
        return new WindowEntryOf<K>(key, identity, windowStart, undefined, NO_TIMESTAMP)
      }
      const timestamp = codec.timestampOf(stored, NO_TIMESTAMP)
      return new WindowEntryOf<K>(key, identity, windowStart, codec.innerOf(stored), timestamp)
    })
  }

  change(entry: WindowStoreEntry<K>, value: unknown, timestamp: number): void {
    this.#write(entry.key, entry.windowStart, value, timestamp)
  }

  onRelease(release: () => void): void {
    this.#entries.onRelease(release)
  }

  fetch(key: K, windowStart: number): S | undefined {
    return windowStart > this.#horizon ? this.#store.fetch(key, windowStart) : undefined
  }

  *fetchRange(key: K, startFrom: number, startTo: number): Generator<WindowEntry<K, S>, undefined> {
    for (const [start, value] of this.#store.fetchRange(key, startFrom, startTo)) {
      if (start > this.#horizon) yield this.#windowOf(key, start, value)
    }
  }

  *backwardFetchRange(key: K, startFrom: number, startTo: number): Generator<WindowEntry<K, S>, undefined> {
    yield* [...this.fetchRange(key, startFrom, startTo)].reverse()
  }

  *fetchKeyRange(
    keyFrom: K | null,
    keyTo: K | null,
    startFrom: number,
    startTo: number,
  ): Generator<WindowEntry<K, S>, undefined> {
    const { compareKeys } = this.#codec.layout
    const found = [...this.fetchAll(startFrom, startTo)].filter(
      ({ key: { key } }) =>
        (keyFrom === null || compareKeys(key, keyFrom) >= 0) &&
        (keyTo === null || compareKeys(key, keyTo) <= 0),
    )
    // Stable: windows of a key stay in the order of their starts.
    yield* found.sort((a, b) => compareKeys(a.key.key, b.key.key))
  }

  *fetchAll(startFrom: number, startTo: number): Generator<WindowEntry<K, S>, undefined> {
    for (const [start, key, value] of this.#store.fetchAll(startFrom, startTo)) {
      if (start > this.#horizon) yield this.#windowOf(key, start, value)
    }
  }

  all(): IterableIterator<WindowEntry<K, S>> {
    return this.fetchKeyRange(null, null, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
  }

  flush(): void {
    this.#store.flush?.()
  }

  close(): void {
    this.#entries.clear()
    this.#store.close?.()
  }

  restore(records: Iterable<ChangelogRecord>): void {
    const { keySerde, valueSerde } = this.#codec
    for (const { key, value, timestamp } of records) {
      const keyEnd = key.length - WINDOW_SUFFIX_BYTES
      const start = readTime(key, keyEnd)
      this.newestTimeMs = Math.max(this.newestTimeMs, start)
      if (start <= this.#horizon) continue
      const stored =
        value === null ? null : this.#codec.storedOf(valueSerde.read(value, 0, value.length), timestamp)
      this.#store.put(keySerde.read(key, 0, keyEnd), start, stored)
    }
    this.#store.expire(this.#horizon)
    this.#entries.clear()
  }

  wipe(): void {
    this.#store.expire(Number.POSITIVE_INFINITY)
    this.newestTimeMs = Number.NEGATIVE_INFINITY
    this.#entries.clear()
  }

  get #horizon(): number {
    return this.newestTimeMs - this.retentionMs
  }

  #identity(key: K, start: number): string {
    return `${start}/${this.#codec.layout.identity(key)}`
  }

  #windowOf(key: K, start: number, value: S): WindowEntry<K, S> {
    return { key: { key, start, end: Math.min(start + this.windowSizeMs, Number.MAX_SAFE_INTEGER) }, value }
  }

  /** False, and counted, where the window is expired. */
  #advance(start: number): boolean {
    if (start > this.newestTimeMs) {
      this.newestTimeMs = start
      this.#store.expire(this.#horizon)
    } else if (start <= this.#horizon) {
      this.droppedExpired++
      return false
    }
    return true
  }

  #write(key: K, start: number, value: unknown, timestamp: number): void {
    const stored = value === undefined ? null : this.#codec.storedOf(value, timestamp)
    this.#store.put(key, start, stored)
    this.#entries.changed(this.#identity(key, start), value, timestamp)
    this.#changelog?.log({ key, major: start, minor: 0 }, value === undefined ? null : value, timestamp)
  }
}
