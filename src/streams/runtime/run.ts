import type { DecodedBatch, Headers } from '../../log/index.js'
import { type AnyBatch, type Origin, originRow } from '../batch.js'

/** The origin of a run, with the way back to the bytes it was read from. */
export interface RunOrigin extends Origin {
  readonly raw: DecodedBatch
  /** Row of `raw` for each row of the origin; null: the same. */
  readonly rawRows: ArrayLike<number> | null
}

/** Rows [from, to) of a batch; the batch itself where that is all of it. */
export function sliceBatch(batch: AnyBatch, from: number, to: number): AnyBatch {
  if (from === 0 && to === batch.size) return batch
  const rows: number[] = []
  for (let row = from; row < to; row++) rows.push(batch.rows === null ? row : batch.rows[row]!)
  const timestamps: number[] = []
  for (let row = from; row < to; row++) timestamps.push(batch.timestamps[row]!)
  return {
    size: to - from,
    keys: batch.keys.slice(from, to),
    values: batch.values.slice(from, to),
    timestamps,
    oldValues: batch.oldValues === null ? null : batch.oldValues.slice(from, to),
    headers: batch.headers === null ? null : batch.headers.slice(from, to),
    origin: batch.origin,
    rows,
  }
}

export function rawKey(raw: DecodedBatch, row: number): Buffer | null {
  const start = raw.keyStart[row]!
  return start < 0 ? null : raw.buffer.subarray(start, raw.keyEnd[row]!)
}

export function rawValue(raw: DecodedBatch, row: number): Buffer | null {
  const start = raw.valueStart[row]!
  return start < 0 ? null : raw.buffer.subarray(start, raw.valueEnd[row]!)
}

export function rawHeaders(raw: DecodedBatch, row: number): Headers {
  return raw.headers?.[row] ?? []
}

function rawRowOf({ rawRows }: RunOrigin, row: number): number {
  return rawRows === null ? row : rawRows[row]!
}

/** A record as it lies in the log. */
export interface SourceRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly headers: Headers
  readonly key: Buffer | null
  readonly value: Buffer | null
}

/** The source record that a row stems from; null where it stems from none, as in punctuators. */
export function sourceRecordOf(batch: AnyBatch, row: number): SourceRecord | null {
  const origin = batch.origin as RunOrigin | null
  if (origin?.raw === undefined) return null
  const at = originRow(batch, row)
  const rawRow = rawRowOf(origin, at)
  return {
    topic: origin.topic,
    partition: origin.partition,
    offset: origin.offsets[at]!,
    timestamp: origin.raw.timestamps[rawRow]!,
    headers: rawHeaders(origin.raw, rawRow),
    key: rawKey(origin.raw, rawRow),
    value: rawValue(origin.raw, rawRow),
  }
}

/** Its bytes alone. */
export function rawRecord(batch: AnyBatch, row: number): Pick<SourceRecord, 'key' | 'value'> | null {
  const source = sourceRecordOf(batch, row)
  return source === null ? null : { key: source.key, value: source.value }
}
