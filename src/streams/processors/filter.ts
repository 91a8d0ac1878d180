import type { Predicate } from '../functions.js'
import type { BatchOperator } from '../node.js'
import { operate, overRows } from '../rx/operate.js'
import { selectRows } from '../select-rows.js'

/** Keeps the records for which `predicate` holds, or with `not` those for which it does not. */
export function filter(predicate: Predicate<unknown, unknown>, not: boolean): BatchOperator {
  return (context) => {
    const cursor = { row: 0 }
    return operate((batch, emit) => {
      const { keys, values, size } = batch
      const kept: number[] = []
      overRows(context, batch, cursor, () => {
        for (let i = cursor.row; i < size; i++) {
          cursor.row = i
          if (predicate(keys[i], values[i]) ? !not : not) kept.push(i)
        }
      })
      emit(kept.length === size ? batch : selectRows(batch, kept))
    })
  }
}
