import { decimalOf, type Json, NumberText, printExact, sameDecimal } from '../exact-json.js'
import type { Actual } from './wire.js'

/**
 * What is expected, by its JSON type, against what came out (README section 4). Null when they agree.
 *
 * @param exact false compares numbers with a fraction as doubles
 */
export function difference(expected: Json, actual: Actual, exact: boolean, path = ''): string | null {
  const differs = `${path === '' ? '' : `${path} `}expected ${printExact(expected)}, found ${show(actual)}`
  if (expected === null || typeof expected === 'boolean') return actual === expected ? null : differs
  if (typeof expected === 'string') return sameText(expected, actual) ? null : differs
  if (expected instanceof NumberText) return sameNumber(expected.text, actual, exact) ? null : differs
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return differs
    return firstOf(
      expected.map((item, i) => () => difference(item, actual[i] as Actual, exact, `${path}[${i}]`)),
    )
  }
  const fields = Object.entries(expected)
  if (!(actual instanceof Map) || actual.size !== fields.length) return differs
  return firstOf(
    fields.map(([name, item]) => () => {
      const value = (actual.get(name) ?? actual.get(name.toUpperCase()) ?? null) as Actual
      return difference(item, value, exact, `${path}.${name}`)
    }),
  )
}

function firstOf(checks: readonly (() => string | null)[]): string | null {
  for (const check of checks) {
    const found = check()
    if (found !== null) return found
  }
  return null
}

function sameText(expected: string, actual: Actual): boolean {
  if (typeof actual === 'string') return actual === expected
  if (actual === null || typeof actual !== 'object' || !('decimal' in actual)) return false
  const [a, b] = [decimalOf(expected), decimalOf(actual.decimal)]
  return a !== null && b !== null && sameDecimal(a, b)
}

function sameNumber(expected: string, actual: Actual, exact: boolean): boolean {
  if (actual === null || typeof actual !== 'object') return false
  const wanted = decimalOf(expected)!
  if ('integer' in actual) return BigInt.asIntN(actual.bits, wholePart(wanted)) === actual.integer
  if ('double' in actual) return near(expected, actual.double)
  if (!('decimal' in actual)) return false
  if (!exact) return near(expected, Number(actual.decimal))
  const found = decimalOf(actual.decimal)!
  if (/^-?\d+$/.test(expected)) return found.scale <= 0 && wholePart(found) === wanted.unscaled
  return sameDecimal(wanted, found)
}

function near(expected: string, actual: number): boolean {
  return Math.abs(Number(expected) - actual) < 0.000001
}

function wholePart({ unscaled, scale }: { readonly unscaled: bigint; readonly scale: number }): bigint {
  return scale <= 0 ? unscaled * 10n ** BigInt(-scale) : unscaled / 10n ** BigInt(scale)
}

export function show(actual: Actual): string {
  if (actual === null || typeof actual !== 'object') return JSON.stringify(actual)
  if (Array.isArray(actual)) return `[${actual.map(show).join(',')}]`
  if (actual instanceof Map) {
    return `{${[...actual].map(([name, field]) => `${JSON.stringify(name)}:${show(field)}`).join(',')}}`
  }
  const scalar = actual as { integer?: bigint; decimal?: string; double?: number }
  return String(scalar.integer ?? scalar.decimal ?? scalar.double)
}
