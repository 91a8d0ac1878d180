import type { GlobalTableHandle } from './graph/handles.js'

/** A table of which every instance holds all partitions; see `StreamsBuilder.globalTable`. */
export class GlobalKTable<K, V> {
  /** @internal */
  readonly handle: GlobalTableHandle
  declare protected readonly types: [K, V]

  constructor(handle: GlobalTableHandle) {
    this.handle = handle
  }

  /** The name under which its store can be queried, or null. */
  get queryableStoreName(): string | null {
    return this.handle.queryable ? this.handle.storeName : null
  }
}
