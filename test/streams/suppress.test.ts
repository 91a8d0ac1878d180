import { describe, expect, it } from 'vitest'
import type { Windowed } from '../../src/serde/index.js'
import {
  BufferConfig,
  EmitStrategy,
  JoinWindows,
  type KStream,
  type KTable,
  SessionWindows,
  SlidingWindows,
  StreamsBuilder,
  StreamsError,
  Suppressed,
  TimeWindows,
} from '../../src/streams/index.js'
import { TopologyTestDriver } from '../../src/testing/index.js'
import { logWith, produce, read, run, text, texts } from './runtime/app-kit.js'

const windowText = ({ key, start, end }: Windowed<string>) => `${key}[${start},${end}]`

/** Runs what `declare` makes of a stream of text; results are told as `key value@timestamp`. */
function told(declare: (words: KStream<string, string>) => KTable<string, string> | KStream<string, string>) {
  const builder = new StreamsBuilder()
  const result = declare(builder.stream<string, string>('in', texts))
  const stream = 'toStream' in result ? result.toStream() : result
  stream.to('out', texts)
  const driver = new TopologyTestDriver(builder.build())
  const input = driver.createInputTopic('in', text, text)
  const output = driver.createOutputTopic('out', text, text)
  const read = () => output.readRecordsToList().map((r) => `${r.key} ${r.value}@${r.timestamp}`)
  return {
    driver,
    /** Sends a record, and tells what comes of it. */
    send(key: string, value: string, timestamp: number) {
      input.pipeInput(key, value, timestamp)
      return read()
    },
    advance(ms: number) {
      driver.advanceWallClockTime(ms)
      return read()
    },
  }
}

const latest = (suppressed: Suppressed) => told((words) => words.toTable(texts).suppress(suppressed))

/** Counts per window of any kind, as text. */
function counts(table: KTable<Windowed<string>, number>): KStream<string, string> {
  return table.toStream().map((key, count) => [windowText(key), String(count)])
}

describe('a suppression until a time limit', () => {
  it('sends the last value of a key, the limit after its first one', () => {
    const { send } = latest(Suppressed.untilTimeLimit(10, BufferConfig.unbounded()))
    expect(send('a', '1', 0)).toEqual([])
    expect(send('a', '2', 9)).toEqual([])
    expect(send('b', '3', 10)).toEqual(['a 2@9'])
    expect(send('c', '4', 20)).toEqual(['b 3@10'])
  })

  it('emits the oldest keys early when it holds too many', () => {
    const { send } = latest(Suppressed.untilTimeLimit(1000, BufferConfig.maxRecords(2).emitEarlyWhenFull()))
    expect(send('a', '1', 0)).toEqual([])
    expect(send('b', '2', 1)).toEqual([])
    expect(send('a', '3', 2)).toEqual([])
    expect(send('c', '4', 3)).toEqual(['a 3@2'])
  })

  it('emits the oldest keys early when it holds too many bytes', () => {
    const { send } = latest(Suppressed.untilTimeLimit(1000, BufferConfig.maxBytes(10)))
    expect(send('a', 'four', 0)).toEqual([])
    expect(send('b', 'four', 1)).toEqual([])
    expect(send('c', 'four', 2)).toEqual(['a four@0'])
    expect(send('b', 'seven..', 3)).toEqual(['b seven..@3'])
  })

  it('stops the application when it is full, if it must not emit early, and says where', () => {
    const full = BufferConfig.maxRecords(1).shutDownWhenFull()
    const { send } = latest(Suppressed.untilTimeLimit(1000, full, { name: 'hold' }))
    send('a', '1', 0)
    expect(() => send('b', '2', 1)).toThrow(StreamsError)
    expect(() => send('b', '2', 1)).toThrow(/buffer of hold is full \(2 keys.*\(task 0_0, node hold\)/)
  })

  it('has both bounds, when both are given', () => {
    const both = BufferConfig.maxRecords(2).withMaxBytes(7)
    const { send } = latest(Suppressed.untilTimeLimit(1000, both))
    expect(send('a', '1', 0)).toEqual([])
    expect(send('b', '123456', 1)).toEqual(['a 1@0'])
    expect(send('c', '', 2)).toEqual(['b 123456@1'])
  })
})

describe('a suppression until windows close', () => {
  it('sends one result a window, and survives a restart without local state', async () => {
    const builder = new StreamsBuilder()
    const table = builder
      .stream<string, string>('in', texts)
      .groupByKey()
      .windowedBy(TimeWindows.ofSizeWithNoGrace(10))
      .count({ store: 'counts' })
      .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded(), { name: 'final' }))
    counts(table).to('out', texts)
    const topology = builder.build()
    const log = await logWith({ in: 1 })
    const first = run(log, topology)
    await produce(log, 'in', [
      { key: 'a', value: 'x', timestamp: 1 },
      { key: 'a', value: 'x', timestamp: 2 },
    ])
    await first.start()
    await first.caughtUp()
    await first.close()
    const second = run(log, topology)
    await produce(log, 'in', [{ key: 'a', value: 'x', timestamp: 12 }])
    await second.start()
    await second.caughtUp()
    await second.close()
    const [record, ...more] = await read(log, 'out', 1)
    expect(more).toEqual([])
    expect(record).toMatchObject({ key: 'a[0,10]', value: '2', timestamp: 2 })
    await log.close()
  })
})

const idle = { orAfterIdleMs: 100 }

