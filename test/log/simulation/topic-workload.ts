import { isKafkaError, type Log } from '../../../src/log/index.js'
import { at, readAll, text } from '../reading.js'
import { type Circumstances, SMALL, type Workload, type World } from './workload.js'

const TOPIC = 'passing'
const MOST_PARTITIONS = 3

/** A topic that is deleted and made again, and that grows: each one begins empty, and a deleted one never comes back. */
export class TopicWorkload implements Workload {
  readonly #world: World
  /** Which topic of the name it is: records carry the number. */
  #life = 0
  /** Null: there is none; undefined: a call failed, so nobody knows. */
  #partitions: number | null | undefined = null
  #log!: Log
  #records = 0

  constructor(world: World) {
    this.#world = world
  }

  async open(log: Log): Promise<void> {
    this.#log = log
  }

  async step(): Promise<void> {
    const known = this.#partitions
    if (known === null || known === undefined) await this.#create()
    else {
      const kind = this.#world.dice.below(5)
      if (kind === 0) await this.#delete()
      else if (kind === 1 && known < MOST_PARTITIONS) await this.#grow(known + 1)
      else await this.#append(known)
    }
  }

  async #create(): Promise<void> {
    if (this.#partitions === undefined) await this.#deleteIfThere()
    this.#life++
    this.#records = 0
    this.#world.tell(`create topic ${this.#life}`)
    this.#partitions = undefined
    await this.#log.admin.createTopics([{ topic: TOPIC, configs: SMALL }])
    this.#partitions = 1
  }

  async #delete(): Promise<void> {
    this.#world.tell(`delete topic ${this.#life}`)
    this.#partitions = undefined
    await this.#log.admin.deleteTopics([TOPIC])
    this.#partitions = null
  }

  async #deleteIfThere(): Promise<void> {
    await this.#log.admin.deleteTopics([TOPIC]).catch((error: unknown) => {
      if (!isKafkaError(error, 'UNKNOWN_TOPIC_OR_PARTITION')) throw error
    })
  }

  async #grow(partitions: number): Promise<void> {
    this.#world.tell(`grow topic ${this.#life} to ${partitions} partitions`)
    this.#partitions = undefined
    await this.#log.admin.createPartitions(TOPIC, partitions)
    this.#partitions = partitions
  }

  async #append(partitions: number): Promise<void> {
    this.#world.tell('append to the topic')
    const producer = this.#log.producer({ ...text, lingerMs: 0 })
    const partition = this.#world.dice.below(partitions)
    await producer.send({ topic: TOPIC, partition, value: `${this.#life}` })
    this.#records++
    await producer.close()
  }

  async check({ lossAllowed, reopened }: Circumstances): Promise<void> {
    const exists = (await this.#log.admin.listTopics()).includes(TOPIC)
    if (this.#partitions === null && exists) throw new Error(`topic ${this.#life} is back`)
    if (typeof this.#partitions === 'number' && !exists) throw new Error(`topic ${this.#life} is gone`)
    if (!exists) {
      if (reopened) this.#partitions = null
      return
    }
    const [described] = await this.#log.admin.describeTopics([TOPIC])
    const count = described!.partitions.length
    if (typeof this.#partitions === 'number' && count !== this.#partitions) {
      throw new Error(`the topic has ${count} partitions, not ${this.#partitions}`)
    }
    const places = described!.partitions.map(({ partition }) => at(TOPIC, partition))
    const records = await readAll(this.#log, places)
    const stranger = records.find((record) => record.value !== `${this.#life}`)
    if (stranger !== undefined)
      throw new Error(`topic ${this.#life} holds a record of topic ${stranger.value}`)
    if (!lossAllowed && records.length < this.#records) {
      throw new Error(
        `topic ${this.#life} has ${records.length} records, although ${this.#records} were acknowledged`,
      )
    }
    if (!reopened) return
    this.#records = records.length
    this.#partitions = count
  }
}
