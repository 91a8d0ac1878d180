import { readFileSync, writeFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { type Serde, Serdes, serdeOf } from '../../src/serde/index.js'
import {
  type KeyValueStore,
  openStateDatabase,
  type SessionStore,
  StateError,
  Stores,
  type TableLayout,
  type TimestampedKeyValueStore,
  type VersionedKeyValueStore,
  type WindowStore,
} from '../../src/state/index.js'
import { CapturedChangelog, withDatabaseFile } from './fixtures.js'

const text = Serdes.string()
const long = Serdes.long()
const counts = Stores.keyValue({ name: 'counts', keySerde: text, valueSerde: long })
const hex = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString('hex'))

function errorOf(action: () => unknown): StateError {
  try {
    action()
  } catch (error) {
    expect(error).toBeInstanceOf(StateError)
    return error as StateError
  }
  throw new Error('nothing was thrown')
}

test('what was committed is there after a restart, what was only flushed is not', () => {
  withDatabaseFile((open) => {
    let database = open()
    let store = database.openStore<KeyValueStore<string, number>>(counts)
    expect(database.changelogOffset('counts')).toBeNull()
    store.put('kept', 1)
    store.flush()
    database.setChangelogOffset('counts', 17)
    database.commit()
    store.put('lost', 2)
    store.put('kept', 3)
    store.flush()
    database.setChangelogOffset('counts', 19)
    database.close()

    database = open()
    store = database.openStore(counts)
    expect([...store.all()]).toEqual([{ key: 'kept', value: 1 }])
    expect(database.changelogOffset('counts')).toBe(17)
  })
})

test('a wipe takes rows and offset, with the commit', () => {
  withDatabaseFile((open) => {
    let database = open()
    let store = database.openStore<KeyValueStore<string, number>>(counts)
    store.put('a', 1)
    store.flush()
    database.setChangelogOffset('counts', 5)
    database.commit()
    database.wipe('counts')
    expect(store.get('a')).toBeUndefined()
    expect(database.changelogOffset('counts')).toBeNull()
    database.close()

    database = open()
    store = database.openStore(counts)
    expect(store.get('a')).toBe(1)
    database.wipe('counts')
    database.commit()
    database.close()

    database = open()
    store = database.openStore(counts)
    expect(store.get('a')).toBeUndefined()
    expect(database.changelogOffset('counts')).toBeNull()
  })
})

test('a store in memory is empty after a restart, and so is its offset', () => {
  withDatabaseFile((open) => {
    const spec = Stores.keyValue({ name: 'counts', keySerde: text, valueSerde: long, persistent: false })
    let database = open()
    let store = database.openStore<KeyValueStore<string, number>>(spec)
    store.put('a', 1)
    store.flush()
    database.setChangelogOffset('counts', 5)
    database.commit()
    expect(database.changelogOffset('counts')).toBe(5)
    expect(store.persistent).toBe(false)
    database.close()

    database = open()
    store = database.openStore(spec)
    expect(store.get('a')).toBeUndefined()
    expect(database.changelogOffset('counts')).toBeNull()
  })
})

test('another schema under the same name is refused, with the name of the file', () => {
  withDatabaseFile((open, path) => {
    const database = open()
    database.openStore(counts)
    database.commit()
    database.close()
    const timestamped = Stores.keyValue({
      name: 'counts',
      keySerde: text,
      valueSerde: long,
      timestamped: true,
    })
    const error = errorOf(() => open().openStore(timestamped))
    expect(error.code).toBe('STATE_SCHEMA')
    expect(error.path).toBe(path)
    expect(error.message).toContain('counts')
  })
})

test('a file that is no database is refused', () => {
  withDatabaseFile((open, path) => {
    writeFileSync(path, 'this is not a database, it only looks like a file'.repeat(200))
    const error = errorOf(open)
    expect(error.code).toBe('STATE_CORRUPT')
    expect(error.message).toContain(path)
  })
})

test('a damaged page is found when asked for', () => {
  withDatabaseFile((open, path) => {
    const database = open()
    const store = database.openStore<KeyValueStore<string, number>>(counts)
    for (let i = 0; i < 5000; i++) store.put(`key-${i}`, i)
    store.flush()
    database.commit()
    database.close()
    const bytes = readFileSync(path)
    bytes.fill(0xa5, 4096 * 10, 4096 * 11)
    writeFileSync(path, bytes)
    const error = errorOf(() => openStateDatabase({ path, verify: true }))
    expect(error.code).toBe('STATE_CORRUPT')
  })
})

test('a store opens once, and calls on stores that are not open are refused', () => {
  withDatabaseFile((open) => {
    const database = open()
    database.openStore(counts)
    expect(errorOf(() => database.openStore(counts)).code).toBe('STATE_USAGE')
    expect(errorOf(() => database.wipe('nothing')).code).toBe('STATE_USAGE')
    database.close()
    expect(errorOf(() => database.commit()).code).toBe('STATE_USAGE')
  })
})

