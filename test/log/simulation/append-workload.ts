import type { Log, Producer } from '../../../src/log/index.js'
import { at, readAll, text } from '../reading.js'
import { CompactedModel, PartitionModel, RetentionModel } from './partition-model.js'
import { allSettled, type Circumstances, COMPACTED, SMALL, type Workload, type World } from './workload.js'

type TextProducer = Producer<string, string>
const SMALL_BATCHES = { ...text, batchSize: 60, lingerMs: 0 }

/** Records without keys to two partitions, whose beginnings are deleted now and then; found again by offset and time. */
export class AppendWorkload implements Workload {
  static readonly topic = { topic: 'plain', partitions: 2, configs: SMALL }
  readonly #world: World
  readonly #models = [new PartitionModel(), new PartitionModel()]
  #counter = 0
  #log!: Log
  #producer!: TextProducer

  constructor(world: World) {
    this.#world = world
  }

  async open(log: Log): Promise<void> {
    this.#log = log
    this.#producer = log.producer(SMALL_BATCHES)
  }

  async step(): Promise<void> {
    if (this.#world.dice.oneIn(6)) await this.#deleteRecords()
    else await this.append()
  }

  async append(): Promise<void> {
    const { dice, tell } = this.#world
    const count = 1 + dice.below(6)
    tell(`append ${count}`)
    await allSettled(
      Array.from({ length: count }, async () => {
        const partition = dice.below(2)
        // Timestamps are in no order.
        const timestamp = 1_000 + dice.below(500)
        const value = `v${this.#counter++}`
        const id = `${value} at ${timestamp}`
        const model = this.#models[partition]!
        model.attempted(id)
        const { offset } = await this.#producer.send({ topic: 'plain', partition, timestamp, value })
        model.acknowledged(offset, id)
      }),
    )
  }

  async #deleteRecords(): Promise<void> {
    const { dice, tell } = this.#world
    const partition = dice.below(2)
    const [described] = await this.#log.admin.describeTopics(['plain'])
    const { startOffset, endOffset } = described!.partitions[partition]!
    const offset = startOffset + dice.below(Math.ceil((endOffset - startOffset) / 2) + 1)
    tell(`delete plain-${partition} before ${offset}`)
    const model = this.#models[partition]!
    model.deletionAsked(offset)
    await this.#log.admin.deleteRecords([{ partition: at('plain', partition), offset }])
    model.deleted(offset)
  }

  async check(after: Circumstances): Promise<void> {
    const [described] = await this.#log.admin.describeTopics(['plain'])
    for (const [partition, model] of this.#models.entries()) {
      const records = await readAll(this.#log, [at('plain', partition)])
      const { startOffset, endOffset } = described!.partitions[partition]!
      const found = records.map((r) => ({ offset: r.offset, id: `${r.value} at ${r.timestamp}` }))
      model.check({ records: found, startOffset, endOffset }, after)
      await this.#checkLookups(partition, records)
    }
  }

  /** Indexes lead to where a scan would. */
  async #checkLookups(
    partition: number,
    records: readonly { offset: number; timestamp: number }[],
  ): Promise<void> {
    const { dice } = this.#world
    const place = at('plain', partition)
    const consumer = this.#log.consumer({ maxPollRecords: 1, maxPartitionFetchBytes: 80 })
    consumer.assign([place])
    const timestamp = 990 + dice.below(520)
    const [byTime] = await consumer.offsetsForTimes([{ partition: place, timestamp }])
    const expected = records.find((record) => record.timestamp >= timestamp)
    if (byTime?.offset !== expected?.offset || byTime?.timestamp !== expected?.timestamp) {
      throw new Error(`time ${timestamp} is found at ${byTime?.offset}, not at ${expected?.offset}`)
    }
    const wanted = records[dice.below(records.length + 1)]
    if (wanted !== undefined) {
      consumer.seek(place, wanted.offset)
      const [first] = await consumer.poll(0)
      if (first?.offset !== wanted.offset)
        throw new Error(`offset ${wanted.offset} reads as ${first?.offset}`)
    }
    await consumer.close()
  }
}

