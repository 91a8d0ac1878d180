import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addToSequence } from '../../src/log/batch-format.js'
import { buildTransactionMarker, readTransactionMarker } from '../../src/log/control-record.js'
import { stringSerde } from '../../src/serde/index.js'
import { describeOracle } from './oracle.js'
import {
  batchesIn,
  type CompressionType,
  CorruptRecordError,
  createBatchBuilder,
  type DecodedBatch,
  type Headers,
  KafkaError,
  RecordBatchView,
  serializeBatch,
} from './record-batch-fixtures.js'

type VectorBytes = string | null | { repeat: string; times: number }

interface VectorRecord {
  offset: number
  timestamp: number | string
  sequence: number
  key: VectorBytes
  value: VectorBytes
  headers: { key: string; value: VectorBytes }[]
}

interface VectorBatch {
  baseOffset: number | string
  lastOffset: number | string
  sizeInBytes: number
  partitionLeaderEpoch: number
  magic: number
  crc: number
  compression: CompressionType
  timestampType: 'CreateTime' | 'LogAppendTime'
  transactional: boolean
  control: boolean
  deleteHorizonMs: number | null
  baseTimestamp: number
  maxTimestamp: number
  producerId: number | string
  producerEpoch: number
  baseSequence: number
  lastSequence: number
  count: number
  records: VectorRecord[]
}

function bytesOf(value: VectorBytes): Buffer | null {
  if (value === null) return null
  if (typeof value === 'string') return Buffer.from(value, 'hex')
  return Buffer.from(value.repeat.repeat(value.times), 'hex')
}

describeOracle<{ name: string; about: string; exact: boolean; hex: string; batches: VectorBatch[] }>(
  'record-batches.json',
  (vectors) => {
    it.each(vectors)('$name: $about', ({ exact, hex, batches }) => {
      const bytes = Buffer.from(hex, 'hex')
      const views = batchesIn(bytes)
      expect(views.length).toBe(batches.length)
      for (const [i, vector] of batches.entries()) {
        checkHeader(views[i]!, vector)
        checkRecords(views[i]!, vector)
        if (exact && vector.deleteHorizonMs === null && vector.count > 0) {
          expect(encode(vector).toString('hex')).toBe(views[i]!.bytes().toString('hex'))
        }
      }
    })
  },
)

function checkHeader(view: RecordBatchView, vector: VectorBatch): void {
  view.verify()
  expect({
    baseOffset: view.baseOffset,
    lastOffset: view.lastOffset,
    sizeInBytes: view.sizeBytes,
    partitionLeaderEpoch: view.partitionLeaderEpoch,
    magic: view.magic,
    crc: view.crc,
    compression: view.compression,
    timestampType: view.timestampType,
    transactional: view.transactional,
    control: view.control,
    deleteHorizonMs: view.deleteHorizonMs,
    baseTimestamp: view.baseTimestamp,
    maxTimestamp: view.maxTimestamp,
    producerId: view.producerId,
    producerEpoch: view.producerEpoch,
    baseSequence: view.baseSequence,
    lastSequence: view.lastSequence,
    count: view.recordCount,
  }).toEqual({
    baseOffset: Number(vector.baseOffset),
    lastOffset: Number(vector.lastOffset),
    sizeInBytes: vector.sizeInBytes,
    partitionLeaderEpoch: vector.partitionLeaderEpoch,
    magic: vector.magic,
    crc: vector.crc,
    compression: vector.compression,
    timestampType: vector.timestampType,
    transactional: vector.transactional,
    control: vector.control,
    deleteHorizonMs: vector.deleteHorizonMs,
    baseTimestamp: Number(vector.baseTimestamp),
    maxTimestamp: Number(vector.maxTimestamp),
    producerId: Number(vector.producerId),
    producerEpoch: vector.producerEpoch,
    baseSequence: vector.baseSequence,
    lastSequence: vector.lastSequence,
    count: vector.count,
  })
}

function checkRecords(view: RecordBatchView, vector: VectorBatch): void {
  expect(recordsOf(view.decode())).toEqual(
    vector.records.map((record) => ({
      offset: Number(record.offset),
      timestamp: Number(record.timestamp),
      key: bytesOf(record.key),
      value: bytesOf(record.value),
      headers: record.headers.map(({ key, value }) => ({ key, value: bytesOf(value) })),
    })),
  )
}

function recordsOf(decoded: DecodedBatch) {
  const range = (start: number, end: number) =>
    start < 0 ? null : Buffer.from(decoded.buffer.subarray(start, end))
  return Array.from({ length: decoded.count }, (_, i) => ({
    offset: decoded.offsets[i]!,
    timestamp: decoded.timestamps[i]!,
    key: range(decoded.keyStart[i]!, decoded.keyEnd[i]!),
    value: range(decoded.valueStart[i]!, decoded.valueEnd[i]!),
    headers: (decoded.headers?.[i] ?? []).map(({ key, value }) => ({
      key,
      value: value === null ? null : Buffer.from(value),
    })),
  }))
}

