import type { Consumer, Log } from '../../../src/log/index.js'

/** What a process that has died would still do comes to nothing. */
export class ProcessDied extends Error {}

/** Calls that do not wait for the log. */
const immediate = new Set<PropertyKey>([
  'assign',
  'assignment',
  'beginTransaction',
  'enforceRebalance',
  'groupMetadata',
  'pause',
  'resume',
  'seek',
  'subscribe',
  'wakeup',
  'write',
  'writeBatch',
])

/**
 * The log as one process sees it, which may stall for a while, or die: before or after any of its calls. The process
 * keeps its place in groups until it has not polled for too long, and its transactions stay open.
 */
export class ProcessLog implements Log {
  readonly admin
  state: 'alive' | 'stalled' | 'dead' = 'alive'
  readonly #log: Log
  readonly #consumers: Consumer[] = []
  #waiting: (() => void)[] = []
  #calls = 0
  #next: { readonly call: number; readonly state: 'stalled' | 'dead' } | null = null

  constructor(log: Log) {
    this.#log = log
    this.admin = log.admin
  }

  /** Stalls or dies at one of the next calls, counted from 1. */
  stopAt(call: number, state: 'stalled' | 'dead'): void {
    this.#next = { call: this.#calls + call, state }
  }

  /** At once, also while a call is under way. */
  stop(state: 'stalled' | 'dead'): void {
    this.#next = null
    if (this.state === 'dead') return
    this.state = state
    // Nobody polls any more: a poll that waits would count as one that does.
    for (const consumer of this.#consumers) consumer.wakeup()
  }

  goOn(): void {
    this.#next = null
    if (this.state !== 'stalled') return
    this.state = 'alive'
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  producer<K, V>(options: Parameters<Log['producer']>[0]) {
    return this.#through(this.#log.producer<K, V>(options as never))
  }

  consumer<K, V>(options: Parameters<Log['consumer']>[0]) {
    const consumer = this.#log.consumer<K, V>(options as never)
    this.#consumers.push(consumer as unknown as Consumer)
    return this.#through(consumer)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #through<T extends object>(client: T): T {
    return new Proxy(client, {
      get: (target, name) => {
        const member = Reflect.get(target, name) as unknown
        if (typeof member !== 'function') return member
        if (immediate.has(name)) {
          return (...values: unknown[]) => {
            if (this.state === 'dead' && name !== 'wakeup') throw new ProcessDied()
            return member.apply(target, values)
          }
        }
        return async (...values: unknown[]) => {
          await this.#pass()
          const result: unknown = await member.apply(target, values)
          await this.#pass()
          return result
        }
      },
    })
  }

  async #pass(): Promise<void> {
    this.#calls++
    if (this.#next !== null && this.#calls >= this.#next.call) this.stop(this.#next.state)
    while (this.state !== 'alive') await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }
}
