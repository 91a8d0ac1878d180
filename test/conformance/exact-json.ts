import { deserialize, type Serde } from '../../src/serde/index.js'

/*
 * JSON with every number as it was written: 1.0, 1.00 and 1 are three different things, and integers may be large.
 */

export class NumberText {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  toString(): string {
    return this.text
  }
}

export type Json = null | boolean | string | NumberText | Json[] | { [name: string]: Json }

/** Marks a text that was a number; no text in the data begins like this. */
const MARK = '\0#'

export function parseExact(text: string): Json {
  return JSON.parse(quoteNumbers(text), (_name, value: unknown) =>
    typeof value === 'string' && value.startsWith(MARK) ? new NumberText(value.slice(MARK.length)) : value,
  ) as Json
}

function quoteNumbers(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) =>
    token.startsWith('"') ? token : `"\\u0000#${token}"`,
  )
}

export function printExact(value: Json): string {
  if (value instanceof NumberText) return value.text
  if (Array.isArray(value)) return `[${value.map(printExact).join(',')}]`
  if (value !== null && typeof value === 'object') {
    return `{${Object.entries(value)
      .map(([name, field]) => `${JSON.stringify(name)}:${printExact(field)}`)
      .join(',')}}`
  }
  return JSON.stringify(value)
}

export const exactJsonSerde: Serde<Json> = {
  write: (value, out) => out.writeUtf8(printExact(value)),
  read: (buffer, start, end) => parseExact(buffer.toString('utf8', start, end)),
}

export function parseExactBytes(bytes: Uint8Array | null): Json {
  return deserialize(exactJsonSerde, bytes)
}

export interface DecimalText {
  readonly unscaled: bigint
  readonly scale: number
}

/** Java's BigDecimal of a text; null when it is none. */
export function decimalOf(text: string): DecimalText | null {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text)
  if (match === null) return null
  const [, sign, whole = '', fraction = '', exponent = '0'] = match
  if (whole + fraction === '') return null
  return {
    unscaled: BigInt(`${sign === '-' ? '-' : ''}${whole}${fraction}`),
    scale: fraction.length - Number(exponent),
  }
}

export function sameDecimal(a: DecimalText, b: DecimalText): boolean {
  return a.scale === b.scale && a.unscaled === b.unscaled
}

export function decimalToNumber(text: string): number {
  return Number(text)
}
