import type { QueryPlan } from '../plan/plan-node.js'
import type { Settings } from '../properties.js'

/** A query that runs until it is terminated, with what it takes to start it again. */
export interface PersistentQuery {
  readonly id: string
  readonly kind: 'CREATE_AS' | 'INSERT' | 'CREATE_SOURCE'
  readonly statement: string
  readonly plan: QueryPlan
  readonly sink: string | null
  readonly settings: Settings
}

/** Runs persistent queries: as applications on a log, or in a test driver. */
export interface QueryHost {
  /** Compiles the query, to see whether it can be. @throws SqlError */
  check(query: PersistentQuery): void
  /** Starts the query, or puts it in the place of the one with the same id, keeping its state. */
  start(query: PersistentQuery): Promise<void>
  stop(id: string): Promise<void>
  pause(id: string): Promise<void>
  resume(id: string): Promise<void>
  /** Names of the columns that the table of a query has in SQLite; null where that is not known (yet). */
  storedColumns?(id: string): ReadonlySet<string> | null
  /** The table of a query has other indexes now. */
  indexesChanged?(id: string): void
  /** For SHOW QUERIES: such as RUNNING or PAUSED. */
  statusOf?(id: string): string
}

/** Topics, as statements need them. */
export interface TopicHost {
  /** Null where there is no such topic. */
  partitionsOf(topic: string): Promise<number | null>
  create(topic: string, partitions: number, configs: Readonly<Record<string, string>>): Promise<void>
  delete(topic: string): Promise<void>
  /** The value of a topic's config; undefined where the host knows none. */
  configOf?(topic: string, name: string): Promise<string | undefined>
  list(): Promise<readonly string[]>
  /** Appends one record; `timestamp` null stands for now. */
  append(topic: string, key: Buffer | null, value: Buffer | null, timestamp: number | null): Promise<void>
}
