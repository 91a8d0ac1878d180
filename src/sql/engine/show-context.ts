import type { Admin } from '../../log/index.js'
import type { KafkaStreams, Topology } from '../../streams/index.js'
import type { CompilerOptions } from '../compile/compiler-context.js'
import type { FunctionRegistry } from '../functions/registry.js'
import type { DataSource, Metastore } from '../metastore.js'
import type { QueryPlan } from '../plan/plan-node.js'
import type { PropertyValues, Settings } from '../properties.js'
import type { MaterializedTable } from '../pull/store-rows.js'
import type { StepErrors } from './processing-log.js'
import type { QueryRates } from './query-rates.js'
import type { StoreFigures } from './store-figures.js'

/*
 * What SHOW, DESCRIBE and EXPLAIN look at: the engine's parts, read only. Plain members, so that an engine passes its
 * own and a test makes them up.
 */

/** A query that is running, paused or failed. */
export interface ShownQuery {
  readonly id: string
  readonly kind: 'PERSISTENT' | 'PUSH'
  readonly statement: string
  readonly plan: QueryPlan
  readonly topology: Pick<Topology, 'describe'>
  readonly app: Pick<KafkaStreams, 'state' | 'isPaused' | 'failure' | 'metrics' | 'lag'>
  /** Entries in the processing log since the query was started. */
  readonly processingErrors: number
  readonly stepErrors: readonly StepErrors[]
  /** Since the last look. */
  readonly rates: () => QueryRates
  /** None while the query does not run. */
  readonly stores: () => readonly StoreFigures[]
  /** Once more, to see what comes of it. */
  readonly compile: () => unknown
}

export interface ShowContext {
  readonly metastore: Metastore
  readonly functions: FunctionRegistry
  readonly admin: Admin
  readonly queries: readonly ShownQuery[]
  /** Values that SET made in this session, and those the engine was opened with. */
  readonly properties: { readonly session: PropertyValues; readonly engine: PropertyValues }
  readonly variables: Readonly<Record<string, string>>
}

export interface ExplainContext extends ShowContext {
  readonly settings: Settings
  readonly compilerOptions: (queryId: string, settings: Settings) => CompilerOptions
  /** Null for a table that nobody keeps. */
  readonly tableOf: (source: DataSource) => MaterializedTable | null
}

/** `PAUSED`, or the state of the query's application. */
export function stateOf({ app }: ShownQuery): string {
  return app.isPaused && app.state === 'RUNNING' ? 'PAUSED' : app.state
}
