import type { Serde } from '../../serde/index.js'
import type {
  KeyValueEntry,
  ReadOnlyKeyValueStore,
  ReadOnlySessionStore,
  ReadOnlyVersionedKeyValueStore,
  ReadOnlyWindowStore,
  StateStore,
  StoreSpec,
  VersionedRecord,
  WindowEntry,
} from '../../state/index.js'

/** What `KafkaStreams.store` gives, by the kind of the store. */
export type QueryableStore =
  | ReadOnlyKeyValueStore<unknown, unknown>
  | ReadOnlyWindowStore<unknown, unknown>
  | ReadOnlySessionStore<unknown, unknown>
  | ReadOnlyVersionedKeyValueStore<unknown, unknown>

/**
 * One store seen over all its partitions. A key lies in one of them; scans go through the partitions one after the
 * other, each in its own order. `parts` is asked at every call, so that a view outlives a restart of the tasks.
 */
export function queryableStore(spec: StoreSpec, parts: () => readonly StateStore[]): QueryableStore {
  switch (spec.kind) {
    case 'key-value':
      return new KeyValueView(parts as unknown as () => readonly ReadOnlyKeyValueStore<unknown, unknown>[])
    case 'window':
      return new WindowView(parts as unknown as () => readonly ReadOnlyWindowStore<unknown, unknown>[])
    case 'session':
      return new SessionView(parts as unknown as () => readonly ReadOnlySessionStore<unknown, unknown>[])
    case 'versioned':
      return new VersionedView(
        parts as unknown as () => readonly ReadOnlyVersionedKeyValueStore<unknown, unknown>[],
      )
  }
}

function firstOf<S, R>(parts: readonly S[], read: (part: S) => R | undefined): R | undefined {
  for (const part of parts) {
    const found = read(part)
    if (found !== undefined) return found
  }
  return undefined
}

function* allOf<S, R>(parts: readonly S[], read: (part: S) => Iterable<R>): IterableIterator<R> {
  for (const part of parts) yield* read(part)
}

class KeyValueView<K, V> implements ReadOnlyKeyValueStore<K, V> {
  readonly #parts: () => readonly ReadOnlyKeyValueStore<K, V>[]

  constructor(parts: () => readonly ReadOnlyKeyValueStore<K, V>[]) {
    this.#parts = parts
  }

  get(key: K): V | undefined {
    return firstOf(this.#parts(), (part) => part.get(key))
  }

  range(from: K | null, to: K | null): IterableIterator<KeyValueEntry<K, V>> {
    return allOf(this.#parts(), (part) => part.range(from, to))
  }

  reverseRange(from: K | null, to: K | null): IterableIterator<KeyValueEntry<K, V>> {
    return allOf(this.#parts(), (part) => part.reverseRange(from, to))
  }

  all(): IterableIterator<KeyValueEntry<K, V>> {
    return allOf(this.#parts(), (part) => part.all())
  }

  reverseAll(): IterableIterator<KeyValueEntry<K, V>> {
    return allOf(this.#parts(), (part) => part.reverseAll())
  }

  prefixScan<P>(prefix: P, serde: Serde<P>): IterableIterator<KeyValueEntry<K, V>> {
    return allOf(this.#parts(), (part) => part.prefixScan(prefix, serde))
  }

  approximateNumEntries(): number {
    return this.#parts().reduce((sum, part) => sum + part.approximateNumEntries(), 0)
  }
}

class WindowView<K, V> implements ReadOnlyWindowStore<K, V> {
  readonly #parts: () => readonly ReadOnlyWindowStore<K, V>[]

  constructor(parts: () => readonly ReadOnlyWindowStore<K, V>[]) {
    this.#parts = parts
  }

  fetch(key: K, windowStart: number): V | undefined {
    return firstOf(this.#parts(), (part) => part.fetch(key, windowStart))
  }

  fetchRange(key: K, startFrom: number, startTo: number): IterableIterator<WindowEntry<K, V>> {
    return allOf(this.#parts(), (part) => part.fetchRange(key, startFrom, startTo))
  }

  backwardFetchRange(key: K, startFrom: number, startTo: number): IterableIterator<WindowEntry<K, V>> {
    return allOf(this.#parts(), (part) => part.backwardFetchRange(key, startFrom, startTo))
  }

  fetchKeyRange(
    keyFrom: K | null,
    keyTo: K | null,
    startFrom: number,
    startTo: number,
  ): IterableIterator<WindowEntry<K, V>> {
    return allOf(this.#parts(), (part) => part.fetchKeyRange(keyFrom, keyTo, startFrom, startTo))
  }

  fetchAll(startFrom: number, startTo: number): IterableIterator<WindowEntry<K, V>> {
    return allOf(this.#parts(), (part) => part.fetchAll(startFrom, startTo))
  }

  all(): IterableIterator<WindowEntry<K, V>> {
    return allOf(this.#parts(), (part) => part.all())
  }
}

class SessionView<K, V> implements ReadOnlySessionStore<K, V> {
  readonly #parts: () => readonly ReadOnlySessionStore<K, V>[]

  constructor(parts: () => readonly ReadOnlySessionStore<K, V>[]) {
    this.#parts = parts
  }

  fetchSession(key: K, start: number, end: number): V | undefined {
    return firstOf(this.#parts(), (part) => part.fetchSession(key, start, end))
  }

  findSessions(key: K, earliestEnd: number, latestStart: number): IterableIterator<WindowEntry<K, V>> {
    return allOf(this.#parts(), (part) => part.findSessions(key, earliestEnd, latestStart))
  }

  findSessionsByEnd(earliestEnd: number, latestEnd: number): IterableIterator<WindowEntry<K, V>> {
    return allOf(this.#parts(), (part) => part.findSessionsByEnd(earliestEnd, latestEnd))
  }

  fetch(key: K): IterableIterator<WindowEntry<K, V>> {
    return allOf(this.#parts(), (part) => part.fetch(key))
  }

  all(): IterableIterator<WindowEntry<K, V>> {
    return allOf(this.#parts(), (part) => part.all())
  }
}

class VersionedView<K, V> implements ReadOnlyVersionedKeyValueStore<K, V> {
  readonly #parts: () => readonly ReadOnlyVersionedKeyValueStore<K, V>[]

  constructor(parts: () => readonly ReadOnlyVersionedKeyValueStore<K, V>[]) {
    this.#parts = parts
  }

  get(key: K): VersionedRecord<V> | undefined {
    return firstOf(this.#parts(), (part) => part.get(key))
  }

  getAsOf(key: K, asOf: number): VersionedRecord<V> | undefined {
    return firstOf(this.#parts(), (part) => part.getAsOf(key, asOf))
  }

  versions(key: K, from: number, to: number): IterableIterator<VersionedRecord<V>> {
    return allOf(this.#parts(), (part) => part.versions(key, from, to))
  }

  all(): IterableIterator<KeyValueEntry<K, VersionedRecord<V>>> {
    return allOf(this.#parts(), (part) => part.all())
  }
}
