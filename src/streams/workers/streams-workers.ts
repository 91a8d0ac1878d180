import { ForebayError, nextEventLoopTurn, nodeFiles, randomUuid, systemRandom } from '../../common/index.js'
import type { Log } from '../../log/index.js'
import { resolveConfig, type UncaughtExceptionResponse } from '../config.js'
import { InvalidStateError, StreamsConfigError } from '../errors.js'
import { requestApplicationShutdown } from '../runtime/application-shutdown.js'
import type { StreamsMetrics, StreamsState } from '../runtime/kafka-streams.js'
import { StreamsWorker } from './streams-worker.js'
import type { WorkerStreamsConfig } from './worker-messages.js'

export interface StreamsWorkersOptions extends WorkerStreamsConfig {
  /** Stays in this thread; the workers use it through message ports. */
  readonly log: Log
  /** Threads, each with one instance of the application. Kafka's num.stream.threads. Default 2. */
  readonly workers?: number
  /** Of Node, for the workers, such as `['--import', 'tsx']`. Default: those of this process. */
  readonly execArgv?: readonly string[]
  readonly stateListener?: (state: StreamsState, before: StreamsState) => void
  /**
   * Decides, in this thread, after a worker has failed or its thread has ended. Default: SHUTDOWN_CLIENT, which closes
   * the other workers too; REPLACE_THREAD starts another in its place.
   */
  readonly uncaughtExceptionHandler?: (error: unknown) => UncaughtExceptionResponse
}

export interface StreamsWorkersMetrics extends Omit<StreamsMetrics, 'tasks'> {
  /** Of each worker. What a worker that has ended had counted is gone. */
  readonly workers: readonly StreamsMetrics[]
}

/**
 * Runs an application in several worker threads, which share its tasks as instances of one process do: for topologies
 * whose functions are the bottleneck. The log stays in the thread that has it. Each worker loads `module`, whose default
 * export fills a `StreamsBuilder` or returns a topology; serdes and handlers, which cannot cross to another thread, are
 * its export `options`.
 *
 * Stores live in the workers and cannot be queried from outside; read the topics that the application writes. With a
 * `stateDir` each worker has a folder of its own in it.
 *
 *     CREATED ─start─▶ REBALANCING ◀─▶ RUNNING (all workers) ─close─▶ PENDING_SHUTDOWN ─▶ NOT_RUNNING
 *                          └───────────────┴─ a worker ended, shut down ─▶ PENDING_ERROR ─▶ ERROR
 */
export class StreamsWorkers {
  readonly #module: string
  readonly #options: StreamsWorkersOptions
  readonly #config: WorkerStreamsConfig
  readonly #count: number
  readonly #workers = new Map<number, StreamsWorker>()
  readonly #locks: { release(): void }[] = []
  #state: StreamsState = 'CREATED'
  #failure: unknown = null
  #paused = false
  #restarts = 0
  /** Counts changes of who has which tasks. */
  #rebalances = 0
  #ending: Promise<void> | null = null
  /** Who waits for the state to change. */
  #watchers: (() => void)[] = []

  /** `module`: the URL of the application, as a rule `new URL('./app.js', import.meta.url)`. Throws StreamsConfigError. */
  constructor(module: URL | string, options: StreamsWorkersOptions) {
    const {
      log: _l,
      workers = 2,
      execArgv: _e,
      stateListener: _s,
      uncaughtExceptionHandler: _u,
      ...config
    } = options
    if (!(Number.isInteger(workers) && workers >= 1)) {
      throw new StreamsConfigError(`workers must be a whole number of at least 1, found ${workers}`)
    }
    resolveConfig(config)
    checkCrosses(config)
    this.#module = String(module)
    this.#options = options
    this.#config = config
    this.#count = workers
  }

  get state(): StreamsState {
    return this.#state
  }

  /** What stopped the application, in state ERROR. */
  get failure(): unknown {
    return this.#failure
  }

