import type { Cancellable, KeptTime } from '../node.js'

interface Schedule {
  due: number
  readonly intervalMs: number
  readonly callback: (timestamp: number) => void
  readonly order: number
  readonly kept: KeptTime | null
  cancelled: boolean
}

/**
 * Punctuators of one task and one kind of time. A firing happens once however many multiples of its interval were
 * passed, with the current time as argument; the next is due at the next multiple (counted from the first).
 */
export class PunctuationQueue {
  readonly #schedules: Schedule[] = []
  #order = 0
  #nextDue = Number.POSITIVE_INFINITY

  /** When the next punctuator is due, ms; infinity without one. */
  get nextDue(): number {
    return this.#nextDue
  }

  /** `kept` is told when the punctuator is due next. */
  schedule(
    firstDue: number,
    intervalMs: number,
    callback: (timestamp: number) => void,
    kept: KeptTime | null = null,
  ): Cancellable {
    const order = this.#order++
    const schedule: Schedule = { due: firstDue, intervalMs, callback, order, kept, cancelled: false }
    this.#schedules.push(schedule)
    this.#update()
    return {
      cancel: () => {
        schedule.cancelled = true
        const at = this.#schedules.indexOf(schedule)
        if (at >= 0) this.#schedules.splice(at, 1)
        this.#update()
      },
    }
  }

  /** Fires what is due at `now`, earliest first. Returns whether anything fired. */
  punctuate(now: number): boolean {
    if (now < this.#nextDue) return false
    let fired = false
    for (let schedule = this.#first(); schedule !== null && schedule.due <= now; schedule = this.#first()) {
      fired = true
      // Moved on first: the callback may cancel it, or look at what is scheduled.
      const passed = Math.floor((now - schedule.due) / schedule.intervalMs)
      schedule.due += (passed + 1) * schedule.intervalMs
      if (schedule.kept !== null) schedule.kept.ms = schedule.due
      this.#update()
      schedule.callback(now)
    }
    return fired
  }

  #first(): Schedule | null {
    let first: Schedule | null = null
    for (const schedule of this.#schedules) {
      if (
        first === null ||
        schedule.due < first.due ||
        (schedule.due === first.due && schedule.order < first.order)
      ) {
        first = schedule
      }
    }
    return first
  }

  #update(): void {
    this.#nextDue = this.#first()?.due ?? Number.POSITIVE_INFINITY
  }
}
