import type { StoreEntry } from './store.js'

export class SuppliedEntry<K> implements StoreEntry<K, unknown> {
  readonly key: K
  readonly identity: string | number
  value: unknown
  timestamp: number
  held: unknown = null

  constructor(key: K, identity: string | number, value: unknown, timestamp: number) {
    this.key = key
    this.identity = identity
    this.value = value
    this.timestamp = timestamp
  }
}

/** The entries that a store without a cache of its own hands out: the last one, and those that are held. */
export class SuppliedEntries<E extends SuppliedEntry<unknown>> {
  readonly #heldMax: number
  readonly #held = new Map<string | number, E>()
  readonly #releases: (() => void)[] = []
  #last: E | null = null

  /** More than `heldMax` entries are not held: all holders are then asked to let go. */
  constructor(heldMax: number) {
    this.#heldMax = Math.max(1, heldMax)
  }

  onRelease(release: () => void): void {
    this.#releases.push(release)
  }

  open(identity: string | number, load: () => E): E {
    const last = this.#last
    if (last !== null) {
      if (last.identity === identity) return last
      if (last.held !== null) this.#held.set(last.identity, last)
    }
    let entry = this.#held.get(identity)
    if (entry !== undefined && entry.held === null) {
      this.#held.delete(identity)
      entry = undefined
    }
    if (this.#held.size >= this.#heldMax) {
      for (const release of this.#releases) release()
      this.#held.clear()
      entry = undefined
    }
    this.#last = entry ?? load()
    return this.#last
  }

  /** The entry knows what was put under its key by other ways. */
  changed(identity: string | number, value: unknown, timestamp: number): void {
    const last = this.#last
    const entry = last !== null && last.identity === identity ? last : this.#held.get(identity)
    if (entry === undefined) return
    entry.value = value
    entry.timestamp = timestamp
  }

  clear(): void {
    this.#held.clear()
    this.#last = null
  }
}
