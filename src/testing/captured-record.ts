import type { DecodedBatch, Headers } from '../log/index.js'

/** A record as it would lie in the log. */
export interface CapturedRecord {
  readonly topic: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestamp: number
  readonly headers: Headers
}

/** A batch of this one record, as a consumer would hand it over. */
export function decodedBatch(record: CapturedRecord, offset: number): DecodedBatch {
  const keyLength = record.key?.length ?? 0
  const valueLength = record.value?.length ?? 0
  return {
    count: 1,
    buffer: Buffer.concat([record.key ?? Buffer.alloc(0), record.value ?? Buffer.alloc(0)]),
    offsets: Float64Array.of(offset),
    timestamps: Float64Array.of(record.timestamp),
    keyStart: Int32Array.of(record.key === null ? -1 : 0),
    keyEnd: Int32Array.of(keyLength),
    valueStart: Int32Array.of(record.value === null ? -1 : keyLength),
    valueEnd: Int32Array.of(keyLength + valueLength),
    headers: record.headers.length === 0 ? null : [record.headers],
  }
}
