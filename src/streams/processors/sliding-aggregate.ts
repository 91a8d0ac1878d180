import { windowed } from '../../serde/index.js'
import type { ValueAndTimestamp, WindowStore } from '../../state/index.js'
import type { AnyBatch } from '../batch.js'
import type { Aggregation } from '../graph/aggregation.js'
import type { KeptTable } from '../graph/materialize.js'
import type { BatchOperator, NodeContext } from '../node.js'
import type { EmitStrategy } from '../options.js'
import { operate, overRows } from '../rx/operate.js'
import { TableEmitter, type TableFlags } from '../table-emitter.js'
import type { SlidingWindows } from '../windows.js'
import { emitting, WindowClosing } from './window-closing.js'

type Held = ValueAndTimestamp<unknown>
type Store = WindowStore<unknown, Held>

/**
 * Aggregates the records of each key in sliding windows (KIP-450). For each distinct set of records that lie within
 * the time difference d of each other there is one window: the left window [t - d, t] of a record, and the right window
 * [t + 1, t + 1 + d] of a record that others follow.
 */
export function slidingAggregate(
  functions: Aggregation,
  windows: SlidingWindows,
  strategy: EmitStrategy,
  table: KeptTable,
  flags: TableFlags,
): BatchOperator {
  const { timeDifferenceMs, graceMs } = windows
  return (context) => {
    const store = context.stateStore<Store>(table.spec.name)
    const emitter = new TableEmitter(context, emitting(table, strategy), flags)
    const closing = new WindowClosing(strategy, graceMs, context.keptTime())
    const update = new SlidingUpdate(context, functions, timeDifferenceMs, store, emitter, closing)
    const cursor = { row: 0 }
    return operate((batch, emit) => {
      const { keys, values, timestamps, size } = batch
      overRows(context, batch, cursor, () => {
        for (let i = cursor.row; i < size; i++) {
          cursor.row = i
          const key = keys[i]
          if (key === null || values[i] === null) {
            context.dropped(key === null ? 'null-key' : 'null-value', batch, i)
            continue
          }
          const time = timestamps[i]!
          const closedBefore = closing.advance(time)
          const closeTime = closing.closeTimeMs
          if (closedBefore !== null) {
            const from = Math.max(0, closedBefore - timeDifferenceMs)
            for (const entry of store.fetchAll(from, closeTime - timeDifferenceMs - 1)) {
              emitter.push(entry.key, entry.value.value, null, entry.value.timestamp, batch, i)
            }
          }
          if (time + 1 + timeDifferenceMs <= closeTime) {
            context.dropped('late', batch, i, { start: Math.max(0, time - timeDifferenceMs), end: time })
            continue
          }
          update.record(key, values[i], time, batch, i)
        }
      })
      emitter.send(batch, emit)
    })
  }
}

/** Puts one record into the windows it belongs to. */
class SlidingUpdate {
  readonly #context: NodeContext
  readonly #functions: Aggregation
  readonly #difference: number
  readonly #store: Store
  readonly #emitter: TableEmitter
  readonly #closing: WindowClosing
  #key: unknown = null
  #value: unknown = null
  #time = 0
  #batch!: AnyBatch
  #row = 0

  constructor(
    context: NodeContext,
    functions: Aggregation,
    difference: number,
    store: Store,
    emitter: TableEmitter,
    closing: WindowClosing,
  ) {
    this.#context = context
    this.#functions = functions
    this.#difference = difference
    this.#store = store
    this.#emitter = emitter
    this.#closing = closing
  }

  record(key: unknown, value: unknown, time: number, batch: AnyBatch, row: number): void {
    this.#key = key
    this.#value = value
    this.#time = time
    this.#batch = batch
    this.#row = row
    if (time < this.#difference) this.#early()
    else this.#regular()
  }

  /** Windows are visited from the latest to the earliest: that is the order of the results. */
  #regular(): void {
    const time = this.#time
    const starts = new Set<number>()
    /** What the record's own left and right windows hold beside it. */
    let left: Held | null = null
    let right: Held | null = null
    let hasLeft = false
    let hasRight = false
    /** The latest record before this one, as far as it matters. */
    let previous: number | null = null
    const from = Math.max(0, time - 2 * this.#difference)
    for (const entry of this.#store.backwardFetchRange(this.#key, from, time + 1)) {
      const { start } = entry.key
      const end = start + this.#difference
      const latest = entry.value.timestamp
      starts.add(start)
      if (start === time + 1) {
        hasRight = true
      } else if (end > time) {
        right ??= entry.value
        this.#update(start, entry.value)
      } else if (end === time) {
        hasLeft = true
        this.#update(start, entry.value)
        // A record of this very time has been here: its windows exist.
        if (latest >= time) return
        previous = latest
      } else {
        left = entry.value
        previous = latest
        break
      }
    }
    if (previous !== null) {
      const start = previous + 1
      if (!starts.has(start) && start + this.#difference >= time) this.#update(start, null)
    }
    if (!hasLeft) {
      const holdsPrevious = previous !== null && time - this.#difference <= previous
      const base = holdsPrevious && left !== null ? left.value : undefined
      this.#update(time - this.#difference, null, base)
    }
    if (!hasRight && right !== null && right.timestamp > time) this.#createRight(right)
  }

  /** A left window would begin before 0: all early records share [0, d]. */
  #early(): void {
    const time = this.#time
    const starts = new Set<number>()
    let combined: Held | null = null
    let right: Held | null = null
    let hasRight = false
    let previous: number | null = null
    for (const entry of [...this.#store.fetchRange(this.#key, 0, time + 1)]) {
      const { start } = entry.key
      starts.add(start)
      if (start === 0) {
        combined = entry.value
        if (combined.timestamp < time) previous = combined.timestamp
      } else if (start <= time) {
        right = entry.value
        this.#update(start, entry.value)
      } else {
        hasRight = true
      }
    }
    // Without another right window, everything later than this record lies in the shared one.
    if (right === null && combined !== null && combined.timestamp > time) right = combined
    if (!hasRight && right !== null && right.timestamp > time) this.#createRight(right)
    if (previous !== null && !starts.has(previous + 1)) this.#update(previous + 1, null)
    this.#update(0, combined)
  }

  /** Adds the record to the window at `start`. Null: to a new one, which begins with `base` where it is given. */
  #update(start: number, held: Held | null, base?: unknown): void {
    const end = start + this.#difference
    if (end < this.#closing.closeTimeMs) {
      this.#context.dropped('late', this.#batch, this.#row, { start, end })
      return
    }
    const { initializer, aggregator } = this.#functions
    const before = held !== null ? held.value : base === undefined ? initializer() : base
    const result = aggregator(this.#key, this.#value, before) ?? null
    const timestamp = held === null ? this.#time : Math.max(this.#time, held.timestamp)
    this.#store.put(this.#key, result === null ? null : { value: result, timestamp }, start)
    this.#forward(start, end, result, held === null ? null : held.value, timestamp)
  }

  /** The record's right window: it holds what follows the record, not the record. */
  #createRight(held: Held): void {
    const start = this.#time + 1
    this.#store.put(this.#key, held, start)
    this.#forward(start, start + this.#difference, held.value, null, held.timestamp)
  }

  #forward(start: number, end: number, value: unknown, oldValue: unknown, timestamp: number): void {
    if (!this.#closing.emitsUpdates) return
    this.#emitter.push(windowed(this.#key, start, end), value, oldValue, timestamp, this.#batch, this.#row)
  }
}
