import type { Headers } from '../../log/index.js'
import type { FailedRecord } from '../config.js'
import { messageOf } from '../errors.js'

/** The records behind errors that stop the application: their letters are written once everything else is undone. */
const fatal = new WeakMap<object, FailedRecord>()

/** Remembers the record that an error is about. Returns the error. */
export function withFailedRecord<E extends object>(error: E, failure: FailedRecord): E {
  fatal.set(error, failure)
  return error
}

export function failedRecordOf(error: unknown): FailedRecord | undefined {
  return typeof error === 'object' && error !== null ? fatal.get(error) : undefined
}

/** The headers of a dead letter, by the names of KIP-1034, behind those of the record itself. */
export function deadLetterHeaders(failure: FailedRecord): Headers {
  const error = failure.error
  const text: [string, string][] = [
    ['__streams.errors.exception', error instanceof Error ? error.name : typeof error],
    ['__streams.errors.message', messageOf(error)],
    ['__streams.errors.stacktrace', (error instanceof Error ? error.stack : undefined) ?? ''],
    ['__streams.errors.topic', failure.topic],
    ['__streams.errors.partition', String(failure.partition)],
    ['__streams.errors.offset', String(failure.offset)],
  ]
  return [...failure.headers, ...text.map(([key, value]) => ({ key, value: Buffer.from(value) }))]
}
