import { SortedRuns } from './sorted-runs.js'

/** `value` undefined: there is no such key. */
export interface CacheEntry<K, V> {
  readonly key: K
  readonly identity: string | number
  value: V | undefined
  /** The table does not have this value yet. */
  dirty: boolean
  /** Used since the eviction hand last passed. */
  referenced: boolean
}

export interface WriteBackCacheOptions<K, V> {
  readonly entriesMax: number
  identity(key: K): string | number
  /** Key order. */
  compare(a: CacheEntry<K, V>, b: CacheEntry<K, V>): number
  sort(entries: readonly CacheEntry<K, V>[]): CacheEntry<K, V>[]
  /** Reads below the cache. */
  load(key: K): V | undefined
  /** Writes changed entries, in key order, below the cache. */
  write(entries: readonly CacheEntry<K, V>[]): void
  /** Nothing lies below the cache. */
  isEmptyBelow(): boolean
}

/**
 * Entries by key identity over a slower map.
 *
 * Invariants: at most `entriesMax` entries between calls; an entry is in `#dirty` exactly while it is dirty; while
 * `#complete`, every key that lies below is in the cache, so a miss need not ask.
 *
 * Eviction is a clock: the hand walks the map in its order of insertion, spares entries used since it last passed, and
 * takes the first other. A use costs one store of a flag. When the hand wants a dirty entry, all dirty entries are
 * written first, in key order: one large write instead of many small ones.
 */
export class WriteBackCache<K, V> {
  readonly #options: WriteBackCacheOptions<K, V>
  readonly #entriesMax: number
  readonly #entries = new Map<string | number, CacheEntry<K, V>>()
  readonly #dirty: SortedRuns<CacheEntry<K, V>>
  #hand: Iterator<CacheEntry<K, V>>
  #complete: boolean
  /** The entry used last, while it is in the map: a put after a get of the same key finds it here. */
  #last: CacheEntry<K, V> | null = null

  constructor(options: WriteBackCacheOptions<K, V>) {
    this.#options = options
    this.#entriesMax = options.entriesMax
    this.#dirty = new SortedRuns(options.compare, options.sort)
    this.#hand = this.#entries.values()
    this.#complete = options.isEmptyBelow()
  }

  get dirtyCount(): number {
    return this.#dirty.size
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: K): V | undefined {
    const identity = this.#options.identity(key)
    const last = this.#last
    if (last !== null && last.identity === identity) return last.value
    const entry = this.#entries.get(identity)
    if (entry === undefined) return this.#load(key, identity).value
    entry.referenced = true
    this.#last = entry
    return entry.value
  }

  set(key: K, value: V | undefined): void {
    const identity = this.#options.identity(key)
    let entry = this.#last
    if (entry === null || entry.identity !== identity) {
      entry = this.#entries.get(identity) ?? null
      if (entry === null) {
        entry = { key, identity, value, dirty: true, referenced: false }
        this.#dirty.add(entry)
        this.#admit(entry)
        return
      }
      entry.referenced = true
      this.#last = entry
    }
    entry.value = value
    if (!entry.dirty) {
      entry.dirty = true
      this.#dirty.add(entry)
    }
  }

  /** The entry as it lies in the cache, without loading it. */
  peek(key: K): CacheEntry<K, V> | undefined {
    return this.#entries.get(this.#options.identity(key))
  }

  /** Dirty entries of a range, in key order. */
  dirtyBetween(
    isBelow: (entry: CacheEntry<K, V>) => boolean,
    isAbove: (entry: CacheEntry<K, V>) => boolean,
  ): CacheEntry<K, V>[] {
    return this.#dirty.between(isBelow, isAbove)
  }

  dirtyEntries(): CacheEntry<K, V>[] {
    return this.#dirty.sorted()
  }

  flush(): void {
    if (this.#dirty.size === 0) return
    const entries = this.#dirty.sorted()
    this.#options.write(entries)
    for (const entry of entries) entry.dirty = false
    this.#dirty.clear()
  }

  /** Forgets everything, what is dirty too. */
  clear(): void {
    this.#entries.clear()
    this.#dirty.clear()
    this.#hand = this.#entries.values()
    this.#last = null
    this.#complete = this.#options.isEmptyBelow()
  }

  #load(key: K, identity: string | number): CacheEntry<K, V> {
    const value = this.#complete ? undefined : this.#options.load(key)
    const entry = { key, identity, value, dirty: false, referenced: false }
    this.#admit(entry)
    return entry
  }

  #admit(entry: CacheEntry<K, V>): void {
    this.#entries.set(entry.identity, entry)
    this.#last = entry
    while (this.#entries.size > this.#entriesMax) this.#evict()
  }

  #evict(): void {
    for (;;) {
      const step = this.#hand.next()
      if (step.done === true) {
        this.#hand = this.#entries.values()
        continue
      }
      const entry = step.value
      if (entry.referenced) {
        entry.referenced = false
        continue
      }
      if (entry.dirty) this.flush()
      this.#entries.delete(entry.identity)
      if (entry === this.#last) this.#last = null
      // An absent key needs no entry to be known absent.
      if (entry.value !== undefined) this.#complete = false
      return
    }
  }
}
