import type { Headers } from '../log/index.js'

/*
 * The user functions of the DSL. They run inside the task, synchronously; an error they throw goes to the processing
 * exception handler with the record that caused it.
 */

export type Predicate<K, V> = (key: K, value: V) => boolean
/** A predicate that tells TypeScript what the value is where it holds. */
export type Guard<K, V, S extends V> = (key: K, value: V) => value is S
export type KeyValueMapper<K, V, R> = (key: K, value: V) => R
export type ValueMapper<V, K, R> = (value: V, key: K) => R
export type KeyValue<K, V> = readonly [key: K, value: V]

export type Initializer<A> = () => A
/** Returns the new aggregate; null deletes the entry, and the next record starts from the initializer. */
export type Aggregator<K, V, A> = (key: K, value: V, aggregate: A) => A | null
/**
 * An aggregator with a twin that changes the aggregate it is given: used while nobody else has seen that aggregate.
 * When the twin throws, the aggregate must be as it was.
 */
export interface InPlaceAggregator<K, V, A> extends Aggregator<K, V, A> {
  readonly inPlace?: (key: K, value: V, aggregate: A) => void
}
/** The first value of a key is the first aggregate, without a call. Null deletes the entry. */
export type Reducer<V> = (aggregate: V, value: V) => V | null
/** Joins the aggregates of two sessions that grew together, the older one first. */
export type Merger<K, A> = (key: K, older: A, newer: A) => A

export type ValueJoiner<K, L, R, O> = (left: L, right: R, key: K) => O

/** What a topic-name extractor may look at beside key and value. `topic` is null where no input record is at hand. */
export interface RecordContext {
  readonly topic: string | null
  readonly partition: number
  readonly offset: number
  /** Event time in ms. */
  readonly timestamp: number
  readonly headers: Headers
}

export type DynamicTopic<K, V> = (key: K, value: V, context: RecordContext) => string
