import type { ByteWriter } from '../common/index.js'
import type { TopicPartition } from './log.js'

/*
 * Kafka's field types as its coordinators and the consumer protocol write them:
 *
 *   string   int16 length + UTF-8, null = -1        compact string   uvarint (length + 1), null = 0
 *   bytes    int32 length, null = -1                compact array    uvarint (count + 1), null = 0
 *   array    int32 count, null = -1                 tagged fields    uvarint count, {uvarint tag, uvarint size, bytes}
 */

export function writeString(out: ByteWriter, text: string | null): void {
  if (text === null) {
    out.writeInt16(-1)
    return
  }
  const at = out.position
  out.writeInt16(0)
  out.writeUtf8(text)
  out.buffer.writeInt16BE(out.position - at - 2, at)
}

export function writeNullableBytes(out: ByteWriter, bytes: Uint8Array | null): void {
  out.writeInt32(bytes === null ? -1 : bytes.length)
  if (bytes !== null) out.writeBytes(bytes)
}

/** Offsets and timestamps are safe integers, so no bigint is needed. */
export function writeLong(out: ByteWriter, value: number): void {
  const high = Math.floor(value / 0x1_0000_0000)
  out.writeInt32(high)
  out.writeInt32((value - high * 0x1_0000_0000) | 0)
}

/** array of {string topic, array of int32 partition}, topics in order of their first appearance. */
export function writeTopicPartitions(out: ByteWriter, partitions: readonly TopicPartition[]): void {
  const byTopic = new Map<string, number[]>()
  for (const { topic, partition } of partitions) {
    const ids = byTopic.get(topic)
    if (ids === undefined) byTopic.set(topic, [partition])
    else ids.push(partition)
  }
  out.writeInt32(byTopic.size)
  for (const [topic, ids] of byTopic) {
    writeString(out, topic)
    out.writeInt32(ids.length)
    for (const id of ids) out.writeInt32(id)
  }
}

/** Reads fields in order. Reading past the end throws a RangeError: callers report where the bytes came from. */
export class FieldReader {
  readonly #buffer: Buffer
  #position = 0

  constructor(buffer: Uint8Array) {
    this.#buffer = Buffer.from(buffer.buffer, buffer.byteOffset, buffer.length)
  }

  get remaining(): number {
    return this.#buffer.length - this.#position
  }

  int8(): number {
    return this.#buffer.readInt8(this.#take(1))
  }

  int16(): number {
    return this.#buffer.readInt16BE(this.#take(2))
  }

  int32(): number {
    return this.#buffer.readInt32BE(this.#take(4))
  }

  long(): number {
    const at = this.#take(8)
    return this.#buffer.readInt32BE(at) * 0x1_0000_0000 + this.#buffer.readUInt32BE(at + 4)
  }

  string(): string {
    return this.nullableString() ?? ''
  }

  nullableString(): string | null {
    const length = this.int16()
    return length < 0 ? null : this.#text(length)
  }

  nullableBytes(): Buffer | null {
    const length = this.int32()
    if (length < 0) return null
    const at = this.#take(length)
    return Buffer.from(this.#buffer.subarray(at, at + length))
  }

  array<T>(element: () => T): T[] {
    return this.#elements(this.int32(), element)
  }

  unsignedVarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#buffer.readUInt8(this.#take(1))
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw new RangeError('a varint has at most 5 bytes')
  }

  compactString(): string {
    return this.#text(this.unsignedVarint() - 1)
  }

  compactArray<T>(element: () => T): T[] {
    return this.#elements(this.unsignedVarint() - 1, element)
  }

  skipTaggedFields(): void {
    for (let left = this.unsignedVarint(); left > 0; left--) {
      this.unsignedVarint()
      this.#take(this.unsignedVarint())
    }
  }

  #elements<T>(count: number, element: () => T): T[] {
    const elements: T[] = []
    for (let i = 0; i < count; i++) elements.push(element())
    return elements
  }

  #text(length: number): string {
    const at = this.#take(length)
    return this.#buffer.toString('utf8', at, at + length)
  }

  #take(bytes: number): number {
    const at = this.#position
    if (bytes < 0 || at + bytes > this.#buffer.length) {
      throw new RangeError(`a field of ${bytes} bytes at ${at} passes the end at ${this.#buffer.length}`)
    }
    this.#position = at + bytes
    return at
  }
}
