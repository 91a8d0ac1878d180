import { assert } from '../common/index.js'
import type { Serde } from '../serde/index.js'
import type { CustomKeyValueStore, CustomSessionStore, CustomWindowStore } from './custom-store.js'
import type { TableLayout, ValueAndTimestamp } from './store.js'
import type {
  KeyValueStoreSpec,
  SessionStoreSpec,
  VersionedStoreSpec,
  WindowStoreSpec,
} from './store-spec.js'

export interface StoreOptions<K, V> {
  name: string
  keySerde: Serde<K>
  /** Of the value alone: timestamped stores keep the timestamp beside it. */
  valueSerde: Serde<V>
  /** Default true: SQLite. false: memory, gone at close. */
  persistent?: boolean
  /** Default true: changes go to a changelog topic. */
  logging?: boolean
  /** Extra configs of the changelog topic. */
  logConfig?: Readonly<Record<string, string>>
  /** Default: one BLOB for the key and one for the value, as the serdes write them. */
  layout?: TableLayout<K, V>
}

export interface KeyValueStoreOptions<K, V> extends StoreOptions<K, V> {
  /** Makes a store of your own for each task, in place of SQLite. */
  supplier?(spec: KeyValueStoreSpec): CustomKeyValueStore<K, V> | CustomKeyValueStore<K, ValueAndTimestamp<V>>
  /** Default false. true: values are `ValueAndTimestamp`. */
  timestamped?: boolean
}

export interface WindowStoreOptions<K, V> extends StoreOptions<K, V> {
  /** Makes a store of your own for each task, in place of SQLite. Not together with `retainDuplicates`. */
  supplier?(spec: WindowStoreSpec): CustomWindowStore<K, V> | CustomWindowStore<K, ValueAndTimestamp<V>>
  /** Default false. true: values are `ValueAndTimestamp`. */
  timestamped?: boolean
  windowSizeMs: number
  /** At least `windowSizeMs`. */
  retentionMs: number
  /** Default false. true: several values under one key and start. */
  retainDuplicates?: boolean
  /**
   * Default false. true: windows of all keys begin at the same few times, as tumbling and hopping ones do; the store
   * keeps them window by window. Not together with `retainDuplicates`.
   */
  aligned?: boolean
}

export interface SessionStoreOptions<K, V> extends StoreOptions<K, V> {
  /** Makes a store of your own for each task, in place of SQLite. */
  supplier?(spec: SessionStoreSpec): CustomSessionStore<K, V>
  retentionMs: number
}

export interface VersionedStoreOptions<K, V> extends StoreOptions<K, V> {
  /** How far behind the newest timestamp old versions can be read, and late ones written. */
  historyRetentionMs: number
}

/** Stores of one's own are filled from the changelog at every start. */
function supplied(supplier: unknown) {
  return supplier === undefined ? {} : { supplier: supplier as never, persistent: false }
}

function common<K, V>(options: StoreOptions<K, V>) {
  assert(options.name !== '', 'a store needs a name')
  return {
    name: options.name,
    keySerde: options.keySerde as Serde<unknown>,
    valueSerde: options.valueSerde as Serde<unknown>,
    persistent: options.persistent ?? true,
    logging: options.logging ?? true,
    logConfig: options.logConfig ?? {},
    ...(options.layout === undefined ? {} : { layout: options.layout as TableLayout<unknown, unknown> }),
  }
}

function duration(ms: number, name: string): number {
  assert(Number.isSafeInteger(ms) && ms >= 0, `${name} is a whole number of milliseconds, not ${ms}`)
  return ms
}

/** Kafka Streams' `Stores`: each call describes a store; `StateDatabase.openStore` makes it. */
export const Stores = {
  keyValue<K, V>(options: KeyValueStoreOptions<K, V>): KeyValueStoreSpec {
    return {
      kind: 'key-value',
      ...common(options),
      ...supplied(options.supplier),
      timestamped: options.timestamped ?? false,
    }
  },

  window<K, V>(options: WindowStoreOptions<K, V>): WindowStoreSpec {
    const windowSizeMs = duration(options.windowSizeMs, 'windowSizeMs')
    const retentionMs = duration(options.retentionMs, 'retentionMs')
    assert(
      retentionMs >= windowSizeMs,
      `store ${options.name}: retentionMs ${retentionMs} is less than windowSizeMs ${windowSizeMs}`,
    )
    const { retainDuplicates = false, aligned = false } = options
    assert(
      !(retainDuplicates && aligned),
      `store ${options.name}: duplicates have no place in aligned windows`,
    )
    assert(
      !(retainDuplicates && options.supplier !== undefined),
      `store ${options.name}: a store of one's own cannot retain duplicates`,
    )
    return {
      kind: 'window',
      ...common(options),
      ...supplied(options.supplier),
      timestamped: options.timestamped ?? false,
      windowSizeMs,
      retentionMs,
      retainDuplicates,
      aligned,
    }
  },

  session<K, V>(options: SessionStoreOptions<K, V>): SessionStoreSpec {
    return {
      kind: 'session',
      ...common(options),
      ...supplied(options.supplier),
      retentionMs: duration(options.retentionMs, 'retentionMs'),
    }
  },

  versioned<K, V>(options: VersionedStoreOptions<K, V>): VersionedStoreSpec {
    return {
      kind: 'versioned',
      ...common(options),
      historyRetentionMs: duration(options.historyRetentionMs, 'historyRetentionMs'),
    }
  },
} as const
