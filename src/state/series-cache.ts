/**
 * One entry of a series: a window (start, sequence), a session (end, start) or a version (timestamp, 0).
 * `value` undefined: there is no such entry.
 */
export interface SeriesEntry<K, V> {
  readonly series: Series<K, V>
  readonly major: number
  readonly minor: number
  value: V | undefined
  /** The table does not have this value yet. */
  dirty: boolean
  /** The changelog does not have this value yet. */
  unlogged: boolean
}

/**
 * What is known of one key.
 *
 * Invariants: `entries` are in order of (major, minor); every entry the table has with `major >= loadedFrom` is among
 * them. Entries below `loadedFrom` may be among them too, and then are newer than what the table has.
 */
export interface Series<K, V> {
  readonly key: K
  readonly identity: string | number
  readonly entries: SeriesEntry<K, V>[]
  loadedFrom: number
  /** Used since the eviction hand last passed. */
  referenced: boolean
}

/** Where (major, minor) is in a series, or would be. Newest first: that is where most accesses go. */
export function positionIn<K, V>(
  entries: readonly SeriesEntry<K, V>[],
  major: number,
  minor: number,
): number {
  let high = entries.length
  for (let steps = 0; steps < 8; steps++) {
    if (high === 0) return 0
    const entry = entries[high - 1]!
    if (entry.major < major || (entry.major === major && entry.minor < minor)) return high
    high--
  }
  let low = 0
  while (low < high) {
    const middle = (low + high) >>> 1
    const entry = entries[middle]!
    if (entry.major < major || (entry.major === major && entry.minor < minor)) low = middle + 1
    else high = middle
  }
  return low
}

export function entryAt<K, V>(
  series: Series<K, V>,
  position: number,
  major: number,
  minor: number,
): SeriesEntry<K, V> | undefined {
  const entry = series.entries[position]
  return entry !== undefined && entry.major === major && entry.minor === minor ? entry : undefined
}

export interface SeriesCacheOptions<K, V> {
  readonly entriesMax: number
  identity(key: K): string | number
  /** Writes dirty entries below the cache; the cache marks them clean. */
  write(entries: readonly SeriesEntry<K, V>[]): void
  /** Nothing lies below the cache. */
  isEmptyBelow(): boolean
}

/** How many entries of one key stay in memory before the older half is left to the table. */
const SERIES_ENTRIES_MAX = 1024
/** How many entries of a series the eviction hand leaves alone when it spares the series. */
const SPARED_ENTRIES_MAX = 16

/**
 * Series by key, evicted as a whole. The bound counts entries, and one for each series; one series alone may exceed it.
 * Eviction is the clock of `WriteBackCache`.
 *
 * While `#complete`, every series below is in the cache and loaded.
 */
export class SeriesCache<K, V> {
  readonly #options: SeriesCacheOptions<K, V>
  readonly #series = new Map<string | number, Series<K, V>>()
  #dirty: SeriesEntry<K, V>[] = []
  #hand: Iterator<Series<K, V>>
  #complete: boolean
  #weight = 0
  #last: Series<K, V> | null = null

  constructor(options: SeriesCacheOptions<K, V>) {
    this.#options = options
    this.#hand = this.#series.values()
    this.#complete = options.isEmptyBelow()
  }

  /** Entries not written yet, in no order. */
  get dirty(): readonly SeriesEntry<K, V>[] {
    return this.#dirty
  }

  /** The series of a key; of one that is not known nothing is loaded. */
  open(key: K): Series<K, V> {
    const identity = this.#options.identity(key)
    const last = this.#last
    if (last !== null && last.identity === identity) return last
    let series = this.#series.get(identity)
    if (series === undefined) {
      const loadedFrom = this.#complete ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
      series = { key, identity, entries: [], loadedFrom, referenced: false }
      this.#series.set(identity, series)
      this.#weight++
    } else {
      series.referenced = true
    }
    this.#last = series
    return series
  }

  peek(key: K): Series<K, V> | undefined {
    return this.#series.get(this.#options.identity(key))
  }

  insert(series: Series<K, V>, position: number, entry: SeriesEntry<K, V>): void {
    const { entries } = series
    if (position === entries.length) entries.push(entry)
    else entries.splice(position, 0, entry)
    this.#weight++
  }

  markDirty(entry: SeriesEntry<K, V>): void {
    if (entry.dirty) return
    entry.dirty = true
    this.#dirty.push(entry)
  }

  /** Drops the first `count` entries of a series, which must be gone from the table, or expired. */
  drop(series: Series<K, V>, count: number): void {
    series.entries.splice(0, count)
    this.#weight -= count
  }

  /** Restores the bound. To be called after insertions; `series` may have left the cache afterwards. */
  trim(series: Series<K, V>): void {
    if (series.entries.length > SERIES_ENTRIES_MAX) {
      this.flush()
      this.#halve(series)
    }
    while (this.#weight > this.#options.entriesMax && this.#series.size > 0) this.#evict()
  }

  flush(): void {
    if (this.#dirty.length === 0) return
    const entries = this.#dirty
    this.#options.write(entries)
    this.#dirty = []
    for (const entry of entries) entry.dirty = false
    for (const entry of entries) if (entry.value === undefined) this.#forget(entry)
  }

  /** Forgets everything, what is dirty too. */
  clear(): void {
    this.#series.clear()
    this.#dirty = []
    this.#weight = 0
    this.#hand = this.#series.values()
    this.#last = null
    this.#complete = this.#options.isEmptyBelow()
  }

  /** A deleted entry, once the table agrees, need not be remembered. */
  #forget(entry: SeriesEntry<K, V>): void {
    const { series, major, minor } = entry
    const position = positionIn(series.entries, major, minor)
    if (series.entries[position] !== entry) return
    series.entries.splice(position, 1)
    this.#weight--
  }

  /** Leaves the older half of a series to the table, as far as the table has it. */
  #halve(series: Series<K, V>): void {
    const { entries } = series
    let count = 0
    while (count < entries.length >>> 1 && !entries[count]!.dirty) count++
    if (count === 0) return
    // Entries of the same major may stay behind: they are no longer all, so they count as not loaded.
    series.loadedFrom = Math.max(series.loadedFrom, entries[count - 1]!.major + 1)
    this.drop(series, count)
    this.#complete = false
  }

  #evict(): void {
    for (;;) {
      const step = this.#hand.next()
      if (step.done === true) {
        this.#hand = this.#series.values()
        continue
      }
      const series = step.value
      if (series.referenced) {
        series.referenced = false
        if (series.entries.length > SPARED_ENTRIES_MAX) this.#halve(series)
        if (this.#weight <= this.#options.entriesMax) return
        continue
      }
      if (series.entries.some((entry) => entry.dirty)) this.flush()
      if (series.entries.length > 0 || series.loadedFrom !== Number.NEGATIVE_INFINITY) this.#complete = false
      this.#series.delete(series.identity)
      this.#weight -= series.entries.length + 1
      if (series === this.#last) this.#last = null
      return
    }
  }
}
