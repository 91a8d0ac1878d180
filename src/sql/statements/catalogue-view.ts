import type { FunctionRegistry } from '../functions/registry.js'
import type { Metastore } from '../metastore.js'
import type { QueryPlan } from '../plan/plan-node.js'
import type { Settings } from '../properties.js'
import type { PersistentQuery, TopicHost } from './persistent-query.js'

/** What SHOW, DESCRIBE and EXPLAIN look at. */
export interface CatalogueView {
  readonly metastore: Metastore
  readonly functions: FunctionRegistry
  readonly queries: ReadonlyMap<string, PersistentQuery>
  readonly topics: TopicHost
  readonly settings: Settings
  /** Such as RUNNING or PAUSED; null where the host of the queries does not say. */
  readonly statusOf: (queryId: string) => string | null
  /** The topology in Kafka Streams' text form. */
  readonly topologyOf: (plan: QueryPlan, settings: Settings) => string
}
