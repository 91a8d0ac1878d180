import type { Serde } from '../serde/index.js'
import type { KeyValueStoreSupplier, SessionStoreSupplier, WindowStoreSupplier } from './custom-store.js'
import type { ChangelogWriter, StateStore, TableLayout } from './store.js'

/** A store as plain data: what topologies declare and tasks open. Made by `Stores`. */
export type StoreSpec = KeyValueStoreSpec | WindowStoreSpec | SessionStoreSpec | VersionedStoreSpec

interface StoreSpecBase {
  readonly name: string
  readonly keySerde: Serde<unknown>
  readonly valueSerde: Serde<unknown>
  /** true: SQLite; false: memory, gone at close. */
  readonly persistent: boolean
  /** Whether changes go to a changelog topic, and that topic's extra configs. */
  readonly logging: boolean
  readonly logConfig: Readonly<Record<string, string>>
  /** Typed columns instead of two BLOBs. */
  readonly layout?: TableLayout<unknown, unknown>
}

export interface KeyValueStoreSpec extends StoreSpecBase {
  readonly kind: 'key-value'
  readonly supplier?: KeyValueStoreSupplier<unknown, unknown>
  /** Values are `ValueAndTimestamp`; `valueSerde` is that of the inner value. */
  readonly timestamped: boolean
}

export interface WindowStoreSpec extends StoreSpecBase {
  readonly kind: 'window'
  readonly supplier?: WindowStoreSupplier<unknown, unknown>
  readonly timestamped: boolean
  readonly windowSizeMs: number
  readonly retentionMs: number
  /** Several values under one key and start: the buffers of stream-stream joins. */
  readonly retainDuplicates: boolean
  /** Windows of all keys begin at the same times, as tumbling and hopping ones do: kept window by window. */
  readonly aligned: boolean
}

export interface SessionStoreSpec extends StoreSpecBase {
  readonly kind: 'session'
  readonly supplier?: SessionStoreSupplier<unknown, unknown>
  readonly retentionMs: number
}

/** Keeps the versions of a key for `historyRetentionMs` (KIP-889). */
export interface VersionedStoreSpec extends StoreSpecBase {
  readonly kind: 'versioned'
  readonly historyRetentionMs: number
}

/**
 * The SQLite file of one task: all its stores, and for each the changelog offset it contains. Changes made by flushes
 * lie in one open SQLite transaction until `commit`.
 */
export interface StateDatabase {
  /** Opens, or creates, the tables of a store. Throws StateError when the file holds another schema under this name. */
  openStore<S extends StateStore>(spec: StoreSpec, options?: OpenStoreOptions): S
  /** Applies changelog records (bytes as logged) below the cache; a null value deletes. */
  restore(storeName: string, records: Iterable<ChangelogRecord>): void
  /** The next changelog offset to restore from, or null where the store has none. */
  changelogOffset(storeName: string): number | null
  /** The fingerprint of the last change before that offset, or null where none is known. */
  lastChange(storeName: string): number | null
  /** Takes effect with the next `commit`. `lastChange`: a fingerprint of the last change before it, null where none is known. */
  setChangelogOffset(storeName: string, offset: number, lastChange?: number | null): void
  /** Deletes everything a store holds, its offset too: before a rebuild. */
  wipe(storeName: string): void
  /** Commits what has been flushed. Stores must be flushed first. */
  commit(): void
  close(): void
}

export interface ChangelogRecord {
  readonly key: Buffer
  readonly value: Buffer | null
  readonly timestamp: number
}

export interface OpenStoreOptions {
  readonly changelog?: ChangelogWriter
  /** Bound of the write-back cache. Defaults 100,000 entries. Dirty entries beyond it are written early, into the open transaction. */
  readonly cacheEntriesMax?: number
}
