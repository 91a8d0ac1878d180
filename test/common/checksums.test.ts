import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  crc32c,
  crc32cByTable,
  murmur2,
  unsignedVarintSize,
  VarintReader,
  varintSize,
  varlongSize,
  writeUnsignedVarint,
  writeVarint,
  writeVarlong,
} from '../../src/common/index.js'
import { partitionOfKey } from '../../src/log/index.js'
import { describeOracle } from '../log/oracle.js'

describeOracle<{ data: string; crc32c: number }>('crc32c.json', (vectors) => {
  it.each(vectors.map((v, i) => ({ ...v, i })))('CRC-32C of vector $i', (vector) => {
    const data = Buffer.from(vector.data, 'hex')
    expect(crc32c(data)).toBe(vector.crc32c)
    expect(crc32cByTable(data)).toBe(vector.crc32c)
  })
})

describeOracle<{ key: string; murmur2: number; partitions: Record<string, number> }>(
  'murmur2.json',
  (vectors) => {
    it.each(vectors)('murmur2 of "$key"', (vector) => {
      const key = Buffer.from(vector.key, 'hex')
      expect(murmur2(key)).toBe(vector.murmur2)
      const shifted = Buffer.concat([Buffer.from('xyz'), key, Buffer.from('more')])
      expect(murmur2(shifted, 3, 3 + key.length)).toBe(vector.murmur2)
      for (const [count, partition] of Object.entries(vector.partitions)) {
        expect(partitionOfKey(key, Number(count))).toBe(partition)
      }
    })
  },
)

describeOracle<{ kind: string; value: string; hex: string }>('varint.json', (vectors) => {
  it.each(vectors)('$kind $value', ({ kind, value: text, hex }) => {
    const value = Number(text)
    const bytes = Buffer.from(hex, 'hex')
    const reader = new VarintReader(bytes)
    const out = Buffer.alloc(12)
    if (kind.startsWith('unsigned')) {
      expect(reader.readUnsigned()).toBe(value)
      expect(out.subarray(0, writeUnsignedVarint(out, 0, value))).toEqual(bytes)
      expect(unsignedVarintSize(value)).toBe(bytes.length)
    } else if (kind.startsWith('varint')) {
      expect(reader.readVarint()).toBe(value)
      expect(out.subarray(0, writeVarint(out, 0, value))).toEqual(bytes)
      expect(varintSize(value)).toBe(bytes.length)
    } else {
      expect(reader.readVarlong()).toBe(value)
      // What is no safe integer has no exact number to write.
      if (Number.isSafeInteger(value)) {
        expect(out.subarray(0, writeVarlong(out, 0, value))).toEqual(bytes)
        expect(varlongSize(value)).toBe(bytes.length)
      }
    }
    expect(reader.position).toBe(bytes.length)
  })
})

it('every safe integer comes back from a varlong', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      const out = Buffer.alloc(12)
      const end = writeVarlong(out, 2, value)
      expect(end - 2).toBe(varlongSize(value))
      const reader = new VarintReader(out, 2, end)
      expect(reader.readVarlong()).toBe(value)
      expect(reader.position).toBe(end)
    }),
  )
})

it('every 32-bit integer comes back from a varint', () => {
  fc.assert(
    fc.property(fc.integer(), (value) => {
      const out = Buffer.alloc(8)
      const end = writeVarint(out, 0, value)
      expect(end).toBe(varintSize(value))
      expect(new VarintReader(out, 0, end).readVarint()).toBe(value)
    }),
  )
})

it('a varint that does not end, or has too many bytes, is a RangeError', () => {
  expect(() => new VarintReader(Buffer.from('ff', 'hex')).readVarint()).toThrow(RangeError)
  expect(() => new VarintReader(Buffer.from('ffffffffff01', 'hex')).readVarint()).toThrow(RangeError)
  expect(() => new VarintReader(Buffer.alloc(11, 0xff)).readVarlong()).toThrow(RangeError)
})

it('native and table checksum agree', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(20), (data, start) => {
      const from = Math.min(start, data.length)
      expect(crc32c(data, from)).toBe(crc32cByTable(data, from))
    }),
  )
})
