import type { Log, Producer } from '../../log/index.js'
import type { DeadLetterRecord } from '../exception-handlers.js'

/** The letters of errors that stop the application: they are written once everything else is undone. */
const fatal = new WeakMap<object, readonly DeadLetterRecord[]>()

/** Remembers the letters that belong to an error. Returns the error. */
export function withDeadLetters<E extends object>(error: E, letters: readonly DeadLetterRecord[]): E {
  fatal.set(error, letters)
  return error
}

export function deadLettersOf(error: unknown): readonly DeadLetterRecord[] {
  return (typeof error === 'object' && error !== null ? fatal.get(error) : undefined) ?? []
}

/** Writes letters outside of transactions: for what stopped the application, and for global tables. */
export class DeadLetterWriter {
  readonly #log: Log
  #producer: Producer | null = null
  #failure: { error: unknown } | null = null

  constructor(log: Log) {
    this.#log = log
  }

  send({ topic, partition = 0, key, value, timestamp, headers = [] }: DeadLetterRecord): void {
    this.#producer ??= this.#log.producer()
    this.#producer.send({ topic, partition, key, value, timestamp, headers }).catch((error: unknown) => {
      this.#failure ??= { error }
    })
  }

  /** Resolves once all letters are written. Throws what kept one from it. */
  async close(): Promise<void> {
    const producer = this.#producer
    this.#producer = null
    await producer?.flush()
    await producer?.close()
    const failure = this.#failure
    this.#failure = null
    if (failure !== null) throw failure.error
  }
}
