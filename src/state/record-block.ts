/** Where the first byte of a record's key is, from its beginning. */
export const RECORD_HEADER_BYTES = 32
/** A block is closed before it would grow beyond this, unless a single record does. */
export const BLOCK_BYTES = 16 * 1024

/** Records begin at multiples of 8 bytes, so that 11 bits tell one from another within a block of 16 KiB. */
const OFFSET_BITS = 11
const OFFSET_MASK = (1 << OFFSET_BITS) - 1
/** How many blocks the places of one segment can tell apart: 16 GiB of records. */
export const BLOCKS_MAX = 1 << (31 - OFFSET_BITS)

/** The place of a record in its segment: the block's number and the record's offset in it. */
export function placeOf(block: number, offset: number): number {
  return (block << OFFSET_BITS) | (offset >>> 3)
}

export function blockOf(place: number): number {
  return place >>> OFFSET_BITS
}

export function offsetOf(place: number): number {
  return (place & OFFSET_MASK) << 3
}

/**
 * Records of a join's buffer as bytes, in the order in which they came. They are only added, so a block that is stored
 * stays good, and is stored again where records were added to it. Numbers but those of the key are in the byte order of
 * the machine: a state directory does not travel.
 *
 *      0  int32     hash of the key
 *      4  int32     place of the record of this segment with the same hash that came before; -1: none
 *      8  float64   start
 *     16  float64   timestamp, of interest in timestamped stores only
 *     24  int32     length of the key, without start and sequence number
 *     28  int32     length of the value; below 0: deleted, -1 less the length
 *     32  key │ int64 start │ int32 sequence number │ value          the first three: the key on the changelog
 */
export class RecordBlock {
  readonly number: number
  readonly bytes: Buffer
  readonly ints: Int32Array
  readonly floats: Float64Array
  /** Where the next record begins. */
  used: number
  count: number
  /** The table does not have all of it. */
  dirty = false
  /** Used since the eviction hand last passed. */
  referenced = true

  private constructor(number: number, bytes: Buffer, used: number) {
    this.number = number
    this.bytes = bytes
    this.ints = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2)
    this.floats = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 3)
    this.used = used
    this.count = 0
  }

  static empty(number: number, bytes = BLOCK_BYTES): RecordBlock {
    const block = new RecordBlock(number, Buffer.allocUnsafeSlow(aligned(bytes)), 0)
    // Even one that stays empty: blocks are stored without gaps in their numbers.
    block.dirty = true
    return block
  }

  static of(number: number, stored: Uint8Array): RecordBlock {
    const bytes = Buffer.allocUnsafeSlow(stored.length)
    bytes.set(stored)
    const block = new RecordBlock(number, bytes, stored.length)
    for (let at = 0; at < block.used; at = block.nextOffset(at)) block.count++
    return block
  }

  hashAt(offset: number): number {
    return this.ints[offset >>> 2]!
  }

  olderAt(offset: number): number {
    return this.ints[(offset >>> 2) + 1]!
  }

  startAt(offset: number): number {
    return this.floats[(offset >>> 3) + 1]!
  }

  timestampAt(offset: number): number {
    return this.floats[(offset >>> 3) + 2]!
  }

  keyLengthAt(offset: number): number {
    return this.ints[(offset >>> 2) + 6]!
  }

  sequenceAt(offset: number): number {
    return this.bytes.readInt32BE(offset + RECORD_HEADER_BYTES + this.keyLengthAt(offset) + 8)
  }

  valueAt(offset: number): number {
    return offset + RECORD_HEADER_BYTES + this.keyLengthAt(offset) + SUFFIX_BYTES
  }

  valueLengthAt(offset: number): number {
    return this.ints[(offset >>> 2) + 7]!
  }

  /** Ends the record at `used`, whose key and value have been written. */
  add(
    hash: number,
    older: number,
    start: number,
    timestamp: number,
    keyLength: number,
    valueLength: number,
  ): void {
    const { ints, floats, used } = this
    const int = used >>> 2
    const float = used >>> 3
    ints[int] = hash
    ints[int + 1] = older
    floats[float + 1] = start
    floats[float + 2] = timestamp
    ints[int + 6] = keyLength
    ints[int + 7] = valueLength
    this.used = aligned(used + RECORD_HEADER_BYTES + keyLength + SUFFIX_BYTES + valueLength)
    this.count++
    this.dirty = true
  }

  /** A deleted record keeps its place, and its size. */
  delete(offset: number): void {
    this.ints[(offset >>> 2) + 7] = -1 - this.valueLengthAt(offset)
    this.dirty = true
  }

  nextOffset(offset: number): number {
    const length = this.valueLengthAt(offset)
    return aligned(this.valueAt(offset) + (length < 0 ? -1 - length : length))
  }

  hasKey(offset: number, key: Buffer, length: number): boolean {
    if (this.keyLengthAt(offset) !== length) return false
    const { bytes } = this
    const from = offset + RECORD_HEADER_BYTES
    for (let i = 0; i < length; i++) if (bytes[from + i] !== key[i]) return false
    return true
  }
}

/** int64 start and int32 sequence number. */
const SUFFIX_BYTES = 12

function aligned(bytes: number): number {
  return (bytes + 7) & ~7
}
