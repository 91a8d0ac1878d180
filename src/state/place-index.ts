/** Slots of a new index; a power of two. */
const SLOTS_MIN = 512

/** A 32-bit hash of `bytes[start, end)`. */
export function hashOf(bytes: Buffer, start: number, end: number): number {
  let hash = 0x811c9dc5
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return hash ^ (hash >>> 13)
}

/**
 * Places by hash, the newest of each: pairs of (hash, place + 1) in open addressing, at most three quarters full. A place
 * of 0 there marks a free slot.
 */
export class PlaceIndex {
  #slots = new Int32Array(2 * SLOTS_MIN)
  #count = 0

  get bytes(): number {
    return this.#slots.byteLength
  }

  /** -1: none. */
  get(hash: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    for (let at = (hash << 1) & mask; ; at = (at + 2) & mask) {
      const place = slots[at + 1]!
      if (place === 0 || slots[at] === hash) return place - 1
    }
  }

  set(hash: number, place: number): void {
    if (this.#count * 8 >= this.#slots.length * 3) this.#grow()
    this.#put(hash, place + 1)
  }

  #put(hash: number, value: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let at = (hash << 1) & mask
    while (slots[at + 1] !== 0 && slots[at] !== hash) at = (at + 2) & mask
    if (slots[at + 1] === 0) this.#count++
    slots[at] = hash
    slots[at + 1] = value
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = new Int32Array(old.length * 2)
    this.#count = 0
    for (let at = 0; at < old.length; at += 2) if (old[at + 1] !== 0) this.#put(old[at]!, old[at + 1]!)
  }
}
