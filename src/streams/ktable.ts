import type { Guard, KeyValue, KeyValueMapper, Predicate, ValueJoiner, ValueMapper } from './functions.js'
import { joinForeignKey } from './graph/foreign-key-join.js'
import { groupTable } from './graph/grouped-table.js'
import type { TableHandle } from './graph/handles.js'
import { joinTables, type TableJoinType } from './graph/table-join.js'
import * as operators from './graph/table-operators.js'
import { KGroupedTable } from './kgrouped-table.js'
import type { KStream } from './kstream.js'
import type { Grouped, Materialized, Named, TableJoined } from './options.js'
import type { ProcessOptions, ValueTransformerSupplier } from './processor-api.js'
import type { Suppressed } from './suppressed.js'

/**
 * A changelog read as a table: the latest value of each key. Without a store in the options a derived table is not
 * kept but computed from its source when it is needed.
 */
export class KTable<K, V> {
  /** @internal */
  readonly handle: TableHandle

  constructor(handle: TableHandle) {
    this.handle = handle
  }

  /** Keeps the rows for which the predicate holds; a type guard narrows their type. */
  filter<S extends V>(predicate: Guard<K, V, S>, options?: Materialized<K, S>): KTable<K, S>
  filter(predicate: Predicate<K, V>, options?: Materialized<K, V>): KTable<K, V>
  filter(predicate: Predicate<K, V>, options: Materialized<K, V> = {}): KTable<K, V> {
    return this.#next(operators.filterTable(this.handle, predicate as AnyPredicate, false, options))
  }

  filterNot(predicate: Predicate<K, V>, options: Materialized<K, V> = {}): KTable<K, V> {
    return this.#next(operators.filterTable(this.handle, predicate as AnyPredicate, true, options))
  }

  /** Not called for tombstones. A null result is the absence of the row. */
  mapValues<V2>(
    mapper: ValueMapper<V, K, V2>,
    options: Materialized<K, NonNullable<V2>> = {},
  ): KTable<K, NonNullable<V2>> {
    return this.#next(operators.mapTableValues(this.handle, mapper as AnyMapper, options))
  }

  /** As `mapValues`, with stores, and called for tombstones too. */
  transformValues<V2>(
    supplier: ValueTransformerSupplier<K, V, V2>,
    options: Materialized<K, NonNullable<V2>> & ProcessOptions = {},
  ): KTable<K, NonNullable<V2>> {
    return this.#next(operators.transformTableValues(this.handle, supplier as AnyTransformer, options))
  }

  /** Every change as a record; a deleted row is a null value. */
  toStream<K2>(mapper: KeyValueMapper<K, V | null, K2>, options?: Named): KStream<K2, V | null>
  toStream(options?: Named): KStream<K, V | null>
  toStream<K2>(first?: KeyValueMapper<K, V | null, K2> | Named, second?: Named): KStream<K | K2, V | null> {
    const mapper = typeof first === 'function' ? first : null
    const options = (typeof first === 'function' ? second : first) ?? {}
    return this.handle.graph.dsl.stream(
      operators.tableToStream(
        this.handle,
        mapper as KeyValueMapper<unknown, unknown, unknown> | null,
        options.name,
      ),
    )
  }

  /** Holds updates back until the window closes or a time limit has passed. */
  suppress(suppressed: Suppressed): KTable<K, V> {
    return this.#next(operators.suppressTable(this.handle, suppressed))
  }

  /** Regroups the rows; goes through a repartition topic. A null key leaves the row out. */
  groupBy<K2, V2>(
    mapper: KeyValueMapper<K, V, KeyValue<K2 | null, V2>>,
    options: Grouped<K2, V2> = {},
  ): KGroupedTable<K2, V2> {
    return new KGroupedTable<K2, V2>(groupTable(this.handle, mapper as AnyPairMapper, options))
  }

  /** By primary key. */
  join<V2, R>(
    other: KTable<K, V2>,
    joiner: ValueJoiner<K, V, V2, R>,
    options?: Materialized<K, NonNullable<R>>,
  ): KTable<K, NonNullable<R>>
  /** By the key of the other table that `foreignKey` finds in a row of this one (KIP-213); null finds nothing. */
  join<K2, V2, R>(
    other: KTable<K2, V2>,
    foreignKey: ForeignKeyExtractor<K, V, K2>,
    joiner: (left: V, right: V2) => R,
    options?: TableJoined<K, K2, NonNullable<R>>,
  ): KTable<K, NonNullable<R>>
  join(other: AnyTable, second: unknown, third?: unknown, fourth?: unknown): unknown {
    return this.#join('inner', other, second, third, fourth)
  }

  leftJoin<V2, R>(
    other: KTable<K, V2>,
    joiner: ValueJoiner<K, V, V2 | null, R>,
    options?: Materialized<K, NonNullable<R>>,
  ): KTable<K, NonNullable<R>>
  leftJoin<K2, V2, R>(
    other: KTable<K2, V2>,
    foreignKey: ForeignKeyExtractor<K, V, K2>,
    joiner: (left: V, right: V2 | null) => R,
    options?: TableJoined<K, K2, NonNullable<R>>,
  ): KTable<K, NonNullable<R>>
  leftJoin(other: AnyTable, second: unknown, third?: unknown, fourth?: unknown): unknown {
    return this.#join('left', other, second, third, fourth)
  }

  outerJoin<V2, R>(
    other: KTable<K, V2>,
    joiner: ValueJoiner<K, V | null, V2 | null, R>,
    options: Materialized<K, NonNullable<R>> = {},
  ): KTable<K, NonNullable<R>> {
    return this.#next(joinTables(this.handle, other.handle, 'outer', joiner as AnyJoiner, options))
  }

  /** The name under which the table's store can be queried, or null. */
  get queryableStoreName(): string | null {
    return this.handle.queryable ? this.handle.storeName : null
  }

  #next<K2, V2>(handle: TableHandle): KTable<K2, V2> {
    return new KTable<K2, V2>(handle)
  }

  #join(type: TableJoinType, other: AnyTable, second: unknown, third: unknown, fourth: unknown): unknown {
    if (typeof third === 'function') {
      const options = (fourth ?? {}) as TableJoined<unknown, unknown, unknown>
      return this.#next(
        joinForeignKey(
          this.handle,
          other.handle,
          type === 'left',
          second as ForeignKeyExtractor<unknown, unknown, unknown>,
          third as AnyJoiner,
          options,
        ),
      )
    }
    const options = (third ?? {}) as Materialized<unknown, unknown>
    return this.#next(joinTables(this.handle, other.handle, type, second as AnyJoiner, options))
  }
}

/** From value and key of a row; null where the row refers to nothing. */
export type ForeignKeyExtractor<K, V, FK> = (value: V, key: K) => FK | null

type AnyTable = { readonly handle: TableHandle }
type AnyPredicate = Predicate<unknown, unknown>
type AnyMapper = ValueMapper<unknown, unknown, unknown>
type AnyPairMapper = KeyValueMapper<unknown, unknown, KeyValue<unknown, unknown>>
type AnyJoiner = ValueJoiner<unknown, unknown, unknown, unknown>
type AnyTransformer = ValueTransformerSupplier<unknown, unknown, unknown>
