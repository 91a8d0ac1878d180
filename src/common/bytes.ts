// Buffer stands in public types: this brings its declaration to whoever imports them.
/// <reference types="node" preserve="true" />

/** Up to this, setting bytes one by one is faster than a call. */
const LOOPED_BYTES = 64

/**
 * A growable byte buffer that hot paths write into without allocating per value.
 *
 * Invariants: `0 <= position <= buffer.length`; bytes below `position` are written, bytes above are undefined.
 * `buffer` is replaced when it grows: never keep it across a call that may write.
 */
export class ByteWriter {
  buffer: Buffer
  position = 0

  constructor(initialBytes = 1024) {
    this.buffer = Buffer.allocUnsafe(initialBytes)
  }

  /** Makes room for `bytes` more and returns the buffer to write them into, at `position`. */
  reserve(bytes: number): Buffer {
    const needed = this.position + bytes
    if (needed > this.buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.buffer.length * 2))
      this.buffer.copy(grown, 0, 0, this.position)
      this.buffer = grown
    }
    return this.buffer
  }

  reset(): void {
    this.position = 0
  }

  /** A copy of what was written. */
  toBuffer(): Buffer {
    return Buffer.from(this.buffer.subarray(0, this.position))
  }

  writeByte(value: number): void {
    this.reserve(1)[this.position++] = value
  }

  writeInt16(value: number): void {
    this.position = this.reserve(2).writeInt16BE(value, this.position)
  }

  writeInt32(value: number): void {
    if ((value | 0) !== value) throw new RangeError(`${value} is not a 32-bit integer`)
    const buffer = this.reserve(4)
    const at = this.position
    buffer[at] = value >>> 24
    buffer[at + 1] = value >>> 16
    buffer[at + 2] = value >>> 8
    buffer[at + 3] = value
    this.position = at + 4
  }

  writeInt64(value: bigint): void {
    this.position = this.reserve(8).writeBigInt64BE(value, this.position)
  }

  writeDouble(value: number): void {
    this.position = this.reserve(8).writeDoubleBE(value, this.position)
  }

  writeBytes(bytes: Uint8Array): void {
    const buffer = this.reserve(bytes.length)
    buffer.set(bytes, this.position)
    this.position += bytes.length
  }

  /** `bytes[start, end)`. */
  writeRange(bytes: Buffer, start: number, end: number): void {
    const length = end - start
    const buffer = this.reserve(length)
    const position = this.position
    if (length > LOOPED_BYTES) bytes.copy(buffer, position, start, end)
    else for (let i = 0; i < length; i++) buffer[position + i] = bytes[start + i]!
    this.position = position + length
  }

  /** UTF-8. Short ASCII text, the common case, is copied without a native call. */
  writeUtf8(text: string): void {
    const length = text.length
    const buffer = this.reserve(length * 3)
    let position = this.position
    if (length <= 24) {
      let i = 0
      for (; i < length; i++) {
        const code = text.charCodeAt(i)
        if (code > 127) break
        buffer[position++] = code
      }
      if (i === length) {
        this.position = position
        return
      }
      position = this.position
    }
    this.position = position + buffer.write(text, position, 'utf8')
  }
}

/** Unsigned order of two byte strings, as Kafka and SQLite compare them. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b)
}
