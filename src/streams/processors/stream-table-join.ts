import type { Headers } from '../../log/index.js'
import { longSerde, type Serde } from '../../serde/index.js'
import type { KeyValueStore } from '../../state/index.js'
import { type AnyBatch, BatchBuilder, headersOf } from '../batch.js'
import type { KeyValueMapper, ValueJoiner } from '../functions.js'
import type { RowLookup, TableGetter } from '../graph/table-source.js'
import { PartReader, type TimeKey, writeHeaders, writeSized } from '../internal-serdes.js'
import type { BatchOperator, KeptTime } from '../node.js'
import { operate, overRows } from '../rx/operate.js'

export interface StreamTableJoin {
  /** Left join: records without a partner go on with null. */
  readonly outer: boolean
  readonly keyOf: KeyValueMapper<unknown, unknown, unknown>
  readonly joiner: ValueJoiner<unknown, unknown, unknown, unknown>
  readonly rows: TableGetter
  /** Looks up what was valid at the record's time, instead of what is now. */
  readonly asOf: boolean
  /** Makes records wait for the table, in stream time. */
  readonly buffer: { readonly storeName: string; readonly graceMs: number } | null
}

/** Joins each record of a stream with the row of a table. The result keeps the record's time. */
export function joinStreamTable(join: StreamTableJoin): BatchOperator {
  const { outer, keyOf, joiner, asOf, buffer } = join
  return (context) => {
    const lookup = join.rows.open(context)
    const waiting =
      buffer === null
        ? null
        : new WaitingRecords(context.stateStore(buffer.storeName), buffer.graceMs, context.keptTime())
    const cursor = { row: 0 }
    return operate((batch, emit) => {
      const { keys, values, timestamps, size } = batch
      const out = new BatchBuilder<unknown, unknown>()
      const joinRow = (key: unknown, value: unknown, time: number, row: number): boolean => {
        const tableKey = keyOf(key, value)
        const found = tableKey === null ? null : find(lookup, tableKey, asOf ? time : undefined)
        if (found === null && !outer) return false
        out.push(key, joiner(value, found, key), time, batch, row)
        return true
      }
      overRows(context, batch, cursor, () => {
        for (let i = cursor.row; i < size; i++) {
          cursor.row = i
          const key = keys[i]
          const value = values[i]
          const time = timestamps[i]!
          if (value === null || (!outer && keyOf(key, value) === null)) {
            context.dropped(value === null ? 'null-value' : 'null-key', batch, i)
            continue
          }
          if (waiting === null || key === null || !waiting.add(key, value, time, batch, i)) {
            joinRow(key, value, time, i)
            if (waiting === null) continue
          }
          waiting.release((record, recordTime) => {
            if (joinRow(record.key, record.value, recordTime, i)) out.setHeaders(record.headers)
          })
        }
      })
      emit(out.build(batch))
    })
  }
}

function find(lookup: RowLookup, key: unknown, asOf: number | undefined): unknown {
  const row = lookup(key, asOf)
  return row === null ? null : row.value
}

interface WaitingRecord {
  readonly key: unknown
  readonly value: unknown
  readonly headers: Headers | null
}

interface OrderedTimeKey extends TimeKey {
  readonly sequence: number
}

/** Records of a stream until stream time has passed them by the grace period (KIP-923). */
class WaitingRecords {
  readonly #store: KeyValueStore<OrderedTimeKey, WaitingRecord>
  readonly #graceMs: number
  readonly #streamTime: KeptTime
  #minTime = Number.POSITIVE_INFINITY
  #sequence = 0

  constructor(store: KeyValueStore<OrderedTimeKey, WaitingRecord>, graceMs: number, streamTime: KeptTime) {
    this.#store = store
    this.#streamTime = streamTime
    this.#graceMs = graceMs
    for (const { key } of store.all()) {
      this.#minTime = Math.min(this.#minTime, key.time)
      this.#sequence = Math.max(this.#sequence, key.sequence + 1)
    }
  }

  /** False when the record is late: it does not wait. */
  add(key: unknown, value: unknown, time: number, batch: AnyBatch, row: number): boolean {
    const streamTime = this.#streamTime
    if (time < streamTime.ms - this.#graceMs) return false
    if (time > streamTime.ms) streamTime.ms = time
    const record = { key, value, headers: headersOf(batch, row) }
    this.#store.put({ time, key, sequence: this.#sequence++ }, record)
    if (time < this.#minTime) this.#minTime = time
    return true
  }

  /** Takes out the records whose time has come: by time, key bytes and arrival. */
  release(take: (record: WaitingRecord, time: number) => void): void {
    const until = this.#streamTime.ms - this.#graceMs
    if (this.#minTime > until) return
    for (const { key, value } of this.#store.all()) {
      this.#minTime = key.time
      if (key.time > until) return
      this.#store.delete(key)
      take({ ...value, key: key.key }, key.time)
    }
    this.#minTime = Number.POSITIVE_INFINITY
  }
}

/**
 * A key by time, then key bytes, then arrival:
 *
 *     int64 time │ key bytes, 00 as 00 FF │ 00 00 │ int32 sequence
 *
 * The escape keeps the order of keys of which one is the beginning of another.
 */
export function orderedTimeKeySerde(keySerde: Serde<unknown>): Serde<unknown> {
  return {
    write(value, out) {
      const { time, key, sequence } = value as OrderedTimeKey
      longSerde.write(time, out)
      const start = out.position
      keySerde.write(key, out)
      const bytes = Buffer.from(out.buffer.subarray(start, out.position))
      out.position = start
      for (const byte of bytes) {
        out.writeByte(byte)
        if (byte === 0) out.writeByte(0xff)
      }
      out.writeInt16(0)
      out.writeInt32(sequence)
    },
    read(buffer, start, end): OrderedTimeKey {
      const bytes: number[] = []
      let at = start + 8
      for (; at < end - 6; at++) {
        bytes.push(buffer[at]!)
        if (buffer[at] === 0) at++
      }
      return {
        time: longSerde.read(buffer, start, start + 8),
        key: keySerde.read(Buffer.from(bytes), 0, bytes.length),
        sequence: buffer.readInt32BE(end - 4),
      }
    },
  }
}

/**
 *     value, sized │ headers
 */
export function bufferedRecordSerde(valueSerde: Serde<unknown>): Serde<unknown> {
  return {
    write(value, out) {
      const record = value as WaitingRecord
      writeSized(out, valueSerde, record.value)
      writeHeaders(out, record.headers)
    },
    read(buffer, start): WaitingRecord {
      const parts = new PartReader(buffer, start)
      return { key: null, value: parts.sized(valueSerde), headers: parts.headers() }
    },
  }
}
