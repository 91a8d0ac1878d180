import { type Serde, SerializationError } from '../../serde/index.js'
import { RecordDeserializationError } from '../client-errors.js'
import type { ConsumerRecord, Header, Headers } from '../log.js'
import type { CarriedRecords, RecordRun } from './port-messages.js'

type RawRecord = ConsumerRecord<Uint8Array, Uint8Array>

/** The records as runs of parallel arrays over one memory, in their order. */
export function carryRecords(records: readonly RawRecord[]): CarriedRecords {
  const sizeBytes = records.reduce(
    (sum, { key, value }) => sum + (key?.length ?? 0) + (value?.length ?? 0),
    0,
  )
  const memory = new ArrayBuffer(sizeBytes)
  const bytes = new Uint8Array(memory)
  let at = 0
  const place = (field: Uint8Array | null): number => {
    if (field === null) return -1
    bytes.set(field, at)
    at += field.length
    return at - field.length
  }
  const runs: RecordRun[] = []
  for (let first = 0; first < records.length; ) {
    const end = endOfRun(records, first)
    runs.push(carryRun(records.slice(first, end), place, () => at))
    first = end
  }
  return { memory, runs }
}

function endOfRun(records: readonly RawRecord[], first: number): number {
  const { topic, partition } = records[first]!
  let end = first + 1
  while (records[end]?.topic === topic && records[end]?.partition === partition) end++
  return end
}

function carryRun(
  records: readonly RawRecord[],
  place: (field: Uint8Array | null) => number,
  position: () => number,
): RecordRun {
  const count = records.length
  const { topic, partition } = records[0]!
  const headers: (Headers | null)[] = records.map((record) => record.headers)
  const run = {
    topic,
    partition,
    count,
    offsets: new Float64Array(count),
    timestamps: new Float64Array(count),
    keyStart: new Int32Array(count),
    keyEnd: new Int32Array(count),
    valueStart: new Int32Array(count),
    valueEnd: new Int32Array(count),
    headers: headers.some((h) => h !== null && h.length > 0) ? headers : null,
  }
  for (const [i, record] of records.entries()) {
    run.offsets[i] = record.offset
    run.timestamps[i] = record.timestamp
    run.keyStart[i] = place(record.key)
    run.keyEnd[i] = position()
    run.valueStart[i] = place(record.value)
    run.valueEnd[i] = position()
  }
  return run
}

/** What was read of a poll's answer, and what could not be. */
export interface ReadRecords<K, V> {
  readonly records: readonly ConsumerRecord<K, V>[]
  /** The places of all records that were carried. */
  readonly all: readonly { readonly topic: string; readonly partition: number; readonly offset: number }[]
  /** Why reading stopped behind `records`; null: it did not. */
  readonly failure: unknown
}

export function readCarriedRecords<K, V>(
  { memory, runs }: CarriedRecords,
  keySerde: Serde<K>,
  valueSerde: Serde<V>,
): ReadRecords<K, V> {
  const bytes = Buffer.from(memory)
  const records: ConsumerRecord<K, V>[] = []
  const all = runs.flatMap(({ topic, partition, offsets }) =>
    Array.from(offsets, (offset) => ({ topic, partition, offset })),
  )
  try {
    for (const run of runs) {
      for (let i = 0; i < run.count; i++) records.push(readRecord(run, i, bytes, keySerde, valueSerde))
    }
  } catch (cause) {
    const at = all[records.length]!
    return {
      records,
      all,
      failure: cause instanceof SerializationError ? new RecordDeserializationError(at, cause) : cause,
    }
  }
  return { records, all, failure: null }
}

function readRecord<K, V>(
  run: RecordRun,
  i: number,
  bytes: Buffer,
  keySerde: Serde<K>,
  valueSerde: Serde<V>,
): ConsumerRecord<K, V> {
  const keyAt = run.keyStart[i]!
  const valueAt = run.valueStart[i]!
  return {
    topic: run.topic,
    partition: run.partition,
    offset: run.offsets[i]!,
    timestamp: run.timestamps[i]!,
    key: keyAt < 0 ? null : keySerde.read(bytes, keyAt, run.keyEnd[i]!),
    value: valueAt < 0 ? null : valueSerde.read(bytes, valueAt, run.valueEnd[i]!),
    headers: (run.headers?.[i] ?? []).map(asBuffers),
  }
}

/** Buffers arrive as plain arrays of bytes. */
function asBuffers({ key, value }: Header): Header {
  return {
    key,
    value: value === null ? null : Buffer.from(value.buffer, value.byteOffset, value.length),
  }
}
