import { ByteWriter } from '../common/index.js'

/**
 * How values of a type become bytes and come back: Kafka's Serializer and Deserializer in one.
 *
 * Null never reaches a serde: a null key or value is the absence of bytes and is handled by the caller.
 * The interface writes into, and reads from, a larger buffer, so that a batch is (de)serialised without
 * one small allocation a record. `serdeOf` makes one from plain functions.
 */
export interface Serde<T> {
  /** Appends the bytes of `value`. Throws `SerializationError` when the value cannot be represented. */
  write(value: T, out: ByteWriter): void
  /** Reads `buffer[start, end)`. Must not keep `buffer`. Throws `SerializationError` on bad bytes. */
  read(buffer: Buffer, start: number, end: number): T
  /**
   * Appends the part of a key that chooses its partition, where that is not all of it: windowed keys lie in the
   * partition of the key they are made of.
   */
  writePartitionKey?(value: T, out: ByteWriter): void
}

/** A serde from a pair of functions over whole byte arrays: the simple way to write your own. */
export function serdeOf<T>(functions: {
  serialize: (value: T) => Uint8Array
  deserialize: (bytes: Uint8Array) => T
}): Serde<T> {
  return {
    write: (value, out) => out.writeBytes(functions.serialize(value)),
    read: (buffer, start, end) => functions.deserialize(Buffer.from(buffer.subarray(start, end))),
  }
}

const scratch = new ByteWriter(256)

/** The bytes of one value, as a fresh buffer; null stays null. */
export function serialize<T>(serde: Serde<T>, value: T | null): Buffer | null {
  if (value === null) return null
  // A serde may call `serialize` itself: it then writes above what is already there.
  const start = scratch.position
  try {
    serde.write(value, scratch)
    return Buffer.from(scratch.buffer.subarray(start, scratch.position))
  } finally {
    scratch.position = start
  }
}

/** The value of one byte array; null stays null. */
export function deserialize<T>(serde: Serde<T>, bytes: Uint8Array | null): T | null {
  if (bytes === null) return null
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return serde.read(buffer, 0, buffer.length)
}
