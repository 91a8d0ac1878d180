import type { Consumer, Log, OffsetCommit, Producer, TopicPartition } from '../../log/index.js'
import type { ResolvedConfig } from '../config.js'
import type { ProducerRecordCollector } from './record-collector.js'
import type { StreamTask } from './stream-task.js'

/** How often records of repartition topics that have been processed are deleted, ms. */
const purgeIntervalMs = 30_000
/** How much longer than in the store windows stay in its changelog, ms of stream time: the default of Kafka Streams. */
const changelogMarginMs = 86_400_000

export interface TaskCommitterOptions {
  readonly log: Log
  readonly config: ResolvedConfig
  readonly consumer: Consumer
  readonly producer: Producer
  readonly collector: ProducerRecordCollector
  /** By their names in the log. */
  readonly repartitionTopics: ReadonlySet<string>
}

/**
 * Commits tasks of an instance, in one transaction.
 *
 * A commit, exactly once (a crash between two steps repeats or undoes what is before it):
 *
 *     0 settle      asynchronous operators are waited for
 *     1 flush       held-back updates go downstream, caches to the changelogs and, now and then, to SQLite (uncommitted)
 *     2 producer    everything is in the log, inside the transaction
 *     3 offsets     of the input join the transaction, in the name of this generation of the group: after a rebalance
 *                   that this instance missed, they are refused (KIP-447)
 *     4 commit      outputs, changelogs and offsets become visible together
 *     5 SQLite      commits, where it was flushed to, with the changelog offsets it contains
 *
 * A crash leaves SQLite behind the changelogs, by a second or so: their tail is replayed at the next start.
 */
export class TaskCommitter {
  commits = 0
  readonly #options: TaskCommitterOptions
  readonly #exactlyOnce: boolean
  #inTransaction = false
  #lastPurge: number

  constructor(options: TaskCommitterOptions) {
    this.#options = options
    this.#exactlyOnce = options.config.processingGuarantee === 'exactly_once_v2'
    this.#lastPurge = options.config.clock.now()
  }

  /** Begins the transaction with the first record of it. */
  begin(): void {
    if (!this.#exactlyOnce || this.#inTransaction) return
    this.#options.producer.beginTransaction()
    this.#inTransaction = true
  }

  /** @param last no other will follow: what lies in caches only goes to the databases as well */
  async commit(tasks: readonly StreamTask[], last: boolean): Promise<void> {
    const { collector, producer, consumer } = this.#options
    for (const task of tasks) await task.settle(last)
    for (const task of tasks) task.flush(last)
    await collector.flush()
    const offsets: OffsetCommit[] = []
    for (const task of tasks) offsets.push(...(await this.#offsets(task)))
    if (this.#exactlyOnce) {
      this.begin()
      await producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata())
      await producer.commitTransaction()
      this.#inTransaction = false
    } else {
      await consumer.commit(offsets)
    }
    collector.committed()
    for (const task of tasks) task.committed(await this.#changelogEnds(task, offsets))
    this.commits++
  }

  /** Undoes what was not committed. */
  async abort(): Promise<void> {
    this.#options.collector.discard()
    if (this.#inTransaction) await this.#options.producer.abortTransaction()
  }

  /** Committed offsets of a task; where nothing is buffered, past the markers of transactions too. */
  async #offsets(task: StreamTask): Promise<OffsetCommit[]> {
    const offsets = task.offsets()
    for (const [i, input] of task.group.partitions.entries()) {
      if (input.buffered > 0) continue
      const position = await this.#options.consumer.position(input)
      if (position > offsets[i]!.offset) offsets[i] = { ...offsets[i]!, offset: position }
    }
    return offsets
  }

  async #changelogEnds(task: StreamTask, offsets: readonly OffsetCommit[]): Promise<Map<string, number>> {
    const ends = new Map<string, number>()
    const changed = [...task.state.changedTopics].map((topic) => ({ topic, partition: task.partition }))
    const found = changed.length === 0 ? [] : await this.#options.consumer.endOffsets(changed)
    for (const [i, { topic }] of changed.entries()) ends.set(topic, found[i]!)
    for (const { spec, fromSource, changelogTopic } of task.state.stores) {
      const input = fromSource && spec.persistent ? changelogTopic : null
      const own = offsets.find((o) => o.topic === input && o.partition === task.partition)
      if (own !== undefined) ends.set(own.topic, own.offset)
    }
    return ends
  }

  // -------------------------------------------------------------------------------------------------- purging

  /** Now and then deletes what nobody needs: processed records of repartition topics, expired windows of changelogs. */
  async purge(tasks: readonly StreamTask[]): Promise<void> {
    const now = this.#options.config.clock.now()
    if (now < this.#lastPurge + purgeIntervalMs) return
    this.#lastPurge = now
    const processed = tasks.flatMap((task) =>
      task.group.partitions
        .filter((input) => this.#options.repartitionTopics.has(input.topic))
        .map((input) => ({
          partition: { topic: input.topic, partition: input.partition },
          offset: input.nextOffset,
        })),
    )
    const before = [...processed, ...(await this.#expiredWindows(tasks))]
    if (before.length > 0) await this.#options.log.admin.deleteRecords(before)
  }

  /** For each changelog of windows: the offset of the first record that a store still holds, or may. */
  async #expiredWindows(
    tasks: readonly StreamTask[],
  ): Promise<{ partition: TopicPartition; offset: number }[]> {
    const times = tasks.flatMap((task) =>
      task.state.stores.flatMap(({ spec, changelogTopic: topic, fromSource }) => {
        if ((spec.kind !== 'window' && spec.kind !== 'session') || topic === null || fromSource) return []
        const newest = (task.state.store(spec.name) as { newestTimeMs?: number } | undefined)?.newestTimeMs
        if (newest === undefined || newest === Number.NEGATIVE_INFINITY) return []
        const partition = { topic, partition: task.partition }
        return [{ partition, timestamp: Math.max(0, newest - spec.retentionMs - changelogMarginMs) }]
      }),
    )
    if (times.length === 0) return []
    const found = await this.#options.consumer.offsetsForTimes(times)
    return times.flatMap(({ partition }, i) =>
      found[i] == null ? [] : [{ partition, offset: found[i].offset }],
    )
  }
}
