import type { FileSystem } from '../../common/index.js'
import {
  type Consumer,
  createBatchBuilder,
  type Log,
  type Producer,
  partitionOfKey,
  type TopicPartition,
} from '../../log/index.js'
import { openStateDatabase, type StateStore } from '../../state/index.js'
import type { ResolvedConfig } from '../config.js'
import type { TopologyModel } from '../topology-model.js'
import type { AssignmentInfo, ClientInfo, SubscriptionInfo } from './assignment-info.js'
import type { StateRestoreListener } from './changelog-reader.js'
import { DeadLetterWriter, deadLettersOf } from './dead-letters.js'
import { GlobalStateUpdater } from './global-state-updater.js'
import { GlobalTask } from './global-task.js'
import { InputPartition } from './input-partition.js'
import type { TaskMetrics } from './metrics.js'
import { PartitionGroup } from './partition-group.js'
import { ProducerRecordCollector } from './record-collector.js'
import { type StartOffset, startOffsets } from './start-offsets.js'
import type { StateDirectory } from './state-directory.js'
import { StateUpdater } from './state-updater.js'
import { StreamTask } from './stream-task.js'
import { StreamsPartitionAssignor } from './streams-partition-assignor.js'
import { type PlannedTask, tasksOf } from './task-assignment.js'
import { TaskCommitter } from './task-committer.js'
import { TaskMigratedError } from './task-migration.js'
import { TaskState, type TaskStateOptions } from './task-state.js'
import type { ThreadHost } from './thread.js'
import { planTopics, type TopicPlan } from './topic-plan.js'
import { inputOptions, TopicNames } from './topics.js'

export interface TaskManagerOptions {
  readonly model: TopologyModel
  readonly log: Log
  readonly files: FileSystem
  readonly config: ResolvedConfig
  readonly processId: string
  /** Null: state lives in memory. */
  readonly directory: StateDirectory | null
  readonly restoreListener: StateRestoreListener
  /** Something is to be done that did not come with a poll. */
  readonly wake: () => void
  /** Tasks come or go. */
  readonly onRebalance: () => void
  /** Every task that was assigned runs. */
  readonly onRunning: () => void
  /** The counters of a task that has gone. */
  readonly onTaskClosed: (task: StreamTask) => void
  readonly status: { readonly paused: boolean; readonly stopping: boolean }
}

/** How often to try again for a task directory that another instance still has, ms. */
const lockRetryMs = 50
/** While a rebalance is younger than this, ms, nothing is committed: it could be refused, and all work be undone. */
const commitHoldMs = 1_000

/** What the tasks write through. Its transactional id comes with the first assignment. */
interface Output {
  readonly producer: Producer
  readonly collector: ProducerRecordCollector
  readonly committer: TaskCommitter
}

/** A task assigned to this instance, from the moment it comes. */
interface ActiveTask {
  readonly planned: PlannedTask
  state: TaskState | null
  offsets: readonly StartOffset[]
  closed: boolean
}

/**
 * The tasks of one instance, with the one consumer and the one producer that all of them share. Which tasks, the
 * consumer's group decides.
 *
 *     assigned ─▶ offsets ─▶ restoring (beside the tasks that run) ─▶ running ─▶ revoked: commit, close
 *     standby  ─▶ follows the changelogs ─┴─▶ assigned: only the tail is restored
 *     lost: everything that was not committed is undone, and the instance joins again
 */
export class TaskManager implements ThreadHost {
  readonly config: ResolvedConfig
  readonly consumer: Consumer
  /** Those that run, in the order of the topology. */
  tasks: StreamTask[] = []
  /** All instances, as of the last rebalance. */
  clients: readonly ClientInfo[] = []
  readonly #options: TaskManagerOptions
  readonly #names: TopicNames
  readonly #plan: TopicPlan
  readonly #planned: readonly PlannedTask[]
  readonly #repartitionTopics: ReadonlySet<string>
  readonly #exactlyOnce: boolean
  readonly #letters: DeadLetterWriter
  readonly #updater: StateUpdater
  #slot: number | null = null
  #output: Output | null = null
  #global: GlobalStateUpdater | null = null
  readonly #active = new Map<string, ActiveTask>()
  readonly #standby = new Map<string, TaskState>()
  #wantedStandby: readonly string[] = []
  readonly #byPartition = new Map<string, StreamTask>()
  #restored: ActiveTask[] = []
  /** Tasks that stand elsewhere than was committed, and where that is to be committed at once. */
  readonly #unrecorded = new Set<StreamTask>()
  #joined = false
  #rebalancingSince: number | null = null
  #shutdownRequested = false
  #failure: { readonly error: unknown } | null = null
  #closed = false

