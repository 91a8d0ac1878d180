import type { InputPartition } from './input-partition.js'

/**
 * Non-empty partitions by the timestamp of their head: a binary heap. Kafka Streams chooses with a heap as well, and
 * which of two equal timestamps goes first follows from how a heap moves its entries; this one moves them the same way.
 */
export class HeadQueue {
  readonly #heap: InputPartition[] = []

  get size(): number {
    return this.#heap.length
  }

  peek(): InputPartition | undefined {
    return this.#heap[0]
  }

  offer(partition: InputPartition): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(partition)
    while (at > 0) {
      const parent = (at - 1) >>> 1
      if (partition.headTimestamp >= heap[parent]!.headTimestamp) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = partition
  }

  poll(): InputPartition | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    const half = heap.length >>> 1
    while (at < half) {
      let child = 2 * at + 1
      const right = child + 1
      if (right < heap.length && heap[child]!.headTimestamp > heap[right]!.headTimestamp) child = right
      if (last.headTimestamp <= heap[child]!.headTimestamp) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return first
  }
}
