import type { Expression, Location, SourceKind, WindowExpression } from '../ast.js'
import type { DataSource } from '../metastore.js'

/*
 * What the analyzer makes of a query: names resolved, stars expanded, joins taken apart. Columns are plain `column`
 * nodes under the names they have in the plan: the source's own in a query over one source, `<alias>_<name>` in joins.
 */

export interface AnalyzedSource {
  readonly alias: string
  readonly source: DataSource
}

export type SourceTree = SourceLeaf | AnalyzedJoin

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
  /** STREAM or TABLE, before any aggregation. */
  readonly inputKind: SourceKind
  /** Prints a resolved expression with `SOURCE.COLUMN`s, as messages want it. */
  readonly qualified: (expression: Expression) => string
}
