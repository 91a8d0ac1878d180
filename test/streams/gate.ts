import type { AsyncCall } from '../../src/streams/index.js'

export interface OpenCall {
  readonly value: string
  readonly call: AsyncCall
  resolve(answer?: unknown): void
  reject(error: Error): void
}

/** An asynchronous function whose calls the test answers. */
export class Gate {
  readonly open: OpenCall[] = []
  /** Every call, in order. */
  readonly called: string[] = []
  /** The most calls that were open together. */
  openMax = 0
  #waiting: { count: number; resolve: () => void }[] = []

  readonly ask = (value: string, _key: unknown, call: AsyncCall): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const close = () => {
        this.open.splice(this.open.indexOf(entry), 1)
      }
      const entry: OpenCall = {
        value,
        call,
        resolve: (answer = `${value}!`) => {
          close()
          resolve(answer)
        },
        reject: (error) => {
          close()
          reject(error)
        },
      }
      this.open.push(entry)
      this.called.push(value)
      this.openMax = Math.max(this.openMax, this.open.length)
      for (const { count, resolve: go } of this.#waiting) if (this.called.length >= count) go()
    })

  /** Resolves once `count` calls have been made in all. */
  async until(count: number): Promise<void> {
    if (this.called.length >= count) return
    await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }))
  }

  of(value: string): OpenCall {
    const found = this.open.find((call) => call.value === value)
    if (found === undefined) throw new Error(`no call is open for ${value}; open: ${this.values}`)
    return found
  }

  get values(): string[] {
    return this.open.map(({ value }) => value)
  }
}
