import type { ByteWriter } from '../../common/index.js'
import { SerializationError } from '../../serde/index.js'

/*
 * How a record says which schema it was written with:
 *
 *     ┌───────┬────────────┬─────────────────────────────────────────────┐
 *     │ 0     │ schema id  │ Avro or JSON │ message indexes and Protobuf │
 *     │ 1 byte│ 4 bytes BE │                                             │
 *     └───────┴────────────┴─────────────────────────────────────────────┘
 *
 * Message indexes: the path to the message among the messages of the file, as a count and that many numbers, zigzag
 * varints all. The first message of the file, [0], is a single byte 0.
 */

export const frameBytes = 5

export function writeFrame(id: number, out: ByteWriter): void {
  const buffer = out.reserve(frameBytes)
  buffer[out.position] = 0
  buffer.writeInt32BE(id, out.position + 1)
  out.position += frameBytes
}

/** The schema id of `buffer[start, end)`. @throws SerializationError */
export function readFrame(buffer: Buffer, start: number, end: number): number {
  if (end - start < frameBytes) {
    throw new SerializationError(
      `${end - start} bytes are too few: a magic byte and a schema id are expected first`,
    )
  }
  if (buffer[start] !== 0) {
    throw new SerializationError(
      `Unknown magic byte! The first byte is ${buffer[start]}, not 0: no schema id follows`,
    )
  }
  return buffer.readInt32BE(start + 1)
}

export function writeMessageIndexes(indexes: readonly number[], out: ByteWriter): void {
  if (indexes.length === 1 && indexes[0] === 0) {
    out.writeByte(0)
    return
  }
  writeZigzag(indexes.length, out)
  for (const index of indexes) writeZigzag(index, out)
}

export function readMessageIndexes(
  buffer: Buffer,
  start: number,
  end: number,
): { readonly indexes: readonly number[]; readonly position: number } {
  const cursor = { position: start }
  const count = readZigzag(buffer, cursor, end)
  if (count === 0) return { indexes: [0], position: cursor.position }
  const indexes: number[] = []
  for (let i = 0; i < count; i++) indexes.push(readZigzag(buffer, cursor, end))
  return { indexes, position: cursor.position }
}

function writeZigzag(value: number, out: ByteWriter): void {
  let rest = value * 2
  while (rest >= 0x80) {
    out.writeByte((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  out.writeByte(rest)
}

/** Counts and indexes are small and not negative. */
function readZigzag(buffer: Buffer, cursor: { position: number }, end: number): number {
  let value = 0
  for (let shift = 0; shift <= 28; shift += 7) {
    if (cursor.position >= end) break
    const byte = buffer[cursor.position++]!
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) {
      if ((value & 1) === 1) break
      return value >>> 1
    }
  }
  throw new SerializationError('the message indexes after the schema id are broken')
}
