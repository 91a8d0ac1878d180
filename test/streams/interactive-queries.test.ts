import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { nextEventLoopTurn } from '../../src/common/index.js'
import { Serdes } from '../../src/serde/index.js'
import type {
  ReadOnlyKeyValueStore,
  ReadOnlySessionStore,
  ReadOnlyWindowStore,
  ValueAndTimestamp,
} from '../../src/state/index.js'
import { SessionWindows, StaleStoreError, StreamsBuilder, TimeWindows } from '../../src/streams/index.js'
import { logWith, produce, run, text, texts } from './runtime/app-kit.js'

type Counts = ReadOnlyKeyValueStore<string, ValueAndTimestamp<number>>

function counting() {
  const builder = new StreamsBuilder()
  const grouped = builder.stream<string, string>('in', texts).groupByKey()
  grouped.count({ store: 'counts' })
  grouped.windowedBy(TimeWindows.ofSizeAndGrace(10, 90)).count({ store: 'windows' })
  grouped.windowedBy(SessionWindows.ofInactivityGapAndGrace(5, 90)).count({ store: 'sessions' })
  return builder.build()
}

const words = ['ape', 'apple', 'bee', 'ape', 'cat'].map((key, i) => ({
  key,
  value: 'x',
  timestamp: i * 4,
  partition: 0,
}))

describe('a store', () => {
  it('is asked by key, range, prefix, window and session, from either end', async () => {
    const log = await logWith({ in: 1 })
    const streams = run(log, counting())
    await produce(log, 'in', words)
    await streams.start()
    await streams.caughtUp()
    const counts = streams.store<Counts>('counts')
    const keys = (entries: Iterable<{ key: string }>) => [...entries].map(({ key }) => key)
    expect(counts.get('ape')).toEqual({ value: 2, timestamp: 12 })
    expect(counts.get('dog')).toBeUndefined()
    expect(keys(counts.range('apple', 'bee'))).toEqual(['apple', 'bee'])
    expect(keys(counts.reverseRange(null, 'bee'))).toEqual(['bee', 'apple', 'ape'])
    expect(keys(counts.prefixScan('ap', text))).toEqual(['ape', 'apple'])
    expect(keys(counts.all())).toEqual(['ape', 'apple', 'bee', 'cat'])
    expect(keys(counts.reverseAll())).toEqual(['cat', 'bee', 'apple', 'ape'])
    expect(counts.approximateNumEntries()).toBe(4)

    const windows = streams.store<ReadOnlyWindowStore<string, ValueAndTimestamp<number>>>('windows')
    expect(windows.fetch('ape', 10)?.value).toBe(1)
    const starts = (entries: Iterable<{ key: { start: number } }>) => [...entries].map(({ key }) => key.start)
    expect(starts(windows.fetchRange('ape', 0, 100))).toEqual([0, 10])
    expect(starts(windows.backwardFetchRange('ape', 0, 100))).toEqual([10, 0])
    expect(starts(windows.fetchAll(10, 10))).toEqual([10, 10])
    expect([...windows.all()]).toHaveLength(5)

    const sessions = streams.store<ReadOnlySessionStore<string, number>>('sessions')
    expect(sessions.fetchSession('ape', 12, 12)).toBe(1)
    expect(starts(sessions.fetch('ape'))).toEqual([0, 12])
    expect(starts(sessions.findSessions('ape', 5, 20))).toEqual([12])
    await streams.close()
    await log.close()
  })
})

describe('a query', () => {
  it('of committed state waits for the commit; one of uncommitted state does not', async () => {
    const log = await logWith({ in: 1 })
    const streams = run(log, counting(), { commitIntervalMs: 1_000_000 })
    await streams.start()
    await produce(log, 'in', words.slice(0, 1))
    await streams.query('counts', () => {}, { isolation: 'read_committed' })
    await produce(log, 'in', words)
    const { commits } = streams.metrics()
    while (streams.store<Counts>('counts').get('cat') === undefined) await nextEventLoopTurn()
    const read = (store: Counts) => store.get('cat')?.value
    expect(await streams.query('counts', read)).toBe(1)
    expect(streams.metrics().commits).toBe(commits)
    const lag = await streams.lag()
    expect([...lag.values()]).toEqual([0])
    expect(await streams.query('counts', read, { isolation: 'read_committed' })).toBe(1)
    expect(streams.metrics().commits).toBe(commits + 1)
    await streams.close()
    await log.close()
  })

  it('is refused where the store lags too far behind', async () => {
    const log = await logWith({ in: 1 })
    const streams = run(log, counting())
    await streams.start()
    streams.pause()
    await produce(log, 'in', words)
    const refused = streams.query('counts', () => 'never', { maxLag: 4 })
    await expect(refused).rejects.toThrow(StaleStoreError)
    await expect(refused).rejects.toMatchObject({ lag: 5, retriable: true })
    expect(await streams.query('counts', () => 'stale', { maxLag: 5 })).toBe('stale')
    streams.resume()
    await streams.caughtUp()
    expect(await streams.query('counts', (store: Counts) => store.get('ape')?.value, { maxLag: 0 })).toBe(2)
    await streams.close()
    await log.close()
  })

  it('gives what its function throws, and none at all without a running instance', async () => {
    const log = await logWith({ in: 1 })
    const streams = run(log, counting())
    await expect(streams.query('counts', () => {})).rejects.toThrow('must be RUNNING')
    await streams.start()
    const failing = streams.query('counts', () => {
      throw new RangeError('mine')
    })
    await expect(failing).rejects.toThrow(RangeError)
    await expect(streams.query('nothing', () => {})).rejects.toThrow('no store nothing')
    await streams.close()
    await log.close()
  })
})

describe('the state database', () => {
  it('is read by any SQLite tool while the application runs', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'forebay-queries-'))
    const builder = new StreamsBuilder()
    builder.table<string, { city: string; visits: number }>('in', {
      keySerde: text,
      valueSerde: Serdes.json(),
      materialized: { store: 'people' },
    })
    const log = await logWith({ in: 1 })
    const streams = run(log, builder.build(), { stateDir })
    await streams.start()
    await produce(log, 'in', [
      { key: 'ada', value: '{"city":"London","visits":3}' },
      { key: 'bob', value: '{"city":"Oslo","visits":1}' },
      { key: 'cleo', value: '{"city":"London","visits":4}' },
    ])
    await streams.caughtUp()
    const path = join(stateDir, 'app', '0_0', 'state.db')
    const reader = new Database(path, { readonly: true })
    const query = reader.prepare(`
      SELECT json_extract(CAST(value AS TEXT), '$.city') AS city,
             SUM(json_extract(CAST(value AS TEXT), '$.visits')) AS visits,
             MAX(CAST(key AS TEXT)) AS last
      FROM people GROUP BY city ORDER BY city
    `)
    // The database follows the commits after at most a second.
    while (query.all().length < 2) await nextEventLoopTurn()
    expect(query.all()).toEqual([
      { city: 'London', visits: 7, last: 'cleo' },
      { city: 'Oslo', visits: 1, last: 'bob' },
    ])
    expect(() => reader.exec('DELETE FROM people')).toThrow(/readonly/)
    await produce(log, 'in', [{ key: 'bob', value: null }])
    await streams.caughtUp()
    await streams.close()
    expect(query.all()).toHaveLength(1)
    reader.close()
    await log.close()
    rmSync(stateDir, { recursive: true })
  })
})
