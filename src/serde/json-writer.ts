import { type ByteWriter, writeAscii, writeDecimals, writeDigits } from '../common/index.js'
import { plainBytes } from './json-shape.js'

/*
 * Writes what JSON.stringify writes, without making the text first, for objects of one shape: plain ones with the same
 * names in the same order, and strings, numbers, booleans and nulls as values.
 */

/** Appends the JSON text and returns true; or returns false, having appended who knows what. */
export type ShapeWriter = (value: object, out: ByteWriter) => boolean

/** `names` are a shape's, see `shapeOf`. */
export function shapeWriter(names: readonly string[]): ShapeWriter {
  const parts = names.map((name, i) => {
    const constant = Buffer.from(`${i === 0 ? '{' : ','}${JSON.stringify(name)}:`)
    const stores = [...constant].map((byte, at) => `buffer[p + ${at}] = ${byte}`).join('; ')
    return `buffer = out.reserve(${constant.length}); p = out.position; ${stores}; out.position = p + ${constant.length}
      if (!writeValue(value[${JSON.stringify(name)}], out)) return false`
  })
  const source = `
    'use strict'
    const { names, writeValue } = scope
    return function write(value, out) {
      if (Object.getPrototypeOf(value) !== Object.prototype) return false
      let n = 0
      for (const name in value) if (n === ${names.length} || name !== names[n++]) return false
      if (n !== ${names.length}) return false
      let buffer, p
      ${parts.join('\n      ')}
      out.writeByte(0x7d)
      return true
    }`
  return new Function('scope', source)({ names, writeValue }) as ShapeWriter
}

function writeValue(value: unknown, out: ByteWriter): boolean {
  switch (typeof value) {
    case 'string':
      writeString(value, out)
      return true
    case 'number':
      writeNumber(value, out)
      return true
    case 'boolean':
      writeAscii(value ? 'true' : 'false', out)
      return true
    default:
      if (value !== null) return false
      writeAscii('null', out)
      return true
  }
}

/** Up to here a loop over the characters is faster than two calls into the runtime. */
const LOOPED_CHARACTERS = 400

function writeString(text: string, out: ByteWriter): void {
  const { length } = text
  if (length <= LOOPED_CHARACTERS) {
    const buffer = out.reserve(length + 2)
    let p = out.position
    buffer[p++] = 0x22
    let i = 0
    for (; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7e || plainBytes[code] === 0) break
      buffer[p++] = code
    }
    if (i === length) {
      buffer[p] = 0x22
      out.position = p + 1
      return
    }
  }
  out.writeUtf8(JSON.stringify(text))
}

/**
 * Shortest digits that read back as the same double. Where it has at most four decimals, these are those of
 * `value × 10^4`: when the rounded product divided again gives the same double, no shorter digits do.
 */
function writeNumber(value: number, out: ByteWriter): void {
  const size = Math.abs(value)
  if (Number.isSafeInteger(value)) {
    if (value < 0) out.writeByte(0x2d)
    writeDigits(size, out)
    return
  }
  const scaled = Math.round(size * 10_000)
  if (size >= 1e-3 && size < 1e7 && scaled / 10_000 === size) {
    if (value < 0) out.writeByte(0x2d)
    const whole = Math.floor(scaled / 10_000)
    writeDigits(whole, out)
    writeDecimals(scaled - whole * 10_000, out)
    return
  }
  writeAscii(Number.isFinite(value) ? String(value) : 'null', out)
}