describe('windows that close after an idle time', () => {
  const tumbling = () =>
    told((words) =>
      counts(
        words
          .groupByKey()
          .windowedBy(TimeWindows.ofSizeAndGrace(10, 5))
          .emitStrategy(EmitStrategy.onWindowClose(idle))
          .count(),
      ),
    )

  it('send their results once nothing has come for so long', () => {
    const { send, advance } = tumbling()
    send('a', 'x', 1)
    send('b', 'x', 12)
    expect(advance(99)).toEqual([])
    expect(advance(1)).toEqual(['a[0,10] 1@1', 'b[10,20] 1@12'])
    expect(advance(1000)).toEqual([])
  })

  it('wait on while records come', () => {
    const { send, advance } = tumbling()
    send('a', 'x', 1)
    expect(advance(60)).toEqual([])
    expect(send('a', 'x', 2)).toEqual([])
    expect(advance(60)).toEqual([])
    expect(advance(40)).toEqual(['a[0,10] 2@2'])
  })

  it('are corrected when they close again, by an idle time or by stream time', () => {
    const { send, advance } = tumbling()
    send('a', 'x', 1)
    expect(advance(100)).toEqual(['a[0,10] 1@1'])
    expect(send('a', 'x', 3)).toEqual([])
    expect(advance(100)).toEqual(['a[0,10] 2@3'])
    expect(send('a', 'x', 4)).toEqual([])
    expect(send('b', 'x', 15)).toEqual(['a[0,10] 3@4'])
  })

  it('have no second result when nothing changes', () => {
    const { send, advance } = tumbling()
    send('a', 'x', 1)
    expect(advance(100)).toEqual(['a[0,10] 1@1'])
    expect(send('b', 'x', 40)).toEqual([])
    expect(advance(100)).toEqual(['b[40,50] 1@40'])
  })

  it('do not make what comes later late', () => {
    const { send, advance, driver } = tumbling()
    send('a', 'x', 1)
    advance(100)
    send('a', 'x', 2)
    expect(driver.metrics().droppedRecords).toBe(0)
  })

  it('close early just the same behind a suppression', () => {
    const { send, advance } = told((words) =>
      counts(
        words
          .groupByKey()
          .windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(10, 5))
          .count()
          .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded(), idle)),
      ),
    )
    send('a', 'x', 20)
    expect(advance(100)).toEqual(['a[10,20] 1@20'])
  })

  it('take back a session that was sent and then grows, and only such a one', () => {
    const { send, advance } = told((words) =>
      counts(
        words
          .groupByKey()
          .windowedBy(SessionWindows.ofInactivityGapWithNoGrace(10))
          .emitStrategy(EmitStrategy.onWindowClose(idle))
          .count(),
      ),
    )
    send('a', 'x', 1)
    expect(advance(100)).toEqual(['a[1,1] 1@1'])
    send('a', 'x', 5)
    send('a', 'x', 8)
    expect(advance(100)).toEqual(['a[1,1] null@1', 'a[1,8] 3@8'])
  })

  it('exist for time limits too: updates are held no longer than the idle time', () => {
    const { send, advance } = latest(Suppressed.untilTimeLimit(10, BufferConfig.unbounded(), idle))
    send('a', '1', 0)
    expect(advance(100)).toEqual(['a 1@0'])
  })

  it('wait anew after a restart, and keep what they hold', async () => {
    const builder = new StreamsBuilder()
    const table = builder
      .stream<string, string>('in', texts)
      .groupByKey()
      .windowedBy(TimeWindows.ofSizeWithNoGrace(10))
      .emitStrategy(EmitStrategy.onWindowClose({ orAfterIdleMs: 1 }))
      .count({ store: 'counts' })
    counts(table).to('out', texts)
    const topology = builder.build({ ensureExplicitInternalResourceNaming: true })
    const log = await logWith({ in: 1 })
    await produce(log, 'in', [{ key: 'a', value: 'x', timestamp: 1 }])
    const streams = run(log, topology)
    await streams.start()
    expect((await read(log, 'out', 1)).map(({ key, value }) => `${key} ${value}`)).toEqual(['a[0,10] 1'])
    await streams.close()
    const again = run(log, topology)
    await produce(log, 'in', [{ key: 'a', value: 'x', timestamp: 2 }])
    await again.start()
    expect((await read(log, 'out', 2)).map(({ key, value }) => `${key} ${value}`)).toEqual([
      'a[0,10] 1',
      'a[0,10] 2',
    ])
    await again.close()
    await log.close()
  })

  it('refuse an idle time of nothing', () => {
    expect(() => EmitStrategy.onWindowClose({ orAfterIdleMs: 0 })).toThrow('orAfterIdleMs')
  })
})

describe('an outer join with an idle time', () => {
  function joined() {
    const builder = new StreamsBuilder()
    builder
      .stream<string, string>('left', texts)
      .outerJoin(
        builder.stream<string, string>('right', texts),
        (l, r) => `${l}+${r}`,
        JoinWindows.ofTimeDifferenceAndGrace(10, 50),
        { ...texts, otherValueSerde: text, ...idle },
      )
      .to('out', texts)
    const driver = new TopologyTestDriver(builder.build())
    const output = driver.createOutputTopic('out', text, text)
    return {
      driver,
      send: (topic: string, value: string, time: number) =>
        driver.createInputTopic(topic, text, text).pipeInput('k', value, time),
      read: () => output.readRecordsToList().map(({ value, timestamp }) => `${value}@${timestamp}`),
    }
  }

  it('gives what has met none once both sides are silent, and pairs that come later', () => {
    const { driver, send, read } = joined()
    send('left', 'a', 1)
    driver.advanceWallClockTime(60)
    send('right', 'b', 30)
    driver.advanceWallClockTime(99)
    expect(read()).toEqual([])
    driver.advanceWallClockTime(1)
    expect(read()).toEqual(['a+null@1', 'null+b@30'])
    send('right', 'c', 5)
    expect(read()).toEqual(['a+c@5'])
    driver.advanceWallClockTime(1000)
    expect(read()).toEqual([])
  })
})
