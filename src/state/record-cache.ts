/** One of several values that a key has under one start: a record that waits for partners. */
export class BufferedRecord<K> {
  readonly key: K
  readonly identity: string | number
  readonly start: number
  readonly sequence: number
  readonly value: unknown
  /** Of timestamped stores, ms. */
  readonly timestamp: number
  /** The record of this key that came before, in the same generation. */
  readonly older: BufferedRecord<K> | null
  /** The table does not have it yet. */
  dirty = true

  constructor(
    key: K,
    identity: string | number,
    start: number,
    sequence: number,
    value: unknown,
    timestamp: number,
    older: BufferedRecord<K> | null,
  ) {
    this.key = key
    this.identity = identity
    this.start = start
    this.sequence = sequence
    this.value = value
    this.timestamp = timestamp
    this.older = older
  }
}

export interface RecordCacheOptions<K> {
  readonly entriesMax: number
  /** Writes records below the cache, in the order in which they came. */
  write(records: readonly BufferedRecord<K>[]): void
  /** The cache forgets a record, which lies below it. */
  forget(record: BufferedRecord<K>): void
}

/**
 * The newest records, by key. They come in two generations: new ones join the younger; when that holds half of the bound,
 * the older one is forgotten as a whole, and the younger takes its place. So leaving costs next to nothing a record.
 *
 * Records are never changed. Those that are dirty are in the order in which they came.
 */
export class RecordCache<K> {
  readonly #options: RecordCacheOptions<K>
  readonly #generationMax: number
  #young = new Map<string | number, BufferedRecord<K>>()
  #old = new Map<string | number, BufferedRecord<K>>()
  #youngSize = 0
  #dirty: BufferedRecord<K>[] = []

  constructor(options: RecordCacheOptions<K>) {
    this.#options = options
    this.#generationMax = Math.max(1, options.entriesMax >>> 1)
  }

  get dirty(): readonly BufferedRecord<K>[] {
    return this.#dirty
  }

  add(
    key: K,
    identity: string | number,
    start: number,
    sequence: number,
    value: unknown,
    timestamp: number,
  ): BufferedRecord<K> {
    if (this.#youngSize >= this.#generationMax) this.#turn()
    const older = this.#young.get(identity) ?? null
    const record = new BufferedRecord(key, identity, start, sequence, value, timestamp, older)
    this.#young.set(identity, record)
    this.#youngSize++
    this.#dirty.push(record)
    return record
  }

  /** The newest record of a key in the younger and in the older generation; the others hang on them. */
  young(identity: string | number): BufferedRecord<K> | undefined {
    return this.#young.get(identity)
  }

  old(identity: string | number): BufferedRecord<K> | undefined {
    return this.#old.get(identity)
  }

  flush(): void {
    const records = this.#dirty
    if (records.length === 0) return
    this.#options.write(records)
    this.#dirty = []
    for (let i = 0; i < records.length; i++) records[i]!.dirty = false
  }

  /** Forgets everything, what is dirty too. */
  clear(): void {
    this.#young.clear()
    this.#old.clear()
    this.#youngSize = 0
    this.#dirty = []
  }

  #turn(): void {
    // What is dirty came last, so it is mostly young; but it need not be.
    if (this.#dirty.length > this.#youngSize) this.flush()
    for (const newest of this.#old.values()) {
      let record: BufferedRecord<K> | null = newest
      for (; record !== null; record = record.older) this.#options.forget(record)
    }
    this.#old = this.#young
    this.#young = new Map()
    this.#youngSize = 0
  }
}
