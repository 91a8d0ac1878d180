import type { Clock, Timer } from '../common/index.js'
import type { Broker } from './broker.js'

export interface HousekeepingOptions {
  readonly clock: Clock
  readonly broker: Broker
  readonly retentionCheckIntervalMs: number
  readonly compactionIntervalMs: number
  readonly checkpointIntervalMs: number
}

const CHECKPOINT_DELAY_MS = 1_000

/** What a broker does now and then: drops old segments, compacts, writes down recovery points. */
export class Housekeeping {
  readonly #options: HousekeepingOptions
  readonly #timers = new Map<() => Promise<void>, Timer>()
  #checkpointTimer: Timer | null = null
  #checkpointing: Promise<void> = Promise.resolve()
  #stopped = false
  /** The first that went wrong where nobody was there to tell; `close` of the log throws it. */
  failure: unknown = null

  constructor(options: HousekeepingOptions) {
    this.#options = options
  }

  start(): void {
    const { broker, clock } = this.#options
    this.#every(this.#options.retentionCheckIntervalMs, () => {
      for (const { log } of broker.allPartitions()) log.applyRetention(clock.now())
    })
    this.#every(this.#options.compactionIntervalMs, () => this.#compactAll())
    this.#every(this.#options.checkpointIntervalMs, () => this.#checkpoint())
  }

  /** Writes down recovery points within a second: one may have moved past a whole segment. */
  checkpointSoon(): void {
    if (this.#stopped || this.#checkpointTimer !== null) return
    this.#checkpointTimer = this.#options.clock.setTimer(CHECKPOINT_DELAY_MS, () => {
      this.#checkpointTimer = null
      void this.#run(() => this.#checkpoint())
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

  /** One partition after the other, in slices between which others work. */
  async #compactAll(): Promise<void> {
    const { broker, clock } = this.#options
    for (const partition of broker.allPartitions()) {
      if (this.#stopped) return
      if (partition.log.needsCompaction(clock.now())) await partition.log.compactInSlices(clock.now())
    }
  }

  #every(intervalMs: number, task: () => void | Promise<void>): void {
    const run = async () => {
      await this.#run(task)
      if (!this.#stopped) this.#timers.set(run, this.#options.clock.setTimer(intervalMs, run))
    }
    this.#timers.set(run, this.#options.clock.setTimer(intervalMs, run))
  }

  async #run(task: () => void | Promise<void>): Promise<void> {
    try {
      await task()
    } catch (error) {
      if (!this.#stopped) this.failure ??= error
    }
  }

  /** Begins nothing more, and waits for what writes to the data directory itself. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#checkpointTimer?.cancel()
    for (const timer of this.#timers.values()) timer.cancel()
    await this.#checkpointing
  }
}
