import type { Windowed } from '../serde/index.js'
import { readTime, SESSION_SUFFIX_BYTES, sessionKeySerde } from './changelog-key.js'
import { type ChangelogPort, changelogPort } from './changelog-port.js'
import type { CustomSessionStore } from './custom-store.js'
import type { ChangelogWriter, SessionStore, WindowEntry } from './store.js'
import { NO_TIMESTAMP, StoreCodec } from './store-codec.js'
import type { ChangelogRecord, SessionStoreSpec } from './store-spec.js'

/** A session store of the user's as processors see one: with retention, and every change in the changelog at once. */
export class SuppliedSessionStore<K, V> implements SessionStore<K, V> {
  readonly name: string
  readonly persistent = false
  readonly retentionMs: number
  droppedExpired = 0
  newestTimeMs = Number.NEGATIVE_INFINITY
  readonly #store: CustomSessionStore<K, V>
  readonly #codec: StoreCodec<K, V>
  readonly #changelog: ChangelogPort | null

  constructor(
    spec: SessionStoreSpec,
    store: CustomSessionStore<K, V>,
    options: { readonly changelog: ChangelogWriter | undefined },
  ) {
    this.name = spec.name
    this.retentionMs = spec.retentionMs
    this.#store = store
    this.#codec = new StoreCodec<K, V>(spec)
    const keySerde = sessionKeySerde(this.#codec.keySerde)
    this.#changelog = changelogPort(spec.name, keySerde, this.#codec.valueSerde, options.changelog)
  }

  put({ key, start, end }: Windowed<K>, value: V | null): void {
    if (end > this.newestTimeMs) {
      this.newestTimeMs = end
      this.#store.expire(this.#horizon)
    } else if (end <= this.#horizon) {
      this.droppedExpired++
      return
    }
    this.#store.put(key, start, end, value)
    this.#changelog?.log({ key, major: end, minor: start }, value, NO_TIMESTAMP)
  }

  remove(session: Windowed<K>): void {
    if (session.end > this.#horizon) this.put(session, null)
  }

  fetchSession(key: K, start: number, end: number): V | undefined {
    return end > this.#horizon ? this.#store.fetch(key, start, end) : undefined
  }

  *findSessions(key: K, earliestEnd: number, latestStart: number): Generator<WindowEntry<K, V>, undefined> {
    for (const [start, end, value] of this.#store.findSessions(key, earliestEnd)) {
      if (start <= latestStart && end > this.#horizon) yield { key: { key, start, end }, value }
    }
  }

  *findSessionsByEnd(earliestEnd: number, latestEnd: number): Generator<WindowEntry<K, V>, undefined> {
    for (const [start, end, key, value] of this.#store.findSessionsByEnd(earliestEnd, latestEnd)) {
      if (end > this.#horizon) yield { key: { key, start, end }, value }
    }
  }

  fetch(key: K): IterableIterator<WindowEntry<K, V>> {
    return this.findSessions(key, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
  }

  *all(): Generator<WindowEntry<K, V>, undefined> {
    const { compareKeys } = this.#codec.layout
    const found = [...this.findSessionsByEnd(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)]
    yield* found.sort((a, b) => compareKeys(a.key.key, b.key.key))
  }

  flush(): void {
    this.#store.flush?.()
  }

  close(): void {
    this.#store.close?.()
  }

  restore(records: Iterable<ChangelogRecord>): void {
    const { keySerde, valueSerde } = this.#codec
    for (const { key, value } of records) {
      const keyEnd = key.length - SESSION_SUFFIX_BYTES
      const end = readTime(key, keyEnd)
      this.newestTimeMs = Math.max(this.newestTimeMs, end)
      if (end <= this.#horizon) continue
      const stored = value === null ? null : (valueSerde.read(value, 0, value.length) as V)
      this.#store.put(keySerde.read(key, 0, keyEnd), readTime(key, keyEnd + 8), end, stored)
    }
    this.#store.expire(this.#horizon)
  }

  wipe(): void {
    this.#store.expire(Number.POSITIVE_INFINITY)
    this.newestTimeMs = Number.NEGATIVE_INFINITY
  }

  get #horizon(): number {
    return this.newestTimeMs - this.retentionMs
  }
}
