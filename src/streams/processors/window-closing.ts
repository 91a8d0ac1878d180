import type { KeptTime } from '../node.js'
import type { EmitStrategy } from '../options.js'
import type { CollapsibleTable } from '../table-emitter.js'

/**
 * Stream time of a windowed aggregation, the greatest timestamp it has seen, and when to look for windows that have closed.
 *
 * With `onWindowClose` the look comes before the record that moved time is stored: the store drops what its retention
 * no longer covers only then, so that no window is lost, however far time jumps. And every record that moves time
 * looks, without a throttle: after a restart, stream time tells what has been sent.
 */
export class WindowClosing {
  /** Whether results are sent as they change, instead of once at the end. */
  readonly emitsUpdates: boolean
  readonly #graceMs: number
  readonly #streamTime: KeptTime

  /** `graceMs` is how long after its end a window closes. */
  constructor(emit: EmitStrategy, graceMs: number, streamTime: KeptTime) {
    this.emitsUpdates = emit.type === 'onWindowUpdate'
    this.#graceMs = graceMs
    this.#streamTime = streamTime
  }

  /** Windows that end at this time, or before, are closed. */
  get closeTimeMs(): number {
    return this.#streamTime.ms - this.#graceMs
  }

  /**
   * Moves stream time. When closed windows are to be sent, returns the close time before: they ended after it, up to
   * `closeTimeMs`. Else null.
   */
  advance(timestamp: number): number | null {
    const streamTime = this.#streamTime
    if (timestamp <= streamTime.ms) return null
    const before = streamTime.ms - this.#graceMs
    streamTime.ms = timestamp
    return this.emitsUpdates || this.closeTimeMs < 0 ? null : Math.max(-1, before)
  }
}

/** Final results are sent at once: they have been collapsed as far as can be. */
export function emitting(table: CollapsibleTable, emit: EmitStrategy): CollapsibleTable {
  return emit.type === 'onWindowClose' ? { ...table, caching: false } : table
}
