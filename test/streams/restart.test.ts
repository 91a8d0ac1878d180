import { describe, expect, it } from 'vitest'
import { Serdes } from '../../src/serde/index.js'
import {
  BufferConfig,
  EmitStrategy,
  JoinWindows,
  SessionWindows,
  StreamsBuilder,
  Suppressed,
  TimeWindows,
  type Topology,
} from '../../src/streams/index.js'
import { NodeRunner, type Row, row } from './node-runner.js'

const texts = { keySerde: Serdes.string(), valueSerde: Serdes.string() }

/** Runs the node on the first rows, then a new one on the same stores on the others. */
function overRestart(topology: Topology, name: string, before: readonly Row[], after: readonly Row[]): Row[] {
  const first = new NodeRunner(topology, name)
  first.send(before)
  return new NodeRunner(topology, name, { stores: reopened(first), keptTimes: first.keptTimes }).send(after)
}

/** Other objects on the same content: what nodes remember by store must not help them. */
function reopened(runner: NodeRunner): NodeRunner['stores'] {
  return new Map(
    [...runner.stores].map(([name, store]) => [
      name,
      new Proxy(store, {
        get(target, member) {
          const value = Reflect.get(target, member, target)
          return typeof value === 'function' ? value.bind(target) : value
        },
      }),
    ]),
  )
}

describe('what is held back survives a restart', () => {
  it('suppressed updates, with the value that was known before them', () => {
    const builder = new StreamsBuilder()
    builder
      .table('in', texts)
      .suppress(Suppressed.untilTimeLimit(10, BufferConfig.unbounded(), { name: 'node' }))
      .groupBy((k, v) => [v, k])
      .count()
    const held = { ...row('a', 'x', 0), oldValue: 'w' }
    const out = overRestart(
      builder.build(),
      'node',
      [held, { ...row('a', 'y', 5), oldValue: 'x' }],
      [row('b', 'z', 12)],
    )
    expect(out).toEqual([{ ...row('a', 'y', 5), oldValue: 'w' }])
  })

  it('unmatched records of an outer join', () => {
    const builder = new StreamsBuilder()
    const windows = JoinWindows.ofTimeDifferenceAndGrace(10, 5)
    builder
      .stream('l', texts)
      .leftJoin(builder.stream('r', texts), (l, r) => `${l}+${r}`, windows, { name: 'j' })
    const out = overRestart(
      builder.build(),
      'j-this-join',
      [row('a', 'x', 0), row('a', 'y', 3)],
      [row('b', 'z', 19)],
    )
    expect(out).toEqual([row('a', 'x+null', 0), row('a', 'y+null', 3)])
  })

  it('stream records that wait for a versioned table', () => {
    const builder = new StreamsBuilder()
    const table = builder.table('t', {
      ...texts,
      materialized: { store: 't', versioned: { historyRetentionMs: 100 } },
    })
    builder.stream('s', texts).leftJoin(table, (s, t) => `${s}+${t}`, { name: 'node', gracePeriodMs: 10 })
    const out = overRestart(
      builder.build(),
      'node',
      [row('b', 'x', 7), row('a', 'y', 5)],
      [row('c', 'z', 17)],
    )
    expect(out).toEqual([row('a', 'y+null', 5), row('b', 'x+null', 7)])
  })
})

describe('emit on window close', () => {
  const tumbling = (retention: { retentionMs?: number } = {}) => {
    const builder = new StreamsBuilder()
    builder
      .stream('in', texts)
      .groupByKey()
      .windowedBy(TimeWindows.ofSizeWithNoGrace(10))
      .emitStrategy(EmitStrategy.onWindowClose())
      .count({ name: 'node', ...retention })
    return builder.build()
  }

  it('loses no window, however far time jumps beyond the retention', () => {
    const rows = Array.from({ length: 100 }, (_, i) => row('a', 'x', i * 1000 + (i % 10)))
    const out = new NodeRunner(tumbling(), 'node').send(rows)
    expect(out).toHaveLength(99)
    expect(out.map((r) => r.timestamp)).toEqual(rows.slice(0, -1).map((r) => r.timestamp))
  })

  it('sends no window a second time after a restart', () => {
    const out = overRestart(
      tumbling({ retentionMs: 1000 }),
      'node',
      [row('a', 'x', 1), row('b', 'x', 12), row('a', 'x', 15)],
      [row('a', 'x', 19), row('a', 'x', 21)],
    )
    expect(out.map((r) => [r.key, r.value])).toEqual([
      [{ key: 'a', start: 10, end: 20 }, 2],
      [{ key: 'b', start: 10, end: 20 }, 1],
    ])
  })

  it('nor a session', () => {
    const builder = new StreamsBuilder()
    builder
      .stream('in', texts)
      .groupByKey()
      .windowedBy(SessionWindows.ofInactivityGapWithNoGrace(10))
      .emitStrategy(EmitStrategy.onWindowClose())
      .count({ name: 'node', retentionMs: 1000 })
    const out = overRestart(
      builder.build(),
      'node',
      [row('a', 'x', 1), row('b', 'x', 20)],
      [row('c', 'x', 25), row('c', 'x', 31)],
    )
    expect(out.map((r) => r.key)).toEqual([{ key: 'b', start: 20, end: 20 }])
  })
})
