import type { Predicate } from '../functions.js'
import type { BatchOperator } from '../node.js'
import { operate, overRows } from '../rx/operate.js'
import { selectRows } from '../select-rows.js'

/** Sends each record to the child of the first predicate that holds; null always holds. */
export function branch(
  branches: readonly { readonly child: string; readonly predicate: Predicate<unknown, unknown> | null }[],
): BatchOperator {
  return (context) => {
    const cursor = { row: 0 }
    return operate((batch) => {
      const { keys, values, size } = batch
      const taken: number[][] = branches.map(() => [])
      overRows(context, batch, cursor, () => {
        for (let i = cursor.row; i < size; i++) {
          cursor.row = i
          for (let b = 0; b < branches.length; b++) {
            const { predicate } = branches[b]!
            if (predicate === null || predicate(keys[i], values[i])) {
              taken[b]!.push(i)
              break
            }
          }
        }
      })
      for (let b = 0; b < branches.length; b++) {
        const rows = taken[b]!
        if (rows.length > 0) {
          context.forward(rows.length === size ? batch : selectRows(batch, rows), branches[b]!.child)
        }
      }
    })
  }
}