  private constructor(options: TaskManagerOptions, names: TopicNames, plan: TopicPlan) {
    const { config, log, processId } = options
    this.#options = options
    this.#names = names
    this.#plan = plan
    this.#planned = tasksOf(plan)
    this.#repartitionTopics = new Set(plan.repartitionTopics)
    this.config = config
    this.#letters = new DeadLetterWriter(log)
    this.#exactlyOnce = config.processingGuarantee === 'exactly_once_v2'
    this.consumer = log.consumer({
      clientId: `${config.applicationId}-${processId}`,
      groupId: config.applicationId,
      enableAutoCommit: false,
      autoOffsetReset: config.autoOffsetReset,
      isolationLevel: this.#exactlyOnce ? 'read_committed' : 'read_uncommitted',
      maxPollIntervalMs: config.maxPollIntervalMs,
      sessionTimeoutMs: config.sessionTimeoutMs,
      heartbeatIntervalMs: config.heartbeatIntervalMs,
      assignors: [this.#assignor()],
    })
    this.#updater = new StateUpdater({
      log,
      config,
      listener: options.restoreListener,
      onFailure: (error) => this.#fail(error),
    })
  }

  /** Creates internal topics, fills global stores, and joins the group; tasks come with the polls of the thread. */
  static async start(options: TaskManagerOptions): Promise<TaskManager> {
    const { model, log, config } = options
    const names = new TopicNames(config.applicationId, model)
    const plan = await planTopics(log.admin, model, names, config)
    await log.admin.createTopics(plan.create, { ifNotExists: true })
    const manager = new TaskManager(options, names, plan)
    try {
      await manager.#startGlobal()
      manager.#subscribe()
      return manager
    } catch (error) {
      await manager.closeDirty()
      throw error
    }
  }

  async #startGlobal(): Promise<void> {
    const { model, log } = this.#options
    if (!GlobalTask.needed(model)) return
    const task = new GlobalTask({
      model,
      names: this.#names,
      config: this.config,
      openDatabase: () => openStateDatabase({ path: ':memory:' }),
      sendDeadLetter: (letter) => this.#letters.send(letter),
    })
    this.#global = new GlobalStateUpdater(task, log, this.#plan.global, this.#exactlyOnce)
    await this.#global.start((error) => this.#fail(error))
  }

  // ------------------------------------------------------------------------------------------------- the group

  #subscribe(): void {
    const topics = new Set(this.#planned.flatMap(({ inputs }) => inputs.map(({ topic }) => topic)))
    this.consumer.subscribe([...topics], {
      onPartitionsRevoked: (partitions) => this.#revoke(partitions),
      onPartitionsLost: () => {
        throw new TaskMigratedError('the group has given the tasks of this instance to others')
      },
      onPartitionsAssigned: () => this.#takeOver(),
    })
  }

  async #openOutput(): Promise<Output> {
    const { config } = this
    const { log } = this.#options
    const slot = this.#slot!
    const producer = log.producer({
      clientId: `${config.applicationId}-${slot}-producer`,
      ...(this.#exactlyOnce ? { transactionalId: transactionalId(config, slot) } : {}),
    })
    if (this.#exactlyOnce) await producer.initTransactions()
    const collector = new ProducerRecordCollector({
      producer,
      createBatchBuilder,
      partitionOf: partitionOfKey,
      defaultKeySerde: config.defaultKeySerde,
      defaultValueSerde: config.defaultValueSerde,
      resolveTopic: (name) => this.#names.resolve(name),
      maxRequestSize: config.maxRequestSize,
      stopping: () => this.#options.status.stopping,
      clock: config.clock,
      resultsFirst: !this.#exactlyOnce,
      onFirstRecord: () => committer.begin(),
    })
    for (const [topic, count] of this.#plan.partitionCounts) collector.know(topic, count)
    const committer = new TaskCommitter({
      log,
      config,
      consumer: this.consumer,
      producer,
      collector,
      repartitionTopics: this.#repartitionTopics,
    })
    return { producer, collector, committer }
  }

  #assignor(): StreamsPartitionAssignor {
    return new StreamsPartitionAssignor({
      tasks: this.#planned,
      numStandbyReplicas: this.config.numStandbyReplicas,
      subscription: () => {
        this.#rebalancingSince = this.config.clock.now()
        return this.#subscription()
      },
      onAssignment: (info) => this.#onAssignment(info),
      onDeparted: (slots) => this.#fence(slots),
    })
  }

  #subscription(): SubscriptionInfo {
    const tasks: Record<string, number | null> = {}
    for (const taskId of this.#options.directory?.tasks() ?? []) tasks[taskId] = null
    for (const taskId of this.#standby.keys()) tasks[taskId] = this.#updater.lag(taskId)
    for (const [taskId, { state }] of this.#active) {
      tasks[taskId] = state?.task == null ? this.#updater.lag(taskId) : 0
    }
    const { processId } = this.#options
    const applicationServer = this.config.applicationServer ?? null
    return { processId, slot: this.#slot, tasks, applicationServer, shutdown: false }
  }

  #onAssignment(info: AssignmentInfo): void {
    this.clients = info.clients
    this.#slot = info.slot
    this.#wantedStandby = info.standby
    this.#shutdownRequested = info.shutdown
  }

  /**
   * An instance that has vanished may have left a transaction open, which holds up everybody who reads what it wrote;
   * and should it come back, nothing that it still has may reach the log.
   */
  async #fence(slots: readonly number[]): Promise<void> {
    if (!this.#exactlyOnce) return
    for (const slot of slots) {
      const producer = this.#options.log.producer({ transactionalId: transactionalId(this.config, slot) })
      await producer.initTransactions()
      await producer.close()
    }
  }

  async #revoke(partitions: readonly TopicPartition[]): Promise<void> {
    const names = new Set(partitions.map(nameOf))
    const leaving = [...this.#active.values()].filter(({ planned }) =>
      planned.inputs.some((input) => names.has(nameOf(input))),
    )
    if (leaving.length === 0) return
    this.#options.onRebalance()
    if (leaving.some(({ state }) => state?.task != null)) await this.commit(true)
    for (const task of leaving) this.#close(task)
  }

  async #takeOver(): Promise<void> {
    this.#rebalancingSince = null
    this.#joined = true
    const owned = new Set(this.consumer.assignment().map(nameOf))
    const added = this.#planned.filter(
      ({ taskId, inputs }) => !this.#active.has(taskId) && inputs.every((input) => owned.has(nameOf(input))),
    )
    if (added.length > 0) this.#options.onRebalance()
    // First of all: it settles what an earlier owner of the slot left, so that committed offsets and changelogs are final.
    this.#output ??= await this.#openOutput()
    const tasks = added.map((planned): ActiveTask => ({ planned, state: null, offsets: [], closed: false }))
    for (const task of tasks) {
      this.#active.set(task.planned.taskId, task)
      this.consumer.pause(task.planned.inputs)
    }
    this.#changeStandbys()
    for (const task of tasks) this.#inBackground(this.#prepare(task))
    this.#reportRunning()
  }

  #reportRunning(): void {
    if (this.#joined && !this.#closed && this.#failure === null && this.tasks.length === this.#active.size)
      this.#options.onRunning()
  }

  // --------------------------------------------------------------------------------------------- tasks that come

  /** The offsets first, and then the end of the changelogs: the state at the end belongs to the offsets. */
  async #prepare(active: ActiveTask): Promise<void> {
    const { planned } = active
    if (active.closed) return
    const state = this.#takeStandby(planned.taskId) ?? TaskState.open(planned, this.#stateOptions())
    if (state === null) {
      this.config.clock.setTimer(lockRetryMs, () => this.#inBackground(this.#prepare(active)))
      return
    }
    active.state = state
    active.offsets = await startOffsets(this.consumer, planned, this.#options.model, this.config)
    if (active.closed) return
    const ends = new Map(active.offsets.map(({ at, offset }) => [at.topic, offset]))
    await this.#updater.restore(state, ends, () => {
      this.#restored.push(active)
      this.#options.wake()
    })
  }

  /** Errors of what runs beside the thread stop the thread, unless the instance has stopped caring. */
  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => this.#fail(error))
  }

  #fail(error: unknown): void {
    if (this.#closed) return
    this.#failure ??= { error }
    this.#options.wake()
  }

  #takeStandby(taskId: string): TaskState | null {
    const state = this.#standby.get(taskId) ?? null
    this.#standby.delete(taskId)
    return state
  }

  #changeStandbys(): void {
    const wanted = new Set(this.#wantedStandby.filter((taskId) => !this.#active.has(taskId)))
    for (const [taskId, state] of [...this.#standby]) {
      if (wanted.has(taskId) || this.#active.has(taskId)) continue
      this.#standby.delete(taskId)
      this.#updater.remove(state)
      state.close()
    }
    for (const taskId of wanted) this.#openStandby(taskId)
  }

  #openStandby(taskId: string): void {
    const planned = this.#planned.find((task) => task.taskId === taskId)
    if (this.#closed || planned === undefined || this.#standby.has(taskId) || this.#active.has(taskId)) return
    if (!this.#wantedStandby.includes(taskId)) return
    const state = TaskState.open(planned, this.#stateOptions())
    if (state === null) {
      this.config.clock.setTimer(lockRetryMs, () => this.#openStandby(taskId))
      return
    }
    this.#standby.set(taskId, state)
    this.#inBackground(this.#updater.addStandby(state))
  }

  #stateOptions(): TaskStateOptions {
    const { model, files, directory } = this.#options
    const stores = this.#planned.reduce((sum, { planned }) => sum + planned.subtopology.stores.length, 0)
    return {
      model,
      names: this.#names,
      config: this.config,
      files,
      collector: this.#output!.collector,
      directory,
      cacheEntriesMax: Math.max(1, Math.floor(this.config.cacheMaxEntries / Math.max(1, stores))),
    }
  }

  /** Starts what has been restored. Throws what failed beside the thread. */
  advance(): Promise<void> | undefined {
    if (this.#failure !== null) throw this.#failure.error
    return this.#restored.length === 0 ? undefined : this.#startRestored()
  }

  async #startRestored(): Promise<void> {
    for (const active of this.#restored.splice(0)) if (!active.closed) this.#start(active)
    // A second start must find the same place.
    if (this.#unrecorded.size > 0) await this.commit()
    this.#reportRunning()
  }

  #start({ planned, state, offsets }: ActiveTask): void {
    const { taskId, partition } = planned
    const task = new StreamTask({
      taskId,
      partition,
      nodes: planned.planned.subtopology.nodes,
      config: this.config,
      collector: this.#output!.collector,
      globalStore: (name) => this.globalStore(name),
      metrics: state!.metrics,
      droppedTopic: this.#names.droppedRecords,
      onAsyncActivity: this.#options.wake,
      openState: () => state!.manager,
    })
    state!.task = task
    for (const { nodeTimes } of offsets) task.recall(nodeTimes)
    const inputs = offsets.map(
      ({ at, source, offset, partitionTime }) =>
        new InputPartition(at, inputOptions(source, this.config), task, partitionTime, offset),
    )
    task.start(new PartitionGroup(inputs, this.config))
    for (const input of inputs) {
      this.#byPartition.set(nameOf(input), task)
      this.consumer.seek(input, input.nextOffset)
    }
    this.consumer.resume(inputs)
    if (offsets.some(({ isRecorded }) => !isRecorded)) this.#unrecorded.add(task)
    this.#listTasks()
  }

  #listTasks(): void {
    this.tasks = this.#planned.flatMap(({ taskId }) => this.#active.get(taskId)?.state?.task ?? [])
  }

  #close(active: ActiveTask): void {
    const { planned, state } = active
    active.closed = true
    this.#active.delete(planned.taskId)
    for (const input of planned.inputs) this.#byPartition.delete(nameOf(input))
    if (state === null) return
    const { task } = state
    if (task === null) this.#updater.remove(state)
    else {
      this.#unrecorded.delete(task)
      this.#options.onTaskClosed(task)
    }
    this.#listTasks()
    state.close()
  }

  // ------------------------------------------------------------------------------------------ what the thread asks

  get paused(): boolean {
    return this.#options.status.paused
  }

  get stopping(): boolean {
    return this.#options.status.stopping || this.#shutdownRequested
  }

  /** An instance of the application has asked all of them to stop. */
  get shutdownRequested(): boolean {
    return this.#shutdownRequested
  }

  get commitsHeldUntil(): number {
    return this.#rebalancingSince === null ? Number.NEGATIVE_INFINITY : this.#rebalancingSince + commitHoldMs
  }

  get commits(): number {
    return this.#output?.committer.commits ?? 0
  }

  taskOf(at: TopicPartition): StreamTask | undefined {
    return this.#byPartition.get(nameOf(at))
  }

  globalStore(name: string): StateStore | undefined {
    return this.#global?.task.store(name)
  }

  get globalMetrics(): TaskMetrics | null {
    return this.#global?.task.metrics ?? null
  }

  /** Whether global stores contain all that is in their topics now. */
  async isGlobalCaughtUp(): Promise<boolean> {
    return this.#global === null || (await this.#global.isCaughtUp())
  }

  /** Input partitions of the tasks here that others write to. */
  sourcePartitions(): TopicPartition[] {
    return this.#inputsWhere((topic) => !this.#repartitionTopics.has(topic))
  }

  repartitionPartitions(): TopicPartition[] {
    return this.#inputsWhere((topic) => this.#repartitionTopics.has(topic))
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
    const collector = this.#output?.collector
    if (collector === undefined) return
    if (!this.#exactlyOnce && !collector.empty) await collector.handOver()
    else if (collector.mustDrain) await collector.drain()
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
    const { committer } = this.#output!
    await committer.commit(tasks, last)
    for (const task of tasks) this.#unrecorded.delete(task)
    this.#global?.task.commit()
    await committer.purge(this.tasks)
  }

  // ------------------------------------------------------------------------------------------------------ the end

  /** Commits what has been processed, closes, and hands the tasks over to the others. */
  async closeClean(): Promise<void> {
    await this.commit(true)
    await this.#closeAll()
  }

  /** Undoes what was not committed, and closes. Errors on the way are of no interest: the first one is known. */
  async closeDirty(error?: unknown): Promise<void> {
    // What cannot be aborted, the next owner of the transactional id aborts, or the leader of the group.
    await this.#output?.committer.abort().catch(() => {})
    await this.#closeAll().catch(() => {})
    for (const letter of deadLettersOf(error)) this.#letters.send(letter)
    await this.#letters.close().catch(() => {})
  }

  /** Tasks first: whoever gets them next finds their directories free. */
  async #closeAll(): Promise<void> {
    this.#closed = true
    this.#wantedStandby = []
    const errors: unknown[] = []
    await attempt(() => this.#updater.close(), errors)
    for (const task of [...this.#active.values()]) await attempt(() => this.#close(task), errors)
    for (const state of this.#standby.values()) await attempt(() => state.close(), errors)
    this.#standby.clear()
    await attempt(() => this.#global?.close(), errors)
    await attempt(() => this.#output?.producer.close(), errors)
    await attempt(() => this.consumer.close(), errors)
    await attempt(() => this.#letters.close(), errors)
    if (errors.length > 0) throw errors[0]
  }
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}

/** Each instance writes under an id of its own. */
function transactionalId({ applicationId }: ResolvedConfig, slot: number): string {
  return `${applicationId}-${slot}`
}

async function attempt(action: () => unknown, errors: unknown[]): Promise<void> {
  try {
    await action()
  } catch (error) {
    errors.push(error)
  }
}
