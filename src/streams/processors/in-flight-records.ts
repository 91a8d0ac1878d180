import type { DecodedBatch, Headers } from '../../log/index.js'
import { longSerde, type Serde } from '../../serde/index.js'
import type { KeyValueStore } from '../../state/index.js'
import { type AnyBatch, headersOf } from '../batch.js'
import { PartReader, writeHeaders, writeSized } from '../internal-serdes.js'
import { type RunOrigin, type SourceRecord, sourceRecordOf } from '../runtime/run.js'

/** A record that waits for its answer, with the source record it stems from. */
interface InFlightRecord {
  readonly key: unknown
  readonly value: unknown
  readonly timestamp: number
  readonly headers: Headers | null
  /** null where no source record is at hand. */
  readonly source: SourceRecord | null
}

/**
 * The records of an asynchronous operator that are without an answer at a commit, by the order of their arrival. Those
 * that are answered between two commits never come here.
 */
export class InFlightRecords {
  readonly #store: KeyValueStore<number, InFlightRecord>

  constructor(store: KeyValueStore<number, InFlightRecord>) {
    this.#store = store
  }

  put(sequence: number, batch: AnyBatch, row: number): void {
    this.#store.put(sequence, {
      key: batch.keys[row],
      value: batch.values[row],
      timestamp: batch.timestamps[row]!,
      headers: headersOf(batch, row),
      source: sourceRecordOf(batch, row),
    })
  }

  delete(sequence: number): void {
    this.#store.delete(sequence)
  }

  /** What an earlier run left, each as a batch of one. */
  *restored(): Iterable<{ sequence: number; batch: AnyBatch }> {
    for (const { key, value } of this.#store.all()) yield { sequence: key, batch: batchOf(value) }
  }
}

function batchOf({ key, value, timestamp, headers, source }: InFlightRecord): AnyBatch {
  return {
    size: 1,
    keys: [key],
    values: [value],
    timestamps: [timestamp],
    oldValues: null,
    headers: [headers],
    origin: source === null ? null : originOf(source, timestamp),
    rows: source === null ? null : [0],
  }
}

function originOf(source: SourceRecord, streamTime: number): RunOrigin {
  const { topic, partition, offset, headers } = source
  return {
    topic,
    partition,
    offsets: [offset],
    headers: [headers],
    streamTimes: [streamTime],
    raw: rawBatch(source),
    rawRows: [0],
  }
}

function rawBatch({ offset, timestamp, headers, key, value }: SourceRecord): DecodedBatch {
  const keyLength = key?.length ?? 0
  return {
    count: 1,
    buffer: Buffer.concat([key ?? Buffer.alloc(0), value ?? Buffer.alloc(0)]),
    offsets: Float64Array.of(offset),
    timestamps: Float64Array.of(timestamp),
    keyStart: Int32Array.of(key === null ? -1 : 0),
    keyEnd: Int32Array.of(keyLength),
    valueStart: Int32Array.of(value === null ? -1 : keyLength),
    valueEnd: Int32Array.of(keyLength + (value?.length ?? 0)),
    headers: [headers],
  }
}

const bytes: Serde<unknown> = {
  write: (value, out) => out.writeBytes(value as Buffer),
  read: (buffer, start, end) => Buffer.from(buffer.subarray(start, end)),
}

const text: Serde<unknown> = {
  write: (value, out) => out.writeUtf8(value as string),
  read: (buffer, start, end) => buffer.toString('utf8', start, end),
}

/**
 *     int64 timestamp │ key, sized │ value, sized │ headers │ source topic, sized; null ends here
 *     │ int32 partition │ int64 offset │ int64 timestamp │ key, sized │ value, sized │ headers
 */
export function inFlightSerde(keySerde: Serde<unknown>, valueSerde: Serde<unknown>): Serde<unknown> {
  return {
    write(record, out) {
      const { key, value, timestamp, headers, source } = record as InFlightRecord
      longSerde.write(timestamp, out)
      writeSized(out, keySerde, key ?? null)
      writeSized(out, valueSerde, value ?? null)
      writeHeaders(out, headers)
      writeSized(out, text, source === null ? null : source.topic)
      if (source === null) return
      out.writeInt32(source.partition)
      longSerde.write(source.offset, out)
      longSerde.write(source.timestamp, out)
      writeSized(out, bytes, source.key)
      writeSized(out, bytes, source.value)
      writeHeaders(out, source.headers)
    },
    read(buffer, start): InFlightRecord {
      const parts = new PartReader(buffer, start)
      const timestamp = parts.long()
      const record = { timestamp, key: parts.sized(keySerde), value: parts.sized(valueSerde) }
      const headers = parts.headers()
      const topic = parts.sized(text) as string | null
      return { ...record, headers, source: topic === null ? null : readSource(topic, parts) }
    },
  }
}

function readSource(topic: string, parts: PartReader): SourceRecord {
  const partition = parts.int32()
  const offset = parts.long()
  const timestamp = parts.long()
  const key = parts.sized(bytes) as Buffer | null
  const value = parts.sized(bytes) as Buffer | null
  return { topic, partition, offset, timestamp, key, value, headers: parts.headers() ?? [] }
}
