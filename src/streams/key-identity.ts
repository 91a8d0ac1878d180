import { type Serde, serialize, type Windowed } from '../serde/index.js'

/** Gives a primitive that is equal exactly for equal keys, to be used as a key of a Map. */
export type KeyIdentity = (key: unknown) => unknown

/** Primitives are themselves; other keys are equal when their bytes are. */
export function keyIdentity(serde: Serde<unknown>): KeyIdentity {
  return (key) => (typeof key === 'object' && key !== null ? serialize(serde, key)!.toString('latin1') : key)
}

/** A map by keys that need not be primitives. */
export interface KeyIndex<T> {
  get(key: unknown): T | undefined
  set(key: unknown, value: T): void
  clear(): void
}

export function keyIndex<T>(identity: KeyIdentity): KeyIndex<T> {
  const map = new Map<unknown, T>()
  return {
    get: (key) => map.get(identity(key)),
    set: (key, value) => map.set(identity(key), value),
    clear: () => map.clear(),
  }
}

/** By window, then key: no text is put together for a look, and one window mostly follows itself. */
export class WindowedKeyIndex<T> implements KeyIndex<T> {
  readonly #identity: KeyIdentity
  readonly #windows = new Map<number, Map<number, Map<unknown, T>>>()
  #start = Number.NaN
  #end = Number.NaN
  #keys = new Map<unknown, T>()

  /** `identity` is that of the keys within their windows. */
  constructor(identity: KeyIdentity) {
    this.#identity = identity
  }

  get(key: unknown): T | undefined {
    return this.#keysOf(key as Windowed<unknown>).get(this.#identity((key as Windowed<unknown>).key))
  }

  set(key: unknown, value: T): void {
    this.#keysOf(key as Windowed<unknown>).set(this.#identity((key as Windowed<unknown>).key), value)
  }

  clear(): void {
    this.#windows.clear()
    this.#start = Number.NaN
  }

  #keysOf({ start, end }: Windowed<unknown>): Map<unknown, T> {
    if (start === this.#start && end === this.#end) return this.#keys
    let ends = this.#windows.get(start)
    if (ends === undefined) this.#windows.set(start, (ends = new Map()))
    let keys = ends.get(end)
    if (keys === undefined) ends.set(end, (keys = new Map()))
    this.#start = start
    this.#end = end
    this.#keys = keys
    return keys
  }
}
