import type { AnalyzedOrder } from '../analyzer/analysis.js'
import type { AnalyzedQuery } from '../analyzer/analyzer.js'
import { structure } from '../analyzer/rewrite.js'
import { SqlError } from '../errors.js'
import { formatType, type SqlType } from '../types.js'
import { type PlannedQuery, planQuery } from './logical-planner.js'
import type { PlanColumn, ProjectNode } from './plan-node.js'
import type { PlannerContext } from './planner-context.js'

/** A pull query: the plan of its rows, and what becomes of them. */
export interface PullPlan {
  /** Its columns are those of the result, and after them what only ORDER BY needs. */
  readonly planned: PlannedQuery
  readonly columns: readonly PlanColumn[]
  readonly distinct: boolean
  readonly order: readonly PullOrder[]
  readonly limit: number | null
  readonly offset: number
}

export interface PullOrder {
  /** Place among the columns of the plan. */
  readonly column: number
  readonly descending: boolean
  readonly nullsFirst: boolean
}

/** Columns that have no name in the result. */
const hiddenName = (i: number): string => `(ORDER BY ${i + 1})`

/** @throws SqlError */
export function planPull(query: AnalyzedQuery, context: PlannerContext): PullPlan {
  if (query.offset !== null && query.offset < 0) {
    throw new SqlError("Pull queries don't support negative integers in the OFFSET clause.")
  }
  const orderBy = query.orderBy ?? []
  const hidden = orderBy.flatMap(({ by, location }) =>
    by.kind === 'expression' ? [{ expression: by.expression, location }] : [],
  )
  const select = hidden.map((item, i) => ({ kind: 'column' as const, alias: hiddenName(i), ...item }))
  const planned = planQuery({ ...query, select: [...query.select, ...select] }, { sinkName: null, context })
  const { root } = planned
  const columns = root.columns.slice(0, root.columns.length - hidden.length)
  let nextHidden = columns.length
  const order = orderBy.map((item): PullOrder => {
    const place = item.by.kind === 'expression' ? nextHidden++ : -1
    const column = columnOf(item, place, root, columns, query.distinct)
    checkOrdered(root.columns[column]!.type, item)
    return { column, descending: item.descending, nullsFirst: item.nullsFirst }
  })
  return { planned, columns, distinct: query.distinct, order, limit: query.limit, offset: query.offset ?? 0 }
}

function columnOf(
  { by, location }: AnalyzedOrder,
  place: number,
  root: ProjectNode,
  columns: readonly PlanColumn[],
  distinct: boolean,
): number {
  if (by.kind === 'position') {
    if (by.position >= 1 && by.position <= columns.length) return by.position - 1
    throw new SqlError(`ORDER BY position ${by.position} is not in the select list.`, {
      location,
      suggestion: `It has ${columns.length} columns.`,
    })
  }
  if (by.kind === 'alias') return columns.findIndex((c) => c.name === by.alias)
  const wanted = structure(root.expressions[place]!.expression)
  const shown = root.expressions.findIndex((e, i) => i < columns.length && structure(e.expression) === wanted)
  if (shown >= 0) return shown
  if (!distinct) return place
  throw new SqlError('With DISTINCT, ORDER BY can only use what the select list shows.', { location })
}

function checkOrdered(type: SqlType, { location }: AnalyzedOrder): void {
  if (type.kind !== 'ARRAY' && type.kind !== 'MAP' && type.kind !== 'STRUCT') return
  throw new SqlError(`ORDER BY does not support ${formatType(type)}.`, { location })
}
