import { TopologyError } from './errors.js'

/*
 * Windows, as in Kafka Streams (KIP-300, KIP-450, KIP-633). All times and durations in ms. There is no default grace:
 * how long late records are waited for is always said.
 */

function duration(name: string, ms: number, least: number): number {
  if (!Number.isSafeInteger(ms) || ms < least) {
    throw new TopologyError(`${name} must be a whole number of ms, at least ${least}; got ${ms}`)
  }
  return ms
}

/**
 * Windows of fixed size on the epoch's grid: [start, start + size). Tumbling, or hopping with `advanceBy`.
 * A window closes when stream time reaches its end plus grace.
 */
export class TimeWindows {
  readonly kind = 'time'
  readonly sizeMs: number
  readonly advanceMs: number
  readonly graceMs: number

  private constructor(sizeMs: number, advanceMs: number, graceMs: number) {
    this.sizeMs = duration('the size of a window', sizeMs, 1)
    this.advanceMs = duration('the advance of windows', advanceMs, 1)
    this.graceMs = duration('the grace period', graceMs, 0)
    if (advanceMs > sizeMs) {
      throw new TopologyError(
        `windows of ${sizeMs} ms cannot advance by ${advanceMs} ms: records between them would be lost`,
      )
    }
  }

  static ofSizeWithNoGrace(sizeMs: number): TimeWindows {
    return new TimeWindows(sizeMs, sizeMs, 0)
  }

  static ofSizeAndGrace(sizeMs: number, graceMs: number): TimeWindows {
    return new TimeWindows(sizeMs, sizeMs, graceMs)
  }

  advanceBy(advanceMs: number): TimeWindows {
    return new TimeWindows(this.sizeMs, advanceMs, this.graceMs)
  }

  /** The start of the earliest window that holds `timestamp`; the others follow every `advanceMs` up to it. */
  firstStart(timestamp: number): number {
    const earliest = Math.max(0, timestamp - this.sizeMs + this.advanceMs)
    return earliest - (earliest % this.advanceMs)
  }
}

/**
 * One window for each key that never closes: from a start, the epoch by default, to the end of time. Records before the
 * start belong to none.
 */
export class UnlimitedWindows {
  readonly kind = 'time'
  readonly startMs: number
  readonly sizeMs: number
  readonly advanceMs = Number.POSITIVE_INFINITY
  readonly graceMs = 0

  private constructor(startMs: number) {
    this.startMs = duration('the start of a window', startMs, 0)
    this.sizeMs = Number.MAX_SAFE_INTEGER - startMs
  }

  static of(): UnlimitedWindows {
    return new UnlimitedWindows(0)
  }

  startOn(startMs: number): UnlimitedWindows {
    return new UnlimitedWindows(startMs)
  }

  /** The start of the window, or infinity for what comes before it. */
  firstStart(timestamp: number): number {
    return timestamp < this.startMs ? Number.POSITIVE_INFINITY : this.startMs
  }
}

/**
 * Windows of an aggregation that slides with the records: both ends inclusive, one for each distinct set of records
 * that lie within `timeDifferenceMs` of each other (KIP-450).
 */
export class SlidingWindows {
  readonly kind = 'sliding'
  readonly timeDifferenceMs: number
  readonly graceMs: number

  private constructor(timeDifferenceMs: number, graceMs: number) {
    this.timeDifferenceMs = duration('the time difference', timeDifferenceMs, 0)
    this.graceMs = duration('the grace period', graceMs, 0)
  }

  static ofTimeDifferenceWithNoGrace(timeDifferenceMs: number): SlidingWindows {
    return new SlidingWindows(timeDifferenceMs, 0)
  }

  static ofTimeDifferenceAndGrace(timeDifferenceMs: number, graceMs: number): SlidingWindows {
    return new SlidingWindows(timeDifferenceMs, graceMs)
  }
}

/** Windows bounded by silence: records of a key at most `inactivityGapMs` apart share a session. */
export class SessionWindows {
  readonly kind = 'session'
  readonly inactivityGapMs: number
  readonly graceMs: number

  private constructor(inactivityGapMs: number, graceMs: number) {
    this.inactivityGapMs = duration('the inactivity gap', inactivityGapMs, 1)
    this.graceMs = duration('the grace period', graceMs, 0)
  }

  static ofInactivityGapWithNoGrace(inactivityGapMs: number): SessionWindows {
    return new SessionWindows(inactivityGapMs, 0)
  }

  static ofInactivityGapAndGrace(inactivityGapMs: number, graceMs: number): SessionWindows {
    return new SessionWindows(inactivityGapMs, graceMs)
  }
}

/**
 * Which records of two streams meet: the right one's time lies in [left - before, left + after], both inclusive.
 * `before` and `after` may be negative as long as the interval is not empty.
 */
export class JoinWindows {
  readonly beforeMs: number
  readonly afterMs: number
  readonly graceMs: number

  private constructor(beforeMs: number, afterMs: number, graceMs: number) {
    this.beforeMs = duration('"before" of a join window', beforeMs, Number.MIN_SAFE_INTEGER)
    this.afterMs = duration('"after" of a join window', afterMs, Number.MIN_SAFE_INTEGER)
    this.graceMs = duration('the grace period', graceMs, 0)
    if (beforeMs + afterMs < 0) {
      throw new TopologyError(`a join window from ${beforeMs} ms before to ${afterMs} ms after is empty`)
    }
  }

  static ofTimeDifferenceWithNoGrace(timeDifferenceMs: number): JoinWindows {
    return JoinWindows.ofTimeDifferenceAndGrace(timeDifferenceMs, 0)
  }

  static ofTimeDifferenceAndGrace(timeDifferenceMs: number, graceMs: number): JoinWindows {
    duration('the time difference', timeDifferenceMs, 0)
    return new JoinWindows(timeDifferenceMs, timeDifferenceMs, graceMs)
  }

  before(ms: number): JoinWindows {
    return new JoinWindows(ms, this.afterMs, this.graceMs)
  }

  after(ms: number): JoinWindows {
    return new JoinWindows(this.beforeMs, ms, this.graceMs)
  }

  get sizeMs(): number {
    return this.beforeMs + this.afterMs
  }
}
