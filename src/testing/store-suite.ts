import { Serdes } from '../serde/index.js'
import {
  type ChangelogRecord,
  type CustomKeyValueStore,
  type CustomSessionStore,
  type CustomWindowStore,
  type KeyValueStore,
  openStateDatabase,
  type SessionStore,
  type StateDatabase,
  type StateStore,
  type StoreSpec,
  Stores,
  type TableLayout,
  type TimestampedKeyValueStore,
  type ValueAndTimestamp,
  type VersionedKeyValueStore,
  type WindowStore,
} from '../state/index.js'

/** What the suite needs of a test framework; vitest's and jest's functions fit. */
export interface StoreSuiteFramework {
  test(name: string, body: () => void): void
  expect(actual: unknown): { toEqual(expected: unknown): void }
}

export interface StoreSuiteOptions extends StoreSuiteFramework {
  /** Opens an empty state database; `reopen` closes it without a commit and opens it again. */
  open(): { database: StateDatabase; reopen(): StateDatabase; remove(): void }
  /** Default true. */
  persistent?: boolean
  cacheEntriesMax?: number
  /** A layout for string keys, ordered as their UTF-8 bytes, and integer values. */
  layout?: TableLayout<string, number>
}

/**
 * What every implementation of the state stores promises: one test per promise, for each kind of store.
 *
 * @example
 * storeSuite({ test, expect, open: () => openMyDatabase() })
 */
export function storeSuite(options: StoreSuiteOptions): void {
  const suite = new StoreSuite(options)
  suite.keyValue()
  suite.window()
  suite.session()
  suite.versioned()
}

export interface CustomStoreSuiteOptions extends StoreSuiteFramework {
  /** Suppliers of the stores to check. Keys are strings, values whole numbers, or those with a timestamp. */
  keyValue?(spec: StoreSpec): CustomKeyValueStore<string, unknown>
  window?(spec: StoreSpec): CustomWindowStore<string, unknown>
  session?(spec: StoreSpec): CustomSessionStore<string, number>
}

/**
 * Checks stores of your own: what processors rely on, and that a changelog rebuilds them. One test a promise, in any
 * test framework whose functions fit.
 *
 * @example
 * customStoreSuite({ test, expect, keyValue: () => new MyStore() })
 */
export function customStoreSuite(options: CustomStoreSuiteOptions): void {
  const { test, expect, keyValue, window, session } = options
  const open = () => {
    let database = openStateDatabase({ path: ':memory:' })
    return {
      database,
      reopen() {
        database.close()
        database = openStateDatabase({ path: ':memory:' })
        return database
      },
      remove() {},
    }
  }
  const suiteOf = (supplier: unknown) => new StoreSuite({ test, expect, open, persistent: false }, supplier)
  if (keyValue !== undefined) suiteOf(keyValue).keyValue()
  if (window !== undefined) suiteOf(window).window()
  if (session !== undefined) suiteOf(session).session()
}

interface Opened<S> {
  store: S
  database: StateDatabase
  readonly changelog: ChangelogRecord[]
  /** Flushes and commits. */
  commit(): void
  /** Closes without a commit and opens again. */
  reopen(): void
}

class StoreSuite {
  readonly #options: StoreSuiteOptions
  readonly #supplier: unknown

  constructor(options: StoreSuiteOptions, supplier?: unknown) {
    this.#options = options
    this.#supplier = supplier
  }

