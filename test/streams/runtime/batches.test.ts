import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createBatchBuilder, Log } from '../../../src/log/index.js'
import { type Serde, Serdes, type Windowed } from '../../../src/serde/index.js'
import {
  JoinWindows,
  KafkaStreams,
  SessionWindows,
  StreamsBuilder,
  TimeWindows,
  type TopologyModel,
} from '../../../src/streams/index.js'
import { TopologyTestDriver } from '../../../src/testing/index.js'

/*
 * The same records, one at a time through the test driver and in batches of any size through the runtime, must give
 * the same results: taking batches whole is never seen from outside.
 */

const text = Serdes.string()
const serdes = { keySerde: text, valueSerde: text }
const flat = (key: Windowed<string>) => `${key.key}@${key.start}`

function built(define: (builder: StreamsBuilder) => void): TopologyModel {
  const builder = new StreamsBuilder()
  define(builder)
  return builder.build({
    defaultKeySerde: text as Serde<unknown>,
    defaultValueSerde: text as Serde<unknown>,
  })
}

const input = (builder: StreamsBuilder) => builder.stream<string, string>('in', serdes)

const topologies: Record<string, () => TopologyModel> = {
  'a chain of stateless steps': () =>
    built((b) =>
      input(b)
        .filter((_, value) => value !== 'v0')
        .flatMapValues((value) => [value, `${value}+`])
        .map((key, value) => [value, key] as const)
        .to('out', serdes),
    ),
  'branches that meet again before a count': () =>
    built((b) => {
      const stream = input(b)
      const loud = stream.mapValues((value) => value.toUpperCase())
      stream
        .merge(loud)
        .groupByKey()
        .reduce((sum, value) => `${sum}${value}`.slice(-12))
        .toStream()
        .to('out', serdes)
    }),
  'two sinks on one topic': () =>
    built((b) => {
      const stream = input(b)
      stream.mapValues((value) => `first ${value}`).to('out', serdes)
      stream.mapValues((value) => `second ${value}`).to('out', serdes)
    }),
  'a stream joined with itself': () =>
    built((b) => {
      const stream = input(b)
      stream.join(stream, (l, r) => `${l}${r}`, JoinWindows.ofTimeDifferenceAndGrace(5, 10)).to('out', serdes)
    }),
  'a table joined with itself': () =>
    built((b) => {
      const table = b.table<string, string>('in', serdes)
      table
        .join(
          table.mapValues((value) => `${value}'`),
          (l, r) => `${l}${r}`,
        )
        .toStream()
        .to('out', serdes)
    }),
  'windows, rekeyed': () =>
    built((b) =>
      input(b)
        .groupBy((_, value) => value, serdes)
        .windowedBy(TimeWindows.ofSizeAndGrace(10, 5))
        .count({ store: 'w' })
        .toStream(flat)
        .mapValues((count) => String(count))
        .to('out', serdes),
    ),
  sessions: () =>
    built((b) =>
      input(b)
        .groupByKey()
        .windowedBy(SessionWindows.ofInactivityGapAndGrace(4, 20))
        .reduce((sum, value) => `${sum}${value}`.slice(-12))
        .toStream(flat)
        .to('out', serdes),
    ),
  'a processor with a stream-time punctuator': () =>
    built((b) =>
      input(b)
        .process<string, string>(() => {
          let seen = 0
          return {
            init(context) {
              context.schedule(7, 'STREAM_TIME', (at) => {
                context.forward({ key: 'tick', value: String(seen), timestamp: at })
              })
            },
            process() {
              seen++
            },
          }
        })
        .to('out', serdes),
    ),
}

interface Row {
  readonly key: string
  readonly value: string
  readonly timestamp: number
}

const rows = fc.array(
  fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    value: fc.constantFrom('v0', 'v1', 'v2'),
    timestamp: fc.nat(60),
  }),
  { minLength: 1, maxLength: 40 },
)

function oneByOne(topology: TopologyModel, records: readonly Row[]): string[] {
  const driver = new TopologyTestDriver(topology)
  const topic = driver.createInputTopic('in', text, text)
  for (const { key, value, timestamp } of records) topic.pipeInput(key, value, timestamp)
  const results = driver.createOutputTopic('out', text, text).readRecordsToList()
  driver.close()
  return results.map(({ key, value, timestamp }) => `${key}=${value}@${timestamp}`)
}

async function inBatches(
  topology: TopologyModel,
  records: readonly Row[],
  batchSize: number,
  count: number,
): Promise<string[]> {
  const log = Log.memory()
  await log.admin.createTopics([{ topic: 'in' }, { topic: 'out' }])
  const producer = log.producer()
  for (let from = 0; from < records.length; from += batchSize) {
    const batch = createBatchBuilder()
    for (const { key, value, timestamp } of records.slice(from, from + batchSize)) {
      batch.appendWith(timestamp, text, key, text, value)
    }
    await producer.writeBatch({ topic: 'in', partition: 0 }, batch)
  }
  await producer.flush()
  const streams = new KafkaStreams(topology, {
    log,
    applicationId: 'app',
    emitEveryUpdate: true,
    commitIntervalMs: 0,
  })
  await streams.start()
  const consumer = log.consumer({ ...serdes, isolationLevel: 'read_committed', autoOffsetReset: 'earliest' })
  consumer.assign([{ topic: 'out', partition: 0 }])
  const results: string[] = []
  while (results.length < count) {
    for (const { key, value, timestamp } of await consumer.poll(10_000))
      results.push(`${key}=${value}@${timestamp}`)
  }
  await streams.close()
  for (const { key, value } of await consumer.poll(0)) results.push(`unexpected ${key}=${value}`)
  await log.close()
  return results
}

describe('batches give what single records give', () => {
  for (const [name, topology] of Object.entries(topologies)) {
    it(name, async () => {
      await fc.assert(
        fc.asyncProperty(rows, fc.integer({ min: 1, max: 50 }), async (records, batchSize) => {
          const expected = oneByOne(topology(), records)
          expect(await inBatches(topology(), records, batchSize, expected.length)).toEqual(expected)
        }),
        { numRuns: 15 },
      )
    })
  }
})
