import { describe, expect, it } from 'vitest'
import { Serdes } from '../../src/serde/index.js'
import {
  type DroppedRecord,
  deserialize,
  JoinWindows,
  type KStream,
  SessionWindows,
  SlidingWindows,
  StreamsBuilder,
  TimeWindows,
} from '../../src/streams/index.js'
import { TopologyTestDriver, type TopologyTestDriverOptions } from '../../src/testing/index.js'
import { logWith, produce, read, run, text, texts } from './runtime/app-kit.js'

type Input = readonly [key: string | null, value: string | null, timestamp: number, topic?: string]

/** Sends records through a topology, and returns what it dropped. */
function dropped(
  declare: (builder: StreamsBuilder) => unknown,
  inputs: readonly Input[],
  options: TopologyTestDriverOptions = {},
) {
  const builder = new StreamsBuilder()
  const seen: DroppedRecord[] = []
  builder.droppedRecords().foreach((_node, record) => seen.push(record))
  declare(builder)
  const driver = new TopologyTestDriver(builder.build(), options)
  for (const [key, value, timestamp, topic = 'in'] of inputs) {
    driver.createInputTopic(topic, text, text).pipeInput(key, value, timestamp)
  }
  return { seen, metrics: driver.metrics() }
}

const input = (builder: StreamsBuilder): KStream<string, string> => builder.stream('in', texts)

/** What is said of a record: reason, node, offset, and window. */
const short = ({ reason, node, offset, window }: DroppedRecord) =>
  `${reason} ${node} @${offset}${window === null ? '' : ` [${window.start}, ${window.end}]`}`

describe('a record that is dropped comes to the stream of dropped records', () => {
  it('with its reason, node and window, its place, and its bytes', () => {
    const { seen, metrics } = dropped(
      (b) => input(b).groupByKey().windowedBy(TimeWindows.ofSizeAndGrace(10, 5)).count({ name: 'count' }),
      [
        ['k', 'on time', 20],
        ['k', 'too late', 4],
      ],
    )
    expect(seen).toEqual([
      {
        reason: 'late',
        node: 'count',
        window: { start: 0, end: 10 },
        taskId: '0_0',
        topic: 'in',
        partition: 0,
        offset: 1,
        timestamp: 4,
        headers: [],
        key: Buffer.from('k'),
        value: Buffer.from('too late'),
      },
    ])
    expect(deserialize(text, seen[0]!.value)).toBe('too late')
    expect(metrics.droppedByNode).toEqual({ count: { late: 1 } })
  })

  it('once for each window it was too late for', () => {
    const { seen } = dropped(
      (b) =>
        input(b)
          .groupByKey()
          .windowedBy(TimeWindows.ofSizeWithNoGrace(10).advanceBy(5))
          .count({ name: 'count' }),
      [
        ['k', 'a', 30],
        ['k', 'b', 6],
      ],
    )
    expect(seen.map(short)).toEqual(['late count @1 [0, 10]', 'late count @1 [5, 15]'])
  })

  it('when a session or a sliding window was closed', () => {
    const { seen } = dropped(
      (b) => {
        const grouped = input(b).groupByKey()
        grouped.windowedBy(SessionWindows.ofInactivityGapWithNoGrace(5)).count({ name: 'session' })
        grouped.windowedBy(SlidingWindows.ofTimeDifferenceWithNoGrace(5)).count({ name: 'sliding' })
      },
      [
        ['k', 'a', 30],
        ['k', 'b', 6],
      ],
    )
    expect(seen.map(short)).toEqual(['late session @1 [6, 6]', 'late sliding @1 [1, 6]'])
  })

  it('without a key or a value where one is needed', () => {
    const { seen, metrics } = dropped(
      (b) => input(b).groupByKey().count({ name: 'count' }),
      [
        [null, 'a', 0],
        ['k', null, 1],
      ],
    )
    expect(seen.map(short)).toEqual(['null-key count @0', 'null-value count @1'])
    expect(seen[0]!.key).toBeNull()
    expect(metrics).toMatchObject({
      droppedRecords: 2,
      droppedByNode: { count: { 'null-key': 1, 'null-value': 1 } },
    })
  })

  it('without a key in front of a repartition topic, which Kafka does not count', () => {
    const { seen, metrics } = dropped(
      (b) =>
        input(b)
          .groupBy((_key, value) => (value === 'none' ? null : value), { ...texts, name: 'words' })
          .count(),
      [
        ['k', 'none', 0],
        ['k', 'some', 0],
      ],
    )
    expect(seen.map(short)).toEqual(['null-key-repartition words-repartition-filter @0'])
    expect(metrics).toMatchObject({ droppedRecords: 0, droppedByReason: { 'null-key-repartition': 1 } })
  })

  it('when it is too old to be kept for a join, or for the history of a table', () => {
    const { seen, metrics } = dropped(
      (b) => {
        const other = b.stream<string, string>('other', texts)
        const windows = JoinWindows.ofTimeDifferenceWithNoGrace(5)
        input(b).join(other, (l, r) => l + r, windows, { ...texts, name: 'join' })
        b.table('rows', { ...texts, materialized: { store: 's', versioned: { historyRetentionMs: 10 } } })
      },
      [
        ['k', 'a', 100],
        ['k', 'b', 2],
        ['k', 'a', 100, 'rows'],
        ['k', 'b', 2, 'rows'],
      ],
    )
    expect(seen.map(({ reason, topic, offset }) => `${reason} ${topic} @${offset}`)).toEqual([
      'expired in @1',
      'expired rows @1',
    ])
    expect(metrics).toMatchObject({ droppedRecords: 2, droppedByReason: { expired: 2 } })
  })

  it('when it cannot be read, processed or written, and the handler says continue', () => {
    const words = Serdes.json<string>()
    const { seen } = dropped(
      (b) =>
        b
          .stream<string, string>('in', { keySerde: text, valueSerde: words, name: 'source' })
          .mapValues((value) => (value === 'thrown' ? fail() : value === 'written' ? undefined : value), {
            name: 'map',
          })
          .to('out', { keySerde: text, valueSerde: Serdes.json(), name: 'sink' }),
      [
        ['k', '{', 0],
        ['k', '"thrown"', 1],
        ['k', '"written"', 2],
      ],
      {
        deserializationExceptionHandler: 'log-and-continue',
        processingExceptionHandler: 'log-and-continue',
        productionExceptionHandler: 'log-and-continue',
      },
    )
    expect(seen.map(short)).toEqual(['deserialization source @0', 'processing map @1', 'production sink @2'])
    expect(seen[0]!.value!.toString()).toBe('{')
  })

  it('when its time is negative, and the extractor lets it pass', () => {
    const { seen } = dropped(
      (b) =>
        b
          .stream<string, string>('in', { ...texts, name: 'source', timestampExtractor: () => -1 })
          .foreach(() => {}),
      [['k', 'a', 7]],
    )
    expect(seen.map(short)).toEqual(['negative-timestamp source @0'])
  })
})

