import { serialize } from '../../serde/index.js'
import { type AnyBatch, headersOf } from '../batch.js'
import type { ResolvedConfig } from '../config.js'
import { type DroppedRecord, droppedRecordSerde } from '../dropped-records.js'
import {
  DeserializationError,
  messageOf,
  ProcessingError,
  ProductionError,
  type StreamsErrorPlace,
} from '../errors.js'
import {
  askHandler,
  type DeadLetterRecord,
  deadLetterRecord,
  type ErrorHandlerContext,
  type FailedRecord,
  type FailedResult,
} from '../exception-handlers.js'
import type { DroppedReason, SinkNode, WindowBounds } from '../node.js'
import { withDeadLetters } from './dead-letters.js'
import type { Skipped } from './input-partition.js'
import type { TaskMetrics } from './metrics.js'
import type { RecordCollector, WriteFailure } from './record-collector.js'
import { sourceRecordOf } from './run.js'

export interface TaskFailuresOptions {
  readonly taskId: string
  readonly config: ResolvedConfig
  readonly collector: RecordCollector
  readonly metrics: TaskMetrics
  /** Where dropped records go, by its name in the log; null where nobody reads them. */
  readonly droppedTopic: string | null
}

/** What becomes of the records of a task that are left out or fail: handlers, dead letters, counters. */
export class TaskFailures {
  readonly #taskId: string
  readonly #config: ResolvedConfig
  readonly #collector: RecordCollector
  readonly #metrics: TaskMetrics
  readonly #droppedTopic: string | null

  constructor({ taskId, config, collector, metrics, droppedTopic }: TaskFailuresOptions) {
    this.#taskId = taskId
    this.#config = config
    this.#collector = collector
    this.#metrics = metrics
    this.#droppedTopic = droppedTopic
  }

