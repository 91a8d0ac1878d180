import { type CarriedError, PortClosedError } from '../../common/index.js'
import { SerializationError } from '../../serde/index.js'
import { LogClosedError, NoOffsetForPartitionError } from '../client-errors.js'
import { CorruptRecordError, KafkaError, type KafkaErrorName, kafkaErrors } from '../errors.js'

/** The classes of this layer that callers tell apart, made anew from what was carried; null: none of them. */
export function restoreLogError({ name, code, message, retriable, details }: CarriedError): Error | null {
  if (code === undefined) return null
  if (name === 'CorruptRecordError') {
    const { problem, file, position } = details as { problem: string; file?: string; position?: number }
    return new CorruptRecordError(problem, { file, position })
  }
  if (name === 'NoOffsetForPartitionError') {
    return new NoOffsetForPartitionError(details as { topic: string; partition: number })
  }
  if (name === 'LogClosedError') return new LogClosedError(message)
  if (name === 'SerializationError') return new SerializationError(message)
  return name === 'KafkaError' && code in kafkaErrors
    ? new KafkaError(code as KafkaErrorName, message, { retriable })
    : null
}

/** A port that is closed means to the caller that its log is. */
export function asLogError(error: unknown): unknown {
  return error instanceof PortClosedError
    ? new LogClosedError('the log at the other side of the port is closed, or its thread has ended')
    : error
}
