import type { FileSystem } from '../../common/index.js'
import {
  type Consumer,
  createBatchBuilder,
  type FetchedBatch,
  type Log,
  type OffsetCommit,
  type Producer,
  partitionOfKey,
  type TopicPartition,
} from '../../log/index.js'
import { openStateDatabase, type StateDatabase, type StateStore } from '../../state/index.js'
import type { ResolvedConfig } from '../config.js'
import type { SourceNode } from '../node.js'
import type { TopologyModel } from '../topology-model.js'
import { restoreStores, type StoreRestored } from './changelog-reader.js'
import { decodeTimes } from './committed-times.js'
import { DeadLetterWriter, deadLettersOf } from './dead-letters.js'
import { GlobalTask } from './global-task.js'
import { InputPartition } from './input-partition.js'
import { TaskMetrics } from './metrics.js'
import { PartitionGroup } from './partition-group.js'
import { ProducerRecordCollector } from './record-collector.js'
import { StateManager } from './state-manager.js'
import { StreamTask } from './stream-task.js'
import { assignAll, type TaskAssignment } from './task-assignment.js'
import type { ThreadHost } from './thread.js'
import { type PlannedSource, planTopics, type TopicPlan } from './topic-plan.js'
import { inputOptions, TopicNames, taskStore } from './topics.js'

export interface TaskManagerOptions {
  readonly model: TopologyModel
  readonly log: Log
  readonly files: FileSystem
  readonly config: ResolvedConfig
  readonly onRestored: (restored: StoreRestored) => void
  /** A task has something to do that did not come with a poll. */
  readonly onAsyncActivity: () => void
  readonly status: { readonly paused: boolean; readonly stopping: boolean }
}

/** How far, in wall-clock ms, a state database may be behind the changelogs. */
const followIntervalMs = 1_000
/** How often records of repartition topics that have been processed are deleted, ms. */
const purgeIntervalMs = 30_000
/** How much longer than in the store windows stay in its changelog, ms of stream time: the default of Kafka Streams. */
const changelogMarginMs = 86_400_000

/**
 * The tasks of one instance, with the one consumer and the one producer that all of them share.
 *
 * A commit, exactly once (a crash between two steps repeats or undoes what is before it):
 *
 *     0 settle      asynchronous operators are waited for
 *     1 flush       held-back updates go downstream, caches to the changelogs and, now and then, to SQLite (uncommitted)
 *     2 producer    everything is in the log, inside the transaction
 *     3 offsets     of the input join the transaction
 *     4 commit      outputs, changelogs and offsets become visible together
 *     5 SQLite      commits, where it was flushed to, with the changelog offsets it contains
 *
 * A crash leaves SQLite behind the changelogs, by a second or so: their tail is replayed at the next start.
 */
export class TaskManager implements ThreadHost {
  readonly config: ResolvedConfig
  readonly consumer: Consumer
  readonly producer: Producer
  readonly tasks: StreamTask[] = []
  commits = 0
  readonly #options: TaskManagerOptions
  readonly #names: TopicNames
  readonly #collector: ProducerRecordCollector
  readonly #letters: DeadLetterWriter
  readonly #exactlyOnce: boolean
  readonly #byPartition = new Map<string, StreamTask>()
  #plan: TopicPlan | null = null
  #global: GlobalTask | null = null
  #inTransaction = false
  #lastPurge: number
  /** Positions that a reset has chosen, and that are not committed yet. */
  #unrecorded = new Set<StreamTask>()

