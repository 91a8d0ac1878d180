import { type ByteWriter, writeAscii, writeDigits, writeFourDecimals } from '../common/index.js'
import { writeJsonString } from './json-string.js'

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
      writeJsonString(value, out)
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

function writeNumber(value: number, out: ByteWriter): void {
  if (Number.isSafeInteger(value)) {
    if (value < 0) out.writeByte(0x2d)
    writeDigits(Math.abs(value), out)
  } else if (!writeFourDecimals(value, out)) writeAscii(Number.isFinite(value) ? String(value) : 'null', out)
}
