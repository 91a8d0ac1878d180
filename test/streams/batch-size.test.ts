import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Serdes } from '../../src/serde/index.js'
import {
  BufferConfig,
  EmitStrategy,
  JoinWindows,
  type KGroupedStream,
  SessionWindows,
  SlidingWindows,
  StreamsBuilder,
  Suppressed,
  TimeWindows,
} from '../../src/streams/index.js'
import { NodeRunner, type Row } from './node-runner.js'

/*
 * Results equal those of processing record by record: how records lie in batches must not be seen.
 */

const types = { keySerde: Serdes.string(), valueSerde: Serdes.string() }

const input: fc.Arbitrary<Row[]> = fc.array(
  fc.record({
    key: fc.option(fc.constantFrom('a', 'b', 'c'), { freq: 12 }),
    value: fc.option(fc.constantFrom('x', 'y', 'z'), { freq: 8 }),
    timestamp: fc.nat(200),
  }),
  { maxLength: 40 },
)

const changes: fc.Arbitrary<Row[]> = fc.array(
  fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    value: fc.option(fc.constantFrom('x', 'y')),
    oldValue: fc.option(fc.constantFrom('x', 'y')),
    timestamp: fc.nat(100),
  }),
  { maxLength: 30 },
)

function grouped(attach: (stream: KGroupedStream<string, string>) => unknown) {
  return () => {
    const builder = new StreamsBuilder()
    attach(builder.stream('in', types).groupByKey())
    return builder.build()
  }
}

const concat = (a: string, v: string) => `${a}${v}`.slice(-20)

const aggregations = {
  count: grouped((g) => g.count({ name: 'node' })),
  reduce: grouped((g) => g.reduce((a, v) => (v === 'z' ? null : concat(a, v)), { name: 'node' })),
  tumbling: grouped((g) => g.windowedBy(TimeWindows.ofSizeAndGrace(20, 10)).count({ name: 'node' })),
  hopping: grouped((g) =>
    g.windowedBy(TimeWindows.ofSizeAndGrace(20, 5).advanceBy(7)).reduce(concat, { name: 'node' }),
  ),
  sliding: grouped((g) =>
    g.windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(15, 30)).reduce(concat, { name: 'node' }),
  ),
  session: grouped((g) =>
    g.windowedBy(SessionWindows.ofInactivityGapAndGrace(8, 20)).reduce(concat, { name: 'node' }),
  ),
  'tumbling on close': grouped((g) =>
    g
      .windowedBy(TimeWindows.ofSizeAndGrace(20, 10))
      .emitStrategy(EmitStrategy.onWindowClose())
      .count({ name: 'node' }),
  ),
  'session on close': grouped((g) =>
    g
      .windowedBy(SessionWindows.ofInactivityGapAndGrace(8, 4))
      .emitStrategy(EmitStrategy.onWindowClose())
      .count({ name: 'node' }),
  ),
}

describe('batches of any size give the results of single records', () => {
  for (const [name, build] of Object.entries(aggregations)) {
    it(name, () => {
      fc.assert(
        fc.property(input, fc.integer({ min: 2, max: 50 }), (rows, size) => {
          const singly = new NodeRunner(build(), 'node')
          const batched = new NodeRunner(build(), 'node')
          expect(batched.sendInBatches(rows, size)).toEqual(singly.sendInBatches(rows, 1))
          expect(batched.dropped).toEqual(singly.dropped)
        }),
        { numRuns: 60 },
      )
    })
  }

  it('suppress', () => {
    const build = () => {
      const builder = new StreamsBuilder()
      const suppressed = Suppressed.untilTimeLimit(20, BufferConfig.maxRecords(2), { name: 'node' })
      builder.table('in', types).suppress(suppressed)
      return builder.build()
    }
    fc.assert(
      fc.property(changes, fc.integer({ min: 2, max: 40 }), (rows, size) => {
        expect(new NodeRunner(build(), 'node').sendInBatches(rows, size)).toEqual(
          new NodeRunner(build(), 'node').sendInBatches(rows, 1),
        )
      }),
      { numRuns: 60 },
    )
  })

  it('one side of an outer join of streams', () => {
    const build = () => {
      const builder = new StreamsBuilder()
      const windows = JoinWindows.ofTimeDifferenceAndGrace(10, 5)
      builder
        .stream('l', types)
        .outerJoin(builder.stream('r', types), (l, r) => `${l}+${r}`, windows, { name: 'j' })
      return builder.build()
    }
    fc.assert(
      fc.property(input, fc.integer({ min: 2, max: 40 }), (rows, size) => {
        expect(new NodeRunner(build(), 'j-outer-this-join').sendInBatches(rows, size)).toEqual(
          new NodeRunner(build(), 'j-outer-this-join').sendInBatches(rows, 1),
        )
      }),
      { numRuns: 60 },
    )
  })
})