test('store names may differ in case only, and be names SQLite keeps to itself', () => {
  withDatabaseFile((open) => {
    const names = ['Totals', 'totals', 'TOTALS', 'sqlite_master', 'forebay_stores', 'a "quoted" name']
    const specs = names.map((name) => Stores.keyValue({ name, keySerde: text, valueSerde: text }))
    let database = open()
    for (const spec of specs) {
      const store = database.openStore<KeyValueStore<string, string>>(spec)
      store.put('name', spec.name)
      store.flush()
    }
    database.commit()
    database.close()
    database = open()
    for (const spec of specs) {
      expect(database.openStore<KeyValueStore<string, string>>(spec).get('name')).toBe(spec.name)
    }
  })
})

test('the changelog holds the bytes that Kafka Streams writes', () => {
  const database = openStateDatabase({ path: ':memory:' })
  const changelog = new CapturedChangelog()
  const lines = () => changelog.records.splice(0).map((r) => [hex(r.key), hex(r.value), r.timestamp])

  const plain = database.openStore<KeyValueStore<string, number>>(counts, { changelog })
  plain.put('b', 1)
  plain.put('a', 255)
  plain.put('c', 1)
  plain.delete('c')
  plain.flush()
  expect(lines()).toEqual([
    ['62', '0000000000000001', -1],
    ['61', '00000000000000ff', -1],
    ['63', null, -1],
  ])
  plain.flush()
  expect(lines()).toEqual([])

  const stamped = database.openStore<TimestampedKeyValueStore<string, number>>(
    Stores.keyValue({ name: 'stamped', keySerde: text, valueSerde: long, timestamped: true }),
    { changelog },
  )
  stamped.put('a', { value: 1, timestamp: 1_700_000_000_000 })
  stamped.flush()
  expect(lines()).toEqual([['61', '0000000000000001', 1_700_000_000_000]])

  const window = { keySerde: text, valueSerde: text, windowSizeMs: 10_000, retentionMs: 20_000 }
  const windows = database.openStore<WindowStore<string, string>>(Stores.window({ name: 'w', ...window }), {
    changelog,
  })
  windows.put('key', 'v', 1_700_000_000_000)
  windows.flush()
  expect(lines()).toEqual([['6b65790000018bcfe5680000000000', '76', 1_700_000_000_000]])

  const duplicates = database.openStore<WindowStore<string, string>>(
    Stores.window({ name: 'd', ...window, retainDuplicates: true }),
    { changelog },
  )
  duplicates.put('a', 'x', 5)
  duplicates.put('a', 'y', 5)
  duplicates.flush()
  expect(lines()).toEqual([
    ['61000000000000000500000001', '78', 5],
    ['61000000000000000500000002', '79', 5],
  ])

  const sessions = database.openStore<SessionStore<string, string>>(
    Stores.session({ name: 's', keySerde: text, valueSerde: text, retentionMs: 20_000 }),
    { changelog },
  )
  sessions.put({ key: 'a', start: 5, end: 6 }, 'x')
  sessions.remove({ key: 'a', start: 0, end: 10_000 })
  sessions.flush()
  expect(lines()).toEqual([
    ['6100000000000000060000000000000005', '78', 6],
    ['6100000000000027100000000000000000', null, 10_000],
  ])

  const versions = database.openStore<VersionedKeyValueStore<string, string>>(
    Stores.versioned({ name: 'v', keySerde: text, valueSerde: text, historyRetentionMs: 100 }),
    { changelog },
  )
  versions.put('b', 'x', 1)
  versions.put('a', 'y', 2)
  versions.put('b', null, 3)
  versions.flush()
  expect(lines()).toEqual([
    ['62', '78', 1],
    ['61', '79', 2],
    ['62', null, 3],
  ])
  database.close()
})

test('stores without logging write no changelog', () => {
  const database = openStateDatabase({ path: ':memory:' })
  const changelog = new CapturedChangelog()
  const spec = Stores.keyValue({ name: 'quiet', keySerde: text, valueSerde: text, logging: false })
  const store = database.openStore<KeyValueStore<string, string>>(spec, { changelog })
  store.put('a', 'b')
  store.flush()
  expect(changelog.records).toEqual([])
  database.close()
})

