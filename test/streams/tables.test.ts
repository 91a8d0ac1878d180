import { describe, expect, it } from 'vitest'
import { Serdes } from '../../src/serde/index.js'
import {
  BufferConfig,
  SessionWindows,
  StreamsBuilder,
  Suppressed,
  UnlimitedWindows,
} from '../../src/streams/index.js'
import { TopologyTestDriver } from '../../src/testing/index.js'
import { NodeRunner, row } from './node-runner.js'

const texts = { keySerde: Serdes.string(), valueSerde: Serdes.string() }
const longs = { keySerde: Serdes.string(), valueSerde: Serdes.long() }

function countTopology() {
  const builder = new StreamsBuilder()
  builder.stream('in', texts).groupByKey().count({ name: 'node' })
  return builder.build()
}

describe('when the updates of a table go on', () => {
  it('each at once, or only the last one of a key at the next commit', () => {
    const rows = [row('a', 'x', 1), row('b', 'x', 2), row('a', 'x', 5), row('a', 'x', 3)]
    const each = new NodeRunner(countTopology(), 'node', { emitEveryUpdate: true })
    expect(each.send(rows).map((r) => [r.key, r.value, r.timestamp])).toEqual([
      ['a', 1, 1],
      ['b', 1, 2],
      ['a', 2, 5],
      ['a', 3, 5],
    ])
    const collapsed = new NodeRunner(countTopology(), 'node', { emitEveryUpdate: false })
    expect(collapsed.send(rows)).toEqual([])
    expect(collapsed.flush()).toEqual([row('a', 3, 5), row('b', 1, 2)])
    expect(collapsed.flush()).toEqual([])
  })

  it('collapsed, the old value is the one sent last, and a row that came and went leaves no trace', () => {
    const builder = new StreamsBuilder()
    builder
      .table('in', { ...texts, name: 'node' })
      .groupBy((k, v) => [v, k])
      .count()
    const runner = new NodeRunner(builder.build(), 'node', { emitEveryUpdate: false })
    runner.send([row('a', 'x', 1), row('b', 'x', 1)])
    expect(runner.flush()).toEqual([
      { ...row('a', 'x', 1), oldValue: null },
      { ...row('b', 'x', 1), oldValue: null },
    ])
    runner.send([row('a', 'y', 2), row('a', 'z', 3), row('c', 'x', 3), row('c', null, 4), row('b', null, 5)])
    expect(runner.flush()).toEqual([
      { ...row('a', 'z', 3), oldValue: 'x' },
      { ...row('b', null, 5), oldValue: 'x' },
    ])
  })

  it('collapsed, sessions that were merged before they were sent are never heard of', () => {
    const builder = new StreamsBuilder()
    builder
      .stream('in', texts)
      .groupByKey()
      .windowedBy(SessionWindows.ofInactivityGapWithNoGrace(5))
      .count({ name: 'node' })
    const runner = new NodeRunner(builder.build(), 'node', { emitEveryUpdate: false })
    runner.send([row('a', 'x', 0), row('b', 'x', 1), row('a', 'x', 3)])
    expect(runner.flush().map((r) => [r.key, r.value, r.timestamp])).toEqual([
      [{ key: 'b', start: 1, end: 1 }, 1, 1],
      [{ key: 'a', start: 0, end: 3 }, 2, 3],
    ])
    runner.send([row('a', 'x', 6)])
    expect(runner.flush().map((r) => [r.key, r.value])).toEqual([
      [{ key: 'a', start: 0, end: 3 }, null],
      [{ key: 'a', start: 0, end: 6 }, 3],
    ])
  })

  it('`caching: false` sends each at once all the same', () => {
    const builder = new StreamsBuilder()
    builder.stream('in', texts).groupByKey().count({ name: 'node', caching: false })
    const runner = new NodeRunner(builder.build(), 'node', { emitEveryUpdate: false })
    expect(runner.send([row('a', 'x', 1), row('a', 'x', 2)])).toEqual([row('a', 1, 1), row('a', 2, 2)])
  })

  it('the sides of a join send each at once where the join tells old results: those must have been sent', () => {
    const sent = (subtracts: boolean) => {
      const builder = new StreamsBuilder()
      const left = builder.table('l', { ...longs, name: 'node' })
      const joined = left.join(builder.table('r', longs), (l, r) => l * r)
      if (subtracts) joined.groupBy((_, v) => ['all', v], longs).count()
      else joined.toStream().to('out')
      const runner = new NodeRunner(builder.build(), 'node', { emitEveryUpdate: false })
      return runner.send([row('a', 1, 0), row('a', 2, 1)]).map((r) => r.value)
    }
    expect(sent(true)).toEqual([1, 2])
    expect(sent(false)).toEqual([])
  })
})

