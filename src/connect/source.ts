import { type Clock, systemClock } from '../common/index.js'
import type { Headers, Log } from '../log/index.js'
import type { Serde } from '../serde/index.js'

export interface SourceRecord<K, V> {
  readonly key: K | null
  readonly value: V | null
  /** Event time, ms. */
  readonly timestamp: number
  readonly headers?: Headers
}

export interface SourceOptions<R, K, V> {
  /** Names the position in the source; keep it over restarts. */
  readonly name: string
  /** The same rows in the same order at each start: rows already written are passed over. */
  readonly rows: Iterable<R> | AsyncIterable<R>
  /** Must exist. */
  readonly topic: string
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<V>
  readonly toRecord: (row: R, index: number) => SourceRecord<K, V>
  /** Default 1,000. */
  readonly rowsPerTransaction?: number
  /** Called after each transaction with the number of rows that are in the log for good. */
  readonly onProgress?: (rows: number) => void
  /** Replays rows this many times faster than their event times; absent: as fast as possible. */
  readonly rate?: number
  readonly clock?: Clock
  readonly signal?: AbortSignal
}

/**
 * Copies rows into a topic, each exactly once over any number of crashes: a transaction holds some rows and, as a
 * committed offset of group `connect-<name>`, the number of rows that are in the log with it.
 *
 * Returns the number of rows that were in the source, or that had been written when `signal` stopped it.
 */
export async function runSource<R, K, V>(log: Log, options: SourceOptions<R, K, V>): Promise<number> {
  const { topic, clock = systemClock, rowsPerTransaction = 1000, signal } = options
  const group = { groupId: `connect-${options.name}`, generationId: -1, memberId: '' }
  const position = { topic, partition: 0 }
  const producer = log.producer<K, V>({
    transactionalId: group.groupId,
    keySerde: options.keySerde,
    valueSerde: options.valueSerde,
  })
  try {
    await producer.initTransactions()
    const committed = (await log.admin.groupOffsets(group.groupId)).find(
      (o) => o.topic === topic && o.partition === 0,
    )
    const done = committed?.offset ?? 0
    const pacer = options.rate === undefined ? null : new Pacer(options.rate, clock, signal)
    let index = 0
    let pending = 0
    const commit = async (): Promise<void> => {
      if (pending === 0) return
      await producer.sendOffsetsToTransaction([{ ...position, offset: index }], group)
      await producer.commitTransaction()
      pending = 0
      options.onProgress?.(index)
    }
    for await (const row of options.rows) {
      if (stopped(signal)) break
      if (index < done) {
        index++
        continue
      }
      const record = options.toRecord(row, index)
      const waitMs = pacer?.waitMs(record.timestamp) ?? 0
      if (pacer !== null && waitMs > 0) {
        await commit()
        await pacer.sleep(waitMs)
        if (stopped(signal)) break
      }
      if (pending === 0) producer.beginTransaction()
      await producer.write({ topic, ...record })
      index++
      if (++pending >= rowsPerTransaction) await commit()
    }
    await commit()
    return index
  } finally {
    await producer.close()
  }
}

function stopped(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}

/** Maps event time onto the wall clock, `rate` times faster. */
class Pacer {
  readonly #rate: number
  readonly #clock: Clock
  readonly #signal: AbortSignal | undefined
  #eventStart: number | null = null
  #wallStart = 0

  constructor(rate: number, clock: Clock, signal: AbortSignal | undefined) {
    this.#rate = rate
    this.#clock = clock
    this.#signal = signal
  }

  waitMs(timestamp: number): number {
    if (this.#eventStart === null) {
      this.#eventStart = timestamp
      this.#wallStart = this.#clock.now()
    }
    return Math.floor(this.#wallStart + (timestamp - this.#eventStart) / this.#rate - this.#clock.now())
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer(ms, finish)
      const signal = this.#signal
      function finish(): void {
        timer.cancel()
        signal?.removeEventListener('abort', finish)
        resolve()
      }
      signal?.addEventListener('abort', finish)
    })
  }
}
