import type { Clock } from '../../common/index.js'
import type { Serde } from '../../serde/index.js'
import {
  type ChangelogWriter,
  type StateDatabase,
  StateError,
  type StateStore,
  type StoreSpec,
} from '../../state/index.js'
import { messageOf, ProductionError } from '../errors.js'
import { LastChange } from './last-change.js'
import type { TaskMetrics } from './metrics.js'
import type { RecordCollector } from './record-collector.js'

/** A database that follows takes a tenth of the time at most … */
const followPauseFactor = 9
/** … but is no more than this behind, which a restart has to make up for, ms. */
const followPauseMaxMs = 30_000

/** A store of a task, and the topic that holds its changes. */
export interface TaskStore {
  readonly spec: StoreSpec
  /** null: not logged. */
  readonly changelogTopic: string | null
  /** The changelog is a source topic of the task: restored from it, never written to it. */
  readonly fromSource: boolean
}

/**
 * The stores of one task, in one state database.
 *
 * Invariant: what the database has committed for a store equals the store's changelog up to the recorded offset.
 *
 * The changelogs get every commit. The database, which is a cache of them, may follow at every `followIntervalMs` only:
 * between two of its own commits it lags behind, and a restart replays the rest of the changelogs. Keys that change all
 * the time are then written once an interval instead of once a commit.
 *
 *     commit    1    2    3    4    5    6        changelogs, offsets, outputs
 *     database  1              4                  rows and changelog offsets, in one SQLite transaction
 *
 * Following takes the longer the more there is to write, and each page is written once, however many of its rows have
 * changed: so the pause after it grows with the time it took, up to `followPauseMaxMs`.
 */
export class StateManager {
  readonly partition: number
  readonly database: StateDatabase
  readonly stores: readonly TaskStore[]
  readonly #opened = new Map<string, StateStore>()
  #changedTopics = new Set<string>()
  readonly #follow: { readonly clock: Clock; readonly intervalMs: number } | null
  /** By changelog topic. */
  readonly #lastChanges = new Map<string, LastChange>()
  /** Ends of changelogs at the last commit, of those that changed since the database's. */
  readonly #ends = new Map<string, number>()
  /** Wall-clock time before which the database does not follow again, ms. */
  #followFrom = Number.NEGATIVE_INFINITY
  #followedAt = Number.NEGATIVE_INFINITY
  /** What flushing to the database took in the commit under way, ms. */
  #flushMs = 0
  /** Commits since that of the database. */
  #lagging = false
  /** The database takes part in the commit under way. */
  #following = true