  /** Asks the production handler. Returns 'continue' or 'retry', else throws. */
  writeFailed(sink: SinkNode, batch: AnyBatch, row: number, failure: WriteFailure): 'continue' | 'retry' {
    const { topic, origin, error, attempt } = failure
    if (origin === 'topic') {
      this.#metrics.recordsOut--
      this.processingError(sink.name, error, batch, row)
      return 'continue'
    }
    if (origin === 'nowhere') {
      this.#metrics.recordsOut--
      this.dropped(sink.name, 'production', batch, row, null)
      return 'continue'
    }
    const source = this.#errorContext(sink.name, batch, row)
    const failed: FailedResult = {
      taskId: this.#taskId,
      node: sink.name,
      topic,
      key: batch.keys[row],
      value: batch.values[row],
      timestamp: batch.timestamps[row]!,
      headers: headersOf(batch, row) ?? [],
      origin,
      attempt,
      source,
      error,
    }
    const answer = askHandler(this.#config.productionExceptionHandler, failed)
    if (answer.result === 'retry' && failure.canPass) return 'retry'
    const letters = this.#lettersOf(source, error, answer.deadLetters)
    if (answer.result === 'continue') {
      this.#metrics.recordsOut--
      this.dropped(sink.name, 'production', batch, row, null)
      this.#sendLetters(letters)
      return 'continue'
    }
    const place = placeOf(this.#taskId, source)
    const fatal = new ProductionError(`a record cannot be written to ${topic}: ${messageOf(error)}`, {
      cause: error,
      place,
    })
    throw withDeadLetters(fatal, letters)
  }

  dropped(
    node: string,
    reason: DroppedReason,
    batch: AnyBatch,
    row: number,
    window: WindowBounds | null,
  ): void {
    this.#leftOut(node, reason, window, () => this.#errorContext(node, batch, row))
  }

  /** Counts, and tells whoever wants to know. What the readers of dropped records drop does not go to them again. */
  #leftOut(
    node: string,
    reason: DroppedReason,
    window: WindowBounds | null,
    source: () => ErrorHandlerContext,
  ): void {
    this.#metrics.countDropped(node, reason)
    const config = this.#config
    const droppedTopic = this.#droppedTopic
    if (config.onDropped === undefined && droppedTopic === null) return
    const { topic, partition, offset, timestamp, headers, key, value } = source()
    const place = { reason, taskId: this.#taskId, node, window, topic: topic || null, partition, offset }
    const record: DroppedRecord = { ...place, timestamp, headers, key, value }
    config.onDropped?.(record)
    if (droppedTopic === null || topic === droppedTopic) return
    const bytes = serialize(droppedRecordSerde, record)
    this.#collector.sendRaw(droppedTopic, 0, Buffer.from(node), bytes, Math.max(0, timestamp), headers)
  }

  processingError(node: string, error: unknown, batch: AnyBatch, row: number): void {
    const failure = this.#failedRecord(node, error, batch, row)
    const answer = askHandler(this.#config.processingExceptionHandler, failure)
    const letters = this.#lettersOf(failure, error, answer.deadLetters)
    if (answer.result === 'fail') throw this.#fatal(failure, letters)
    this.dropped(node, 'processing', batch, row, null)
    this.#sendLetters(letters)
  }

  processingFailure(node: string, error: unknown, batch: AnyBatch, row: number): Error {
    const failure = this.#failedRecord(node, error, batch, row)
    return this.#fatal(failure, this.#lettersOf(failure, error, null))
  }

  #fatal(failure: FailedRecord, letters: readonly DeadLetterRecord[]): Error {
    const { error } = failure
    const place = placeOf(this.#taskId, failure)
    return withDeadLetters(new ProcessingError(messageOf(error), { cause: error, place }), letters)
  }

  deadLetter(node: string, topic: string, error: unknown, batch: AnyBatch, row: number): void {
    this.#sendLetters([deadLetterRecord(topic, this.#errorContext(node, batch, row), error)])
  }

  deserializationError(failure: FailedRecord): readonly DeadLetterRecord[] {
    const answer = askHandler(this.#config.deserializationExceptionHandler, failure)
    const letters = this.#lettersOf(failure, failure.error, answer.deadLetters)
    if (answer.result === 'continue') return letters
    const error = new DeserializationError(`the record cannot be read: ${messageOf(failure.error)}`, {
      cause: failure.error,
      place: placeOf(this.#taskId, failure),
    })
    throw withDeadLetters(error, letters)
  }

  skipped(skipped: Skipped): void {
    const { failure, reason, source } = skipped
    this.#leftOut(source, reason, null, () => failure)
    this.#sendLetters(skipped.deadLetters)
  }

  /** Those of the handler, or the one that the configuration asks for. */
  #lettersOf(
    source: ErrorHandlerContext,
    error: unknown,
    answered: readonly DeadLetterRecord[] | null,
  ): readonly DeadLetterRecord[] {
    const topic = this.#config.deadLetterTopic
    return answered ?? (topic === undefined ? [] : [deadLetterRecord(topic, source, error)])
  }

  #sendLetters(letters: readonly DeadLetterRecord[]): void {
    for (const { topic, partition = 0, key, value, timestamp, headers } of letters) {
      this.#collector.sendRaw(topic, partition, key, value, timestamp, headers)
    }
  }

  #failedRecord(node: string, error: unknown, batch: AnyBatch, row: number): FailedRecord {
    const record = {
      key: batch.keys[row],
      value: batch.values[row],
      timestamp: batch.timestamps[row] ?? -1,
      headers: headersOf(batch, row) ?? [],
    }
    return { ...this.#errorContext(node, batch, row), error, record }
  }

  #errorContext(node: string, batch: AnyBatch, row: number): ErrorHandlerContext {
    const source = sourceRecordOf(batch, row)
    const place = { taskId: this.#taskId, node }
    if (source !== null) return { ...place, ...source }
    const timestamp = batch.timestamps[row] ?? -1
    return { ...place, timestamp, topic: '', partition: -1, offset: -1, headers: [], key: null, value: null }
  }
}

function placeOf(taskId: string, { node, topic, partition, offset }: ErrorHandlerContext): StreamsErrorPlace {
  const place = { taskId, ...(node === null ? {} : { node }) }
  return topic === '' ? place : { ...place, topic, partition, offset }
}
