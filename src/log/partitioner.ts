import { murmur2, type Random, randomBelow } from '../common/index.js'

/** Kafka's partition of a key: the same in every client, so that equal keys meet and topics stay co-partitioned. */
export function partitionOfKey(key: Uint8Array, partitionCount: number, start = 0, end = key.length): number {
  return (murmur2(key, start, end) & 0x7fff_ffff) % partitionCount
}

/**
 * Where records without key go: to one partition until it took a batch's worth of bytes, then to another one by
 * chance (KIP-794), so that batches fill up while partitions stay even.
 */
export class StickyPartition {
  partition: number
  #bytes = 0
  readonly #random: Random
  readonly #batchSize: number

  constructor(random: Random, partitionCount: number, batchSize: number) {
    this.#random = random
    this.#batchSize = batchSize
    this.partition = randomBelow(random, partitionCount)
  }

  /** Counts what was written to the partition. */
  add(bytes: number, partitionCount: number): void {
    this.#bytes += bytes
    if (this.#bytes < this.#batchSize) return
    this.#bytes = 0
    this.partition = randomBelow(this.#random, partitionCount)
  }
}
