import type { Headers } from '../../log/index.js'
import { longSerde, type Serde, serialize } from '../../serde/index.js'
import type { KeyValueStore, StateStore } from '../../state/index.js'
import { PartReader, type TimeKey, writeHeaders, writeSized } from '../internal-serdes.js'
import type { KeyIdentity } from '../key-identity.js'

/** The last change of a key, held back. */
export interface HeldChange {
  readonly key: unknown
  readonly value: unknown
  /** Before the first change that was held back: the value that is known downstream. */
  readonly oldValue: unknown
  readonly timestamp: number
  readonly headers: Headers | null
}

type HeldStore = KeyValueStore<TimeKey, HeldChange>

interface Entry {
  readonly time: number
  readonly bytes: number
  readonly change: HeldChange
}

/**
 *     int64 timestamp │ value, sized │ old value, sized │ headers
 */
export function heldChangeSerde(valueSerde: Serde<unknown>): Serde<unknown> {
  return {
    write(value, out) {
      const change = value as HeldChange
      longSerde.write(change.timestamp, out)
      writeSized(out, valueSerde, change.value)
      writeSized(out, valueSerde, change.oldValue)
      writeHeaders(out, change.headers)
    },
    read(buffer, start): HeldChange {
      const parts = new PartReader(buffer, start)
      const timestamp = parts.long()
      const value = parts.sized(valueSerde)
      const oldValue = parts.sized(valueSerde)
      return { key: null, timestamp, value, oldValue, headers: parts.headers() }
    },
  }
}

const buffers = new WeakMap<StateStore, SuppressBuffer>()

/**
 * The changes a suppression holds back, one a key, by time and key bytes. A key keeps the time of its first change.
 * They are kept in memory, as in Kafka Streams, and in a store for the next start.
 */
export class SuppressBuffer {
  readonly #store: HeldStore
  readonly #identity: KeyIdentity
  readonly #sizeOf: ((key: unknown, value: unknown) => number) | null
  readonly #entries = new Map<unknown, Entry>()
  /** The least time held, ms; infinity when empty. */
  minTime = Number.POSITIVE_INFINITY
  /** Bytes of keys and values; 0 where nobody asks for them. */
  bytes = 0

  private constructor(store: HeldStore, options: BufferOptions) {
    this.#store = store
    this.#identity = options.identity
    const { keySerde, valueSerde } = options
    this.#sizeOf = options.measure
      ? (key, value) => (serialize(keySerde, key)?.length ?? 0) + (serialize(valueSerde, value)?.length ?? 0)
      : null
    for (const { key, value } of store.all()) this.#add(key.time, { ...value, key: key.key })
  }

  /** The one buffer on a store, shared by the node that fills it and those that look rows up. */
  static on(store: StateStore, options: BufferOptions): SuppressBuffer {
    let buffer = buffers.get(store)
    if (buffer === undefined) {
      buffer = new SuppressBuffer(store as HeldStore, options)
      buffers.set(store, buffer)
    }
    return buffer
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: unknown): HeldChange | undefined {
    return this.#entries.get(this.#identity(key))?.change
  }

  put(time: number, change: HeldChange): void {
    const held = this.#entries.get(this.#identity(change.key))
    if (held === undefined) {
      this.#add(time, change)
      this.#store.put({ time, key: change.key }, change)
      return
    }
    const merged = { ...change, oldValue: held.change.oldValue }
    this.bytes -= held.bytes
    this.#add(held.time, merged)
    this.#store.put({ time: held.time, key: change.key }, merged)
  }

  /** Takes out the oldest changes, while `wanted` says so. */
  evictWhile(wanted: () => boolean, take: (change: HeldChange) => void): void {
    if (this.size === 0 || !wanted()) return
    for (const { key } of this.#store.all()) {
      this.minTime = key.time
      if (!wanted()) return
      const identity = this.#identity(key.key)
      const entry = this.#entries.get(identity)!
      this.#entries.delete(identity)
      this.#store.delete(key)
      this.bytes -= entry.bytes
      take(entry.change)
    }
    this.minTime = Number.POSITIVE_INFINITY
  }

  #add(time: number, change: HeldChange): void {
    const bytes = this.#sizeOf === null ? 0 : this.#sizeOf(change.key, change.value)
    this.#entries.set(this.#identity(change.key), { time, bytes, change })
    this.bytes += bytes
    if (time < this.minTime) this.minTime = time
  }
}

export interface BufferOptions {
  readonly identity: KeyIdentity
  readonly keySerde: Serde<unknown>
  readonly valueSerde: Serde<unknown>
  /** Whether the buffer is bounded by bytes. */
  readonly measure: boolean
}
