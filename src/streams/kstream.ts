import type { OperatorFunction } from 'rxjs'
import type { AsyncFlatMapper, AsyncKeyValueMapper, AsyncOptions, AsyncValueMapper } from './async-options.js'
import { BranchedKStream } from './branched.js'
import type {
  DynamicTopic,
  Guard,
  KeyValue,
  KeyValueMapper,
  Predicate,
  ValueJoiner,
  ValueMapper,
} from './functions.js'
import type { GlobalKTable } from './global-ktable.js'
import * as later from './graph/async.js'
import { startSplit } from './graph/branch.js'
import type { StreamHandle } from './graph/handles.js'
import { attachProcessor, attachValueProcessor } from './graph/process.js'
import { repartitionStream } from './graph/repartition.js'
import { sinkTo } from './graph/sink.js'
import * as stateless from './graph/stateless.js'
import { joinStreams } from './graph/stream-join.js'
import { joinGlobalTable, joinTable } from './graph/stream-table-join.js'
import { streamToTable } from './graph/stream-to-table.js'
import type { KGroupedStream } from './kgrouped-stream.js'
import type { KTable } from './ktable.js'
import type { BatchOperator } from './node.js'
import type {
  Grouped,
  Joined,
  Materialized,
  Named,
  Produced,
  Repartitioned,
  StreamJoined,
} from './options.js'
import type {
  FixedKeyProcessorSupplier,
  ForwardedRecord,
  ProcessOptions,
  ProcessorSupplier,
  StreamRecord,
} from './processor-api.js'
import type { JoinWindows } from './windows.js'

/**
 * A stream of independent records. Every method adds an operator to the topology and returns a new stream; nothing
 * runs before the topology does. Keys and values may be null, as on topics, whatever their type says.
 */
export class KStream<K, V> {
  /** @internal */
  readonly handle: StreamHandle

  constructor(handle: StreamHandle) {
    this.handle = handle
  }

  /** Keeps the records for which the predicate holds; a type guard narrows their type. */
  filter<S extends V>(predicate: Guard<K, V, S>, options?: Named): KStream<K, S>
  filter(predicate: Predicate<K, V>, options?: Named): KStream<K, V>
  filter(predicate: Predicate<K, V>, options: Named = {}): KStream<K, V> {
    return this.#next(stateless.filter(this.handle, predicate, false, options.name))
  }

  filterNot<S extends V>(predicate: Guard<K, V, S>, options?: Named): KStream<K, Exclude<V, S>>
  filterNot(predicate: Predicate<K, V>, options?: Named): KStream<K, V>
  filterNot(predicate: Predicate<K, V>, options: Named = {}): unknown {
    return this.#next(stateless.filter(this.handle, predicate, true, options.name))
  }

  /** Changes the key: a later grouping or join goes through a repartition topic. */
  map<K2, V2>(mapper: KeyValueMapper<K, V, KeyValue<K2, V2>>, options: Named = {}): KStream<K2, V2> {
    return this.#next(stateless.map(this.handle, mapper, options.name))
  }

  mapValues<V2>(mapper: ValueMapper<V, K, V2>, options: Named = {}): KStream<K, V2> {
    return this.#next(stateless.mapValues(this.handle, mapper, options.name))
  }

  flatMap<K2, V2>(
    mapper: KeyValueMapper<K, V, Iterable<KeyValue<K2, V2>>>,
    options: Named = {},
  ): KStream<K2, V2> {
    return this.#next(stateless.flatMap(this.handle, mapper, options.name))
  }

  flatMapValues<V2>(mapper: ValueMapper<V, K, Iterable<V2>>, options: Named = {}): KStream<K, V2> {
    return this.#next(stateless.flatMapValues(this.handle, mapper, options.name))
  }

  selectKey<K2>(mapper: KeyValueMapper<K, V, K2>, options: Named = {}): KStream<K2, V> {
    return this.#next(stateless.selectKey(this.handle, mapper, options.name))
  }

  /** Looks at every record as it passes. */
  peek(action: (key: K, value: V) => void, options: Named = {}): KStream<K, V> {
    return this.#next(stateless.peek(this.handle, action, options.name))
  }

  foreach(action: (key: K, value: V) => void, options: Named = {}): void {
    stateless.foreach(this.handle, action, options.name)
  }

  /**
   * As `mapValues`, with a function that answers later: a call of a service, a database, a model. Results carry the
   * record's time, headers and position. Calls in flight are bounded. What follows from a call counts exactly once: until
   * then the record is kept over commits and restarts (only the call itself may be repeated after a crash).
   */
  mapValuesAsync<V2>(mapper: AsyncValueMapper<V, K, V2>, options: AsyncOptions<K, V> = {}): KStream<K, V2> {
    return this.#next(later.mapValuesAsync(this.handle, mapper, options))
  }

