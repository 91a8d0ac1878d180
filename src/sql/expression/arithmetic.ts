import type { SqlType } from '../types.js'
import { type ArithmeticOperator, decimalResultType, decimalTypeOf } from './decimal.js'

/*
 * Numbers of SQL. INTEGER wraps at 32 bits. BIGINT is a JavaScript number while it is a safe integer and a bigint
 * beyond, and wraps at 64 bits. A sum or product of safe integers that comes out as a safe integer is exact.
 */

export type Bigint = number | bigint

/** Wraps to 64 bits; a bigint only where a number could not hold it. */
export function normalizeBigint(value: bigint): Bigint {
  const wrapped = BigInt.asIntN(64, value)
  const number = Number(wrapped)
  return Number.isSafeInteger(number) ? number : wrapped
}

export function addBigint(a: Bigint, b: Bigint): Bigint {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b
    if (Number.isSafeInteger(sum)) return sum
  }
  return normalizeBigint(BigInt(a) + BigInt(b))
}

export function subtractBigint(a: Bigint, b: Bigint): Bigint {
  if (typeof a === 'number' && typeof b === 'number') {
    const difference = a - b
    if (Number.isSafeInteger(difference)) return difference
  }
  return normalizeBigint(BigInt(a) - BigInt(b))
}

export function multiplyBigint(a: Bigint, b: Bigint): Bigint {
  if (typeof a === 'number' && typeof b === 'number') {
    const product = a * b
    // Adding zero turns -0 into 0.
    if (Number.isSafeInteger(product)) return product + 0
  }
  return normalizeBigint(BigInt(a) * BigInt(b))
}

/** Cuts toward zero. @throws RangeError for a zero divisor. */
export function divideBigint(a: Bigint, b: Bigint): Bigint {
  if (b === 0) throw divisionByZero()
  if (typeof a === 'number' && typeof b === 'number') return (a - (a % b)) / b + 0
  return normalizeBigint(BigInt(a) / BigInt(b))
}

export function remainderBigint(a: Bigint, b: Bigint): Bigint {
  if (b === 0) throw divisionByZero()
  if (typeof a === 'number' && typeof b === 'number') return (a % b) + 0
  return normalizeBigint(BigInt(a) % BigInt(b))
}

export function negateBigint(a: Bigint): Bigint {
  return typeof a === 'number' ? 0 - a : normalizeBigint(-a)
}

/** @throws RangeError for a zero divisor. */
export function divideInteger(a: number, b: number): number {
  if (b === 0) throw divisionByZero()
  return (a / b) | 0
}

export function remainderInteger(a: number, b: number): number {
  if (b === 0) throw divisionByZero()
  return (a % b) | 0
}

function divisionByZero(): RangeError {
  return new RangeError('/ by zero')
}

/** Double to whole number as Java narrows: cut, NaN is 0, and the ends of the range for what lies outside. */
export function doubleToInteger(value: number): number {
  if (Number.isNaN(value)) return 0
  return Math.max(-2147483648, Math.min(2147483647, Math.trunc(value))) + 0
}

const maxLong = 2n ** 63n - 1n
const minLong = -(2n ** 63n)

export function doubleToBigint(value: number): Bigint {
  if (Number.isNaN(value)) return 0
  if (value >= 2 ** 63) return maxLong
  if (value <= -(2 ** 63)) return minLong
  const whole = Math.trunc(value) + 0
  return Number.isSafeInteger(whole) ? whole : BigInt(whole)
}

export function bigintToInteger(value: Bigint): number {
  return typeof value === 'number' ? value | 0 : Number(BigInt.asIntN(32, value))
}

/** @throws RangeError unless the text is a whole number of at most 64 bits. */
export function parseBigint(text: string): Bigint {
  if (!/^[+-]?\d+$/.test(text)) throw new RangeError(`For input string: "${text}"`)
  const number = Number(text)
  if (Number.isSafeInteger(number)) return number + 0
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text)
  if (value > maxLong || value < minLong) throw new RangeError(`For input string: "${text}"`)
  return normalizeBigint(value)
}

/** @throws RangeError unless the text is a whole number of at most 32 bits. */
export function parseInteger(text: string): number {
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= -2147483648 && value <= 2147483647) return value + 0
  throw new RangeError(`For input string: "${text}"`)
}

/** @throws RangeError; NaN and Infinity are not accepted. */
export function parseDouble(text: string): number {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[dDfF]?$/.test(text)) {
    throw new RangeError(`For input string: "${text}"`)
  }
  const value = Number(text.replace(/[dDfF]$/, ''))
  if (Number.isFinite(value)) return value
  throw new RangeError(`Number overflows DOUBLE: ${text}`)
}

export function isNumeric(type: SqlType): boolean {
  return (
    type.kind === 'INTEGER' || type.kind === 'BIGINT' || type.kind === 'DECIMAL' || type.kind === 'DOUBLE'
  )
}

/** The type of `left operator right`, or null when the operator does not take these types. */
export function arithmeticType(operator: ArithmeticOperator, left: SqlType, right: SqlType): SqlType | null {
  if (operator === '+' && left.kind === 'STRING' && right.kind === 'STRING') return left
  if (!isNumeric(left) || !isNumeric(right)) return null
  if (left.kind === 'DOUBLE' || right.kind === 'DOUBLE') return { kind: 'DOUBLE' }
  if (left.kind === 'DECIMAL' || right.kind === 'DECIMAL') {
    return decimalResultType(operator, decimalTypeOf(left)!, decimalTypeOf(right)!)
  }
  return left.kind === 'BIGINT' ? left : right
}
