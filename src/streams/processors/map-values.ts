import type { ValueMapper } from '../functions.js'
import type { BatchOperator } from '../node.js'
import { operate, overRows } from '../rx/operate.js'
import { withoutRows } from '../select-rows.js'

export function mapValues(mapper: ValueMapper<unknown, unknown, unknown>): BatchOperator {
  return (context) => {
    const cursor = { row: 0 }
    return operate((batch, emit) => {
      const { keys, values, size } = batch
      const mapped = new Array<unknown>(size)
      const failed = overRows(context, batch, cursor, () => {
        for (let i = cursor.row; i < size; i++) {
          cursor.row = i
          mapped[i] = mapper(values[i], keys[i])
        }
      })
      emit(withoutRows({ ...batch, values: mapped }, failed))
    })
  }
}
