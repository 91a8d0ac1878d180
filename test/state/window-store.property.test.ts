import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Serdes } from '../../src/serde/index.js'
import {
  openStateDatabase,
  type SessionStore,
  Stores,
  type ValueAndTimestamp,
  type VersionedKeyValueStore,
  type WindowEntry,
  type WindowStore,
} from '../../src/state/index.js'
import { CapturedChangelog, layouts, orderOf, withDatabaseFile } from './fixtures.js'

const key = fc.constantFrom('a/1', 'a/2', 'b/-3', '\u{1f600}/1', '\uffee/1')
const value = fc.integer({ min: 0, max: 4_000_000_000 })
/** Mostly forward, at times far ahead, so that things expire. */
const time = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 40 }) },
  fc.integer({ min: 30, max: 120 }),
)
const maintenance = fc.constantFrom('flush' as const, 'log' as const, 'commit' as const, 'reopen' as const)
const cacheBound = fc.constantFrom(0, 1, 4, 12, 1000)

const RETENTION = 25

interface Row<V> {
  key: string
  /** Window start, session end. */
  major: number
  /** Order of arrival, session start. */
  minor: number
  value: V
}

/** The rows a store should hold, with Kafka's bound of retention. */
class Model<V> {
  rows: Row<V>[] = []
  streamTime = Number.NEGATIVE_INFINITY
  dropped = 0

  put(key: string, major: number, minor: number, value: V | null): void {
    this.streamTime = Math.max(this.streamTime, major)
    if (!this.isLive(major)) {
      this.dropped++
      return
    }
    this.rows = this.rows.filter((r) => !(r.key === key && r.major === major && r.minor === minor))
    if (value !== null) this.rows.push({ key, major, minor, value })
  }

  isLive(major: number): boolean {
    return major > this.streamTime - RETENTION
  }

  live(order: (a: Row<V>, b: Row<V>) => number, where: (row: Row<V>) => boolean = () => true): Row<V>[] {
    return this.rows.filter((r) => this.isLive(r.major) && where(r)).sort(order)
  }

  copy(): Model<V> {
    const copy = new Model<V>()
    copy.rows = [...this.rows]
    copy.streamTime = this.streamTime
    return copy
  }
}

