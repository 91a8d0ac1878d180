/*
 * Math.log of the JavaScript engine may be off in the last digit (ln 3 is), and a DOUBLE shows all its digits. Here
 * the logarithm is computed with some ten more bits than a double has, so that rounding it is right nearly always.
 */

const ln2High = 0.6931471803691238
const ln2Low = 1.9082149292705877e-10
const splitter = 2 ** 27 + 1

/** What rounding took from a * b (Dekker). */
function productError(a: number, b: number, product: number): number {
  const aHigh = a * splitter - (a * splitter - a)
  const bHigh = b * splitter - (b * splitter - b)
  const aLow = a - aHigh
  const bLow = b - bHigh
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow)
}

/** Natural logarithm; NaN below zero, -Infinity at zero. */
export function naturalLogarithm(value: number): number {
  if (!(value > 0) || value === Number.POSITIVE_INFINITY) return Math.log(value)
  // value = mantissa * 2^exponent with the mantissa between √½ and √2.
  let exponent = Math.min(Math.floor(Math.log2(value)), 1023)
  let mantissa = value / 2 ** Math.max(exponent, -1000) / 2 ** Math.min(exponent + 1000, 0)
  if (mantissa > Math.SQRT2) {
    mantissa /= 2
    exponent++
  } else if (mantissa < Math.SQRT1_2) {
    mantissa *= 2
    exponent--
  }
  // ln m = 2 (s + s³/3 + s⁵/5 + …) where s = (m - 1) / (m + 1), of which s is kept in two doubles.
  const above = mantissa - 1
  const below = mantissa + 1
  const belowLow = mantissa - (below - 1)
  const s = above / below
  const product = s * below
  const sLow = (above - product - productError(s, below, product) - s * belowLow) / below
  const square = s * s
  let series = 0
  for (let n = 25; n >= 3; n -= 2) series = series * square + 1 / n
  const tail = 2 * (sLow + s * square * series) + exponent * ln2Low
  const head = exponent * ln2High
  const sum = head + 2 * s
  // The larger part first: what the sum lost goes to the tail.
  const lost = Math.abs(head) > Math.abs(2 * s) ? 2 * s - (sum - head) : head - (sum - 2 * s)
  return sum + (tail + lost)
}
