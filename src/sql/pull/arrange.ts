import { storedOrder } from '../compile/column-codec.js'
import { identityOf } from '../expression/comparison.js'
import type { SqlValue } from '../formats/row-class.js'
import type { PullOrder, PullPlan } from '../plan/pull-planner.js'
import type { SqlType } from '../types.js'

type Values = readonly unknown[]

/** DISTINCT, ORDER BY, OFFSET and LIMIT, in this order; then what only ORDER BY needed is cut off. */
export function arranged(rows: Iterable<Values>, plan: PullPlan, isSorted: boolean): Values[] {
  const { distinct, order, limit, offset, columns, planned } = plan
  const end = limit === null ? Number.POSITIVE_INFINITY : offset + limit
  const width = columns.length
  let found = distinct ? distinctOf(rows, width) : rows
  if (order.length > 0 && !isSorted) {
    const types = planned.root.columns.map((c) => c.type)
    found = sorted([...found], order, types)
  }
  return taken(found, offset, end).map((row) => (row.length === width ? row : row.slice(0, width)))
}

function* distinctOf(rows: Iterable<Values>, width: number): Generator<Values, undefined> {
  const seen = new Set<unknown>()
  for (const row of rows) {
    const identity = identityOf(row.slice(0, width))
    if (seen.has(identity)) continue
    seen.add(identity)
    yield row
  }
}

function taken(rows: Iterable<Values>, start: number, end: number): Values[] {
  const found: Values[] = []
  let at = 0
  if (end <= start) return found
  for (const row of rows) {
    if (at++ >= start) found.push(row)
    if (at >= end) break
  }
  return found
}

/** In the order that SQLite has for columns of these types. */
export function sorted(rows: Values[], order: readonly PullOrder[], types: readonly SqlType[]): Values[] {
  const orders = order.map(({ column }) => storedOrder(types[column]!))
  return rows.sort((a, b) => {
    for (const [i, { column, descending, nullsFirst }] of order.entries()) {
      const [x, y] = [a[column] ?? null, b[column] ?? null]
      if (x === null || y === null) {
        if (x === y) continue
        return (x === null) === nullsFirst ? -1 : 1
      }
      const result = orders[i]!(x as SqlValue, y as SqlValue)
      if (result !== 0) return descending ? -result : result
    }
    return 0
  })
}
