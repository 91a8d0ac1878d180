import type { Clock } from '../../common/index.js'
import type { Log, Producer } from '../../log/index.js'
import { jsonSerde, type Serde } from '../../serde/index.js'
import type { ProcessingError } from '../compile/stage-report.js'

/** A line of the processing log: a record, or a part of one, that a query could not process. */
export interface ProcessingLogEntry {
  readonly query: string
  /** The step of the plan, or `Deserialize` and `Serialize` at its edges. */
  readonly step: string
  readonly topic: string | null
  readonly partition: number
  readonly offset: number
  readonly reason: string
  /** The raw record as text, where it could not even be read; null elsewhere. */
  readonly key: string | null
  readonly value: string | null
  /** When it was noticed, ms. */
  readonly time: number
}

const TEXT_MAX = 4096

/**
 * Where records go that a query had to pass over: a topic, one JSON document a record, and a count. A bad record never
 * stops a query, and is never silent. Entries are written at least once: a restart may repeat the last ones.
 */
export class ProcessingLog {
  readonly topic: string
  readonly #log: Log
  readonly #clock: Clock
  readonly #counts = new Map<string, number>()
  #producer: Producer<Uint8Array, ProcessingLogEntry> | null = null

  constructor(log: Log, topic: string, clock: Clock) {
    this.#log = log
    this.topic = topic
    this.#clock = clock
  }

  async open(): Promise<void> {
    await this.#log.admin.createTopics([{ topic: this.topic, partitions: 1 }], { ifNotExists: true })
    this.#producer = this.#log.producer({ valueSerde: jsonSerde() as Serde<ProcessingLogEntry> })
  }

  /** Entries of a query since the engine was started. */
  count(queryId: string): number {
    return this.#counts.get(queryId) ?? 0
  }

  write(error: ProcessingError & { key?: Uint8Array | null; value?: Uint8Array | null }): void {
    this.#counts.set(error.queryId, this.count(error.queryId) + 1)
    const { topic, partition, offset } = error
    // The buffer is large and the log is local: what does not fit is counted all the same.
    void this.#producer?.write({
      topic: this.topic,
      value: {
        query: error.queryId,
        step: error.step,
        topic,
        partition,
        offset,
        reason: error.error instanceof Error ? error.error.message : String(error.error),
        key: textOf(error.key),
        value: textOf(error.value),
        time: this.#clock.now(),
      },
    })
  }

  async close(): Promise<void> {
    await this.#producer?.close()
    this.#producer = null
  }
}

function textOf(bytes: Uint8Array | null | undefined): string | null {
  if (bytes == null) return null
  return Buffer.from(bytes).toString('utf8', 0, Math.min(bytes.length, TEXT_MAX))
}