describe.each(layouts)('a window store, $name layout', ({ layout }) => {
  const compare = orderOf(layout)
  const byKey = (a: Row<unknown>, b: Row<unknown>) =>
    compare(a.key, b.key) || a.major - b.major || a.minor - b.minor
  const byTime = (a: Row<unknown>, b: Row<unknown>) =>
    a.major - b.major || compare(a.key, b.key) || a.minor - b.minor
  const operation = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        op: fc.constant('put' as const),
        key,
        time,
        value: fc.option(value, { freq: 6 }),
      }),
    },
    { weight: 4, arbitrary: fc.record({ op: fc.constant('fetch' as const), key, time }) },
    {
      weight: 3,
      arbitrary: fc.record({
        op: fc.constant('fetchRange' as const),
        key,
        from: time,
        to: time,
        backward: fc.boolean(),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        op: fc.constant('keys' as const),
        keyFrom: fc.option(key),
        keyTo: fc.option(key),
        from: time,
        to: time,
      }),
    },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('fetchAll' as const), from: time, to: time }) },
    { weight: 3, arbitrary: fc.record({ op: maintenance }) },
  )

  test.each([
    { retainDuplicates: false, aligned: false },
    { retainDuplicates: true, aligned: false },
    { retainDuplicates: false, aligned: true },
  ])(
    'behaves as a sorted list with retention, retainDuplicates $retainDuplicates, aligned $aligned',
    ({ retainDuplicates, aligned }) => {
      const spec = Stores.window<string, number>({
        name: 'W',
        keySerde: Serdes.string(),
        valueSerde: Serdes.long(),
        timestamped: true,
        windowSizeMs: 10,
        retentionMs: RETENTION,
        retainDuplicates,
        aligned,
        ...(layout === undefined ? {} : { layout }),
      })
      type Stored = ValueAndTimestamp<number>
      const entries = (rows: Row<Stored>[]): WindowEntry<string, Stored>[] =>
        rows.map((r) => ({ key: { key: r.key, start: r.major, end: r.major + 10 }, value: r.value }))
      fc.assert(
        fc.property(fc.array(operation, { maxLength: 60 }), cacheBound, (operations, cacheEntriesMax) =>
          withDatabaseFile((open) => {
            const changelog = new CapturedChangelog()
            let database = open()
            let store = database.openStore<WindowStore<string, Stored>>(spec, { changelog, cacheEntriesMax })
            let model = new Model<Stored>()
            let committed = { model: model.copy(), logged: 0 }
            let arrival = 0
            for (const step of operations) {
              switch (step.op) {
                case 'put': {
                  const stored = step.value === null ? null : { value: step.value, timestamp: step.time + 1 }
                  store.put(step.key, stored, step.time)
                  if (retainDuplicates && stored === null) {
                    model.put('none', step.time, -1, null)
                  } else {
                    model.put(step.key, step.time, retainDuplicates ? ++arrival : 0, stored)
                  }
                  expect(store.droppedExpired).toBe(model.dropped)
                  break
                }
                case 'fetch':
                  expect(store.fetch(step.key, step.time)).toEqual(
                    model.live(byKey, (r) => r.key === step.key && r.major === step.time)[0]?.value,
                  )
                  break
                case 'fetchRange': {
                  const { from, to } = step
                  const expected = entries(
                    model.live(byKey, (r) => r.key === step.key && r.major >= from && r.major <= to),
                  )
                  const actual = step.backward
                    ? store.backwardFetchRange(step.key, from, to)
                    : store.fetchRange(step.key, from, to)
                  expect([...actual]).toEqual(step.backward ? expected.reverse() : expected)
                  break
                }
                case 'keys': {
                  const { keyFrom, keyTo, from, to } = step
                  const expected = model.live(
                    byKey,
                    (r) =>
                      (keyFrom === null || compare(r.key, keyFrom) >= 0) &&
                      (keyTo === null || compare(r.key, keyTo) <= 0) &&
                      r.major >= from &&
                      r.major <= to,
                  )
                  expect([...store.fetchKeyRange(keyFrom, keyTo, from, to)]).toEqual(entries(expected))
                  break
                }
                case 'fetchAll':
                  expect([...store.fetchAll(step.from, step.to)]).toEqual(
                    entries(model.live(byTime, (r) => r.major >= step.from && r.major <= step.to)),
                  )
                  break
                case 'flush':
                  store.flush()
                  break
                case 'log':
                  store.logChanges?.()
                  break
                case 'commit':
                  store.flush()
                  database.commit()
                  committed = { model: model.copy(), logged: changelog.records.length }
                  break
                case 'reopen':
                  database.close()
                  database = open()
                  store = database.openStore(spec, { changelog, cacheEntriesMax })
                  model = committed.model.copy()
                  changelog.records.length = committed.logged
                  break
              }
            }
            store.flush()
            expect([...store.all()]).toEqual(entries(model.live(byKey)))
            const copy = openStateDatabase({ path: ':memory:' })
            const restored = copy.openStore<WindowStore<string, Stored>>(spec)
            copy.restore('W', changelog.records)
            // Nothing else tells the copy of times whose record was not stored.
            restored.put('none', null, model.streamTime)
            expect([...restored.all()]).toEqual(entries(model.live(byKey)))
            copy.close()
          }),
        ),
        { numRuns: 150 },
      )
    },
  )
})

