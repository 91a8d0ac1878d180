import type { Serde, Windowed } from '../serde/index.js'

/*
 * State stores as processors see them. Kafka Streams' names; a missing value is `undefined`, and putting null deletes.
 * Reads see every earlier write, whether it is still in the cache or already in SQLite.
 */

export interface StateStore {
  readonly name: string
  readonly persistent: boolean
  /** Writes changed cache entries to the changelog and, in key order, to the database. */
  flush(): void
  /** Writes changed cache entries to the changelog alone: the database gets them with a later `flush`. */
  logChanges?(): void
  /** Look-ups of single keys since the store was opened, and those that had to read the database. */
  cacheFigures?(): CacheFigures
  close(): void
}

export interface CacheFigures {
  readonly lookUps: number
  readonly misses: number
}

/** A value with the timestamp of the record that made it, ms. What Kafka's timestamped stores hold. */
export interface ValueAndTimestamp<V> {
  readonly value: V
  readonly timestamp: number
}

/**
 * The place of one key in a store, for those who read and change a value in one step: it is looked up once.
 *
 * An entry is good until the store is used for another key; one that is held, until it is let go.
 */
export interface StoreEntry<K, V> {
  readonly key: K
  /** The value without its timestamp; undefined where there is none. */
  readonly value: V | undefined
  /** ms; -1 in stores without timestamps, and where there is no value. */
  readonly timestamp: number
  /** What the holder keeps with the key. While it is not null, the entry stays in memory. */
  held: unknown
}

/** Stores that hand out entries; those of a window store belong to a window as well. */
export interface EntryStore<K> {
  entry(key: K): StoreEntry<K, unknown>
  /** Undefined deletes. The value must not be changed afterwards, but for one that was made while the entry is held. */
  change(entry: StoreEntry<K, unknown>, value: unknown, timestamp: number): void
  /** `release` is called when the store needs room: it must set `held` of all entries to null. */
  onRelease(release: () => void): void
}

export interface WindowStoreEntry<K> extends StoreEntry<K, unknown> {
  readonly windowStart: number
}

export interface WindowEntryStore<K> extends Omit<EntryStore<K>, 'entry'> {
  /** Null, and counted, where the window is expired. Moves the newest time, as a put does. */
  windowEntry(key: K, windowStart: number): WindowStoreEntry<K> | null
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
  /** Puts that came too late and were not stored, since the store was opened. */
  readonly droppedExpired: number
  /** The newest time ever put, ms, from which retention is measured; -Infinity before the first. */
  readonly newestTimeMs: number
  /** With retainDuplicates a null changes nothing: values go only by retention. */
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
  /** Puts that came too late and were not stored, since the store was opened. */
  readonly droppedExpired: number
  /** The newest time ever put, ms, from which retention is measured; -Infinity before the first. */
  readonly newestTimeMs: number
  put(session: Windowed<K>, value: V | null): void
  remove(session: Windowed<K>): void
}

/** A value and the time it was valid: from `timestamp` until before `validTo`, ms; null while it is the newest. */
export interface VersionedRecord<V> {
  readonly value: V
  readonly timestamp: number
  readonly validTo: number | null
}

export interface ReadOnlyVersionedKeyValueStore<K, V> {
  /** The newest version, however old; undefined where there is none, or it is a deletion. */
  get(key: K): VersionedRecord<V> | undefined
  /**
   * The version valid at `asOf`. Further back than the history retention behind the newest timestamp ever put, only a
   * version that still is the newest of its key is found.
   */
  getAsOf(key: K, asOf: number): VersionedRecord<V> | undefined
  /** Versions of a key valid at some time in [from, to], oldest first; both ends inclusive. */
  versions(key: K, from: number, to: number): IterableIterator<VersionedRecord<V>>
  /** The newest version of every key, in key order. */
  all(): IterableIterator<KeyValueEntry<K, VersionedRecord<V>>>
}

/** Versions of each key by timestamp (KIP-889). Versions that ended before the history retention are gone. */
export interface VersionedKeyValueStore<K, V> extends ReadOnlyVersionedKeyValueStore<K, V>, StateStore {
  readonly historyRetentionMs: number
  /** Puts that came too late and were not stored, since the store was opened. */
  readonly droppedExpired: number
  /**
   * A version from `timestamp` on; null deletes from then on. Replaces a version of the very same timestamp.
   * Returns until when it is valid, Infinity for the newest of its key, or null when it came too late: more than the
   * history retention behind the newest timestamp ever put.
   */
  put(key: K, value: V | null, timestamp: number): number | null
  /** `put(key, null, timestamp)`; returns the version that was valid then. */
  delete(key: K, timestamp: number): VersionedRecord<V> | undefined
}

