import {
  type Clock,
  ManualClock,
  nextEventLoopTurn,
  type Random,
  randomBelow,
  seededRandom,
} from '../common/index.js'
import { Log, type NewTopic, type Producer, type TopicPartition } from '../log/index.js'
import { KafkaStreams, type KafkaStreamsOptions, type TopologyModel } from '../streams/index.js'
import type { CapturedRecord } from './captured-record.js'
import type { SimulatedFiles } from './simulated-files.js'

const LOG_DIRECTORY = '/log'
export const STATE_DIRECTORY = '/state'
const HOUR_MS = 3_600_000
/** Turns of the event loop after which something that should have come to an end is taken for stuck. */
const TURNS_MAX = 50_000

export interface SimulatedAppOptions {
  readonly build: () => TopologyModel
  readonly files: SimulatedFiles
  readonly random: Random
  /** Created at every opening where they do not exist. */
  readonly topics: readonly NewTopic[]
  readonly config: Partial<KafkaStreamsOptions>
  /** Every acknowledgement waits for stable storage. */
  readonly durable?: boolean
  /** Now and then the clock is set an hour forward or back. */
  readonly clockJumps?: boolean
}

/**
 * A log and an application on simulated files, which live one life after the other:
 *
 *     open ─▶ send, caughtUp, pass … ─▶ close ──────────────▶ open …
 *                     └─ the process stops somewhere ─▶ kill ─▶ open …
 *
 * Time is simulated too: it passes while something is waited for, and with every look at the clock. All calls throw what
 * the application throws; `crashed` tells whether the files stopped it.
 */
export class SimulatedApp {
  readonly #options: SimulatedAppOptions
  readonly #random: Random
  readonly #files: SimulatedFiles
  #clock = new ManualClock(1_000_000)
  #log: Log | null = null
  #streams: KafkaStreams | null = null
  #producer: Producer | null = null

  constructor(options: SimulatedAppOptions) {
    this.#options = options
    this.#random = options.random
    this.#files = options.files
  }

  get log(): Log {
    return this.#log!
  }

  get streams(): KafkaStreams {
    return this.#streams!
  }

  get crashed(): boolean {
    return this.#files.crashed
  }

  /** Opens the log, and starts the application on it. */
  async open(): Promise<void> {
    await this.openLog()
    await this.start()
  }

  /** Starts the application on the open log. */
  async start(): Promise<void> {
    const { build, config } = this.#options
    this.#streams = new KafkaStreams(build(), {
      applicationId: 'app',
      ...config,
      log: this.log,
      files: this.#files,
      stateDir: STATE_DIRECTORY,
      clock: this.#hastyClock(),
    })
    await this.waitFor(this.#streams.start())
  }

  /** Opens the log alone. */
  async openLog(): Promise<void> {
    // Timers of the life before never fire.
    this.#clock = new ManualClock(this.#clock.now() + 1)
    this.#streams = null
    this.#log = await Log.open({
      dataDirectory: LOG_DIRECTORY,
      fileSystem: this.#files,
      clock: this.#clock,
      random: seededRandom(this.#below(1_000_000)),
      recentBatchesBytes: this.#below(2) * 10_000,
      ...(this.#options.durable === true ? { flush: { messages: 1 } } : {}),
    })
    await this.waitFor(this.#log.admin.createTopics(this.#options.topics, { ifNotExists: true }))
    this.#producer = this.#log.producer({ lingerMs: 0 })
  }

  /** Resolves when the log has acknowledged all of them. */
  async send(records: readonly (CapturedRecord & { readonly partition: number })[]): Promise<void> {
    for (const record of records) this.#producer!.write(record)
    await this.waitFor(this.#producer!.flush())
  }

  /** Resolves when all input has been processed and committed. */
  async caughtUp(): Promise<void> {
    while (this.streams.state === 'REBALANCING') await this.#turn()
    this.#throwFailure()
    await this.waitFor(this.streams.caughtUp())
  }

  /** Moves the clock. */
  advance(ms: number): void {
    this.#clock.advance(ms)
  }

  /** Lets the application run for a while. Throws what has stopped it. */
  async pass(turns: number): Promise<void> {
    for (let turn = 0; turn < turns; turn++) await this.#turn()
    this.#throwFailure()
  }

  /** Throws what the application failed with as it closed; the log is closed all the same. */
  async close(): Promise<void> {
    try {
      if (this.#streams !== null) await this.waitFor(this.#streams.close())
    } finally {
      await this.waitFor(this.log.close())
    }
  }

  /** Nothing more of this life reaches the files, and the next one may begin. */
  async kill(): Promise<void> {
    this.#files.crashAfter(0)
    try {
      this.#files.makeDirectory('/crash')
    } catch {
      // Every change throws from here on.
    }
    if (this.#streams !== null) await this.waitFor(this.#streams.close()).catch(() => {})
    for (let turn = 0; turn < 5; turn++) await nextEventLoopTurn()
    this.#files.kill()
  }

  /** Committed records of a partition, from the beginning. */
  async read({ topic, partition }: TopicPartition): Promise<CapturedRecord[]> {
    const consumer = this.log.consumer({ isolationLevel: 'read_committed', autoOffsetReset: 'earliest' })
    const at = { topic, partition }
    consumer.assign([at])
    const [end] = await consumer.endOffsets([at])
    const records: CapturedRecord[] = []
    while ((await consumer.position(at)) < end!) {
      for (const { key, value, timestamp, headers } of await this.waitFor(consumer.poll(0))) {
        records.push({ topic, key: bufferOf(key), value: bufferOf(value), timestamp, headers })
      }
    }
    await consumer.close()
    return records
  }

  /** Lets time pass until the promise is settled. */
  async waitFor<T>(promise: Promise<T>): Promise<T> {
    let settled = false
    const watched = promise.finally(() => {
      settled = true
    })
    watched.catch(() => {})
    for (let turn = 0; !settled; turn++) {
      if (turn > TURNS_MAX) throw new Error(`nothing moves any more; the instance is ${this.#streams?.state}`)
      await this.#turn()
    }
    return watched
  }

  async #turn(): Promise<void> {
    this.#clock.advance(this.#below(20))
    await nextEventLoopTurn()
  }

  /** Time passes with every look at it, so that slices of work, and with them commits, are small. */
  #hastyClock(): Clock {
    let hurried = 0
    return {
      now: () => {
        hurried += this.#below(3)
        if (this.#options.clockJumps === true && this.#below(200) === 0) {
          hurried += this.#below(2) === 0 ? HOUR_MS : -HOUR_MS
        }
        return this.#clock.now() + hurried
      },
      setTimer: (delayMs, callback) => this.#clock.setTimer(delayMs, callback),
    }
  }

  #throwFailure(): void {
    if (this.streams.state === 'ERROR') throw this.streams.failure
  }

  #below(limit: number): number {
    return randomBelow(this.#random, limit)
  }
}

function bufferOf(bytes: Uint8Array | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes)
}
