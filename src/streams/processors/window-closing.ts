import type { ValueAndTimestamp, WindowStore } from '../../state/index.js'
import type { EmitStrategy } from '../options.js'
import type { CollapsibleTable } from '../table-emitter.js'

/**
 * Stream time of a windowed aggregation, and when to look for windows that have closed.
 *
 * With `onWindowClose` the look comes before the record that moved time is stored: the store drops what its retention
 * no longer covers only then, so that no window is lost, however far time jumps. And every record that moves time
 * looks, without a throttle, so that after a restart the store tells what has been sent.
 */
export class WindowClosing {
  /** The greatest timestamp seen, ms; -1 before the first record. */
  streamTimeMs = -1
  /** Whether results are sent as they change, instead of once at the end. */
  readonly emitsUpdates: boolean
  readonly #graceMs: number

  /** `graceMs` is how long after its end a window closes; `storedTimes` gives the times of all results in the store. */
  constructor(emit: EmitStrategy, graceMs: number, storedTimes: () => Iterable<number>) {
    this.emitsUpdates = emit.type === 'onWindowUpdate'
    this.#graceMs = graceMs
    if (this.emitsUpdates) return
    for (const timestamp of storedTimes()) {
      if (timestamp > this.streamTimeMs) this.streamTimeMs = timestamp
    }
  }

  /** Windows that end at this time, or before, are closed. */
  get closeTimeMs(): number {
    return this.streamTimeMs - this.#graceMs
  }

  /**
   * Moves stream time. When closed windows are to be sent, returns the close time before: they ended after it, up to
   * `closeTimeMs`. Else null.
   */
  advance(timestamp: number): number | null {
    if (timestamp <= this.streamTimeMs) return null
    const before = this.streamTimeMs - this.#graceMs
    this.streamTimeMs = timestamp
    return this.emitsUpdates || this.closeTimeMs < 0 ? null : Math.max(-1, before)
  }
}

export function* timesOf(store: WindowStore<unknown, ValueAndTimestamp<unknown>>): Iterable<number> {
  for (const entry of store.all()) yield entry.value.timestamp
}

/** Final results are sent at once: they have been collapsed as far as can be. */
export function emitting(table: CollapsibleTable, emit: EmitStrategy): CollapsibleTable {
  return emit.type === 'onWindowClose' ? { ...table, caching: false } : table
}
