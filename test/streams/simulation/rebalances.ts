import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Clock,
  ManualClock,
  nextEventLoopTurn,
  type Random,
  randomBelow,
  seededRandom,
} from '../../../src/common/index.js'
import { Log, partitionOfKey } from '../../../src/log/index.js'
import { KafkaStreams } from '../../../src/streams/index.js'
import type { CapturedRecord } from '../../../src/testing/captured-record.js'
import { recordAtATime } from '../../../src/testing/record-at-a-time.js'
import { storeContents } from '../../../src/testing/store-contents.js'
import { missing, type Output, outputOf, sameContents, sameOutputs } from './comparisons.js'
import { ProcessLog } from './process-log.js'
import { type SimulatedTopology, topologies } from './topologies.js'

/*
 * One schedule: instances of an application come and go, crash and stall, on one log, while data flows. At the end their
 * results are those of the same input taken record by record, and those who have never stalled never ran a task at once.
 */

const names = ['count', 'windowed aggregate', 'table-table outer join']
const partitions = 4
const instancesMax = 4
/** Turns of the event loop after which something that should have come to an end is taken for stuck. */
const turnsMax = 50_000
const maxPollIntervalMs = 5_000

interface InputRecord extends CapturedRecord {
  readonly partition: number
}

interface Instance {
  readonly name: string
  readonly log: ProcessLog
  readonly streams: KafkaStreams
  readonly stateDir: string | null
  starting: Promise<void>
  everStalled: boolean
}

export class RebalanceSchedule {
  /** What happened, for the message of a failure. */
  readonly story: string[] = []
  readonly topology: SimulatedTopology
  readonly exactlyOnce: boolean
  readonly #random: Random
  readonly #clock = new ManualClock(1_000_000)
  readonly #log: Log
  readonly #standby: number
  readonly #home: string | null
  readonly #taken: InputRecord[] = []
  #instances: Instance[] = []
  #freeDirectories: string[] = []
  readonly #dying: ProcessLog[] = []
  #count = 0
  #newest = 0
  readonly #sentLast: string[] = []

  constructor(seed: number) {
    this.#random = seededRandom(seed)
    const chosen = this.#oneOf(names)
    this.topology = topologies.find(({ name }) => name === chosen)!
    this.exactlyOnce = !this.#chance(4)
    this.#standby = this.#below(3)
    this.#home = this.#chance(5) ? mkdtempSync(join(tmpdir(), 'forebay-rebalance-')) : null
    this.#log = Log.memory({ clock: this.#clock, random: seededRandom(seed ^ 0x5eed) })
    this.story.push(
      `${this.topology.name}, ${this.exactlyOnce ? 'exactly' : 'at least'} once, ${this.#standby} standbys` +
        `${this.#home === null ? '' : ', state on disk'}`,
    )
  }

  async run(): Promise<void> {
    try {
      const topics = [...this.topology.inputs, 'out'].map((topic) => ({ topic, partitions }))
      await this.#log.admin.createTopics(topics)
      this.#start()
      for (let step = 8 + this.#below(16); step > 0; step--) {
        await this.#step()
        this.#checkTasks()
      }
      await this.#end()
    } finally {
      await this.#dispose()
    }
  }

  async #step(): Promise<void> {
    const alive = this.#instances.filter(({ log }) => log.state === 'alive')
    const kind = this.#below(20)
    if (kind < 7) await this.#produce()
    else if (kind < 11) await this.#pass(1 + this.#below(40))
    else if (kind < 14 && this.#instances.length < instancesMax) this.#start()
    else if (kind < 15 && alive.length > 0) this.#close(this.#oneOf(alive))
    else if (kind < 17 && alive.length > 0) this.#crash(this.#oneOf(alive))
    else if (kind < 18 && alive.length > 0 && this.exactlyOnce) this.#stall(this.#oneOf(alive))
    else if (kind < 19) this.#wakeOne()
    else await this.#pass(1, maxPollIntervalMs)
  }

  // ----------------------------------------------------------------------------------------------------- instances

  #start(): void {
    const name = `instance ${this.#count++}`
    this.story.push(`${name} starts`)
    const log = new ProcessLog(this.#log)
    const stateDir =
      this.#home === null ? null : (this.#freeDirectories.pop() ?? join(this.#home, String(this.#count)))
    const streams = new KafkaStreams(this.topology.build(), {
      log,
      applicationId: 'app',
      ...(stateDir === null ? {} : { stateDir }),
      clock: this.#hastyClock(),
      random: this.#random,
      processingGuarantee: this.exactlyOnce ? 'exactly_once_v2' : 'at_least_once',
      emitEveryUpdate: true,
      commitIntervalMs: this.#oneOf([0, 0, 30, 100]),
      cacheMaxEntries: this.#oneOf([0, 5, 1000]),
      bufferedRecordsPerPartition: this.#oneOf([1, 5, 1000]),
      numStandbyReplicas: this.#standby,
      maxPollIntervalMs,
      sessionTimeoutMs: 3_000,
      heartbeatIntervalMs: 500,
    })
    const starting = streams.start()
    starting.catch(() => {})
    this.#instances.push({ name, log, streams, stateDir, starting, everStalled: false })
  }

