import type { KeyValueMapper } from '../functions.js'
import type { BatchOperator } from '../node.js'
import { operate, overRows } from '../rx/operate.js'
import { withoutRows } from '../select-rows.js'

export function selectKey(mapper: KeyValueMapper<unknown, unknown, unknown>): BatchOperator {
  return (context) => {
    const cursor = { row: 0 }
    return operate((batch, emit) => {
      const { keys, values, size } = batch
      const selected = new Array<unknown>(size)
      const failed = overRows(context, batch, cursor, () => {
        for (let i = cursor.row; i < size; i++) {
          cursor.row = i
          selected[i] = mapper(keys[i], values[i])
        }
      })
      emit(withoutRows({ ...batch, keys: selected }, failed))
    })
  }
}
