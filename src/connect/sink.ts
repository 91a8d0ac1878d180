import type { ConsumerRecord, Log, OffsetCommit, TopicPartition } from '../log/index.js'
import type { Serde } from '../serde/index.js'

/**
 * Where records leave the log. A sink keeps the positions it has reached together with the data, in one atomic step:
 * that is what makes delivery exactly-once, whatever crashes in between.
 */
export interface Sink<K, V> {
  /** The next offset wanted of a partition, or null to begin at its start. */
  position(partition: TopicPartition): number | null
  /** Stores the records and the positions after them: all or nothing. */
  write(records: readonly ConsumerRecord<K, V>[], positions: readonly OffsetCommit[]): void
  close(): void
}

export interface SinkOptions<K, V> {
  readonly topic: string
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<V>
  readonly sink: Sink<K, V>
  /** 'end': until all that is in the topic at the start has been written; 'forever': until `signal` says stop. */
  readonly until?: 'end' | 'forever'
  readonly signal?: AbortSignal
}

/** Copies a topic into a sink, reading only committed transactions. Returns the number of records written. */
export async function runSink<K, V>(log: Log, options: SinkOptions<K, V>): Promise<number> {
  const { topic, sink, signal } = options
  const consumer = log.consumer<K, V>({
    keySerde: options.keySerde,
    valueSerde: options.valueSerde,
    isolationLevel: 'read_committed',
    autoOffsetReset: 'earliest',
    maxPollRecords: 5000,
  })
  const stop = (): void => consumer.wakeup()
  signal?.addEventListener('abort', stop)
  try {
    const [description] = await log.admin.describeTopics([topic])
    const partitions = description!.partitions.map(({ partition }) => ({ topic, partition }))
    consumer.assign(partitions)
    for (const partition of partitions) {
      const position = sink.position(partition)
      if (position !== null) consumer.seek(partition, position)
    }
    const ends = options.until === 'forever' ? null : await consumer.endOffsets(partitions)
    let written = 0
    while (signal?.aborted !== true) {
      if (ends !== null && (await reached(consumer, partitions, ends))) break
      const records = await consumer.poll(ends === null ? 1000 : 10)
      if (records.length === 0) continue
      sink.write(records, positionsAfter(records))
      written += records.length
    }
    return written
  } finally {
    signal?.removeEventListener('abort', stop)
    await consumer.close()
    sink.close()
  }
}

async function reached(
  consumer: { position(partition: TopicPartition): Promise<number> },
  partitions: readonly TopicPartition[],
  ends: readonly number[],
): Promise<boolean> {
  for (const [i, partition] of partitions.entries()) {
    if ((await consumer.position(partition)) < ends[i]!) return false
  }
  return true
}

function positionsAfter(records: readonly ConsumerRecord<unknown, unknown>[]): OffsetCommit[] {
  const next = new Map<number, OffsetCommit>()
  for (const { topic, partition, offset } of records) {
    if (offset >= (next.get(partition)?.offset ?? 0))
      next.set(partition, { topic, partition, offset: offset + 1 })
  }
  return [...next.values()]
}
