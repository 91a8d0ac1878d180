import { windowed } from '../../serde/index.js'
import type { ValueAndTimestamp, WindowEntryStore, WindowStore, WindowStoreEntry } from '../../state/index.js'
import { headersOf } from '../batch.js'
import type { Aggregation } from '../graph/aggregation.js'
import type { KeptTable } from '../graph/materialize.js'
import type { BatchOperator } from '../node.js'
import type { EmitStrategy } from '../options.js'
import { operate, overRows } from '../rx/operate.js'
import { TableEmitter, type TableFlags } from '../table-emitter.js'
import type { TimeWindows, UnlimitedWindows } from '../windows.js'
import { emitting, WindowClosing } from './window-closing.js'

/** Aggregates the records of each key in tumbling or hopping windows, the earlier window first. */
export function windowAggregate(
  functions: Aggregation,
  windows: TimeWindows | UnlimitedWindows,
  strategy: EmitStrategy,
  table: KeptTable,
  flags: TableFlags,
): BatchOperator {
  const { initializer, aggregator } = functions
  const { sizeMs, advanceMs, graceMs } = windows
  const { inPlace } = aggregator
  return (context) => {
    const store = context.stateStore<
      WindowStore<unknown, ValueAndTimestamp<unknown>> & WindowEntryStore<unknown>
    >(table.spec.name)
    const emitter = new TableEmitter(context, emitting(table, strategy), flags)
    const closing = new WindowClosing(strategy, graceMs, context.keptTime())
    const { collapses } = emitter
    if (collapses) {
      emitter.holdEntriesOf(store, (entry: WindowStoreEntry<unknown>) =>
        windowed(entry.key, entry.windowStart, entry.windowStart + sizeMs),
      )
    }
    const cursor = { row: 0 }
    return operate((batch, emit) => {
      const { keys, values, timestamps, size } = batch
      const hasHeaders = batch.headers !== null || batch.origin?.headers != null
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
              context.dropped('late', batch, i, { start, end: start + sizeMs })
              continue
            }
            const value = values[i]
            const entry = store.windowEntry(key, start)
            if (entry === null) context.dropped('expired', batch, i, { start, end: start + sizeMs })
            let before: unknown = entry === null ? undefined : entry.value
            const timestamp = before !== undefined && entry!.timestamp > time ? entry!.timestamp : time
            if (inPlace !== undefined && before !== undefined && entry!.held !== null) {
              // Made since the last emission: nobody else has it.
              inPlace(key, value, before)
              if (hasHeaders) emitter.replaceHeaders(entry!, headersOf(batch, i))
              store.change(entry!, before, timestamp)
              continue
            }
            const result = aggregator(key, value, before === undefined ? initializer() : before) ?? null
            if (before === undefined) before = null
            if (entry !== null && collapses) {
              const headers = hasHeaders ? headersOf(batch, i) : null
              if (entry.held === null) emitter.hold(entry, headers)
              else if (hasHeaders) emitter.replaceHeaders(entry, headers)
            } else if (closing.emitsUpdates) {
              emitter.push(windowed(key, start, start + sizeMs), result, before, timestamp, batch, i)
            }
            if (entry !== null) store.change(entry, result ?? undefined, timestamp)
          }
        }
      })
      emitter.send(batch, emit)
    })
  }
}
