import type { AnyBatch } from './batch.js'
import { originRow } from './batch.js'

/** The given rows of a batch, in that order. */
export function selectRows(batch: AnyBatch, rows: readonly number[]): AnyBatch {
  const size = rows.length
  const keys = new Array<unknown>(size)
  const values = new Array<unknown>(size)
  const timestamps = new Array<number>(size)
  const origins = new Array<number>(size)
  for (let i = 0; i < size; i++) {
    const row = rows[i]!
    keys[i] = batch.keys[row]
    values[i] = batch.values[row]
    timestamps[i] = batch.timestamps[row]!
    origins[i] = originRow(batch, row)
  }
  const { oldValues, headers, outdated } = batch
  return {
    size,
    keys,
    values,
    timestamps,
    oldValues: oldValues === null ? null : rows.map((row) => oldValues[row]),
    headers: headers === null ? null : rows.map((row) => headers[row]!),
    origin: batch.origin,
    rows: origins,
    ...(outdated ? { outdated: rows.map((row) => outdated[row]!) } : {}),
  }
}

/** The batch without these rows. */
export function withoutRows(batch: AnyBatch, failed: readonly number[] | null): AnyBatch {
  if (failed === null) return batch
  const out = new Set(failed)
  const rows: number[] = []
  for (let i = 0; i < batch.size; i++) if (!out.has(i)) rows.push(i)
  return selectRows(batch, rows)
}
