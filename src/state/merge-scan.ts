import type { SqliteValue } from './store.js'
import { PAGE_ROWS } from './store-table.js'

/** A scan over cache and table. `P` is a position: what identifies and orders entries. */
export interface MergeScan<P, R> {
  /** Positions of entries the table does not have yet, in the order of the scan. */
  readonly changed: readonly P[]
  compare(a: P, b: P): number
  /** Changes whenever the table does. */
  tableVersion(): number
  /** Rows of a full page; PAGE_ROWS by default. */
  readonly pageRows?: number
  /** Up to `pageRows` rows of the table after a position, in the order of the scan. */
  page(after: P | null): SqliteValue[][]
  positionOf(row: SqliteValue[]): P
  /** The entry at a position, undefined where it is gone. `row` is the table's, if it has one. */
  resolve(position: P, row: SqliteValue[] | undefined): R | undefined
}

/**
 * Merges changed entries with pages of the table. Holds no cursor, so writing and flushing between two steps is
 * allowed: the entries are those of the moment of the first step (ones written since may appear), and each value is the
 * one at the moment it is reached.
 */
export function* mergeScan<P, R>(scan: MergeScan<P, R>): Generator<R, undefined> {
  const { pageRows = PAGE_ROWS } = scan
  let changedAt = 0
  let page: SqliteValue[][] = []
  let pageAt = 0
  let pageVersion = -1
  let isLastPage = false
  let after: P | null = null
  for (;;) {
    const version = scan.tableVersion()
    if (pageVersion !== version || (pageAt === page.length && !isLastPage)) {
      pageVersion = version
      page = scan.page(after)
      pageAt = 0
      isLastPage = page.length < pageRows
    }
    const row = page[pageAt]
    const changed = scan.changed[changedAt]
    if (row === undefined && changed === undefined) return
    const rowPosition = row === undefined ? undefined : scan.positionOf(row)
    const order =
      rowPosition === undefined ? 1 : changed === undefined ? -1 : scan.compare(rowPosition, changed)
    if (order <= 0) pageAt++
    if (order >= 0) changedAt++
    after = order <= 0 ? rowPosition! : changed!
    const result = scan.resolve(after, order <= 0 ? row : undefined)
    if (result !== undefined) yield result
  }
}
