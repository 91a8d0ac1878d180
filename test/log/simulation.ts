import { ManualClock, type Random, randomBelow, seededRandom } from '../../src/common/index.js'
import { Log, type OffsetCommit, type Producer, verifyDataDirectory } from '../../src/log/index.js'
import { SimulatedFiles } from '../../src/testing/index.js'
import { at, readAll, text } from './log-fixture.js'
import { CompactedModel, PartitionModel, TransferModel } from './simulation-model.js'

/*
 * One schedule: a log on simulated files that is written to, crashes and is opened again, beside a model of what it
 * promised. All choices come from the seed, so a failure repeats itself.
 */

const DIRECTORY = '/data'
const SMALL = { 'internal.segment.bytes': '600', 'index.interval.bytes': '150' }
const TOPICS = [
  { topic: 'plain', partitions: 2, configs: SMALL },
  { topic: 'debits', configs: SMALL },
  { topic: 'credits', partitions: 2, configs: SMALL },
  { topic: 'keyed', configs: { ...SMALL, 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.1' } },
]
/** A transfer writes one record to each of these, and the group's offset, in one transaction. */
const ACCOUNTS = [at('debits'), at('credits', 0), at('credits', 1)]
const OUTSIDE = { groupId: 'transfers', generationId: -1, memberId: '' }

type TextProducer = Producer<string, string>
interface Running {
  readonly log: Log
  readonly clock: ManualClock
  readonly plain: TextProducer
  readonly transactional: TextProducer
}

export class Schedule {
  /** What happened, for the message of a failure. */
  readonly story: string[] = []
  readonly #seed: number
  readonly #random: Random
  readonly #files: SimulatedFiles
  /** Every acknowledgement waits for stable storage; else it promises to survive a killed process, not a power cut. */
  readonly #durable: boolean
  readonly #plain = [new PartitionModel(), new PartitionModel()]
  readonly #keyed = new CompactedModel()
  readonly #transfers = new TransferModel(ACCOUNTS.length)
  readonly #commits: { readonly offset: number; acknowledged: boolean }[] = []
  #running: Running | null = null
  #now = 1_000_000
  #counter = 0
  /** The power went since the log was last looked at. */
  #powerLost = false

  constructor(seed: number) {
    this.#seed = seed
    this.#random = seededRandom(seed)
    this.#files = new SimulatedFiles({ seed: seed ^ 0x5eed })
    this.#durable = this.#chance(2)
    this.story.push(this.#durable ? 'flush.messages=1' : 'no flushes')
  }

  async run(): Promise<void> {
    await this.#open()
    for (let step = 0; step < 40; step++) {
      if (this.#chance(8)) this.#files.crashAfter(this.#below(20))
      const failed = !(await this.#step())
      if (this.#files.crashed || this.#chance(failed ? 2 : 15)) await this.#crashAndReopen()
    }
    await this.#crashAndReopen()
    this.#files.faults = {}
    await this.#running!.log.close()
    this.#verifyFiles(true)
    await this.#open()
    await this.#check()
    await this.#running!.log.close()
  }

  #below(limit: number): number {
    return randomBelow(this.#random, limit)
  }

  /** True once in `n` times. */
  #chance(n: number): boolean {
    return this.#below(n) === 0
  }

  // ------------------------------------------------------------------------------------------------- steps

  /** False: it failed, by an injected fault or since a producer is no longer usable. */
  async #step(): Promise<boolean> {
    const kind = this.#below(10)
    try {
      if (kind < 3) await this.#appendPlain()
      else if (kind < 5) await this.#appendKeyed()
      else if (kind < 8) await this.#transfer()
      else if (kind === 8) await this.#commitOffset()
      else await this.#passTime()
      return true
    } catch (error) {
      this.story.push(`  failed: ${error instanceof Error ? error.message : String(error)}`)
      return false
    }
  }

  async #appendPlain(): Promise<void> {
    const count = 1 + this.#below(6)
    this.story.push(`append ${count}`)
    const sends: Promise<void>[] = []
    for (let i = 0; i < count; i++) {
      const partition = this.#below(2)
      const value = `v${this.#counter++}`
      const model = this.#plain[partition]!
      model.attempted(value)
      const sent = this.#running!.plain.send({ topic: 'plain', partition, value })
      sends.push(sent.then(({ offset }) => model.acknowledged(offset, value)))
    }
    await allSettled(sends)
  }

  async #appendKeyed(): Promise<void> {
    const count = 1 + this.#below(8)
    this.story.push(`append ${count} keyed`)
    const sends: Promise<void>[] = []
    for (let i = 0; i < count; i++) {
      const key = `k${this.#below(5)}`
      const value = `${key}:${this.#counter++}`
      this.#keyed.attempted(value)
      const sent = this.#running!.plain.send({ topic: 'keyed', key, value })
      sends.push(sent.then(({ offset }) => this.#keyed.acknowledged(offset, value)))
    }
    await allSettled(sends)
  }

  async #transfer(): Promise<void> {
    const id = this.#transfers.begin()
    const abort = this.#chance(3)
    this.story.push(`transfer ${id}${abort ? ', to be aborted' : ''}`)
    const producer = this.#running!.transactional
    if (abort) this.#transfers.aborted(id)
    producer.beginTransaction()
    for (const { topic, partition } of ACCOUNTS) {
      producer.write({ topic, partition, value: `${id}` })
      if (this.#chance(3)) await producer.flush()
    }
    await producer.sendOffsetsToTransaction([{ ...at('input'), offset: id + 1 }], OUTSIDE)
    if (abort) await producer.abortTransaction()
    else {
      await producer.commitTransaction()
      this.#transfers.committed(id)
    }
  }

  async #commitOffset(): Promise<void> {
    const commit = { offset: this.#commits.length + 1, acknowledged: false }
    this.#commits.push(commit)
    this.story.push(`commit offset ${commit.offset}`)
    const consumer = this.#running!.log.consumer({ groupId: 'reader', enableAutoCommit: false })
    await consumer.commit([{ ...at('plain'), offset: commit.offset }])
    commit.acknowledged = true
  }

  /** Checkpoints, compaction and what else is due happen, or begin to. */
  async #passTime(): Promise<void> {
    this.story.push('a minute passes')
    this.#running!.clock.advance(61_000)
    for (let turn = this.#below(6); turn > 0; turn--) await new Promise(setImmediate)
  }

  // -------------------------------------------------------------------------------------- crash and reopening

  async #crashAndReopen(): Promise<void> {
    this.#files.faults = {}
    this.#crash()
    if (this.#chance(3)) {
      this.#files.crashAfter(this.#below(10))
      await this.#open().catch(() => {})
      this.#crash()
    }
    this.#verifyFiles(false)
    await this.#open()
    await this.#check()
    if (this.#chance(3)) {
      this.#files.faults = { writeError: 0.02, syncError: this.#durable && this.#chance(2) ? 0.02 : 0 }
    }
  }

  #crash(): void {
    const power = this.#chance(2)
    this.story.push(power ? 'POWER CUT' : 'KILL')
    this.#running = null
    if (power) this.#files.powerCut()
    else this.#files.kill()
    this.#powerLost ||= power
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
    const clock = new ManualClock(this.#now++)
    const log = await Log.open({
      dataDirectory: DIRECTORY,
      fileSystem: this.#files,
      clock,
      random: seededRandom(this.#seed + this.#now),
      recentBatchesBytes: this.#below(2) * 10_000,
      compactionIntervalMs: 60_000,
      ...(this.#durable ? { flush: { messages: 1 } } : {}),
    })
    await log.admin.createTopics(TOPICS, { ifNotExists: true })
    const plain = log.producer({ ...text, batchSize: 60, lingerMs: 0 })
    const transactional = log.producer({ ...text, transactionalId: 'bank', lingerMs: 0 })
    await transactional.initTransactions()
    this.#running = { log, clock, plain, transactional }
  }

  // --------------------------------------------------------------------------------------------------- check

  /** Compares what is in the log with what was promised, and takes it as what must be there from now on. */
  async #check(): Promise<void> {
    const { log } = this.#running!
    const lossAllowed = this.#powerLost && !this.#durable
    this.#powerLost = false
    for (const [partition, model] of this.#plain.entries()) {
      model.check(await readAll(log, [at('plain', partition)]), lossAllowed)
    }
    const [keyed] = await log.admin.describeTopics(['keyed'])
    this.#keyed.check(await readAll(log, [at('keyed')]), keyed!.partitions[0]!.endOffset, lossAllowed)
    const accounts = await Promise.all(ACCOUNTS.map((account) => readAll(log, [account], 'read_committed')))
    const ids = accounts.map((records) => records.map((record) => Number(record.value)))
    const staged = (await log.admin.groupOffsets(OUTSIDE.groupId))[0]
    this.#transfers.check(ids, staged?.offset ?? 0, lossAllowed)
    this.#checkCommits((await log.admin.groupOffsets('reader'))[0], lossAllowed)
  }

  #checkCommits(found: OffsetCommit | undefined, lossAllowed: boolean): void {
    const offset = found?.offset ?? 0
    const least = lossAllowed ? 0 : (this.#commits.findLast((c) => c.acknowledged)?.offset ?? 0)
    if (offset < least)
      throw new Error(`the committed offset is ${offset}, although ${least} was acknowledged`)
    if (offset > this.#commits.length)
      throw new Error(`the committed offset is ${offset}, which nobody committed`)
    // What is there now stays; what is not never comes back.
    for (const [i, commit] of this.#commits.entries()) {
      this.#commits[i] = { offset: commit.offset, acknowledged: commit.offset === offset }
    }
  }
}

/** Waits for all of them, then throws the first failure. */
async function allSettled(promises: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(promises))
    if (result.status === 'rejected') throw result.reason
}
