/** Slots of a new filter; a power of two. */
const SLOTS_MIN = 1024

/** A 32-bit hash of a key's identity. */
export function hashOf(identity: string | number): number {
  let hash = 0x811c9dc5
  if (typeof identity === 'number') {
    hash = Math.imul(hash ^ (identity | 0), 0x01000193)
    hash = Math.imul(hash ^ ((identity / 0x1_0000_0000) | 0), 0x01000193)
  } else {
    for (let i = 0; i < identity.length; i++) hash = Math.imul(hash ^ identity.charCodeAt(i), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return hash ^ (hash >>> 13)
}

/**
 * A set of hashes: says "certainly not" of keys it has not been given, and "perhaps" of the others. About 8 bytes a key;
 * open addressing, at most half full, 0 marks a free slot.
 */
export class KeyFilter {
  #slots = new Int32Array(SLOTS_MIN)
  #count = 0

  get bytes(): number {
    return this.#slots.byteLength
  }

  add(hash: number): void {
    if (2 * this.#count >= this.#slots.length) this.#grow()
    this.#insert(hash === 0 ? 1 : hash)
  }

  mayHave(hash: number): boolean {
    const wanted = hash === 0 ? 1 : hash
    const slots = this.#slots
    const mask = slots.length - 1
    for (let at = wanted & mask; ; at = (at + 1) & mask) {
      const found = slots[at]
      if (found === wanted) return true
      if (found === 0) return false
    }
  }

  #insert(hash: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let at = hash & mask
    while (slots[at] !== 0) {
      if (slots[at] === hash) return
      at = (at + 1) & mask
    }
    slots[at] = hash
    this.#count++
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = new Int32Array(old.length * 2)
    this.#count = 0
    for (const hash of old) if (hash !== 0) this.#insert(hash)
  }
}
