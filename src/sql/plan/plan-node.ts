import type { PullEquality } from '../analyzer/analysis.js'
import type { Expression } from '../ast.js'
import type { FormatInfo, TimestampColumn, WindowInfo } from '../metastore.js'
import type { LogicalSchema } from '../schema.js'
import type { SqlType } from '../types.js'

/*
 * The logical plan: frozen plain data, read from the sink down to the sources. Expressions name the columns of the
 * node's input: its key columns, its value columns, and what the input offers besides (`virtual`).
 *
 *     sink ◀─ project ◀─ filter ◀─ source            a projection over one source
 *     sink ◀─ project ◀─ filter ◀─ aggregate ◀─ project ◀─ …       HAVING is the filter
 *     sink ◀─ project ◀─ join ◀─┬─ project ◀─ source       each side under its joined names, with the join's key
 *                               └─ project ◀─ source
 */

export interface PlanColumn {
  readonly name: string
  readonly type: SqlType
}

interface PlanBase {
  readonly output: 'STREAM' | 'TABLE'
  readonly key: readonly PlanColumn[]
  /** Value columns, in the order of the row's fields. */
  readonly columns: readonly PlanColumn[]
  /** Set where keys are windowed. */
  readonly window: WindowInfo | null
  /** Columns that cost nothing unless they are asked for: ROWTIME, window bounds, headers. */
  readonly virtual: readonly PlanColumn[]
}

export type PlanNode =
  | SourceNode
  | FilterNode
  | FlatMapNode
  | ProjectNode
  | AggregateNode
  | JoinNode
  | ForeignKeyJoinNode
  | PullJoinNode

export interface SourceNode extends PlanBase {
  readonly kind: 'source'
  readonly name: string
  readonly alias: string
  readonly topic: string
  readonly schema: LogicalSchema
  readonly keyFormat: FormatInfo
  readonly valueFormat: FormatInfo
  readonly timestamp: TimestampColumn | null
  /** Value columns that somebody reads; the others need not be decoded. */
  readonly usedColumns: ReadonlySet<string> | null
  /** The rows of a VALUES source, which has no topic. */
  readonly values?: readonly (readonly unknown[])[]
}

export interface FilterNode extends PlanBase {
  readonly kind: 'filter'
  readonly input: PlanNode
  readonly predicate: Expression
  readonly clause: 'WHERE' | 'HAVING'
}

/** Table functions: each row becomes as many as the longest list they return; adds one column for each. */
export interface FlatMapNode extends PlanBase {
  readonly kind: 'flatMap'
  readonly input: PlanNode
  readonly calls: readonly (PlanColumn & { readonly call: Extract<Expression, { kind: 'call' }> })[]
}

export interface ProjectNode extends PlanBase {
  readonly kind: 'project'
  readonly input: PlanNode
  readonly expressions: readonly (PlanColumn & { readonly expression: Expression })[]
  /** 'same': the key goes through. Null: no key. Else the new one, a column for each. */
  readonly newKey: 'same' | null | readonly (PlanColumn & { readonly expression: Expression })[]
  readonly clause: 'SELECT' | 'GROUP BY' | 'PARTITION BY' | 'JOIN ON'
  /** What to do with a row whose new key holds a null: groupings leave it out. */
  readonly nullKeys: 'keep' | 'drop'
}

export interface AggregateNode extends PlanBase {
  readonly kind: 'aggregate'
  /** Its columns are the arguments; its key is what is grouped by. */
  readonly input: PlanNode
  readonly aggregates: readonly AggregateCall[]
  readonly windowing: Windowing | null
  readonly emit: 'CHANGES' | 'FINAL'
  /** Grouping by the very key of the source: no repartition. */
  readonly sameKey: boolean
  /** The source's format, in which states are stored. */
  readonly valueFormat: FormatInfo
}

export interface AggregateCall {
  readonly name: string
  /** Types as found by overload resolution: of the state, and of the result. */
  readonly stateType: SqlType
  readonly type: SqlType
  readonly call: Extract<Expression, { kind: 'call' }>
  /** Fields of the input's row that hold the column arguments. */
  readonly inputs: readonly number[]
  readonly argumentTypes: readonly SqlType[]
  readonly constants: readonly unknown[]
}

export type Windowing =
  | {
      readonly kind: 'tumbling' | 'hopping'
      readonly sizeMs: number
      readonly advanceMs: number
      readonly graceMs: number
      readonly retentionMs: number | null
    }
  | {
      readonly kind: 'session'
      readonly gapMs: number
      readonly graceMs: number
      readonly retentionMs: number | null
    }

/** Of streams within a window, of a stream with a table, or of tables by primary key. */
export interface JoinNode extends PlanBase {
  readonly kind: 'join'
  readonly type: 'INNER' | 'LEFT' | 'RIGHT' | 'OUTER'
  readonly left: PlanNode
  readonly right: PlanNode
  readonly within: {
    readonly beforeMs: number
    readonly afterMs: number
    readonly graceMs: number | null
  } | null
}

/** A table whose rows refer to the primary key of another one. */
export interface ForeignKeyJoinNode extends PlanBase {
  readonly kind: 'foreignKeyJoin'
  readonly type: 'INNER' | 'LEFT'
  readonly left: PlanNode
  readonly right: PlanNode
  /** Over the left input's columns. */
  readonly foreignKey: Expression
}

/** Of a pull query: what tables hold, on any condition. */
export interface PullJoinNode extends PlanBase {
  readonly kind: 'pullJoin'
  readonly type: 'INNER' | 'LEFT' | 'RIGHT' | 'OUTER'
  readonly left: PlanNode
  readonly right: PlanNode
  readonly equalities: readonly PullEquality[]
  readonly residual: readonly Expression[]
}

/** Where the rows of a persistent query go. */
export interface SinkPlan {
  readonly name: string
  readonly topic: string
  readonly schema: LogicalSchema
  readonly keyFormat: FormatInfo
  readonly valueFormat: FormatInfo
  readonly window: WindowInfo | null
  readonly timestamp: TimestampColumn | null
}

export interface QueryPlan {
  readonly root: PlanNode
  /** Names of the sources, left to right. */
  readonly sources: readonly string[]
  /** Null for push queries. */
  readonly sink: SinkPlan | null
}

/** Types by name of everything an expression over `node`'s rows may use. */
export function columnTypes(node: PlanBase): Map<string, SqlType> {
  const types = new Map<string, SqlType>()
  for (const list of [node.virtual, node.columns, node.key]) {
    for (const column of list) types.set(column.name, column.type)
  }
  return types
}