  keyValue(): void {
    const spec = Stores.keyValue({ name: 'store', ...this.#common() })
    type Store = KeyValueStore<string, number>
    const entries = (store: Store) => [...store.all()].map(({ key, value }) => `${key}=${value}`)

    this.#test<Store>('key-value: a get sees the last put, flushed or not', spec, (opened) => {
      const { store } = opened
      this.#equal(store.get('a'), undefined)
      store.put('a', 1)
      this.#equal(store.get('a'), 1)
      store.flush()
      this.#equal(store.get('a'), 1)
      store.put('a', 2)
      this.#equal(store.get('a'), 2)
      opened.commit()
      this.#equal(store.get('a'), 2)
    })

    this.#test<Store>('key-value: putting null deletes, delete returns what was there', spec, ({ store }) => {
      store.put('a', 1)
      store.put('b', 2)
      store.flush()
      store.put('a', null)
      this.#equal(store.delete('b'), 2)
      this.#equal(store.delete('b'), undefined)
      this.#equal([store.get('a'), store.get('b')], [undefined, undefined])
      this.#equal(entries(store), [])
      store.flush()
      this.#equal([store.get('a'), store.get('b')], [undefined, undefined])
    })

    this.#test<Store>('key-value: putIfAbsent leaves what is there', spec, ({ store }) => {
      this.#equal(store.putIfAbsent('a', 1), undefined)
      this.#equal(store.putIfAbsent('a', 2), 1)
      this.#equal(store.get('a'), 1)
    })

    this.#test<Store>('key-value: scans merge flushed and new entries in key order', spec, ({ store }) => {
      for (const [i, key] of ['d', 'b', 'é', 'f'].entries()) store.put(key, i)
      store.flush()
      store.put('a', 10)
      store.put('d', 11)
      store.put('f', null)
      const keys = (scan: Iterable<{ key: string }>) => [...scan].map((e) => e.key).join('')
      this.#equal(entries(store), ['a=10', 'b=1', 'd=11', 'é=2'])
      this.#equal(keys(store.reverseAll()), 'édba')
      this.#equal(keys(store.range('b', 'd')), 'bd')
      this.#equal(keys(store.range(null, 'c')), 'ab')
      this.#equal(keys(store.reverseRange('b', null)), 'édb')
      this.#equal(keys(store.range('d', 'b')), '')
      this.#equal(keys(store.prefixScan('é', Serdes.string())), 'é')
      this.#equal(store.approximateNumEntries(), 4)
    })

    this.#test<Store>(
      'key-value: a scan allows deleting and flushing between its steps',
      spec,
      ({ store }) => {
        for (let i = 0; i < 700; i++) store.put(`k${String(i).padStart(4, '0')}`, i)
        const seen: number[] = []
        for (const { key, value } of store.all()) {
          seen.push(value)
          store.delete(key)
          if (value % 100 === 0) store.flush()
        }
        this.#equal(
          seen,
          Array.from({ length: 700 }, (_, i) => i),
        )
        this.#equal(entries(store), [])
      },
    )

    const stamped = Stores.keyValue({ name: 'store', ...this.#common(), timestamped: true })
    this.#test<TimestampedKeyValueStore<string, number>>(
      'key-value: timestamps come back with the values',
      stamped,
      (opened) => {
        opened.store.put('a', { value: 1, timestamp: 1_700_000_000_000 })
        opened.commit()
        this.#equal(opened.store.get('a'), { value: 1, timestamp: 1_700_000_000_000 })
        opened.reopen()
        const kept = spec.persistent ? { value: 1, timestamp: 1_700_000_000_000 } : undefined
        this.#equal(opened.store.get('a'), kept)
        this.#restore(stamped, opened.changelog, (copy: TimestampedKeyValueStore<string, number>) =>
          this.#equal(copy.get('a'), { value: 1, timestamp: 1_700_000_000_000 }),
        )
      },
    )

    this.#test<Store>('key-value: a restart brings back what was committed, no more', spec, (opened) => {
      opened.store.put('a', 1)
      opened.store.put('b', 1)
      opened.commit()
      opened.store.put('a', 2)
      opened.store.delete('b')
      opened.store.flush()
      opened.reopen()
      this.#equal(entries(opened.store), spec.persistent ? ['a=1', 'b=1'] : [])
    })

    this.#test<Store>('key-value: the changelog rebuilds the store', spec, ({ store, changelog }) => {
      for (let i = 0; i < 50; i++) {
        store.put(`k${i % 7}`, i)
        if (i % 5 === 0) store.delete(`k${i % 3}`)
        if (i % 11 === 0) store.flush()
      }
      store.flush()
      this.#restore(spec, changelog, (copy: Store) => this.#equal(entries(copy), entries(store)))
    })

    this.#test<Store>('key-value: a wipe leaves nothing', spec, (opened) => {
      opened.store.put('a', 1)
      opened.commit()
      opened.database.setChangelogOffset('store', 3)
      opened.database.wipe('store')
      this.#equal(entries(opened.store), [])
      this.#equal(opened.store.get('a'), undefined)
      this.#equal(opened.database.changelogOffset('store'), null)
    })
  }

  window(): void {
    const times = { windowSizeMs: 10, retentionMs: 100 }
    const spec = Stores.window({ name: 'store', ...this.#common(), ...times, timestamped: true })
    type Store = WindowStore<string, ValueAndTimestamp<number>>
    const put = (store: Store, key: string, start: number, value: number | null) =>
      store.put(key, value === null ? null : { value, timestamp: start }, start)
    const show = (
      rows: Iterable<{ key: { key: string; start: number }; value: ValueAndTimestamp<number> }>,
    ) => [...rows].map((row) => `${row.key.key}@${row.key.start}=${row.value.value}`)

    this.#test<Store>('window: one value per key and start', spec, (opened) => {
      const { store } = opened
      put(store, 'a', 0, 1)
      put(store, 'a', 10, 2)
      put(store, 'b', 0, 3)
      put(store, 'a', 0, 4)
      this.#equal(store.fetch('a', 0), { value: 4, timestamp: 0 })
      opened.commit()
      this.#equal(store.fetch('a', 0), { value: 4, timestamp: 0 })
      this.#equal(store.fetch('a', 5), undefined)
      put(store, 'a', 0, null)
      this.#equal(store.fetch('a', 0), undefined)
      this.#equal(
        [...store.fetchRange('a', 0, 99)].map((e) => e.key),
        [{ key: 'a', start: 10, end: 20 }],
      )
    })

    this.#test<Store>('window: ranges merge flushed and new windows in order', spec, ({ store }) => {
      put(store, 'b', 10, 1)
      put(store, 'a', 30, 2)
      put(store, 'a', 10, 3)
      store.flush()
      put(store, 'a', 20, 4)
      put(store, 'b', 10, 5)
      put(store, 'c', 0, 6)
      this.#equal(show(store.fetchRange('a', 10, 20)), ['a@10=3', 'a@20=4'])
      this.#equal(show(store.backwardFetchRange('a', 0, 99)), ['a@30=2', 'a@20=4', 'a@10=3'])
      this.#equal(show(store.fetchAll(0, 20)), ['c@0=6', 'a@10=3', 'b@10=5', 'a@20=4'])
      this.#equal(show(store.fetchKeyRange('a', 'b', 10, 20)), ['a@10=3', 'a@20=4', 'b@10=5'])
      this.#equal(show(store.all()), ['a@10=3', 'a@20=4', 'a@30=2', 'b@10=5', 'c@0=6'])
    })

    this.#test<Store>('window: a start that is the retention behind the newest is gone', spec, (opened) => {
      const { store } = opened
      put(store, 'a', 0, 1)
      put(store, 'a', 1, 2)
      opened.commit()
      put(store, 'b', 100, 3)
      this.#equal(show(store.all()), ['a@1=2', 'b@100=3'])
      this.#equal(store.fetch('a', 0), undefined)
      put(store, 'a', 0, 9)
      put(store, 'a', 1, 4)
      this.#equal(store.droppedExpired, 1)
      opened.commit()
      this.#equal(show(store.fetchAll(0, 1000)), ['a@1=4', 'b@100=3'])
      opened.reopen()
      if (!spec.persistent) return
      put(opened.store, 'a', 0, 9)
      this.#equal(show(opened.store.all()), ['a@1=4', 'b@100=3'])
    })

    // Stores of one's own keep one value.
    if (this.#supplier === undefined) this.#duplicates(times)

    this.#test<Store>('window: the changelog rebuilds the store', spec, ({ store, changelog }) => {
      for (let i = 0; i < 200; i++) {
        put(store, `k${i % 7}`, i - (i % 10), i % 9 === 0 ? null : i)
        if (i % 31 === 0) store.flush()
      }
      store.flush()
      this.#restore(spec, changelog, (copy: Store) => this.#equal(show(copy.all()), show(store.all())))
    })
  }

  #duplicates(times: { readonly windowSizeMs: number; readonly retentionMs: number }): void {
    const duplicates = Stores.window({ name: 'store', ...this.#common(), ...times, retainDuplicates: true })
    this.#test<WindowStore<string, number>>(
      'window: duplicates stay, in order of arrival',
      duplicates,
      (opened) => {
        for (const value of [3, 1, 2]) opened.store.put('a', value, 5)
        opened.store.put('a', null, 5)
        opened.commit()
        opened.store.put('a', 0, 5)
        const values = (store: WindowStore<string, number>) =>
          [...store.fetchRange('a', 0, 9)].map((e) => e.value)
        this.#equal(values(opened.store), [3, 1, 2, 0])
        opened.store.flush()
        this.#restore(duplicates, opened.changelog, (copy: WindowStore<string, number>) => {
          copy.put('a', 7, 5)
          this.#equal(values(copy), [3, 1, 2, 0, 7])
        })
      },
    )
  }

  session(): void {
    const spec = Stores.session({ name: 'store', ...this.#common(), retentionMs: 100 })
    type Store = SessionStore<string, number>
    const show = (rows: Iterable<{ key: { key: string; start: number; end: number }; value: number }>) =>
      [...rows].map((row) => `${row.key.key}[${row.key.start},${row.key.end}]=${row.value}`)
    const put = (store: Store, key: string, start: number, end: number, value: number) =>
      store.put({ key, start, end }, value)

    this.#test<Store>('session: found by overlap, in order of end, then start', spec, (opened) => {
      const { store } = opened
      put(store, 'a', 10, 20, 1)
      put(store, 'a', 40, 50, 2)
      put(store, 'b', 10, 20, 3)
      opened.commit()
      put(store, 'a', 0, 5, 4)
      put(store, 'a', 15, 20, 5)
      this.#equal(show(store.findSessions('a', 20, 40)), ['a[10,20]=1', 'a[15,20]=5', 'a[40,50]=2'])
      this.#equal(show(store.findSessions('a', 6, 39)), ['a[10,20]=1', 'a[15,20]=5'])
      this.#equal(store.fetchSession('a', 10, 20), 1)
      this.#equal(store.fetchSession('a', 11, 20), undefined)
      store.remove({ key: 'a', start: 10, end: 20 })
      this.#equal(store.fetchSession('a', 10, 20), undefined)
      this.#equal(show(store.fetch('a')), ['a[0,5]=4', 'a[15,20]=5', 'a[40,50]=2'])
      this.#equal(show(store.findSessionsByEnd(5, 20)), ['a[0,5]=4', 'b[10,20]=3', 'a[15,20]=5'])
      this.#equal(show(store.all()), ['a[0,5]=4', 'a[15,20]=5', 'a[40,50]=2', 'b[10,20]=3'])
    })

    this.#test<Store>('session: retention is measured on ends', spec, (opened) => {
      const { store } = opened
      put(store, 'a', 0, 50, 1)
      put(store, 'a', 0, 51, 2)
      put(store, 'b', 0, 150, 3)
      this.#equal(show(store.all()), ['a[0,51]=2', 'b[0,150]=3'])
      put(store, 'a', 0, 50, 4)
      this.#equal(store.droppedExpired, 1)
      opened.commit()
      this.#equal(show(store.findSessionsByEnd(0, 1000)), ['a[0,51]=2', 'b[0,150]=3'])
    })

    this.#test<Store>('session: the changelog rebuilds the store', spec, ({ store, changelog }) => {
      for (let time = 0; time < 300; time++) {
        let start = time
        for (const found of store.findSessions(`k${time % 7}`, time - 10, time + 10)) {
          start = Math.min(start, found.key.start)
          store.remove(found.key)
        }
        put(store, `k${time % 7}`, start, time, time)
        if (time % 17 === 0) store.flush()
      }
      store.flush()
      this.#restore(spec, changelog, (copy: Store) => this.#equal(show(copy.all()), show(store.all())))
    })
  }

  versioned(): void {
    const spec = Stores.versioned({ name: 'store', ...this.#common(), historyRetentionMs: 100 })
    type Store = VersionedKeyValueStore<string, number>

    this.#test<Store>('versioned: the version of a time, late ones included', spec, (opened) => {
      const { store } = opened
      this.#equal(store.put('a', 1, 10), Number.POSITIVE_INFINITY)
      this.#equal(store.put('a', 3, 30), Number.POSITIVE_INFINITY)
      opened.commit()
      this.#equal(store.put('a', 2, 20), 30)
      this.#equal(store.get('a'), { value: 3, timestamp: 30, validTo: null })
      this.#equal(store.getAsOf('a', 9), undefined)
      this.#equal(store.getAsOf('a', 10), { value: 1, timestamp: 10, validTo: 20 })
      this.#equal(store.getAsOf('a', 29), { value: 2, timestamp: 20, validTo: 30 })
      this.#equal(store.getAsOf('a', 1000), { value: 3, timestamp: 30, validTo: null })
      this.#equal(
        [...store.versions('a', 15, 25)].map((v) => v.value),
        [1, 2],
      )
    })

    this.#test<Store>('versioned: a deletion ends a version', spec, (opened) => {
      const { store } = opened
      store.put('a', 1, 10)
      this.#equal(store.delete('a', 20), { value: 1, timestamp: 10, validTo: null })
      opened.commit()
      this.#equal(store.get('a'), undefined)
      this.#equal(store.getAsOf('a', 20), undefined)
      this.#equal(store.getAsOf('a', 19), { value: 1, timestamp: 10, validTo: 20 })
      store.put('a', 2, 30)
      this.#equal(store.get('a'), { value: 2, timestamp: 30, validTo: null })
      this.#equal(store.getAsOf('a', 25), undefined)
    })

    this.#test<Store>('versioned: history ends at the retention, the newest stays', spec, (opened) => {
      const { store } = opened
      store.put('old', 1, 0)
      store.put('a', 1, 0)
      store.put('a', 2, 10)
      store.put('b', 3, 120)
      opened.commit()
      this.#equal(store.getAsOf('a', 19), { value: 2, timestamp: 10, validTo: null })
      this.#equal(store.getAsOf('a', 9), undefined)
      this.#equal(store.get('old'), { value: 1, timestamp: 0, validTo: null })
      this.#equal(store.put('a', 4, 19), null)
      this.#equal(store.put('a', 5, 20), Number.POSITIVE_INFINITY)
      this.#equal(store.droppedExpired, 1)
      this.#equal(
        [...store.all()].map((e) => [e.key, e.value.value]),
        [
          ['a', 5],
          ['b', 3],
          ['old', 1],
        ],
      )
    })

    this.#test<Store>('versioned: the changelog rebuilds the store', spec, ({ store, changelog }) => {
      for (let i = 0; i < 200; i++) {
        store.put(`k${i % 7}`, i % 9 === 0 ? null : i, i - ((i * 7) % 20))
        if (i % 31 === 0) store.flush()
      }
      store.flush()
      const show = (of: Store) => [
        ...of.all(),
        ...Array.from({ length: 100 }, (_, i) => of.getAsOf(`k${i % 7}`, 100 + i)),
      ]
      this.#restore(spec, changelog, (copy: Store) => this.#equal(show(copy), show(store)))
    })
  }

  #common() {
    return {
      keySerde: Serdes.string(),
      valueSerde: Serdes.long(),
      persistent: this.#options.persistent ?? true,
      ...(this.#options.layout === undefined ? {} : { layout: this.#options.layout }),
      ...(this.#supplier === undefined ? {} : { supplier: this.#supplier as never }),
    }
  }

  #equal(actual: unknown, expected: unknown): void {
    this.#options.expect(actual).toEqual(expected)
  }

  #test<S extends StateStore>(name: string, spec: StoreSpec, body: (opened: Opened<S>) => void): void {
    this.#options.test(name, () => {
      const place = this.#options.open()
      const changelog: ChangelogRecord[] = []
      const openStore = (database: StateDatabase) =>
        database.openStore<S>(spec, {
          changelog: {
            logChange: (_store, key, value, timestamp) =>
              changelog.push({
                key: Buffer.from(key),
                value: value === null ? null : Buffer.from(value),
                timestamp,
              }),
          },
          ...(this.#options.cacheEntriesMax === undefined
            ? {}
            : { cacheEntriesMax: this.#options.cacheEntriesMax }),
        })
      const opened: Opened<S> = {
        database: place.database,
        store: openStore(place.database),
        changelog,
        commit() {
          opened.store.flush()
          opened.database.commit()
        },
        reopen() {
          opened.database = place.reopen()
          opened.store = openStore(opened.database)
        },
      }
      try {
        body(opened)
      } finally {
        opened.database.close()
        place.remove()
      }
    })
  }

  /** Restores a changelog into an empty database and hands its store to `check`. */
  #restore<S extends StateStore>(
    spec: StoreSpec,
    changelog: readonly ChangelogRecord[],
    check: (copy: S) => void,
  ): void {
    const place = this.#options.open()
    try {
      const copy = place.database.openStore<S>(spec)
      place.database.restore(spec.name, changelog)
      check(copy)
    } finally {
      place.database.close()
      place.remove()
    }
  }
}