test('a value that cannot be serialised fails the flush, and the others are not lost', () => {
  const picky: Serde<string> = serdeOf({
    serialize: (value) => {
      if (value === 'bad') throw new Error('no bytes for this')
      return Buffer.from(value)
    },
    deserialize: (bytes) => Buffer.from(bytes).toString(),
  })
  const database = openStateDatabase({ path: ':memory:' })
  const changelog = new CapturedChangelog()
  const store = database.openStore<KeyValueStore<string, string>>(
    Stores.keyValue({ name: 'picky', keySerde: text, valueSerde: picky }),
    { changelog },
  )
  store.put('a', 'good')
  store.put('b', 'bad')
  expect(() => store.flush()).toThrow('no bytes for this')
  store.put('b', 'better')
  store.put('a', 'newer')
  store.flush()
  expect([...store.all()]).toEqual([
    { key: 'a', value: 'newer' },
    { key: 'b', value: 'better' },
  ])
  database.close()
})

test('BIGINT columns keep every digit and other columns stay numbers', () => {
  interface Row {
    big: number | bigint
    small: number
    real: number
    note: string | null
  }
  const layout: TableLayout<number | bigint, Row> = {
    keyColumns: [{ name: 'id', type: 'INTEGER', bigint: true }],
    valueColumns: [
      { name: 'big', type: 'INTEGER', bigint: true },
      { name: 'small', type: 'INTEGER' },
      { name: 'real', type: 'REAL' },
      { name: 'note', type: 'TEXT' },
    ],
    encodeKey: (key) => [key],
    encodeValue: (row) => [row.big, row.small, row.real, row.note],
    decodeKey: (row) => row[0] as number | bigint,
    decodeValue: (row) => ({
      big: row[0] as number | bigint,
      small: row[1] as number,
      real: row[2] as number,
      note: row[3] as string | null,
    }),
    identity: (key) => (typeof key === 'bigint' ? key.toString() : key),
    compareKeys: (a, b) => (a < b ? -1 : a > b ? 1 : 0),
  }
  withDatabaseFile((open) => {
    const spec = Stores.keyValue<number | bigint, Row>({
      name: 'rows',
      keySerde: Serdes.bigint(),
      valueSerde: Serdes.json(),
      layout,
      logging: false,
    })
    const rows = new Map<number | bigint, Row>([
      [-9_223_372_036_854_775_808n, { big: 9_223_372_036_854_775_807n, small: 1, real: 0.5, note: null }],
      [-9_007_199_254_740_991, { big: -9_007_199_254_740_991, small: -4_000_000_000, real: 3, note: '9' }],
      [1_700_000_000_000, { big: 9_007_199_254_740_993n, small: 0, real: 1e300, note: '' }],
      [9_223_372_036_854_775_807n, { big: 0, small: 2, real: -1.5, note: 'x' }],
    ])
    let database = open()
    let store = database.openStore<KeyValueStore<number | bigint, Row>>(spec)
    for (const [key, row] of rows) store.put(key, row)
    store.flush()
    database.commit()
    database.close()
    database = open()
    store = database.openStore(spec)
    expect([...store.all()]).toEqual([...rows].map(([key, value]) => ({ key, value })))
    for (const [key, row] of rows) expect(store.get(key)).toEqual(row)
    expect([...store.range(1_700_000_000_000, null)].length).toBe(2)
  })
})

test('state ten times larger than the cache', () => {
  const database = openStateDatabase({ path: ':memory:' })
  const store = database.openStore<KeyValueStore<string, number>>(counts, { cacheEntriesMax: 200 })
  const model = new Map<string, number>()
  for (let i = 0; i < 12_000; i++) {
    const key = `key-${(i * 7919) % 2000}`
    const next = (store.get(key) ?? 0) + i
    expect(next).toBe((model.get(key) ?? 0) + i)
    store.put(key, next)
    model.set(key, next)
    if (i % 1000 === 999) {
      store.flush()
      database.commit()
    }
  }
  const expected = [...model].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => ({ key, value }))
  expect([...store.all()]).toEqual(expected)
  expect([...store.reverseAll()]).toEqual(expected.reverse())
  expect(store.approximateNumEntries()).toBe(2000)
  database.close()
})

