import type { AnalyzedPullJoin } from '../analyzer/analysis.js'
import { SqlError } from '../errors.js'
import { formatType } from '../types.js'
import type { JoinPlanner, JoinSide } from './join-planner.js'
import type { PullJoinNode } from './plan-node.js'
import { explaining, typeIn } from './planner-context.js'

/** Rows of both sides, under their joined names. Nothing is asked of keys: partners are found in memory. */
export function planPullJoin(
  join: AnalyzedPullJoin,
  left: JoinSide,
  right: JoinSide,
  { context }: JoinPlanner,
): JoinSide {
  const node: PullJoinNode = {
    kind: 'pullJoin',
    type: join.type,
    left: left.node,
    right: right.node,
    equalities: join.equalities,
    residual: join.residual,
    output: 'TABLE',
    key: [],
    columns: [...left.node.columns, ...right.node.columns],
    window: null,
    virtual: [],
  }
  const type = explaining('Invalid join condition: ', () => typeIn(node, join.condition, context))
  if (type.kind !== 'BOOLEAN') {
    throw new SqlError(`Invalid join condition: it must be BOOLEAN, not ${formatType(type)}.`, {
      location: join.location,
    })
  }
  return { node, keys: { origin: 'join', synthetic: false, columns: [] }, partitions: 1 }
}