/** Records and tombstones of a few keys. */
export class CompactedWorkload implements Workload {
  static readonly topic = { topic: 'keyed', configs: COMPACTED }
  readonly #world: World
  readonly #model = new CompactedModel()
  /** Also the timestamps: each record has one of its own, which compaction must keep. */
  #counter = 0
  #log!: Log
  #producer!: TextProducer

  constructor(world: World) {
    this.#world = world
  }

  async open(log: Log): Promise<void> {
    this.#log = log
    this.#producer = log.producer(SMALL_BATCHES)
  }

  async step(): Promise<void> {
    const { dice, tell } = this.#world
    const count = 1 + dice.below(8)
    tell(`append ${count} keyed`)
    await allSettled(
      Array.from({ length: count }, async () => {
        const key = `k${dice.below(5)}`
        const timestamp = this.#counter++
        const value = dice.oneIn(4) ? null : `v${timestamp}`
        const id = keyedId({ key, timestamp, value })
        this.#model.attempted(id)
        const { offset } = await this.#producer.send({ topic: 'keyed', key, timestamp, value })
        this.#model.acknowledged(offset, id)
      }),
    )
  }

  async check(after: Circumstances): Promise<void> {
    const records = await readAll(this.#log, [at('keyed')])
    const [described] = await this.#log.admin.describeTopics(['keyed'])
    const { startOffset, endOffset } = described!.partitions[0]!
    const found = records.map((record) => ({ offset: record.offset, id: keyedId(record) }))
    this.#model.check({ records: found, startOffset, endOffset }, after)
  }
}

function keyedId(record: { key: string | null; timestamp: number; value: string | null }): string {
  return `${record.key}:${record.timestamp}:${record.value ?? 'tombstone'}`
}

/** Records that grow old, in a topic that keeps them for two and a half minutes, and in one that keeps 1,500 bytes. */
export class RetentionWorkload implements Workload {
  static readonly topics = [
    { topic: 'aging', configs: { ...SMALL, 'retention.ms': '150000' } },
    { topic: 'bounded', configs: { ...SMALL, 'retention.bytes': '1500' } },
  ]
  readonly #world: World
  readonly #models = { aging: new RetentionModel(), bounded: new RetentionModel() }
  /** A power cut may have taken some of what retention left. */
  #lossy = false
  #counter = 0
  #log!: Log
  #producer!: TextProducer

  constructor(world: World) {
    this.#world = world
  }

  async open(log: Log): Promise<void> {
    this.#log = log
    this.#producer = log.producer({ ...text, lingerMs: 0 })
  }

  async step(): Promise<void> {
    const { dice, tell, now } = this.#world
    const topic = dice.oneIn(2) ? 'aging' : 'bounded'
    const count = 1 + dice.below(10)
    tell(`append ${count} to ${topic}`)
    await allSettled(
      Array.from({ length: count }, async () => {
        const value = `${now()}:${this.#counter++}`
        this.#models[topic].attempted(value)
        const { offset } = await this.#producer.send({ topic, value })
        this.#models[topic].acknowledged(offset, value)
      }),
    )
  }

  async check(after: Circumstances): Promise<void> {
    for (const topic of ['aging', 'bounded'] as const) {
      const records = await readAll(this.#log, [at(topic)])
      const [described] = await this.#log.admin.describeTopics([topic])
      const { startOffset, endOffset, sizeBytes } = described!.partitions[0]!
      const found = records.map(({ offset, value }) => ({ offset, id: value! }))
      this.#models[topic].check({ records: found, startOffset, endOffset }, after)
      this.#lossy ||= after.lossAllowed
      if (this.#lossy) continue
      if (topic === 'aging') this.#models.aging.checkAge(startOffset, this.#world.now() - 150_000)
      else if (startOffset > 0 && sizeBytes < 1_500) throw new Error(`only ${sizeBytes} bytes are kept`)
    }
  }
}