  #close(instance: Instance): void {
    this.story.push(`${instance.name} closes`)
    this.#forget(instance)
    instance.streams
      .close()
      .then(() => {
        if (instance.stateDir !== null) this.#freeDirectories.push(instance.stateDir)
      })
      .catch((error: unknown) => this.story.push(`${instance.name} failed to close: ${String(error)}`))
  }

  /** Its directory goes with it: nobody has closed the databases in it. */
  #crash(instance: Instance): void {
    const call = this.#below(30)
    this.story.push(`${instance.name} crashes ${call} calls later`)
    if (call === 0) instance.log.stop('dead')
    else instance.log.stopAt(call, 'dead')
    this.#dying.push(instance.log)
    this.#forget(instance)
  }

  #stall(instance: Instance): void {
    const call = this.#below(30)
    this.story.push(`${instance.name} stalls ${call} calls later`)
    instance.everStalled = true
    if (call === 0) instance.log.stop('stalled')
    else instance.log.stopAt(call, 'stalled')
  }

  #wakeOne(): void {
    const stalled = this.#instances.filter(({ log }) => log.state === 'stalled')
    if (stalled.length === 0) return
    const instance = this.#oneOf(stalled)
    this.story.push(`${instance.name} goes on`)
    instance.log.goOn()
  }

  #forget(instance: Instance): void {
    this.#instances = this.#instances.filter((other) => other !== instance)
  }

  /** No task runs twice; an instance that stalled may not know yet what it has lost. */
  #checkTasks(): void {
    const seen = new Map<string, string>()
    for (const { name, log, streams, everStalled } of this.#instances) {
      if (everStalled || log.state !== 'alive') continue
      if (streams.state === 'ERROR') throw streams.failure
      for (const { taskId } of streams.metrics().tasks) {
        const other = seen.get(taskId)
        if (other !== undefined) throw new Error(`task ${taskId} runs in ${other} and in ${name}`)
        seen.set(taskId, name)
      }
    }
  }

  // ----------------------------------------------------------------------------------------------------------- input

  async #produce(): Promise<void> {
    const records = this.#burst()
    this.story.push(`send ${records.map(shown).join(' ')}`)
    const producer = this.#log.producer({ lingerMs: 0 })
    for (const record of records) producer.write(record)
    await this.#waitFor(producer.close())
    this.#taken.push(...records)
  }

  /** Where a partition had records of another topic before, time moves on: then the order of processing is defined. */
  #burst(): InputRecord[] {
    const topic = this.#oneOf(this.topology.inputs)
    return Array.from({ length: 1 + this.#below(12) }, () => {
      const key = Buffer.from(this.#oneOf(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']))
      const partition = partitionOfKey(key, partitions)
      const late = this.#sentLast[partition] === topic
      this.#sentLast[partition] = topic
      const timestamp = Math.max(0, this.#newest + 1 + this.#below(6) - (late ? this.#below(12) : 0))
      this.#newest = Math.max(this.#newest, timestamp)
      const value = this.#chance(8) ? null : Buffer.from(this.#oneOf(['a', 'b', 'c']))
      return { topic, partition, key, value, timestamp, headers: [] }
    })
  }

  // --------------------------------------------------------------------------------------------------------- the end

  async #end(): Promise<void> {
    this.story.push('all go on, and catch up')
    for (const log of this.#dying) log.stop('dead')
    for (const { log } of this.#instances) log.goOn()
    if (this.#instances.length === 0) this.#start()
    for (let turn = 0; !(await this.#settled()); turn++) {
      if (turn > 20) throw new Error(`instances do not come to rest: ${this.#states()}`)
      for (const { streams } of this.#instances) {
        if (streams.state === 'ERROR') throw streams.failure
        await this.#waitFor(streams.caughtUp()).catch(() => {})
      }
      await this.#pass(20)
    }
    for (let partition = 0; partition < partitions; partition++) await this.#compare(partition)
  }

  /** Everybody runs, every task is somewhere, and the input is processed. */
  async #settled(): Promise<boolean> {
    for (let turn = 0; this.#owners().size < partitions || !this.#allRunning(); turn++) {
      if (turn > turnsMax) throw new Error(`instances do not come to rest: ${this.#states()}`)
      await this.#turn()
    }
    for (const { streams } of this.#instances) {
      for (const lag of (await this.#waitFor(streams.lag().catch(() => new Map([['', 1]])))).values()) {
        if (lag > 0) return false
      }
      if (streams.metrics().tasks.some(({ buffered }) => buffered > 0)) return false
    }
    for (const { streams } of this.#instances) await this.#waitFor(streams.caughtUp())
    return this.#owners().size === partitions && this.#allRunning()
  }

  #allRunning(): boolean {
    return this.#instances.every(({ streams }) => streams.state === 'RUNNING')
  }

  #owners(): Map<number, KafkaStreams> {
    return new Map(
      this.#instances.flatMap(({ streams }) =>
        streams.metrics().tasks.map(({ taskId }) => [Number(taskId.split('_')[1]), streams] as const),
      ),
    )
  }

  #states(): string {
    const of = ({ name, streams }: Instance) =>
      `${name} ${streams.state} ${streams.metrics().tasks.map(({ taskId }) => taskId)} ${streams.failure ?? ''}`
    return this.#instances.map(of).join(', ')
  }

  async #compare(partition: number): Promise<void> {
    const input = this.#taken.filter((record) => record.partition === partition)
    const expected = await recordAtATime(this.topology.build(), input)
    const wanted = (expected.outputs.get('out') ?? []).map(outputOf)
    const found = await this.#outputs(partition)
    if (!this.exactlyOnce) {
      missing(this.topology.atLeastOnce, wanted, found)
      return
    }
    sameOutputs(wanted, found)
    const streams = this.#owners().get(partition)!
    const place = streams
      .metrics()
      .tasks.map(({ taskId }) => Number(taskId.split('_')[1]))
      .indexOf(partition)
    for (const [store, rows] of expected.stores) {
      const { spec } = this.topology.build().stores.get(store)!
      sameContents(`store ${store}`, rows, storeContents(spec, streams.storePartitions(store)[place]!))
    }
  }

  async #outputs(partition: number): Promise<Output[]> {
    const consumer = this.#log.consumer({ isolationLevel: 'read_committed', autoOffsetReset: 'earliest' })
    const at = { topic: 'out', partition }
    consumer.assign([at])
    const [end] = await consumer.endOffsets([at])
    const found: Output[] = []
    while ((await consumer.position(at)) < end!) {
      for (const record of await this.#waitFor(consumer.poll(0))) {
        const { key, value } = record
        found.push(
          outputOf({
            ...record,
            key: key === null ? null : Buffer.from(key),
            value: value === null ? null : Buffer.from(value),
          }),
        )
      }
    }
    await consumer.close()
    return found
  }

  async #dispose(): Promise<void> {
    for (const { log, streams } of this.#instances) {
      if (log.state === 'alive') await this.#waitFor(streams.close()).catch(() => {})
    }
    if (this.#home !== null) rmSync(this.#home, { recursive: true, force: true })
  }

  // ------------------------------------------------------------------------------------------------------ time, chance

  async #waitFor<T>(promise: Promise<T>): Promise<T> {
    let settled = false
    const watched = promise.finally(() => {
      settled = true
    })
    watched.catch(() => {})
    for (let turn = 0; !settled; turn++) {
      if (turn > turnsMax) throw new Error(`nothing moves any more: ${this.#states()}`)
      await this.#turn()
    }
    return watched
  }

  async #pass(turns: number, ms = 0): Promise<void> {
    for (let turn = 0; turn < turns; turn++) await this.#turn()
    for (let passed = 0; passed < ms; passed += 500) {
      this.#clock.advance(500)
      await nextEventLoopTurn()
    }
  }

  async #turn(): Promise<void> {
    this.#clock.advance(this.#below(20))
    await nextEventLoopTurn()
  }

  /** Time passes with every look at it, so that slices of work, and with them commits, are small. */
  #hastyClock(): Clock {
    let hurried = 0
    return {
      now: () => this.#clock.now() + (hurried += this.#below(3)),
      setTimer: (delayMs, callback) => this.#clock.setTimer(delayMs, callback),
    }
  }

  #below(limit: number): number {
    return randomBelow(this.#random, limit)
  }

  #chance(one: number): boolean {
    return this.#below(one) === 0
  }

  #oneOf<T>(all: readonly T[]): T {
    return all[this.#below(all.length)]!
  }
}

function shown({ topic, key, value, timestamp }: InputRecord): string {
  return `${topic}:${key}=${value}@${timestamp}`
}
