import { type Serde, stringSerde } from '../../serde/index.js'

/** Longer keys are not pooled. */
const POOLED_BYTES_MAX = 32
const SETS = 8192
/** Looks after which the pool asks itself whether it is of use, and how many it then lets pass if not. */
const TRIAL_LOOKS = 4096
const REST_LOOKS = 65_536

/**
 * Reads text keys, and gives one and the same string for keys that come again: nothing is allocated for them, and the
 * maps that look them up find them by identity, with their hash known. Where keys do not come again the pool rests.
 */
export class KeyPool {
  /** Two strings for each hash: the one used last comes first. */
  readonly #slots: (string | undefined)[] = new Array(SETS * 2).fill(undefined)
  #looks = 0
  #misses = 0
  #rest = 0

  read(buffer: Buffer, start: number, end: number): string {
    const length = end - start
    if (length > POOLED_BYTES_MAX) return stringSerde.read(buffer, start, end)
    if (this.#rest > 0) {
      this.#rest--
      return stringSerde.read(buffer, start, end)
    }
    let hash = length
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ buffer[i]!, 0x01000193)
    const at = ((hash ^ (hash >>> 15)) & (SETS - 1)) * 2
    const slots = this.#slots
    const first = slots[at]
    if (++this.#looks === TRIAL_LOOKS) this.#judge()
    if (first !== undefined && isText(first, buffer, start, length)) return first
    const second = slots[at + 1]
    if (second !== undefined && isText(second, buffer, start, length)) {
      slots[at] = second
      slots[at + 1] = first
      return second
    }
    this.#misses++
    const text = stringSerde.read(buffer, start, end)
    slots[at + 1] = first
    slots[at] = text
    return text
  }

  #judge(): void {
    if (this.#misses > TRIAL_LOOKS / 2) this.#rest = REST_LOOKS
    this.#looks = 0
    this.#misses = 0
  }
}

/** Only ASCII texts have as many characters as bytes, and equal ones. */
function isText(text: string, buffer: Buffer, start: number, length: number): boolean {
  if (text.length !== length) return false
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== buffer[start + i]) return false
  return true
}

/** A serde that reads keys through a pool, where it can. */
export function pooled(serde: Serde<unknown>, pool: KeyPool): Serde<unknown> {
  if (serde !== (stringSerde as Serde<unknown>)) return serde
  return { write: serde.write, read: (buffer, start, end) => pool.read(buffer, start, end) }
}
