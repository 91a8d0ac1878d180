import type { StoreEntry } from './store.js'

/** What a cache knows of one key in one window. `value` undefined: there is no such entry. */
export class AlignedEntry<K> implements StoreEntry<K, unknown> {
  readonly key: K
  readonly identity: string | number
  readonly window: CachedWindow<K>
  value: unknown
  timestamp: number
  held: unknown = null
  /** The table does not have this value yet. */
  dirty = false
  /** The changelog does not have this value yet. */
  unlogged = false

  constructor(key: K, identity: string | number, window: CachedWindow<K>, value: unknown, timestamp: number) {
    this.key = key
    this.identity = identity
    this.window = window
    this.value = value
    this.timestamp = timestamp
  }

  get windowStart(): number {
    return this.window.start
  }
}

/**
 * The entries of one window.
 *
 * Invariant: while `complete`, every row that the table has of this window is among the entries.
 */
export interface CachedWindow<K> {
  readonly start: number
  readonly entries: Map<string | number, AlignedEntry<K>>
  /** Since the last flush. */
  dirty: AlignedEntry<K>[]
  complete: boolean
  /** False once the cache has forgotten it. */
  cached: boolean
  /** Used since room was last made. */
  referenced: boolean
}

export interface WindowCacheOptions<K> {
  readonly entriesMax: number
  identity(key: K): string | number
  /** Whether the table has rows of a window. */
  hasRows(start: number): boolean
  /** Reads an entry below the cache. */
  load(key: K, identity: string | number, window: CachedWindow<K>): AlignedEntry<K>
  /** Tells the changelog of changed entries, in the order in which they were first changed. */
  log(entries: readonly AlignedEntry<K>[]): void
  /** Writes the changed entries of each window below the cache, the earliest window first. */
  write(windows: readonly CachedWindow<K>[]): void
}

/**
 * Entries by window, then key. Records mostly fall into the newest windows, so windows leave as a whole, those not used
 * of late first; of one that alone is larger than the bound the older half goes.
 */
export class WindowCache<K> {
  readonly #options: WindowCacheOptions<K>
  readonly #entriesMax: number
  readonly #windows = new Map<number, CachedWindow<K>>()
  #dirtyWindows: CachedWindow<K>[] = []
  #unlogged: AlignedEntry<K>[] = []
  #size = 0
  /** The window used last, while it is cached. */
  #last: CachedWindow<K> | null = null
  readonly #releases: (() => void)[] = []
  lookUps = 0
  /** Look-ups that had to ask below. */
  misses = 0

  constructor(options: WindowCacheOptions<K>) {
    this.#options = options
    this.#entriesMax = Math.max(1, options.entriesMax)
  }

  get isDirty(): boolean {
    return this.#dirtyWindows.length > 0
  }

  /** The entry of a key, read from below where it is not here. Good until the next call. */
  open(key: K, start: number): AlignedEntry<K> {
    this.lookUps++
    const window = this.#window(start)
    const identity = this.#options.identity(key)
    let entry = window.entries.get(identity)
    if (entry === undefined) {
      if (!window.complete) this.misses++
      entry = window.complete
        ? new AlignedEntry<K>(key, identity, window, undefined, -1)
        : this.#options.load(key, identity, window)
      this.#admit(entry)
    }
    return entry
  }

  change(entry: AlignedEntry<K>, value: unknown, timestamp: number): void {
    entry.value = value
    entry.timestamp = timestamp
    if (!entry.unlogged) {
      entry.unlogged = true
      this.#unlogged.push(entry)
    }
    if (!entry.dirty) {
      entry.dirty = true
      const { window } = entry
      if (window.dirty.length === 0) this.#dirtyWindows.push(window)
      window.dirty.push(entry)
    }
  }

  onRelease(release: () => void): void {
    this.#releases.push(release)
  }

  peekWindow(start: number): CachedWindow<K> | undefined {
    return this.#windows.get(start)
  }

