import type { Log, Producer } from '../log/index.js'
import { Serdes } from '../serde/index.js'

/** A statement that changed the catalogue, with what it takes to repeat it. */
export interface Command {
  readonly statement: string
  readonly properties: Readonly<Record<string, string>>
  /** The id of the query it started, or null. */
  readonly queryId: string | null
}

/**
 * The topic that remembers the catalogue: one partition, never compacted, one JSON object a statement, in the order in
 * which they took effect. Replaying it brings streams, tables and queries back.
 */
export class CommandLog {
  readonly topic: string
  readonly #log: Log
  readonly #producer: Producer<string, Command>

  private constructor(log: Log, topic: string, producer: Producer<string, Command>) {
    this.#log = log
    this.topic = topic
    this.#producer = producer
  }

  static async open(log: Log, serviceId: string): Promise<CommandLog> {
    const topic = `_confluent-ksql-${serviceId}_command_topic`
    await log.admin.createTopics(
      [{ topic, partitions: 1, configs: { 'cleanup.policy': 'delete', 'retention.ms': '-1', 'retention.bytes': '-1' } }],
      { ifNotExists: true },
    )
    const producer = log.producer<string, Command>({
      keySerde: Serdes.string(),
      valueSerde: Serdes.json<Command>(),
      lingerMs: 0,
    })
    return new CommandLog(log, topic, producer)
  }

  async append(command: Command): Promise<void> {
    await this.#producer.send({ topic: this.topic, key: command.queryId, value: command })
  }

  /** Everything so far, oldest first. */
  async read(): Promise<Command[]> {
    const consumer = this.#log.consumer<string, Command>({
      keySerde: Serdes.string(),
      valueSerde: Serdes.json<Command>(),
    })
    const partition = { topic: this.topic, partition: 0 }
    const commands: Command[] = []
    try {
      consumer.assign([partition])
      consumer.seekToBeginning([partition])
      const [end] = await consumer.endOffsets([partition])
      while ((await consumer.position(partition)) < end!) {
        for (const { value } of await consumer.poll(100)) if (value !== null) commands.push(value)
      }
    } finally {
      await consumer.close()
    }
    return commands
  }

  async close(): Promise<void> {
    await this.#producer.close()
  }
}

