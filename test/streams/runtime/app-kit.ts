import { Log } from '../../../src/log/index.js'
import { type Serde, Serdes } from '../../../src/serde/index.js'
import { KafkaStreams, type KafkaStreamsOptions, type TopologyModel } from '../../../src/streams/index.js'

/* Applications over text on a log in memory. */

export const text = Serdes.string()
export const texts = { keySerde: text, valueSerde: text }

export async function logWith(topics: Record<string, number>): Promise<Log> {
  const log = Log.memory()
  await log.admin.createTopics(Object.entries(topics).map(([topic, partitions]) => ({ topic, partitions })))
  return log
}

export interface Written {
  readonly key: string | null
  readonly value: string | null
  readonly timestamp?: number
  readonly partition?: number
}

export async function produce(log: Log, topic: string, records: readonly Written[]): Promise<void> {
  const producer = log.producer(texts)
  for (const [i, record] of records.entries()) {
    await producer.send({ topic, timestamp: i, ...record })
  }
  await producer.close()
}

/** Reads committed records of all partitions until `count` are there. */
export async function read<V = string>(log: Log, topic: string, count: number, valueSerde?: Serde<V>) {
  const consumer = log.consumer<string, V>({
    keySerde: text,
    valueSerde: valueSerde ?? (text as unknown as Serde<V>),
    isolationLevel: 'read_committed',
    autoOffsetReset: 'earliest',
  })
  const [description] = await log.admin.describeTopics([topic])
  consumer.assign(description!.partitions.map(({ partition }) => ({ topic, partition })))
  const records = []
  while (records.length < count) records.push(...(await consumer.poll(10_000)))
  await consumer.close()
  return records
}

/** Commits after every round, unless told otherwise. */
export function run(
  log: Log,
  topology: TopologyModel,
  options: Partial<KafkaStreamsOptions> = {},
): KafkaStreams {
  return new KafkaStreams(topology, {
    log,
    applicationId: 'app',
    defaultKeySerde: text as Serde<unknown>,
    defaultValueSerde: text as Serde<unknown>,
    commitIntervalMs: 0,
    ...options,
  })
}
