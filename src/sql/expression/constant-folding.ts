import type { FunctionEnvironment } from '../functions/registry.js'
import { evaluate } from './interpreter.js'
import { childrenOf, type TypedExpression } from './typed-expression.js'

/**
 * Evaluates now what is the same for every row. What fails is left for the run, where failing is reported; guards
 * are left too, for the same reason.
 */
export function foldConstants(e: TypedExpression, environment: FunctionEnvironment): TypedExpression {
  const folded = mapChildren(e, (child) => foldConstants(child, environment))
  if (folded.type === null || !foldable(folded)) return folded
  try {
    return { kind: 'constant', type: folded.type, value: evaluate(folded, { environment }) }
  } catch {
    return folded
  }
}

function foldable(e: TypedExpression): boolean {
  switch (e.kind) {
    case 'constant':
    case 'column':
    case 'variable':
    case 'lambda':
      return false
    case 'guard':
      return e.operand.kind === 'constant'
    case 'call':
      return (
        e.function.deterministic && e.args.length > 0 && childrenOf(e).every((c) => c.kind === 'constant')
      )
    default:
      return childrenOf(e).every((child) => child.kind === 'constant')
  }
}

function mapChildren(e: TypedExpression, map: (child: TypedExpression) => TypedExpression): TypedExpression {
  switch (e.kind) {
    case 'constant':
    case 'column':
    case 'variable':
      return e
    case 'field':
      return { ...e, base: map(e.base) }
    case 'element':
      return { ...e, base: map(e.base), index: map(e.index) }
    case 'entry':
      return { ...e, base: map(e.base), key: map(e.key) }
    case 'arithmetic':
    case 'comparison':
    case 'logical':
      return { ...e, left: map(e.left), right: map(e.right) }
    case 'negate':
    case 'not':
    case 'isNull':
    case 'cast':
    case 'guard':
      return { ...e, operand: map(e.operand) }
    case 'in':
      return { ...e, value: map(e.value), items: e.items.map(map) }
    case 'like':
      return { ...e, value: map(e.value), pattern: map(e.pattern) }
    case 'case':
      return {
        ...e,
        whens: e.whens.map((w) => ({ condition: map(w.condition), result: map(w.result) })),
        otherwise: map(e.otherwise),
      }
    case 'call':
      return { ...e, args: e.args.map(map) }
    case 'lambda':
      return { ...e, body: map(e.body) }
    case 'array':
      return { ...e, items: e.items.map(map) }
    case 'map':
      return { ...e, entries: e.entries.map((x) => ({ key: map(x.key), value: map(x.value) })) }
    case 'struct':
      return { ...e, fields: e.fields.map(map) }
  }
}
