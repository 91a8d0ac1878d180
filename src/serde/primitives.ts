import { asciiText } from '../common/index.js'
import { SerializationError } from './errors.js'
import type { Serde } from './serde.js'

function exactly(bytes: number, type: string, start: number, end: number): void {
  if (end - start !== bytes) {
    throw new SerializationError(`a ${type} has ${bytes} bytes, found ${end - start}`)
  }
}

/** Up to this, looking at every byte is cheaper than having UTF-8 decoded. */
const ASCII_BYTES_MAX = 12

/** UTF-8 text. */
export const stringSerde: Serde<string> = {
  write: (value, out) => out.writeUtf8(value),
  read(buffer, start, end) {
    if (end - start <= ASCII_BYTES_MAX) {
      let i = start
      while (i < end && buffer[i]! < 0x80) i++
      if (i === end) return asciiText(buffer, start, end)
    }
    return buffer.toString('utf8', start, end)
  },
}

export const bytesSerde: Serde<Uint8Array> = {
  write: (value, out) => out.writeBytes(value),
  read: (buffer, start, end) => Buffer.from(buffer.subarray(start, end)),
}

/** 32-bit signed, big-endian: Kafka's IntegerSerializer. */
export const int32Serde: Serde<number> = {
  write(value, out) {
    if ((value | 0) !== value) throw new SerializationError(`${value} is not a 32-bit integer`)
    out.writeInt32(value)
  },
  read(buffer, start, end) {
    exactly(4, '32-bit integer', start, end)
    return buffer.readInt32BE(start)
  },
}

/**
 * 64-bit signed, big-endian: Kafka's LongSerializer. Values are numbers while they are safe integers, and
 * `bigint` beyond 2^53, so that no digit is lost.
 */
export const int64Serde: Serde<number | bigint> = {
  write(value, out) {
    if (typeof value === 'bigint') {
      if (BigInt.asIntN(64, value) !== value) throw new SerializationError(`${value} needs more than 64 bits`)
      out.writeInt64(value)
      return
    }
    if (!Number.isSafeInteger(value)) throw new SerializationError(`${value} is not a 64-bit integer`)
    const high = Math.floor(value / 0x1_0000_0000)
    out.writeInt32(high)
    out.writeInt32((value - high * 0x1_0000_0000) | 0)
  },
  read(buffer, start, end) {
    exactly(8, '64-bit integer', start, end)
    return readInt64(buffer, start)
  },
}

/** 64-bit signed integers that are known to be safe, such as counts and times. */
export const longSerde = int64Serde as Serde<number>

export const doubleSerde: Serde<number> = {
  write: (value, out) => out.writeDouble(value),
  read(buffer, start, end) {
    exactly(8, 'double', start, end)
    return buffer.readDoubleBE(start)
  },
}

export const booleanSerde: Serde<boolean> = {
  write: (value, out) => out.writeByte(value ? 1 : 0),
  read(buffer, start, end) {
    exactly(1, 'boolean', start, end)
    return buffer[start] !== 0
  },
}

/** Reads a big-endian int64 as a number when that is exact, else as a bigint. */
export function readInt64(buffer: Buffer, at: number): number | bigint {
  const high = buffer.readInt32BE(at)
  if (high >= -0x20_0000 && high < 0x20_0000) {
    const value = high * 0x1_0000_0000 + buffer.readUInt32BE(at + 4)
    if (value >= Number.MIN_SAFE_INTEGER) return value
  }
  return buffer.readBigInt64BE(at)
}
