import type { AnyBatch } from '../batch.js'
import type { Cancellable, NodeContext } from '../node.js'

/** What is released when nothing has come stems from no record. */
export const nowhere: AnyBatch = {
  size: 0,
  keys: [],
  values: [],
  timestamps: [],
  oldValues: null,
  headers: null,
  origin: null,
  rows: null,
}

/** Calls back once nothing was heard for a while; watches only while there is something to release. */
export class IdleWatch {
  readonly #context: NodeContext
  readonly #idleMs: number
  readonly #isNeeded: () => boolean
  readonly #onIdle: () => void
  #lastHeard: number
  #timer: Cancellable | null = null

  constructor(context: NodeContext, idleMs: number, isNeeded: () => boolean, onIdle: () => void) {
    this.#context = context
    this.#idleMs = idleMs
    this.#isNeeded = isNeeded
    this.#onIdle = onIdle
    this.#lastHeard = context.currentSystemTimeMs()
    if (isNeeded()) this.#watch(idleMs)
  }

  heard(): void {
    this.#lastHeard = this.#context.currentSystemTimeMs()
    if (this.#timer === null && this.#isNeeded()) this.#watch(this.#idleMs)
  }

  #watch(ms: number): void {
    this.#timer = this.#context.schedule(ms, 'WALL_CLOCK_TIME', () => this.#look())
  }

  #look(): void {
    this.#timer?.cancel()
    this.#timer = null
    if (!this.#isNeeded()) return
    const remaining = this.#lastHeard + this.#idleMs - this.#context.currentSystemTimeMs()
    if (remaining > 0) this.#watch(remaining)
    else this.#onIdle()
  }
}
