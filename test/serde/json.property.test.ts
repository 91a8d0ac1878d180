import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deserialize, Serdes, SerializationError, serialize } from '../../src/serde/index.js'

/** Documents until a serde has learned their shape. */
const LEARNING = 40

const scalar = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.integer({ min: -10_000_000, max: 10_000_000 }).map((n) => n / 100),
  fc.boolean(),
  fc.constantFrom(null, -0, 1e21, 5e-324, 0.1 + 0.2, 123456789012345.6),
)
const name = fc.oneof(
  fc.constantFrom('id', 'amount', 'a b', '__proto__', 'toJSON', '7', 'é', 'q"'),
  fc.string(),
)
const names = fc.uniqueArray(name, { minLength: 1, maxLength: 6 })

function objectOf(keys: readonly string[], values: readonly unknown[]): object {
  return Object.fromEntries(keys.map((key, i) => [key, values[i]]))
}

/** Objects of one shape. */
const alike = names.chain((keys) =>
  fc
    .array(fc.array(scalar, { minLength: keys.length, maxLength: keys.length }), { minLength: 1 })
    .map((rows) => ({
      sample: objectOf(keys, rows[0]!),
      objects: rows.map((row) => objectOf(keys, row)),
    })),
)

/** What a text may become that no program writes, or another one does. */
const mutation = fc.constantFrom<(text: string) => string>(
  (text) => text,
  (text) => text.replaceAll(',', ', '),
  (text) => text.replaceAll(/\d/g, '$&0'),
  (text) => text.replaceAll(/(\d)([,}])/g, '$1e2$2'),
  (text) => text.replaceAll(':', ':-'),
  (text) => text.replaceAll(/:(\d)/g, ':0$1'),
  (text) => text.replaceAll('"', '\\u0022'),
  (text) => text.replaceAll(/(\d)[,}]/g, '$1.}'),
  (text) => `${text.slice(0, -1)},"id":1}`,
  (text) => text.slice(0, -1),
  (text) => `${text}}`,
  (text) => text.replaceAll('true', 'trux'),
  (text) => `[${text}]`,
)

/** Between other bytes, as in a batch: a reader must not look beyond its own. */
function within(text: string): { buffer: Buffer; start: number; end: number } {
  const bytes = Buffer.from(text)
  return {
    buffer: Buffer.concat([Buffer.from('1"'), bytes, Buffer.from('.5}"')]),
    start: 2,
    end: 2 + bytes.length,
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return 'an error'
  }
}

describe('the JSON serde, whatever shape it has learned', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(alike, mutation, ({ sample, objects }, mutate) => {
        const serde = Serdes.json<unknown>()
        for (let i = 0; i < LEARNING; i++) deserialize(serde, Buffer.from(JSON.stringify(sample)))
        for (const object of objects) {
          const text = Buffer.from(mutate(JSON.stringify(object))).toString()
          const { buffer, start, end } = within(text)
          let value: unknown
          try {
            value = serde.read(buffer, start, end)
          } catch (error) {
            expect(error).toBeInstanceOf(SerializationError)
            value = 'an error'
          }
          expect(value).toStrictEqual(parsed(text))
          expect(JSON.stringify(value)).toBe(JSON.stringify(parsed(text)))
        }
      }),
      { numRuns: 500 },
    )
  })

  it('writes what JSON.stringify writes', () => {
    const odd = fc.constantFrom<unknown>(
      undefined,
      () => 1,
      Symbol('s'),
      [1],
      { a: undefined },
      new Date(0),
      {
        toJSON: () => 7,
      },
    )
    fc.assert(
      fc.property(alike, odd, ({ sample, objects }, other) => {
        const serde = Serdes.json<unknown>()
        for (let i = 0; i < LEARNING; i++) serialize(serde, sample)
        const [first] = Object.keys(sample)
        const wider = { ...sample, extra: 1 }
        const replaced = objectOf(Object.keys(sample), [other])
        for (const object of [
          ...objects,
          wider,
          replaced,
          Object.assign(Object.create({ [first!]: 1 }), sample),
        ]) {
          expect(serialize(serde, object)!.toString()).toBe(Buffer.from(JSON.stringify(object)).toString())
        }
      }),
      { numRuns: 500 },
    )
  })

  it('is used again for the shape that comes next', () => {
    const serde = Serdes.json<unknown>()
    for (const object of [{ a: 1 }, { b: 'x', c: 2.5 }, [1], { a: { b: 1 } }, { d: null }]) {
      for (let i = 0; i < 3 * LEARNING; i++) {
        const bytes = serialize(serde, object)!
        expect(bytes.toString()).toBe(JSON.stringify(object))
        expect(deserialize(serde, bytes)).toStrictEqual(object)
      }
    }
  })
})
