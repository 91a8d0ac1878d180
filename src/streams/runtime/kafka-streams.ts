import type { Observable } from 'rxjs'
import {
  type FileSystem,
  nextEventLoopTurn,
  nodeFiles,
  type Random,
  randomUuid,
  systemRandom,
} from '../../common/index.js'
import type { ConsumerRecord, Log, TopicPartition } from '../../log/index.js'
import type { Serde } from '../../serde/index.js'
import type { ReadOnlyKeyValueStore, StateStore, StoreSpec } from '../../state/index.js'
import {
  type ResolvedConfig,
  resolveConfig,
  type StreamsConfig,
  type UncaughtExceptionResponse,
} from '../config.js'
import { InvalidStateError, isRecordFailure, StreamsConfigError, StreamsError } from '../errors.js'
import { atIntervals } from '../rx/at-intervals.js'
import { type ObserveOptions, observeTopic } from '../rx/observe-topic.js'
import { type TableView, tableView } from '../rx/table-view.js'
import type { TopologyModel } from '../topology-model.js'

import { requestApplicationShutdown } from './application-shutdown.js'
import type { ClientInfo } from './assignment-info.js'
import type { StateRestoreListener } from './changelog-reader.js'

import { droppedTotal } from './metrics.js'

import { type QueryableStore, queryableStore } from './queryable-store.js'
import { StateDirectory } from './state-directory.js'
import { type QueryOptions, queryBetweenRounds } from './store-query.js'
import type { StreamTask } from './stream-task.js'
import { type StreamsTaskMetrics, taskFigures } from './task-figures.js'
import { TaskManager } from './task-manager.js'
import { isMigration } from './task-migration.js'
import { StreamThread } from './thread.js'
import { sourcesOf, TopicNames, taskStore } from './topics.js'

export type StreamsState =
  | 'CREATED'
  | 'REBALANCING'
  | 'RUNNING'
  | 'PENDING_SHUTDOWN'
  | 'NOT_RUNNING'
  | 'PENDING_ERROR'
  | 'ERROR'

export interface KafkaStreamsOptions extends StreamsConfig {
  readonly log: Log
  /** Default: the file system of the machine. */
  readonly files?: FileSystem
  /** Names the instance. Default: the system's randomness. */
  readonly random?: Random
  readonly stateListener?: (state: StreamsState, before: StreamsState) => void
  /** Told how the stores of tasks that come to this instance are brought up to date. */
  readonly restoreListener?: StateRestoreListener
  /** Decides after a failure. Default: SHUTDOWN_CLIENT. */
  readonly uncaughtExceptionHandler?: (error: unknown) => UncaughtExceptionResponse
}

export interface StreamsMetrics {
  readonly applicationId: string
  readonly state: StreamsState
  readonly recordsIn: number
  readonly recordsOut: number
  /** Kafka's `dropped-records-total`, over all tasks and the global stores. */
  readonly droppedRecords: number
  readonly commits: number
  /** Times the instance began anew after a failure. */
  readonly restarts: number
  readonly tasks: readonly StreamsTaskMetrics[]
}

/**
 * Runs a topology on a log: one instance of an application. Instances with the same applicationId share its tasks; what
 * this class says of tasks, stores and figures is of those that run here.
 *
 *     CREATED ─start─▶ REBALANCING ─▶ RUNNING ─close─▶ PENDING_SHUTDOWN ─▶ NOT_RUNNING
 *                        ▲    ▲         │  │ failure
 *                        │    └ replace ┼──┴─ shut down ─▶ PENDING_ERROR ─▶ ERROR
 *                        └ tasks come ──┘
 *                          or go
 *
 * The state listener is called after each arrow, before anything else happens. An instance is REBALANCING from when
 * tasks come to it or leave it until all that it then has are restored; a rebalance of the group that changes nothing
 * here goes unseen. The tasks that stay are processed meanwhile. `pause` outlasts rebalances.
 */
