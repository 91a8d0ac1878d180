import type { ComparisonOperator } from '../ast.js'
import type { ResolvedScalar } from '../functions/registry.js'
import type { SqlType } from '../types.js'
import type { ArithmeticOperator } from './decimal.js'

/*
 * What the typer makes of a syntax tree: names resolved, overloads chosen, every implicit cast written out. The
 * compiler and the interpreter both read this; there is one node for each thing that can be done at run time.
 * `type` is null for the NULL literal only (and for lambdas, which are no values).
 */

export type TypedExpression =
  | TypedConstant
  | TypedColumn
  | TypedVariable
  | TypedField
  | TypedElement
  | TypedEntry
  | TypedNegate
  | TypedArithmetic
  | TypedComparison
  | TypedLogical
  | TypedNot
  | TypedIsNull
  | TypedIn
  | TypedLike
  | TypedCase
  | TypedCast
  | TypedCall
  | TypedLambda
  | TypedArray
  | TypedMap
  | TypedStruct
  | TypedGuard

export interface TypedConstant {
  readonly kind: 'constant'
  readonly type: SqlType | null
  readonly value: unknown
}

export interface TypedColumn {
  readonly kind: 'column'
  readonly type: SqlType
  /** JavaScript source that reads the value; given by the planner. */
  readonly accessor: string
}

/** A lambda's parameter; `id` is unique within one expression. */
export interface TypedVariable {
  readonly kind: 'variable'
  readonly type: SqlType
  readonly id: number
}

/** A struct's field, by position. */
export interface TypedField {
  readonly kind: 'field'
  readonly type: SqlType
  readonly base: TypedExpression
  readonly index: number
}

/** `array[index]`, 1-based, negative from the end. */
export interface TypedElement {
  readonly kind: 'element'
  readonly type: SqlType
  readonly base: TypedExpression
  readonly index: TypedExpression
}

/** `map[key]` */
export interface TypedEntry {
  readonly kind: 'entry'
  readonly type: SqlType
  readonly base: TypedExpression
  readonly key: TypedExpression
}

export interface TypedNegate {
  readonly kind: 'negate'
  readonly type: SqlType
  readonly operand: TypedExpression
}

/** Operands are of kinds that agree: text, whole numbers, doubles or decimals. */
export interface TypedArithmetic {
  readonly kind: 'arithmetic'
  readonly type: SqlType
  readonly operator: ArithmeticOperator
  readonly left: TypedExpression
  readonly right: TypedExpression
  /** A null operand is a failure, as ksqlDB has it in the body of a lambda; elsewhere it gives null. */
  readonly failsOnNull: boolean
}

/**
 * How two values are compared. 'number' also for dates and times; 'structure' for arrays, maps and structs, which
 * know only equality.
 */
export type ComparisonKind = 'number' | 'decimal' | 'string' | 'boolean' | 'bytes' | 'structure'

/** False when a side is null, except for IS [NOT] DISTINCT FROM. */
export interface TypedComparison {
  readonly kind: 'comparison'
  readonly type: SqlType
  readonly operator: ComparisonOperator
  readonly comparison: ComparisonKind
  readonly left: TypedExpression
  readonly right: TypedExpression
}

/** Three-valued; the right side is evaluated only when it matters. */
export interface TypedLogical {
  readonly kind: 'logical'
  readonly type: SqlType
  readonly operator: 'AND' | 'OR'
  readonly left: TypedExpression
  readonly right: TypedExpression
}

export interface TypedNot {
  readonly kind: 'not'
  readonly type: SqlType
  readonly operand: TypedExpression
}

export interface TypedIsNull {
  readonly kind: 'isNull'
  readonly type: SqlType
  readonly operand: TypedExpression
  readonly negated: boolean
}

/** Null never matches, on either side. */
export interface TypedIn {
  readonly kind: 'in'
  readonly type: SqlType
  readonly comparison: ComparisonKind
  readonly value: TypedExpression
  readonly items: readonly TypedExpression[]
}

