import { mergeMap } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { ManualClock, nextEventLoopTurn } from '../../../src/common/index.js'
import { type Serde, Serdes, type Windowed } from '../../../src/serde/index.js'
import type { ReadOnlyKeyValueStore, ValueAndTimestamp } from '../../../src/state/index.js'
import {
  CopartitionError,
  DeserializationError,
  ProcessingError,
  StreamsBuilder,
  TimeWindows,
  type TopologyModel,
} from '../../../src/streams/index.js'
import { logWith, produce, read, run, text, type Written } from './app-kit.js'

const long = Serdes.long()

type Counts = ReadOnlyKeyValueStore<string, ValueAndTimestamp<number>>

function copying(change: (value: string) => string = (value) => value): TopologyModel {
  const builder = new StreamsBuilder()
  builder
    .stream<string, string>('in', { keySerde: text, valueSerde: text })
    .mapValues((value) => change(value))
    .to('out', { keySerde: text, valueSerde: text })
  return builder.build()
}

function counting(): TopologyModel {
  const builder = new StreamsBuilder()
  builder
    .stream<string, string>('in', { keySerde: text, valueSerde: text })
    .groupByKey()
    .count({ store: 'counts' })
    .toStream()
    .to('out', { keySerde: text, valueSerde: long as Serde<number> })
  return builder.build()
}

describe('the life of an instance', () => {
  it('goes from CREATED over REBALANCING to RUNNING, and to NOT_RUNNING when it is closed', async () => {
    const log = await logWith({ in: 1 })
    const states: string[] = []
    const streams = run(log, copying(), { stateListener: (state) => states.push(state) })
    expect(streams.state).toBe('CREATED')
    await streams.start()
    expect(streams.state).toBe('RUNNING')
    await expect(streams.start()).rejects.toThrow('an instance starts once; this one is RUNNING')
    expect(() => streams.cleanUp()).toThrow(/cannot be deleted while the instance is RUNNING/)
    await streams.close()
    await streams.close()
    expect(states).toEqual(['REBALANCING', 'RUNNING', 'PENDING_SHUTDOWN', 'NOT_RUNNING'])
    await log.close()
  })

  it('can be closed while it starts', async () => {
    const log = await logWith({ in: 1 })
    const streams = run(log, copying())
    const starting = streams.start()
    await streams.close()
    await starting
    expect(streams.state).toBe('NOT_RUNNING')
    await log.close()
  })

  it('ends in ERROR when it cannot start', async () => {
    const log = await logWith({})
    const streams = run(log, copying())
    await expect(streams.start()).rejects.toThrow(/source topic in does not exist/)
    expect(streams.state).toBe('ERROR')
    await streams.close()
    await log.close()
  })

  it('takes nothing while it is paused', async () => {
    const log = await logWith({ in: 1 })
    const streams = run(log, copying())
    streams.pause()
    await streams.start()
    await produce(log, 'in', [{ key: 'k', value: 'v' }])
    // Round trips of another instance: time enough to have taken the record.
    const other = run(log, copying(), { applicationId: 'other' })
    await other.start()
    await read(log, 'out', 1)
    await other.close()
    expect(streams.metrics().recordsIn).toBe(0)
    expect([...(await streams.lag())]).toEqual([['in-0', 1]])
    streams.resume()
    await read(log, 'out', 2)
    expect(streams.metrics()).toMatchObject({
      recordsIn: 1,
      recordsOut: 1,
      droppedRecords: 0,
      state: 'RUNNING',
    })
    await streams.close()
    await log.close()
  })
})

describe('work that waits', () => {
  it('goes on when its answer comes, and is committed', async () => {
    const log = await logWith({ in: 1 })
    const builder = new StreamsBuilder()
    const answers: (() => void)[] = []
    const serdes = { keySerde: text, valueSerde: text }
    builder
      .stream<string, string>('in', serdes)
      .pipe<string, string>(
        mergeMap((record) =>
          new Promise<void>((resolve) => answers.push(resolve)).then(() => ({
            ...record,
            value: `${record.value}!`,
          })),
        ),
      )
      .groupByKey(serdes)
      .count({ store: 'answered' })
      .toStream()
      .to('out', { keySerde: text, valueSerde: long as Serde<number> })
    await produce(log, 'in', [
      { key: 'k', value: 'a' },
      { key: 'k', value: 'b' },
    ])
    const streams = run(log, builder.build(), { emitEveryUpdate: true })
    await streams.start()
    while (answers.length < 2) await nextEventLoopTurn()
    for (const answer of answers) answer()
    expect((await read(log, 'out', 2, long)).map(({ value }) => value)).toEqual([1, 2])
    await streams.close()
    await log.close()
  })
})

