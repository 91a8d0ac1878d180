const SEED = 0x9747b28c | 0
const M = 0x5bd1e995

/** The 32-bit murmur2 of Kafka's default partitioner, signed. */
export function murmur2(data: Uint8Array, start = 0, end: number = data.length): number {
  let h = SEED ^ (end - start)
  let i = start
  for (; i + 4 <= end; i += 4) {
    let k = data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24)
    k = Math.imul(k, M)
    k ^= k >>> 24
    h = Math.imul(h, M) ^ Math.imul(k, M)
  }
  if (i < end) {
    if (end - i === 3) h ^= data[i + 2]! << 16
    if (end - i >= 2) h ^= data[i + 1]! << 8
    h = Math.imul(h ^ data[i]!, M)
  }
  h = Math.imul(h ^ (h >>> 13), M)
  return h ^ (h >>> 15)
}
