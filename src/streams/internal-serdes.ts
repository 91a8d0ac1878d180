import type { ByteWriter } from '../common/index.js'
import type { Header, Headers } from '../log/index.js'
import { longSerde, type Serde } from '../serde/index.js'

/*
 * How internal topics and stores hold what has no serde of its own. Sized parts are an int32 length, -1 for null, and
 * the bytes.
 */

export function writeSized(out: ByteWriter, serde: Serde<unknown>, value: unknown): void {
  const at = out.position
  out.writeInt32(-1)
  if (value === null) return
  serde.write(value, out)
  out.buffer.writeInt32BE(out.position - at - 4, at)
}

/** Reads parts one after another. */
export class PartReader {
  readonly #buffer: Buffer
  #at: number

  constructor(buffer: Buffer, start: number) {
    this.#buffer = buffer
    this.#at = start
  }

  sized(serde: Serde<unknown>): unknown {
    const length = this.int32()
    if (length < 0) return null
    const start = this.#at
    this.#at += length
    return serde.read(this.#buffer, start, this.#at)
  }

  int32(): number {
    this.#at += 4
    return this.#buffer.readInt32BE(this.#at - 4)
  }

  long(): number {
    this.#at += 8
    return longSerde.read(this.#buffer, this.#at - 8, this.#at)
  }

  byte(): number {
    return this.#buffer[this.#at++]!
  }

  headers(): Headers | null {
    const count = this.int32()
    if (count < 0) return null
    const headers: Header[] = []
    for (let i = 0; i < count; i++) {
      headers.push({ key: this.sized(text) as string, value: this.sized(rawBytes) as Uint8Array | null })
    }
    return headers
  }
}

export function writeHeaders(out: ByteWriter, headers: Headers | null): void {
  out.writeInt32(headers === null ? -1 : headers.length)
  if (headers === null) return
  for (const { key, value } of headers) {
    writeSized(out, text, key)
    writeSized(out, rawBytes, value)
  }
}

const text: Serde<unknown> = {
  write: (value, out) => out.writeUtf8(value as string),
  read: (buffer, start, end) => buffer.toString('utf8', start, end),
}

const rawBytes: Serde<unknown> = {
  write: (value, out) => out.writeBytes(value as Uint8Array),
  read: (buffer, start, end) => Buffer.from(buffer.subarray(start, end)),
}

/** A change of a table's row, as it goes through a repartition topic. */
export interface Change {
  readonly newValue: unknown
  readonly oldValue: unknown
}

/**
 *     new value, sized │ old value, sized
 */
export function changeSerde(valueSerde: Serde<unknown>): Serde<unknown> {
  return {
    write(value, out) {
      const change = value as Change
      writeSized(out, valueSerde, change.newValue)
      writeSized(out, valueSerde, change.oldValue)
    },
    read(buffer, start): Change {
      const parts = new PartReader(buffer, start)
      return { newValue: parts.sized(valueSerde), oldValue: parts.sized(valueSerde) }
    },
  }
}

/** A key of a store that is ordered by time. */
export interface TimeKey {
  readonly time: number
  readonly key: unknown
}

/**
 *     int64 time │ key bytes
 */
export function timeKeySerde(keySerde: Serde<unknown>): Serde<unknown> {
  return {
    write(value, out) {
      const { time, key } = value as TimeKey
      longSerde.write(time, out)
      keySerde.write(key, out)
    },
    read(buffer, start, end): TimeKey {
      return { time: longSerde.read(buffer, start, start + 8), key: keySerde.read(buffer, start + 8, end) }
    },
  }
}
