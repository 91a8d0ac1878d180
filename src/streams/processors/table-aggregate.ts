import type { Aggregator, Initializer } from '../functions.js'
import type { KeptTable } from '../graph/materialize.js'
import type { Change } from '../internal-serdes.js'
import type { BatchOperator } from '../node.js'
import { operate, overRows } from '../rx/operate.js'
import { TableEmitter, type TableFlags } from '../table-emitter.js'
import { openRowStore } from './row-store.js'

export interface ChangeAggregation {
  readonly initializer: Initializer<unknown>
  readonly adder: Aggregator<unknown, unknown, unknown>
  readonly subtractor: Aggregator<unknown, unknown, unknown>
}

/** Aggregates the rows of each group: subtracts the old row, then adds the new one. */
export function aggregateChanges(
  functions: ChangeAggregation,
  table: KeptTable,
  flags: TableFlags,
): BatchOperator {
  const { initializer, adder, subtractor } = functions
  return (context) => {
    const store = openRowStore(context, table)
    const emitter = new TableEmitter(context, table, flags)
    const cursor = { row: 0 }
    return operate((batch, emit) => {
      const { keys, timestamps, size } = batch
      const changes = batch.values as readonly Change[]
      overRows(context, batch, cursor, () => {
        for (let i = cursor.row; i < size; i++) {
          cursor.row = i
          const key = keys[i]
          const { newValue, oldValue } = changes[i]!
          const held = store.get(key)
          const before = held === undefined ? null : held.value
          let result = before
          if (oldValue !== null && before !== null) result = subtractor(key, oldValue, before) ?? null
          if (newValue !== null) result = adder(key, newValue, result ?? initializer()) ?? null
          const timestamp = Math.max(timestamps[i]!, held === undefined ? -1 : held.timestamp)
          store.put(key, result, timestamp)
          emitter.push(key, result, before, timestamp, batch, i)
        }
      })
      emitter.send(batch, emit)
    })
  }
}
