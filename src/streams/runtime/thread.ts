import { nextEventLoopTurn } from '../../common/index.js'
import type { Consumer, FetchedBatch, TopicPartition } from '../../log/index.js'
import type { ResolvedConfig } from '../config.js'
import type { InputPartition } from './input-partition.js'
import type { StreamTask } from './stream-task.js'

/** Wall-clock time of one slice of work, ms, before the event loop gets its turn. */
const sliceMs = 10
/** Longest wait of an idle thread, ms; anything that happens wakes it earlier. */
const idleMs = 3_600_000

/** What the thread drives, besides tasks. */
export interface ThreadHost {
  readonly config: ResolvedConfig
  readonly consumer: Consumer
  readonly tasks: readonly StreamTask[]
  taskOf(partition: TopicPartition): StreamTask | undefined
  /** Called after each poll: starts tasks that have become ready. Throws what failed beside the thread. */
  advance(): Promise<void> | undefined
  /** Called after each slice: waits for room where records go. */
  drain(): Promise<void>
  commit(): Promise<void>
  /** Wall-clock time before which nothing is committed, ms: a rebalance is under way. */
  readonly commitsHeldUntil: number
  readonly paused: boolean
  readonly stopping: boolean
}

/**
 * The loop of an instance: poll, process, punctuate, commit.
 *
 *     poll (rebalances happen here) ─▶ buffer ─▶ slice of each task in turn (≤ 10 ms together) ─▶ punctuate ─▶ commit when due ─▶ yield ─┐
 *       ▲                                                                                                     │
 *       └───── nothing to do: waits in poll until records come, a time is due, or it is woken ◀───────────────┘
 */
export class StreamThread {
  readonly #host: ThreadHost
  #lastCommit = Number.NEGATIVE_INFINITY
  #firstTask = 0
  #paused = new Set<InputPartition>()
  #wakeup = false
  #ended = false
  #checks: { check: () => Promise<boolean>; resolve: (held: boolean) => void }[] = []
  /** Earliest time at which an empty partition is no longer waited for. */
  #idleUntil = Number.POSITIVE_INFINITY

  constructor(host: ThreadHost) {
    this.#host = host
  }

