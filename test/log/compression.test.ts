import * as zlib from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compress, decompress } from '../../src/log/compression.js'
import { wasmZstd } from '../../src/log/zstd.js'

const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

describe.each(codecs)('%s', (codec) => {
  it('gives back what was compressed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 5000 }), (data) => {
        expect(decompress(codec, Buffer.from(compress(codec, data)))).toEqual(Buffer.from(data))
      }),
      { numRuns: 50 },
    )
  })

  it('gives back data much larger than its compressed form', () => {
    const data = Buffer.alloc(9_000_000, 'abc')
    expect(decompress(codec, Buffer.from(compress(codec, data))).equals(data)).toBe(true)
  })
})

it.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('%s refuses damaged data', (codec) => {
  const data = Buffer.from(compress(codec, Buffer.alloc(2000, 'a few words, and again ')))
  expect(() => decompress(codec, data.subarray(0, data.length - 5))).toThrow()
})

describe('zstd as WebAssembly', () => {
  const wasm = wasmZstd()

  it('reads frames that do not say their size, one after the other', () => {
    // Magic, no content size, a window of 2 MiB, one last raw block of 6 bytes.
    const streamed = Buffer.concat([Buffer.from('28b52ffd0058310000', 'hex'), Buffer.from('hello ')])
    expect(wasm.decompress(Buffer.concat([streamed, streamed])).toString()).toBe('hello hello ')
  })

  const { zstdCompressSync, zstdDecompressSync } = zlib as unknown as Record<
    string,
    ((data: Uint8Array) => Buffer) | undefined
  >
  it.runIf(zstdCompressSync !== undefined)('agrees with that of Node', () => {
    const data = Buffer.alloc(100_000, 'some words ')
    expect(wasm.decompress(zstdCompressSync!(data))).toEqual(data)
    expect(zstdDecompressSync!(wasm.compress(data))).toEqual(data)
  })
})
