import { type Random, randomBelow } from '../../../src/common/index.js'
import type { Log } from '../../../src/log/index.js'

/** One kind of use of a log, beside a model of what the log promised to it. */
export interface Workload {
  /** Makes its clients on a log that was just opened. */
  open(log: Log): Promise<void>
  /** Does one thing. A rejection is a failure of the log, which the model takes into account. */
  step(): Promise<void>
  /** Compares what is there with what was promised; throws where the log does not keep it. */
  check(after: Circumstances): Promise<void>
}

export interface Circumstances {
  /** The power went, and what was not flushed may be gone: a tail, never something before it. */
  readonly lossAllowed: boolean
  /** The log was just opened: what is there now stays, and what is not there never comes. */
  readonly reopened: boolean
}

/** What a workload needs of the schedule it is part of. */
export interface World {
  readonly dice: Dice
  readonly now: () => number
  /** Tells what happens, for the message of a failure. */
  readonly tell: (event: string) => void
}

/** All choices of a schedule come from its seed, so a failure repeats itself. */
export class Dice {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  /** A whole number in [0, limit). */
  below(limit: number): number {
    return randomBelow(this.#random, limit)
  }

  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0
  }
}

/** Waits for all of them, then throws the first failure. */
export async function allSettled(promises: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(promises)) {
    if (result.status === 'rejected') throw result.reason
  }
}

/** So small that a few records fill a segment, and a few batches an index. */
export const SMALL = { 'internal.segment.bytes': '600', 'index.interval.bytes': '150' }
/** Compacted at the first opportunity; tombstones and markers go a minute later. */
export const COMPACTED = {
  ...SMALL,
  'cleanup.policy': 'compact',
  'min.cleanable.dirty.ratio': '0.1',
  'delete.retention.ms': '60000',
}
