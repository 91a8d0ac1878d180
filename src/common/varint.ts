/*
 * Variable-length integers: 7 bits a byte, low bits first, the high bit says that more follow.
 *
 *   unsigned varint   the number as it is, at most 5 bytes
 *   varint, varlong   zigzag: 0, -1, 1, -2 … become 0, 1, 2, 3 …; at most 5 and 10 bytes
 *
 * Varlongs are JS numbers: exact while the value is a safe integer, the nearest double beyond.
 */

/** Reads integers one after the other; `position` moves. Broken bytes throw a RangeError. */
export class VarintReader {
  readonly buffer: Uint8Array
  readonly end: number
  position: number

  constructor(buffer: Uint8Array, position = 0, end = buffer.length) {
    this.buffer = buffer
    this.position = position
    this.end = end
  }

  readUnsigned(): number {
    let byte = this.#next()
    let value = byte & 0x7f
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (shift > 28) throw new RangeError('a varint of more than 5 bytes')
      byte = this.#next()
      value |= (byte & 0x7f) << shift
    }
    return value >>> 0
  }

  readVarint(): number {
    const value = this.readUnsigned()
    return (value >>> 1) ^ -(value & 1)
  }

  readVarlong(): number {
    let byte = this.#next()
    const negative = (byte & 1) === 1
    let value = (byte & 0x7f) >> 1
    for (let count = 1, factor = 64; byte >= 0x80; count++, factor *= 128) {
      if (count > 9) throw new RangeError('a varlong of more than 10 bytes')
      byte = this.#next()
      value += (byte & 0x7f) * factor
    }
    return negative ? -value - 1 : value
  }

  #next(): number {
    if (this.position >= this.end) throw new RangeError('the bytes end inside a varint')
    return this.buffer[this.position++]!
  }
}

export function unsignedVarintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5
}

/** Of a zigzag varint. */
export function varintSize(value: number): number {
  return unsignedVarintSize(((value << 1) ^ (value >> 31)) >>> 0)
}

/** Of a zigzag varlong; `value` is a safe integer. */
export function varlongSize(value: number): number {
  let rest = value >= 0 ? value : -value - 1
  let size = 1
  for (; rest >= 64; rest = Math.floor(rest / 128)) size++
  return size
}

/** Writes at `position`, where room must be; returns the position after it. */
export function writeUnsignedVarint(buffer: Uint8Array, position: number, value: number): number {
  let rest = value >>> 0
  let at = position
  while (rest >= 0x80) {
    buffer[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  buffer[at++] = rest
  return at
}

export function writeVarint(buffer: Uint8Array, position: number, value: number): number {
  return writeUnsignedVarint(buffer, position, (value << 1) ^ (value >> 31))
}

/** `value` is a safe integer. */
export function writeVarlong(buffer: Uint8Array, position: number, value: number): number {
  if (value >= -0x4000_0000 && value < 0x4000_0000) return writeVarint(buffer, position, value)
  // The zigzag form may pass 2^53, so its lowest 7 bits are taken before the doubling.
  const negative = value < 0
  let rest = negative ? -value - 1 : value
  let at = position
  buffer[at++] = ((rest % 64) * 2 + (negative ? 1 : 0)) | 0x80
  rest = Math.floor(rest / 64)
  while (rest >= 0x80) {
    buffer[at++] = (rest % 128) | 0x80
    rest = Math.floor(rest / 128)
  }
  buffer[at++] = rest
  return at
}
