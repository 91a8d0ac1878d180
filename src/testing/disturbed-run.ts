import { type Random, randomBelow, seededRandom } from '../common/index.js'
import { runtime, type StreamsConfig, type TopologyModel } from '../streams/index.js'
import type { CapturedRecord } from './captured-record.js'
import type { InputPace } from './input-pace.js'
import type { TopologyResults } from './record-at-a-time.js'
import { SimulatedApp, STATE_DIRECTORY } from './simulated-app.js'
import { SimulatedFiles } from './simulated-files.js'
import { type StoreRow, storeContents } from './store-contents.js'

export interface DisturbedRunOptions {
  readonly build: () => TopologyModel
  readonly input: readonly CapturedRecord[]
  /** Topics that are written to. */
  readonly outputs: readonly string[]
  readonly pace: InputPace
  readonly config: Partial<StreamsConfig>
  /** Updates of tables may collapse. */
  readonly mayCollapse: boolean
  readonly seed: number
}

/**
 * An application that is given its input in random bundles, killed at random changes of its files and started again,
 * now and then without its state. All choices come from the seed.
 */
export class DisturbedRun {
  /** What happened so far. */
  readonly story: string[] = []
  readonly #options: DisturbedRunOptions
  readonly #random: Random
  readonly #files: SimulatedFiles
  readonly #app: SimulatedApp
  readonly #globalTopics: ReadonlySet<string>
  readonly #writtenTopics: ReadonlySet<string>
  /** Records that the log has. */
  #sent = 0
  #newest = -1
  #crashesLeft: number