  /** The running threads, by number of worker. */
  get workers(): readonly StreamsWorker[] {
    return [...this.#workers.values()]
  }

  /** Resolves when every worker is RUNNING. Throws what kept one from it; all are then closed, in state ERROR. */
  async start(): Promise<void> {
    if (this.#state !== 'CREATED') {
      throw new InvalidStateError(`workers start once; these are ${this.#state}`)
    }
    try {
      this.#lockState()
    } catch (error) {
      this.#releaseLocks()
      throw error
    }
    this.#enter('REBALANCING')
    const starts = Array.from({ length: this.#count }, (_, index) => this.#startWorker(index))
    const outcomes = await Promise.allSettled(starts)
    if (!outcomes.some(({ status }) => status === 'rejected')) return
    await this.#ending
    throw this.#failure
  }

  /** Commits what has been processed, and ends the threads. Idempotent. Throws when a last commit fails. */
  async close(): Promise<void> {
    if (this.#state === 'CREATED') this.#enter('NOT_RUNNING')
    else this.#ending ??= this.#end('PENDING_SHUTDOWN', 'NOT_RUNNING')
    await this.#ending
    if (this.#state === 'NOT_RUNNING' && this.#failure !== null) throw this.#failure
  }

  /** The workers stop taking records; what has been taken is still committed. */
  pause(): void {
    this.#paused = true
    for (const worker of this.#workers.values()) worker.pause()
  }

  resume(): void {
    this.#paused = false
    for (const worker of this.#workers.values()) worker.resume()
  }

  get isPaused(): boolean {
    return this.#paused
  }

  /**
   * Resolves once everything that is in the sources now has been processed and committed, with what it led to in
   * repartition topics, whichever worker has the tasks. Throws what stopped the application if it stops first.
   */
  async caughtUp(): Promise<void> {
    for (let passes = 0, seen = -1; ; ) {
      await this.#running()
      if (seen !== this.#rebalances) passes = 0
      seen = this.#rebalances
      const workers = [...this.#workers.values()]
      const outcomes = await Promise.allSettled(workers.map((worker) => worker.caughtUp()))
      if (outcomes.some(({ status }) => status === 'rejected') || seen !== this.#rebalances) {
        // A port closes a little before its thread is known to have ended.
        await nextEventLoopTurn()
        continue
      }
      // What one worker writes to a repartition topic may be another's: a pass for each step on the way.
      if (++passes >= Math.max(...workers.map((worker) => worker.subtopologies))) return
    }
  }

  /** The figures of the workers, and their sums. */
  async metrics(): Promise<StreamsWorkersMetrics> {
    const found = await Promise.all([...this.#workers.values()].map((worker) => worker.metrics()))
    const workers = found.filter((metrics) => metrics !== null)
    const sum = (of: (metrics: StreamsMetrics) => number) => workers.reduce((total, m) => total + of(m), 0)
    return {
      applicationId: this.#config.applicationId,
      state: this.#state,
      recordsIn: sum((m) => m.recordsIn),
      recordsOut: sum((m) => m.recordsOut),
      droppedRecords: sum((m) => m.droppedRecords),
      commits: sum((m) => m.commits),
      restarts: this.#restarts + sum((m) => m.restarts),
      workers,
    }
  }

  // -------------------------------------------------------------------------------------------------------- life

  #startWorker(index: number): Promise<void> {
    const { log, execArgv } = this.#options
    const { stateDir } = this.#config
    const worker = new StreamsWorker({
      index,
      log,
      execArgv,
      module: this.#module,
      config: stateDir === undefined ? this.#config : { ...this.#config, stateDir: this.#folderOf(index) },
      paused: this.#paused,
      onState: () => this.#workerChanged(),
      onEnd: (ended, failure) => this.#workerEnded(ended, failure),
    })
    this.#workers.set(index, worker)
    return worker.start()
  }

  #workerChanged(): void {
    this.#rebalances++
    if (this.#state !== 'REBALANCING' && this.#state !== 'RUNNING') return
    const running =
      this.#workers.size === this.#count && this.workers.every(({ state }) => state === 'RUNNING')
    this.#enter(running ? 'RUNNING' : 'REBALANCING')
  }

  #workerEnded(worker: StreamsWorker, failure: unknown): void {
    this.#workers.delete(worker.index)
    this.#workerChanged()
    if (failure === null || this.#ending !== null) return
    const response = this.#decide(worker, failure)
    if (response === 'REPLACE_THREAD') {
      this.#restarts++
      // What keeps it from starting is its end, and comes here again.
      this.#startWorker(worker.index).catch(() => {})
      return
    }
    this.#failure = failure
    this.#ending = this.#end('PENDING_ERROR', 'ERROR', response === 'SHUTDOWN_APPLICATION')
  }

  #decide(worker: StreamsWorker, failure: unknown): UncaughtExceptionResponse {
    const shutdown = failure instanceof ForebayError && failure.code === 'STREAMS_SHUTDOWN'
    // A worker that does not start would not start again; and the end of the application is decided already.
    if (!worker.hasRun || shutdown) return 'SHUTDOWN_CLIENT'
    try {
      return this.#options.uncaughtExceptionHandler?.(failure) ?? 'SHUTDOWN_CLIENT'
    } catch {
      return 'SHUTDOWN_CLIENT'
    }
  }

  /** Never rejects. */
  async #end(
    pending: 'PENDING_SHUTDOWN' | 'PENDING_ERROR',
    last: 'NOT_RUNNING' | 'ERROR',
    everywhere = false,
  ): Promise<void> {
    this.#enter(pending)
    if (everywhere) {
      const processId = randomUuid(systemRandom).toString('hex')
      await requestApplicationShutdown(this.#options.log, resolveConfig(this.#config), processId).catch(
        () => {},
      )
    }
    const closed = await Promise.allSettled(this.workers.map((worker) => worker.close()))
    for (const outcome of closed) if (outcome.status === 'rejected') this.#failure ??= outcome.reason
    this.#releaseLocks()
    this.#enter(last)
  }

  /** Throws what stopped the application. */
  async #running(): Promise<void> {
    while (this.#state !== 'RUNNING') {
      if (this.#state !== 'REBALANCING') {
        throw this.#failure ?? new InvalidStateError(`the workers are ${this.#state}; they must be RUNNING`)
      }
      await new Promise<void>((resolve) => this.#watchers.push(resolve))
    }
  }

  #enter(state: StreamsState): void {
    const before = this.#state
    if (before === state) return
    this.#state = state
    for (const wake of this.#watchers.splice(0)) wake()
    this.#options.stateListener?.(state, before)
  }

  // ------------------------------------------------------------------------------------------------------- state

  #folderOf(index: number): string {
    return `${this.#config.stateDir}/${this.#config.applicationId}/worker-${index}`
  }

  #lockState(): void {
    if (this.#config.stateDir === undefined) return
    for (let index = 0; index < this.#count; index++) {
      const folder = this.#folderOf(index)
      const lock = nodeFiles.lock(folder)
      if ('owner' in lock) throw new InvalidStateError(`the state in ${folder} is in use by ${lock.owner}`)
      this.#locks.push(lock)
    }
  }

  #releaseLocks(): void {
    for (const lock of this.#locks.splice(0)) lock.release()
  }
}

/** Also for callers without types, who may have left a serde or a handler in. */
function checkCrosses(config: WorkerStreamsConfig): void {
  for (const [name, value] of Object.entries(config)) {
    try {
      structuredClone(value)
    } catch (cause) {
      throw new StreamsConfigError(
        `${name} cannot cross to a worker thread (${String(cause)}): export it from the module, in \`options\``,
      )
    }
  }
}
