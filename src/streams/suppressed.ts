import { TopologyError } from './errors.js'

/** What bounds a suppression buffer, and what happens when it is full. */
export class BufferConfig<Strict extends boolean = boolean> {
  readonly maxRecords: number
  readonly maxBytes: number
  readonly whenFull: 'emit' | 'shutDown'
  /** Marks, in the type, buffers that never give up a record early. */
  declare readonly strict: Strict

  private constructor(maxRecords: number, maxBytes: number, whenFull: 'emit' | 'shutDown') {
    if (!(maxRecords > 0) || !(maxBytes > 0)) {
      throw new TopologyError('a suppression buffer must have room for at least one record')
    }
    this.maxRecords = maxRecords
    this.maxBytes = maxBytes
    this.whenFull = whenFull
  }

  static unbounded(): BufferConfig<true> {
    return new BufferConfig(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 'shutDown')
  }

  /** At most this many keys; emits early when full unless `shutDownWhenFull` is called. */
  static maxRecords(count: number): BufferConfig<false> {
    return new BufferConfig(count, Number.POSITIVE_INFINITY, 'emit')
  }

  /** At most about this many bytes of keys and values. */
  static maxBytes(bytes: number): BufferConfig<false> {
    return new BufferConfig(Number.POSITIVE_INFINITY, bytes, 'emit')
  }

  withMaxRecords(count: number): BufferConfig<Strict> {
    return new BufferConfig(count, this.maxBytes, this.whenFull)
  }

  withMaxBytes(bytes: number): BufferConfig<Strict> {
    return new BufferConfig(this.maxRecords, bytes, this.whenFull)
  }

  /** The oldest records leave before their time when there is no room. */
  emitEarlyWhenFull(): BufferConfig<false> {
    return new BufferConfig(this.maxRecords, this.maxBytes, 'emit')
  }

  /** The application stops with a StreamsError when there is no room. */
  shutDownWhenFull(): BufferConfig<true> {
    return new BufferConfig(this.maxRecords, this.maxBytes, 'shutDown')
  }
}

/**
 * Stream time moves with records only: without any, the last results wait for ever. `orAfterIdleMs` releases them once
 * no record has come to the operator, in its task, for so long by the wall clock.
 *
 * Stream time stays where it is, so what comes later is not late for it: a window that was released and then changes
 * gives a correction when it closes again, by stream time or by another idle time. One that does not change gives no
 * second result. What was idle before a restart waits anew.
 */
export interface IdleOptions {
  /** ms of wall-clock time, at least 1. */
  readonly orAfterIdleMs?: number
}

export interface SuppressedOptions extends IdleOptions {
  /** Of the operator; also names its store. */
  readonly name?: string
}

interface Suppression {
  readonly buffer: BufferConfig
  readonly name: string | null
  /** null: for ever. */
  readonly idleMs: number | null
}

/** Which updates of a table go on, and when (KIP-328). */
export type Suppressed = Suppression &
  (
    | { readonly type: 'untilWindowCloses' }
    | {
        readonly type: 'untilTimeLimit'
        /** ms of stream time after the first buffered update of a key. */
        readonly limitMs: number
      }
  )

export const Suppressed = {
  /** Only the final result of each window. */
  untilWindowCloses: (buffer: BufferConfig<true>, options: SuppressedOptions = {}): Suppressed => ({
    type: 'untilWindowCloses',
    buffer,
    name: options.name ?? null,
    idleMs: idleTime(options),
  }),
  untilTimeLimit(limitMs: number, buffer: BufferConfig, options: SuppressedOptions = {}): Suppressed {
    if (!Number.isSafeInteger(limitMs) || limitMs < 0) {
      throw new TopologyError(`the time limit of a suppression must be a whole number of ms; got ${limitMs}`)
    }
    return { type: 'untilTimeLimit', limitMs, buffer, name: options.name ?? null, idleMs: idleTime(options) }
  },
} as const

/** The idle time of options, checked. */
export function idleTime({
  orAfterIdleMs = null,
}: {
  readonly orAfterIdleMs?: number | null
}): number | null {
  if (orAfterIdleMs !== null && !(orAfterIdleMs >= 1)) {
    throw new TopologyError(`orAfterIdleMs must be a number of at least 1, found ${orAfterIdleMs}`)
  }
  return orAfterIdleMs
}
