import { Decimal } from 'decimal.js'
import type { SqlType } from '../types.js'

export type DecimalType = Extract<SqlType, { kind: 'DECIMAL' }>

/**
 * The decimal class of all SQL values. Sums and products are exact up to 1000 digits; a decimal does not know its
 * scale, the type does, and text is padded to it. Nothing is rounded unless said so.
 */
export const SqlDecimal = Decimal.clone({
  precision: 1000,
  rounding: Decimal.ROUND_HALF_UP,
  toExpNeg: -1e9,
  toExpPos: 1e9,
  minE: -1e9,
  maxE: 1e9,
})

/** INT and BIGINT as decimals have all their digits before the point. */
export function decimalTypeOf(type: SqlType): DecimalType | null {
  if (type.kind === 'DECIMAL') return type
  if (type.kind === 'INTEGER') return { kind: 'DECIMAL', precision: 10, scale: 0 }
  if (type.kind === 'BIGINT') return { kind: 'DECIMAL', precision: 19, scale: 0 }
  return null
}

/** The type of a literal: its digits, with at least one before the point. */
export function decimalTypeOfText(text: string): DecimalType {
  const { digits, scale } = digitsOf(text)
  if (scale < 0) return { kind: 'DECIMAL', precision: digits.length - scale, scale: 0 }
  return { kind: 'DECIMAL', precision: Math.max(digits.length, scale + 1), scale }
}

/** `-1.50e1` has the digits 150 and the scale 1. */
function digitsOf(text: string): { digits: string; scale: number } {
  const [, whole = '', fraction = '', exponent = '0'] =
    /^[+-]?(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text) ?? []
  return {
    digits: (whole + fraction).replace(/^0+(?=.)/, ''),
    scale: fraction.length - Number(exponent),
  }
}

const decimalPattern = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/

/** @throws RangeError when the text is not a number. */
export function parseDecimal(text: string): Decimal {
  if (!decimalPattern.test(text)) throw new RangeError(`Not a number: '${text}'`)
  return new SqlDecimal(text)
}

/** @throws RangeError for NaN and the infinities */
export function requireFinite(value: number): void {
  if (!Number.isFinite(value)) throw new RangeError(`${value} is not a number a DECIMAL can hold`)
}

/** @throws RangeError `Numeric field overflow…` when the whole digits do not fit. */
export function requireFit(value: Decimal, precision: number, scale: number): void {
  const digits = precision - scale
  // `e` is the exponent of the first digit.
  if (value.e < digits || value.isZero()) return
  throw new RangeError(
    `Numeric field overflow: A field with precision ${precision} and scale ${scale} ` +
      `must round to an absolute value less than 10^${digits}. Got ${value.toFixed()}`,
  )
}

/** CAST: rounds half up to the scale, but must fit before it is rounded. */
export function castDecimal(value: Decimal, type: DecimalType): Decimal {
  requireFit(value, type.precision, type.scale)
  if (value.decimalPlaces() <= type.scale) return value
  return new SqlDecimal(value).toDecimalPlaces(type.scale, SqlDecimal.ROUND_HALF_UP)
}

/**
 * All digits that the double really has count, not the shortest that identify it; they are first rounded to the
 * precision, then to the scale.
 */
export function castDoubleToDecimal(value: number, type: DecimalType): Decimal {
  requireFinite(value)
  return castDecimal(new SqlDecimal(value.toPrecision(Math.min(type.precision, 100))), type)
}

/** @throws RangeError when the value has more digits than the type; nothing is rounded. */
export function ensureFit(value: Decimal, type: DecimalType): Decimal {
  requireFit(value, type.precision, type.scale)
  if (value.decimalPlaces() <= type.scale) return value
  throw new RangeError(
    `Cannot fit decimal '${value.toFixed()}' into DECIMAL(${type.precision}, ${type.scale}) without rounding. ` +
      `(Requires ${value.precision()},${value.decimalPlaces()})`,
  )
}

