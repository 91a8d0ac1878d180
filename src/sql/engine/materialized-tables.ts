import type { QueryableTable, StateStore, TableStore } from '../../state/index.js'
import type { DataSource } from '../metastore.js'
import type { MaterializedTable } from '../pull/store-rows.js'
import type { RunningQuery } from './query-apps.js'

/** The table in the state of the query that makes it; null where no query keeps it. */
export function materializedTable(
  { createdBy }: DataSource,
  running: ReadonlyMap<string, RunningQuery>,
): MaterializedTable | null {
  const query = createdBy === null ? undefined : running.get(createdBy)
  const materialization = query?.compiled.materialization
  if (query === undefined || materialization == null) return null
  return {
    queryId: query.query.id,
    materialization,
    store: () => query.streams.store(materialization.storeName),
    tables: () => tablesOf(query),
  }
}

/** The SQLite tables of a query's result, one for each partition that is here. */
export function tablesOf({ compiled, streams }: RunningQuery): QueryableTable[] {
  const { materialization } = compiled
  if (materialization === null) return []
  return streams
    .storePartitions(materialization.storeName)
    .flatMap((store) => (isTable(store) ? [store.queryable()] : []))
}

function isTable(store: StateStore): store is StateStore & TableStore {
  return 'queryable' in store
}
