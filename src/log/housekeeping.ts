import { type Clock, nextEventLoopTurn, type Timer } from '../common/index.js'
import type { Broker } from './broker.js'
import { asStorageError } from './errors.js'
import { SLICE_BYTES } from './log-cleaner.js'
import type { Partition } from './partition.js'

export interface HousekeepingOptions {
  readonly clock: Clock
  readonly broker: Broker
  readonly retentionCheckIntervalMs: number
  readonly compactionIntervalMs: number
  readonly checkpointIntervalMs: number
  /** What compaction may read, so that it leaves the disk to others. */
  readonly cleanerMaxBytesPerSecond: number
}

const CHECKPOINT_DELAY_MS = 1_000
/** Work on many partitions gives the event loop a turn this often. */
const SLICE_MS = 10

/** What a broker does now and then: drops old segments, compacts, writes down recovery points. */
export class Housekeeping {
  readonly #options: HousekeepingOptions
  readonly #timers = new Map<string, Timer>()
  #checkpointTimer: Timer | null = null
  #checkpointing: Promise<void> = Promise.resolve()
  /** By task, what went wrong the last time, where nobody was there to tell. */
  readonly #failures = new Map<string, unknown>()
  #compacting: Promise<void> = Promise.resolve()
  #endPause = (): void => {}
  #stopped = false

  constructor(options: HousekeepingOptions) {
    this.#options = options
  }

  /** Of a task that failed and did not succeed since; null: none. `close` of the log throws it. */
  get failure(): unknown {
    for (const failure of this.#failures.values()) return failure
    return null
  }

  start(): void {
    const { clock, ...intervals } = this.#options
    this.#every('retention', intervals.retentionCheckIntervalMs, () =>
      this.#forEachPartition(({ log }) => void log.applyRetention(clock.now())),
    )
    this.#every('compaction', intervals.compactionIntervalMs, () => {
      this.#compacting = this.#compact()
      return this.#compacting
    })
    this.#every('checkpoints', intervals.checkpointIntervalMs, () => this.#checkpoint())
  }

  #compact(): Promise<void> {
    const { clock } = this.#options
    const options = { pause: () => this.#pause(), isStopped: () => this.#stopped }
    return this.#forEachPartition(async ({ log }) => {
      if (log.needsCompaction(clock.now())) await log.compactInSlices(clock.now(), options)
    })
  }

  /** After a slice of compaction: a turn of the event loop, or as long as what was read is to take. */
  #pause(): Promise<void> {
    const ms = (SLICE_BYTES / this.#options.cleanerMaxBytesPerSecond) * 1000
    if (this.#stopped || ms < 1) return nextEventLoopTurn()
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimer(ms, resolve)
      this.#endPause = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  /** Writes down recovery points within a second: one may have moved past a whole segment. */
  checkpointSoon(): void {
    if (this.#stopped || this.#checkpointTimer !== null) return
    this.#checkpointTimer = this.#options.clock.setTimer(CHECKPOINT_DELAY_MS, () => {
      this.#checkpointTimer = null
      void this.#run('checkpoints', () => this.#checkpoint())
    })
  }

  /** One after the other. */
  #checkpoint(): Promise<void> {
    const next = (): Promise<void> =>
      this.#stopped ? Promise.resolve() : this.#options.broker.checkpointAsync()
    const done = this.#checkpointing.then(next)
    this.#checkpointing = done.catch(() => {})
    return done
  }

  /** One after the other; what fails in one keeps nobody else waiting. Throws the first failure at the end. */
  async #forEachPartition(task: (partition: Partition) => void | Promise<void>): Promise<void> {
    const { broker, clock } = this.#options
    let failure: unknown = null
    let sinceMs = clock.now()
    for (const partition of broker.allPartitions()) {
      if (clock.now() - sinceMs >= SLICE_MS) {
        await nextEventLoopTurn()
        sinceMs = clock.now()
      }
      if (this.#stopped) break
      if (partition.deleted) continue
      try {
        const working = task(partition)
        if (working !== undefined) await working
      } catch (error) {
        failure ??= error
      }
    }
    if (failure !== null) throw failure
  }

  #every(name: string, intervalMs: number, task: () => void | Promise<void>): void {
    const run = async () => {
      await this.#run(name, task)
      if (!this.#stopped) this.#timers.set(name, this.#options.clock.setTimer(intervalMs, run))
    }
    this.#timers.set(name, this.#options.clock.setTimer(intervalMs, run))
  }

  async #run(name: string, task: () => void | Promise<void>): Promise<void> {
    try {
      await task()
      this.#failures.delete(name)
    } catch (error) {
      if (!this.#stopped) this.#failures.set(name, asStorageError(`${name} failed`, error))
    }
  }

  /** Begins nothing more, and waits for what writes to the data directory itself. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#endPause()
    this.#checkpointTimer?.cancel()
    for (const timer of this.#timers.values()) timer.cancel()
    await this.#compacting.catch(() => {})
    await this.#checkpointing
  }
}
