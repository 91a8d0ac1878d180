import type { Headers } from '../log/index.js'
import type { Serde } from '../serde/index.js'
import type { StateStore } from '../state/index.js'
import type { KeyValue } from './functions.js'
import type { Named } from './options.js'
import type { RecordPosition } from './processor-api.js'

/** What an asynchronous function learns about its call, besides key and value. */
export interface AsyncCall {
  /** Aborted when the call has timed out, and when the task closes: hand it to `fetch` and its like. */
  readonly signal: AbortSignal
  /** 1 for the first try. */
  readonly attempt: number
  /** Event time of the record, ms. */
  readonly timestamp: number
  readonly headers: Headers
  /**
   * Where the record stands in its source: an idempotency key for services that take one. Null where it does not stem
   * from a single record. After a crash a call may be made again for a position whose result was not committed.
   */
  readonly position: RecordPosition | null
  /**
   * A store named in the options, or a global one, to look things up: it shows what the task has processed so far. Throws
   * TopologyError for others.
   */
  getStateStore<S extends StateStore>(name: string): S
}

export interface AsyncRetry {
  /** How often the function is called for a record at most, the first call included. */
  readonly attempts: number
  /** Pause before the second call, ms; it doubles with every further one. Default 100. */
  readonly backoffMs?: number
  /** Default 10,000. */
  readonly maxBackoffMs?: number
  /** Share of a pause, from 0 to 1, that chance takes off, so that calls do not come back all at once. Default 0. */
  readonly jitter?: number
  /** Whether another call may help. Default: always. */
  readonly retryIf?: (error: unknown, attempt: number) => boolean
}

/**
 * What may overtake what.
 *
 * - `key`: one call at a time for each key, results in the order of the records. Records without a key, and those of
 *   different keys, run side by side.
 * - `partition`: calls run side by side; results leave in the order of the records.
 * - `none`: results leave as they come.
 */
export type AsyncOrdering = 'key' | 'partition' | 'none'

export interface AsyncOptions<K = never, V = never> extends Named {
  /** Calls that run at the same time in one task. Default 16. */
  readonly concurrency?: number
  /** Default 'key'. */
  readonly ordering?: AsyncOrdering
  /** Longest time of one call, ms; then it counts as failed. Infinity: for ever. Default 30,000. */
  readonly timeoutMs?: number
  /** Default: one attempt. */
  readonly retry?: AsyncRetry
  /** Names of stores the function looks into, such as that of a table with the same partitions. */
  readonly stores?: readonly string[]
  /**
   * What a commit does with records that have no answer yet.
   *
   * - `store`: they are kept in a store with a changelog, and the commit goes on. A restart, wherever it is, calls the
   *   function for them again, and for nothing that was answered before the commit.
   * - `wait`: the commit waits for the answers; a slow call then delays everything of its task.
   *
   * Default: `store` where the serdes of the records are known, from the source or from these options. Under at-least-once
   * commits wait all the same: without transactions a record could leave the store before its results are safe.
   */
  readonly atCommit?: 'store' | 'wait'
  /** Of the records that wait for an answer. Default: what flows from upstream. */
  readonly keySerde?: Serde<NonNullable<K>>
  readonly valueSerde?: Serde<NonNullable<V>>
  /**
   * What becomes of a record whose last attempt failed. 'fail' stops the task; 'skip' counts the record as dropped; a
   * dead letter topic keeps it as well, as `StreamsConfig.deadLetterTopic` does. Default: what
   * `processingExceptionHandler` says, as for other functions.
   */
  readonly onError?: 'fail' | 'skip' | { readonly deadLetterTopic: string }
}

export type AsyncValueMapper<V, K, R> = (value: V, key: K, call: AsyncCall) => PromiseLike<R> | R
export type AsyncKeyValueMapper<K, V, R> = (key: K, value: V, call: AsyncCall) => PromiseLike<R> | R
export type AsyncFlatMapper<K, V, K2, V2> = AsyncKeyValueMapper<K, V, Iterable<KeyValue<K2, V2>>>
