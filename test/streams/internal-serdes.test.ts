import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deserialize, type Serde, Serdes, serialize } from '../../src/serde/index.js'
import { changeSerde, timeKeySerde } from '../../src/streams/internal-serdes.js'
import {
  foreignPrefixSerde,
  foreignResponseSerde,
  subscriptionKeySerde,
  subscriptionSerde,
} from '../../src/streams/processors/foreign-key-messages.js'
import { bufferedRecordSerde, orderedTimeKeySerde } from '../../src/streams/processors/stream-table-join.js'
import { heldChangeSerde } from '../../src/streams/processors/suppress-buffer.js'
import { unmatchedKeySerde, unmatchedValueSerde } from '../../src/streams/processors/unmatched-records.js'

const text = Serdes.string() as Serde<unknown>
const json = Serdes.json() as Serde<unknown>

const anyText = fc.string({ unit: 'binary' })
const nullable = fc.option(anyText)
const time = fc.nat(Number.MAX_SAFE_INTEGER)
const digest = fc.option(fc.constant('0123456789abcdefghijkl'))
const headers = fc.option(
  fc.array(
    fc.record({
      key: anyText,
      value: fc.option(fc.uint8Array({ maxLength: 5 }).map((b) => Buffer.from(b))),
    }),
  ),
)
const instruction = fc.constantFrom(
  'unsubscribe',
  'unsubscribe-and-answer',
  'answer-if-found',
  'answer-always',
)

describe('what internal topics and stores hold comes back as it was', () => {
  const cases: [string, Serde<unknown>, fc.Arbitrary<unknown>][] = [
    ['changes', changeSerde(text), fc.record({ newValue: nullable, oldValue: nullable })],
    ['time keys', timeKeySerde(text), fc.record({ time, key: anyText })],
    [
      'waiting keys',
      orderedTimeKeySerde(text),
      fc.record({ time, key: anyText, sequence: fc.nat(0x7fffffff) }),
    ],
    [
      'waiting records',
      bufferedRecordSerde(text),
      fc.record({ key: fc.constant(null), value: nullable, headers }),
    ],
    [
      'held changes',
      heldChangeSerde(json),
      fc
        .record({
          key: fc.constant(null),
          timestamp: time,
          value: fc.option(fc.jsonValue().filter((v) => v !== null)),
          oldValue: nullable,
          headers,
        })
        .map((change) => JSON.parse(JSON.stringify(change)) && change),
    ],
    ['unmatched keys', unmatchedKeySerde(text), fc.record({ time, isLeft: fc.boolean(), key: anyText })],
    [
      'unmatched values',
      unmatchedValueSerde(text, text),
      fc.record({ isLeft: fc.boolean(), values: fc.array(anyText) }),
    ],
    [
      'subscriptions',
      subscriptionSerde(text),
      fc.record({ instruction, partition: fc.nat(1000), digest, primaryKey: anyText }),
    ],
    [
      'subscription keys',
      subscriptionKeySerde(text, text),
      fc.record({ foreignKey: anyText, primaryKey: anyText }),
    ],
    [
      'responses',
      foreignResponseSerde(text),
      fc.record({ partition: fc.nat(1000), digest, value: nullable }),
    ],
  ]
  for (const [name, serde, values] of cases) {
    it(name, () => {
      fc.assert(
        fc.property(values, (value) => {
          // JSON has no -0.
          fc.pre(
            !JSON.stringify(value, (_, v) => (Object.is(v, -0) ? 'negative zero' : v)).includes(
              'negative zero',
            ),
          )
          expect(deserialize(serde, serialize(serde, value))).toEqual(value)
        }),
      )
    })
  }
})

describe('the order of the bytes is the order of the keys', () => {
  const bytesOf = (key: string) => serialize(text, key)!

  it('time, then key bytes, then arrival', () => {
    const serde = orderedTimeKeySerde(text)
    // Keys that begin alike, with zeros, are where a plain concatenation goes wrong.
    const key = fc
      .array(fc.constantFrom('a', '\0', '\u0001', '\u00ff'), { maxLength: 4 })
      .map((c) => c.join(''))
    const entry = fc.record({ time: fc.nat(3), key, sequence: fc.nat(3) })
    fc.assert(
      fc.property(entry, entry, (a, b) => {
        const expected =
          a.time - b.time || Buffer.compare(bytesOf(a.key), bytesOf(b.key)) || a.sequence - b.sequence
        expect(Math.sign(Buffer.compare(serialize(serde, a)!, serialize(serde, b)!))).toBe(
          Math.sign(expected),
        )
      }),
      { numRuns: 1000 },
    )
  })

  it('time, then right before left, then key bytes', () => {
    const serde = unmatchedKeySerde(text)
    const entry = fc.record({ time: fc.nat(2), isLeft: fc.boolean(), key: anyText })
    fc.assert(
      fc.property(entry, entry, (a, b) => {
        const expected =
          a.time - b.time ||
          Number(a.isLeft) - Number(b.isLeft) ||
          Buffer.compare(bytesOf(a.key), bytesOf(b.key))
        expect(Math.sign(Buffer.compare(serialize(serde, a)!, serialize(serde, b)!))).toBe(
          Math.sign(expected),
        )
      }),
    )
  })

  it('the prefix of a foreign key begins its subscriptions, and no others', () => {
    const keys = subscriptionKeySerde(text, text)
    const prefixes = foreignPrefixSerde(text)
    fc.assert(
      fc.property(anyText, anyText, anyText, (foreignKey, other, primaryKey) => {
        const bytes = serialize(keys, { foreignKey, primaryKey })!
        const prefix = serialize(prefixes, other)!
        expect(bytes.subarray(0, prefix.length).equals(prefix)).toBe(foreignKey === other)
      }),
    )
  })
})