/** A row of a SQLite table, as better-sqlite3 binds and returns it. Integers past 2^53 travel as bigint. */
export type SqliteValue = null | number | bigint | string | Uint8Array

export interface TableColumn {
  /** Quoted by the store; any text is allowed. */
  readonly name: string
  readonly type: 'INTEGER' | 'REAL' | 'TEXT' | 'BLOB' | 'ANY'
  /** INTEGER columns only: may hold values past 2^53, which then come as `bigint`. Default false. */
  readonly bigint?: boolean
  /** TEXT columns only: the text comes and goes as its UTF-8 bytes. Default false. */
  readonly utf8?: boolean
  /** What its values are made of, where that is not the stored value alone: part of the table's schema. */
  readonly origin?: string
}

/** A column that SQLite computes from those of the same row when it is read. */
export interface GeneratedColumn {
  readonly name: string
  readonly type: TableColumn['type']
  /** SQL over columns of the table. */
  readonly expression: string
}

/** An index over columns of a store's table. */
export interface TableIndex {
  readonly name: string
  readonly columns: readonly string[]
}

/**
 * The SQLite table of a store, for queries of one's own. Reads see all that was put into the store before the table was
 * asked for, also what is not committed. Columns are quoted with `quotedName`.
 */
export interface QueryableTable {
  readonly name: string
  /** Rows as arrays. The store must not be written to before the iterator has ended. */
  select(sql: string, parameters: readonly SqliteValue[]): IterableIterator<SqliteValue[]>
  /** The lines of SQLite's EXPLAIN QUERY PLAN. */
  explain(sql: string, parameters: readonly SqliteValue[]): string[]
  /** Makes the indexes of the table those given, and no others. Takes effect for good with the next commit. */
  setIndexes(indexes: readonly TableIndex[]): void
}

/** Stores whose table can be queried. */
export interface TableStore {
  queryable(): QueryableTable
}

/**
 * How keys and values lie in a SQLite table: as one BLOB each (the default, from serdes), or as one typed column per
 * field, so that the table can be queried. Key columns form the primary key; their order must agree with `compareKeys`,
 * and none may be NULL. In timestamped stores `V` is the value alone. Stores add columns of their own, named `rowtime`,
 * `windowstart`, `windowend` and `sequence`; SQLite does not tell upper from lower case in the names of columns.
 */
export interface TableLayout<K, V> {
  readonly keyColumns: readonly TableColumn[]
  readonly valueColumns: readonly TableColumn[]
  readonly generatedColumns?: readonly GeneratedColumn[]
  /** What the table should be called; default the store's name. */
  readonly tableName?: string
  /** The indexes the table should have when it is opened; others go. */
  readonly indexes?: () => readonly TableIndex[]
  /**
   * Default false: a file that holds the store under another schema is refused. true: the store is emptied, to be
   * rebuilt from its changelog.
   */
  readonly rebuildsOnChange?: boolean
  /** Identities are texts that, character by character below U+00FF, have the order of the keys. Default false. */
  readonly isIdentityOrdered?: boolean
  encodeKey(key: K): readonly SqliteValue[]
  encodeValue(value: V, key: K): readonly SqliteValue[]
  /** `row` holds the columns in the order of keyColumns. */
  decodeKey(row: readonly SqliteValue[]): K
  decodeValue(row: readonly SqliteValue[]): V
  /** A primitive that is equal exactly for equal keys: the cache's index. */
  identity(key: K): string | number
  /** The order of the primary key. */
  compareKeys(a: K, b: K): number
}

/**
 * Where a store's changes go; supplied by streams, absent for stores without logging. Bytes as on a changelog topic:
 *
 *     key-value, versioned   key
 *     window                 key │ int64 start │ int32 sequence number (0 without retainDuplicates)
 *     session                key │ int64 end │ int64 start
 *
 * The timestamp is that of a timestamped value, the start of a window, the end of a session, or the version's; -1 when
 * the store knows none: then the writer puts its own. The bytes are never reused: the writer may keep them.
 */
export interface ChangelogWriter {
  logChange(storeName: string, key: Uint8Array, value: Uint8Array | null, timestamp: number): void
  /** The same, where key and value can be serialised straight into their place; `value` null deletes. */
  logWith?<K, V>(
    storeName: string,
    keySerde: Serde<K>,
    key: K,
    valueSerde: Serde<V>,
    value: V | null,
    timestamp: number,
  ): void
}
