import { quotedName, type StateStore, type TableStore } from '../../state/index.js'
import type { KafkaStreams, Topology } from '../../streams/index.js'

/** What the stores of one name hold, over all tasks of a query. */
export interface StoreFigures {
  readonly name: string
  /** Null for stores that cannot be counted. */
  readonly rows: number | null
  /** Of the pages in the database, its index included; null where SQLite does not tell. */
  readonly bytes: number | null
  /** Look-ups of single keys, and how many of them had to read the database; null for stores that do not count. */
  readonly cache: { readonly lookUps: number; readonly misses: number } | null
}

/** Of a running query; none of one that does not run. */
export function storesOf(topology: Pick<Topology, 'stores'>, app: KafkaStreams): readonly StoreFigures[] {
  if (app.state !== 'RUNNING') return []
  return [...topology.stores.keys()].map((name) => storeFigures(name, app.storePartitions(name)))
}

function storeFigures(name: string, parts: readonly StateStore[]): StoreFigures {
  const tables = parts.map((part) => (isTable(part) ? tableFigures(part) : null))
  const sum = (of: (i: number) => number | null | undefined): number | null =>
    parts.reduce<number | null>((total, _, i) => {
      const value = of(i)
      return total === null || value == null ? null : total + value
    }, 0)
  const lookUps = sum((i) => parts[i]!.cacheFigures?.().lookUps)
  const misses = sum((i) => parts[i]!.cacheFigures?.().misses)
  return {
    name,
    rows: sum((i) => tables[i]?.rows),
    bytes: sum((i) => tables[i]?.bytes),
    cache: lookUps === null || misses === null ? null : { lookUps, misses },
  }
}

function isTable(store: StateStore): store is StateStore & TableStore {
  return 'queryable' in store
}

function tableFigures(store: TableStore): { readonly rows: number; readonly bytes: number | null } {
  const table = store.queryable()
  const [[rows] = [0]] = [...table.select(`SELECT count(*) FROM ${quotedName(table.name)}`, [])]
  return { rows: Number(rows), bytes: bytesOf(table) }
}

function bytesOf(table: ReturnType<TableStore['queryable']>): number | null {
  try {
    const [[bytes] = [0]] = [...table.select('SELECT sum(pgsize) FROM dbstat WHERE name = ?', [table.name])]
    return Number(bytes ?? 0)
  } catch {
    // SQLite was built without its table of sizes.
    return null
  }
}
