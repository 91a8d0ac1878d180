import { CogroupedKStream } from './cogrouped-kstream.js'
import type { Aggregator, Initializer, Reducer } from './functions.js'
import { aggregateStream, countStream, reduceStream } from './graph/aggregate.js'
import { startCogroup } from './graph/cogroup.js'
import type { GroupedHandle } from './graph/handles.js'
import type { KTable } from './ktable.js'
import type { Materialized } from './options.js'
import { SessionWindowedKStream, TimeWindowedKStream } from './windowed-kstream.js'
import type { SessionWindows, SlidingWindows, TimeWindows, UnlimitedWindows } from './windows.js'

/** A stream grouped by key. Records with a null key are left out. */
export class KGroupedStream<K, V> {
  /** @internal */
  readonly handle: GroupedHandle
  declare protected readonly types: [K, V]

  constructor(handle: GroupedHandle) {
    this.handle = handle
  }

  /** Counts the records of each key that have a value. */
  count(options: Materialized<K, number> = {}): KTable<K, number> {
    return this.handle.stream.graph.dsl.table(countStream(this.handle, null, options))
  }

  reduce(
    reducer: Reducer<NonNullable<V>>,
    options: Materialized<K, NonNullable<V>> = {},
  ): KTable<K, NonNullable<V>> {
    return this.handle.stream.graph.dsl.table(
      reduceStream(this.handle, null, reducer as Reducer<unknown>, options),
    )
  }

  aggregate<A>(
    initializer: Initializer<A>,
    aggregator: Aggregator<K, NonNullable<V>, A>,
    options: Materialized<K, A> = {},
  ): KTable<K, A> {
    return this.handle.stream.graph.dsl.table(
      aggregateStream(
        this.handle,
        null,
        { initializer, aggregator: aggregator as Aggregator<unknown, unknown, unknown>, merger: null },
        options,
      ),
    )
  }

  windowedBy(windows: TimeWindows | UnlimitedWindows | SlidingWindows): TimeWindowedKStream<K, V>
  windowedBy(windows: SessionWindows): SessionWindowedKStream<K, V>
  windowedBy(
    windows: TimeWindows | UnlimitedWindows | SlidingWindows | SessionWindows,
  ): TimeWindowedKStream<K, V> | SessionWindowedKStream<K, V> {
    if (windows.kind === 'session') return new SessionWindowedKStream(this.handle, windows)
    return new TimeWindowedKStream(this.handle, windows)
  }

  /** Aggregates several grouped streams into one table. */
  cogroup<A>(aggregator: Aggregator<K, V, A>): CogroupedKStream<K, A> {
    return new CogroupedKStream(
      startCogroup(this.handle, aggregator as Aggregator<unknown, unknown, unknown>),
    )
  }
}
