import type { Expression, Location, SourceKind, WindowExpression } from '../ast.js'
import type { DataSource } from '../metastore.js'

/*
 * What the analyzer makes of a query: names resolved, stars expanded, joins taken apart. Columns are plain `column`
 * nodes under the names they have in the plan: the source's own in a query over one source, `<alias>_<name>` in joins.
 */

export interface AnalyzedSource {
  readonly alias: string
  readonly source: DataSource
  /** The rows of a VALUES source. */
  readonly values?: readonly (readonly unknown[])[]
}

export type SourceTree = SourceLeaf | AnalyzedJoin | AnalyzedPullJoin

export interface SourceLeaf {
  readonly kind: 'source'
  readonly source: AnalyzedSource
}

export interface AnalyzedJoin {
  readonly kind: 'join'
  readonly type: 'INNER' | 'LEFT' | 'RIGHT' | 'OUTER'
  readonly left: SourceTree
  readonly right: SourceLeaf
  /** The side of ON that belongs to the left input, whichever way it was written. */
  readonly leftExpression: Expression
  readonly rightExpression: Expression
  /** ON as written, for messages. */
  readonly on: string
  readonly location: Location | null
  readonly within: {
    readonly beforeMs: number
    readonly afterMs: number
    readonly graceMs: number | null
  } | null
}

/** Of a pull query. */
export interface AnalyzedPullJoin {
  readonly kind: 'pullJoin'
  readonly type: 'INNER' | 'LEFT' | 'RIGHT' | 'OUTER'
  readonly left: SourceTree
  readonly right: SourceLeaf
  readonly condition: Expression
  readonly equalities: readonly PullEquality[]
  /** The other parts of the condition. */
  readonly residual: readonly Expression[]
  readonly location: Location | null
}

export interface PullEquality {
  readonly left: Expression
  readonly right: Expression
  readonly written: Expression
}

export interface AnalyzedOrder {
  /** A place in the select list, from 1; the alias of an item; or an expression over the sources. */
  readonly by:
    | { readonly kind: 'position'; readonly position: number }
    | { readonly kind: 'alias'; readonly alias: string }
    | { readonly kind: 'expression'; readonly expression: Expression }
  readonly descending: boolean
  readonly nullsFirst: boolean
  readonly location: Location | null
}

export interface SelectColumn {
  readonly alias: string
  readonly expression: Expression
  readonly location: Location | null
}

export type AnalyzedSelect =
  | ({ readonly kind: 'column' } & SelectColumn)
  /** To be expanded by the plan, which knows the columns and their order. */
  | { readonly kind: 'star'; readonly source: string | null; readonly location: Location | null }

export interface QueryAnalysis {
  readonly sources: readonly AnalyzedSource[]
  readonly from: SourceTree
  readonly select: readonly AnalyzedSelect[]
  readonly window: WindowExpression | null
  readonly where: Expression | null
  readonly groupBy: readonly Expression[] | null
  readonly partitionBy: readonly Expression[] | null
  readonly having: Expression | null
  readonly emit: 'CHANGES' | 'FINAL' | null
  readonly limit: number | null
  readonly offset: number | null
  readonly distinct: boolean
  readonly orderBy: readonly AnalyzedOrder[] | null
  /** SELECT without EMIT outside of a persistent query. */
  readonly isPull: boolean
  /** STREAM or TABLE, before any aggregation. */
  readonly inputKind: SourceKind
  /** Prints a resolved expression with `SOURCE.COLUMN`s, as messages want it. */
  readonly qualified: (expression: Expression) => string
}