describe.each(layouts)('a session store, $name layout', ({ layout }) => {
  const compare = orderOf(layout)
  const byKey = (a: Row<unknown>, b: Row<unknown>) =>
    compare(a.key, b.key) || a.major - b.major || a.minor - b.minor
  const byTime = (a: Row<unknown>, b: Row<unknown>) =>
    a.major - b.major || a.minor - b.minor || compare(a.key, b.key)
  const length = fc.integer({ min: 0, max: 8 })
  const operation = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        op: fc.constant('put' as const),
        key,
        time,
        length,
        value: fc.option(value, { freq: 4 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('remove' as const), key, time, length }) },
    { weight: 2, arbitrary: fc.record({ op: fc.constant('fetchSession' as const), key, time, length }) },
    {
      weight: 4,
      arbitrary: fc.record({ op: fc.constant('find' as const), key, earliestEnd: time, latestStart: time }),
    },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('byEnd' as const), from: time, to: time }) },
    { weight: 3, arbitrary: fc.record({ op: maintenance }) },
  )
  const spec = Stores.session<string, number>({
    name: 'S',
    keySerde: Serdes.string(),
    valueSerde: Serdes.long(),
    retentionMs: RETENTION,
    ...(layout === undefined ? {} : { layout }),
  })
  const entries = (rows: Row<number>[]): WindowEntry<string, number>[] =>
    rows.map((r) => ({ key: { key: r.key, start: r.minor, end: r.major }, value: r.value }))

  test('behaves as a sorted list with retention by session end', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), cacheBound, (operations, cacheEntriesMax) =>
        withDatabaseFile((open) => {
          const changelog = new CapturedChangelog()
          let database = open()
          let store = database.openStore<SessionStore<string, number>>(spec, { changelog, cacheEntriesMax })
          let model = new Model<number>()
          let committed = { model: model.copy(), logged: 0 }
          for (const step of operations) {
            switch (step.op) {
              case 'put':
                store.put({ key: step.key, start: step.time, end: step.time + step.length }, step.value)
                model.put(step.key, step.time + step.length, step.time, step.value)
                expect(store.droppedExpired).toBe(model.dropped)
                break
              case 'remove': {
                const end = step.time + step.length
                store.remove({ key: step.key, start: step.time, end })
                if (model.isLive(end)) model.put(step.key, end, step.time, null)
                break
              }
              case 'fetchSession': {
                const end = step.time + step.length
                expect(store.fetchSession(step.key, step.time, end)).toBe(
                  model.live(byKey, (r) => r.key === step.key && r.major === end && r.minor === step.time)[0]
                    ?.value,
                )
                break
              }
              case 'find':
                expect([...store.findSessions(step.key, step.earliestEnd, step.latestStart)]).toEqual(
                  entries(
                    model.live(
                      byKey,
                      (r) => r.key === step.key && r.major >= step.earliestEnd && r.minor <= step.latestStart,
                    ),
                  ),
                )
                break
              case 'byEnd':
                expect([...store.findSessionsByEnd(step.from, step.to)]).toEqual(
                  entries(model.live(byTime, (r) => r.major >= step.from && r.major <= step.to)),
                )
                break
              case 'flush':
                store.flush()
                break
              case 'commit':
                store.flush()
                database.commit()
                committed = { model: model.copy(), logged: changelog.records.length }
                break
              case 'reopen':
                database.close()
                database = open()
                store = database.openStore(spec, { changelog, cacheEntriesMax })
                model = committed.model.copy()
                changelog.records.length = committed.logged
                break
            }
          }
          store.flush()
          expect([...store.all()]).toEqual(entries(model.live(byKey)))
          const copy = openStateDatabase({ path: ':memory:' })
          const restored = copy.openStore<SessionStore<string, number>>(spec)
          copy.restore('S', changelog.records)
          restored.put({ key: 'none', start: 0, end: model.streamTime }, null)
          expect([...restored.all()]).toEqual(entries(model.live(byKey)))
          copy.close()
        }),
      ),
      { numRuns: 150 },
    )
  })
})

