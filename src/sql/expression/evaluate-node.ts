import type { Decimal } from 'decimal.js'
import type { ComparisonOperator } from '../ast.js'
import type { SqlType } from '../types.js'
import {
  addBigint,
  type Bigint,
  divideBigint,
  divideInteger,
  multiplyBigint,
  negateBigint,
  remainderBigint,
  remainderInteger,
  subtractBigint,
} from './arithmetic.js'
import { compare, equals, identityOf } from './comparison.js'
import { type ArithmeticOperator, decimalArithmetic } from './decimal.js'
import type { ComparisonKind } from './typed-expression.js'

/*
 * The operations of SQL on values that are not null, shared by the interpreter and by generated code where it does
 * not spell them out.
 */

export function arithmetic(
  operator: ArithmeticOperator,
  type: SqlType,
  left: unknown,
  right: unknown,
): unknown {
  switch (type.kind) {
    case 'STRING':
      return (left as string) + (right as string)
    case 'DOUBLE':
      return doubleArithmetic(operator, left as number, right as number)
    case 'DECIMAL':
      return decimalArithmetic(operator, left as Decimal, right as Decimal, type)
    case 'BIGINT':
      return bigintArithmetic(operator, left as Bigint, right as Bigint)
    default:
      return integerArithmetic(operator, left as number, right as number)
  }
}

export function failOnNull(): never {
  throw new RangeError('Arithmetic on null in a lambda')
}

function doubleArithmetic(operator: ArithmeticOperator, left: number, right: number): number {
  switch (operator) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    case '/':
      return left / right
    case '%':
      return left % right
  }
}

function bigintArithmetic(operator: ArithmeticOperator, left: Bigint, right: Bigint): Bigint {
  switch (operator) {
    case '+':
      return addBigint(left, right)
    case '-':
      return subtractBigint(left, right)
    case '*':
      return multiplyBigint(left, right)
    case '/':
      return divideBigint(left, right)
    case '%':
      return remainderBigint(left, right)
  }
}

function integerArithmetic(operator: ArithmeticOperator, left: number, right: number): number {
  switch (operator) {
    case '+':
      return (left + right) | 0
    case '-':
      return (left - right) | 0
    case '*':
      return Math.imul(left, right)
    case '/':
      return divideInteger(left, right)
    case '%':
      return remainderInteger(left, right)
  }
}

export function negate(type: SqlType, value: unknown): unknown {
  switch (type.kind) {
    case 'BIGINT':
      return negateBigint(value as Bigint)
    case 'DECIMAL':
      return (value as Decimal).neg()
    case 'DOUBLE':
      return -(value as number)
    default:
      return (0 - (value as number)) | 0
  }
}

/** Both values not null; never null itself. */
export function holds(
  operator: ComparisonOperator,
  kind: ComparisonKind,
  left: unknown,
  right: unknown,
): boolean {
  switch (operator) {
    case '=':
    case 'IS NOT DISTINCT FROM':
      return equals(kind, left, right)
    case '<>':
    case 'IS DISTINCT FROM':
      if (kind !== 'number') return !equals(kind, left, right)
      return (left as number) < (right as number) || (left as number) > (right as number)
    case '<':
      return compare(kind, left, right) < 0
    case '<=':
      return compare(kind, left, right) <= 0
    case '>':
      return compare(kind, left, right) > 0
    case '>=':
      return compare(kind, left, right) >= 0
  }
}

/** 1-based, negative from the end; null outside. */
export function elementAt(array: readonly unknown[], index: number): unknown {
  const at = index >= 0 ? index - 1 : array.length + index
  return array[at] ?? null
}

/** Null for a missing key. */
export function entryOf(map: ReadonlyMap<unknown, unknown>, key: unknown): unknown {
  const found = map.get(key)
  if (found !== undefined) return found
  if (key === null || typeof key !== 'object') return null
  const wanted = identityOf(key)
  for (const [k, v] of map) if (identityOf(k) === wanted) return v
  return null
}
