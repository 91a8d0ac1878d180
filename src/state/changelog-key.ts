import { longSerde, readInt64, type Serde } from '../serde/index.js'

/*
 * Keys of changelog records, as Kafka Streams writes them, so that either side restores the other's:
 *
 *     window    key bytes │ int64 start │ int32 sequence number (0 where duplicates are not retained)
 *     session   key bytes │ int64 end   │ int64 start
 */

export const WINDOW_SUFFIX_BYTES = 12
export const SESSION_SUFFIX_BYTES = 16

/** A key with its two times: start and sequence number of a window, end and start of a session. */
export interface TimedKey<K> {
  key: K
  major: number
  minor: number
}

export function windowKeySerde<K>(keySerde: Serde<K>): Serde<TimedKey<K>> {
  return {
    write(at, out) {
      keySerde.write(at.key, out)
      longSerde.write(at.major, out)
      out.writeInt32(at.minor)
    },
    read: (buffer, start, end) => ({
      key: keySerde.read(buffer, start, end - WINDOW_SUFFIX_BYTES),
      major: readTime(buffer, end - WINDOW_SUFFIX_BYTES),
      minor: buffer.readInt32BE(end - 4),
    }),
  }
}

export function sessionKeySerde<K>(keySerde: Serde<K>): Serde<TimedKey<K>> {
  return {
    write(at, out) {
      keySerde.write(at.key, out)
      longSerde.write(at.major, out)
      longSerde.write(at.minor, out)
    },
    read: (buffer, start, end) => ({
      key: keySerde.read(buffer, start, end - SESSION_SUFFIX_BYTES),
      major: readTime(buffer, end - SESSION_SUFFIX_BYTES),
      minor: readTime(buffer, end - 8),
    }),
  }
}

export function readTime(bytes: Buffer, at: number): number {
  return Number(readInt64(bytes, at))
}