function fail(): never {
  throw new Error('no')
}

describe('dropped records', () => {
  it('that their own readers drop do not come again', () => {
    const { seen, metrics } = dropped(
      (b) => {
        input(b).groupByKey().count({ name: 'count' })
        b.droppedRecords()
          .selectKey(() => null as unknown as string)
          .groupByKey({ keySerde: text, name: 'again' })
          .count()
      },
      [[null, 'a', 0]],
    )
    expect(seen).toHaveLength(1)
    expect(metrics.droppedByReason).toEqual({ 'null-key': 1, 'null-key-repartition': 1 })
  })

  it('can be counted by node and written like any stream', () => {
    const builder = new StreamsBuilder()
    input(builder).groupByKey().count({ name: 'count' })
    builder
      .droppedRecords()
      .groupByKey()
      .count({ store: 'dropped' })
      .toStream()
      .to('out', { keySerde: text, valueSerde: Serdes.long() })
    const driver = new TopologyTestDriver(builder.build())
    const topic = driver.createInputTopic('in', text, text)
    for (const key of [null, 'k', null]) topic.pipeInput(key, 'a')
    const output = driver.createOutputTopic('out', text, Serdes.long())
    expect(output.readKeyValuesToList()).toEqual([
      ['count', 1],
      ['count', 2],
    ])
  })

  it('come once each, when the task that dropped them fails before its commit', async () => {
    const builder = new StreamsBuilder()
    let broken = true
    input(builder)
      .peek((_key, value) => {
        if (value === 'breaks' && broken) {
          broken = false
          throw new Error('not now')
        }
      })
      .groupByKey()
      .count({ name: 'count' })
    builder.droppedRecords().to('out', { keySerde: text, valueSerde: Serdes.json() })
    const log = await logWith({ in: 2 })
    await produce(log, 'in', [
      { key: null, value: 'one', partition: 0 },
      { key: null, value: 'breaks', partition: 0 },
      { key: null, value: 'two', partition: 1 },
    ])
    const streams = run(log, builder.build(), {
      commitIntervalMs: 1_000_000,
      uncaughtExceptionHandler: () => 'REPLACE_THREAD',
    })
    await streams.start()
    await produce(log, 'in', [{ key: 'k', value: 'wakes' }])
    while (streams.metrics().droppedRecords < 3 || streams.metrics().restarts === 0) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    await streams.close()
    const again = run(log, builder.build())
    await again.start()
    await again.caughtUp()
    const records = await read(log, 'out', 3, Serdes.json<DroppedRecord>())
    expect(records.map(({ value }) => `${value!.topic}-${value!.partition}@${value!.offset}`).sort()).toEqual(
      ['in-0@0', 'in-0@1', 'in-1@0'],
    )
    await again.close()
    await log.close()
  })
})
