import type { QueryableTable } from '../../state/index.js'
import type {
  ReadOnlyKeyValueStore,
  ReadOnlySessionStore,
  ReadOnlyWindowStore,
  ValueAndTimestamp,
  Windowed,
} from '../../streams/index.js'
import type { Materialization } from '../compile/topology-compiler.js'
import type { Row } from '../formats/row-class.js'
import type { KeyLookup } from './key-lookup.js'

/** A table whose rows are in the state of a query. */
export interface MaterializedTable {
  readonly queryId: string
  readonly materialization: Materialization
  /** The store over all partitions. */
  store(): unknown
  /** The SQLite table of each partition that is here, with all changes. */
  tables(): readonly QueryableTable[]
}

export interface StoredRow {
  /** `Windowed` where the table is windowed. */
  readonly key: unknown
  readonly row: Row
  readonly timestamp: number
}

/** Rows from the store: those of certain keys, or all. */
export function* storedRows(
  { materialization, store }: MaterializedTable,
  lookup: KeyLookup | null,
): Generator<StoredRow, undefined> {
  const { kind, rowOf } = materialization
  const entries =
    kind === 'key-value'
      ? keyValueEntries(store() as ReadOnlyKeyValueStore<unknown, ValueAndTimestamp<unknown>>, lookup)
      : windowEntries(store() as WindowedStore, kind, lookup)
  for (const { key, value, timestamp } of entries) {
    const row = rowOf(key, value)
    if (row !== null) yield { key, row: row as Row, timestamp }
  }
}

interface Entry {
  readonly key: unknown
  readonly value: unknown
  readonly timestamp: number
}

function* keyValueEntries(
  store: ReadOnlyKeyValueStore<unknown, ValueAndTimestamp<unknown>>,
  lookup: KeyLookup | null,
): Generator<Entry> {
  if (lookup === null) {
    for (const { key, value } of store.all()) yield { key, value: value.value, timestamp: value.timestamp }
    return
  }
  for (const key of lookup.keys) {
    const value = store.get(key)
    if (value !== undefined) yield { key, value: value.value, timestamp: value.timestamp }
  }
}

type WindowedStore = ReadOnlyWindowStore<unknown, ValueAndTimestamp<unknown>> &
  ReadOnlySessionStore<unknown, unknown>

function* windowEntries(
  store: WindowedStore,
  kind: 'window' | 'session',
  lookup: KeyLookup | null,
): Generator<Entry> {
  const scans =
    lookup === null
      ? [store.all()]
      : lookup.keys.map((key) =>
          kind === 'session'
            ? store.fetch(key as never, undefined as never)
            : store.fetchRange(key, 0, Number.MAX_SAFE_INTEGER),
        )
  for (const scan of scans as Iterable<{ key: Windowed<unknown>; value: unknown }>[]) {
    for (const { key, value } of scan) {
      if (kind === 'session') yield { key, value, timestamp: key.end }
      else
        yield {
          key,
          value: (value as ValueAndTimestamp<unknown>).value,
          timestamp: (value as ValueAndTimestamp<unknown>).timestamp,
        }
    }
  }
}