describe('a second instance with the same application id', () => {
  it('waits for its turn: the one partition stays where it is, until its owner closes', async () => {
    const log = await logWith({ in: 1 })
    const first = run(log, copying())
    await first.start()
    const second = run(
      log,
      copying((value) => `second ${value}`),
    )
    await second.start()
    await produce(log, 'in', [{ key: 'k', value: 'v' }])
    expect((await read(log, 'out', 1)).map(({ value }) => value)).toEqual(['v'])
    await first.close()
    await produce(log, 'in', [{ key: 'k', value: 'v' }])
    expect((await read(log, 'out', 2)).map(({ value }) => value)).toEqual(['v', 'second v'])
    await second.close()
    await log.close()
  })
})

describe('topics', () => {
  it('of its own are created: repartition topics for good, changelogs compacted, results like their sources', async () => {
    const log = await logWith({ in: 3 })
    const builder = new StreamsBuilder()
    builder
      .stream<string, string>('in', { keySerde: text, valueSerde: text })
      .groupBy((_, value) => value, { name: 'by-value', keySerde: text, valueSerde: text })
      .windowedBy(TimeWindows.ofSizeAndGrace(1000, 0))
      .count({ store: 'w' })
      .toStream((key: Windowed<string>) => key.key)
      .to('out', { keySerde: text, valueSerde: long as Serde<number> })
    const streams = run(log, builder.build())
    await streams.start()
    const described = await log.admin.describeTopics(['app-by-value-repartition', 'app-w-changelog', 'out'])
    expect(described.map(({ partitions }) => partitions.length)).toEqual([3, 3, 3])
    expect(described[0]!.configs).toMatchObject({ 'cleanup.policy': 'delete', 'retention.ms': '-1' })
    expect(described[1]!.configs['cleanup.policy']).toBe('compact,delete')
    await streams.close()
    await log.close()
  })

  it('that are joined need equal partition counts', async () => {
    const log = await logWith({ left: 2, right: 3 })
    const builder = new StreamsBuilder()
    const consumed = { keySerde: text, valueSerde: text }
    builder
      .stream<string, string>('left', consumed)
      .join(builder.table<string, string>('right', consumed), (l, r) => `${l}${r}`)
      .to('out', consumed)
    const streams = run(log, builder.build())
    await expect(streams.start()).rejects.toThrow(/left has 2, right has 3/)
    expect(streams.failure).toBeInstanceOf(CopartitionError)
    await log.close()
  })

  it('found by a pattern are all read', async () => {
    const log = await logWith({ 'in-1': 1, 'in-2': 1, 'no-in': 1, out: 1 })
    const builder = new StreamsBuilder()
    builder.stream<string, string>(/in-.*/, { keySerde: text, valueSerde: text }).to('out')
    for (const topic of ['in-1', 'in-2', 'no-in']) await produce(log, topic, [{ key: 'k', value: topic }])
    const streams = run(log, builder.build())
    await streams.start()
    const values = (await read(log, 'out', 2)).map(({ value }) => value)
    expect(values.sort()).toEqual(['in-1', 'in-2'])
    await streams.close()
    await log.close()
  })

  it('named by a function are found when the first record goes there', async () => {
    const log = await logWith({ in: 1, a: 1, b: 3 })
    const builder = new StreamsBuilder()
    const serdes = { keySerde: text, valueSerde: text }
    builder.stream<string, string>('in', serdes).to((key) => key, serdes)
    await produce(log, 'in', [
      { key: 'a', value: '1' },
      { key: 'b', value: '2' },
      { key: 'a', value: '3' },
    ])
    const streams = run(log, builder.build())
    await streams.start()
    expect((await read(log, 'a', 2)).map(({ value }) => value)).toEqual(['1', '3'])
    expect((await read(log, 'b', 1)).map(({ value }) => value)).toEqual(['2'])
    await streams.close()
    await log.close()
  })

  it('with windowed keys keep all windows of a key in one partition', async () => {
    const log = await logWith({ in: 8, out: 8 })
    const builder = new StreamsBuilder()
    builder
      .stream<string, string>('in', { keySerde: text, valueSerde: text })
      .groupByKey()
      .windowedBy(TimeWindows.ofSizeAndGrace(10, 0))
      .count({ store: 'w' })
      .toStream()
      .to('out', { keySerde: Serdes.timeWindowed(text, 10), valueSerde: long as Serde<number> })
    await produce(
      log,
      'in',
      Array.from({ length: 40 }, (_, i) => ({ key: `k${i % 4}`, value: 'v', timestamp: i })),
    )
    const streams = run(log, builder.build(), { emitEveryUpdate: true })
    await streams.start()
    const partitions = new Map<string, Set<number>>()
    const consumer = log.consumer({
      keySerde: Serdes.timeWindowed(text, 10),
      autoOffsetReset: 'earliest',
      isolationLevel: 'read_committed',
    })
    consumer.assign(Array.from({ length: 8 }, (_, partition) => ({ topic: 'out', partition })))
    const inputs = await read(log, 'in', 40)
    for (let seen = 0; seen < 40; ) {
      for (const { key, partition } of await consumer.poll(10_000)) {
        partitions.set(key!.key, (partitions.get(key!.key) ?? new Set()).add(partition))
        seen++
      }
    }
    for (const { key, partition } of inputs) expect([...partitions.get(key!)!]).toEqual([partition])
    await consumer.close()
    await streams.close()
    await log.close()
  })
})

