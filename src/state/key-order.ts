/*
 * The order of serialised keys, computed on the keys themselves: what `memcmp` says of the bytes that the built-in
 * serdes write. Integers are two's complement and doubles IEEE 754, so negative numbers come after positive ones.
 */

/** UTF-8 order. It differs from that of UTF-16 code units only where surrogates meet U+E000 to U+FFFF. */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return x >= 0xd800 && y >= 0xd800 ? utf8Rank(x) - utf8Rank(y) : x - y
  }
  return a.length - b.length
}

function utf8Rank(unit: number): number {
  return unit <= 0xdfff ? unit + 0x2000 : unit - 0x800
}

/** Strings of bytes (latin1). */
export function compareByteStrings(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}

export function compareIntegers(a: number | bigint, b: number | bigint): number {
  const aNegative = a < 0
  if (aNegative !== b < 0) return aNegative ? 1 : -1
  return a < b ? -1 : a > b ? 1 : 0
}

export function compareDoubles(a: number, b: number): number {
  const aNegative = a < 0 || Object.is(a, -0)
  const bNegative = b < 0 || Object.is(b, -0)
  if (aNegative !== bNegative) return aNegative ? 1 : -1
  // NaN is written with a clear sign bit and lies above Infinity.
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1
  if (Number.isNaN(b)) return -1
  return aNegative ? b - a || 0 : a - b || 0
}

/** The smallest bytes greater than all that begin with `prefix`; null when there are none. */
export function prefixEnd(prefix: Uint8Array): Buffer | null {
  let length = prefix.length
  while (length > 0 && prefix[length - 1] === 0xff) length--
  if (length === 0) return null
  const end = Buffer.from(prefix.subarray(0, length))
  end[length - 1]!++
  return end
}