  /**
   * Resolves true once `check` is true. It is asked between two rounds, when all that has been polled is buffered.
   * Resolves false when the thread ends before.
   */
  until(check: () => Promise<boolean>): Promise<boolean> {
    if (this.#ended) return Promise.resolve(false)
    return new Promise((resolve) => {
      this.#checks.push({ check, resolve })
      this.wake()
    })
  }

  /** Makes a waiting thread look again. */
  wake(): void {
    this.#wakeup = true
    this.#host.consumer.wakeup()
  }

  /** Runs until the host is stopping; throws what a task throws. */
  async run(): Promise<void> {
    try {
      await this.#loop()
    } finally {
      this.#ended = true
      for (const { resolve } of this.#checks) resolve(false)
      this.#checks = []
    }
  }

  async #answerChecks(): Promise<void> {
    for (const waiting of this.#checks) {
      if (!(await waiting.check())) continue
      this.#checks = this.#checks.filter((other) => other !== waiting)
      waiting.resolve(true)
    }
  }

  async #loop(): Promise<void> {
    const { consumer } = this.#host
    let busy = true
    while (!this.#host.stopping) {
      const wait = busy || this.#wakeup ? 0 : this.#waitMs()
      this.#wakeup = false
      const batches = await consumer.pollBatches(wait)
      const started = this.#host.advance()
      if (started !== undefined) {
        await started
        // Whoever waits for the instance to run is told before it does.
        await nextEventLoopTurn()
      }
      for (const batch of batches) this.#buffer(batch)
      if (this.#host.stopping) break
      busy = await this.#step()
      if (this.#checks.length > 0) await this.#answerChecks()
      if (busy || batches.length > 0) await nextEventLoopTurn()
    }
  }

  #buffer(batch: FetchedBatch): void {
    const task = this.#host.taskOf(batch)
    if (task === undefined || task.add(batch)) return
    const input = task.group.partition(batch.topic, batch.partition)!
    if (this.#paused.has(input)) return
    this.#paused.add(input)
    this.#host.consumer.pause([input])
  }

  /** One round of work. Returns whether there may be more at once. */
  async #step(): Promise<boolean> {
    const more = this.#host.paused ? false : await this.#work()
    await this.#host.drain()
    this.#resumeWithRoom()
    if (this.#commitDue(more)) {
      await this.#host.commit()
      this.#lastCommit = this.#host.config.clock.now()
    }
    return more
  }

  async #work(): Promise<boolean> {
    await this.#settleEmptyPartitions()
    const more = this.#processSlice()
    for (const task of this.#host.tasks) task.punctuateWallClock()
    return more
  }

  /** Every task in turn, until the time is up: then the next slice begins with the next task. */
  #processSlice(): boolean {
    const { tasks } = this.#host
    const until = this.#host.config.clock.now() + sliceMs
    let processed = 0
    for (let i = 0; i < tasks.length; i++) {
      const task = tasks[(this.#firstTask + i) % tasks.length]!
      processed += task.process({ recordsMax: Number.MAX_SAFE_INTEGER, until })
      if (this.#host.config.clock.now() >= until) {
        this.#firstTask = (this.#firstTask + i + 1) % tasks.length
        return true
      }
    }
    return processed > 0
  }

  /** The max.task.idle.ms rule: what is in the log but not here yet is waited for, what may still come only so long. */
  async #settleEmptyPartitions(): Promise<void> {
    this.#idleUntil = Number.POSITIVE_INFINITY
    const { consumer, config } = this.#host
    for (const task of this.#host.tasks) {
      const blocking = task.group.blocking()
      if (blocking.length === 0) continue
      const ends = await consumer.endOffsets(blocking)
      for (const [i, input] of blocking.entries()) {
        const unfetched = (await consumer.position(input)) < ends[i]!
        const until = task.group.settle(input, unfetched, config.clock.now())
        if (until !== null) this.#idleUntil = Math.min(this.#idleUntil, until)
      }
    }
  }

  #resumeWithRoom(): void {
    if (this.#paused.size === 0) return
    for (const input of this.#paused) {
      const group = this.#host.taskOf(input)?.group
      const gone = group?.partition(input.topic, input.partition) !== input
      if (!gone && !group.hasRoom(input)) continue
      this.#paused.delete(input)
      if (!gone) this.#host.consumer.resume([input])
    }
  }

  /** Work that is done and that somebody waits for is committed at once. */
  #commitDue(more: boolean): boolean {
    const { tasks, config } = this.#host
    const now = config.clock.now()
    if (now < this.#host.commitsHeldUntil) return false
    let dirty = false
    for (const task of tasks) {
      if (task.commitRequested || now >= task.state.followAt) return true
      dirty ||= task.dirty
    }
    const awaited = !more && this.#checks.length > 0
    // A clock that was set back must not hold commits until it is where it was.
    const sinceCommit = now - this.#lastCommit
    return dirty && (awaited || sinceCommit < 0 || sinceCommit >= config.commitIntervalMs)
  }

  /** How long nothing has to happen, ms. */
  #waitMs(): number {
    const { tasks, config, paused } = this.#host
    const now = config.clock.now()
    let next = now + idleMs
    let commitAt = Number.POSITIVE_INFINITY
    if (!paused) next = Math.min(next, this.#idleUntil)
    for (const task of tasks) {
      if (task.dirty) commitAt = Math.min(commitAt, this.#lastCommit + config.commitIntervalMs)
      commitAt = Math.min(commitAt, task.state.followAt)
      if (!paused) next = Math.min(next, task.graph.nextWallClockPunctuation)
    }
    next = Math.min(next, Math.max(commitAt, this.#host.commitsHeldUntil))
    return Math.max(1, next - now)
  }
}
