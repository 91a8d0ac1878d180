import type { Serde, Windowed } from '../serde/index.js'

/*
 * State stores as processors see them. Kafka Streams' names; a missing value is `undefined`, and putting null deletes.
 * Reads see every earlier write, whether it is still in the cache or already in SQLite.
 */

export interface StateStore {
  readonly name: string
  readonly persistent: boolean
  /** Writes dirty cache entries to the database, in key order, and their changes to the changelog. */
  flush(): void
  close(): void
}

/** A value with the timestamp of the record that made it, ms. What Kafka's timestamped stores hold. */
export interface ValueAndTimestamp<V> {
  readonly value: V
  readonly timestamp: number
}

export interface KeyValueEntry<K, V> {
  readonly key: K
  readonly value: V
}

export interface ReadOnlyKeyValueStore<K, V> {
  get(key: K): V | undefined
  /** Both ends inclusive, null = open, in the order of the serialised key. Safe to write while iterating. */
  range(from: K | null, to: K | null): IterableIterator<KeyValueEntry<K, V>>
  reverseRange(from: K | null, to: K | null): IterableIterator<KeyValueEntry<K, V>>
  all(): IterableIterator<KeyValueEntry<K, V>>
  reverseAll(): IterableIterator<KeyValueEntry<K, V>>
  /** Keys whose serialised form begins with the bytes of `prefix`. */
  prefixScan<P>(prefix: P, serde: Serde<P>): IterableIterator<KeyValueEntry<K, V>>
  approximateNumEntries(): number
}

export interface KeyValueStore<K, V> extends ReadOnlyKeyValueStore<K, V>, StateStore {
  put(key: K, value: V | null): void
  putIfAbsent(key: K, value: V): V | undefined
  delete(key: K): V | undefined
}

export type TimestampedKeyValueStore<K, V> = KeyValueStore<K, ValueAndTimestamp<V>>

export interface WindowEntry<K, V> {
  readonly key: Windowed<K>
  readonly value: V
}

/**
 * Values by key and window start. What is older than `retentionMs` behind the newest window start ever put is gone:
 * it cannot be read, and puts to it are dropped (and counted). Times in ms, both ends inclusive.
 */
export interface ReadOnlyWindowStore<K, V> {
  fetch(key: K, windowStart: number): V | undefined
  /** Windows of one key, by start; several values under one start (retainDuplicates) in order of arrival. */
  fetchRange(key: K, startFrom: number, startTo: number): IterableIterator<WindowEntry<K, V>>
  backwardFetchRange(key: K, startFrom: number, startTo: number): IterableIterator<WindowEntry<K, V>>
  /** Windows of a range of keys (null = open), ordered by key bytes, then start. */
  fetchKeyRange(
    keyFrom: K | null,
    keyTo: K | null,
    startFrom: number,
    startTo: number,
  ): IterableIterator<WindowEntry<K, V>>
  /** All keys, ordered by window start, then key bytes. */
  fetchAll(startFrom: number, startTo: number): IterableIterator<WindowEntry<K, V>>
  all(): IterableIterator<WindowEntry<K, V>>
}

export interface WindowStore<K, V> extends ReadOnlyWindowStore<K, V>, StateStore {
  readonly windowSizeMs: number
  readonly retentionMs: number
  put(key: K, value: V | null, windowStart: number): void
}

/** Sessions by key, end and start; both bounds inclusive. Retention is measured on session ends. */
export interface ReadOnlySessionStore<K, V> {
  fetchSession(key: K, start: number, end: number): V | undefined
  /** Sessions of `key` with `end >= earliestEnd` and `start <= latestStart`, by end then start. */
  findSessions(key: K, earliestEnd: number, latestStart: number): IterableIterator<WindowEntry<K, V>>
  /** Sessions of all keys whose end lies in [earliestEnd, latestEnd], by end, then start, then key bytes. */
  findSessionsByEnd(earliestEnd: number, latestEnd: number): IterableIterator<WindowEntry<K, V>>
  fetch(key: K): IterableIterator<WindowEntry<K, V>>
  all(): IterableIterator<WindowEntry<K, V>>
}

export interface SessionStore<K, V> extends ReadOnlySessionStore<K, V>, StateStore {
  readonly retentionMs: number
  put(session: Windowed<K>, value: V | null): void
  remove(session: Windowed<K>): void
}

/** A row of a SQLite table, as better-sqlite3 binds and returns it. Integers past 2^53 travel as bigint. */
export type SqliteValue = null | number | bigint | string | Uint8Array

export interface TableColumn {
  /** Quoted by the store; any text is allowed. */
  readonly name: string
  readonly type: 'INTEGER' | 'REAL' | 'TEXT' | 'BLOB' | 'ANY'
}

/**
 * How keys and values lie in a SQLite table: as one BLOB each (the default, from serdes), or as one typed column per
 * field, so that the table can be queried. Key columns form the primary key; their order must agree with `compareKeys`.
 */
export interface TableLayout<K, V> {
  readonly keyColumns: readonly TableColumn[]
  readonly valueColumns: readonly TableColumn[]
  encodeKey(key: K): readonly SqliteValue[]
  encodeValue(value: V): readonly SqliteValue[]
  /** `row` holds the columns in the order of keyColumns. */
  decodeKey(row: readonly SqliteValue[]): K
  decodeValue(row: readonly SqliteValue[]): V
  /** A primitive that is equal exactly for equal keys: the cache's index. */
  identity(key: K): string | number
  /** The order of the primary key. */
  compareKeys(a: K, b: K): number
}

/** Where a store's changes go; supplied by streams, absent for stores without logging. Bytes as on a changelog topic. */
export interface ChangelogWriter {
  logChange(storeName: string, key: Uint8Array, value: Uint8Array | null, timestamp: number): void
}
