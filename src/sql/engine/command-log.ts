import type { Log, Producer } from '../../log/index.js'
import { jsonSerde, type Serde } from '../../serde/index.js'

/** A statement that changed the catalogue, with all it takes to run it again. */
export interface Command {
  readonly statement: string
  readonly properties: Readonly<Record<string, string>>
  /** Of the persistent query it started. */
  readonly queryId: string | null
}

/*
 * The topic holds two kinds of records. A command is written before it takes effect, its outcome after that:
 *
 *     {"statement": …, "properties": …, "queryId": …, "sequence": 7}
 *     {"outcomeOf": 7, "status": "success"}
 *
 * So a command without an outcome is one that the process did not live to finish; there is one at most, the last.
 * Commands without a sequence were written by versions that wrote them after their effects.
 */

interface StoredCommand extends Command {
  readonly sequence?: number
}

interface StoredOutcome {
  readonly outcomeOf: number
  readonly status: 'success' | 'failed'
  readonly message?: string
}

export interface CommandHistory {
  /** Commands that took effect, oldest first. */
  readonly settled: readonly Command[]
  /** The command that was written, and may have taken effect in part or not at all. */
  readonly interrupted: (Command & { readonly sequence: number }) | null
}

/**
 * The command topic: one partition, kept for ever. Replaying it brings back streams, tables, types and queries, under
 * the ids they had.
 */
export class CommandLog {
  readonly topic: string
  readonly #log: Log
  #producer: Producer<Uint8Array, StoredCommand | StoredOutcome> | null = null
  #nextSequence = 0

  constructor(log: Log, topic: string) {
    this.#log = log
    this.topic = topic
  }

  /** Opens the topic and returns what it holds. */
  async open(): Promise<CommandHistory> {
    const configs = { 'retention.ms': '-1', 'retention.bytes': '-1' }
    await this.#log.admin.createTopics([{ topic: this.topic, partitions: 1, configs }], { ifNotExists: true })
    const valueSerde = jsonSerde() as Serde<StoredCommand | StoredOutcome>
    this.#producer = this.#log.producer({ lingerMs: 0, valueSerde })
    const commands: StoredCommand[] = []
    const outcomes = new Map<number, StoredOutcome>()
    for (const record of await this.#read(valueSerde)) {
      if ('outcomeOf' in record) outcomes.set(record.outcomeOf, record)
      else commands.push(record)
    }
    const sequences = commands.map((c) => c.sequence ?? -1)
    this.#nextSequence = Math.max(-1, ...sequences) + 1
    const last = commands.at(-1)
    const open = last?.sequence !== undefined && !outcomes.has(last.sequence)
    const settled = commands.filter(
      (command) => !(open && command === last) && outcomes.get(command.sequence ?? -1)?.status !== 'failed',
    )
    return { settled, interrupted: open ? (last as Command & { readonly sequence: number }) : null }
  }

  async #read(
    valueSerde: Serde<StoredCommand | StoredOutcome>,
  ): Promise<readonly (StoredCommand | StoredOutcome)[]> {
    const partition = { topic: this.topic, partition: 0 }
    const consumer = this.#log.consumer({ valueSerde, autoOffsetReset: 'earliest' })
    const records: (StoredCommand | StoredOutcome)[] = []
    try {
      consumer.assign([partition])
      const [end] = await consumer.endOffsets([partition])
      while ((await consumer.position(partition)) < end!) {
        for (const { value } of await consumer.poll(100)) if (value !== null) records.push(value)
      }
      return records
    } finally {
      await consumer.close()
    }
  }

  /** Writes a command that is about to take effect; returns what `settle` is to name. */
  async append(command: Command): Promise<number> {
    const sequence = this.#nextSequence++
    await this.#producer!.send({ topic: this.topic, value: { ...command, sequence } })
    return sequence
  }

  /** Writes what came of a command. A failed one is not run again. */
  async settle(sequence: number, failure: unknown = null): Promise<void> {
    const outcome: StoredOutcome =
      failure === null
        ? { outcomeOf: sequence, status: 'success' }
        : { outcomeOf: sequence, status: 'failed', message: String((failure as Error)?.message ?? failure) }
    await this.#producer!.send({ topic: this.topic, value: outcome })
  }

  async close(): Promise<void> {
    await this.#producer?.close()
    this.#producer = null
  }
}
