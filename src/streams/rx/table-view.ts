import { distinctUntilChanged, filter, map, Observable } from 'rxjs'
import type { Log } from '../../log/index.js'
import type { ReadOnlyKeyValueStore, StoreSpec, ValueAndTimestamp } from '../../state/index.js'
import { InvalidStateError, StreamsError } from '../errors.js'
import { keyIdentity } from '../key-identity.js'
import { observeTopic } from './observe-topic.js'

export interface TableChange<K, V> {
  readonly key: K
  /** Null: the row is gone. */
  readonly value: V | null
  /** Event time of the change, ms. */
  readonly timestamp: number
}

/**
 * A materialised table as something to look at and to listen to. `current` is never older than a change that has been
 * told.
 */
export interface TableView<K, V> {
  /** What the table holds under a key now; undefined without a row. */
  current(key: K): V | undefined
  /** Every row, as it is now. */
  entries(): IterableIterator<readonly [key: K, value: V]>
  /** Committed changes, from now on; 'earliest' tells those that made the table first. */
  changes(options?: { from?: 'earliest' | 'latest' }): Observable<TableChange<K, V>>
  /**
   * What the table holds under a key, now and whenever it has changed, like a signal: the present value comes at once, and
   * what lies between two values that are told may be passed over. Undefined: there is no row.
   */
  watch(key: K): Observable<V | undefined>
}

/** Where the changes of a store are written. */
export interface TableSources {
  readonly log: Log
  readonly spec: StoreSpec
  /** The changelog, or the source topic that stands for it; null without one. */
  readonly topic: string | null
  readonly store: () => ReadOnlyKeyValueStore<unknown, unknown>
}

/** Throws InvalidStateError for stores without a changelog, and StreamsError for windowed ones. */
export function tableView<K, V>(sources: TableSources): TableView<K, V> {
  const { spec, store } = sources
  if (spec.kind !== 'key-value') {
    throw new StreamsError(
      'STREAMS_STORE_KIND',
      `store ${spec.name} is a ${spec.kind} store; a view shows tables by key`,
    )
  }
  const { timestamped } = spec
  const innerOf = (stored: unknown): V =>
    timestamped ? (stored as ValueAndTimestamp<V>).value : (stored as V)
  const current = (key: K): V | undefined => {
    const stored = store().get(key)
    return stored === undefined ? undefined : innerOf(stored)
  }
  return {
    current,
    *entries() {
      for (const { key, value } of store().all()) yield [key as K, innerOf(value)] as const
    },
    changes: ({ from = 'latest' } = {}) => changesOf(sources, from),
    watch(key) {
      const identity = keyIdentity(spec.keySerde)
      const watched = identity(key)
      return new Observable<V | undefined>((subscriber) => {
        const look = () => subscriber.next(current(key))
        look()
        // What changed before the changes are listened to shows in a second look.
        const changes = changesOf<K, V>(sources, 'latest', look)
        const ofKey = changes.pipe(filter((change) => identity(change.key) === watched))
        return ofKey.subscribe({ next: look, error: (error) => subscriber.error(error) })
      }).pipe(distinctUntilChanged())
    },
  }
}

function changesOf<K, V>(
  { log, spec, topic }: TableSources,
  from: 'earliest' | 'latest',
  onBegin?: () => void,
): Observable<TableChange<K, V>> {
  if (topic === null) {
    throw new InvalidStateError(`store ${spec.name} has no changelog; its changes cannot be observed`)
  }
  const { keySerde, valueSerde } = spec
  return observeTopic<unknown, unknown>(log, topic, {
    keySerde,
    valueSerde,
    from,
    ...(onBegin === undefined ? {} : { onBegin }),
  }).pipe(
    // A source topic may hold records without a key; they never reached the table.
    filter(({ key }) => key !== null),
    map(({ key, value, timestamp }) => ({ key: key as K, value: value as V | null, timestamp })),
  )
}
