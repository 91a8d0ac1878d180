import { ForebayError, ManualClock, seededRandom } from '../../../src/common/index.js'
import { isKafkaError, Log, verifyDataDirectory } from '../../../src/log/index.js'
import { SimulatedFiles } from '../../../src/testing/index.js'
import { AppendWorkload, CompactedWorkload, RetentionWorkload } from './append-workload.js'
import { CommitWorkload } from './commit-workload.js'
import { TopicWorkload } from './topic-workload.js'
import { TransferWorkload } from './transfer-workload.js'
import { COMPACTED, Dice, type Workload } from './workload.js'

const DIRECTORY = '/data'
const TOPICS = [
  AppendWorkload.topic,
  CompactedWorkload.topic,
  ...RetentionWorkload.topics,
  ...TransferWorkload.topics,
]
const STEPS = 28

/**
 * One schedule: a log on simulated files that is used, crashes and is opened again, beside models of what it promised.
 * All choices come from the seed, so a failure repeats itself.
 */
export class Schedule {
  /** What happened, for the message of a failure. */
  readonly story: string[] = []
  readonly #seed: number
  readonly #dice: Dice
  readonly #files: SimulatedFiles
  /** Every acknowledgement waits for stable storage; else it promises to survive a killed process, not a power cut. */
  readonly #durable: boolean
  readonly #appends: AppendWorkload
  /** Those that write more often stand more than once. */
  readonly #workloads: readonly Workload[]
  #log: Log | null = null
  #clock = new ManualClock(1_000_000)
  /** The power went since the log was last looked at. */
  #powerLost = false
  /** Some write may have failed since the opening. */
  #wasFaulty = false
  /** A sync failed since the opening: its partition takes no more appends, as is documented. */
  #syncMayFail = false

  constructor(seed: number) {
    this.#seed = seed
    const dice = new Dice(seededRandom(seed))
    this.#dice = dice
    this.#files = new SimulatedFiles({ seed: seed ^ 0x5eed, now: () => this.#clock.now() })
    this.#durable = dice.oneIn(2)
    this.#tell(this.#durable ? 'flush.messages=1' : 'no flushes')
    const world = { dice, now: () => this.#clock.now(), tell: (event: string) => this.#tell(event) }
    this.#appends = new AppendWorkload(world)
    const transfers = new TransferWorkload(world)
    const keyed = new CompactedWorkload(world)
    const retention = new RetentionWorkload(world)
    const commits = new CommitWorkload(world)
    const topics = new TopicWorkload(world)
    this.#workloads = [
      this.#appends,
      this.#appends,
      keyed,
      keyed,
      transfers,
      transfers,
      transfers,
      retention,
      commits,
      topics,
    ]
  }