  private constructor(options: TaskManagerOptions) {
    const { config, log } = options
    this.#options = options
    this.config = config
    this.#letters = new DeadLetterWriter(log)
    this.#exactlyOnce = config.processingGuarantee === 'exactly_once_v2'
    this.#names = new TopicNames(config.applicationId, options.model)
    this.#lastPurge = config.clock.now()
    this.consumer = log.consumer({
      groupId: config.applicationId,
      enableAutoCommit: false,
      autoOffsetReset: config.autoOffsetReset,
      isolationLevel: this.#exactlyOnce ? 'read_committed' : 'read_uncommitted',
    })
    this.producer = log.producer({
      clientId: `${config.applicationId}-producer`,
      ...(this.#exactlyOnce ? { transactionalId: config.applicationId } : {}),
    })
    this.#collector = new ProducerRecordCollector({
      producer: this.producer,
      createBatchBuilder,
      partitionOf: partitionOfKey,
      defaultKeySerde: config.defaultKeySerde,
      defaultValueSerde: config.defaultValueSerde,
      resolveTopic: (name) => this.#names.resolve(name),
      maxRequestSize: config.maxRequestSize,
      stopping: () => options.status.stopping,
      clock: config.clock,
      resultsFirst: !this.#exactlyOnce,
      onFirstRecord: () => this.#begin(),
    })
  }

  /** Creates internal topics, opens and restores state, and stands every task at its committed offsets. */
  static async start(options: TaskManagerOptions): Promise<TaskManager> {
    const manager = new TaskManager(options)
    try {
      await manager.#start()
      return manager
    } catch (error) {
      await manager.closeDirty()
      throw error
    }
  }

  async #start(): Promise<void> {
    const { log, model } = this.#options
    // First of all: it settles what an earlier owner left, so that committed offsets and changelogs are final.
    if (this.#exactlyOnce) await this.producer.initTransactions()
    const plan = await planTopics(log.admin, model, this.#names, this.config)
    await log.admin.createTopics(plan.create, { ifNotExists: true })
    for (const [topic, count] of plan.partitionCounts) this.#collector.know(topic, count)
    this.#plan = plan
    const globalPositions = await this.#startGlobal(plan.global)
    const started: InputPartition[] = []
    for (const assignment of assignAll(plan)) started.push(...(await this.#startTask(assignment)))
    this.consumer.assign([...started, ...globalPositions.map(({ at }) => at)])
    for (const { at, position } of globalPositions) this.consumer.seek(at, position)
    for (const input of started) this.consumer.seek(input, input.nextOffset)
    // Where 'latest' was at the first start must not move with a second one.
    if (this.#unrecorded.size > 0) await this.commit()
  }

  async #startTask(assignment: TaskAssignment): Promise<InputPartition[]> {
    const { taskId, partition, planned } = assignment
    const { model, log } = this.#options
    const { subtopology } = planned
    const metrics = new TaskMetrics()
    let task: StreamTask | null = null
    task = new StreamTask({
      taskId,
      partition,
      nodes: subtopology.nodes,
      config: this.config,
      collector: this.#collector,
      globalStore: (name) => this.#global?.store(name),
      metrics,
      droppedTopic: this.#names.droppedRecords,
      onAsyncActivity: this.#options.onAsyncActivity,
      openState: () =>
        new StateManager({
          stores: subtopology.stores.map((name) => taskStore(model.stores.get(name)!, this.#names)),
          database: this.#openDatabase(taskId),
          collector: this.#collector,
          partition,
          cacheEntriesMax: this.#cacheShare(),
          metrics,
          timestampMs: () => Math.max(0, task?.group.streamTimeMs ?? 0),
          follow: { clock: this.config.clock, intervalMs: followIntervalMs },
        }),
    })
    this.tasks.push(task)
    const inputs = await this.#inputs(
      task,
      planned.sources.filter((source) => partition < source.partitions),
    )
    const ends = new Map(inputs.map((input) => [input.topic, input.nextOffset]))
    for (const restored of await restoreStores(log, taskId, task.state, (topic) => ends.get(topic) ?? 0)) {
      this.#options.onRestored(restored)
    }
    task.start(new PartitionGroup(inputs, this.config))
    for (const input of inputs) this.#byPartition.set(`${input.topic}/${input.partition}`, task)
    return inputs
  }

  /** The input partitions of a task, at their committed offsets or where the reset policy says. */
  async #inputs(task: StreamTask, sources: readonly PlannedSource[]): Promise<InputPartition[]> {
    const at = sources.map(({ topic }) => ({ topic, partition: task.partition }))
    const committed = await this.consumer.committed(at)
    const begin = await this.consumer.beginningOffsets(at)
    const end = await this.consumer.endOffsets(at)
    return sources.map(({ source }, i) => {
      const node = this.#source(source)
      const found = committed[i]
      const { partitionTime, nodeTimes } = decodeTimes(found?.metadata)
      task.recall(nodeTimes)
      const offset = found?.offset ?? this.#resetOffset(task, node, begin[i]!, end[i]!)
      // Below: retention took the records. Above: a power cut did; reading from the start would count the rest twice.
      const within = Math.min(Math.max(offset, begin[i]!), end[i]!)
      // To be recorded at once: by the next start new records may have taken the offsets of those that were lost.
      if (within < offset) this.#unrecorded.add(task)
      return new InputPartition(at[i]!, inputOptions(node, this.config), task, partitionTime, within)
    })
  }

  #source(name: string): SourceNode {
    return this.#options.model.nodes.get(name) as SourceNode
  }

  #resetOffset(task: StreamTask, node: SourceNode, begin: number, end: number): number {
    if ((node.offsetReset ?? this.config.autoOffsetReset) === 'earliest') return begin
    this.#unrecorded.add(task)
    return end
  }

  /** Reads global topics to their end, as it is now. */
  async #startGlobal(sources: readonly PlannedSource[]): Promise<{ at: TopicPartition; position: number }[]> {
    if (!GlobalTask.needed(this.#options.model)) return []
    const global = new GlobalTask({
      model: this.#options.model,
      names: this.#names,
      config: this.config,
      openDatabase: () => openStateDatabase({ path: ':memory:' }),
      sendDeadLetter: (letter) => this.#letters.send(letter),
    })
    this.#global = global
    const partitions = sources.flatMap(({ topic, partitions: count }) =>
      Array.from({ length: count }, (_, partition) => ({ topic, partition })),
    )
    for (const at of partitions) global.include(at)
    this.consumer.assign(partitions)
    this.consumer.seekToBeginning(partitions)
    const ends = await this.consumer.endOffsets(partitions)
    const positions: { at: TopicPartition; position: number }[] = []
    for (const [i, at] of partitions.entries()) {
      while ((await this.consumer.position(at)) < ends[i]!) {
        for (const batch of await this.consumer.pollBatches(100)) this.applyGlobal(batch)
      }
    }
    for (const at of partitions) positions.push({ at, position: await this.consumer.position(at) })
    global.commit()
    return positions
  }

  #openDatabase(taskId: string): StateDatabase {
    const { stateDir, applicationId } = this.config
    if (stateDir === undefined) return openStateDatabase({ path: ':memory:' })
    return openStateDatabase({
      path: `${stateDir}/${applicationId}/${taskId}/state.db`,
      files: this.#options.files,
    })
  }

  /** Entries of the write-back cache for each store, so that all of the instance keep within the bound. */
  #cacheShare(): number {
    const plan = this.#plan!
    const stores = plan.subtopologies.reduce(
      (sum, { subtopology, tasks }) => sum + subtopology.stores.length * tasks,
      0,
    )
    return Math.max(1, Math.floor(this.config.cacheMaxEntries / Math.max(1, stores)))
  }

  // ------------------------------------------------------------------------------------------ what the thread asks

  get paused(): boolean {
    return this.#options.status.paused
  }

  get stopping(): boolean {
    return this.#options.status.stopping
  }

  taskOf(at: TopicPartition): StreamTask | undefined {
    return this.#byPartition.get(`${at.topic}/${at.partition}`)
  }

  applyGlobal(batch: FetchedBatch): void {
    this.#global?.apply(batch, batch.decode())
  }

  globalStore(name: string): StateStore | undefined {
    return this.#global?.store(name)
  }

  get globalMetrics(): TaskMetrics | null {
    return this.#global?.metrics ?? null
  }

  /** Input partitions of all tasks that others write to. */
  sourcePartitions(): TopicPartition[] {
    return this.#inputsWhere((topic) => !this.#plan!.repartitionTopics.includes(topic))
  }

  repartitionPartitions(): TopicPartition[] {
    return this.#inputsWhere((topic) => this.#plan!.repartitionTopics.includes(topic))
  }

  #inputsWhere(wanted: (topic: string) => boolean): TopicPartition[] {
    return this.tasks.flatMap((task) => task.group.partitions.filter(({ topic }) => wanted(topic)))
  }

  /** The offset up to which a partition has been processed: past what is buffered, and past markers behind it. */
  async processedTo(at: TopicPartition): Promise<number> {
    const input = this.taskOf(at)?.group.partition(at.topic, at.partition)
    return input !== undefined && input.buffered > 0 ? input.nextOffset : await this.consumer.position(at)
  }

  async drain(): Promise<void> {
    // Without transactions what is written is visible at once: nothing is kept for the commit.
    if (!this.#exactlyOnce && !this.#collector.empty) await this.#collector.handOver()
    else if (this.#collector.mustDrain) await this.#collector.drain()
  }

  /** @param last no other will follow: what lies in caches only goes to the databases as well */
  async commit(last = false): Promise<void> {
    const now = this.config.clock.now()
    const tasks = this.tasks.filter(
      (task) =>
        task.dirty ||
        task.commitRequested ||
        this.#unrecorded.has(task) ||
        (last ? task.state.lagging || task.graph.inFlight : now >= task.state.followAt),
    )
    if (tasks.length === 0) return
    for (const task of tasks) await task.settle(last)
    for (const task of tasks) task.flush(last)
    await this.#collector.flush()
    const offsets: OffsetCommit[] = []
    for (const task of tasks) offsets.push(...(await this.#offsets(task)))
    if (this.#exactlyOnce) {
      this.#begin()
      await this.producer.sendOffsetsToTransaction(offsets, this.consumer.groupMetadata())
      await this.producer.commitTransaction()
      this.#inTransaction = false
    } else {
      await this.consumer.commit(offsets)
    }
    this.#collector.committed()
    for (const task of tasks) task.committed(await this.#changelogEnds(task, offsets))
    for (const task of tasks) this.#unrecorded.delete(task)
    this.#global?.commit()
    this.commits++
    await this.#purge()
  }

  /** Committed offsets of a task; where nothing is buffered, past the markers of transactions too. */
  async #offsets(task: StreamTask): Promise<OffsetCommit[]> {
    const offsets = task.offsets()
    for (const [i, input] of task.group.partitions.entries()) {
      if (input.buffered > 0) continue
      const position = await this.consumer.position(input)
      if (position > offsets[i]!.offset) offsets[i] = { ...offsets[i]!, offset: position }
    }
    return offsets
  }

  async #changelogEnds(task: StreamTask, offsets: readonly OffsetCommit[]): Promise<Map<string, number>> {
    const ends = new Map<string, number>()
    const changed = [...task.state.changedTopics].map((topic) => ({ topic, partition: task.partition }))
    const found = changed.length === 0 ? [] : await this.consumer.endOffsets(changed)
    for (const [i, { topic }] of changed.entries()) ends.set(topic, found[i]!)
    for (const { spec, fromSource, changelogTopic } of task.state.stores) {
      const input = fromSource && spec.persistent ? changelogTopic : null
      const own = offsets.find((o) => o.topic === input && o.partition === task.partition)
      if (own !== undefined) ends.set(own.topic, own.offset)
    }
    return ends
  }

  /** Deletes what nobody needs any more: processed records of repartition topics, expired windows of changelogs. */
  async #purge(): Promise<void> {
    const now = this.config.clock.now()
    if (now < this.#lastPurge + purgeIntervalMs) return
    this.#lastPurge = now
    const topics = new Set(this.#plan!.repartitionTopics)
    const processed = this.tasks.flatMap((task) =>
      task.group.partitions
        .filter((input) => topics.has(input.topic))
        .map((input) => ({
          partition: { topic: input.topic, partition: input.partition },
          offset: input.nextOffset,
        })),
    )
    const before = [...processed, ...(await this.#expiredWindows())]
    if (before.length > 0) await this.#options.log.admin.deleteRecords(before)
  }

  /** For each changelog of windows: the offset of the first record that a store still holds, or may. */
  async #expiredWindows(): Promise<{ partition: TopicPartition; offset: number }[]> {
    const times = this.tasks.flatMap((task) =>
      task.state.stores.flatMap(({ spec, changelogTopic: topic, fromSource }) => {
        if ((spec.kind !== 'window' && spec.kind !== 'session') || topic === null || fromSource) return []
        const newest = (task.state.store(spec.name) as { newestTimeMs?: number } | undefined)?.newestTimeMs
        if (newest === undefined || newest === Number.NEGATIVE_INFINITY) return []
        const partition = { topic, partition: task.partition }
        return [{ partition, timestamp: Math.max(0, newest - spec.retentionMs - changelogMarginMs) }]
      }),
    )
    if (times.length === 0) return []
    const found = await this.consumer.offsetsForTimes(times)
    return times.flatMap(({ partition }, i) =>
      found[i] == null ? [] : [{ partition, offset: found[i].offset }],
    )
  }

  #begin(): void {
    if (!this.#exactlyOnce || this.#inTransaction) return
    this.producer.beginTransaction()
    this.#inTransaction = true
  }

  // ------------------------------------------------------------------------------------------------------ the end

  /** Commits what has been processed, and closes. */
  async closeClean(): Promise<void> {
    await this.commit(true)
    await this.#close()
  }

  /** Undoes what was not committed, and closes. Errors on the way are of no interest: the first one is known. */
  async closeDirty(error?: unknown): Promise<void> {
    this.#collector.discard()
    try {
      if (this.#inTransaction) await this.producer.abortTransaction()
    } catch {
      // The next owner of the transactional id aborts it.
    }
    await this.#close().catch(() => {})
    for (const letter of deadLettersOf(error)) this.#letters.send(letter)
    await this.#letters.close().catch(() => {})
  }

  async #close(): Promise<void> {
    const errors: unknown[] = []
    for (const task of this.tasks) attempt(() => task.close(), errors)
    attempt(() => this.#global?.close(), errors)
    await this.producer.close().catch((error: unknown) => errors.push(error))
    await this.consumer.close().catch((error: unknown) => errors.push(error))
    await this.#letters.close().catch((error: unknown) => errors.push(error))
    if (errors.length > 0) throw errors[0]
  }
}

function attempt(action: () => void, errors: unknown[]): void {
  try {
    action()
  } catch (error) {
    errors.push(error)
  }
}
