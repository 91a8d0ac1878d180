import type { BatchOperator } from '../node.js'
import { operate, overRows } from '../rx/operate.js'
import { withoutRows } from '../select-rows.js'

/** Calls `action` for every record; `pass` hands the records on. */
export function peek(action: (key: unknown, value: unknown) => void, pass: boolean): BatchOperator {
  return (context) => {
    const cursor = { row: 0 }
    return operate((batch, emit) => {
      const { keys, values, size } = batch
      const failed = overRows(context, batch, cursor, () => {
        for (let i = cursor.row; i < size; i++) {
          cursor.row = i
          action(keys[i], values[i])
        }
      })
      if (pass) emit(withoutRows(batch, failed))
    })
  }
}
