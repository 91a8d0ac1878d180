import { createRequire } from 'node:module'

/*
 * CRC-32C (Castagnoli): native where the platform has a binary, a table otherwise. Small inputs stay in
 * JavaScript, where the call into native code costs more than the work.
 */

const POLYNOMIAL = 0x82f63b78
const SMALL = 48

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
  return crc
})

/** The checksum of `data[start, end)` by the table; unsigned. */
export function crc32cByTable(data: Uint8Array, start = 0, end: number = data.length): number {
  let crc = -1
  for (let i = start; i < end; i++) crc = table[(crc ^ data[i]!) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
}

const native = loadNative()

function loadNative(): ((data: Uint8Array) => number) | null {
  try {
    return (createRequire(import.meta.url)('@node-rs/crc32') as { crc32c: (data: Uint8Array) => number })
      .crc32c
  } catch {
    return null
  }
}

/** The checksum of `data[start, end)`, unsigned. */
export function crc32c(data: Uint8Array, start = 0, end: number = data.length): number {
  if (native === null || end - start < SMALL) return crc32cByTable(data, start, end)
  return native(data.subarray(start, end))
}
