import { Observable } from 'rxjs'
import type { Clock, Timer } from '../../common/index.js'

/** What `read` gives, at once and then every `intervalMs` of the clock, until unsubscribed. Errors with what it throws. */
export function atIntervals<T>(clock: Clock, intervalMs: number, read: () => T): Observable<T> {
  return new Observable((subscriber) => {
    let timer: Timer | null = null
    const tick = () => {
      try {
        subscriber.next(read())
      } catch (error) {
        subscriber.error(error)
      }
      if (!subscriber.closed) timer = clock.setTimer(intervalMs, tick)
    }
    subscriber.add(() => timer?.cancel())
    tick()
  })
}
