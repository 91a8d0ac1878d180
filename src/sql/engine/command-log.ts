import type { Log, Producer } from '../../log/index.js'
import { jsonSerde, type Serde } from '../../serde/index.js'

/** A statement that changed the catalogue, with all it takes to run it again. */
export interface Command {
  readonly statement: string
  readonly properties: Readonly<Record<string, string>>
  /** Of the persistent query it started. */
  readonly queryId: string | null
}

/**
 * The command topic: one partition, kept for ever. Replaying it brings back streams, tables, types and queries, under
 * the ids they had.
 */
export class CommandLog {
  readonly topic: string
  readonly #log: Log
  #producer: Producer<Uint8Array, Command> | null = null

  constructor(log: Log, topic: string) {
    this.#log = log
    this.topic = topic
  }

  /** Opens the topic and returns what it holds, oldest first. */
  async open(): Promise<Command[]> {
    const configs = { 'retention.ms': '-1', 'retention.bytes': '-1' }
    await this.#log.admin.createTopics([{ topic: this.topic, partitions: 1, configs }], { ifNotExists: true })
    const valueSerde = jsonSerde() as Serde<Command>
    this.#producer = this.#log.producer({ lingerMs: 0, valueSerde })
    const partition = { topic: this.topic, partition: 0 }
    const consumer = this.#log.consumer({ valueSerde, autoOffsetReset: 'earliest' })
    try {
      consumer.assign([partition])
      const [end] = await consumer.endOffsets([partition])
      const commands: Command[] = []
      while ((await consumer.position(partition)) < end!) {
        for (const { value } of await consumer.poll(100)) if (value !== null) commands.push(value)
      }
      return commands
    } finally {
      await consumer.close()
    }
  }

  async append(command: Command): Promise<void> {
    await this.#producer!.send({ topic: this.topic, value: command })
  }

  async close(): Promise<void> {
    await this.#producer?.close()
    this.#producer = null
  }
}
