import { readInt64 } from '../serde/index.js'

/*
 * Keys of changelog records, as Kafka Streams writes them, so that either side restores the other's:
 *
 *     window    key bytes │ int64 start │ int32 sequence number (0 where duplicates are not retained)
 *     session   key bytes │ int64 end   │ int64 start
 */

export const WINDOW_SUFFIX_BYTES = 12
export const SESSION_SUFFIX_BYTES = 16

export function windowChangelogKey(key: Uint8Array, start: number, sequence: number): Buffer {
  const bytes = withSuffix(key, WINDOW_SUFFIX_BYTES)
  writeTime(bytes, key.length, start)
  bytes.writeInt32BE(sequence, key.length + 8)
  return bytes
}

export function sessionChangelogKey(key: Uint8Array, end: number, start: number): Buffer {
  const bytes = withSuffix(key, SESSION_SUFFIX_BYTES)
  writeTime(bytes, key.length, end)
  writeTime(bytes, key.length + 8, start)
  return bytes
}

export function readTime(bytes: Buffer, at: number): number {
  return Number(readInt64(bytes, at))
}

function withSuffix(key: Uint8Array, suffixBytes: number): Buffer {
  const bytes = Buffer.allocUnsafe(key.length + suffixBytes)
  bytes.set(key, 0)
  return bytes
}

function writeTime(bytes: Buffer, at: number, ms: number): void {
  const high = Math.floor(ms / 0x1_0000_0000)
  bytes.writeInt32BE(high, at)
  bytes.writeUInt32BE(ms - high * 0x1_0000_0000, at + 4)
}
