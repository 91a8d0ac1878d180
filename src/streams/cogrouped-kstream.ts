import type { Windowed } from '../serde/index.js'
import type { Aggregator, Initializer, Merger } from './functions.js'
import { aggregateCogroup, type CogroupHandle, extendCogroup } from './graph/cogroup.js'
import type { WindowingHandle } from './graph/handles.js'
import type { KGroupedStream } from './kgrouped-stream.js'
import type { KTable } from './ktable.js'
import { EmitStrategy, type Materialized } from './options.js'
import type { SessionWindows, SlidingWindows, TimeWindows, UnlimitedWindows } from './windows.js'

/** Several grouped streams that aggregate into one table, each with its own aggregator (KIP-150). */
export class CogroupedKStream<K, A> {
  readonly #cogroup: CogroupHandle
  declare protected readonly types: [K, A]

  constructor(cogroup: CogroupHandle) {
    this.#cogroup = cogroup
  }

  cogroup<V>(grouped: KGroupedStream<K, V>, aggregator: Aggregator<K, V, A>): CogroupedKStream<K, A> {
    return new CogroupedKStream(
      extendCogroup(this.#cogroup, grouped.handle, aggregator as Aggregator<unknown, unknown, unknown>),
    )
  }

  aggregate(initializer: Initializer<A>, options: Materialized<K, A> = {}): KTable<K, A> {
    return this.#cogroup.graph.dsl.table(aggregateCogroup(this.#cogroup, null, initializer, null, options))
  }

  windowedBy(windows: TimeWindows | UnlimitedWindows | SlidingWindows): TimeWindowedCogroupedKStream<K, A>
  windowedBy(windows: SessionWindows): SessionWindowedCogroupedKStream<K, A>
  windowedBy(
    windows: TimeWindows | UnlimitedWindows | SlidingWindows | SessionWindows,
  ): TimeWindowedCogroupedKStream<K, A> | SessionWindowedCogroupedKStream<K, A> {
    const windowing = { windows, emit: EmitStrategy.onWindowUpdate() }
    if (windows.kind === 'session') return new SessionWindowedCogroupedKStream(this.#cogroup, windowing)
    return new TimeWindowedCogroupedKStream(this.#cogroup, windowing)
  }
}

export class TimeWindowedCogroupedKStream<K, A> {
  readonly #cogroup: CogroupHandle
  readonly #windowing: WindowingHandle
  declare protected readonly types: [K, A]

  constructor(cogroup: CogroupHandle, windowing: WindowingHandle) {
    this.#cogroup = cogroup
    this.#windowing = windowing
  }

  aggregate(initializer: Initializer<A>, options: Materialized<K, A> = {}): KTable<Windowed<K>, A> {
    return this.#cogroup.graph.dsl.table(
      aggregateCogroup(this.#cogroup, this.#windowing, initializer, null, options),
    )
  }
}

export class SessionWindowedCogroupedKStream<K, A> {
  readonly #cogroup: CogroupHandle
  readonly #windowing: WindowingHandle
  declare protected readonly types: [K, A]

  constructor(cogroup: CogroupHandle, windowing: WindowingHandle) {
    this.#cogroup = cogroup
    this.#windowing = windowing
  }

  aggregate(
    initializer: Initializer<A>,
    merger: Merger<K, A>,
    options: Materialized<K, A> = {},
  ): KTable<Windowed<K>, A> {
    return this.#cogroup.graph.dsl.table(
      aggregateCogroup(
        this.#cogroup,
        this.#windowing,
        initializer,
        merger as Merger<unknown, unknown>,
        options,
      ),
    )
  }
}
