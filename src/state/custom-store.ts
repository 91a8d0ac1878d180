import type { KeyValueStoreSpec, SessionStoreSpec, WindowStoreSpec } from './store-spec.js'

/*
 * What a store of one's own has to do: keep values by key. Serialising, timestamps, changelog, restore, retention and
 * everything else that processors see is added around it, so that it can be used wherever a store of its kind can.
 *
 * A supplier is called once for each task, and gives an empty store: the changelog fills it at every start. (Without a
 * changelog, what the store holds is its own business.) A value is what the spec says: `ValueAndTimestamp` where the
 * store is timestamped. Keys are ordered by their serialised bytes.
 */

export interface CustomStore {
  /** Called before every commit. */
  flush?(): void
  close?(): void
}

/** Kafka Streams' KeyValueBytesStoreSupplier, with objects in place of bytes. */
export interface CustomKeyValueStore<K, S> extends CustomStore {
  get(key: K): S | undefined
  /** null deletes. */
  put(key: K, value: S | null): void
  /** By key, both ends inclusive, null = open. The store may be written to while somebody iterates. */
  range(from: K | null, to: K | null): Iterable<readonly [key: K, value: S]>
}

/** Kafka Streams' WindowBytesStoreSupplier. Times are window starts, ms. */
export interface CustomWindowStore<K, S> extends CustomStore {
  fetch(key: K, start: number): S | undefined
  put(key: K, start: number, value: S | null): void
  /** Windows of one key by start, both ends inclusive. */
  fetchRange(key: K, from: number, to: number): Iterable<readonly [start: number, value: S]>
  /** Windows of all keys by start, then key. */
  fetchAll(from: number, to: number): Iterable<readonly [start: number, key: K, value: S]>
  /** Windows that begin at `start` or before are not asked for again: they may go. */
  expire(start: number): void
}

/** Kafka Streams' SessionBytesStoreSupplier. */
export interface CustomSessionStore<K, S> extends CustomStore {
  fetch(key: K, start: number, end: number): S | undefined
  put(key: K, start: number, end: number, value: S | null): void
  /** Sessions of one key that end at `end` or after, by end, then start. */
  findSessions(key: K, end: number): Iterable<readonly [start: number, end: number, value: S]>
  /** Sessions of all keys that end in [from, to], by end, then start, then key. */
  findSessionsByEnd(
    from: number,
    to: number,
  ): Iterable<readonly [start: number, end: number, key: K, value: S]>
  /** Sessions that end at `end` or before are not asked for again: they may go. */
  expire(end: number): void
}

export type KeyValueStoreSupplier<K, S> = (spec: KeyValueStoreSpec) => CustomKeyValueStore<K, S>
export type WindowStoreSupplier<K, S> = (spec: WindowStoreSpec) => CustomWindowStore<K, S>
export type SessionStoreSupplier<K, S> = (spec: SessionStoreSpec) => CustomSessionStore<K, S>
