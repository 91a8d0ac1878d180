import { type Random, randomBelow, seededRandom } from '../../../src/common/index.js'
import { partitionOfKey, type TopicPartition } from '../../../src/log/index.js'
import {
  openStateDatabase,
  type StateStore,
  type StoreSpec,
  type WindowStore,
} from '../../../src/state/index.js'
import type { KafkaStreamsOptions } from '../../../src/streams/index.js'
import type { CapturedRecord } from '../../../src/testing/captured-record.js'
import { SimulatedFiles } from '../../../src/testing/index.js'
import { recordAtATime, type TopologyResults } from '../../../src/testing/record-at-a-time.js'
import { SimulatedApp, STATE_DIRECTORY } from '../../../src/testing/simulated-app.js'
import { type StoreRow, storeContents } from '../../../src/testing/store-contents.js'
import {
  missing,
  type Output,
  outputOf,
  sameContents,
  sameLastResults,
  sameOutputs,
  sameRuns,
} from './comparisons.js'
import { type SimulatedTopology, topologies } from './topologies.js'

/*
 * One schedule: an application that is fed, stopped at any change of a file, and started again, beside a list of the
 * input that the log has taken. At the end its results are those of the same input taken record by record.
 */

/**
 * What may get lost.
 *
 * - kill: nothing; the process stops, the machine goes on
 * - durable: nothing, although the power goes: every acknowledgement waited for stable storage
 * - input: what the log acknowledged of the input; all else waited
 * - all: anything that was not synced: state and log then say different things
 */
type Losses = 'kill' | 'durable' | 'input' | 'all'

interface InputRecord extends CapturedRecord {
  readonly partition: number
}

const NEVER = '9223372036854775807'
const passingFailure = 'a passing failure'

export class StreamsSchedule {
  /** What happened, for the message of a failure. */
  readonly story: string[] = []
  readonly topology: SimulatedTopology
  readonly losses: Losses
  readonly exactlyOnce: boolean
  readonly #seed: number
  readonly #random: Random
  readonly #files: SimulatedFiles
  readonly #app: SimulatedApp
  readonly #inputs: readonly TopicPartition[]
  /** What the log has taken, and the application has seen or will see, in order. */
  #taken: InputRecord[] = []
  /** By topic-partition: how many offsets were given out again for what a power cut took after it was processed. */
  readonly #shift = new Map<string, number>()
  /** Not acknowledged yet. */
  #pending: InputRecord[] = []
  #newest = 0
  /** The topic from which each partition was sent records last. */
  readonly #sentLast: string[] = []
  /** Records that stores were restored from, since it was last set to 0. */
  #restored = 0
  /** The power went where that may lose something. */
  #lossy = false
  /** Nothing throws any more. */
  #calm = false

