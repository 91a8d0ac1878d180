import { type Serde, serialize } from '../serde/index.js'
import type { ChangelogWriter } from './store.js'

/** The changelog of one store. */
export interface ChangelogPort {
  /** `value` null deletes. */
  log(key: unknown, value: unknown, timestamp: number): void
  /** The bytes of a key, and behind them those of its value, as they lie in `bytes`; they must not change afterwards. */
  logBytes(bytes: Buffer, keyStart: number, valueStart: number, valueEnd: number, timestamp: number): void
}

/** A part of a larger buffer. */
interface Range {
  bytes: Buffer
  start: number
  end: number
}

const rangeSerde: Serde<Range> = {
  write: ({ bytes, start, end }, out) => out.writeRange(bytes, start, end),
  read: (bytes, start, end) => ({ bytes, start, end }),
}

/** Null without a writer. Serialises into the writer's own memory where it can. */
export function changelogPort<K>(
  storeName: string,
  keySerde: Serde<K>,
  value: Serde<unknown>,
  writer: ChangelogWriter | undefined,
): ChangelogPort | null {
  if (writer === undefined) return null
  const key = keySerde as Serde<unknown>
  if (writer.logWith !== undefined) {
    const keyRange: Range = { bytes: Buffer.alloc(0), start: 0, end: 0 }
    const valueRange: Range = { ...keyRange }
    return {
      log: (k, v, timestamp) => writer.logWith!(storeName, key, k, value, v, timestamp),
      logBytes(bytes, keyStart, valueStart, valueEnd, timestamp) {
        keyRange.bytes = valueRange.bytes = bytes
        keyRange.start = keyStart
        keyRange.end = valueRange.start = valueStart
        valueRange.end = valueEnd
        writer.logWith!(storeName, rangeSerde, keyRange, rangeSerde, valueRange, timestamp)
      },
    }
  }
  return {
    log: (k, v, timestamp) =>
      writer.logChange(storeName, serialize(key, k)!, v === null ? null : serialize(value, v)!, timestamp),
    logBytes: (bytes, keyStart, valueStart, valueEnd, timestamp) =>
      writer.logChange(
        storeName,
        bytes.subarray(keyStart, valueStart),
        bytes.subarray(valueStart, valueEnd),
        timestamp,
      ),
  }
}
