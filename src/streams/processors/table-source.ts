import type { KeptTable } from '../graph/materialize.js'
import type { BatchOperator } from '../node.js'
import { operate } from '../rx/operate.js'
import { selectRows } from '../select-rows.js'
import { TableEmitter, type TableFlags } from '../table-emitter.js'
import { openRowStore } from './row-store.js'

/** Reads records as changes of a table that is not kept: old values are unknown. */
export const looseTableSource: BatchOperator = (context) =>
  operate((batch, emit) => {
    const { keys, size } = batch
    const kept: number[] = []
    for (let i = 0; i < size; i++) {
      if (keys[i] === null) context.dropped('null-key', batch, i)
      else kept.push(i)
    }
    emit(kept.length === size ? batch : selectRows(batch, kept))
  })

/** Keeps the latest value of each key, as the records come (by offset, not by time, unless the store is versioned). */
export function keptTableSource(table: KeptTable, flags: TableFlags): BatchOperator {
  return (context) => {
    const store = openRowStore(context, table)
    const emitter = new TableEmitter(context, table, flags)
    return operate((batch, emit) => {
      const { keys, values, timestamps, size } = batch
      for (let i = 0; i < size; i++) {
        const key = keys[i]
        if (key === null) {
          context.dropped('null-key', batch, i)
          continue
        }
        const value = values[i]
        const timestamp = timestamps[i]!
        const oldValue = store.get(key)?.value ?? null
        const result = store.put(key, value, timestamp)
        if (result === 'expired') {
          context.dropped('expired', batch, i)
          continue
        }
        emitter.push(key, value, oldValue, timestamp, batch, i, { outdated: result === 'outdated' })
      }
      emitter.send(batch, emit)
    })
  }
}
