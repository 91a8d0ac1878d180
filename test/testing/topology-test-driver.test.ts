import { describe, expect, it } from 'vitest'
import { Serdes } from '../../src/serde/index.js'
import {
  InvalidStateError,
  SessionWindows,
  StreamsBuilder,
  StreamsError,
  TimeWindows,
} from '../../src/streams/index.js'
import { TopologyTestDriver, type TopologyTestDriverOptions } from '../../src/testing/index.js'

const text = Serdes.string()
const texts = { keySerde: text, valueSerde: text }

function driverFor(attach: (b: StreamsBuilder) => void, options: TopologyTestDriverOptions = {}) {
  const builder = new StreamsBuilder()
  attach(builder)
  return new TopologyTestDriver(builder.build(), options)
}

function passing(options: TopologyTestDriverOptions = {}) {
  const driver = driverFor((b) => b.stream('in', texts).to('out', texts), options)
  return { driver, output: driver.createOutputTopic('out', text, text) }
}

describe('input', () => {
  it('takes its time from the record, from the topic that moves on by itself, or from the wall clock', () => {
    const { driver, output } = passing({ initialWallClockTimeMs: 5000 })
    const stepping = driver.createInputTopic('in', text, text, { startTimestampMs: 100, autoAdvanceMs: 10 })
    stepping.pipeInput('a', '1')
    stepping.pipeInput('a', '2', 7)
    stepping.advanceTime(1000)
    stepping.pipeInput('a', '3')
    driver.createInputTopic('in', text, text).pipeInput('a', '4')
    expect(output.readRecordsToList().map(({ timestamp }) => timestamp)).toEqual([100, 7, 1110, 5000])
  })

  it('comes in lists of records, of pairs and of values, with times of their own', () => {
    const { driver, output } = passing()
    const topic = driver.createInputTopic('in', text, text)
    topic.pipeRecordList([{ key: 'a', value: '1', timestamp: 3 }])
    topic.pipeKeyValueList([['b', '2'] as const, ['c', null] as const], {
      startTimestampMs: 10,
      advanceMs: 5,
    })
    topic.pipeValueList(['3', '4'], { startTimestampMs: 20 })
    expect(output.readRecordsToList().map(({ key, value, timestamp }) => [key, value, timestamp])).toEqual([
      ['a', '1', 3],
      ['b', '2', 10],
      ['c', null, 15],
      [null, '3', 20],
      [null, '4', 20],
    ])
  })

  it('carries headers', () => {
    const { driver, output } = passing()
    const headers = [{ key: 'trace', value: Buffer.from('7') }]
    driver.createInputTopic('in', text, text).pipeInput('a', '1', 0, headers)
    expect(output.readRecord().headers).toEqual(headers)
  })

  it('for a topic that nobody reads is refused', () => {
    const { driver } = passing()
    const topic = driver.createInputTopic('elsewhere', text, text)
    expect(() => topic.pipeInput('a', '1')).toThrow('no source of the topology reads topic elsewhere')
  })

  it('reaches sources that read a pattern, and what the topology itself writes comes back in', () => {
    const driver = driverFor((b) => {
      b.stream(/in-.*/, texts).to('between', texts)
      b.stream('between', texts)
        .mapValues((value) => `${value}!`)
        .to('out', texts)
    })
    driver.createInputTopic('in-7', text, text).pipeInput('a', '1')
    expect(driver.createOutputTopic('out', text, text).readValue()).toBe('1!')
    expect([...driver.producedTopicNames()]).toEqual(['between', 'out'])
  })
})

describe('output', () => {
  it('is read once, in order, as records, pairs, values or a map', () => {
    const { driver, output } = passing()
    const topic = driver.createInputTopic('in', text, text)
    const feed = () => topic.pipeKeyValueList([['a', '1'] as const, ['b', '2'] as const, ['a', '3'] as const])
    feed()
    expect(output.queueSize).toBe(3)
    expect(output.readKeyValue()).toEqual(['a', '1'])
    expect(output.readValue()).toBe('2')
    expect(output.readKeyValuesToList()).toEqual([['a', '3']])
    expect(output.isEmpty).toBe(true)
    feed()
    expect(output.readKeyValuesToMap()).toEqual(
      new Map([
        ['a', '3'],
        ['b', '2'],
      ]),
    )
    feed()
    expect(output.readValuesToList()).toEqual(['1', '2', '3'])
    expect(() => output.readRecord()).toThrow(StreamsError)
  })
})

