import { Observable } from 'rxjs'
import { LogClosedError } from './client-errors.js'
import { DEFAULT_POLL_MS } from './consumer-options.js'
import type { ConsumerRecord, TopicPartition } from './log.js'

/** What the two ways to read record by record need of a consumer. */
export interface PolledConsumer<K, V> {
  readonly closed: boolean
  readonly polling: boolean
  poll(timeoutMs: number): Promise<readonly ConsumerRecord<K, V>[]>
  isAssigned(partition: TopicPartition): boolean
  seek(partition: TopicPartition, offset: number): void
  wakeup(): void
}

export async function* iterateRecords<K, V>(
  consumer: PolledConsumer<K, V>,
): AsyncGenerator<ConsumerRecord<K, V>, void, void> {
  for (;;) {
    const records = await pollUntilClosed(consumer)
    if (records === null) return
    let next = 0
    try {
      while (next < records.length) yield records[next++]!
    } finally {
      // Left early: what was not handed out will be read again.
      rewind(consumer, records, next)
    }
  }
}

export function observeRecords<K, V>(consumer: PolledConsumer<K, V>): Observable<ConsumerRecord<K, V>> {
  return new Observable((subscriber) => {
    const run = async () => {
      while (!subscriber.closed) {
        const records = await pollUntilClosed(consumer)
        if (records === null) break
        let next = 0
        while (next < records.length && !subscriber.closed) subscriber.next(records[next++]!)
        rewind(consumer, records, next)
      }
      subscriber.complete()
    }
    run().catch((error: unknown) => subscriber.error(error))
    return () => {
      if (consumer.polling) consumer.wakeup()
    }
  })
}

/** Null once the consumer is closed: a natural end for those who read everything. */
async function pollUntilClosed<K, V>(
  consumer: PolledConsumer<K, V>,
): Promise<readonly ConsumerRecord<K, V>[] | null> {
  try {
    return consumer.closed ? null : await consumer.poll(DEFAULT_POLL_MS)
  } catch (error) {
    if (consumer.closed && error instanceof LogClosedError) return null
    throw error
  }
}

/** Puts positions back to the records from `next` on, in partitions that are still ours. */
export function rewind(
  consumer: Pick<PolledConsumer<unknown, unknown>, 'isAssigned' | 'seek'>,
  records: readonly (TopicPartition & { readonly offset: number })[],
  next: number,
): void {
  for (let i = records.length - 1; i >= next; i--) {
    const record = records[i]!
    if (consumer.isAssigned(record)) consumer.seek(record, record.offset)
  }
}