  /** Starts of windows in [from, to] with entries that the table may not have, in no order. */
  dirtyStarts(from: number, to: number): number[] {
    const starts: number[] = []
    for (const { start } of this.#dirtyWindows) if (start >= from && start <= to) starts.push(start)
    return starts
  }

  /** Tells the changelog what it does not have yet. */
  log(): void {
    const entries = this.#unlogged
    if (entries.length === 0) return
    this.#options.log(entries)
    for (let i = 0; i < entries.length; i++) entries[i]!.unlogged = false
    this.#unlogged = []
  }

  flush(): void {
    this.log()
    const windows = this.#dirtyWindows
    if (windows.length === 0) return
    windows.sort((a, b) => a.start - b.start)
    this.#options.write(windows)
    for (const window of windows) {
      for (const entry of window.dirty) entry.dirty = false
      window.dirty = []
    }
    this.#dirtyWindows = []
  }

  /** Forgets windows up to `horizon`, what is dirty in them too. The changelog is told of it first. */
  expire(horizon: number): void {
    if (this.#last !== null && this.#last.start <= horizon) this.#last = null
    for (const window of this.#windows.values()) {
      if (window.start > horizon) continue
      this.#forget(window)
      window.dirty = []
    }
    this.#dirtyWindows = this.#dirtyWindows.filter((window) => window.cached)
  }

  /** Forgets everything, what is dirty too. */
  clear(): void {
    for (const window of this.#windows.values()) window.cached = false
    this.#windows.clear()
    this.#dirtyWindows = []
    this.#unlogged = []
    this.#last = null
    this.#size = 0
  }

  #window(start: number): CachedWindow<K> {
    const last = this.#last
    if (last !== null && last.start === start) return last
    let window = this.#windows.get(start)
    if (window === undefined) {
      const complete = !this.#options.hasRows(start)
      window = { start, entries: new Map(), dirty: [], complete, cached: true, referenced: false }
      this.#windows.set(start, window)
      // It counts as an entry of its own.
      this.#size++
    } else {
      window.referenced = true
    }
    this.#last = window
    return window
  }

  #admit(entry: AlignedEntry<K>): void {
    entry.window.entries.set(entry.identity, entry)
    this.#size++
    if (this.#size > this.#entriesMax) this.#makeRoom(entry)
  }

  /** Makes room for many at once: each time costs a look at all windows, at worst a flush. */
  #makeRoom(admitted: AlignedEntry<K>): void {
    const { window } = admitted
    this.#evictIdle(window)
    if (this.#size <= this.#entriesMax) return
    this.flush()
    this.#evictIdle(window)
    if (this.#size <= this.#entriesMax) return
    for (const release of this.#releases) release()
    this.flush()
    this.#evictIdle(window)
    this.#evictIdle(window)
    if (this.#size > this.#entriesMax) this.#halve(window, admitted)
  }

  /** Forgets windows that are written and not held, until three quarters of the bound are kept. */
  #evictIdle(kept: CachedWindow<K>): void {
    const target = this.#entriesMax - (this.#entriesMax >>> 2)
    for (const window of this.#windows.values()) {
      if (this.#size <= target) return
      if (window === kept) continue
      if (window.referenced) window.referenced = false
      else if (window.dirty.length === 0 && !isHeld(window)) this.#forget(window)
    }
  }

  #halve(window: CachedWindow<K>, admitted: AlignedEntry<K>): void {
    let surplus = Math.min(window.entries.size - 1, this.#size - (this.#entriesMax >>> 1))
    for (const entry of window.entries.values()) {
      if (surplus <= 0) break
      if (entry === admitted) continue
      surplus--
      window.entries.delete(entry.identity)
      this.#size--
      if (entry.value !== undefined) window.complete = false
    }
  }

  #forget(window: CachedWindow<K>): void {
    this.#windows.delete(window.start)
    window.cached = false
    this.#size -= window.entries.size + 1
    if (window === this.#last) this.#last = null
  }
}

function isHeld<K>(window: CachedWindow<K>): boolean {
  for (const entry of window.entries.values()) if (entry.held !== null) return true
  return false
}
