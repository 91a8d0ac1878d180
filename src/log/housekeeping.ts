import type { Clock, Timer } from '../common/index.js'
import type { Broker } from './broker.js'

export interface HousekeepingOptions {
  readonly clock: Clock
  readonly broker: Broker
  readonly retentionCheckIntervalMs: number
  readonly compactionIntervalMs: number
  readonly checkpointIntervalMs: number
}

/** What a broker does now and then: drops old segments, compacts, writes down recovery points. */
export class Housekeeping {
  readonly #options: HousekeepingOptions
  readonly #timers = new Map<() => Promise<void>, Timer>()
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
    this.#every(this.#options.checkpointIntervalMs, () => broker.checkpoint())
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
      try {
        await task()
      } catch (error) {
        if (!this.#stopped) this.failure ??= error
      }
      if (!this.#stopped) this.#timers.set(run, this.#options.clock.setTimer(intervalMs, run))
    }
    this.#timers.set(run, this.#options.clock.setTimer(intervalMs, run))
  }

  stop(): void {
    this.#stopped = true
    for (const timer of this.#timers.values()) timer.cancel()
  }
}
