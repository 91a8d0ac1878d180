import { SortedRuns } from './sorted-runs.js'
import type { StoreEntry } from './store.js'

/** What a cache knows of one key. `value` undefined: there is no such key. */
export class CacheEntry<K, V> implements StoreEntry<K, V> {
  readonly key: K
  readonly identity: string | number
  value: V | undefined
  timestamp: number
  held: unknown = null
  /** The table does not have this value yet. */
  dirty = false
  /** The changelog does not have this value yet. */
  unlogged = false
  /** Used since the eviction hand last passed. */
  referenced = false
  /** Whether the cache still knows this entry. */
  cached = true

  constructor(key: K, identity: string | number, value: V | undefined, timestamp: number) {
    this.key = key
    this.identity = identity
    this.value = value
    this.timestamp = timestamp
  }
}

export interface WriteBackCacheOptions<K, V> {
  /** At least 1. */
  readonly entriesMax: number
  identity(key: K): string | number
  /** Key order. */
  compare(a: CacheEntry<K, V>, b: CacheEntry<K, V>): number
  sort(entries: readonly CacheEntry<K, V>[]): CacheEntry<K, V>[]
  /** Makes the entry of a key from what lies below the cache. */
  load(key: K, identity: string | number): CacheEntry<K, V>
  /** Tells the changelog of changed entries, in the order in which they were first changed; null without one. */
  readonly log: ((entries: readonly CacheEntry<K, V>[]) => void) | null
  /** Writes changed entries, in key order, below the cache. */
  write(entries: readonly CacheEntry<K, V>[]): void
  /** Nothing lies below the cache. */
  isEmptyBelow(): boolean
}

/**
 * Entries by key identity over a slower map.
 *
 * Invariants: at most `entriesMax` entries between calls; an entry is in `#dirty` exactly while it is dirty, and in
 * `#unlogged` exactly while it is unlogged; while `#complete`, every key that lies below is in the cache, so a miss need
 * not ask.
 *
 * Eviction is a clock: the hand walks the map in its order of insertion, spares entries used since it last passed, and
 * takes the first other. A use costs one store of a flag. When the hand wants a dirty entry, all dirty entries are
 * written first, in key order: one large write instead of many small ones. When it wants one that is held, all holders
 * are asked to let go.
 */
export class WriteBackCache<K, V> {
  readonly #options: WriteBackCacheOptions<K, V>
  readonly #entriesMax: number
  readonly #entries = new Map<string | number, CacheEntry<K, V>>()
  readonly #dirty: SortedRuns<CacheEntry<K, V>>
  #unlogged: CacheEntry<K, V>[] = []
  #hand: Iterator<CacheEntry<K, V>>
  #complete: boolean
  /** The entry used last, while it is in the map: a put after a get of the same key finds it here. */
  #last: CacheEntry<K, V> | null = null
  readonly #releases: (() => void)[] = []
  lookUps = 0
  /** Look-ups that had to ask below. */
  misses = 0

  constructor(options: WriteBackCacheOptions<K, V>) {
    this.#options = options
    this.#entriesMax = Math.max(1, options.entriesMax)
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

  /** The entry of a key, read from below where it is not here. Good until the next call. */
  open(key: K): CacheEntry<K, V> {
    this.lookUps++
    const identity = this.#options.identity(key)
    const last = this.#last
    if (last !== null && last.identity === identity) return last
    const entry = this.#entries.get(identity)
    if (entry === undefined) return this.#load(key, identity)
    entry.referenced = true
    this.#last = entry
    return entry
  }

  set(key: K, value: V | undefined, timestamp: number): void {
    const identity = this.#options.identity(key)
    let entry = this.#last
    if (entry === null || entry.identity !== identity) {
      entry = this.#entries.get(identity) ?? null
      if (entry === null) {
        entry = new CacheEntry<K, V>(key, identity, undefined, timestamp)
        this.#admit(entry)
      } else {
        entry.referenced = true
        this.#last = entry
      }
    }
    this.change(entry, value, timestamp)
  }

  change(entry: CacheEntry<K, V>, value: V | undefined, timestamp: number): void {
    if (!entry.cached) {
      this.set(entry.key, value, timestamp)
      return
    }
    entry.value = value
    entry.timestamp = timestamp
    if (!entry.unlogged) {
      entry.unlogged = true
      this.#unlogged.push(entry)
    }
    if (!entry.dirty) {
      entry.dirty = true
      this.#dirty.add(entry)
    }
  }

  onRelease(release: () => void): void {
    this.#releases.push(release)
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

  /** Tells the changelog what it does not have yet. */
  log(): void {
    const entries = this.#unlogged
    if (entries.length === 0) return
    this.#options.log?.(entries)
    for (let i = 0; i < entries.length; i++) entries[i]!.unlogged = false
    this.#unlogged = []
  }

  flush(): void {
    this.log()
    if (this.#dirty.size === 0) return
    const entries = this.#dirty.sorted()
    this.#options.write(entries)
    for (const entry of entries) entry.dirty = false
    this.#dirty.clear()
  }

  /** Forgets everything, what is dirty too. */
  clear(): void {
    for (const entry of this.#entries.values()) entry.cached = false
    this.#entries.clear()
    this.#dirty.clear()
    this.#unlogged = []
    this.#hand = this.#entries.values()
    this.#last = null
    this.#complete = this.#options.isEmptyBelow()
  }

  #load(key: K, identity: string | number): CacheEntry<K, V> {
    if (!this.#complete) this.misses++
    const entry = this.#complete
      ? new CacheEntry<K, V>(key, identity, undefined, -1)
      : this.#options.load(key, identity)
    this.#admit(entry)
    return entry
  }

  #admit(entry: CacheEntry<K, V>): void {
    this.#entries.set(entry.identity, entry)
    while (this.#entries.size > this.#entriesMax) this.#evict(entry)
    this.#last = entry
  }

  #evict(admitted: CacheEntry<K, V>): void {
    for (;;) {
      const step = this.#hand.next()
      if (step.done === true) {
        this.#hand = this.#entries.values()
        continue
      }
      const entry = step.value
      if (entry === admitted) continue
      if (entry.referenced) {
        entry.referenced = false
        continue
      }
      if (entry.held !== null) for (const release of this.#releases) release()
      if (entry.dirty) this.flush()
      // Whoever let go may have used the cache.
      if (entry.dirty || entry.held !== null || !entry.cached) return
      this.#entries.delete(entry.identity)
      entry.cached = false
      if (entry === this.#last) this.#last = null
      // An absent key needs no entry to be known absent.
      if (entry.value !== undefined) this.#complete = false
      return
    }
  }
}