function encode(vector: VectorBatch): Buffer {
  const builder = createBatchBuilder({ compression: vector.compression })
  for (const record of vector.records) {
    const headers = record.headers.map(({ key, value }) => ({ key, value: bytesOf(value) }))
    // With LogAppendTime the records keep the client's times below; the vectors' clients began at the base timestamp.
    const timestamp =
      vector.timestampType === 'LogAppendTime' ? clientTimestamp(vector, record) : Number(record.timestamp)
    builder.append(timestamp, bytesOf(record.key), bytesOf(record.value), headers)
  }
  return builder.finish({
    baseOffset: Number(vector.baseOffset),
    partitionLeaderEpoch: vector.partitionLeaderEpoch,
    producerId: Number(vector.producerId),
    producerEpoch: vector.producerEpoch,
    baseSequence: vector.baseSequence,
    transactional: vector.transactional,
    control: vector.control,
    timestampType: vector.timestampType,
    maxTimestamp: Number(vector.maxTimestamp),
  })
}

function clientTimestamp(vector: VectorBatch, record: VectorRecord): number {
  const deltas = [0, 5, 9]
  return Number(vector.baseTimestamp) + deltas[Number(record.offset) - Number(vector.baseOffset)]!
}

describeOracle<{
  name: string
  about: string
  error: 'crc' | 'incomplete' | 'corrupt' | 'none'
  hex: string
}>('invalid-batches.json', (vectors) => {
  it.each(vectors)('$name: $about', ({ error, hex }) => {
    const view = new RecordBatchView(Buffer.from(hex, 'hex'))
    if (error === 'none') expect(view.decode().count).toBe(2)
    else {
      const expected = { crc: /CRC/, incomplete: /incomplete/, corrupt: /magic|follow the declared/ }[error]
      expect(() => view.decode()).toThrow(CorruptRecordError)
      expect(() => view.decode()).toThrow(expected)
    }
  })
})

const bytes = (maxLength: number) => fc.option(fc.uint8Array({ maxLength }), { freq: 5 })
const headers = fc.option(
  fc.array(fc.record({ key: fc.string({ maxLength: 8 }), value: bytes(10) }), { maxLength: 3 }),
  { freq: 3 },
)
const record = fc.record({
  timestamp: fc.oneof(fc.integer({ min: -1, max: 100_000 }), fc.integer({ min: 0, max: 2 ** 50 })),
  key: bytes(80),
  value: fc.oneof(bytes(100), bytes(20_000)),
  headers,
})
const compressions = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