  /** As `flatMap`, with a function that answers later; see `mapValuesAsync`. */
  flatMapAsync<K2, V2>(
    mapper: AsyncFlatMapper<K, V, K2, V2>,
    options: AsyncOptions<K, V> = {},
  ): KStream<K2, V2> {
    return this.#next(later.flatMapAsync(this.handle, mapper, options))
  }

  /** As `filter`, with a function that answers later; see `mapValuesAsync`. */
  filterAsync(
    predicate: AsyncKeyValueMapper<K, V, boolean>,
    options: AsyncOptions<K, V> = {},
  ): KStream<K, V> {
    return this.#next(later.filterAsync(this.handle, predicate, options))
  }

  /** As `peek`: records go on once the action has ended; see `mapValuesAsync`. */
  peekAsync(action: AsyncKeyValueMapper<K, V, unknown>, options: AsyncOptions<K, V> = {}): KStream<K, V> {
    return this.#next(later.peekAsync(this.handle, action, options))
  }

  /** Writes `[label]: key, value` for every record. `write` defaults to standard output. */
  print(options: Named & { label?: string; write?: (line: string) => void } = {}): void {
    stateless.print(this.handle, options)
  }

  /**
   * RxJS operators over single records. What they give while a record goes in carries on that record's position and
   * headers unless it sets its own; what comes later (timers, promises) goes downstream when it comes, outside of the
   * input's transaction.
   */
  pipe<K2 = K, V2 = V>(
    ...operators: [
      ...OperatorFunction<StreamRecord<K, V>, StreamRecord<K, V>>[],
      OperatorFunction<StreamRecord<K, V>, ForwardedRecord<K2, V2>>,
    ]
  ): KStream<K2, V2>
  pipe<A, K2, V2>(
    first: OperatorFunction<StreamRecord<K, V>, A>,
    last: OperatorFunction<A, ForwardedRecord<K2, V2>>,
  ): KStream<K2, V2>
  pipe<A, B, K2, V2>(
    first: OperatorFunction<StreamRecord<K, V>, A>,
    second: OperatorFunction<A, B>,
    last: OperatorFunction<B, ForwardedRecord<K2, V2>>,
  ): KStream<K2, V2>
  pipe<A, B, C, K2, V2>(
    first: OperatorFunction<StreamRecord<K, V>, A>,
    second: OperatorFunction<A, B>,
    third: OperatorFunction<B, C>,
    last: OperatorFunction<C, ForwardedRecord<K2, V2>>,
  ): KStream<K2, V2>
  pipe<A, B, C, D, K2, V2>(
    first: OperatorFunction<StreamRecord<K, V>, A>,
    second: OperatorFunction<A, B>,
    third: OperatorFunction<B, C>,
    fourth: OperatorFunction<C, D>,
    last: OperatorFunction<D, ForwardedRecord<K2, V2>>,
  ): KStream<K2, V2>
  pipe(...operators: OperatorFunction<never, unknown>[]): unknown {
    return this.#next(stateless.pipe(this.handle, operators))
  }

  /** Attaches an operator over whole batches. Say `changesKey` when it does. */
  processBatches<K2 = K, V2 = V>(
    operator: BatchOperator,
    options: ProcessOptions & { changesKey?: boolean; changesValue?: boolean } = {},
  ): KStream<K2, V2> {
    return this.#next(stateless.processBatches(this.handle, operator, options))
  }

  /** Sends each record to the first branch whose predicate holds. */
  split(options: Named = {}): BranchedKStream<K, V> {
    return new BranchedKStream(startSplit(this.handle, options.name))
  }

  merge(other: KStream<K, V>, options: Named = {}): KStream<K, V> {
    return this.#next(stateless.merge(this.handle, other.handle, options.name))
  }

  /** Through a topic of Forebay's own, partitioned by the present key. */
  repartition(options: Repartitioned<K, V> = {}): KStream<K, V> {
    return this.#next(repartitionStream(this.handle, options))
  }

  /** Ends the stream in a topic, or in the topic that the function names for each record. */
  to(topic: string | DynamicTopic<K, V>, options: Produced<K, V> = {}): void {
    sinkTo(this.handle, topic, options)
  }

  /** The latest value of each key; a null value deletes. */
  toTable(options: Materialized<K, NonNullable<V>> = {}): KTable<K, NonNullable<V>> {
    return this.handle.graph.dsl.table(streamToTable(this.handle, options))
  }

  groupByKey(options: Grouped<K, V> = {}): KGroupedStream<K, V> {
    return this.handle.graph.dsl.grouped(stateless.groupByKey(this.handle, options))
  }

