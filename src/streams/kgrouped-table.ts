import type { Aggregator, Initializer, Reducer } from './functions.js'
import { aggregateTable, countTable, type GroupedTableHandle, reduceTable } from './graph/grouped-table.js'
import type { KTable } from './ktable.js'
import type { Materialized } from './options.js'

/** A table regrouped: each change subtracts the old row from its group and adds the new one. */
export class KGroupedTable<K, V> {
  readonly #handle: GroupedTableHandle
  declare protected readonly types: [K, V]

  constructor(handle: GroupedTableHandle) {
    this.#handle = handle
  }

  count(options: Materialized<K, number> = {}): KTable<K, number> {
    return this.#handle.graph.dsl.table(countTable(this.#handle, options))
  }

  reduce(
    adder: Reducer<V>,
    subtractor: Reducer<V>,
    options: Materialized<K, NonNullable<V>> = {},
  ): KTable<K, NonNullable<V>> {
    return this.#handle.graph.dsl.table(
      reduceTable(this.#handle, adder as Reducer<unknown>, subtractor as Reducer<unknown>, options),
    )
  }

  aggregate<A>(
    initializer: Initializer<A>,
    adder: Aggregator<K, V, A>,
    subtractor: Aggregator<K, V, A>,
    options: Materialized<K, A> = {},
  ): KTable<K, A> {
    return this.#handle.graph.dsl.table(
      aggregateTable(
        this.#handle,
        initializer,
        adder as Aggregator<unknown, unknown, unknown>,
        subtractor as Aggregator<unknown, unknown, unknown>,
        options,
      ),
    )
  }
}