/** Plain digits, padded to the scale. */
export function decimalToPlainText(value: Decimal, scale: number): string {
  const text = value.toFixed(scale)
  return value.isZero() && text.startsWith('-') ? text.slice(1) : text
}

/** As java.math.BigDecimal prints: scientific once six zeros would follow the point. */
export function decimalToText(value: Decimal, scale: number): string {
  const plain = decimalToPlainText(value, scale)
  const negative = plain.startsWith('-')
  const digits = plain.replace(/[-.]/g, '').replace(/^0+(?=.)/, '')
  const exponent = digits.length - 1 - scale
  if (exponent >= -6) return plain
  const mantissa = digits.length === 1 ? digits : `${digits[0]}.${digits.slice(1)}`
  return `${negative ? '-' : ''}${mantissa}E${exponent}`
}

/** The type both can be widened to: the larger whole part and the larger scale. */
export function widenDecimals(a: DecimalType, b: DecimalType): DecimalType {
  const scale = Math.max(a.scale, b.scale)
  const whole = Math.max(a.precision - a.scale, b.precision - b.scale)
  return { kind: 'DECIMAL', precision: whole + scale, scale }
}

export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%'

export function decimalResultType(
  operator: ArithmeticOperator,
  left: DecimalType,
  right: DecimalType,
): DecimalType {
  const wholeLeft = left.precision - left.scale
  const wholeRight = right.precision - right.scale
  const larger = Math.max(left.scale, right.scale)
  switch (operator) {
    case '+':
    case '-':
      return { kind: 'DECIMAL', precision: larger + Math.max(wholeLeft, wholeRight) + 1, scale: larger }
    case '*':
      return {
        kind: 'DECIMAL',
        precision: left.precision + right.precision + 1,
        scale: left.scale + right.scale,
      }
    case '/': {
      const scale = Math.max(6, left.scale + right.precision + 1)
      return { kind: 'DECIMAL', precision: wholeLeft + right.scale + scale, scale }
    }
    case '%':
      return { kind: 'DECIMAL', precision: Math.min(wholeLeft, wholeRight) + larger, scale: larger }
  }
}

/**
 * One operation, exact.
 * @throws RangeError when the divisor is zero, or the result has more digits than its type holds.
 */
export function decimalArithmetic(
  operator: ArithmeticOperator,
  left: Decimal,
  right: Decimal,
  type: DecimalType,
): Decimal {
  // The class of the left operand decides how many digits are kept.
  const own = left.constructor === SqlDecimal ? left : new SqlDecimal(left)
  const result = compute(operator, own, right, type)
  if (result.precision() > type.precision || result.decimalPlaces() > type.scale) {
    throw new RangeError('Rounding necessary')
  }
  return result
}

function compute(operator: ArithmeticOperator, left: Decimal, right: Decimal, type: DecimalType): Decimal {
  switch (operator) {
    case '+':
      return left.plus(right)
    case '-':
      return left.minus(right)
    case '*':
      return left.times(right)
    case '%':
      if (right.isZero()) throw new RangeError('Division by zero')
      return left.mod(right)
    case '/':
      return divide(left, right, type)
  }
}

function divide(left: Decimal, right: Decimal, type: DecimalType): Decimal {
  if (right.isZero()) throw new RangeError('Division by zero')
  if (left.isZero()) return new SqlDecimal(0)
  // Scaled to whole numbers the division is exact when nothing remains.
  const places = type.scale + right.decimalPlaces()
  const dividend = wholeNumber(left, places + left.decimalPlaces())
  const divisor = wholeNumber(right, right.decimalPlaces())
  if (dividend % divisor !== 0n) throw new RangeError('Rounding necessary')
  const shift = places + left.decimalPlaces() - right.decimalPlaces()
  return new SqlDecimal(`${dividend / divisor}e${-shift}`)
}

function wholeNumber(value: Decimal, places: number): bigint {
  return BigInt(value.times(new SqlDecimal(10).pow(places)).toFixed(0))
}
