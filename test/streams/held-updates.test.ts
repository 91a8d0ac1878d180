import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Serdes, type Windowed } from '../../src/serde/index.js'
import {
  type InPlaceAggregator,
  type KGroupedStream,
  StreamsBuilder,
  TimeWindows,
} from '../../src/streams/index.js'
import { NodeRunner, type Row } from './node-runner.js'

/*
 * A table that collapses updates keeps them with the entries of its store. Whatever the size of the store's cache, the
 * updates that come out tell the same in the end, follow on each other, and are never changed afterwards.
 */

interface Sum {
  total: number
}

type SumAggregator = InPlaceAggregator<string, string, Sum>

const plus = (_key: string, value: string, sum: Sum): Sum => ({ total: sum.total + Number(value) })

const aggregators: Readonly<Record<string, SumAggregator>> = {
  'returning new values': plus,
  'changing them in place': Object.assign((key: string, value: string, sum: Sum) => plus(key, value, sum), {
    inPlace(_key: string, value: string, sum: Sum) {
      sum.total += Number(value)
    },
  }),
  'deleting some': (key, value, sum) => (value === '3' ? null : plus(key, value, sum)),
}

function topology(aggregator: SumAggregator, windowed: boolean) {
  const builder = new StreamsBuilder()
  const grouped: KGroupedStream<string, string> = builder
    .stream('in', { keySerde: Serdes.string(), valueSerde: Serdes.string() })
    .groupByKey()
  const options = { name: 'node', valueSerde: Serdes.json<Sum>() }
  const initializer = () => ({ total: 0 })
  if (windowed) {
    grouped
      .windowedBy(TimeWindows.ofSizeAndGrace(20, 100).advanceBy(10))
      .aggregate(initializer, aggregator, options)
  } else grouped.aggregate(initializer, aggregator, options)
  return builder.build()
}

const steps = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.array(
        fc.record({
          key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
          value: fc.constantFrom('1', '2', '3'),
          timestamp: fc.nat(150),
        }),
        { minLength: 1, maxLength: 12 },
      ),
    },
    { weight: 3, arbitrary: fc.constant('commit' as const) },
  ),
  { maxLength: 12 },
)

function identityOf(key: unknown): string {
  if (typeof key === 'string') return key
  const { key: inner, start, end } = key as Windowed<string>
  return `${inner}[${start},${end})`
}

interface Run {
  readonly aggregator: SumAggregator
  readonly windowed: boolean
  readonly input: readonly (Row[] | 'commit')[]
  readonly cacheEntriesMax: number
  readonly emitEveryUpdate: boolean
}

/** Ends with a commit; returns the updates as they were when they came out. */
function updatesOf({ aggregator, windowed, input, ...options }: Run): string[] {
  const runner = new NodeRunner(topology(aggregator, windowed), 'node', options)
  const seen: string[] = []
  for (const step of [...input, 'commit' as const]) {
    if (step !== 'commit') {
      runner.send(step)
    } else {
      runner.flush()
      for (const store of runner.stores.values()) store.flush()
    }
    const now = runner.emitted.flatMap((batch) =>
      batch.values.map((v, i) => `${identityOf(batch.keys[i])}=${JSON.stringify(v)}@${batch.timestamps[i]}`),
    )
    expect(now.slice(0, seen.length)).toEqual(seen)
    seen.splice(0, seen.length, ...now)
  }
  return seen
}

/** What is there in the end. */
function lastOfEach(updates: readonly string[]): string[] {
  const last = new Map(updates.map((update) => [update.slice(0, update.indexOf('=')), update]))
  return [...last.values()].filter((update) => !update.includes('=null')).sort()
}

describe.each([false, true])('updates held back by a table, windowed %s', (windowed) => {
  it.each(Object.keys(aggregators))(
    'tell the same in the end, however small the cache, and stay as they were sent: %s',
    (name) => {
      const aggregator = aggregators[name]!
      fc.assert(
        fc.property(steps, fc.constantFrom(0, 1, 2, 5, 1000), (input, cacheEntriesMax) => {
          const common = { aggregator, windowed, input }
          const every = updatesOf({ ...common, cacheEntriesMax: 1000, emitEveryUpdate: true })
          const collapsed = updatesOf({ ...common, cacheEntriesMax, emitEveryUpdate: false })
          expect(lastOfEach(collapsed)).toEqual(lastOfEach(every))
          expect(collapsed.length).toBeLessThanOrEqual(every.length)
        }),
        { numRuns: 150 },
      )
    },
  )
})
