import { map } from 'rxjs'
import { type Clock, systemClock } from '../../../src/common/index.js'
import { type Log, Log as Logs } from '../../../src/log/index.js'
import { Serdes } from '../../../src/serde/index.js'
import { type KeyValueStore, Stores } from '../../../src/state/index.js'
import type { AnyBatch, NodeContext, TopologyModel } from '../../../src/streams/index.js'
import { KafkaStreams, type KafkaStreamsOptions } from '../../../src/streams/runtime/kafka-streams.js'
import { mapping, processor, sink, source } from './topology-kit.js'

/* Two sub-topologies: words are rekeyed through a repartition topic, then counted, every update going out. */

const text = Serdes.string()

function counting(context: NodeContext) {
  const store = context.stateStore<KeyValueStore<string, number>>('counts')
  return map((batch: AnyBatch) => ({
    ...batch,
    values: batch.keys.map((key) => {
      const count = (store.get(key as string) ?? 0) + 1
      store.put(key as string, count)
      return `${String(key)}=${count}`
    }),
  }))
}

const rekeying = () =>
  map((batch: AnyBatch) => ({ ...batch, keys: batch.values.map((value) => (value as string).slice(0, 1)) }))

export function countTopology(options: { persistent?: boolean } = {}): TopologyModel {
  const first = [
    source('in', ['words']),
    processor('rekey', ['in'], rekeying),
    sink('to-repartition', ['rekey'], 'letters-repartition'),
  ]
  const second = [
    source('from-repartition', ['letters-repartition']),
    processor('count', ['from-repartition'], counting, { stores: ['counts'] }),
    processor(
      'mark',
      ['count'],
      mapping((value) => value),
    ),
    sink('out', ['mark'], 'counts-out'),
  ]
  const spec = Stores.keyValue({
    name: 'counts',
    keySerde: text,
    valueSerde: Serdes.long(),
    persistent: options.persistent ?? true,
  })
  return {
    nodes: new Map([...first, ...second].map((node) => [node.name, node])),
    stores: new Map([['counts', { spec, global: false, processors: ['count'], sourceTopic: null }]]),
    repartitionTopics: new Map([['letters-repartition', { name: 'letters-repartition', partitions: null }]]),
    copartitionGroups: [],
    subtopologies: [
      { id: 0, global: false, nodes: first, stores: [] },
      { id: 1, global: false, nodes: second, stores: ['counts'] },
    ],
  }
}

export async function logWithWords(words: readonly string[], partitions = 2): Promise<Log> {
  const log = Logs.memory()
  await log.admin.createTopics([
    { topic: 'words', partitions },
    { topic: 'counts-out', partitions },
  ])
  await produceWords(log, words)
  return log
}

export async function produceWords(log: Log, words: readonly string[]): Promise<void> {
  const producer = log.producer({ keySerde: text, valueSerde: text })
  for (const [i, value] of words.entries())
    await producer.write({ topic: 'words', key: value, value, timestamp: i })
  await producer.flush()
  await producer.close()
}

export function app(
  log: Log,
  options: Partial<KafkaStreamsOptions> & { persistent?: boolean } = {},
): KafkaStreams {
  const { persistent, ...more } = options
  return new KafkaStreams(countTopology({ persistent: persistent ?? true }), {
    log,
    applicationId: 'app',
    commitIntervalMs: 0,
    bufferedRecordsPerPartition: 5,
    clock: hastyClock(),
    ...more,
  })
}

/** Time that passes with every look at it, so that slices, and with them commits, are small. */
export function hastyClock(): Clock {
  let now = 0
  return { ...systemClock, now: () => (now += 4) }
}

/** Reads what was committed to a topic until `count` records are there. */
export async function readCommitted(log: Log, topic: string, count: number): Promise<string[]> {
  const consumer = log.consumer({
    valueSerde: text,
    isolationLevel: 'read_committed',
    autoOffsetReset: 'earliest',
  })
  const [description] = await log.admin.describeTopics([topic])
  consumer.assign(description!.partitions.map(({ partition }) => ({ topic, partition })))
  const values: string[] = []
  while (values.length < count) for (const { value } of await consumer.poll(10_000)) values.push(value!)
  // Nothing more: a doubled record would be right behind.
  for (const { value } of await consumer.poll(0)) values.push(value!)
  await consumer.close()
  return values
}

/** Each letter's counts from 1 up, once each: what an exactly-once count gives, in the order of each letter. */
export function byLetter(values: readonly string[]): Record<string, number[]> {
  const counts: Record<string, number[]> = {}
  for (const value of values) {
    const [letter, count] = value.split('=') as [string, string]
    counts[letter] ??= []
    counts[letter].push(Number(count))
  }
  return counts
}

export function expectedCounts(words: readonly string[]): Record<string, number[]> {
  const counts: Record<string, number[]> = {}
  for (const word of words) {
    const letter = word.slice(0, 1)
    counts[letter] ??= []
    counts[letter].push(counts[letter].length + 1)
  }
  return counts
}
