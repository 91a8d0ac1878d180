/**
 * State stores: get + put on cached keys, flush to SQLite, and windows. Prints thousands of operations a second.
 *
 *     node --expose-gc --import tsx bench/state.ts
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Serdes } from '../src/serde/index.js'
import {
  type KeyValueStore,
  openStateDatabase,
  type SessionStore,
  type StateStore,
  type StoreSpec,
  Stores,
  type TimestampedKeyValueStore,
  type ValueAndTimestamp,
  type WindowStore,
} from '../src/state/index.js'

const directory = mkdtempSync(join(tmpdir(), 'forebay-bench-'))
let databases = 0

function withStore<S extends StateStore>(
  spec: StoreSpec,
  cacheEntriesMax: number,
  body: (store: S, commit: () => void) => void,
): void {
  const database = openStateDatabase({ path: join(directory, `${databases++}.db`) })
  const store = database.openStore<S>(spec, { cacheEntriesMax })
  body(store, () => {
    store.flush()
    database.commit()
  })
  database.close()
  globalThis.gc?.()
}

function measure(name: string, operations: number, body: () => void): void {
  const start = performance.now()
  body()
  const ms = performance.now() - start
  console.log(`${name.padEnd(60)} ${(operations / ms).toFixed(0).padStart(8)} k/s`)
}

/** Visits keys in a scattered, repeatable order. */
function scattered(keys: number): (i: number) => number {
  const step = Math.floor(keys * 0.6180339887) | 1
  return (i) => (i * step) % keys
}

function keyValue(keys: number, kind: 'string' | 'long'): void {
  const names: (string | number)[] = []
  for (let i = 0; i < keys; i++) names.push(kind === 'string' ? `user-${i}` : i * 7)
  const spec = Stores.keyValue({
    name: 'counts',
    keySerde: (kind === 'string' ? Serdes.string() : Serdes.long()) as ReturnType<typeof Serdes.string>,
    valueSerde: Serdes.long(),
    timestamped: true,
  })
  withStore<TimestampedKeyValueStore<string | number, number>>(spec, 4_000_000, (store, commit) => {
    const at = scattered(keys)
    const operations = 3_000_000
    const count = () => {
      for (let i = 0; i < operations; i++) {
        const key = names[at(i)]!
        const present = store.get(key)
        const value = present === undefined ? 1 : present.value + 1
        store.put(key, { value, timestamp: i })
      }
    }
    const label = `${keys} ${kind} keys`
    measure(`get+put, ${label}, first`, operations, count)
    measure(`get+put, ${label}, again`, operations, count)
    measure(`flush and commit, ${label}, new rows`, keys, commit)
    measure(`get+put, ${label}, clean`, operations, count)
    measure(`flush and commit, ${label}, known rows`, keys, commit)
    measure(`all(), ${label}`, keys, () => {
      for (const _ of store.all()) {
      }
    })
  })
}

function largerThanCache(): void {
  const keys = 1_000_000
  const spec = Stores.keyValue({ name: 'counts', keySerde: Serdes.string(), valueSerde: Serdes.long() })
  withStore<KeyValueStore<string, number>>(spec, 100_000, (store, commit) => {
    const at = scattered(keys)
    measure('put, 1,000,000 keys through a cache of 100,000', keys, () => {
      for (let i = 0; i < keys; i++) store.put(`user-${at(i)}`, i)
      commit()
    })
    measure('get+put, 1,000,000 keys through a cache of 100,000', 300_000, () => {
      for (let i = 0; i < 300_000; i++) {
        const key = `user-${at(i)}`
        store.put(key, (store.get(key) ?? 0) + 1)
      }
    })
  })
}

function windows(keys: number, windowsPerKey: number): void {
  const names = Array.from({ length: keys }, (_, i) => `user-${i}`)
  const spec = Stores.window({
    name: 'windows',
    keySerde: Serdes.string(),
    valueSerde: Serdes.long(),
    timestamped: true,
    windowSizeMs: 60_000,
    retentionMs: 60_000 * windowsPerKey,
  })
  withStore<WindowStore<string, ValueAndTimestamp<number>>>(spec, 8_000_000, (store, commit) => {
    const at = scattered(keys)
    const operations = 2_000_000
    const perWindow = operations / windowsPerKey
    const label = `${keys} keys x ${windowsPerKey} windows`
    const count = () => {
      for (let i = 0; i < operations; i++) {
        const key = names[at(i)]!
        const start = Math.floor(i / perWindow) * 60_000
        const present = store.fetch(key, start)
        store.put(key, { value: present === undefined ? 1 : present.value + 1, timestamp: start }, start)
      }
    }
    measure(`window fetch+put, ${label}, first`, operations, count)
    measure(`window fetch+put, ${label}, again`, operations, count)
    measure(`window flush and commit, ${label}`, keys * windowsPerKey, commit)
    measure(`window fetch+put, ${label}, clean`, operations, count)
    measure(`window fetchAll of one window, ${label}`, keys, () => {
      for (const _ of store.fetchAll(0, 0)) {
      }
    })
  })
}

function joinBuffer(): void {
  const spec = Stores.window({
    name: 'left',
    keySerde: Serdes.string(),
    valueSerde: Serdes.string(),
    windowSizeMs: 1000,
    retentionMs: 2000,
    retainDuplicates: true,
  })
  withStore<WindowStore<string, string>>(spec, 1_000_000, (store, commit) => {
    const operations = 500_000
    measure('join buffer: put + fetchRange, 1000 keys', operations, () => {
      for (let i = 0; i < operations; i++) {
        const key = `user-${i % 1000}`
        store.put(key, 'value', i)
        for (const _ of store.fetchRange(key, i - 500, i + 500)) {
        }
        if (i % 100_000 === 0) commit()
      }
    })
  })
}

function sessions(): void {
  const spec = Stores.session({
    name: 'sessions',
    keySerde: Serdes.string(),
    valueSerde: Serdes.long(),
    retentionMs: 10_000,
  })
  withStore<SessionStore<string, number>>(spec, 1_000_000, (store, commit) => {
    const operations = 500_000
    measure('sessions: findSessions + remove + put, 10,000 keys', operations, () => {
      for (let i = 0; i < operations; i++) {
        const key = `user-${i % 10_000}`
        const time = i
        let start = time
        let count = 1
        for (const session of store.findSessions(key, time - 20_000, time + 20_000)) {
          start = session.key.start
          count += session.value
          store.remove(session.key)
        }
        store.put({ key, start, end: time }, count)
        if (i % 100_000 === 0) commit()
      }
    })
  })
}

try {
  keyValue(10_000, 'string')
  keyValue(1_000_000, 'string')
  keyValue(1_000_000, 'long')
  largerThanCache()
  windows(10_000, 5)
  windows(1_000_000, 1)
  windows(200_000, 5)
  joinBuffer()
  sessions()
} finally {
  rmSync(directory, { recursive: true, force: true })
}
