/** Time and timers are injected, so that tests and simulations drive them. Milliseconds since the epoch. */
export interface Clock {
  now(): number
  /**
   * Calls `callback` once, at least `delayMs` from now. A pending timer does not keep the process alive, unless
   * `keepAlive` is true: for timers that somebody awaits.
   */
  setTimer(delayMs: number, callback: () => void, keepAlive?: boolean): Timer
}

export interface Timer {
  cancel(): void
}

/** The only caller of `Date.now` and `setTimeout` in `src`. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(delayMs, callback, keepAlive = false) {
    // Node fires a delay beyond 31 bits at once; nobody waits 24 days for one timer.
    const handle = setTimeout(callback, Math.min(delayMs, 0x7fff_ffff))
    if (!keepAlive) handle.unref()
    return { cancel: () => clearTimeout(handle) }
  },
}

/** A clock that stands still until told to move. Timers fire, in order, inside `advance`. */
export class ManualClock implements Clock {
  #now: number
  #timers: { at: number; order: number; callback: () => void }[] = []
  #order = 0

  constructor(startMs = 0) {
    this.#now = startMs
  }

  now(): number {
    return this.#now
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = { at: this.#now + Math.max(0, delayMs), order: this.#order++, callback }
    this.#timers.push(timer)
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((t) => t !== timer)
      },
    }
  }

  advance(ms: number): void {
    const target = this.#now + ms
    for (;;) {
      const due = this.#timers
        .filter((t) => t.at <= target)
        .sort((a, b) => a.at - b.at || a.order - b.order)[0]
      if (due === undefined) break
      this.#timers = this.#timers.filter((t) => t !== due)
      this.#now = Math.max(this.#now, due.at)
      due.callback()
    }
    this.#now = target
  }
}
