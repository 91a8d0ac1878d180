import type { Windowed } from '../serde/index.js'
import type { Aggregator, Initializer, Merger, Reducer } from './functions.js'
import { aggregateStream, countStream, reduceStream } from './graph/aggregate.js'
import type { GroupedHandle, WindowingHandle } from './graph/handles.js'
import type { KTable } from './ktable.js'
import { EmitStrategy, type Materialized } from './options.js'
import type { SessionWindows, SlidingWindows, TimeWindows, UnlimitedWindows } from './windows.js'

/** A grouped stream in time or sliding windows. Late records (past window end and grace) are left out, and counted. */
export class TimeWindowedKStream<K, V> {
  readonly #grouped: GroupedHandle
  readonly #windowing: WindowingHandle
  declare protected readonly types: [K, V]

  constructor(
    grouped: GroupedHandle,
    windows: TimeWindows | UnlimitedWindows | SlidingWindows,
    emit = EmitStrategy.onWindowUpdate(),
  ) {
    this.#grouped = grouped
    this.#windowing = { windows, emit }
  }

  emitStrategy(emit: EmitStrategy): TimeWindowedKStream<K, V> {
    return new TimeWindowedKStream(this.#grouped, this.#windowing.windows as TimeWindows, emit)
  }

  count(options: Materialized<K, number> = {}): KTable<Windowed<K>, number> {
    return this.#table(countStream(this.#grouped, this.#windowing, options))
  }

  reduce(
    reducer: Reducer<NonNullable<V>>,
    options: Materialized<K, NonNullable<V>> = {},
  ): KTable<Windowed<K>, NonNullable<V>> {
    return this.#table(reduceStream(this.#grouped, this.#windowing, reducer as Reducer<unknown>, options))
  }

  /** Null values reach the aggregator in time windows; sliding windows leave them out. */
  aggregate<A>(
    initializer: Initializer<A>,
    aggregator: Aggregator<K, V, A>,
    options: Materialized<K, A> = {},
  ): KTable<Windowed<K>, A> {
    const functions = {
      initializer,
      aggregator: aggregator as Aggregator<unknown, unknown, unknown>,
      merger: null,
    }
    return this.#table(aggregateStream(this.#grouped, this.#windowing, functions, options))
  }

  #table<R>(handle: ReturnType<typeof countStream>): KTable<Windowed<K>, R> {
    return this.#grouped.stream.graph.dsl.table(handle)
  }
}

/** A grouped stream in sessions. An update takes back (with a tombstone) the sessions it merges. */
export class SessionWindowedKStream<K, V> {
  readonly #grouped: GroupedHandle
  readonly #windowing: WindowingHandle
  declare protected readonly types: [K, V]

  constructor(grouped: GroupedHandle, windows: SessionWindows, emit = EmitStrategy.onWindowUpdate()) {
    this.#grouped = grouped
    this.#windowing = { windows, emit }
  }

  emitStrategy(emit: EmitStrategy): SessionWindowedKStream<K, V> {
    return new SessionWindowedKStream(this.#grouped, this.#windowing.windows as SessionWindows, emit)
  }

  count(options: Materialized<K, number> = {}): KTable<Windowed<K>, number> {
    return this.#table(countStream(this.#grouped, this.#windowing, options))
  }

  reduce(
    reducer: Reducer<NonNullable<V>>,
    options: Materialized<K, NonNullable<V>> = {},
  ): KTable<Windowed<K>, NonNullable<V>> {
    return this.#table(reduceStream(this.#grouped, this.#windowing, reducer as Reducer<unknown>, options))
  }

  aggregate<A>(
    initializer: Initializer<A>,
    aggregator: Aggregator<K, V, A>,
    merger: Merger<K, A>,
    options: Materialized<K, A> = {},
  ): KTable<Windowed<K>, A> {
    const functions = {
      initializer,
      aggregator: aggregator as Aggregator<unknown, unknown, unknown>,
      merger: merger as Merger<unknown, unknown>,
    }
    return this.#table(aggregateStream(this.#grouped, this.#windowing, functions, options))
  }

  #table<R>(handle: ReturnType<typeof countStream>): KTable<Windowed<K>, R> {
    return this.#grouped.stream.graph.dsl.table(handle)
  }
}
