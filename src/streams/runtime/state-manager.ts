import type { ChangelogWriter, StateDatabase, StateStore, StoreSpec } from '../../state/index.js'
import type { TaskMetrics } from './metrics.js'
import type { RecordCollector } from './record-collector.js'

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
 */
export class StateManager {
  readonly partition: number
  readonly database: StateDatabase
  readonly stores: readonly TaskStore[]
  readonly #opened = new Map<string, StateStore>()
  #changedTopics = new Set<string>()

  constructor(options: {
    stores: readonly TaskStore[]
    database: StateDatabase
    collector: RecordCollector
    partition: number
    cacheEntriesMax: number
    metrics: TaskMetrics
    /** Timestamp of changes whose store knows none, ms. */
    timestampMs: () => number
  }) {
    this.partition = options.partition
    this.database = options.database
    this.stores = options.stores
    for (const store of options.stores) {
      const { spec } = store
      const topic = store.fromSource ? null : store.changelogTopic
      const changelog: ChangelogWriter | undefined =
        topic === null
          ? undefined
          : {
              logChange: (_name, key, value, timestamp) => {
                this.#changedTopics.add(topic)
                options.metrics.changelogRecordsOut++
                const time = timestamp < 0 ? options.timestampMs() : timestamp
                options.collector.sendRaw(topic, options.partition, key, value, time)
              },
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

  /** Writes what the caches hold to the database and the changelogs; nothing is committed yet. */
  flush(): void {
    for (const store of this.#opened.values()) store.flush()
  }

  /** Changelog topics written to since the last commit. */
  get changedTopics(): ReadonlySet<string> {
    return this.#changedTopics
  }

  /** Commits the database together with the changelog offsets it now contains, by topic. */
  commit(endOffsets: ReadonlyMap<string, number>): void {
    for (const { spec, changelogTopic } of this.stores) {
      const end = changelogTopic === null ? undefined : endOffsets.get(changelogTopic)
      if (end !== undefined) this.database.setChangelogOffset(spec.name, end)
    }
    this.#changedTopics = new Set()
    this.database.commit()
  }

  /** Closes without committing: what was not committed is forgotten. */
  close(): void {
    this.database.close()
  }
}