export interface TypedLike {
  readonly kind: 'like'
  readonly type: SqlType
  readonly value: TypedExpression
  readonly pattern: TypedExpression
  readonly escape: string | null
}

export interface TypedCase {
  readonly kind: 'case'
  readonly type: SqlType
  readonly whens: readonly { readonly condition: TypedExpression; readonly result: TypedExpression }[]
  readonly otherwise: TypedExpression
}

export interface TypedCast {
  readonly kind: 'cast'
  readonly type: SqlType
  readonly operand: TypedExpression
}

export interface TypedCall {
  readonly kind: 'call'
  readonly type: SqlType
  readonly function: ResolvedScalar
  readonly args: readonly TypedExpression[]
}

export interface TypedLambda {
  readonly kind: 'lambda'
  readonly type: null
  readonly parameters: readonly TypedVariable[]
  readonly body: TypedExpression
}

export interface TypedArray {
  readonly kind: 'array'
  readonly type: SqlType
  readonly items: readonly TypedExpression[]
}

export interface TypedMap {
  readonly kind: 'map'
  readonly type: SqlType
  readonly entries: readonly { readonly key: TypedExpression; readonly value: TypedExpression }[]
}

export interface TypedStruct {
  readonly kind: 'struct'
  readonly type: SqlType
  readonly fields: readonly TypedExpression[]
}

/** What fails inside is reported and becomes null, instead of making the whole expression fail. */
export interface TypedGuard {
  readonly kind: 'guard'
  readonly type: SqlType
  readonly operand: TypedExpression
}

/** Whether evaluating it can throw. */
export function canThrow(expression: TypedExpression): boolean {
  switch (expression.kind) {
    case 'constant':
    case 'column':
    case 'variable':
    case 'guard':
    case 'lambda':
      return false
    case 'call':
      return true
    case 'cast':
      return castCanThrow(expression) || canThrow(expression.operand)
    case 'arithmetic': {
      const { operator, type } = expression
      const exact = type.kind !== 'DOUBLE' && (operator === '/' || operator === '%')
      return (
        exact || expression.failsOnNull || type.kind === 'DECIMAL' || childrenOf(expression).some(canThrow)
      )
    }
    case 'comparison':
    case 'in':
      // A double that is NaN has no decimal.
      return expression.comparison === 'decimal' || childrenOf(expression).some(canThrow)
    case 'like':
      return expression.escape !== null || childrenOf(expression).some(canThrow)
    default:
      return childrenOf(expression).some(canThrow)
  }
}

function castCanThrow(cast: TypedCast): boolean {
  const from = cast.operand.type
  if (from === null) return false
  const safe = ['INTEGER', 'BIGINT', 'DOUBLE', 'STRING', 'TIMESTAMP', 'DATE', 'TIME']
  if (cast.type.kind === 'STRING') return false
  return from.kind === 'STRING' || !safe.includes(cast.type.kind)
}

export function childrenOf(expression: TypedExpression): readonly TypedExpression[] {
  switch (expression.kind) {
    case 'constant':
    case 'column':
    case 'variable':
      return []
    case 'field':
      return [expression.base]
    case 'element':
      return [expression.base, expression.index]
    case 'entry':
      return [expression.base, expression.key]
    case 'arithmetic':
    case 'comparison':
    case 'logical':
      return [expression.left, expression.right]
    case 'negate':
    case 'not':
    case 'isNull':
    case 'cast':
    case 'guard':
      return [expression.operand]
    case 'in':
      return [expression.value, ...expression.items]
    case 'like':
      return [expression.value, expression.pattern]
    case 'case':
      return [...expression.whens.flatMap((w) => [w.condition, w.result]), expression.otherwise]
    case 'call':
      return expression.args
    case 'lambda':
      return [expression.body]
    case 'array':
      return expression.items
    case 'map':
      return expression.entries.flatMap((e) => [e.key, e.value])
    case 'struct':
      return expression.fields
  }
}
