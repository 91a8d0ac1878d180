import type { Log, Producer } from '../../log/index.js'
import type { TopicHost } from '../statements/persistent-query.js'

/** Topics of a log, as statements need them. */
export class LogTopics implements TopicHost {
  readonly #log: Log
  #producer: Producer | null = null

  constructor(log: Log) {
    this.#log = log
  }

  async partitionsOf(topic: string): Promise<number | null> {
    if (!(await this.#log.admin.listTopics()).includes(topic)) return null
    const [description] = await this.#log.admin.describeTopics([topic])
    return description!.partitions.length
  }

  async configOf(topic: string, name: string): Promise<string | undefined> {
    const [description] = await this.#log.admin.describeTopics([topic])
    return description!.configs[name]
  }

  async create(topic: string, partitions: number, configs: Readonly<Record<string, string>>): Promise<void> {
    await this.#log.admin.createTopics([{ topic, partitions, configs }])
  }

  async delete(topic: string): Promise<void> {
    if ((await this.partitionsOf(topic)) !== null) await this.#log.admin.deleteTopics([topic])
  }

  list(): Promise<readonly string[]> {
    return this.#log.admin.listTopics()
  }

  async append(
    topic: string,
    key: Buffer | null,
    value: Buffer | null,
    timestamp: number | null,
  ): Promise<void> {
    this.#producer ??= this.#log.producer({ lingerMs: 0 })
    await this.#producer.send({ topic, key, value, ...(timestamp === null ? {} : { timestamp }) })
  }

  async close(): Promise<void> {
    await this.#producer?.close()
    this.#producer = null
  }
}
