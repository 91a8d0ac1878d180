import { asciiText } from '../../common/index.js'
import { SerializationError } from '../../serde/index.js'

/*
 * A strict JSON reader over bytes that keeps numbers as they are written. It is the reference the fast decoder
 * falls back to, and is checked against.
 */

/** A number by its text: no digit is lost, and 1.50 is not 1.5. */
export class JsonNumber {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

export type JsonNode = null | boolean | string | JsonNumber | JsonNode[] | Map<string, JsonNode>

/** Where in which bytes. One per decoder, reused from record to record. */
export class JsonCursor {
  buffer: Buffer = Buffer.alloc(0)
  position = 0
  /** Exclusive. */
  end = 0
}

/** As deep as Jackson, ksqlDB's reader, goes. */
const depthMax = 1000

export function invalidJson(cursor: JsonCursor, what: string): SerializationError {
  return new SerializationError(`invalid JSON at byte ${cursor.position}: ${what}`)
}

export function skipSpace(cursor: JsonCursor): void {
  const { buffer, end } = cursor
  let p = cursor.position
  while (p < end) {
    const byte = buffer[p]!
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break
    p++
  }
  cursor.position = p
}

/** The byte at the cursor, or -1 at the end. */
export function peek(cursor: JsonCursor): number {
  return cursor.position < cursor.end ? cursor.buffer[cursor.position]! : -1
}

/** The whole of `buffer[start, end)` as one value. */
export function readDocument(cursor: JsonCursor): JsonNode {
  skipSpace(cursor)
  const node = readNode(cursor, 0)
  expectEnd(cursor)
  return node
}

export function expectEnd(cursor: JsonCursor): void {
  skipSpace(cursor)
  if (cursor.position !== cursor.end) throw invalidJson(cursor, 'text after the value')
}

/** The value at the cursor, which stands on its first byte; afterwards right behind it. */
export function readNode(cursor: JsonCursor, depth = 0): JsonNode {
  if (depth > depthMax) throw invalidJson(cursor, `nested deeper than ${depthMax}`)
  const byte = peek(cursor)
  switch (byte) {
    case 0x22:
      return readString(cursor)
    case 0x7b:
      return readObject(cursor, depth)
    case 0x5b:
      return readArray(cursor, depth)
    case 0x74:
      return readWord(cursor, 'true', true)
    case 0x66:
      return readWord(cursor, 'false', false)
    case 0x6e:
      return readWord(cursor, 'null', null)
    default:
      return new JsonNumber(readNumberText(cursor))
  }
}

function readObject(cursor: JsonCursor, depth: number): Map<string, JsonNode> {
  const fields = new Map<string, JsonNode>()
  cursor.position++
  skipSpace(cursor)
  if (peek(cursor) === 0x7d) {
    cursor.position++
    return fields
  }
  for (;;) {
    if (peek(cursor) !== 0x22) throw invalidJson(cursor, 'a name in quotes is expected')
    const name = readString(cursor)
    skipSpace(cursor)
    if (peek(cursor) !== 0x3a) throw invalidJson(cursor, "':' is expected")
    cursor.position++
    skipSpace(cursor)
    fields.set(name, readNode(cursor, depth + 1))
    if (!another(cursor, 0x7d)) return fields
  }
}

function readArray(cursor: JsonCursor, depth: number): JsonNode[] {
  const items: JsonNode[] = []
  cursor.position++
  skipSpace(cursor)
  if (peek(cursor) === 0x5d) {
    cursor.position++
    return items
  }
  for (;;) {
    items.push(readNode(cursor, depth + 1))
    if (!another(cursor, 0x5d)) return items
  }
}

/** After a value: true and past the comma when another one follows, false and past `close` when none does. */
export function another(cursor: JsonCursor, close: number): boolean {
  skipSpace(cursor)
  const byte = peek(cursor)
  if (byte !== 0x2c && byte !== close) {
    throw invalidJson(cursor, `',' or '${String.fromCharCode(close)}' is expected`)
  }
  cursor.position++
  if (byte === close) return false
  skipSpace(cursor)
  return true
}

export function readWord<T>(cursor: JsonCursor, word: string, value: T): T {
  const { buffer, position } = cursor
  if (position + word.length > cursor.end) throw invalidJson(cursor, 'an unknown word')
  for (let i = 0; i < word.length; i++) {
    if (buffer[position + i] !== word.charCodeAt(i)) throw invalidJson(cursor, 'an unknown word')
  }
  cursor.position += word.length
  return value
}

/** Past the digits that begin at `p`; at least one is needed. */
function afterDigits(cursor: JsonCursor, from: number): number {
  const { buffer, end } = cursor
  let p = from
  while (p < end && buffer[p]! >= 0x30 && buffer[p]! <= 0x39) p++
  if (p > from) return p
  throw invalidJson(cursor, from === cursor.position ? 'a value is expected' : 'a digit is missing')
}

/** `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`, as written. */
export function readNumberText(cursor: JsonCursor): string {
  const { buffer, end, position: start } = cursor
  const whole = start < end && buffer[start] === 0x2d ? start + 1 : start
  let p = afterDigits(cursor, whole)
  if (buffer[whole] === 0x30 && p > whole + 1) throw invalidJson(cursor, 'a number with a leading zero')
  if (p < end && buffer[p] === 0x2e) p = afterDigits(cursor, p + 1)
  if (p < end && (buffer[p] === 0x65 || buffer[p] === 0x45)) {
    p++
    if (p < end && (buffer[p] === 0x2b || buffer[p] === 0x2d)) p++
    p = afterDigits(cursor, p)
  }
  cursor.position = p
  return asciiText(buffer, start, p)
}

const escapes: Readonly<Record<number, string>> = {
  34: '"',
  92: '\\',
  47: '/',
  98: '\b',
  102: '\f',
  110: '\n',
  114: '\r',
  116: '\t',
}

/** The string at the cursor, which stands on its opening quote. */
export function readString(cursor: JsonCursor): string {
  const { buffer, end } = cursor
  const start = cursor.position + 1
  let p = start
  while (p < end) {
    const byte = buffer[p]!
    if (byte === 0x22) {
      cursor.position = p + 1
      return asciiText(buffer, start, p)
    }
    if (byte === 0x5c || byte < 0x20 || byte > 0x7e) return readUnusualString(cursor, start)
    p++
  }
  throw invalidJson(cursor, 'a string without end')
}

function readUnusualString(cursor: JsonCursor, start: number): string {
  const { buffer, end } = cursor
  let text = ''
  let from = start
  for (let p = start; p < end; p++) {
    const byte = buffer[p]!
    if (byte === 0x22) {
      cursor.position = p + 1
      return text + buffer.toString('utf8', from, p)
    }
    if (byte < 0x20) throw invalidJson(cursor, 'a control character in a string')
    if (byte !== 0x5c) continue
    text += buffer.toString('utf8', from, p)
    p++
    const escaped = p < end ? buffer[p]! : -1
    if (escaped === 0x75) {
      const hex = p + 5 <= end ? buffer.toString('latin1', p + 1, p + 5) : ''
      if (!/^[0-9a-fA-F]{4}$/.test(hex)) throw invalidJson(cursor, 'a bad \\u escape')
      text += String.fromCharCode(Number.parseInt(hex, 16))
      p += 4
    } else {
      const character = escapes[escaped]
      if (character === undefined) throw invalidJson(cursor, 'a bad escape')
      text += character
    }
    from = p + 1
  }
  throw invalidJson(cursor, 'a string without end')
}

// ------------------------------------------------------------------------------------------- JSON as text

/** A node as compact JSON text, numbers as java.math.BigDecimal prints them. */
export function nodeToJson(node: JsonNode): string {
  if (node === null || typeof node === 'boolean') return String(node)
  if (typeof node === 'string') return JSON.stringify(node)
  if (node instanceof JsonNumber) return numberToText(node.text)
  if (Array.isArray(node)) return `[${node.map(nodeToJson).join(',')}]`
  return `{${[...node].map(([name, value]) => `${JSON.stringify(name)}:${nodeToJson(value)}`).join(',')}}`
}

/** Integers as their digits; others as BigDecimal.toString: plain unless very small or with a positive exponent. */
export function numberToText(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? []
  const isInteger = !/[.eE]/.test(text)
  if (isInteger) return text === '-0' ? '0' : text
  const digits = (whole + fraction).replace(/^0+(?=.)/, '')
  const isZero = /^0*$/.test(digits)
  const minus = isZero ? '' : sign
  const scale = fraction.length - Number(exponent)
  const adjusted = digits.length - 1 - scale
  if (scale >= 0 && adjusted >= -6) {
    if (scale === 0) return minus + digits
    const padded = digits.padStart(scale + 1, '0')
    return `${minus}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
  }
  const mantissa = digits.length === 1 ? digits : `${digits[0]}.${digits.slice(1)}`
  return `${minus}${mantissa}E${adjusted >= 0 ? '+' : ''}${adjusted}`
}
