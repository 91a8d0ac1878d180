import { SerializationError } from './errors.js'
import { longSerde, readInt64 } from './primitives.js'
import type { Serde } from './serde.js'

/**
 * A key and the window it belongs to. Times in ms. `end` is exclusive for time windows, and inclusive for
 * session and sliding windows, as in Kafka Streams.
 */
export interface Windowed<K> {
  readonly key: K
  readonly start: number
  readonly end: number
}

export function windowed<K>(key: K, start: number, end: number): Windowed<K> {
  return { key, start, end }
}

/**
 * Kafka's TimeWindowedSerde on topics:
 *
 *     key bytes │ int64 window start
 *
 * The end is not written: it is start + `windowSizeMs`.
 */
export function timeWindowedSerde<K>(inner: Serde<K>, windowSizeMs: number): Serde<Windowed<K>> {
  return {
    writePartitionKey: (value, out) => inner.write(value.key, out),
    write(value, out) {
      inner.write(value.key, out)
      longSerde.write(value.start, out)
    },
    read(buffer, start, end) {
      if (end - start < 8) throw new SerializationError('a time-windowed key needs at least 8 bytes')
      const from = Number(readInt64(buffer, end - 8))
      return { key: inner.read(buffer, start, end - 8), start: from, end: from + windowSizeMs }
    },
  }
}

/**
 * Kafka's SessionWindowedSerde on topics:
 *
 *     key bytes │ int64 session end │ int64 session start
 */
export function sessionWindowedSerde<K>(inner: Serde<K>): Serde<Windowed<K>> {
  return {
    writePartitionKey: (value, out) => inner.write(value.key, out),
    write(value, out) {
      inner.write(value.key, out)
      longSerde.write(value.end, out)
      longSerde.write(value.start, out)
    },
    read(buffer, start, end) {
      if (end - start < 16) throw new SerializationError('a session-windowed key needs at least 16 bytes')
      return {
        key: inner.read(buffer, start, end - 16),
        start: Number(readInt64(buffer, end - 8)),
        end: Number(readInt64(buffer, end - 16)),
      }
    },
  }
}
