import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/common/index.js'
import { Serdes } from '../../src/serde/index.js'
import {
  BufferConfig,
  JoinWindows,
  SessionWindows,
  SlidingWindows,
  StreamsBuilder,
  Suppressed,
  TimeWindows,
  type Topology,
  type Windowed,
} from '../../src/streams/index.js'
import type { CapturedRecord } from '../../src/testing/captured-record.js'
import { SimulatedFiles } from '../../src/testing/index.js'
import { SimulatedApp } from '../../src/testing/simulated-app.js'
import { storeContents } from '../../src/testing/store-contents.js'

/* The cache decides what is fast, never what comes out: state of many times its size gives the same results. */

const text = { keySerde: Serdes.string(), valueSerde: Serdes.string() }
const CACHE_ENTRIES = 20
const KEYS = 300

const named = ({ key, start }: Windowed<string>) => `${key}@${start}`

const topologies: Record<string, (b: StreamsBuilder) => void> = {
  'key-value': (b) =>
    b
      .stream('left', text)
      .groupByKey()
      .reduce((all, value) => `${all}${value}`.slice(-5), { store: 'rows' })
      .toStream()
      .to('out', text),
  'tumbling windows': (b) =>
    b
      .stream('left', text)
      .groupByKey()
      .windowedBy(TimeWindows.ofSizeAndGrace(500, 400))
      .reduce((all, value) => `${all}${value}`.slice(-5), { store: 'rows' })
      .toStream(named)
      .to('out', text),
  'sliding windows': (b) =>
    b
      .stream('left', text)
      .groupByKey()
      .windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(700, 400))
      .reduce((all, value) => `${all}${value}`.slice(-5), { store: 'rows' })
      .toStream(named)
      .to('out', text),
  sessions: (b) =>
    b
      .stream('left', text)
      .groupByKey()
      .windowedBy(SessionWindows.ofInactivityGapAndGrace(300, 900))
      .reduce((all, value) => `${all}${value}`.slice(-5), { store: 'rows' })
      .toStream(named)
      .to('out', text),
  'versions of a table': (b) => {
    const versioned = { historyRetentionMs: 600 }
    const table = b.table('right', { ...text, materialized: { store: 'rows', versioned } })
    b.stream('left', text)
      .leftJoin(table, (l, r) => `${l}${r}`, { ...text, gracePeriodMs: 100, name: 'joined' })
      .to('out', text)
  },
  'buffers of a join of streams': (b) =>
    b
      .stream('left', text)
      .outerJoin(
        b.stream('right', text),
        (l, r) => `${l}${r}`,
        JoinWindows.ofTimeDifferenceAndGrace(400, 300),
        { ...text, otherValueSerde: Serdes.string(), storeName: 'rows' },
      )
      .to('out', text),
  'joined tables': (b) =>
    b
      .table('left', { ...text, materialized: { store: 'rows' } })
      .outerJoin(b.table('right', text), (l, r) => `${l}${r}`, { ...text, store: 'joined' })
      .toStream()
      .to('out', text),
  'held updates': (b) =>
    b
      .table('left', { ...text, materialized: { store: 'rows' } })
      .suppress(Suppressed.untilTimeLimit(250, BufferConfig.unbounded(), { name: 'held' }))
      .toStream()
      .to('out', text),
}

function built(attach: (b: StreamsBuilder) => void): () => Topology {
  return () => {
    const builder = new StreamsBuilder()
    attach(builder)
    return builder.build()
  }
}

/** Keys come back now and then, out of order; one topic after the other, so that only the cache differs between runs. */
function inputOf(topic: string, from: number): (CapturedRecord & { partition: number })[] {
  return Array.from({ length: 1200 }, (_, i) => ({
    topic,
    partition: 0,
    key: Buffer.from(`key-${(i * 7919) % KEYS}`),
    value: i % 13 === 5 ? null : Buffer.from('abcdefgh'[i % 8]!),
    timestamp: from + i - ((i * 31) % 40),
    headers: [],
  }))
}

async function run(build: () => Topology, cacheMaxEntries: number) {
  const app = new SimulatedApp({
    build,
    files: new SimulatedFiles({ seed: 1 }),
    random: seededRandom(1),
    topics: ['left', 'right', 'out'].map((topic) => ({ topic })),
    config: { cacheMaxEntries, emitEveryUpdate: true, commitIntervalMs: 200 },
  })
  await app.open()
  await app.send(inputOf('right', 100))
  await app.send(inputOf('left', 1400))
  await app.caughtUp()
  const results = (await app.read({ topic: 'out', partition: 0 })).map(
    ({ key, value, timestamp }) => `${key}=${value}@${timestamp}`,
  )
  const stores = [...build().stores].map(([name, { spec }]) => {
    const rows = storeContents(spec, app.streams.storePartitions(name)[0]!)
    return { name, rows: rows.map(({ identity }) => identity) }
  })
  await app.close()
  return { results, stores }
}

describe('state of many times the size of the cache gives the results of an unbounded one', () => {
  for (const [name, attach] of Object.entries(topologies)) {
    it(`${name}`, async () => {
      const small = await run(built(attach), CACHE_ENTRIES)
      expect(small).toEqual(await run(built(attach), 1_000_000))
      expect(small.results.length).toBeGreaterThan(200)
      expect(Math.max(...small.stores.map(({ rows }) => rows.length))).toBeGreaterThanOrEqual(
        10 * CACHE_ENTRIES,
      )
    })
  }
})
