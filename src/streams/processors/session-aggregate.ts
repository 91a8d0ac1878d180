import { type Windowed, windowed } from '../../serde/index.js'
import type { SessionStore, WindowEntry } from '../../state/index.js'
import type { Aggregation } from '../graph/aggregation.js'
import type { KeptTable } from '../graph/materialize.js'
import type { BatchOperator } from '../node.js'
import type { EmitStrategy } from '../options.js'
import { operate, overRows } from '../rx/operate.js'
import { TableEmitter, type TableFlags } from '../table-emitter.js'
import type { SessionWindows } from '../windows.js'
import { emitting, WindowClosing } from './window-closing.js'

const noHeaders = { headers: null }

/**
 * Aggregates the records of each key in sessions. A record merges every session it touches; each of those is taken back
 * with a tombstone, then the merged one is sent. The result's timestamp is the session's end.
 */
export function sessionAggregate(
  functions: Aggregation,
  windows: SessionWindows,
  strategy: EmitStrategy,
  table: KeptTable,
  flags: TableFlags,
): BatchOperator {
  const { initializer, aggregator } = functions
  const merger = functions.merger!
  const { inactivityGapMs, graceMs } = windows
  return (context) => {
    const store = context.stateStore<SessionStore<unknown, unknown>>(table.spec.name)
    const emitter = new TableEmitter(context, emitting(table, strategy), flags)
    const closing = new WindowClosing(strategy, graceMs + inactivityGapMs, context.keptTime())
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
          if (closedBefore !== null) {
            for (const entry of store.findSessionsByEnd(Math.max(0, closedBefore), closing.closeTimeMs - 1)) {
              emitter.push(entry.key, entry.value, null, entry.key.end, batch, i)
            }
          }

          let start = time
          let end = time
          let result = initializer()
          const merged: WindowEntry<unknown, unknown>[] = []
          for (const entry of store.findSessions(key, time - inactivityGapMs, time + inactivityGapMs)) {
            merged.push(entry)
            result = merger(key, result, entry.value)
            if (entry.key.start < start) start = entry.key.start
            if (entry.key.end > end) end = entry.key.end
          }
          if (end < closing.closeTimeMs) {
            context.dropped('late', batch, i, { start, end })
            continue
          }
          result = aggregator(key, values[i], result) ?? null
          let oldValue: unknown = null
          if (start !== end) {
            for (const entry of merged) {
              store.remove(entry.key)
              if (closing.emitsUpdates) {
                emitter.push(entry.key, null, entry.value, entry.key.end, batch, i, noHeaders)
              }
            }
          } else if (merged.length > 0) {
            oldValue = merged[0]!.value
          }
          const session: Windowed<unknown> = windowed(key, start, end)
          store.put(session, result)
          if (closing.emitsUpdates) emitter.push(session, result, oldValue, end, batch, i, noHeaders)
        }
      })
      emitter.send(batch, emit)
    })
  }
}
