import { crc32c } from '../../common/index.js'
import { type Serde, serialize } from '../../serde/index.js'

/*
 * A state database knows up to which offset of its changelog it goes. An offset alone does not tell whether the changelog
 * still is the one it was: when a power cut takes its end, the next start may append markers of transactions, and the
 * offsets are there again, with other contents. So the database remembers the last change before that offset as well.
 */

/** Of key, value and timestamp of a change. */
export function fingerprintOf(key: Uint8Array, value: Uint8Array | null, timestamp: number): number {
  const head = Buffer.alloc(16)
  head.writeDoubleBE(timestamp)
  head.writeInt32BE(key.length, 8)
  head.writeInt32BE(value?.length ?? -1, 12)
  return crc32c(Buffer.concat([head, key, value ?? Buffer.alloc(0)]))
}

/** The last change that went to one changelog; serialised only when somebody asks. */
export class LastChange {
  #keySerde: Serde<unknown> | null = null
  #key: unknown = null
  #valueSerde: Serde<unknown> | null = null
  #value: unknown = null
  #timestamp = 0
  #fingerprint: number | null = null

  setRaw(key: Uint8Array, value: Uint8Array | null, timestamp: number): void {
    this.#keySerde = null
    this.#fingerprint = fingerprintOf(key, value, timestamp)
  }

  set(
    keySerde: Serde<unknown>,
    key: unknown,
    valueSerde: Serde<unknown>,
    value: unknown,
    timestamp: number,
  ): void {
    this.#keySerde = keySerde
    this.#key = key
    this.#valueSerde = valueSerde
    this.#value = value
    this.#timestamp = timestamp
  }

  /** To be called before anybody changes the value. Null before the first change. */
  fingerprint(): number | null {
    if (this.#keySerde === null) return this.#fingerprint
    const key = serialize(this.#keySerde, this.#key)!
    const value = serialize(this.#valueSerde!, this.#value)
    this.setRaw(key, value, this.#timestamp)
    this.#key = null
    this.#value = null
    return this.#fingerprint
  }
}