export class KafkaStreams {
  readonly #model: TopologyModel
  readonly #options: KafkaStreamsOptions
  readonly #config: ResolvedConfig
  readonly #files: FileSystem
  #state: StreamsState = 'CREATED'
  #manager: TaskManager | null = null
  #thread: StreamThread | null = null
  #running: Promise<void> | null = null
  readonly #directory: StateDirectory | null
  readonly #processId: string
  /** Who waits for the first RUNNING, or for the end. */
  #started: (() => void) | null = null
  #hasRun = false
  #paused = false
  #stopping = false
  #restarts = 0
  #failure: unknown = null
  /** Of tasks that are gone: counters go on over rebalances and restarts. */
  #before = { recordsIn: 0, recordsOut: 0, droppedRecords: 0, commits: 0 }

  constructor(topology: TopologyModel, options: KafkaStreamsOptions) {
    this.#model = topology
    this.#options = options
    this.#config = resolveConfig(options)
    topology.bindDefaultSerdes?.(this.#config.defaultKeySerde, this.#config.defaultValueSerde)
    this.#files = options.files ?? nodeFiles
    const { stateDir, applicationId } = this.#config
    this.#processId = randomUuid(options.random ?? systemRandom).toString('hex')
    this.#directory = stateDir === undefined ? null : new StateDirectory(this.#files, stateDir, applicationId)
  }

  get state(): StreamsState {
    return this.#state
  }

  /** What stopped the instance, in state ERROR. */
  get failure(): unknown {
    return this.#failure
  }

  /**
   * Creates internal topics, joins the other instances, restores state, and begins to process. Resolves when the instance
   * is RUNNING, or closed before. A task that is ready does not wait for others that are restored for longer.
   * Throws TopologyError, CopartitionError, StreamsConfigError, or what the log throws; the instance is then in ERROR.
   */
  async start(): Promise<void> {
    if (this.#state !== 'CREATED') {
      throw new InvalidStateError(`an instance starts once; this one is ${this.#state}`)
    }
    this.#enter('REBALANCING')
    const started = new Promise<void>((resolve) => {
      this.#started = resolve
    })
    this.#running = this.#run()
    await started
    if (!this.#hasRun && this.state === 'ERROR') throw this.#failure
  }

  /** Commits what has been processed and gives everything free. Idempotent. Throws when the last commit fails. */
  async close(): Promise<void> {
    if (this.#state === 'CREATED') {
      this.#enter('NOT_RUNNING')
      return
    }
    this.#stopping = true
    this.#thread?.wake()
    await this.#running
    if (this.#state === 'NOT_RUNNING' && this.#failure !== null) throw this.#failure
  }

  /** Resolves when the instance has come to its end, by `close` or by a failure. */
  async finished(): Promise<void> {
    await this.#running
  }

  /** Stops taking records; what has been taken is still committed. */
  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#thread?.wake()
  }

  get isPaused(): boolean {
    return this.#paused
  }

  /**
   * A read-only view of a store over all tasks of this instance, by the kind of the store. Throws InvalidStateError
   * while the instance is not running, and StreamsError when there is no such store.
   */
  store<S extends QueryableStore = QueryableStore>(name: string): S {
    const spec = this.#spec(name)
    return queryableStore(spec, () => this.#stores(name)) as S
  }

  /**
   * Reads a store as `read` likes, with a bound on how far it may lag, and of committed state alone where that is asked
   * for. `read` runs synchronously, between two rounds of work. Rejects with StaleStoreError, InvalidStateError while
   * the instance is not running, or what `read` throws.
   */
  async query<S extends QueryableStore, R>(
    name: string,
    read: (store: S) => R,
    options: QueryOptions = {},
  ): Promise<R> {
    const view = this.store<S>(name)
    let found: { result: R } | null = null
    let failure: { error: unknown } | null = null
    const look = async () => {
      const tasks = this.#runningManager().tasks.filter((task) => task.state.store(name) !== undefined)
      const host = { tasks, lagOf: (inputs: readonly TopicPartition[]) => this.#lagOf(inputs) }
      try {
        found = await queryBetweenRounds(name, host, options, () => read(view))
        if (found === null) this.#thread!.wake()
      } catch (error) {
        failure = { error }
      }
      return found !== null || failure !== null
    }
    this.#runningManager()
    const ended = !(await this.#thread!.until(look))
    if (failure !== null) throw (failure as { error: unknown }).error
    if (ended) throw new InvalidStateError(`the instance is ${this.#state}; it must be RUNNING`)
    return found!.result
  }

  async #lagOf(inputs: readonly TopicPartition[]): Promise<number> {
    const lag = await this.lag()
    return inputs.reduce((sum, { topic, partition }) => sum + (lag.get(`${topic}-${partition}`) ?? 0), 0)
  }

  /** The store itself in each task that holds a part of it, in the order of partitions. */
  storePartitions<S extends StateStore = StateStore>(name: string): readonly S[] {
    this.#spec(name)
    return this.#stores(name) as S[]
  }

  /** A materialised table, by the name of its store: its present rows, and its changes as an Observable. */
  table<K, V>(storeName: string): TableView<K, V> {
    const spec = this.#spec(storeName)
    const names = new TopicNames(this.#config.applicationId, this.#model)
    const { changelogTopic } = taskStore(this.#model.stores.get(storeName)!, names)
    const store = () => this.store<ReadOnlyKeyValueStore<unknown, unknown>>(storeName)
    return tableView({ log: this.#options.log, spec, topic: changelogTopic, store })
  }

  /**
   * The committed records of a topic as an Observable: what a topology writes, at its other edge. Each subscription reads
   * on its own, outside of the application's consumer group. Throws StreamsConfigError without a serde.
   */
  observe<K, V>(topic: string, options: ObserveOptions<K, V> = {}): Observable<ConsumerRecord<K, V>> {
    const nodes = [...this.#model.nodes.values()]
    const node =
      nodes.find((n) => n.kind === 'sink' && n.topic === topic) ??
      sourcesOf(nodes).find(({ topics }) => !(topics instanceof RegExp) && topics.includes(topic))
    const found = node === undefined || node.kind === 'processor' ? null : node
    const keySerde = options.keySerde ?? found?.keySerde ?? this.#config.defaultKeySerde
    const valueSerde = options.valueSerde ?? found?.valueSerde ?? this.#config.defaultValueSerde
    if (keySerde === undefined || valueSerde === undefined) {
      throw new StreamsConfigError(`the serdes of topic ${topic} are not known; give them with the options`)
    }
    return observeTopic(this.#options.log, topic, {
      keySerde: keySerde as Serde<K>,
      valueSerde: valueSerde as Serde<V>,
      from: options.from ?? 'latest',
    })
  }

  metrics(): StreamsMetrics {
    const tasks = (this.#manager?.tasks ?? []).map(taskFigures)
    const sum = (of: (task: StreamsTaskMetrics) => number) =>
      tasks.reduce((total, task) => total + of(task), 0)
    return {
      applicationId: this.#config.applicationId,
      state: this.#state,
      recordsIn: this.#before.recordsIn + sum((task) => task.recordsIn),
      recordsOut: this.#before.recordsOut + sum((task) => task.recordsOut),
      droppedRecords:
        this.#before.droppedRecords +
        sum((task) => task.droppedRecords) +
        droppedTotal(this.#manager?.globalMetrics?.droppedByReason(0) ?? {}),
      commits: this.#before.commits + (this.#manager?.commits ?? 0),
      restarts: this.#restarts,
      tasks,
    }
  }

  /** `metrics()` now and every `intervalMs`, by the clock of the instance, until unsubscribed. */
  metricsChanges({ intervalMs }: { readonly intervalMs: number }): Observable<StreamsMetrics> {
    return atIntervals(this.#config.clock, intervalMs, () => this.metrics())
  }

  /**
   * All instances of the application with their tasks, as of the last rebalance: who has a key's partition, and where it
   * is reached (`applicationServer`). Throws InvalidStateError while the instance is not running.
   */
  metadataForAllClients(): readonly ClientInfo[] {
    return this.#runningManager().clients
  }

  /** Records of each source partition of this instance's tasks that have not been processed yet, by `topic-partition`. */
  async lag(): Promise<ReadonlyMap<string, number>> {
    const manager = this.#runningManager()
    const inputs = manager.tasks.flatMap((task) => task.group.partitions)
    const ends = await manager.consumer.endOffsets(inputs)
    const lag = new Map<string, number>()
    for (const [i, input] of inputs.entries()) {
      const position = input.buffered > 0 ? input.nextOffset : await manager.consumer.position(input)
      lag.set(`${input.topic}-${input.partition}`, Math.max(0, ends[i]! - position))
    }
    return lag
  }

  /**
   * Resolves once everything that is in the sources of this instance's tasks now has been processed and committed, what
   * it led to in its repartition topics included. Tasks that move away meanwhile are not waited for, a rebalance is.
   * Throws what stopped the instance if it stops first.
   */
  async caughtUp(): Promise<void> {
    await this.#untilRebalanced()
    const manager = this.#runningManager()
    const sources = manager.sourcePartitions()
    const ends = await manager.consumer.endOffsets(sources)
    while (!(await this.#thread?.until(() => this.#hasReached(sources, ends)))) {
      // The thread has ended: for good, or to be replaced by another one.
      if (this.#state !== 'REBALANCING' && this.#state !== 'RUNNING') {
        throw this.#failure ?? new InvalidStateError(`the instance is ${this.#state}; it must be RUNNING`)
      }
      await nextEventLoopTurn()
    }
  }

  async #untilRebalanced(): Promise<void> {
    while (this.#state === 'REBALANCING') {
      const done = await this.#thread?.until(async () => this.#state !== 'REBALANCING')
      if (done !== true) await nextEventLoopTurn()
    }
    if (this.#failure !== null) throw this.#failure
  }

  async #hasReached(sources: readonly TopicPartition[], ends: readonly number[]): Promise<boolean> {
    const manager = this.#manager
    if (manager === null || this.#state !== 'RUNNING') return false
    if (manager.tasks.some((task) => task.dirty || task.graph.inFlight)) return false
    if (!(await manager.isGlobalCaughtUp())) return false
    for (const [i, source] of sources.entries()) {
      if (manager.taskOf(source) === undefined) continue
      if ((await manager.processedTo(source)) < ends[i]!) return false
    }
    const internal = manager.repartitionPartitions()
    const internalEnds = await manager.consumer.endOffsets(internal)
    for (const [i, partition] of internal.entries()) {
      if ((await manager.processedTo(partition)) < internalEnds[i]!) return false
    }
    return true
  }

  /** Deletes the local state of the application; throws where another instance uses it. Only before `start` and after the end. */
  cleanUp(): void {
    if (this.#state !== 'CREATED' && this.#state !== 'NOT_RUNNING' && this.#state !== 'ERROR') {
      throw new InvalidStateError(`local state cannot be deleted while the instance is ${this.#state}`)
    }
    this.#directory?.clean()
  }

  // -------------------------------------------------------------------------------------------------------- life

  async #startTasks(): Promise<void> {
    const instance = this
    this.#manager = null
    this.#thread = null
    this.#manager = await TaskManager.start({
      model: this.#model,
      log: this.#options.log,
      files: this.#files,
      config: this.#config,
      processId: this.#processId,
      directory: this.#directory,
      restoreListener: this.#options.restoreListener ?? {},
      wake: () => this.#thread?.wake(),
      onRebalance: () => this.#enter('REBALANCING'),
      onRunning: () => this.#enter('RUNNING'),
      onTaskClosed: (task) => this.#remember(task),
      status: {
        get paused() {
          return instance.#paused
        },
        get stopping() {
          return instance.#stopping
        },
      },
    })
    this.#thread = new StreamThread(this.#manager)
  }

  /** Never rejects: a failure ends in state ERROR. */
  async #run(): Promise<void> {
    for (;;) {
      try {
        await this.#startTasks()
        await this.#thread!.run()
        await this.#closeClean()
        return
      } catch (error) {
        if (!(await this.#recover(error))) return
      }
    }
  }

  async #closeClean(): Promise<void> {
    const manager = this.#manager!
    const ended = manager.shutdownRequested && !this.#stopping
    this.#enter(ended ? 'PENDING_ERROR' : 'PENDING_SHUTDOWN')
    await manager.closeClean()
    this.#before.commits += manager.commits
    if (ended)
      this.#failure = new StreamsError('STREAMS_SHUTDOWN', 'an instance stopped the whole application')
    this.#endWith(ended ? 'ERROR' : 'NOT_RUNNING')
  }

  /** Undoes what was not committed; starts anew where the tasks were lost, or the handler says so. */
  async #recover(error: unknown): Promise<boolean> {
    const manager = this.#manager
    await manager?.closeDirty(error)
    this.#before.commits += manager?.commits ?? 0
    const migrated = isMigration(error)
    if (this.#stopping) {
      // Tasks that were lost are done again by their new owners.
      if (!migrated) this.#failure = error
      this.#endWith('NOT_RUNNING')
      return false
    }
    if (!migrated || manager === null) {
      // A start that fails is the caller's to handle; a task that was ready may have met a bad record meanwhile.
      const asked = manager !== null && (this.#hasRun || isRecordFailure(error))
      const response = asked ? this.#decide(error) : 'SHUTDOWN_CLIENT'
      if (response === 'SHUTDOWN_APPLICATION') await this.#shutDownApplication(error)
      if (response !== 'REPLACE_THREAD') {
        this.#fail(error)
        return false
      }
      this.#restarts++
    }
    this.#enter('REBALANCING')
    return true
  }

  /** The others stop as soon as the group has met; what went wrong here is what is reported. */
  async #shutDownApplication(error: unknown): Promise<void> {
    this.#failure = error
    this.#enter('PENDING_ERROR')
    const { log } = this.#options
    await requestApplicationShutdown(log, this.#config, this.#processId).catch(() => {})
  }

  #decide(error: unknown): UncaughtExceptionResponse {
    return this.#options.uncaughtExceptionHandler?.(error) ?? 'SHUTDOWN_CLIENT'
  }

  #fail(error: unknown): void {
    this.#failure = error
    this.#enter('PENDING_ERROR')
    this.#endWith('ERROR')
  }

  #endWith(state: 'NOT_RUNNING' | 'ERROR'): void {
    this.#manager = null
    this.#enter(state)
    this.#started?.()
  }

  #enter(state: StreamsState): void {
    const before = this.#state
    if (before === state) return
    this.#state = state
    this.#options.stateListener?.(state, before)
    if (state !== 'RUNNING') return
    this.#hasRun = true
    this.#started?.()
  }

  #remember(task: StreamTask): void {
    this.#before.recordsIn += task.metrics.recordsIn
    this.#before.recordsOut += task.metrics.recordsOut
    this.#before.droppedRecords += task.droppedRecords
  }

  #runningManager(): TaskManager {
    if (this.#manager === null || this.#state !== 'RUNNING') {
      throw new InvalidStateError(`the instance is ${this.#state}; it must be RUNNING`)
    }
    return this.#manager
  }

  #spec(name: string): StoreSpec {
    const store = this.#model.stores.get(name)
    if (store !== undefined) return store.spec
    throw new StreamsError('STREAMS_UNKNOWN_STORE', `the topology has no store ${name}`)
  }

  #stores(name: string): StateStore[] {
    const manager = this.#runningManager()
    const global = manager.globalStore(name)
    if (global !== undefined) return [global]
    return manager.tasks.map((task) => task.state.store(name)).filter((store) => store !== undefined)
  }
}