  constructor(options: {
    stores: readonly TaskStore[]
    database: StateDatabase
    collector: RecordCollector
    partition: number
    cacheEntriesMax: number
    metrics: TaskMetrics
    /** Timestamp of changes whose store knows none, ms. */
    timestampMs: () => number
    /** Lets the database follow at this interval; without it at every commit. */
    follow?: { readonly clock: Clock; readonly intervalMs: number }
  }) {
    this.partition = options.partition
    this.database = options.database
    this.stores = options.stores
    // A persistent store without a changelog has nothing to be replayed from.
    const onlyHere = options.stores.some(
      ({ spec, changelogTopic }) => spec.persistent && changelogTopic === null,
    )
    this.#follow = onlyHere ? null : (options.follow ?? null)
    for (const store of options.stores) {
      const { spec } = store
      const topic = store.fromSource ? null : store.changelogTopic
      const lastChange = new LastChange()
      if (topic !== null) this.#lastChanges.set(topic, lastChange)
      const changelog: ChangelogWriter | undefined =
        topic === null
          ? undefined
          : {
              logChange: (_name, key, value, timestamp) => {
                this.#changedTopics.add(topic)
                options.metrics.changelogRecordsOut++
                const time = timestamp < 0 ? options.timestampMs() : timestamp
                lastChange.setRaw(key, value, time)
                options.collector.sendRaw(topic, options.partition, key, value, time)
              },
              ...(options.collector.sendWith === undefined
                ? {}
                : { logWith: this.#serialising(topic, lastChange, options) }),
            }
      const opened = options.database.openStore(spec, {
        ...(changelog === undefined ? {} : { changelog }),
        cacheEntriesMax: options.cacheEntriesMax,
      })
      this.#opened.set(spec.name, opened)
    }
  }

  store(name: string): StateStore | undefined {
    return this.#opened.get(name)
  }

  all(): IterableIterator<StateStore> {
    return this.#opened.values()
  }

  /** Puts that came too late for their stores, those of the buffers of stream joins among them, as in Kafka. */
  get droppedExpired(): number {
    let total = 0
    for (const store of this.#opened.values()) {
      if ('droppedExpired' in store) total += store.droppedExpired as number
    }
    return total
  }

  /** Writes what the caches hold to the changelogs, and to the database when it is due; nothing is committed yet. */
  flush(force = false): void {
    this.#following = force || this.followDue
    const start = this.#now()
    for (const [name, store] of this.#opened) this.#flushStore(name, store)
    this.#flushMs = this.#now() - start
    // Now: what stores hold may be changed in place afterwards.
    for (const topic of this.#changedTopics) this.#lastChanges.get(topic)?.fingerprint()
  }

  #flushStore(name: string, store: StateStore): void {
    try {
      if (this.#following || store.logChanges === undefined) store.flush()
      else store.logChanges()
    } catch (cause) {
      if (cause instanceof StateError) throw cause
      const topic = this.stores.find(({ spec }) => spec.name === name)?.changelogTopic ?? null
      throw new ProductionError(`a change of store ${name} cannot be written: ${messageOf(cause)}`, {
        cause,
        place: topic === null ? {} : { topic, partition: this.partition },
      })
    }
  }

  /** Wall-clock time from which the database, which lags, should follow, ms; infinity when it does not lag. */
  get followAt(): number {
    return this.#lagging ? this.#followFrom : Number.POSITIVE_INFINITY
  }

  /** The database is behind the changelogs. */
  get lagging(): boolean {
    return this.#lagging
  }

  get followDue(): boolean {
    const follow = this.#follow
    if (follow === null) return true
    const now = follow.clock.now()
    return now >= this.#followFrom || now < this.#followedAt
  }

  /** Changelog topics written to since the last commit. */
  get changedTopics(): ReadonlySet<string> {
    return this.#changedTopics
  }

  /** Ends a commit: the database, when it follows, with the changelog offsets it now contains, by topic. */
  commit(endOffsets: ReadonlyMap<string, number>): void {
    this.#changedTopics = new Set()
    for (const [topic, end] of endOffsets) this.#ends.set(topic, end)
    this.#lagging = !this.#following
    if (!this.#following) return
    for (const { spec, changelogTopic } of this.stores) {
      const end = changelogTopic === null ? undefined : this.#ends.get(changelogTopic)
      if (end === undefined) continue
      this.database.setChangelogOffset(spec.name, end, this.#lastChanges.get(changelogTopic!)?.fingerprint())
    }
    this.#ends.clear()
    const start = this.#now()
    this.database.commit()
    if (this.#follow === null) return
    const now = this.#now()
    const pause = Math.min(followPauseMaxMs, (this.#flushMs + now - start) * followPauseFactor)
    this.#followedAt = now
    this.#followFrom = now + Math.max(this.#follow.intervalMs, pause)
  }

  #now(): number {
    return this.#follow?.clock.now() ?? 0
  }

  #serialising(
    topic: string,
    lastChange: LastChange,
    options: {
      readonly collector: RecordCollector
      readonly partition: number
      readonly metrics: TaskMetrics
      readonly timestampMs: () => number
    },
  ): NonNullable<ChangelogWriter['logWith']> {
    const { collector, partition, metrics } = options
    return <K, V>(
      _name: string,
      keySerde: Serde<K>,
      key: K,
      valueSerde: Serde<V>,
      value: V | null,
      timestamp: number,
    ) => {
      this.#changedTopics.add(topic)
      metrics.changelogRecordsOut++
      const time = timestamp < 0 ? options.timestampMs() : timestamp
      lastChange.set(keySerde as Serde<unknown>, key, valueSerde as Serde<unknown>, value, time)
      collector.sendWith!(topic, partition, keySerde, key, valueSerde, value, time)
    }
  }

  /** Closes without committing: what was not committed is forgotten. */
  close(): void {
    this.database.close()
  }
}