describe.each(layouts)('a versioned store, $name layout', ({ layout }) => {
  const compare = orderOf(layout)
  const operation = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        op: fc.constant('put' as const),
        key,
        time,
        value: fc.option(value, { freq: 4 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ op: fc.constant('get' as const), key }) },
    { weight: 4, arbitrary: fc.record({ op: fc.constant('asOf' as const), key, time }) },
    { weight: 2, arbitrary: fc.record({ op: fc.constant('versions' as const), key, from: time, to: time }) },
    { weight: 3, arbitrary: fc.record({ op: maintenance }) },
  )
  const spec = Stores.versioned<string, number>({
    name: 'V',
    keySerde: Serdes.string(),
    valueSerde: Serdes.long(),
    historyRetentionMs: RETENTION,
    ...(layout === undefined ? {} : { layout }),
  })

  class Versions {
    /** By key: [timestamp, value], in order of time; never forgotten here. */
    byKey = new Map<string, [number, number | null][]>()
    streamTime = Number.NEGATIVE_INFINITY

    history(key: string): { value: number | null; timestamp: number; validTo: number | null }[] {
      const versions = this.byKey.get(key) ?? []
      return versions.map(([timestamp, value], i) => ({
        value,
        timestamp,
        validTo: versions[i + 1]?.[0] ?? null,
      }))
    }

    put(key: string, value: number | null, timestamp: number): number | null {
      if (timestamp < this.streamTime - RETENTION) return null
      this.streamTime = Math.max(this.streamTime, timestamp)
      const others = (this.byKey.get(key) ?? []).filter(([t]) => t !== timestamp)
      const versions: [number, number | null][] = [...others, [timestamp, value]]
      this.byKey.set(
        key,
        versions.sort((a, b) => a[0] - b[0]),
      )
      return this.history(key).find((v) => v.timestamp === timestamp)!.validTo ?? Number.POSITIVE_INFINITY
    }

    asOf(key: string, asOf: number) {
      const found = this.history(key).findLast((v) => v.timestamp <= asOf)
      if (found === undefined || found.value === null) return undefined
      return found.validTo !== null && asOf < this.streamTime - RETENTION ? undefined : found
    }

    copy(): Versions {
      const copy = new Versions()
      copy.byKey = new Map(this.byKey)
      copy.streamTime = this.streamTime
      return copy
    }
  }

  test('keeps the versions of the history retention, and the newest for ever', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), cacheBound, (operations, cacheEntriesMax) =>
        withDatabaseFile((open) => {
          const changelog = new CapturedChangelog()
          let database = open()
          let store = database.openStore<VersionedKeyValueStore<string, number>>(spec, {
            changelog,
            cacheEntriesMax,
          })
          let model = new Versions()
          let committed = { model: model.copy(), logged: 0 }
          const newest = () =>
            [...model.byKey.keys()]
              .sort(compare)
              .map((k) => ({ key: k, value: model.history(k).at(-1)! }))
              .filter((e) => e.value.value !== null)
          for (const step of operations) {
            switch (step.op) {
              case 'put':
                expect(store.put(step.key, step.value, step.time)).toBe(
                  model.put(step.key, step.value, step.time),
                )
                break
              case 'get':
                expect(store.get(step.key)).toEqual(model.asOf(step.key, Number.MAX_SAFE_INTEGER))
                break
              case 'asOf':
                expect(store.getAsOf(step.key, step.time)).toEqual(model.asOf(step.key, step.time))
                break
              case 'versions':
                expect([...store.versions(step.key, step.from, step.to)]).toEqual(
                  model
                    .history(step.key)
                    .filter(
                      (v) =>
                        v.value !== null &&
                        v.timestamp <= step.to &&
                        (v.validTo === null ||
                          (v.validTo > step.from && v.validTo > model.streamTime - RETENTION)),
                    ),
                )
                break
              case 'flush':
                store.flush()
                break
              case 'commit':
                store.flush()
                database.commit()
                committed = { model: model.copy(), logged: changelog.records.length }
                break
              case 'reopen':
                database.close()
                database = open()
                store = database.openStore(spec, { changelog, cacheEntriesMax })
                model = committed.model.copy()
                changelog.records.length = committed.logged
                break
            }
          }
          store.flush()
          expect([...store.all()]).toEqual(newest())
          const copy = openStateDatabase({ path: ':memory:' })
          const restored = copy.openStore<VersionedKeyValueStore<string, number>>(spec)
          copy.restore('V', changelog.records)
          expect([...restored.all()]).toEqual(newest())
          for (const k of model.byKey.keys()) {
            for (let t = 0; t <= 130; t += 3) expect(restored.getAsOf(k, t)).toEqual(model.asOf(k, t))
          }
          copy.close()
        }),
      ),
      { numRuns: 150 },
    )
  })
})
