import type { Expression, Join } from '../ast.js'
import { SqlError } from '../errors.js'
import type { AnalyzedPullJoin, PullEquality, SourceLeaf, SourceTree } from './analysis.js'
import type { NameScope } from './name-scope.js'
import { columnsIn } from './rewrite.js'

/**
 * A join of a pull query, which may be on any condition. Its equalities between the two sides find the partners; what
 * is left of it is asked of each pair.
 */
export function analyzePullJoin(
  { type, on, within, location }: Join,
  left: SourceTree,
  right: SourceLeaf,
  scope: NameScope,
): AnalyzedPullJoin {
  if (within !== null) {
    throw new SqlError('Pull queries join what tables hold now: leave out the WITHIN clause.', { location })
  }
  const condition = scope.resolve(on, 'JOIN ON')
  const rightAlias = right.source.alias
  const equalities: PullEquality[] = []
  const residual: Expression[] = []
  for (const part of conjunctsOf(condition)) {
    const equality = equalityOf(part, rightAlias, scope)
    if (equality === null) residual.push(part)
    else equalities.push(equality)
  }
  return {
    kind: 'pullJoin',
    type,
    left,
    right,
    condition,
    equalities,
    residual,
    location: on.location ?? location,
  }
}

/** The parts that AND joins. */
export function conjunctsOf(e: Expression): Expression[] {
  return e.kind === 'logical' && e.operator === 'AND'
    ? [...conjunctsOf(e.left), ...conjunctsOf(e.right)]
    : [e]
}

function equalityOf(part: Expression, rightAlias: string, scope: NameScope): PullEquality | null {
  if (part.kind !== 'comparison' || part.operator !== '=') return null
  const sides = [part.left, part.right].map((side) => {
    const aliases = new Set([...columnsIn(side)].map((name) => scope.originOf(name)?.alias))
    if (aliases.size === 0) return 'none'
    if (!aliases.has(rightAlias)) return 'left'
    return aliases.size === 1 ? 'right' : 'both'
  })
  if (sides[0] === 'left' && sides[1] === 'right')
    return { left: part.left, right: part.right, written: part }
  if (sides[0] === 'right' && sides[1] === 'left')
    return { left: part.right, right: part.left, written: part }
  return null
}