test.each([10, 100_000])(
  'a series of one key longer than is kept in memory, cache of %s',
  (cacheEntriesMax) => {
    withDatabaseFile((open) => {
      const spec = Stores.window({
        name: 'long',
        keySerde: text,
        valueSerde: long,
        windowSizeMs: 10,
        retentionMs: 1_000_000,
        retainDuplicates: true,
      })
      let database = open()
      let store = database.openStore<WindowStore<string, number>>(spec, { cacheEntriesMax })
      // Runs of three under one start, and every tenth far behind the rest.
      const all: { start: number; value: number }[] = []
      for (let i = 0; i < 6000; i++) {
        const start = Math.floor((i % 10 === 0 ? i / 2 : i) / 3)
        store.put('hot', i, start)
        all.push({ start, value: i })
        if (i % 1500 === 0) store.flush()
      }
      all.sort((a, b) => a.start - b.start || a.value - b.value)
      const check = (downFrom: number) => {
        // Downwards, over every edge of what is in memory.
        for (let start = downFrom; start >= 0; start--) {
          const expected = all.filter((e) => e.start === start).map((e) => e.value)
          expect([...store.fetchRange('hot', start, start)].map((e) => e.value)).toEqual(expected)
        }
        const ranges = [
          [0, 2000],
          [0, 50],
          [700, 1400],
          [1990, 1999],
          [5000, 6000],
        ]
        for (const [from, to] of ranges as [number, number][]) {
          const expected = all.filter((e) => e.start >= from && e.start <= to).map((e) => e.value)
          expect([...store.fetchRange('hot', from, to)].map((e) => e.value)).toEqual(expected)
          expect([...store.backwardFetchRange('hot', from, to)].map((e) => e.value)).toEqual(
            expected.reverse(),
          )
        }
        expect([...store.all()].map((e) => e.value)).toEqual(all.map((e) => e.value))
        expect([...store.fetchAll(700, 1400)].map((e) => e.value)).toEqual(
          all.filter((e) => e.start >= 700 && e.start <= 1400).map((e) => e.value),
        )
        expect(store.fetch('hot', 3)).toBe(all.find((e) => e.start === 3)!.value)
      }
      check(2000)
      store.flush()
      database.commit()
      check(20)
      database.close()
      database = open()
      store = database.openStore(spec, { cacheEntriesMax })
      check(900)
      store.put('hot', 9999, 1)
      const at = all.findLastIndex((e) => e.start === 1)
      all.splice(at + 1, 0, { start: 1, value: 9999 })
      check(20)
    })
  },
)

test('a long history of one key in a versioned store', () => {
  withDatabaseFile((open) => {
    const spec = Stores.versioned({
      name: 'v',
      keySerde: text,
      valueSerde: long,
      historyRetentionMs: 1_000_000,
    })
    let database = open()
    let store = database.openStore<VersionedKeyValueStore<string, number>>(spec, { cacheEntriesMax: 50 })
    for (let i = 0; i < 4000; i++) store.put('hot', i, i * 10)
    const check = () => {
      for (const at of [0, 5, 777, 20_001, 39_989, 39_990, 50_000]) {
        const i = Math.min(3999, Math.floor(at / 10))
        expect(store.getAsOf('hot', at)).toEqual({
          value: i,
          timestamp: i * 10,
          validTo: i === 3999 ? null : (i + 1) * 10,
        })
      }
      expect([...store.versions('hot', 15_005, 25_000)].map((v) => v.value)).toEqual(
        Array.from({ length: 1001 }, (_, i) => i + 1500),
      )
    }
    check()
    expect(store.put('hot', -1, 5)).toBe(10)
    expect(store.getAsOf('hot', 5)).toEqual({ value: -1, timestamp: 5, validTo: 10 })
    expect(store.put('hot', 0, 5)).toBe(10)
    store.flush()
    database.commit()
    database.close()
    database = open()
    store = database.openStore(spec)
    expect(store.get('hot')).toEqual({ value: 3999, timestamp: 39_990, validTo: null })
    expect(store.getAsOf('hot', 4)).toEqual({ value: 0, timestamp: 0, validTo: 5 })
    expect([...store.all()]).toEqual([
      { key: 'hot', value: { value: 3999, timestamp: 39_990, validTo: null } },
    ])
  })
})

test('expired windows leave the table, which any SQLite tool can read meanwhile', () => {
  withDatabaseFile((open, path) => {
    const spec = Stores.window({
      name: 'w',
      keySerde: text,
      valueSerde: long,
      windowSizeMs: 10,
      retentionMs: 100,
    })
    const database = open()
    const store = database.openStore<WindowStore<string, number>>(spec)
    for (let start = 0; start < 2000; start += 10) {
      store.put('a', start, start)
      store.put(`key-${start}`, start, start)
      store.flush()
    }
    database.commit()
    expect([...store.all()].length).toBe(20)
    const reader = new Database(path, { readonly: true })
    const { n, oldest } = reader.prepare('SELECT count(*) AS n, min(windowstart) AS oldest FROM w').get() as {
      n: number
      oldest: number
    }
    reader.close()
    // Rows go when half the retention has expired, not one by one.
    expect(n).toBeGreaterThanOrEqual(20)
    expect(oldest).toBeGreaterThan(1990 - 150)

    store.put('a', 1, 1890)
    expect(store.droppedExpired).toBe(1)
    store.put('a', 1, 1891)
    expect(store.droppedExpired).toBe(1)
    expect(store.fetch('a', 1890)).toBeUndefined()
    expect(store.fetch('a', 1891)).toBe(1)
  })
})