describe('a batch builder', () => {
  it.each(compressions)('gives back what was put in, in every way of putting it in (%s)', (compression) => {
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 90 }),
        fc.nat(1_000_000),
        (records, baseOffset) => {
          const plain = createBatchBuilder({ compression, initialBytes: 16 })
          const ranged = createBatchBuilder({ compression })
          const written = createBatchBuilder({ compression })
          const serde = {
            write: (value: Uint8Array, out: { writeBytes(b: Uint8Array): void }) => out.writeBytes(value),
          }
          for (const r of records) {
            plain.append(r.timestamp, r.key, r.value, r.headers)
            written.appendWith(r.timestamp, serde, r.key, serde, r.value, r.headers)
            const both = Buffer.concat([r.key ?? Buffer.alloc(0), r.value ?? Buffer.alloc(0)])
            const keyEnd = r.key?.length ?? 0
            ranged.appendRanges(
              r.timestamp,
              both,
              r.key === null ? -1 : 0,
              keyEnd,
              r.value === null ? -1 : keyEnd,
              both.length,
              r.headers,
            )
          }
          const batch = plain.finish({ baseOffset })
          expect(written.finish({ baseOffset })).toEqual(batch)
          expect(ranged.finish({ baseOffset })).toEqual(batch)
          const view = new RecordBatchView(batch)
          expect(view.sizeBytes).toBe(batch.length)
          expect(view.maxTimestamp).toBe(Math.max(...records.map((r) => r.timestamp)))
          const expected = records.map((r, i) => ({
            offset: baseOffset + i,
            timestamp: r.timestamp,
            key: r.key === null ? null : Buffer.from(r.key),
            value: r.value === null ? null : Buffer.from(r.value),
            headers: (r.headers ?? []).map((h) => ({
              key: h.key,
              value: h.value === null ? null : Buffer.from(h.value),
            })),
          }))
          expect(recordsOf(view.decode())).toEqual(expected)
          const from = baseOffset + Math.floor(records.length / 2)
          expect(recordsOf(view.decode(from))).toEqual(expected.filter((r) => r.offset >= from))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('starts afresh after reset, and leaves the batch it gave away alone', () => {
    const builder = createBatchBuilder({ initialBytes: 256 })
    const value = Buffer.alloc(170, 1)
    builder.append(5, null, value)
    const first = builder.finish()
    const copy = Buffer.from(first)
    builder.reset()
    expect(builder.recordCount).toBe(0)
    builder.append(9, Buffer.from('k'), Buffer.alloc(170, 2))
    expect(first).toEqual(copy)
    expect(recordsOf(new RecordBatchView(builder.finish()).decode())).toMatchObject([
      { timestamp: 9, offset: 0 },
    ])
  })

  it('can go on after finish, and finish again under another header', () => {
    const builder = createBatchBuilder({ initialBytes: 256 })
    builder.append(1, null, Buffer.alloc(170, 1))
    const first = builder.finish({ baseOffset: 7 })
    builder.append(2, null, Buffer.from('two'))
    const second = new RecordBatchView(
      builder.finish({ baseOffset: 100, producerId: 4, baseSequence: 2, producerEpoch: 0 }),
    )
    expect(recordsOf(new RecordBatchView(first).decode()).map((r) => r.offset)).toEqual([7])
    expect(recordsOf(second.decode()).map((r) => r.offset)).toEqual([100, 101])
    expect(second.lastSequence).toBe(3)
  })

  it('is as it was after a serde threw', () => {
    const builder = createBatchBuilder()
    builder.appendWith(1, stringSerde, 'a', stringSerde, 'b')
    const before = builder.sizeBytes
    const broken = {
      write(_: string, out: { writeBytes(b: Uint8Array): void }) {
        out.writeBytes(Buffer.from('half'))
        throw new Error('no')
      },
    }
    expect(() => builder.appendWith(2, stringSerde, 'c', broken, 'd')).toThrow('no')
    expect(builder.sizeBytes).toBe(before)
    builder.appendWith(3, stringSerde, 'e', stringSerde, null)
    expect(recordsOf(new RecordBatchView(builder.finish()).decode())).toMatchObject([
      { timestamp: 1, key: Buffer.from('a'), value: Buffer.from('b') },
      { timestamp: 3, key: Buffer.from('e'), value: null },
    ])
  })

  it.each([1.5, Number.NaN, 2 ** 60])('refuses the timestamp %d', (timestamp) => {
    expect(() => createBatchBuilder().append(timestamp, null, null)).toThrow(KafkaError)
  })
})

describe('a damaged batch', () => {
  const builder = createBatchBuilder()
  for (let i = 0; i < 20; i++) builder.append(1000 + i, Buffer.from(`key-${i}`), Buffer.from(`value ${i}`))
  const good = builder.finish({ producerId: 3, producerEpoch: 0, baseSequence: 0 })

  it('is found out whichever bit of what the CRC covers, of size, magic or CRC is flipped', () => {
    for (let at = 8; at < good.length; at++) {
      if (at >= 12 && at < 16) continue // the leader epoch, which brokers set without a new CRC
      for (let bit = 0; bit < 8; bit++) {
        const bad = Buffer.from(good)
        bad[at] = bad[at]! ^ (1 << bit)
        expect(() => new RecordBatchView(bad).decode(), `byte ${at}, bit ${bit}`).toThrow(CorruptRecordError)
      }
    }
  })

  it('is found out wherever it ends too early', () => {
    for (let length = 0; length < good.length; length++) {
      expect(() => new RecordBatchView(Buffer.from(good.subarray(0, length))).decode()).toThrow(
        CorruptRecordError,
      )
    }
  })

  it('never reads outside itself when the record section is garbage under a right CRC', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 7, maxLength: 60 }),
        fc.integer({ min: 1, max: 8 }),
        (garbage, count) => {
          const batch = serializeBatch(garbage, count)
          try {
            const decoded = new RecordBatchView(batch).decode()
            for (let i = 0; i < decoded.count; i++) {
              expect(decoded.valueEnd[i]!).toBeLessThanOrEqual(batch.length)
              expect(decoded.keyEnd[i]!).toBeLessThanOrEqual(batch.length)
            }
          } catch (error) {
            expect(error).toBeInstanceOf(CorruptRecordError)
          }
        },
      ),
      { numRuns: 3000 },
    )
  })

  it('says where it lies', () => {
    const bad = Buffer.from(good)
    bad[70] = bad[70]! ^ 1
    const view = new RecordBatchView(bad)
    view.file = 'orders-0/00000000000000000000.log'
    view.filePosition = 4711
    expect(() => view.decode()).toThrow(/orders-0\/0+\.log at position 4711: stored CRC/)
  })
})

it('a transaction marker comes back from its batch', () => {
  for (const type of ['COMMIT', 'ABORT'] as const) {
    const marker = { type, producerId: 4711, producerEpoch: 3, coordinatorEpoch: 9 }
    const view = new RecordBatchView(buildTransactionMarker({ ...marker, timestamp: 1000 }))
    expect(view.sizeBytes).toBe(78)
    expect(view.control && view.transactional).toBe(true)
    expect(readTransactionMarker(view)).toEqual(marker)
  }
})

it('sequence numbers go on at 0 after 2147483647', () => {
  expect(addToSequence(2147483647, 1)).toBe(0)
  expect(addToSequence(2147483640, 10)).toBe(2)
})

const noHeaders: Headers = []
it('a record without headers costs one byte for them', () => {
  const with0 = createBatchBuilder()
  const without = createBatchBuilder()
  with0.append(1, null, null, noHeaders)
  without.append(1, null, null)
  expect(with0.finish()).toEqual(without.finish())
  expect(without.sizeBytes).toBe(61 + 7)
})
