import type { Clock } from '../../common/index.js'

interface Counts {
  readonly recordsIn: number
  readonly recordsOut: number
}

export interface QueryRates {
  /** Records per second. */
  readonly inPerS: number
  readonly outPerS: number
  /** What they are averages over, ms. */
  readonly overMs: number
}

/** Shorter spans say little: asked again sooner, a query answers for the span before too. */
const SPAN_MIN_MS = 1000

/** How fast queries go: between the last look at one and this look, the first since it was started. */
export class RateMeter {
  readonly #clock: Clock
  readonly #bases = new Map<string, Counts & { readonly time: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  started(queryId: string): void {
    this.#bases.set(queryId, { recordsIn: 0, recordsOut: 0, time: this.#clock.now() })
  }

  look(queryId: string, { recordsIn, recordsOut }: Counts): QueryRates {
    const time = this.#clock.now()
    const base = this.#bases.get(queryId) ?? { recordsIn: 0, recordsOut: 0, time }
    const overMs = time - base.time
    if (overMs >= SPAN_MIN_MS) this.#bases.set(queryId, { recordsIn, recordsOut, time })
    const perS = (count: number): number => (overMs === 0 ? 0 : (count * 1000) / overMs)
    return {
      inPerS: perS(recordsIn - base.recordsIn),
      outPerS: perS(recordsOut - base.recordsOut),
      overMs,
    }
  }
}
