import type { Clock } from '../common/index.js'
import type { Log, Producer } from '../log/index.js'
import { Serdes } from '../serde/index.js'
import type { ProcessingError } from './compile/stage-report.js'

/** One line of the processing log. */
export interface ProcessingLogEntry {
  readonly time: number
  readonly queryId: string
  /** The step of the plan, or `Source` for records that could not be read. */
  readonly step: string
  readonly topic: string | null
  readonly partition: number
  readonly offset: number
  readonly message: string
}

/** The topic that says which records were left out or became null in part, and why. Nothing is passed over in silence. */
export class ProcessingLog {
  readonly topic: string
  readonly #producer: Producer<string, ProcessingLogEntry>
  readonly #clock: Clock
  #count = 0

  private constructor(topic: string, producer: Producer<string, ProcessingLogEntry>, clock: Clock) {
    this.topic = topic
    this.#producer = producer
    this.#clock = clock
  }

  static async open(log: Log, serviceId: string, clock: Clock): Promise<ProcessingLog> {
    const topic = `${serviceId}ksql_processing_log`
    await log.admin.createTopics([{ topic, partitions: 1 }], { ifNotExists: true })
    const producer = log.producer<string, ProcessingLogEntry>({
      keySerde: Serdes.string(),
      valueSerde: Serdes.json<ProcessingLogEntry>(),
    })
    return new ProcessingLog(topic, producer, clock)
  }

  /** Errors written since the engine was started. */
  get count(): number {
    return this.#count
  }

  write({ queryId, step, topic, partition, offset, error }: ProcessingError): void {
    this.#count++
    const message = error instanceof Error ? error.message : String(error)
    const value = { time: this.#clock.now(), queryId, step, topic, partition, offset, message }
    // A full buffer loses the line rather than holding the query up; the count goes on.
    void this.#producer.write({ topic: this.topic, key: queryId, value })?.catch(() => {})
  }

  async close(): Promise<void> {
    await this.#producer.flush().catch(() => {})
    await this.#producer.close()
  }
}
