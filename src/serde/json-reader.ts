import { asciiText } from '../common/index.js'
import { hasPlainNames, plainBytes, type ShapeReader } from './json-shape.js'

/*
 * Reads what JSON.parse reads, several times as fast, from documents of one shape: a flat object with the same names in
 * the same order and no white space, as one program writes them.
 *
 *     {"id":1497,"name":"Item_7","price":2.5}
 *     └name┘value └name──┘value   └name───┘value
 *
 * Values are plain strings, numbers without an exponent and of at most 15 digits, booleans and null. Whatever deviates
 * in the least goes to `fallback`, from its start.
 */

/** The names of a shape. An object would take `__proto__` for something else, and has numbers before other names. */
function isShape(names: readonly string[]): boolean {
  if (names.length === 0 || names.length > NAMES_MAX || !hasPlainNames(names)) return false
  return names.every((name) => name !== '__proto__' && !/^\d+$/.test(name))
}

const NAMES_MAX = 64

/** The names of a flat object, as a shape; null where it has none that could be read or written. */
export function shapeOf(value: unknown): readonly string[] | null {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return null
  const names = Object.keys(value)
  if (!isShape(names)) return null
  const values: unknown[] = Object.values(value)
  return values.every((item) => item === null || scalars.has(typeof item)) ? names : null
}

const scalars: ReadonlySet<string> = new Set(['string', 'number', 'boolean'])

export function shapeReader(names: readonly string[], fallback: ShapeReader): ShapeReader {
  const parts = names.map((name, i) => {
    const constant = `${i === 0 ? '{' : ','}${JSON.stringify(name)}:`
    const tests = [...Buffer.from(constant)].map((byte, at) => `b[p + ${at}] !== ${byte}`).join(' || ')
    return `if (p + ${constant.length} >= end || ${tests}) return fallback(b, start, end)
      const v${i} = valueAt(b, p + ${constant.length}, end)
      if (v${i} === undefined) return fallback(b, start, end)
      p = place.end`
  })
  const fields = names.map((name, i) => `${JSON.stringify(name)}: v${i}`).join(', ')
  const source = `
    'use strict'
    const { fallback, valueAt, place } = scope
    return function read(b, start, end) {
      let p = start
      ${parts.join('\n      ')}
      if (p + 1 !== end || b[p] !== 0x7d) return fallback(b, start, end)
      return { ${fields} }
    }`
  return new Function('scope', source)({ fallback, valueAt, place }) as ShapeReader
}

/** Where the value read last ends. The reader is synchronous; an object a value would cost more than the value. */
const place = { end: 0 }

/** Undefined: not one of the values above. */
function valueAt(b: Buffer, start: number, end: number): unknown {
  const first = b[start]!
  if (first === 0x22) {
    let p = start + 1
    while (p < end && plainBytes[b[p]!] === 1) p++
    if (p >= end || b[p] !== 0x22) return undefined
    place.end = p + 1
    return asciiText(b, start + 1, p)
  }
  if (first <= 0x39) return numberAt(b, start, end)
  if (first === 0x74) return isWord(b, start, end, 0x72, 0x75, 0x65) ? true : undefined
  if (first === 0x6e) return isWord(b, start, end, 0x75, 0x6c, 0x6c) ? null : undefined
  if (first === 0x66 && b[start + 1] === 0x61) {
    return isWord(b, start + 1, end, 0x6c, 0x73, 0x65) ? false : undefined
  }
  return undefined
}

function isWord(
  b: Buffer,
  start: number,
  end: number,
  second: number,
  third: number,
  fourth: number,
): boolean {
  place.end = start + 4
  return place.end < end && b[start + 1] === second && b[start + 2] === third && b[start + 3] === fourth
}

const powers = Float64Array.from({ length: 16 }, (_, exponent) => 10 ** exponent)

/** Up to 15 digits and their power of ten are exact in a double, and so their quotient is rounded once: correctly. */
function numberAt(b: Buffer, start: number, end: number): number | undefined {
  const negative = b[start] === 0x2d
  const first = negative ? start + 1 : start
  let p = first
  let digits = 0
  let digit = 0
  while (p < end && (digit = b[p]! - 0x30) >= 0 && digit <= 9) {
    digits = digits * 10 + digit
    p++
  }
  let length = p - first
  if (length === 0 || (length > 1 && b[first] === 0x30)) return undefined
  let value = digits
  if (b[p] === 0x2e) {
    const point = p++
    while (p < end && (digit = b[p]! - 0x30) >= 0 && digit <= 9) {
      digits = digits * 10 + digit
      p++
    }
    const decimals = p - point - 1
    length += decimals
    if (decimals === 0 || length > 15) return undefined
    value = digits / powers[decimals]!
  }
  // A character that cannot follow a number is noticed by what comes next.
  if (length > 15 || p >= end) return undefined
  place.end = p
  return negative ? -value : value
}
