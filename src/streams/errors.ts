import { ForebayError } from '../common/index.js'

/** Where in a running topology something went wrong. */
export interface StreamsErrorPlace {
  readonly taskId?: string
  readonly node?: string
  readonly topic?: string
  readonly partition?: number
  readonly offset?: number
}

/** The root of what Streams throws. The message ends with the place, as far as it is known. */
export class StreamsError extends ForebayError {
  readonly place: StreamsErrorPlace

  constructor(
    code: string,
    message: string,
    options: { cause?: unknown; retriable?: boolean; place?: StreamsErrorPlace } = {},
  ) {
    super(code, message + describePlace(options.place), options)
    this.place = options.place ?? {}
  }
}

/** The topology cannot be built or run as it stands: a name twice, a missing parent, an unconnected store … */
export class TopologyError extends StreamsError {
  constructor(message: string, options: { cause?: unknown; place?: StreamsErrorPlace } = {}) {
    super('STREAMS_TOPOLOGY', message, options)
  }
}

/** An option of `StreamsConfig` is missing or out of range. */
export class StreamsConfigError extends StreamsError {
  constructor(message: string) {
    super('STREAMS_CONFIG', message)
  }
}

/** Topics that are joined have different numbers of partitions, so equal keys do not meet in one task. */
export class CopartitionError extends StreamsError {
  constructor(message: string) {
    super('STREAMS_COPARTITION', message)
  }
}

/** A call does not fit the state of the instance: started twice, queried before it runs … */
export class InvalidStateError extends StreamsError {
  constructor(message: string) {
    super('STREAMS_STATE', message)
  }
}

/** A store lags further behind its sources than a query accepts (KIP-796's NOT_UP_TO_BOUND). */
export class StaleStoreError extends StreamsError {
  /** Records that are not in the store yet. */
  readonly lag: number

  constructor(store: string, lag: number, maxLag: number) {
    super(
      'STREAMS_STALE_STORE',
      `store ${store} lags ${lag} records behind, and ${maxLag} are accepted; ask again, or accept more`,
      { retriable: true },
    )
    this.lag = lag
  }
}

/** A source record could not be read, and its handler said fail. */
export class DeserializationError extends StreamsError {
  constructor(message: string, options: { cause?: unknown; place?: StreamsErrorPlace } = {}) {
    super('STREAMS_DESERIALIZATION', message, options)
  }
}

/** A user function, or a timestamp extractor, threw on a record, and its handler said fail. */
export class ProcessingError extends StreamsError {
  constructor(message: string, options: { cause?: unknown; place?: StreamsErrorPlace } = {}) {
    super('STREAMS_PROCESSING', message, options)
  }
}

/** An asynchronous function did not answer in time. */
export class TimeoutError extends StreamsError {
  constructor(message: string) {
    super('STREAMS_TIMEOUT', message, { retriable: true })
  }
}

/** A result could not be serialised or written, and its handler said fail. */
export class ProductionError extends StreamsError {
  constructor(message: string, options: { cause?: unknown; place?: StreamsErrorPlace } = {}) {
    super('STREAMS_PRODUCTION', message, options)
  }
}

function describePlace(place: StreamsErrorPlace | undefined): string {
  if (place === undefined) return ''
  const parts: string[] = []
  if (place.taskId !== undefined) parts.push(`task ${place.taskId}`)
  if (place.node !== undefined) parts.push(`node ${place.node}`)
  if (place.topic !== undefined) parts.push(`${place.topic}-${place.partition ?? 0}`)
  if (place.offset !== undefined) parts.push(`offset ${place.offset}`)
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Whether it was a record that failed, or what came of it, rather than an instance as it starts. */
export function isRecordFailure(error: unknown): boolean {
  return (
    error instanceof DeserializationError ||
    error instanceof ProcessingError ||
    error instanceof ProductionError
  )
}
