import type { Clock } from '../../common/index.js'
import type { Log, Producer } from '../../log/index.js'
import { jsonSerde, type Serde } from '../../serde/index.js'
import type { ProcessingError } from '../compile/stage-report.js'

/** Why a record, or a part of one, was passed over; `failure`: the query has stopped, `restart`: it did not start. */
export type ProcessingErrorKind =
  | 'deserialization'
  | 'processing'
  | 'serialization'
  | 'late'
  | 'expired'
  | 'null-key'
  | 'null-key-repartition'
  | 'null-value'
  | 'negative-timestamp'
  | 'failure'
  | 'restart'

/**
 * A line of the processing log, as it is stored: logger, level, time and message as ksqlDB writes them, and beside them
 * the same in plain columns, with what ksqlDB leaves out.
 */
export interface ProcessingLogEntry {
  readonly logger: string
  readonly level: 'ERROR' | 'WARN'
  /** When it was noticed, ms. */
  readonly time: number
  readonly message: ProcessingLogMessage
  readonly query_id: string
  /** The step of the plan, or the node of the topology. */
  readonly step: string
  readonly kind: ProcessingErrorKind
  readonly reason: string
  readonly record_topic: string | null
  readonly record_partition: number
  readonly record_offset: number
  /** The bytes as they lie in the log, in base64; null where the record has none, or is not at hand. */
  readonly record_key: string | null
  readonly record_value: string | null
}

/** ksqlDB's: https://docs.ksqldb.io/en/latest/reference/processing-log/ */
export interface ProcessingLogMessage {
  /** 0 deserialization, 1 record processing, 2 production, 3 serialization, 4 thread. */
  readonly type: number
  readonly deserializationError?: {
    readonly errorMessage: string
    readonly recordB64: string | null
    readonly cause: readonly string[]
    readonly topic: string | null
  }
  readonly recordProcessingError?: { readonly errorMessage: string; readonly cause: readonly string[] }
  readonly serializationError?: {
    readonly errorMessage: string
    readonly cause: readonly string[]
    readonly topic: string | null
  }
  readonly kafkaStreamsThreadError?: { readonly errorMessage: string; readonly cause: readonly string[] }
}

export interface LoggedError extends Omit<ProcessingError, 'kind'> {
  /** Default 'processing'. */
  readonly kind?: ProcessingErrorKind
}

/** What a step of a query has passed over. */
export interface StepErrors {
  readonly count: number
  readonly last: ProcessingLogEntry
}

const reasons: Partial<Record<ProcessingErrorKind, string>> = {
  late: 'The record came after its window had closed: it is older than stream time less the grace period.',
  expired: 'The record is older than what the store keeps.',
  'null-key-repartition': 'The record has no key to be partitioned by.',
  'null-key': 'The record has no key, and this step needs one.',
  'null-value': 'The record has no value, and this step needs one.',
  'negative-timestamp': 'The timestamp of the record is negative.',
}

/**
 * Where records go that a query had to pass over: a topic, one JSON document a record, and a count. A bad record never
 * stops a query, and is never silent. Entries are written at least once: a restart may repeat the last ones.
 */
export class ProcessingLog {
  readonly topic: string
  readonly #log: Log
  readonly #clock: Clock
  /** By query, then step. */
  readonly #steps = new Map<string, Map<string, StepErrors>>()
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
    return this.steps(queryId).reduce((sum, { count }) => sum + count, 0)
  }

  /** Of a query since the engine was started, by step. */
  steps(queryId: string): readonly StepErrors[] {
    return [...(this.#steps.get(queryId)?.values() ?? [])]
  }

  write(error: LoggedError): void {
    const entry = entryOf(error, this.#clock.now())
    const steps = this.#steps.get(error.queryId) ?? new Map<string, StepErrors>()
    steps.set(entry.step, { count: (steps.get(entry.step)?.count ?? 0) + 1, last: entry })
    this.#steps.set(error.queryId, steps)
    // A query that fails on the log itself must not feed it for ever: its failures are counted only.
    if (error.topic === this.topic) return
    // The buffer is large and the log is local: what does not fit is counted all the same.
    void this.#producer?.write({ topic: this.topic, value: entry })
  }

  /** Resolves once all that was logged is in the topic. */
  async flush(): Promise<void> {
    await this.#producer?.flush()
  }

  async close(): Promise<void> {
    await this.#producer?.close()
    this.#producer = null
  }
}

function entryOf(failed: LoggedError, time: number): ProcessingLogEntry {
  const { queryId, step, topic, partition, offset, error, kind = 'processing' } = failed
  const reason = reasons[kind] ?? messageOf(error)
  return {
    logger: `processing.${queryId}.${step}`,
    level: kind in reasons ? 'WARN' : 'ERROR',
    time,
    message: ksqlMessage(kind, reason, failed),
    query_id: queryId,
    step,
    kind,
    reason,
    record_topic: topic,
    record_partition: partition,
    record_offset: offset,
    ...recordFields(failed),
  }
}

function ksqlMessage(
  kind: ProcessingErrorKind,
  errorMessage: string,
  failed: LoggedError,
): ProcessingLogMessage {
  const cause = causes(failed.error)
  const { topic } = failed
  switch (kind) {
    case 'deserialization':
      return {
        type: 0,
        deserializationError: { errorMessage, recordB64: base64(failed.value), cause, topic },
      }
    case 'serialization':
      return { type: 3, serializationError: { errorMessage, cause, topic } }
    case 'failure':
    case 'restart':
      return { type: 4, kafkaStreamsThreadError: { errorMessage, cause } }
    default:
      return { type: 1, recordProcessingError: { errorMessage, cause } }
  }
}

function recordFields({ key, value }: { key?: Uint8Array | null; value?: Uint8Array | null }) {
  return { record_key: base64(key), record_value: base64(value) }
}

function base64(bytes: Uint8Array | null | undefined): string | null {
  return bytes == null
    ? null
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

function causes(error: unknown): string[] {
  const messages: string[] = []
  for (
    let at = (error as Error | null)?.cause;
    at != null && messages.length < 10;
    at = (at as Error).cause
  ) {
    messages.push(messageOf(at))
  }
  return messages
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