  constructor(seed: number) {
    this.#seed = seed
    this.#random = seededRandom(seed)
    this.topology = this.#oneOf(topologies)
    this.exactlyOnce = !this.#chance(4)
    // Not where lost input leaves traces that were not committed, or is missed when a table is read back from it.
    const input = this.exactlyOnce && !this.topology.readsBack ? 'input' : 'durable'
    this.losses = this.#oneOf(['kill', 'kill', 'durable', input, 'all'] as const)
    this.story.push(
      `${this.topology.name}, ${this.exactlyOnce ? 'exactly' : 'at least'} once, ${this.losses}`,
    )
    this.#files = new SimulatedFiles({ seed: seed ^ 0x5eed })
    const { partitions, inputs } = this.topology
    this.#inputs = inputs.flatMap((topic) =>
      Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
    )
    this.#app = this.#newApp(this.#files, this.#random)
  }

  async run(): Promise<void> {
    await this.#reopen()
    for (let step = 4 + this.#below(10); step > 0; step--) {
      if (this.#chance(3)) this.#files.crashAfter(this.#below(this.#chance(2) ? 30 : 200))
      await this.#attempt(() => this.#step())
      if (this.#app.crashed || this.#chance(12)) await this.#crash()
    }
    if (this.#app.crashed) await this.#crash()
    this.#files.crashAfter(Number.POSITIVE_INFINITY)
    if (this.#lossy && this.losses === 'all') await this.#endBesideStateless()
    else await this.#end()
  }

  #newApp(files: SimulatedFiles, random: Random): SimulatedApp {
    const { partitions, inputs, build } = this.topology
    const configs: Record<string, string> = this.losses === 'input' ? { 'flush.messages': NEVER } : {}
    return new SimulatedApp({
      build,
      files,
      random,
      topics: [...inputs.map((topic) => ({ topic, partitions, configs })), { topic: 'out', partitions }],
      durable: this.losses === 'durable' || this.losses === 'input',
      clockJumps: this.#chance(4),
      config: {
        restoreListener: {
          onRestoreEnd: ({ restored }) => {
            this.#restored += restored
          },
        },
        ...(this.#chance(4) ? this.#nervous() : {}),
        processingGuarantee: this.exactlyOnce ? 'exactly_once_v2' : 'at_least_once',
        emitEveryUpdate: true,
        commitIntervalMs: this.#oneOf([0, 0, 30, 100]),
        cacheMaxEntries: this.#oneOf([0, 1, 5, 1000]),
        bufferedRecordsPerPartition: this.#oneOf([1, 2, 5, 1000]),
      },
    })
  }

  /** Something throws now and then; the thread is replaced, and goes on from the last commit. */
  #nervous(): Partial<KafkaStreamsOptions> {
    return {
      defaultTimestampExtractor: ({ timestamp }) => {
        if (!this.#calm && this.#chance(40)) throw new RangeError(passingFailure)
        return timestamp
      },
      uncaughtExceptionHandler: () => (this.#files.crashed ? 'SHUTDOWN_CLIENT' : 'REPLACE_THREAD'),
    }
  }

  /** False where something threw: as the application closed, or before, and then its state may not have come back yet. */
  async #closesClean(): Promise<boolean> {
    const { streams } = this.#app
    try {
      await this.#app.close()
      return streams.metrics().restarts === 0
    } catch (error) {
      if (!String(error).includes(passingFailure)) throw error
      return false
    }
  }

  #below(limit: number): number {
    return randomBelow(this.#random, limit)
  }

  /** True once in `n` times. */
  #chance(n: number): boolean {
    return this.#below(n) === 0
  }

  #oneOf<T>(values: readonly T[]): T {
    return values[this.#below(values.length)]!
  }

  // ------------------------------------------------------------------------------------------------------ steps

  /** A failure is part of the schedule when the simulated process has stopped, and only then. */
  async #attempt(action: () => Promise<void>): Promise<boolean> {
    try {
      await action()
      return true
    } catch (error) {
      if (!this.#app.crashed) throw error
      return false
    }
  }

  async #step(): Promise<void> {
    const kind = this.#below(10)
    if (kind < 5) await this.#produce()
    else if (kind < 7) {
      const turns = this.#below(80)
      this.story.push(`run for ${turns} turns`)
      await this.#app.pass(turns)
    } else if (kind < 8) {
      this.story.push('catch up')
      await this.#app.caughtUp()
    } else if (kind < 9) {
      this.story.push('time passes')
      this.#app.advance(1000 + this.#below(40_000))
      await this.#app.pass(20)
    } else {
      this.story.push('close, open again')
      const clean = await this.#closesClean()
      this.#restored = 0
      await this.#open()
      if (clean && this.#restored > 0)
        throw new Error(`${this.#restored} records were restored after a clean stop`)
    }
  }

  async #produce(): Promise<void> {
    if (this.#pending.length === 0) this.#pending = this.#burst()
    if (this.topology.stepwise === true) await this.#app.caughtUp()
    this.story.push(`send ${this.#pending.map(shown).join(' ')}`)
    await this.#app.send(this.#pending)
    this.#taken.push(...this.#pending)
    this.#pending = []
  }

  /**
   * Records for one topic. They come in any order of time, but where a partition had records of another topic before,
   * time moves on: the order in which a task takes them then does not depend on when they are sent.
   */
  #burst(): InputRecord[] {
    const { inputs, partitions, stepwise = false } = this.topology
    const topic = this.#oneOf(inputs)
    const values = this.topology.values?.[topic] ?? ['a', 'b', 'c', 'd', 'e']
    const records: InputRecord[] = []
    const keys = new Set<string>()
    for (let count = 1 + this.#below(6); count > 0; count--) {
      const key = this.#oneOf(['a', 'b', 'c', 'd'])
      if (stepwise && keys.has(key)) continue
      keys.add(key)
      const bytes = Buffer.from(key)
      const partition = partitionOfKey(bytes, partitions)
      const late = this.#sentLast[partition] === topic
      this.#sentLast[partition] = topic
      const timestamp = Math.max(0, this.#newest + 1 + this.#below(6) - (late ? this.#below(12) : 0))
      this.#newest = Math.max(this.#newest, timestamp)
      const value = this.#chance(8) ? null : Buffer.from(this.#oneOf(values))
      records.push({
        topic,
        partition,
        key: bytes,
        value,
        timestamp,
        headers: [],
      })
    }
    return records
  }

  // ----------------------------------------------------------------------------------------------- crash and reopening

  async #crash(): Promise<void> {
    const power = this.losses !== 'kill' && this.#chance(2)
    this.story.push(power ? 'POWER CUT' : 'KILL')
    await this.#app.kill()
    if (power) {
      // The state may happen to lie on the disk as it was left, whatever becomes of the log.
      if (this.#chance(2)) this.#syncDirectories(STATE_DIRECTORY)
      this.#files.powerCut()
    }
    this.#lossy ||= power
    await this.#reopen()
  }

  #syncDirectories(path: string): void {
    if (!this.#files.isDirectory(path)) return
    for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) this.#files.syncDirectory(at)
    this.#files.syncDirectory('/')
    for (const name of this.#files.list(path)) this.#syncDirectories(`${path}/${name}`)
  }

  async #reopen(): Promise<void> {
    for (;;) {
      if (this.#chance(5)) {
        this.story.push('the state directory is lost')
        this.#files.remove(STATE_DIRECTORY)
      }
      const early = this.#chance(4)
      if (early) this.#files.crashAfter(this.#below(60))
      const opened = await this.#attempt(() => this.#open())
      if (early && !this.#app.crashed) this.#files.crashAfter(Number.POSITIVE_INFINITY)
      if (opened && !this.#app.crashed) return
      this.story.push('KILL while starting')
      await this.#app.kill()
    }
  }

  /** Looks what there is of the input before the application moves on. */
  async #open(): Promise<void> {
    await this.#app.openLog()
    await this.#survey()
    await this.#app.start()
  }

  async #survey(): Promise<void> {
    const { log } = this.#app
    const committed = await this.#app.waitFor(log.admin.groupOffsets('app'))
    const described = await this.#app.waitFor(log.admin.describeTopics(this.topology.inputs))
    for (const at of this.#inputs) {
      const end = described.find(({ topic }) => topic === at.topic)!.partitions[at.partition]!.endOffset
      const read = committed.find((o) => o.topic === at.topic && o.partition === at.partition)?.offset ?? 0
      this.#settle(at, end, read)
    }
  }

  /** What was sent without an answer is there or not; what was processed stays processed, though it is lost. */
  #settle(at: TopicPartition, end: number, committed: number): void {
    const name = `${at.topic}-${at.partition}`
    const shift = this.#shift.get(name) ?? 0
    const known = this.#taken.filter((r) => r.topic === at.topic && r.partition === at.partition)
    const arrived = end + shift - known.length
    if (arrived >= 0) {
      const waiting = this.#pending.filter((r) => r.topic === at.topic && r.partition === at.partition)
      const there = new Set(waiting.slice(0, arrived))
      if (there.size < arrived) throw new Error(`${name} ends at ${end}: more than was ever sent`)
      this.#taken.push(...there)
      this.#pending = this.#pending.filter((record) => !there.has(record))
      return
    }
    if (!this.#lossy || this.losses === 'durable') throw new Error(`${name} has lost ${-arrived} records`)
    const kept = Math.min(known.length, Math.max(end, committed) + shift)
    this.story.push(`  ${name} has lost ${-arrived} records, ${known.length - kept} of them for good`)
    const gone = new Set(known.slice(kept))
    this.#taken = this.#taken.filter((record) => !gone.has(record))
    // What is sent next may stand right behind records of the other topic.
    this.#sentLast[at.partition] = ''
    this.#shift.set(name, kept - end)
  }

  // -------------------------------------------------------------------------------------------------------- the end

  async #catchUp(): Promise<void> {
    if (this.#pending.length > 0) await this.#produce()
    await this.#app.caughtUp()
  }

  /** The results are those of an undisturbed run. */
  async #end(): Promise<void> {
    await this.#catchUp()
    for (let partition = 0; partition < this.topology.partitions; partition++) {
      const expected = await this.#undisturbed(partition)
      const found = await this.#outputs(this.#app, partition)
      const wanted = (expected.outputs.get('out') ?? []).map(outputOf)
      if (this.exactlyOnce) sameOutputs(wanted, found)
      else missing(this.topology.atLeastOnce, wanted, found)
      if (this.exactlyOnce) {
        for (const [store, rows] of expected.stores) {
          sameContents(`store ${store}`, rows, this.#contents(this.#app, store, partition))
        }
      }
    }
    await this.#checkStores()
    await this.#app.close()
  }

  #undisturbed(partition: number): Promise<TopologyResults> {
    return recordAtATime(
      this.topology.build(),
      this.#taken.filter((record) => record.partition === partition),
    )
  }

  /** Whatever is left of the log: the results are the same with what is left of the state and without. */
  async #endBesideStateless(): Promise<void> {
    await this.#app.kill()
    // At least once, a thread that is replaced repeats its input: in this run, and not in the one beside it.
    this.#calm = !this.exactlyOnce
    const files = copied(this.#files, this.#seed)
    const other = this.#newApp(files, seededRandom(this.#seed))
    const rest = [...Array(2)].flatMap(() => this.#burst())
    for (const app of [this.#app, other]) {
      await app.open()
      await app.caughtUp()
      for (const record of rest) {
        await app.send([record])
        if (this.topology.stepwise === true) await app.caughtUp()
      }
      await app.caughtUp()
    }
    for (let partition = 0; partition < this.topology.partitions; partition++) {
      this.#sameResults(await this.#outputs(other, partition), await this.#outputs(this.#app, partition))
      for (const store of this.#stores().keys()) {
        sameContents(
          `store ${store}`,
          this.#contents(other, store, partition),
          this.#contents(this.#app, store, partition),
        )
      }
    }
    await this.#checkStores()
    await this.#app.close()
    await other.close()
  }

  /**
   * Both runs repeat the same: they begin at the same committed offsets of the same log. But what a step handed on by a
   * topic of its own stays there uncommitted, and timing decides whether it arrives before the repetition of the input
   * it came from (the answer of a foreign-key join then belongs to no row, and is left out) or after it. At least once,
   * only the last results are the same then; exactly once, both are undone together.
   */
  #sameResults(stateless: readonly Output[], found: readonly Output[]): void {
    if (this.exactlyOnce || this.topology.stepwise !== true) sameRuns(stateless, found)
    else sameLastResults(stateless, found)
  }

  async #outputs(app: SimulatedApp, partition: number): Promise<Output[]> {
    return (await app.read({ topic: 'out', partition })).map(outputOf)
  }

  #contents(app: SimulatedApp, store: string, partition: number): StoreRow[] {
    return storeContents(this.#stores().get(store)!, this.#part(app, store, partition))
  }

  #part(app: SimulatedApp, store: string, partition: number): StateStore {
    return app.streams.storePartitions(store)[partition]!
  }

  /** Null values move the time of the buffers of joins, but are in no changelog. */
  #forget(spec: StoreSpec, replayed: StateStore, store: StateStore): void {
    if (spec.kind !== 'window' || !spec.retainDuplicates) return
    const buffer = replayed as WindowStore<unknown, unknown>
    buffer.put(null, null, (store as WindowStore<unknown, unknown>).newestTimeMs)
  }

  #stores(): Map<string, StoreSpec> {
    return new Map([...this.topology.build().stores].map(([name, { spec }]) => [name, spec]))
  }

  /** Every store holds what its changelog says, and nothing else. */
  async #checkStores(): Promise<void> {
    for (const [name, { spec, sourceTopic }] of this.topology.build().stores) {
      const topic = sourceTopic ?? `app-${name}-changelog`
      for (let partition = 0; partition < this.topology.partitions; partition++) {
        const records = await this.#app.read({ topic, partition })
        const database = openStateDatabase({ path: ':memory:' })
        const replayed = database.openStore<StateStore>(spec)
        database.restore(
          name,
          records.map(({ key, value, timestamp }) => ({ key: key!, value, timestamp })),
        )
        this.#forget(spec, replayed, this.#part(this.#app, name, partition))
        sameContents(
          `store ${name} beside its changelog`,
          storeContents(spec, replayed),
          this.#contents(this.#app, name, partition),
        )
        database.close()
      }
    }
  }
}

function shown({ topic, key, value, timestamp }: InputRecord): string {
  return `${topic}:${key}=${value}@${timestamp}`
}

/** The same log on other files, without the state. */
function copied(from: SimulatedFiles, seed: number): SimulatedFiles {
  const to = new SimulatedFiles({ seed })
  const copy = (path: string) => {
    if (path === STATE_DIRECTORY) return
    if (from.isDirectory(path)) {
      to.makeDirectory(path)
      for (const name of from.list(path)) copy(`${path === '/' ? '' : path}/${name}`)
      return
    }
    const handle = to.open(path, 'a+')
    handle.write(from.readFile(path), 0)
    handle.sync()
    handle.close()
  }
  copy('/')
  return to
}
