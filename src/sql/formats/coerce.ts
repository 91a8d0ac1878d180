import type { Decimal } from 'decimal.js'
import { SerializationError } from '../../serde/index.js'
import { ensureFit, SqlDecimal } from '../expression/decimal.js'
import { formatType, type SqlType } from '../types.js'
import { type JsonNode, JsonNumber, nodeToJson, numberToText } from './exact-json.js'
import type { SqlValue } from './row-class.js'

/*
 * How a JSON value becomes a value of a SQL type, after ksqlDB's rules: numbers and numeric text fit number
 * types (fractions are cut, integers keep their low bits), text is anything's fallback, and what does not fit
 * fails the record.
 */

/** @throws SerializationError when the node does not fit the type. */
export function coerce(node: JsonNode, type: SqlType): SqlValue {
  if (node === null) return null
  switch (type.kind) {
    case 'BOOLEAN':
      if (typeof node === 'boolean') return node
      break
    case 'INTEGER':
    case 'DATE':
    case 'TIME':
      if (node instanceof JsonNumber) return toInt32(node.text)
      if (typeof node === 'string') return parseInt32(node)
      break
    case 'BIGINT':
      if (node instanceof JsonNumber) return toInt64(node.text)
      if (typeof node === 'string') return parseInt64(node)
      break
    case 'TIMESTAMP':
      if (node instanceof JsonNumber) return Number(toInt64(node.text))
      if (typeof node === 'string') return Number(parseInt64(node))
      break
    case 'DOUBLE':
      if (node instanceof JsonNumber) return toDouble(node.text)
      if (typeof node === 'string') return parseDouble(node)
      break
    case 'DECIMAL':
      if (node instanceof JsonNumber) return toDecimal(node.text, type)
      if (typeof node === 'string') return toDecimal(node, type)
      break
    case 'STRING':
      return toText(node)
    case 'BYTES':
      if (typeof node === 'string') return parseBase64(node)
      break
    case 'ARRAY':
      if (Array.isArray(node)) return node.map((item) => coerce(item, type.element))
      break
    case 'MAP':
      if (node instanceof Map) {
        const map = new Map<SqlValue, SqlValue>()
        for (const [name, value] of node) map.set(coerce(name, type.key), coerce(value, type.value))
        return map
      }
      break
    case 'STRUCT':
      if (node instanceof Map) {
        const find = fieldFinder(node)
        return type.fields.map((field) => coerce(find(field.name), field.type))
      }
      break
  }
  throw new SerializationError(`a ${formatType(type)} cannot be made of ${describe(node)}`)
}

function describe(node: JsonNode): string {
  if (node === null) return 'null'
  if (typeof node === 'boolean') return String(node)
  if (node instanceof JsonNumber) return `the number ${node.text}`
  if (typeof node === 'string') return `the text ${JSON.stringify(node.slice(0, 40))}`
  return Array.isArray(node) ? 'a JSON array' : 'a JSON object'
}

/**
 * Fields of an object by column name: the exact name first; else the last one that equals it in upper case.
 * A field that is missing is null.
 */
export function fieldFinder(fields: ReadonlyMap<string, JsonNode>): (name: string) => JsonNode {
  let upper: Map<string, JsonNode> | null = null
  return (name) => {
    const exact = fields.get(name)
    if (exact !== undefined) return exact
    if (upper === null) {
      upper = new Map()
      for (const [key, value] of fields) upper.set(key.toUpperCase(), value)
    }
    return upper.get(name) ?? null
  }
}

function toText(node: JsonNode): string {
  if (node === null) return 'null'
  if (typeof node === 'string') return node
  if (typeof node === 'boolean') return String(node)
  if (node instanceof JsonNumber) return numberToText(node.text)
  if (Array.isArray(node)) return `[${node.map(toText).join(', ')}]`
  return nodeToJson(node)
}

// ----------------------------------------------------------------------------------- numbers from their text

/** Cuts the fraction and keeps the low 32 bits. */
export function toInt32(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(Math.trunc(value)) && text.length <= 17) return Math.trunc(value) | 0
  return Number(BigInt.asIntN(32, truncated(text)))
}

/** Cuts the fraction and keeps the low 64 bits. */
export function toInt64(text: string): number | bigint {
  return normalized(BigInt.asIntN(64, truncated(text)))
}

/** A bigint that would be safe as a number becomes one. */
export function normalized(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** The whole part of a JSON number. Beyond 64 zeros at the end the low 64 bits are all zero anyway. */
function truncated(text: string): bigint {
  const [, sign = '', whole = '0', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? []
  const shift = Number(exponent)
  const digits = whole + fraction
  const length = whole.length + shift
  if (length <= 0 || shift - fraction.length > 64) return 0n
  const kept = length <= digits.length ? digits.slice(0, length) : digits.padEnd(length, '0')
  return BigInt(sign + kept)
}

/** Decimals have no negative zero, and ksqlDB reads every JSON number as a decimal first. */
export function toDouble(text: string): number {
  const value = Number(text)
  return value === 0 ? 0 : value
}

function notANumber(text: string, type: string): SerializationError {
  return new SerializationError(`not a number of type ${type}: ${JSON.stringify(text.slice(0, 40))}`)
}

/** Java's Integer.parseInt. */
export function parseInt32(text: string): number {
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN
  if ((value | 0) !== value && value !== 0) throw notANumber(text, 'INTEGER')
  if (Number.isNaN(value)) throw notANumber(text, 'INTEGER')
  return value | 0
}

/** Java's Long.parseLong. */
export function parseInt64(text: string): number | bigint {
  if (!/^[+-]?\d{1,40}$/.test(text)) throw notANumber(text, 'BIGINT')
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text)
  if (BigInt.asIntN(64, value) !== value) throw notANumber(text, 'BIGINT')
  return normalized(value)
}

/** Java's Double.parseDouble, without its hexadecimal form. */
export function parseDouble(text: string): number {
  const trimmed = text.trim()
  const [, sign, special] = /^([+-]?)(NaN|Infinity)$/.exec(trimmed) ?? []
  if (special === 'NaN') return Number.NaN
  if (special === 'Infinity') return sign === '-' ? -Infinity : Infinity
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[fFdD]?$/.test(trimmed)) throw notANumber(text, 'DOUBLE')
  return Number(trimmed.replace(/[fFdD]$/, ''))
}

const decimalText = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,6})?$/
/** Whole digits and decimals that count, of a number without exponent. */
const plainDecimal = /^[+-]?0*(\d*?)(?:\.(\d*?)0*)?$/

/** Must fit without rounding. */
export function toDecimal(text: string, type: Extract<SqlType, { kind: 'DECIMAL' }>): Decimal {
  if (!decimalText.test(text)) throw notANumber(text, formatType(type))
  const value = new SqlDecimal(text)
  const plain = plainDecimal.exec(text)
  const fits =
    plain !== null &&
    (plain[1]?.length ?? 0) <= type.precision - type.scale &&
    (plain[2]?.length ?? 0) <= type.scale
  if (fits) return value
  try {
    return ensureFit(value, type)
  } catch (cause) {
    throw new SerializationError((cause as Error).message, { cause })
  }
}

const base64Text = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/

export function parseBase64(text: string): Uint8Array {
  if (!base64Text.test(text)) throw new SerializationError('BYTES need base64 text')
  return Buffer.from(text, 'base64')
}
