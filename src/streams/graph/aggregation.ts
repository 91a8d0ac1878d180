import type { Initializer, InPlaceAggregator, Merger, Reducer } from '../functions.js'

/** The functions of an aggregation, whatever it was called: count, reduce or aggregate. */
export interface Aggregation {
  readonly initializer: Initializer<unknown>
  readonly aggregator: InPlaceAggregator<unknown, unknown, unknown>
  /** Of sessions. */
  readonly merger: Merger<unknown, unknown> | null
}

export const counting: Aggregation = {
  initializer: () => 0,
  aggregator: (_key, _value, count) => (count as number) + 1,
  merger: (_key, older, newer) => (older as number) + (newer as number),
}

/** The first value is taken as it is: null stands for "no aggregate yet". */
export function reducing(reducer: Reducer<unknown>): Aggregation {
  const reduce = (a: unknown, b: unknown) => (a === null ? b : reducer(a, b))
  return {
    initializer: () => null,
    aggregator: (_key, value, aggregate) => reduce(aggregate, value),
    merger: (_key, older, newer) => reduce(older, newer),
  }
}
