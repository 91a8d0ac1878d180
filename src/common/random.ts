import { randomFillSync } from 'node:crypto'

/** Randomness is injected, so that a simulation repeats itself from its seed. */
export interface Random {
  /** Fills `into` with random bytes and returns it. */
  fill(into: Buffer): Buffer
}

/** The only source of true randomness in `src`. */
export const systemRandom: Random = { fill: (into) => randomFillSync(into) }

/** The same bytes for the same seed (mulberry32). Not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed | 0
  return {
    fill(into) {
      for (let i = 0; i < into.length; i++) {
        state = (state + 0x6d2b79f5) | 0
        let mixed = Math.imul(state ^ (state >>> 15), state | 1)
        mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
        into[i] = (mixed ^ (mixed >>> 14)) & 0xff
      }
      return into
    },
  }
}

/** A random (version 4) UUID as 16 bytes. */
export function randomUuid(random: Random): Buffer {
  const bytes = random.fill(Buffer.alloc(16))
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return bytes
}

const word = Buffer.alloc(4)

/** A whole number in [0, limit); `limit` is small beside 2^32, so the bias does not matter. */
export function randomBelow(random: Random, limit: number): number {
  return random.fill(word).readUInt32LE(0) % limit
}
