import type { ByteWriter } from './bytes.js'

/* Numbers as text, straight into a ByteWriter. */

/** Text of ASCII characters only. */
export function writeAscii(text: string, out: ByteWriter): void {
  const length = text.length
  const buffer = out.reserve(length)
  const p = out.position
  for (let i = 0; i < length; i++) buffer[p + i] = text.charCodeAt(i)
  out.position = p + length
}

/** Digits of a whole number from 0 to 2^53, least significant first into place. */
export function writeDigits(value: number, out: ByteWriter): void {
  const buffer = out.reserve(20)
  let length = 1
  for (let limit = 10; value >= limit; limit *= 10) length++
  let p = out.position + length
  out.position = p
  let rest = value
  // Above 31 bits integer division is slow in doubles; nine digits at a time are cut off first.
  while (rest >= 1_000_000_000) {
    const high = Math.floor(rest / 1_000_000_000)
    let low = (rest - high * 1_000_000_000) | 0
    for (let i = 0; i < 9; i++) {
      const quotient = (low / 10) | 0
      buffer[--p] = 0x30 + (low - quotient * 10)
      low = quotient
    }
    rest = high
  }
  let small = rest | 0
  do {
    const quotient = (small / 10) | 0
    buffer[--p] = 0x30 + (small - quotient * 10)
    small = quotient
  } while (small > 0)
}

/** The point and one to four digits, without zeros at the end. */
export function writeDecimals(tenThousandths: number, out: ByteWriter): void {
  const buffer = out.reserve(5)
  let p = out.position
  buffer[p++] = 0x2e
  let rest = tenThousandths | 0
  let unit = 1000
  do {
    const digit = (rest / unit) | 0
    buffer[p++] = 0x30 + digit
    rest -= digit * unit
    unit = (unit / 10) | 0
  } while (rest > 0)
  out.position = p
}

/**
 * Shortest digits that read back as the same double, where it has at most four decimals: these are the digits of
 * `value × 10^4`, since when the rounded product divided again gives the same double, no shorter digits do. Returns
 * false, having written nothing, where it has more or is very small or large.
 */
export function writeFourDecimals(value: number, out: ByteWriter): boolean {
  const size = Math.abs(value)
  const scaled = Math.round(size * 10_000)
  if (!(size >= 1e-3 && size < 1e7 && scaled / 10_000 === size)) return false
  if (value < 0) out.writeByte(0x2d)
  const whole = Math.floor(scaled / 10_000)
  writeDigits(whole, out)
  writeDecimals(scaled - whole * 10_000, out)
  return true
}