describe('input', () => {
  it("begins at the end with offset reset 'latest', and stays there over restarts", async () => {
    const log = await logWith({ in: 1, out: 1 })
    await produce(log, 'in', [{ key: 'k', value: 'old' }])
    const first = run(log, copying(), { autoOffsetReset: 'latest' })
    await first.start()
    await first.close()
    await produce(log, 'in', [{ key: 'k', value: 'new' }])
    const second = run(log, copying(), { autoOffsetReset: 'latest' })
    await second.start()
    expect((await read(log, 'out', 1)).map(({ value }) => value)).toEqual(['new'])
    await second.close()
    await log.close()
  })

  it('goes on with the stream time where it was', async () => {
    const log = await logWith({ in: 1 })
    await produce(log, 'in', [{ key: 'k', value: 'v', timestamp: 5000 }])
    const first = run(log, copying())
    await first.start()
    await read(log, 'out', 1)
    await first.close()
    const second = run(log, copying())
    await second.start()
    expect(second.metrics().tasks.map((task) => task.streamTimeMs)).toEqual([5000])
    await second.close()
    await log.close()
  })

  it('of several topics is taken in time order, as far as it is known', async () => {
    const log = await logWith({ left: 1, right: 1, out: 1 })
    const at = (topic: string, times: number[]) =>
      produce(
        log,
        topic,
        times.map((timestamp) => ({ key: 'k', value: `${topic}${timestamp}`, timestamp })),
      )
    await at('left', [1, 4, 5, 9])
    await at('right', [2, 3, 8, 10])
    const builder = new StreamsBuilder()
    const serdes = { keySerde: text, valueSerde: text }
    builder.stream<string, string>('left', serdes).merge(builder.stream('right', serdes)).to('out', serdes)
    const streams = run(log, builder.build())
    await streams.start()
    const values = (await read(log, 'out', 8)).map(({ value }) => value)
    expect(values).toEqual(['left1', 'right2', 'right3', 'left4', 'left5', 'right8', 'left9', 'right10'])
    await streams.close()
    await log.close()
  })
})

const picky: Serde<string> = {
  write: (value, out) => text.write(value, out),
  read(buffer, start, end) {
    const value = text.read(buffer, start, end)
    if (value === 'bad') throw new Error('cannot read this')
    return value
  },
}

function pickyCopy(): TopologyModel {
  const builder = new StreamsBuilder()
  builder
    .stream<string, string>('in', { keySerde: text, valueSerde: picky })
    .to('out', { keySerde: text, valueSerde: text })
  return builder.build()
}

const input: Written[] = ['one', 'bad', 'two'].map((value) => ({ key: 'k', value }))

