import type { DecodedBatch } from '../../log/index.js'
import type { AnyBatch } from '../batch.js'
import { HeadQueue } from './head-queue.js'
import type { Chunk, InputPartition } from './input-partition.js'

/** Records of one partition that may be processed before anything else of the task. */
export interface Run {
  readonly source: string
  readonly batch: AnyBatch
}

/**
 * The input of one task. Records are taken in the order of their timestamps across partitions, as far as they are
 * known, and in the order of their offsets within one.
 */
export class PartitionGroup {
  /** The greatest timestamp taken so far, ms; -1 before the first. */
  streamTimeMs = -1
  readonly #partitions: InputPartition[] = []
  readonly #byName = new Map<string, InputPartition>()
  readonly #heads = new HeadQueue()
  readonly #maxTaskIdleMs: number
  readonly #bufferedMax: number

  constructor(
    partitions: readonly InputPartition[],
    options: { maxTaskIdleMs: number; bufferedRecordsPerPartition: number },
  ) {
    this.#maxTaskIdleMs = options.maxTaskIdleMs
    this.#bufferedMax = options.bufferedRecordsPerPartition
    for (const partition of partitions) this.include(partition)
  }

  include(partition: InputPartition): void {
    this.#partitions.push(partition)
    this.#byName.set(nameOf(partition.topic, partition.partition), partition)
    this.streamTimeMs = Math.max(this.streamTimeMs, partition.partitionTime)
  }

  get partitions(): readonly InputPartition[] {
    return this.#partitions
  }

  partition(topic: string, partition: number): InputPartition | undefined {
    return this.#byName.get(nameOf(topic, partition))
  }

  /** Buffers a batch. Returns false when the partition now holds enough, and reading on should pause. */
  add(topic: string, at: number, raw: DecodedBatch): boolean {
    const partition = this.#byName.get(nameOf(topic, at))!
    if (partition.add(raw)) this.#heads.offer(partition)
    partition.throwIfFailed()
    return partition.buffered < this.#bufferedMax
  }

  get buffered(): number {
    let total = 0
    for (const partition of this.#partitions) total += partition.buffered
    return total
  }

  hasRoom(partition: InputPartition): boolean {
    return partition.buffered < this.#bufferedMax
  }

  /** Empty partitions that hold the task back, while others have records. */
  blocking(): InputPartition[] {
    if (this.#heads.size === 0 || this.#heads.size === this.#partitions.length || this.#maxTaskIdleMs < 0)
      return []
    return this.#partitions.filter((p) => p.buffered === 0 && !p.released)
  }

  /**
   * Decides on an empty partition: with records in the log that have not been fetched it is waited for; else for at
   * most `maxTaskIdleMs`. Returns the wall-clock time until which to wait, or null when the task may go on.
   */
  settle(partition: InputPartition, unfetched: boolean, now: number): number | null {
    if (unfetched) return now
    partition.idleDeadline ??= now + this.#maxTaskIdleMs
    if (now < partition.idleDeadline) return partition.idleDeadline
    partition.released = true
    return null
  }

  /** The next run of at most `recordsMax` records, or null when there is none, or its turn is not known yet. */
  nextRun(recordsMax: number): Run | null {
    if (this.blocking().length > 0) return null
    const partition = this.#heads.poll()
    if (partition === undefined) return null
    const chunk = partition.head
    const from = partition.headRow
    const limit = this.#heads.peek()?.headTimestamp ?? Number.POSITIVE_INFINITY
    const last = Math.min(chunk.size, from + recordsMax)
    let to = from + 1
    while (to < last && chunk.timestamps[to]! <= limit) to++
    const batch = this.#runOf(chunk, from, to)
    partition.take(to)
    if (partition.buffered > 0) this.#heads.offer(partition)
    return { source: partition.options.source, batch }
  }

  /** Raises an error in the input whose turn has come: every record before it has been processed. */
  throwIfFailed(): void {
    for (const partition of this.#partitions) partition.throwIfFailed()
  }

  /** Runs of a chunk share its origin: where partitions are merged by time, runs are short. */
  #runOf(chunk: Chunk, from: number, to: number): AnyBatch {
    const { origin, size } = chunk
    const { streamTimes } = origin
    let streamTime = this.streamTimeMs
    for (let row = from; row < to; row++) {
      if (chunk.timestamps[row]! > streamTime) streamTime = chunk.timestamps[row]!
      streamTimes[row] = streamTime
    }
    this.streamTimeMs = streamTime
    const { keys, values, timestamps } = chunk
    const whole = from === 0 && to === size
    return {
      size: to - from,
      keys: whole ? keys : keys.slice(from, to),
      values: whole ? values : values.slice(from, to),
      timestamps: whole ? timestamps : numbersOf(timestamps, from, to),
      oldValues: null,
      headers: null,
      origin,
      rows: whole ? null : numbersFrom(from, to),
    }
  }
}

function numbersOf(numbers: Float64Array, from: number, to: number): number[] {
  const part: number[] = []
  for (let i = from; i < to; i++) part.push(numbers[i]!)
  return part
}

function numbersFrom(from: number, to: number): number[] {
  const numbers: number[] = []
  for (let i = from; i < to; i++) numbers.push(i)
  return numbers
}

function nameOf(topic: string, partition: number): string {
  return `${topic}/${partition}`
}