describe('time', () => {
  it('moves on the wall clock by hand alone, and fires punctuators', () => {
    const fired: number[] = []
    const driver = driverFor(
      (b) => {
        b.stream('in', texts).process(() => ({
          init(context) {
            context.schedule(100, 'WALL_CLOCK_TIME', (now) => void fired.push(now))
          },
          process() {},
        }))
      },
      { initialWallClockTimeMs: 1000 },
    )
    driver.advanceWallClockTime(99)
    expect(fired).toEqual([])
    driver.advanceWallClockTime(1)
    driver.advanceWallClockTime(250)
    expect(fired).toEqual([1100, 1350])
  })
})

describe('stores', () => {
  const driver = driverFor((b) => {
    const grouped = b.stream('in', texts).groupByKey()
    grouped.count({ store: 'counts' })
    grouped.windowedBy(TimeWindows.ofSizeWithNoGrace(10)).count({ store: 'windows' })
    grouped.windowedBy(SessionWindows.ofInactivityGapWithNoGrace(10)).count({ store: 'sessions' })
    b.table('versions', {
      ...texts,
      materialized: { store: 'history', versioned: { historyRetentionMs: 100 } },
    })
    b.globalTable('everywhere', { ...texts, materialized: { store: 'global' } })
  })
  driver.createInputTopic('in', text, text).pipeInput('a', 'x', 12)
  driver.createInputTopic('versions', text, text).pipeInput('a', 'v1', 5)
  driver.createInputTopic('everywhere', text, text).pipeInput('a', 'g', 1)

  it('of every kind can be read, global ones too', () => {
    expect(driver.getTimestampedKeyValueStore('counts').get('a')).toEqual({ value: 1, timestamp: 12 })
    expect(driver.getTimestampedWindowStore('windows').fetch('a', 10)).toEqual({ value: 1, timestamp: 12 })
    expect(driver.getSessionStore('sessions').fetchSession('a', 12, 12)).toBe(1)
    expect(driver.getVersionedKeyValueStore('history').getAsOf('a', 6)?.value).toBe('v1')
    expect(driver.getTimestampedKeyValueStore('global').get('a')).toEqual({ value: 'g', timestamp: 1 })
    expect([...driver.getAllStateStores().keys()].sort()).toEqual([
      'counts',
      'global',
      'history',
      'sessions',
      'windows',
    ])
  })

  it('can be filled by a test', () => {
    driver.getTimestampedKeyValueStore<string, number>('counts').put('b', { value: 41, timestamp: 0 })
    driver.createInputTopic('in', text, text).pipeInput('b', 'x', 13)
    expect(driver.getTimestampedKeyValueStore('counts').get('b')).toEqual({ value: 42, timestamp: 13 })
  })

  it('of another name or kind are refused', () => {
    expect(driver.getStateStore('none')).toBeUndefined()
    expect(() => driver.getKeyValueStore('none')).toThrow('the topology has no store none')
    expect(() => driver.getWindowStore('counts')).toThrow(
      'store counts is a key-value store, not a window store',
    )
  })
})

it('metrics count what came in, went out and was left out', () => {
  const driver = driverFor((b) => b.table('in', texts).toStream().to('out', texts))
  const topic = driver.createInputTopic('in', text, text)
  topic.pipeInput('a', '1')
  topic.pipeInput(null, '2')
  expect(driver.metrics()).toMatchObject({
    recordsIn: 2,
    recordsOut: 1,
    droppedRecords: 1,
    droppedByReason: { 'null-key': 1 },
  })
})

it('a closed driver takes nothing more, and may be closed again', () => {
  const { driver } = passing()
  driver.close()
  driver.close()
  expect(() => driver.createInputTopic('in', text, text).pipeInput('a', '1')).toThrow(InvalidStateError)
})
