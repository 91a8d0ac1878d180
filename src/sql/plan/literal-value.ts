import { Decimal } from 'decimal.js'
import type { Expression } from '../ast.js'

/** The value of a literal; undefined for anything else. */
export function literalValue(expression: Expression): { readonly value: unknown } | undefined {
  switch (expression.kind) {
    case 'null':
      return { value: null }
    case 'boolean':
    case 'integer':
    case 'long':
    case 'double':
    case 'string':
      return { value: expression.value }
    case 'decimal':
      return { value: new Decimal(expression.text) }
    case 'unary': {
      if (expression.operator !== '-') return literalValue(expression.operand)
      const inner = literalValue(expression.operand)?.value
      if (typeof inner === 'number' || typeof inner === 'bigint') return { value: -inner }
      return inner instanceof Decimal ? { value: inner.neg() } : undefined
    }
    default:
      return undefined
  }
}
