import { ForebayError } from '../common/index.js'
import { SerializationError } from '../serde/index.js'
import type { TopicPartition } from './log.js'

/** The log, or the producer or consumer that was called, is closed. */
export class LogClosedError extends ForebayError {
  constructor(message: string) {
    super('LOG_CLOSED', message)
  }
}

/** There is no committed offset, and `autoOffsetReset: 'none'` forbids to choose one. */
export class NoOffsetForPartitionError extends ForebayError {
  readonly topic: string
  readonly partition: number

  constructor({ topic, partition }: TopicPartition) {
    super(
      'NO_OFFSET_FOR_PARTITION',
      `${topic}-${partition} has no committed offset and autoOffsetReset is 'none'; seek, or choose a policy`,
    )
    this.topic = topic
    this.partition = partition
  }
}

/**
 * The bytes of one record do not fit the consumer's serde. The position stays at the record: `seek` past it to
 * go on without it.
 */
export class RecordDeserializationError extends SerializationError {
  readonly topic: string
  readonly partition: number
  readonly offset: number

  constructor({ topic, partition, offset }: TopicPartition & { offset: number }, cause: Error) {
    super(`${topic}-${partition}, offset ${offset}: ${cause.message}`, { cause })
    this.topic = topic
    this.partition = partition
    this.offset = offset
  }
}
