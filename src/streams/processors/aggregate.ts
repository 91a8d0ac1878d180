import type { Aggregation } from '../graph/aggregation.js'
import type { KeptTable } from '../graph/materialize.js'
import type { BatchOperator } from '../node.js'
import { operate, overRows } from '../rx/operate.js'
import { TableEmitter, type TableFlags } from '../table-emitter.js'
import { openRowStore } from './row-store.js'

/** Aggregates the records of each key. The result has the greatest timestamp seen for the key. */
export function aggregate(functions: Aggregation, table: KeptTable, flags: TableFlags): BatchOperator {
  const { initializer, aggregator } = functions
  return (context) => {
    const store = openRowStore(context, table)
    const emitter = new TableEmitter(context, table, flags)
    const cursor = { row: 0 }
    return operate((batch, emit) => {
      const { keys, values, timestamps, size } = batch
      overRows(context, batch, cursor, () => {
        for (let i = cursor.row; i < size; i++) {
          cursor.row = i
          const key = keys[i]
          const value = values[i]
          if (key === null || value === null) {
            context.dropped(key === null ? 'null-key' : 'null-value', batch, i)
            continue
          }
          const held = store.get(key)
          let timestamp = timestamps[i]!
          if (held !== undefined && held.timestamp > timestamp) timestamp = held.timestamp
          const before = held === undefined ? initializer() : held.value
          const result = aggregator(key, value, before) ?? null
          const put = store.put(key, result, timestamp)
          if (put === 'expired') continue
          // Kafka Streams sends the initial value as the old one, except through its cache.
          const oldValue = held === undefined && emitter.collapses ? null : before
          emitter.push(key, result, oldValue, timestamp, batch, i, { outdated: put === 'outdated' })
        }
      })
      emitter.send(batch, emit)
    })
  }
}
