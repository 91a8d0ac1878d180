import type { Consumer, ConsumerRecord, Log, TopicPartition } from '../../src/log/index.js'
import { stringSerde } from '../../src/serde/index.js'

export const text = { keySerde: stringSerde, valueSerde: stringSerde }

export function at(topic: string, partition = 0): TopicPartition {
  return { topic, partition }
}

/** Every value of the partitions as text, in order of delivery, up to the present end. */
export async function readAll(
  log: Log,
  partitions: readonly TopicPartition[],
  isolationLevel: 'read_committed' | 'read_uncommitted' = 'read_uncommitted',
): Promise<ConsumerRecord<string, string>[]> {
  const consumer = log.consumer({ ...text, isolationLevel, autoOffsetReset: 'earliest' })
  consumer.assign(partitions)
  const records: ConsumerRecord<string, string>[] = []
  const ends = await consumer.endOffsets(partitions)
  for (;;) {
    records.push(...(await consumer.poll(0)))
    const positions = await Promise.all(partitions.map((partition) => consumer.position(partition)))
    if (positions.every((position, i) => position >= ends[i]!)) break
  }
  await consumer.close()
  return records
}

export async function readValues(
  log: Log,
  partitions: readonly TopicPartition[],
  isolationLevel: 'read_committed' | 'read_uncommitted' = 'read_uncommitted',
): Promise<(string | null)[]> {
  return (await readAll(log, partitions, isolationLevel)).map((record) => record.value)
}

/** Polls until `count` records came. */
export async function take<K, V>(consumer: Consumer<K, V>, count: number): Promise<ConsumerRecord<K, V>[]> {
  const records: ConsumerRecord<K, V>[] = []
  while (records.length < count) records.push(...(await consumer.poll()))
  return records
}
