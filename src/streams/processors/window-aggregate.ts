import { windowed } from '../../serde/index.js'
import type { ValueAndTimestamp, WindowStore } from '../../state/index.js'
import type { Aggregation } from '../graph/aggregation.js'
import type { KeptTable } from '../graph/materialize.js'
import type { BatchOperator } from '../node.js'
import type { EmitStrategy } from '../options.js'
import { operate, overRows } from '../rx/operate.js'
import { TableEmitter, type TableFlags } from '../table-emitter.js'
import type { TimeWindows } from '../windows.js'
import { emitting, timesOf, WindowClosing } from './window-closing.js'

/** Aggregates the records of each key in tumbling or hopping windows, the earlier window first. */
export function windowAggregate(
  functions: Aggregation,
  windows: TimeWindows,
  strategy: EmitStrategy,
  table: KeptTable,
  flags: TableFlags,
): BatchOperator {
  const { initializer, aggregator } = functions
  const { sizeMs, advanceMs, graceMs } = windows
  return (context) => {
    const store = context.stateStore<WindowStore<unknown, ValueAndTimestamp<unknown>>>(table.spec.name)
    const emitter = new TableEmitter(context, emitting(table, strategy), flags)
    const closing = new WindowClosing(strategy, graceMs, () => timesOf(store))
    const cursor = { row: 0 }
    return operate((batch, emit) => {
      const { keys, values, timestamps, size } = batch
      overRows(context, batch, cursor, () => {
        for (let i = cursor.row; i < size; i++) {
          cursor.row = i
          const key = keys[i]
          if (key === null) {
            context.dropped('null-key', batch, i)
            continue
          }
          const time = timestamps[i]!
          const closedBefore = closing.advance(time)
          const closeTime = closing.closeTimeMs
          if (closedBefore !== null) {
            for (const entry of store.fetchAll(Math.max(0, closedBefore - sizeMs + 1), closeTime - sizeMs)) {
              const { value, timestamp } = entry.value
              emitter.push(entry.key, value, null, timestamp, batch, i)
            }
          }
          for (let start = windows.firstStart(time); start <= time; start += advanceMs) {
            if (start + sizeMs <= closeTime) {
              context.dropped('late', batch, i)
              continue
            }
            const held = store.fetch(key, start)
            const timestamp = held !== undefined && held.timestamp > time ? held.timestamp : time
            const result = aggregator(key, values[i], held === undefined ? initializer() : held.value) ?? null
            store.put(key, result === null ? null : { value: result, timestamp }, start)
            if (closing.emitsUpdates) {
              const oldValue = held === undefined ? null : held.value
              emitter.push(windowed(key, start, start + sizeMs), result, oldValue, timestamp, batch, i)
            }
          }
        }
      })
      emitter.send(batch, emit)
    })
  }
}
