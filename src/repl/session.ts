import type { Observable } from 'rxjs'

/*
 * What a face (REPL, script runner) needs of an engine: the embedded one today, a remote one later.
 */

export interface Column {
  readonly name: string
  /** As ksqlDB prints it, such as `BIGINT`. */
  readonly type: string
}

export type Row = readonly unknown[]

export interface LiveChange {
  readonly row: Row
  /** The row is gone. */
  readonly tombstone: boolean
  /** Equal for changes of the same row of a table; null: every row is a new one (a stream). */
  readonly identity: string | null
}

/** A running push query. */
export interface LiveQuery {
  readonly columns: readonly Column[]
  /** Completes at LIMIT or `stop`. */
  readonly rows: Observable<LiveChange>
  stop(): Promise<void>
  /** Resolves once everything that is in the sources now has been seen by the query. */
  caughtUp(): Promise<void>
  /** Says why nothing has come: how much each source topic holds and how far the query has read. */
  explainEmpty(): Promise<string>
}

export type Outcome =
  | { readonly kind: 'message'; readonly text: string }
  | {
      readonly kind: 'table'
      readonly title: string | null
      readonly columns: readonly Column[]
      readonly rows: readonly Row[]
      readonly note: string | null
    }
  | { readonly kind: 'live'; readonly query: LiveQuery }

export interface Catalogue {
  readonly sources: readonly {
    readonly name: string
    readonly kind: 'STREAM' | 'TABLE'
    readonly columns: readonly Column[]
  }[]
  readonly topics: readonly string[]
  readonly queries: readonly string[]
  readonly functions: readonly string[]
  readonly properties: readonly string[]
}

export interface Session {
  /** Runs statements in order, yielding the outcome of each before the next begins. Throws SqlError. */
  run(sql: string): AsyncIterable<Outcome>
  catalogue(): Promise<Catalogue>
  close(): Promise<void>
}
