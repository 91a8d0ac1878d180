import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Serdes } from '../../src/serde/index.js'
import { type KeyValueStore, openStateDatabase, Stores } from '../../src/state/index.js'
import { CapturedChangelog, layouts, orderOf, withDatabaseFile } from './fixtures.js'

const key = fc.constantFrom(
  'a/1',
  'a/2',
  'a/10',
  'b/-3',
  'b/5',
  'é/1',
  'z/0',
  '\u{1f600}/1',
  '\uffee/1',
  'b/6000000000',
)
const value = fc.integer({ min: -5, max: 4_000_000_000 })

const operation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant('put' as const), key, value }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('get' as const), key }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('delete' as const), key }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('putIfAbsent' as const), key, value }) },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('range' as const),
      from: fc.option(key),
      to: fc.option(key),
      reverse: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('prefix' as const),
      prefix: fc.constantFrom('', 'a/', 'b', 'é', 'q'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('count' as const) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('flush' as const) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('commit' as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('reopen' as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('wipe' as const) }) },
)

describe.each(layouts)('a key-value store, $name layout', ({ layout }) => {
  const spec = Stores.keyValue<string, number>({
    name: 'Numbers',
    keySerde: Serdes.string(),
    valueSerde: Serdes.long(),
    ...(layout === undefined ? {} : { layout }),
  })
  const compare = orderOf(layout)

  test('behaves as a sorted map, whatever the cache, flushes, commits and crashes', () => {
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 80 }),
        fc.integer({ min: 0, max: 8 }),
        (operations, cacheEntriesMax) =>
          withDatabaseFile((open) => {
            const changelog = new CapturedChangelog()
            let database = open()
            let store = database.openStore<KeyValueStore<string, number>>(spec, {
              changelog,
              cacheEntriesMax,
            })
            let model = new Map<string, number>()
            let committed = { model: new Map(model), logged: 0 }
            const sorted = () =>
              [...model].sort(([a], [b]) => compare(a, b)).map(([k, v]) => ({ key: k, value: v }))
            for (const step of operations) {
              switch (step.op) {
                case 'put':
                  store.put(step.key, step.value)
                  model.set(step.key, step.value)
                  break
                case 'get':
                  expect(store.get(step.key)).toBe(model.get(step.key))
                  break
                case 'delete':
                  expect(store.delete(step.key)).toBe(model.get(step.key))
                  model.delete(step.key)
                  break
                case 'putIfAbsent':
                  expect(store.putIfAbsent(step.key, step.value)).toBe(model.get(step.key))
                  if (!model.has(step.key)) model.set(step.key, step.value)
                  break
                case 'range': {
                  const { from, to, reverse } = step
                  const expected = sorted().filter(
                    (e) =>
                      (from === null || compare(e.key, from) >= 0) &&
                      (to === null || compare(e.key, to) <= 0),
                  )
                  const actual = reverse ? store.reverseRange(from, to) : store.range(from, to)
                  expect([...actual]).toEqual(reverse ? expected.reverse() : expected)
                  break
                }
                case 'prefix':
                  expect([...store.prefixScan(step.prefix, Serdes.string())]).toEqual(
                    sorted().filter((e) => e.key.startsWith(step.prefix)),
                  )
                  break
                case 'count':
                  expect(store.approximateNumEntries()).toBe(model.size)
                  break
                case 'flush':
                  store.flush()
                  break
                case 'commit':
                  store.flush()
                  database.setChangelogOffset('Numbers', changelog.records.length)
                  database.commit()
                  committed = { model: new Map(model), logged: changelog.records.length }
                  break
                case 'reopen':
                  database.close()
                  database = open()
                  store = database.openStore(spec, { changelog, cacheEntriesMax })
                  model = new Map(committed.model)
                  changelog.records.length = committed.logged
                  expect(database.changelogOffset('Numbers') ?? 0).toBe(committed.logged)
                  break
                case 'wipe':
                  database.wipe('Numbers')
                  model.clear()
                  changelog.records.length = 0
                  database.setChangelogOffset('Numbers', 0)
                  database.commit()
                  committed = { model: new Map(), logged: 0 }
                  break
              }
            }
            store.flush()
            expect([...store.all()]).toEqual(sorted())
            const copy = openStateDatabase({ path: ':memory:' })
            const restored = copy.openStore<KeyValueStore<string, number>>(spec)
            copy.restore('Numbers', changelog.records)
            expect([...restored.all()]).toEqual(sorted())
            copy.close()
          }),
      ),
      { numRuns: 200 },
    )
  })

  test('a scan survives writes, flushes and evictions between its steps', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(key, value), { maxLength: 12 }),
        fc.array(fc.tuple(key, fc.option(value), fc.boolean()), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 0, max: 6 }),
        fc.boolean(),
        (before, during, cacheEntriesMax, reverse) => {
          const database = openStateDatabase({ path: ':memory:' })
          const store = database.openStore<KeyValueStore<string, number>>(spec, { cacheEntriesMax })
          const model = new Map<string, number>(before)
          for (const [k, v] of before) store.put(k, v)
          const atStart = new Set(model.keys())
          const touched = new Set<string>()
          const seen: string[] = []
          let writes = 0
          for (const entry of reverse ? store.reverseAll() : store.all()) {
            expect(entry.value).toBe(model.get(entry.key))
            seen.push(entry.key)
            const write = during[writes++]
            if (write === undefined) continue
            const [k, v, flush] = write
            store.put(k, v)
            if (v === null) model.delete(k)
            else model.set(k, v)
            touched.add(k)
            if (flush) store.flush()
          }
          const inOrder = [...seen].sort(compare)
          expect(seen).toEqual(reverse ? inOrder.reverse() : inOrder)
          expect(new Set(seen).size).toBe(seen.length)
          for (const k of atStart) if (!touched.has(k)) expect(seen).toContain(k)
          database.close()
        },
      ),
      { numRuns: 200 },
    )
  })
})
