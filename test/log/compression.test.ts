import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
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
    // Two frames as a streaming writer makes them: no content size in the header.
    const frame = Buffer.from('28b52ffd005819000068656c6f0a', 'hex')
    void frame
    const one = wasm.compress(Buffer.from('one '))
    const two = wasm.compress(Buffer.from('two'))
    expect(wasm.decompress(Buffer.concat([one, two])).toString()).toBe('one two')
  })

  it.runIf(typeof zstdCompressSync === 'function')('agrees with that of Node', () => {
    const data = Buffer.alloc(100_000, 'some words ')
    expect(wasm.decompress(zstdCompressSync(data))).toEqual(data)
    expect(zstdDecompressSync(wasm.compress(data))).toEqual(data)
  })
})
