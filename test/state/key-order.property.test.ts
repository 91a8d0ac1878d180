import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Serde, Serdes, serialize } from '../../src/serde/index.js'
import { blobLayout } from '../../src/state/blob-layout.js'
import { sortByText } from '../../src/state/key-sort.js'
import { SortedRuns } from '../../src/state/sorted-runs.js'

const wellFormed = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.string({
    unit: fc.constantFrom('a', 'b', '\u00fe', '\u00ff', '\u0100', '\ud7ff', '\ue000', '\uffff', '\u{10000}'),
    maxLength: 9,
  }),
)
const int64 = fc.oneof(
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.integer({ min: -3, max: 3 }),
)

interface Case {
  name: string
  serde: Serde<unknown>
  keys: fc.Arbitrary<unknown>
}

const cases: Case[] = [
  { name: 'string', serde: Serdes.string() as Serde<unknown>, keys: wellFormed },
  { name: 'integer', serde: Serdes.integer() as Serde<unknown>, keys: fc.integer() },
  { name: 'bigint', serde: Serdes.bigint() as Serde<unknown>, keys: int64 },
  { name: 'double', serde: Serdes.double() as Serde<unknown>, keys: fc.double() },
  { name: 'boolean', serde: Serdes.boolean() as Serde<unknown>, keys: fc.boolean() },
  { name: 'bytes', serde: Serdes.bytes() as Serde<unknown>, keys: fc.uint8Array({ maxLength: 9 }) },
  { name: 'json', serde: Serdes.json(), keys: fc.jsonValue({ maxDepth: 2 }).filter((key) => key !== null) },
]

describe.each(cases)('keys of the $name serde', ({ serde, keys }) => {
  const layout = blobLayout(serde, Serdes.string())
  const bytes = (key: unknown) => serialize(serde, key)!

  test('compare as their bytes, and are identified as they are', () => {
    fc.assert(
      fc.property(keys, keys, (a, b) => {
        const order = Buffer.compare(bytes(a), bytes(b))
        expect(Math.sign(layout.compareKeys(a, b))).toBe(order)
        const areSame = new Set([layout.identity(a), layout.identity(b)]).size === 1
        expect(areSame).toBe(order === 0)
      }),
      { numRuns: 1000 },
    )
  })

  if (layout.isIdentityOrdered !== true) return
  test('sort by identity into the order of their bytes', () => {
    fc.assert(
      fc.property(fc.array(keys, { minLength: 33, maxLength: 60 }), fc.boolean(), (list, withPrefix) => {
        // A long common beginning, as keys have that are made from one pattern.
        const isText = list.every((key) => typeof key === 'string')
        const items = withPrefix && isText ? list.map((key) => `user-äé-${key}`) : list
        const sorted = sortByText(items, (key) => layout.identity(key) as string, layout.compareKeys)
        const expected = [...items].sort((a, b) => Buffer.compare(bytes(a), bytes(b)))
        expect(sorted.map(bytes)).toEqual(expected.map(bytes))
      }),
      { numRuns: 200 },
    )
  })
})

test('sorted runs give any range in order, however additions and questions alternate', () => {
  const step = fc.oneof(
    fc.integer({ min: 0, max: 50 }),
    fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 50 })),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const runs = new SortedRuns<number>((a, b) => a - b)
      const all: number[] = []
      for (const item of steps) {
        if (typeof item === 'number') {
          runs.add(item)
          all.push(item)
        } else {
          const [from, to] = item
          const expected = all.filter((n) => n >= from && n <= to).sort((a, b) => a - b)
          expect(
            runs.between(
              (n) => n < from,
              (n) => n > to,
            ),
          ).toEqual(expected)
        }
      }
      expect(runs.sorted()).toEqual(all.sort((a, b) => a - b))
      expect(runs.size).toBe(all.length)
    }),
    { numRuns: 300 },
  )
})
