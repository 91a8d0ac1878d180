import { longSerde, type Serde } from '../../serde/index.js'
import type { KeyValueStore, StateStore } from '../../state/index.js'
import { BatchBuilder } from '../batch.js'
import type { ValueJoiner } from '../functions.js'
import { PartReader, type TimeKey, writeSized } from '../internal-serdes.js'
import type { KeptTime, NodeContext } from '../node.js'
import type { JoinWindows } from '../windows.js'
import { IdleWatch, nowhere } from './idle-watch.js'

export interface UnmatchedStore {
  readonly storeName: string
  /** From left and right value. */
  readonly joiner: ValueJoiner<unknown, unknown, unknown, unknown>
  readonly windows: JoinWindows
  /** Wall-clock time without a record on either side after which all of them leave, ms; null: never. */
  readonly idleMs: number | null
}

interface UnmatchedKey extends TimeKey {
  readonly isLeft: boolean
}

/** All records of one key and time, in the order they came. */
interface UnmatchedValues {
  readonly isLeft: boolean
  readonly values: readonly unknown[]
}

type Store = KeyValueStore<UnmatchedKey, UnmatchedValues>

/** Later than any record. */
const never = Number.MAX_SAFE_INTEGER

const opened = new WeakMap<StateStore, UnmatchedRecords>()

/**
 * The records of a left or outer join that have met none so far, and the stream time of both sides. A record leaves,
 * joined with null, once no partner can come any more.
 */
export class UnmatchedRecords {
  readonly #store: Store
  readonly #side: UnmatchedStore
  readonly #streamTime: KeptTime
  /**
   * The time before which no look is worth while: that of the last record which the last look has met, or an earlier one
   * that came since. It decides with which record results go on, so a restart must not forget it.
   */
  readonly #minTime: KeptTime
  #idle: IdleWatch | null = null

  private constructor(store: Store, side: UnmatchedStore, context: NodeContext) {
    this.#store = store
    this.#streamTime = context.keptTime()
    this.#minTime = context.keptTime('unmatched')
    this.#side = side
    if (this.#minTime.ms < 0) this.#minTime.ms = never
  }

  /** Both sides of a join share one. */
  static open(context: NodeContext, side: UnmatchedStore): UnmatchedRecords {
    const store = context.stateStore<Store>(side.storeName)
    let records = opened.get(store)
    if (records === undefined) {
      records = new UnmatchedRecords(store, side, context)
      records.#watchIdleTime(context)
      opened.set(store, records)
    }
    return records
  }

  #watchIdleTime(context: NodeContext): void {
    const { idleMs } = this.#side
    if (idleMs === null) return
    const isNeeded = () => !this.#store.all().next().done
    this.#idle = new IdleWatch(context, idleMs, isNeeded, () => {
      const out = new BatchBuilder<unknown, unknown>()
      for (const { key: at, value } of this.#store.all()) {
        this.#releaseAt(at, value, (key, result, time) => out.push(key, result, time, nowhere, 0))
      }
      this.#minTime.ms = never
      context.forward(out.build(nowhere))
    })
  }

  /** To be told when records have come to either side. */
  heard(): void {
    this.#idle?.heard()
  }

  /** The greatest timestamp of either side, ms. */
  get streamTimeMs(): number {
    return this.#streamTime.ms
  }

  /** True when a record of this time is the newest so far. */
  advance(time: number): boolean {
    if (time < this.#streamTime.ms) return false
    this.#streamTime.ms = time
    return true
  }

  add(key: unknown, value: unknown, time: number, isLeft: boolean): void {
    const at: UnmatchedKey = { time, key, isLeft }
    const held = this.#store.get(at)
    this.#store.put(at, { isLeft, values: held === undefined ? [value] : [...held.values, value] })
    if (time < this.#minTime.ms) this.#minTime.ms = time
  }

  /** A record has found a partner. */
  delete(key: unknown, time: number, isLeft: boolean): void {
    const at: UnmatchedKey = { time, key, isLeft }
    if (this.#store.get(at) !== undefined) this.#store.put(at, null)
  }

  /**
   * Lets the due records go: by time, right before left, key bytes. A look ends where records of both sides have been
   * met that are not due; so with windows that are not symmetric a due one can wait behind younger ones.
   */
  release(afterMs: number, take: (key: unknown, result: unknown, time: number) => void): void {
    const { windows } = this.#side
    if (this.#minTime.ms >= this.streamTimeMs - afterMs - windows.graceMs) return
    this.#minTime.ms = never
    let leftOpen = false
    let rightOpen = false
    for (const { key: at, value } of this.#store.all()) {
      this.#minTime.ms = at.time
      if (leftOpen && rightOpen) break
      const waits = at.isLeft ? windows.afterMs : windows.beforeMs
      if (at.time + waits + windows.graceMs >= this.streamTimeMs) {
        if (at.isLeft) leftOpen = true
        else rightOpen = true
        continue
      }
      this.#releaseAt(at, value, take)
    }
  }

  #releaseAt(
    at: UnmatchedKey,
    { values }: UnmatchedValues,
    take: (key: unknown, result: unknown, time: number) => void,
  ): void {
    const { joiner } = this.#side
    for (const held of values) {
      take(at.key, at.isLeft ? joiner(held, null, at.key) : joiner(null, held, at.key), at.time)
    }
    this.#store.put(at, null)
  }
}

/**
 *     int64 time │ 0 right, 1 left │ key bytes
 */
export function unmatchedKeySerde(keySerde: Serde<unknown>): Serde<unknown> {
  return {
    write(value, out) {
      const { time, key, isLeft } = value as UnmatchedKey
      longSerde.write(time, out)
      out.writeByte(isLeft ? 1 : 0)
      keySerde.write(key, out)
    },
    read(buffer, start, end): UnmatchedKey {
      return {
        time: longSerde.read(buffer, start, start + 8),
        isLeft: buffer[start + 8] === 1,
        key: keySerde.read(buffer, start + 9, end),
      }
    },
  }
}

/**
 *     0 right, 1 left │ int32 count │ values, each sized
 */
export function unmatchedValueSerde(left: Serde<unknown>, right: Serde<unknown>): Serde<unknown> {
  return {
    write(value, out) {
      const { isLeft, values } = value as UnmatchedValues
      out.writeByte(isLeft ? 1 : 0)
      out.writeInt32(values.length)
      for (const each of values) writeSized(out, isLeft ? left : right, each)
    },
    read(buffer, start): UnmatchedValues {
      const parts = new PartReader(buffer, start)
      const isLeft = parts.byte() === 1
      const values: unknown[] = []
      for (let count = parts.int32(); count > 0; count--) values.push(parts.sized(isLeft ? left : right))
      return { isLeft, values }
    },
  }
}