describe('old values are sent where they are needed, and only there', () => {
  it('a table that goes straight to a stream keeps no store', () => {
    const builder = new StreamsBuilder()
    builder.table('in', texts).toStream().to('out')
    expect(builder.build().stores.size).toBe(0)
  })

  it('a grouping makes the table keep one', () => {
    const builder = new StreamsBuilder()
    builder
      .table('in', texts)
      .groupBy((k, v) => [v, k])
      .count({ store: 'n' })
    expect([...builder.build().stores.keys()].sort()).toEqual(['in-STATE-STORE-0000000000', 'n'])
  })

  it('a filter tells tombstones for what never passed only where old values are unknown', () => {
    const build = (store?: string) => {
      const builder = new StreamsBuilder()
      const table = builder.table('in', { ...longs, ...(store ? { materialized: { store } } : {}) })
      table
        .filter((_, v) => v > 5)
        .toStream()
        .to('out', longs)
      const driver = new TopologyTestDriver(builder.build())
      driver.createInputTopic('in', Serdes.string(), Serdes.long()).pipeInput('a', 1, 0)
      return driver.createOutputTopic('out', Serdes.string(), Serdes.long()).readRecordsToList()
    }
    expect(build().map((r) => r.value)).toEqual([null])
    expect(build('t')).toEqual([])
  })
})

describe('a versioned table', () => {
  it('marks late rows, over which aggregations pass', () => {
    const builder = new StreamsBuilder()
    const versioned = { historyRetentionMs: 1000 }
    builder
      .table('in', { ...texts, name: 'node', materialized: { store: 't', versioned } })
      .groupBy((k, v) => [v, k])
      .count()
    const runner = new NodeRunner(builder.build(), 'node', { emitEveryUpdate: false })
    runner.send([row('a', 'new', 50), row('a', 'old', 20), row('a', 'newer', 60)])
    expect(runner.emitted[0]!.outdated).toEqual([false, true, false])
    expect(runner.emitted[0]!.oldValues).toEqual([null, 'new', 'new'])
  })

  it('cannot be suppressed', () => {
    const builder = new StreamsBuilder()
    const table = builder.table('in', {
      ...texts,
      materialized: { store: 't', versioned: { historyRetentionMs: 9 } },
    })
    expect(() => table.suppress(Suppressed.untilTimeLimit(1, BufferConfig.unbounded()))).toThrow('versioned')
  })
})

describe('unlimited windows', () => {
  it('hold all records of a key from their start on, however late', () => {
    const builder = new StreamsBuilder()
    builder
      .stream<string, string>('in', texts)
      .groupByKey()
      .windowedBy(UnlimitedWindows.of().startOn(100))
      .count({ store: 'counts' })
    const driver = new TopologyTestDriver(builder.build())
    const input = driver.createInputTopic('in', Serdes.string(), Serdes.string())
    for (const time of [99, 100, 1_000_000_000_000, 101, 98]) input.pipeInput('k', 'v', time)
    const counts = driver.getTimestampedWindowStore<string, number>('counts')
    expect([...counts.all()]).toEqual([
      {
        key: { key: 'k', start: 100, end: Number.MAX_SAFE_INTEGER },
        value: { value: 3, timestamp: 1_000_000_000_000 },
      },
    ])
    expect(driver.metrics().droppedRecords).toBe(0)
  })
})
