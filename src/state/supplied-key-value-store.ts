import { type Serde, serialize } from '../serde/index.js'
import { type ChangelogPort, changelogPort } from './changelog-port.js'
import type { CustomKeyValueStore } from './custom-store.js'
import { prefixEnd } from './key-order.js'
import type { ChangelogWriter, EntryStore, KeyValueEntry, KeyValueStore, StoreEntry } from './store.js'
import { NO_TIMESTAMP, StoreCodec } from './store-codec.js'
import type { ChangelogRecord, KeyValueStoreSpec } from './store-spec.js'
import { SuppliedEntries, SuppliedEntry } from './supplied-entries.js'

/** A store of the user's as processors see one. Every change goes to the changelog at once. */
export class SuppliedKeyValueStore<K, S> implements KeyValueStore<K, S>, EntryStore<K> {
  readonly name: string
  readonly persistent = false
  readonly #store: CustomKeyValueStore<K, S>
  readonly #codec: StoreCodec<K, S>
  readonly #changelog: ChangelogPort | null
  readonly #entries: SuppliedEntries<SuppliedEntry<K>>

  constructor(
    spec: KeyValueStoreSpec,
    store: CustomKeyValueStore<K, S>,
    options: { readonly changelog: ChangelogWriter | undefined; readonly cacheEntriesMax: number },
  ) {
    this.name = spec.name
    this.#store = store
    this.#codec = new StoreCodec<K, S>(spec)
    const { keySerde, valueSerde } = this.#codec
    this.#changelog = changelogPort(spec.name, keySerde, valueSerde, options.changelog)
    this.#entries = new SuppliedEntries(options.cacheEntriesMax)
  }

  get(key: K): S | undefined {
    return this.#store.get(key)
  }

  put(key: K, value: S | null): void {
    if (value === null) this.#write(key, undefined, NO_TIMESTAMP)
    else this.#write(key, this.#codec.innerOf(value), this.#codec.timestampOf(value, NO_TIMESTAMP))
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
    const codec = this.#codec
    const identity = codec.layout.identity(key)
    return this.#entries.open(identity, () => {
      const stored = this.#store.get(key)
      if (stored === undefined) return new SuppliedEntry(key, identity, undefined, NO_TIMESTAMP)
      return new SuppliedEntry(key, identity, codec.innerOf(stored), codec.timestampOf(stored, NO_TIMESTAMP))
    })
  }

  change(entry: StoreEntry<K, unknown>, value: unknown, timestamp: number): void {
    this.#write(entry.key, value, timestamp)
  }

  onRelease(release: () => void): void {
    this.#entries.onRelease(release)
  }

  *range(from: K | null, to: K | null): Generator<KeyValueEntry<K, S>, undefined> {
    for (const [key, value] of this.#store.range(from, to)) yield { key, value }
  }

  *reverseRange(from: K | null, to: K | null): Generator<KeyValueEntry<K, S>, undefined> {
    yield* [...this.range(from, to)].reverse()
  }

  all(): IterableIterator<KeyValueEntry<K, S>> {
    return this.range(null, null)
  }

  reverseAll(): IterableIterator<KeyValueEntry<K, S>> {
    return this.reverseRange(null, null)
  }

  *prefixScan<P>(prefix: P, serde: Serde<P>): Generator<KeyValueEntry<K, S>, undefined> {
    const bytes = serialize(serde, prefix)!
    const end = prefixEnd(bytes)
    for (const entry of this.all()) {
      const key = serialize(this.#codec.keySerde, entry.key)!
      if (end !== null && Buffer.compare(key, end) >= 0) return
      if (Buffer.compare(key, bytes) >= 0) yield entry
    }
  }

  approximateNumEntries(): number {
    let count = 0
    for (const _ of this.#store.range(null, null)) count++
    return count
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
      const stored =
        value === null ? null : this.#codec.storedOf(valueSerde.read(value, 0, value.length), timestamp)
      this.#store.put(keySerde.read(key, 0, key.length), stored)
    }
    this.#entries.clear()
  }

  wipe(): void {
    for (const { key } of [...this.all()]) this.#store.put(key, null)
    this.#entries.clear()
  }

  #write(key: K, value: unknown, timestamp: number): void {
    const codec = this.#codec
    this.#store.put(key, value === undefined ? null : codec.storedOf(value, timestamp))
    this.#entries.changed(codec.layout.identity(key), value, timestamp)
    this.#changelog?.log(key, value === undefined ? null : value, timestamp)
  }
}
