import type {
  TimestampedKeyValueStore,
  ValueAndTimestamp,
  VersionedKeyValueStore,
} from '../../state/index.js'
import type { KeptTable } from '../graph/materialize.js'
import type { NodeContext } from '../node.js'

/**
 * What became of a put: `outdated` rows lie behind the newest version of their key; `expired` ones were not stored, and
 * counted by the store.
 */
export type PutResult = 'newest' | 'outdated' | 'expired'

/** The store of a table by primary key, timestamped or versioned. */
export interface RowStore {
  get(key: unknown): ValueAndTimestamp<unknown> | undefined
  /** Null deletes. */
  put(key: unknown, value: unknown, timestamp: number): PutResult
}

export function openRowStore(context: NodeContext, kept: KeptTable): RowStore {
  if (kept.versioned) {
    const store = context.stateStore<VersionedKeyValueStore<unknown, unknown>>(kept.spec.name)
    return {
      get: (key) => store.get(key),
      put(key, value, timestamp) {
        const validTo = store.put(key, value, timestamp)
        if (validTo === null) return 'expired'
        return validTo === Number.POSITIVE_INFINITY ? 'newest' : 'outdated'
      },
    }
  }
  const store = context.stateStore<TimestampedKeyValueStore<unknown, unknown>>(kept.spec.name)
  return {
    get: (key) => store.get(key),
    put(key, value, timestamp) {
      store.put(key, value === null ? null : { value, timestamp })
      return 'newest'
    },
  }
}