describe('records that go wrong', () => {
  it('stop the instance, which says where, and leaves nothing half done', async () => {
    const log = await logWith({ in: 1 })
    await produce(log, 'in', input)
    const streams = run(log, pickyCopy())
    await streams.start()
    await streams.finished()
    expect(streams.state).toBe('ERROR')
    expect(streams.failure).toBeInstanceOf(DeserializationError)
    expect(String(streams.failure)).toMatch(/cannot read this \(task 0_0, in-0, offset 1\)/)
    await log.close()
  })

  it('are passed over, counted, and kept in the dead letter topic, when the handler says so', async () => {
    const log = await logWith({ in: 1 })
    await produce(log, 'in', input)
    const dropped: object[] = []
    const streams = run(log, pickyCopy(), {
      deserializationExceptionHandler: 'log-and-continue',
      deadLetterTopic: 'dead-letters',
      onDropped: (drop) => dropped.push(drop),
    })
    await streams.start()
    expect((await read(log, 'out', 2)).map(({ value }) => value)).toEqual(['one', 'two'])
    const [letter] = await read(log, 'dead-letters', 1)
    expect(letter).toMatchObject({ key: 'k', value: 'bad', timestamp: 1 })
    const headers = Object.fromEntries(
      letter!.headers.map(({ key, value }) => [key, Buffer.from(value!).toString()]),
    )
    expect(headers).toMatchObject({
      '__streams.errors.message': 'cannot read this',
      '__streams.errors.topic': 'in',
      '__streams.errors.offset': '1',
    })
    expect(streams.metrics()).toMatchObject({ droppedRecords: 1 })
    expect(dropped).toMatchObject([{ reason: 'deserialization', topic: 'in', offset: 1 }])
    await streams.close()
    await log.close()
  })

  it('are kept as dead letters when they stop the instance, whose work is undone', async () => {
    const log = await logWith({ in: 1 })
    await produce(log, 'in', input)
    const failing = copying((value) => {
      if (value === 'bad') throw new RangeError('not this one')
      return value
    })
    for (const [applicationId, topology, message] of [
      ['unreadable', pickyCopy(), 'cannot read this'],
      ['unprocessed', failing, 'not this one'],
    ] as const) {
      const deadLetterTopic = `${applicationId}-letters`
      const streams = run(log, topology, { applicationId, deadLetterTopic, commitIntervalMs: 1_000_000 })
      await streams.start()
      await streams.finished()
      expect(streams.state).toBe('ERROR')
      const [letter] = await read(log, deadLetterTopic, 1)
      expect(letter).toMatchObject({ key: 'k', value: 'bad', timestamp: 1 })
      const headers = letter!.headers.map(({ key, value }) => [key, Buffer.from(value!).toString()])
      expect(Object.fromEntries(headers)).toMatchObject({
        '__streams.errors.message': message,
        '__streams.errors.topic': 'in',
        '__streams.errors.partition': '0',
        '__streams.errors.offset': '1',
        '__streams.errors.exception': expect.stringMatching(/Error$/),
        '__streams.errors.stacktrace': expect.stringContaining(message),
      })
    }
    await log.close()
  })

  it('in a user function go to the processing handler with the bytes they came from', async () => {
    const log = await logWith({ in: 1 })
    await produce(log, 'in', input)
    const failing = copying((value) => {
      if (value === 'bad') throw new Error('not this one')
      return value.toUpperCase()
    })
    const stopped = run(log, failing, { applicationId: 'stops' })
    await stopped.start()
    await stopped.finished()
    expect(stopped.failure).toBeInstanceOf(ProcessingError)
    expect(String(stopped.failure)).toMatch(/not this one.*in-0, offset 1/)
    const failures: (string | undefined)[] = []
    const streams = run(log, failing, {
      processingExceptionHandler: (failure) => {
        failures.push(failure.value?.toString())
        return 'continue'
      },
    })
    await streams.start()
    expect((await read(log, 'out', 2)).map(({ value }) => value)).toEqual(['ONE', 'TWO'])
    expect(failures).toEqual(['bad'])
    await streams.close()
    await log.close()
  })

  it('that cannot be written go to the production handler', async () => {
    const log = await logWith({ in: 1 })
    await produce(log, 'in', input)
    const builder = new StreamsBuilder()
    const refusing: Serde<string> = {
      read: text.read,
      write(value, out) {
        if (value === 'bad') throw new Error('cannot write this')
        text.write(value, out)
      },
    }
    builder
      .stream<string, string>('in', { keySerde: text, valueSerde: text })
      .to('out', { keySerde: text, valueSerde: refusing })
    const failures: string[] = []
    const streams = run(log, builder.build(), {
      productionExceptionHandler: (failure) => {
        failures.push(`${failure.topic} ${String(failure.value)}`)
        return 'continue'
      },
    })
    await streams.start()
    expect((await read(log, 'out', 2)).map(({ value }) => value)).toEqual(['one', 'two'])
    expect(failures).toEqual(['out bad'])
    expect(streams.metrics().tasks[0]!.droppedByReason).toEqual({ production: 1 })
    await streams.close()
    await log.close()
  })

  it('can be tried again from the last commit', async () => {
    const log = await logWith({ in: 1 })
    await produce(log, 'in', input)
    let broken = true
    const streams = run(
      log,
      copying((value) => {
        if (value === 'two' && broken) throw new Error('the service is away')
        return value
      }),
      {
        uncaughtExceptionHandler: () => {
          broken = false
          return 'REPLACE_THREAD'
        },
      },
    )
    await streams.start()
    expect((await read(log, 'out', 3)).map(({ value }) => value)).toEqual(['one', 'bad', 'two'])
    expect(streams.metrics()).toMatchObject({ restarts: 1, state: 'RUNNING' })
    await streams.close()
    await log.close()
  })
})

