import type { KeptTable } from '../graph/materialize.js'
import type { BatchOperator } from '../node.js'
import { operate, overRows } from '../rx/operate.js'
import { withoutRows } from '../select-rows.js'
import { TableEmitter, type TableFlags } from '../table-emitter.js'
import { openRowStore } from './row-store.js'

export interface Derivation {
  /** From key and value (null: no row) to the new value (null: no row). */
  readonly compute: (key: unknown, value: unknown) => unknown
  /** Null: the result is not kept. */
  readonly table: KeptTable | null
  readonly flags: TableFlags
  /** Leaves out changes from no row to no row, where old values are known. */
  readonly skipAbsent?: () => boolean
}

/** A table computed row by row from another one. */
export function deriveTable(derivation: Derivation): BatchOperator {
  const { compute, table, flags } = derivation
  return (context) => {
    const skipAbsent = flags.sendOldValues && (derivation.skipAbsent?.() ?? false)
    const cursor = { row: 0 }
    if (table !== null) {
      const store = openRowStore(context, table)
      const emitter = new TableEmitter(context, table, flags)
      return operate((batch, emit) => {
        const { keys, values, timestamps, size } = batch
        overRows(context, batch, cursor, () => {
          for (let i = cursor.row; i < size; i++) {
            cursor.row = i
            const key = keys[i]
            const value = compute(key, values[i])
            const oldValue = store.get(key)?.value ?? null
            if (skipAbsent && value === null && oldValue === null) continue
            const put = store.put(key, value, timestamps[i]!)
            if (put === 'expired') continue
            emitter.push(key, value, oldValue, timestamps[i]!, batch, i, { outdated: put === 'outdated' })
          }
        })
        emitter.send(batch, emit)
      })
    }
    return operate((batch, emit) => {
      const { keys, values, oldValues, size } = batch
      const newValues = new Array<unknown>(size)
      const newOldValues = flags.sendOldValues && oldValues !== null ? new Array<unknown>(size) : null
      const left = overRows(context, batch, cursor, () => {
        for (let i = cursor.row; i < size; i++) {
          cursor.row = i
          const value = compute(keys[i], values[i])
          newValues[i] = value
          if (newOldValues !== null) newOldValues[i] = compute(keys[i], oldValues![i])
        }
      })
      const failed = new Set(left)
      const skipped: number[] = left ?? []
      if (skipAbsent && newOldValues !== null) {
        for (let i = 0; i < size; i++) {
          if (newValues[i] === null && newOldValues[i] === null && !failed.has(i)) skipped.push(i)
        }
      }
      const derived = { ...batch, values: newValues, oldValues: newOldValues }
      emit(withoutRows(derived, skipped.length === 0 ? null : skipped))
    })
  }
}