  constructor(options: DisturbedRunOptions) {
    this.#options = options
    this.#random = seededRandom(options.seed)
    this.#files = new SimulatedFiles({ seed: options.seed })
    this.#crashesLeft = this.#below(7)
    const model = options.build()
    const global = model.subtopologies.filter((step) => step.global).flatMap(({ nodes }) => nodes)
    this.#globalTopics = new Set(
      runtime.sourcesOf(global).flatMap(({ topics }) => (topics instanceof RegExp ? [] : [...topics])),
    )
    this.#writtenTopics = new Set(options.outputs)
    const read = runtime
      .sourcesOf([...model.nodes.values()])
      .flatMap(({ topics }) => (topics instanceof RegExp ? [] : [...topics]))
      .filter((topic) => !model.repartitionTopics.has(topic))
    const topics = new Set([...read, ...options.input.map(({ topic }) => topic), ...options.outputs])
    const config = this.#config()
    this.story.push(JSON.stringify(config))
    this.#app = new SimulatedApp({
      build: options.build,
      files: this.#files,
      random: this.#random,
      topics: [...topics].map((topic) => ({ topic })),
      config: { ...options.config, ...config },
    })
  }

  async run(): Promise<TopologyResults> {
    await this.#open()
    while (this.#sent < this.#options.input.length) {
      if (this.#crashesLeft > 0 && this.#chance(3)) {
        this.#files.crashAfter(this.#below(this.#chance(2) ? 30 : 200))
      }
      await this.#unlessCrashed(() => this.#step())
      if (this.#app.crashed) await this.#killAndOpen()
    }
    await this.#unlessCrashed(() => this.#app.caughtUp())
    if (this.#app.crashed) await this.#killAndOpen()
    this.#files.crashAfter(Number.POSITIVE_INFINITY)
    await this.#app.caughtUp()
    const results = { outputs: await this.#outputs(), stores: this.#stores() }
    await this.#app.close()
    return results
  }

  /** Settings that must not matter. */
  #config() {
    return {
      processingGuarantee: 'exactly_once_v2' as const,
      emitEveryUpdate: !this.#options.mayCollapse || this.#chance(2),
      commitIntervalMs: this.#oneOf([0, 0, 30, 100]),
      cacheMaxEntries: this.#oneOf([0, 1, 5, 1000]),
      bufferedRecordsPerPartition: this.#oneOf([1, 2, 5, 1000]),
    }
  }

  #below(limit: number): number {
    return randomBelow(this.#random, limit)
  }

  #chance(n: number): boolean {
    return this.#below(n) === 0
  }

  #oneOf<T>(values: readonly T[]): T {
    return values[this.#below(values.length)]!
  }

  async #unlessCrashed(action: () => Promise<void>): Promise<void> {
    try {
      await action()
    } catch (error) {
      if (!this.#app.crashed) throw error
    }
  }

  async #step(): Promise<void> {
    const kind = this.#below(12)
    if (kind < 8) await this.#send()
    else if (kind < 10) {
      const turns = this.#below(60)
      this.story.push(`run for ${turns} turns`)
      await this.#app.pass(turns)
    } else if (kind < 11) {
      this.story.push('time passes')
      this.#app.advance(1 + this.#below(40_000))
      await this.#app.pass(10)
    } else {
      this.story.push('close, start again')
      await this.#app.close()
      await this.#open()
    }
  }

  async #send(): Promise<void> {
    const bundle = await this.#nextBundle()
    const { topic } = bundle[0]!
    this.story.push(`send ${bundle.length} to ${topic}`)
    // Where the application writes as well, nobody could tell whose records have arrived.
    if (this.#writtenTopics.has(topic)) this.#files.crashAfter(Number.POSITIVE_INFINITY)
    await this.#app.send(bundle.map((record) => ({ ...record, partition: 0 })))
    this.#passed(bundle.length)
    if (!this.#globalTopics.has(topic)) return
    // Global tables follow their topic when they like; a start reads all of it.
    await this.#app.close()
    await this.#open()
  }

  /** Records of one topic, for which nothing more has to be waited for. */
  async #nextBundle(): Promise<CapturedRecord[]> {
    const { input, pace } = this.#options
    const first = input[this.#sent]!
    const before = input[this.#sent - 1]
    const changes = before !== undefined && before.topic !== first.topic
    const mixes = changes && (first.timestamp <= this.#newest || this.#globalTopics.has(first.topic))
    if (pace === 'stepwise' || mixes) await this.#app.caughtUp()
    const bundle = [first]
    for (let room = pace === 'stepwise' ? 0 : this.#below(8); room > 0; room--) {
      const next = input[this.#sent + bundle.length]
      if (next === undefined || next.topic !== first.topic) break
      bundle.push(next)
    }
    return bundle
  }

  #passed(count: number): void {
    for (const { timestamp } of this.#options.input.slice(this.#sent, this.#sent + count)) {
      this.#newest = Math.max(this.#newest, timestamp)
    }
    this.#sent += count
  }

  async #killAndOpen(): Promise<void> {
    this.#crashesLeft--
    for (;;) {
      this.story.push('KILL')
      await this.#app.kill()
      if (this.#chance(4)) {
        this.story.push('the state directory is lost')
        this.#files.remove(STATE_DIRECTORY)
      }
      if (this.#chance(4)) this.#files.crashAfter(this.#below(60))
      await this.#unlessCrashed(() => this.#open())
      if (!this.#app.crashed) break
    }
    this.#files.crashAfter(Number.POSITIVE_INFINITY)
  }

  async #open(): Promise<void> {
    await this.#app.openLog()
    await this.#countArrived()
    await this.#app.start()
  }

  /** What was sent without an answer is there or not. */
  async #countArrived(): Promise<void> {
    const { input } = this.#options
    const next = input[this.#sent]
    if (next === undefined || this.#writtenTopics.has(next.topic)) return
    const before = input.slice(0, this.#sent).filter(({ topic }) => topic === next.topic).length
    const [described] = await this.#app.waitFor(this.#app.log.admin.describeTopics([next.topic]))
    this.#passed(described!.partitions[0]!.endOffset - before)
  }

  async #outputs(): Promise<ReadonlyMap<string, readonly CapturedRecord[]>> {
    const outputs = new Map<string, readonly CapturedRecord[]>()
    for (const topic of this.#options.outputs) {
      outputs.set(topic, await this.#app.read({ topic, partition: 0 }))
    }
    return outputs
  }

  #stores(): ReadonlyMap<string, readonly StoreRow[]> {
    const contents = new Map<string, readonly StoreRow[]>()
    for (const [name, { spec }] of this.#options.build().stores) {
      const [store] = this.#app.streams.storePartitions(name)
      if (store !== undefined) contents.set(name, storeContents(spec, store))
    }
    return contents
  }
}
