import type { KeyValue, KeyValueMapper } from '../functions.js'
import type { BatchOperator } from '../node.js'
import { operate, overRows } from '../rx/operate.js'
import { withoutRows } from '../select-rows.js'

export function map(mapper: KeyValueMapper<unknown, unknown, KeyValue<unknown, unknown>>): BatchOperator {
  return (context) => {
    const cursor = { row: 0 }
    return operate((batch, emit) => {
      const { keys, values, size } = batch
      const newKeys = new Array<unknown>(size)
      const newValues = new Array<unknown>(size)
      const failed = overRows(context, batch, cursor, () => {
        for (let i = cursor.row; i < size; i++) {
          cursor.row = i
          const pair = mapper(keys[i], values[i])
          newKeys[i] = pair[0]
          newValues[i] = pair[1]
        }
      })
      emit(withoutRows({ ...batch, keys: newKeys, values: newValues }, failed))
    })
  }
}
