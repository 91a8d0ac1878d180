import { createRequire } from 'node:module'
import * as zlib from 'node:zlib'
import type { CompressionType } from './log.js'
import { zstd } from './zstd.js'

/*
 * The codecs of a batch's record section, framed as Kafka's Java client frames them:
 *
 *   gzip     RFC 1952
 *   snappy   xerial stream: 82 53 4e 41 50 50 59 00, int32 1, int32 1, then blocks {int32 size, raw snappy};
 *            raw snappy without the magic, as librdkafka writes it, is read too
 *   lz4      frame format, independent blocks
 *   zstd     frame, level 3
 *
 * The libraries are loaded at first use.
 */

const XERIAL_HEADER = Buffer.from('82534e41505059000000000100000001', 'hex')
const XERIAL_MAGIC_BYTES = 8
const SNAPPY_BLOCK_BYTES = 32 * 1024

interface Snappy {
  compressSync(data: Uint8Array): Buffer
  uncompressSync(data: Uint8Array, options: { asBuffer: true }): Buffer
}
interface Lz4 {
  compressFrameSync(data: Uint8Array): Buffer
  decompressFrameSync(data: Uint8Array): Buffer
}

const require = createRequire(import.meta.url)
let snappy: Snappy | undefined
let lz4: Lz4 | undefined

function loadSnappy(): Snappy {
  snappy ??= require('snappy') as Snappy
  return snappy
}

function loadLz4(): Lz4 {
  lz4 ??= require('lz4-napi') as Lz4
  return lz4
}

export function compress(type: CompressionType, data: Uint8Array): Uint8Array {
  switch (type) {
    case 'none':
      return data
    case 'gzip':
      return zlib.gzipSync(data)
    case 'snappy':
      return compressXerial(data)
    case 'lz4':
      return loadLz4().compressFrameSync(data)
    case 'zstd':
      return zstd().compress(data)
  }
}

/** Throws whatever the library throws on broken data. */
export function decompress(type: CompressionType, data: Buffer): Buffer {
  switch (type) {
    case 'none':
      return data
    case 'gzip':
      return zlib.gunzipSync(data)
    case 'snappy':
      return isXerial(data) ? decompressXerial(data) : uncompressRaw(data)
    case 'lz4':
      return loadLz4().decompressFrameSync(data)
    case 'zstd':
      return zstd().decompress(data)
  }
}

function compressXerial(data: Uint8Array): Buffer {
  const parts: Uint8Array[] = [XERIAL_HEADER]
  for (let at = 0; at < data.length; at += SNAPPY_BLOCK_BYTES) {
    const block = loadSnappy().compressSync(data.subarray(at, at + SNAPPY_BLOCK_BYTES))
    const size = Buffer.allocUnsafe(4)
    size.writeInt32BE(block.length)
    parts.push(size, block)
  }
  return Buffer.concat(parts)
}

function isXerial(data: Buffer): boolean {
  return (
    data.length >= XERIAL_HEADER.length &&
    data.compare(XERIAL_HEADER, 0, XERIAL_MAGIC_BYTES, 0, XERIAL_MAGIC_BYTES) === 0
  )
}

function decompressXerial(data: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = XERIAL_HEADER.length; at < data.length; ) {
    const size = data.readInt32BE(at)
    at += 4
    if (size < 0 || at + size > data.length)
      throw new RangeError(`a snappy block of ${size} bytes passes the end`)
    parts.push(uncompressRaw(data.subarray(at, at + size)))
    at += size
  }
  return Buffer.concat(parts)
}

function uncompressRaw(block: Buffer): Buffer {
  return loadSnappy().uncompressSync(block, { asBuffer: true })
}