  groupBy<K2>(mapper: KeyValueMapper<K, V, K2>, options: Grouped<K2, V> = {}): KGroupedStream<K2, V> {
    return this.handle.graph.dsl.grouped(stateless.groupBy(this.handle, mapper, options))
  }

  /** With a stream: every pair of records within the windows. */
  join<V2, R>(
    other: KStream<K, V2>,
    joiner: ValueJoiner<K, V, V2, R>,
    windows: JoinWindows,
    options?: StreamJoined<K, V, V2>,
  ): KStream<K, R>
  /** With a table: what the table holds under the record's key as the record is processed. */
  join<V2, R>(
    table: KTable<K, V2>,
    joiner: ValueJoiner<K, V, V2, R>,
    options?: Joined<K, V, V2>,
  ): KStream<K, R>
  /** With a global table: what it holds under the key that `keySelector` gives. */
  join<K2, V2, R>(
    table: GlobalKTable<K2, V2>,
    keySelector: KeyValueMapper<K, V, K2 | null>,
    joiner: ValueJoiner<K, V, V2, R>,
    options?: Named,
  ): KStream<K, R>
  join(other: unknown, second: unknown, third?: unknown, fourth?: unknown): unknown {
    return this.#join('inner', other, second, third, fourth)
  }

  /** As `join`, and a result with null for each record without a partner (once the window has closed). */
  leftJoin<V2, R>(
    other: KStream<K, V2>,
    joiner: ValueJoiner<K, V, V2 | null, R>,
    windows: JoinWindows,
    options?: StreamJoined<K, V, V2>,
  ): KStream<K, R>
  leftJoin<V2, R>(
    table: KTable<K, V2>,
    joiner: ValueJoiner<K, V, V2 | null, R>,
    options?: Joined<K, V, V2>,
  ): KStream<K, R>
  leftJoin<K2, V2, R>(
    table: GlobalKTable<K2, V2>,
    keySelector: KeyValueMapper<K, V, K2 | null>,
    joiner: ValueJoiner<K, V, V2 | null, R>,
    options?: Named,
  ): KStream<K, R>
  leftJoin(other: unknown, second: unknown, third?: unknown, fourth?: unknown): unknown {
    return this.#join('left', other, second, third, fourth)
  }

  /** As `leftJoin`, for the records of either side. */
  outerJoin<V2, R>(
    other: KStream<K, V2>,
    joiner: ValueJoiner<K, V | null, V2 | null, R>,
    windows: JoinWindows,
    options: StreamJoined<K, V, V2> = {},
  ): KStream<K, R> {
    return this.#next(joinStreams(this.handle, other.handle, 'outer', joiner as AnyJoiner, windows, options))
  }

  /** An operator of your own; the key may change. */
  process<K2 = K, V2 = V>(
    supplier: ProcessorSupplier<K, V, K2, V2>,
    options: ProcessOptions = {},
  ): KStream<K2, V2> {
    return this.#next(attachProcessor(this.handle, supplier as AnySupplier, options))
  }

  /** An operator of your own that keeps the key. */
  processValues<V2 = V>(
    supplier: FixedKeyProcessorSupplier<K, V, V2>,
    options: ProcessOptions = {},
  ): KStream<K, V2> {
    return this.#next(attachValueProcessor(this.handle, supplier as AnyFixedSupplier, options))
  }

  #next<K2, V2>(handle: StreamHandle): KStream<K2, V2> {
    return new KStream<K2, V2>(handle)
  }

  #join(
    type: 'inner' | 'left',
    other: unknown,
    second: unknown,
    third: unknown,
    fourth: unknown,
  ): KStream<K, unknown> {
    if (other instanceof KStream) {
      const options = (fourth ?? {}) as StreamJoined<unknown, unknown, unknown>
      return this.#next(
        joinStreams(this.handle, other.handle, type, second as AnyJoiner, third as JoinWindows, options),
      )
    }
    const table = (other as KTable<unknown, unknown> | GlobalKTable<unknown, unknown>).handle
    if ('global' in table) {
      const selector = second as KeyValueMapper<unknown, unknown, unknown>
      return this.#next(
        joinGlobalTable(this.handle, table, type, selector, third as AnyJoiner, (fourth ?? {}) as Named),
      )
    }
    const options = (third ?? {}) as Joined<unknown, unknown, unknown>
    return this.#next(joinTable(this.handle, table, type, second as AnyJoiner, options))
  }
}

type AnyJoiner = ValueJoiner<unknown, unknown, unknown, unknown>
type AnySupplier = ProcessorSupplier<unknown, unknown, unknown, unknown>
type AnyFixedSupplier = FixedKeyProcessorSupplier<unknown, unknown, unknown>
