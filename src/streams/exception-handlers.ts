import type { Headers } from '../log/index.js'
import { messageOf, StreamsError } from './errors.js'
import type { StreamRecord } from './processor-api.js'

/*
 * What happens to records that cannot be read, processed or written: Kafka's deserialization, processing and
 * production exception handlers (KIP-161, KIP-399, KIP-1033, KIP-1065) and their dead letters (KIP-1034).
 */

/** Where something failed, and the source record behind it. Key and value are the bytes as they lie in the log. */
export interface ErrorHandlerContext {
  readonly taskId: string
  /** The node whose function threw; null where the record could not even be read. */
  readonly node: string | null
  /** '', with partition and offset -1, where no source record is at hand: in punctuators, and behind stores. */
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly headers: Headers
  readonly key: Buffer | null
  readonly value: Buffer | null
}

/** A source record that could not be read, or on which a function threw. */
export interface FailedRecord extends ErrorHandlerContext {
  readonly error: unknown
  /** The record as it had come to the node; null where it could not even be read. */
  readonly record: StreamRecord<unknown, unknown> | null
}

/** A result that could not be written. */
export interface FailedResult {
  readonly taskId: string
  /** The sink. */
  readonly node: string
  /** Where the result was to go. */
  readonly topic: string
  readonly key: unknown
  readonly value: unknown
  readonly timestamp: number
  readonly headers: Headers
  /** What failed: the serde of the key, that of the value, or the writing of the record. */
  readonly origin: 'key' | 'value' | 'write'
  /** 1 at first; more after the handler has said retry. */
  readonly attempt: number
  /** The source record that the result stems from. */
  readonly source: ErrorHandlerContext
  readonly error: unknown
}

/** A record for a dead letter topic, which must exist unless it is `StreamsConfig.deadLetterTopic`. */
export interface DeadLetterRecord {
  readonly topic: string
  /** Default 0. */
  readonly partition?: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  /** ms since the epoch. */
  readonly timestamp: number
  readonly headers?: Headers
}

/** 'continue' leaves the record out, and counts it. 'fail' stops the application, or does what its uncaught handler says. */
export type HandlerResult = 'continue' | 'fail'

/**
 * The answer of a handler. Dead letters are written within the task's transaction; those of 'fail' after it has been
 * undone. Without any in the answer, `StreamsConfig.deadLetterTopic` decides.
 */
export type HandlerResponse<R extends string = HandlerResult> =
  | R
  | { readonly result: R; readonly deadLetters?: readonly DeadLetterRecord[] }

/** 'log-and-fail' and 'log-and-continue' are Kafka's built-in handlers. */
export type ExceptionHandler<F, R extends string = HandlerResult> =
  | 'log-and-fail'
  | 'log-and-continue'
  | ((failure: F) => HandlerResponse<R>)

/**
 * 'retry' (KIP-1065) tries again after a pause, and holds the commit until then. It helps where the cause can pass, as
 * for a topic that does not exist yet; elsewhere, as for a serde that throws, it counts as 'fail'.
 */
export type ProductionExceptionHandler = ExceptionHandler<FailedResult, HandlerResult | 'retry'>

export interface HandlerAnswer<R extends string> {
  readonly result: R
  /** Null: the handler did not say. */
  readonly deadLetters: readonly DeadLetterRecord[] | null
}

/** What a handler says about a failure. Throws StreamsError when the handler does. */
export function askHandler<F, R extends string>(
  handler: ExceptionHandler<F, R>,
  failure: F,
): HandlerAnswer<R | HandlerResult> {
  if (handler === 'log-and-continue') return { result: 'continue', deadLetters: null }
  if (handler === 'log-and-fail') return { result: 'fail', deadLetters: null }
  try {
    const response = handler(failure)
    return typeof response === 'string'
      ? { result: response, deadLetters: null }
      : { result: response.result, deadLetters: response.deadLetters ?? null }
  } catch (cause) {
    throw new StreamsError('STREAMS_HANDLER', `an exception handler threw: ${messageOf(cause)}`, { cause })
  }
}

/** The dead letter of a source record, as the built-in handlers write it (KIP-1034): the record, and what went wrong. */
export function deadLetterRecord(
  topic: string,
  source: ErrorHandlerContext,
  error: unknown,
): DeadLetterRecord {
  const { key, value, timestamp } = source
  return { topic, key, value, timestamp: Math.max(0, timestamp), headers: deadLetterHeaders(source, error) }
}

/** Behind the headers of the record itself. */
function deadLetterHeaders(source: ErrorHandlerContext, error: unknown): Headers {
  const text: [string, string][] = [
    ['__streams.errors.exception', error instanceof Error ? error.name : typeof error],
    ['__streams.errors.message', messageOf(error)],
    ['__streams.errors.stacktrace', (error instanceof Error ? error.stack : undefined) ?? ''],
    ['__streams.errors.topic', source.topic],
    ['__streams.errors.partition', String(source.partition)],
    ['__streams.errors.offset', String(source.offset)],
  ]
  return [...source.headers, ...text.map(([key, value]) => ({ key, value: Buffer.from(value) }))]
}