describe('tables', () => {
  it('are read over all partitions', async () => {
    const log = await logWith({ in: 4 })
    const keys = Array.from({ length: 30 }, (_, i) => `k${i % 10}`)
    await produce(
      log,
      'in',
      keys.map((key) => ({ key, value: 'v' })),
    )
    const streams = run(log, counting(), { emitEveryUpdate: true })
    expect(() => streams.store<Counts>('counts').approximateNumEntries()).toThrow(
      /is CREATED; it must be RUNNING/,
    )
    await streams.start()
    await read(log, 'out', 30, long)
    const store = streams.store<Counts>('counts')
    expect(store.get('k3')).toEqual({ value: 3, timestamp: 23 })
    expect(store.get('k99')).toBeUndefined()
    expect([...store.all()].map(({ key }) => key).sort()).toEqual([...new Set(keys)].sort())
    expect(() => streams.store('nothing')).toThrow('the topology has no store nothing')
    await streams.close()
    await log.close()
  })

  it('collapse updates until the next commit unless every update is asked for', async () => {
    const log = await logWith({ in: 1 })
    await produce(
      log,
      'in',
      Array.from({ length: 50 }, () => ({ key: 'k', value: 'v' })),
    )
    const streams = run(log, counting(), { clock: new ManualClock(), commitIntervalMs: 1 })
    await streams.start()
    await streams.caughtUp()
    expect((await read(log, 'out', 1, long)).map(({ value }) => value)).toEqual([50])
    await streams.close()
    await log.close()
  })

  it('that are global are filled before the first record is processed, and kept up to date', async () => {
    const log = await logWith({ rates: 2, in: 2 })
    await produce(log, 'rates', [
      { key: 'eur', value: '1.1', partition: 0 },
      { key: 'gbp', value: '1.3', partition: 1 },
    ])
    await produce(log, 'in', [{ key: 'a', value: 'gbp', timestamp: 0 }])
    const builder = new StreamsBuilder()
    const serdes = { keySerde: text, valueSerde: text }
    const rates = builder.globalTable<string, string>('rates', serdes)
    builder
      .stream<string, string>('in', serdes)
      .leftJoin(
        rates,
        (_, currency) => currency,
        (currency, rate) => `${currency}@${rate}`,
      )
      .to('out', serdes)
    const streams = run(log, builder.build())
    await streams.start()
    expect((await read(log, 'out', 1)).map(({ value }) => value)).toEqual(['gbp@1.3'])
    await streams.close()
    await log.close()
  })
})

describe('at least once', () => {
  it('gives the same results while nothing goes wrong, visible at once', async () => {
    const log = await logWith({ in: 2 })
    await produce(
      log,
      'in',
      Array.from({ length: 20 }, (_, i) => ({ key: `k${i % 3}`, value: 'v' })),
    )
    const streams = run(log, counting(), {
      processingGuarantee: 'at_least_once',
      emitEveryUpdate: true,
      commitIntervalMs: 1_000_000,
    })
    await streams.start()
    const results = await read(log, 'out', 20, long)
    expect(results.filter(({ key }) => key === 'k0').map(({ value }) => value)).toEqual([1, 2, 3, 4, 5, 6, 7])
    await streams.close()
    const committed = await log.admin.groupOffsets('app')
    expect(committed.reduce((sum, { offset }) => sum + offset, 0)).toBe(20)
    await log.close()
  })
})
