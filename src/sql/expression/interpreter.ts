import type { Expression } from '../ast.js'
import type { FunctionBody, FunctionEnvironment } from '../functions/registry.js'
import { formatType, type SqlType, sameType } from '../types.js'
import { castFunction } from './casts.js'
import { equals } from './comparison.js'
import { arithmetic, elementAt, entryOf, failOnNull, holds, negate } from './evaluate-node.js'
import { ExpressionError } from './expression-error.js'
import { typeExpression } from './expression-typer.js'
import { like } from './like.js'
import type { ExpressionScope } from './scope.js'
import { coerceLiteral } from './type-coercion.js'
import type {
  TypedArithmetic,
  TypedCall,
  TypedComparison,
  TypedExpression,
  TypedLambda,
  TypedLogical,
} from './typed-expression.js'

/*
 * Evaluates typed expressions by walking them. It is slow and obvious: for constants, INSERT VALUES and keys of
 * pull queries, and as the measure of what generated code must do.
 */

export interface EvaluationContext {
  readonly environment: FunctionEnvironment
  /** A column's value by its accessor; null for SQL null. */
  readonly column?: (accessor: string) => unknown
  /** Told of what failed and became null inside the expression. */
  readonly onError?: (error: unknown) => void
}

/**
 * The value of the expression for one row.
 * @throws whatever a failing part throws, unless a part of it stands in a place that turns failures into null.
 */
export function evaluate(expression: TypedExpression, context: EvaluationContext): unknown {
  return new Interpreter(context).value(expression)
}

/**
 * A constant's value, as type `target` where one is given.
 * @throws SqlError when it is not constant, or does not fit
 */
export function evaluateConstant(expression: Expression, scope: ExpressionScope, target?: SqlType): unknown {
  const typed = typeExpression(expression, scope)
  const value = evaluate(typed, { environment: scope.functions.environment })
  if (target === undefined || typed.type === null || value === null || sameType(typed.type, target))
    return value
  const coerced = coerceLiteral(value, typed.type, target)
  if (coerced !== undefined) return coerced
  throw new ExpressionError(
    `Expected type ${formatType(target)} but got ${formatType(typed.type)}`,
    expression.location,
  )
}

class Interpreter {
  readonly #context: EvaluationContext
  readonly #variables = new Map<number, unknown>()
  readonly #functions = new Map<TypedCall, FunctionBody>()

  constructor(context: EvaluationContext) {
    this.#context = context
  }

  value(e: TypedExpression): unknown {
    switch (e.kind) {
      case 'constant':
        return e.value
      case 'column':
        return this.#context.column?.(e.accessor) ?? null
      case 'variable':
        return this.#variables.get(e.id) ?? null
      case 'field': {
        const base = this.value(e.base) as unknown[] | null
        return base === null ? null : (base[e.index] ?? null)
      }
      case 'element':
        return this.#both(e.base, e.index, (array, index) => elementAt(array as unknown[], Number(index)))
      case 'entry':
        return this.#both(e.base, e.key, (map, key) => entryOf(map as Map<unknown, unknown>, key))
      case 'negate': {
        const operand = this.value(e.operand)
        return operand === null ? null : negate(e.type, operand)
      }
      case 'arithmetic':
        return this.#arithmetic(e)
      case 'comparison':
        return this.#comparison(e)
      case 'logical':
        return this.#logical(e)
      case 'not': {
        const operand = this.value(e.operand)
        return operand === null ? null : !operand
      }
      case 'isNull':
        return (this.value(e.operand) === null) !== e.negated
      case 'in': {
        const value = this.value(e.value)
        return value !== null && e.items.some((item) => this.#matches(e.comparison, value, this.value(item)))
      }
      case 'like': {
        const value = this.value(e.value)
        const pattern = this.value(e.pattern)
        return value !== null && pattern !== null && like(value as string, pattern as string, e.escape)
      }
      case 'case': {
        const chosen = e.whens.find((when) => this.value(when.condition) === true)
        return this.value(chosen?.result ?? e.otherwise)
      }
      case 'cast': {
        const operand = this.value(e.operand)
        return operand === null ? null : castFunction(e.operand.type!, e.type)(operand as never)
      }
      case 'call':
        return this.#call(e)
      case 'lambda':
        return this.#lambda(e)
      case 'array':
        return e.items.map((item) => this.value(item))
      case 'map':
        return new Map(e.entries.map((entry) => [this.value(entry.key), this.value(entry.value)]))
      case 'struct':
        return e.fields.map((field) => this.value(field))
      case 'guard':
        try {
          return this.value(e.operand)
        } catch (error) {
          this.#context.onError?.(error)
          return null
        }
    }
  }

  /** Null when either side is. */
  #both(
    a: TypedExpression,
    b: TypedExpression,
    operation: (left: unknown, right: unknown) => unknown,
  ): unknown {
    const left = this.value(a)
    const right = this.value(b)
    return left === null || right === null ? null : operation(left, right)
  }

  #arithmetic(e: TypedArithmetic): unknown {
    const left = this.value(e.left)
    const right = this.value(e.right)
    if (left !== null && right !== null) return arithmetic(e.operator, e.type, left, right)
    return e.failsOnNull ? failOnNull() : null
  }

  #comparison(e: TypedComparison): boolean {
    const left = this.value(e.left)
    const right = this.value(e.right)
    if (left === null || right === null) {
      if (e.operator === 'IS DISTINCT FROM') return left !== right
      return e.operator === 'IS NOT DISTINCT FROM' && left === right
    }
    return holds(e.operator, e.comparison, left, right)
  }

  #logical(e: TypedLogical): boolean | null {
    const decided = e.operator === 'OR'
    const left = this.value(e.left) as boolean | null
    if (left === decided) return decided
    const right = this.value(e.right) as boolean | null
    if (right === decided) return decided
    return left === null || right === null ? null : !decided
  }

  #matches(kind: Parameters<typeof equals>[0], value: unknown, item: unknown): boolean {
    return item !== null && equals(kind, value, item)
  }

  #call(e: TypedCall): unknown {
    let fn = this.#functions.get(e)
    if (fn === undefined) this.#functions.set(e, (fn = e.function.instantiate(this.#context.environment)))
    const args = e.args.map((arg) => this.value(arg))
    if (e.function.nulls === 'propagate' && args.includes(null)) return null
    return fn(...args) ?? null
  }

  #lambda(e: TypedLambda): (...args: unknown[]) => unknown {
    return (...args) => {
      for (const [i, parameter] of e.parameters.entries()) this.#variables.set(parameter.id, args[i] ?? null)
      return this.value(e.body)
    }
  }
}