  #tell(event: string): void {
    this.story.push(event)
  }

  async run(): Promise<void> {
    await this.#open()
    for (let step = 0; step < STEPS; step++) {
      if (this.#dice.oneIn(8)) this.#files.crashAfter(this.#dice.below(20))
      const done = await this.#step()
      if (this.#files.crashed || this.#dice.oneIn(done ? 20 : 3)) await this.#crashAndReopen()
      else if (this.#dice.oneIn(25)) await this.#closeAndReopen()
    }
    this.#files.crashAfter(Number.POSITIVE_INFINITY)
    await this.#crashAndReopen()
    await this.#closeAndReopen()
    this.#files.faults = {}
    await this.#log!.close()
  }

  // ------------------------------------------------------------------------------------------------- steps

  /** False: it failed, by an injected fault or since a producer is no longer usable. */
  async #step(): Promise<boolean> {
    const kind = this.#dice.below(14)
    try {
      if (kind < 10) await this.#workloads[kind]!.step()
      else if (kind < 12) await this.#passTime()
      else if (kind === 12) await this.#check(false)
      else await this.#fillDisk()
      return true
    } catch (error) {
      this.#tell(`  failed: ${error instanceof Error ? error.message : String(error)}`)
      // Every failure has a type and a code, but for that of a process that is gone.
      if (!this.#files.crashed && !(error instanceof ForebayError)) throw error
      return false
    }
  }

  /** Checkpoints, compaction, retention, timeouts and what else is due happen, or begin to. */
  async #passTime(): Promise<void> {
    this.#tell('a minute passes')
    if (this.#dice.oneIn(4)) this.#files.crashAfter(this.#dice.below(60))
    this.#clock.advance(61_000)
    for (let turn = this.#dice.below(6); turn > 0; turn--) await new Promise(setImmediate)
  }

  /** While nothing fits, readers go on; when there is room again, so do writers. */
  async #fillDisk(): Promise<void> {
    this.#tell('the disk is full')
    this.#wasFaulty = true
    const { faults } = this.#files
    this.#files.faults = { ...faults, diskFull: true }
    for (let i = this.#dice.below(4); i >= 0; i--) {
      await this.#workloads[this.#dice.below(10)]!.step().catch((error: unknown) => {
        if (!this.#files.crashed && !(error instanceof ForebayError)) throw error
      })
    }
    if (this.#dice.oneIn(3)) await this.#passTime()
    await this.#check(false)
    this.#tell('there is room')
    this.#files.faults = faults
    if (!this.#syncMayFail && faults.writeError === undefined) await this.#appends.append()
  }

  // -------------------------------------------------------------------------------------- crash and reopening

  async #crashAndReopen(): Promise<void> {
    this.#files.faults = {}
    this.#crash(this.#dice.oneIn(2))
    if (this.#dice.oneIn(3)) {
      this.#files.crashAfter(this.#dice.below(10))
      await this.#open().catch(() => {})
      this.#crash(this.#dice.oneIn(2))
    }
    this.#verifyFiles(false)
    if (this.#dice.oneIn(4)) this.#loseFiles()
    await this.#open()
    await this.#check(true)
    this.#injectFaults()
  }

  #crash(power: boolean): void {
    this.#tell(power ? 'POWER CUT' : 'KILL')
    this.#log = null
    if (power) this.#files.powerCut()
    else this.#files.kill()
    this.#powerLost ||= power
  }

  /** A close that succeeds leaves everything stable, and nothing to recover. */
  async #closeAndReopen(): Promise<void> {
    this.#tell('close')
    this.#files.faults = {}
    try {
      await this.#log!.close()
    } catch (error) {
      // What failed before, and nobody was told yet, is told now.
      if (!this.#files.crashed && !(this.#wasFaulty && error instanceof ForebayError)) throw error
      this.#tell(`  failed: ${error instanceof Error ? error.message : String(error)}`)
      await this.#crashAndReopen()
      return
    }
    const before = this.#powerLost
    if (this.#dice.oneIn(2)) this.#crash(true)
    this.#powerLost = before
    this.#verifyFiles(true)
    await this.#open()
    await this.#check(true)
    this.#injectFaults()
  }

  #injectFaults(): void {
    const dice = this.#dice
    this.#syncMayFail = false
    this.#wasFaulty = false
    this.#files.faults = dice.oneIn(4) ? { shortRead: 0.3 } : {}
    if (!dice.oneIn(3)) return
    this.#wasFaulty = true
    this.#syncMayFail = this.#durable && dice.oneIn(2)
    this.#files.faults = { ...this.#files.faults, writeError: 0.02, syncError: this.#syncMayFail ? 0.02 : 0 }
  }

  /** Indexes and snapshots are only there for speed: all of them may go. */
  #loseFiles(): void {
    for (const directory of this.#files.list(DIRECTORY)) {
      for (const name of this.#files.list(`${DIRECTORY}/${directory}`)) {
        if (!/\.(index|timeindex|snapshot)$/.test(name) || !this.#dice.oneIn(3)) continue
        this.#tell(`lose ${directory}/${name}`)
        this.#files.remove(`${DIRECTORY}/${directory}/${name}`)
      }
    }
  }

  /** Neither a crash nor a close may leave what `verify` calls damage. */
  #verifyFiles(closed: boolean): void {
    const { problems } = verifyDataDirectory({ dataDirectory: DIRECTORY, fileSystem: this.#files })
    const bad = problems.filter((p) => p.severity === 'damage')
    // Without flushes, later segments may have survived what is lost of earlier ones; the opening cuts them off.
    if (bad.length > 0 && (closed || this.#durable || !this.#powerLost)) {
      throw new Error(`verify: ${JSON.stringify(bad, null, 2)}`)
    }
  }

  async #open(): Promise<void> {
    // The timers of the process before never fire.
    this.#clock = new ManualClock(this.#clock.now() + 1)
    const log = await Log.open({
      dataDirectory: DIRECTORY,
      fileSystem: this.#files.mount(),
      clock: this.#clock,
      random: seededRandom(this.#seed + this.#files.changeCount),
      recentBatchesBytes: this.#dice.below(2) * 10_000,
      compactionIntervalMs: 60_000,
      retentionCheckIntervalMs: 60_000,
      ...(this.#durable ? { flush: { messages: 1 } } : {}),
    })
    this.#log = log
    await log.admin.createTopics(TOPICS, { ifNotExists: true })
    for (const workload of new Set(this.#workloads)) await workload.open(log)
    // What the coordinators write is compacted as well.
    for (const topic of ['__consumer_offsets', '__transaction_state']) {
      await log.admin.alterConfigs(topic, COMPACTED).catch((error: unknown) => {
        if (!isKafkaError(error, 'UNKNOWN_TOPIC_OR_PARTITION')) throw error
      })
    }
  }

  // --------------------------------------------------------------------------------------------------- check

  async #check(reopened: boolean): Promise<void> {
    const lossAllowed = reopened && this.#powerLost && !this.#durable
    if (reopened) this.#powerLost = false
    for (const workload of new Set(this.#workloads)) await workload.check({ lossAllowed, reopened })
  }
}
