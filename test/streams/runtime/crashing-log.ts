import type { Consumer, Log, Producer } from '../../../src/log/index.js'

/** The process has died: nothing it still does reaches the log. */
export class Crash extends Error {
  constructor(where: string) {
    super(`crash ${where}`)
  }
}

export interface CrashPlan {
  /** A method of the instance's producer or consumer. */
  readonly method: keyof Producer | keyof Consumer
  readonly when: 'before' | 'after'
  /** Which call of it, counted from 1. */
  readonly call: number
  /** Counting begins with this call of another method. */
  readonly afterCall?: { readonly method: keyof Producer | keyof Consumer; readonly call: number }
}

/**
 * A log whose clients die as planned, and with them every other client that was made here. Their places in consumer
 * groups are free at once, as after the session timeout; open transactions stay open.
 */
export function crashingLog(
  inner: Log,
  plan: CrashPlan | null,
): Log & { readonly crash: () => void; readonly crashed: () => boolean } {
  let crashed = false
  const consumers: Consumer[] = []
  const crash = () => {
    crashed = true
    for (const consumer of consumers) consumer.close().catch(() => {})
  }
  const calls = new Map<PropertyKey, number>()
  const counting = () =>
    plan?.afterCall === undefined || (calls.get(plan.afterCall.method) ?? 0) >= plan.afterCall.call
  const dyingWith = (result: unknown) =>
    result instanceof Promise
      ? result.catch((error: unknown) => {
          throw crashed ? new Crash('has happened') : error
        })
      : result
  const dying = <T extends object>(client: T): T =>
    new Proxy(client, {
      get(target, name) {
        const member = Reflect.get(target, name) as unknown
        if (typeof member !== 'function') return member
        if (name === 'wakeup') return member.bind(target)
        return (...values: unknown[]) => {
          if (crashed) throw new Crash('has happened')
          const planned = name === plan?.method && counting()
          if (planned || name === plan?.afterCall?.method) calls.set(name, (calls.get(name) ?? 0) + 1)
          const now = planned && calls.get(name) === plan?.call
          if (now && plan?.when === 'before') {
            crash()
            throw new Crash(`before ${String(name)}`)
          }
          const result: unknown = member.apply(target, values)
          if (!now) return dyingWith(result)
          return Promise.resolve(result).then(() => {
            crash()
            throw new Crash(`after ${String(name)}`)
          })
        }
      },
    })
  return {
    admin: inner.admin,
    producer: (options) => dying(inner.producer(options)),
    consumer: (options) => {
      const consumer = inner.consumer(options)
      consumers.push(consumer as unknown as Consumer)
      return dying(consumer)
    },
    close: () => inner.close(),
    crash,
    crashed: () => crashed,
  }
}
