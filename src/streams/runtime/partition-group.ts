import type { DecodedBatch, Headers } from '../../log/index.js'
import type { AnyBatch } from '../batch.js'
import { HeadQueue } from './head-queue.js'
import type { Chunk, InputPartition } from './input-partition.js'
import type { RunOrigin } from './run.js'

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
    const batch = this.#runOf(partition, chunk, from, to)
    partition.take(to)
    if (partition.buffered > 0) this.#heads.offer(partition)
    return { source: partition.options.source, batch }
  }

  /** Raises an error in the input whose turn has come: every record before it has been processed. */
  throwIfFailed(): void {
    for (const partition of this.#partitions) partition.throwIfFailed()
  }

  #runOf(partition: InputPartition, chunk: Chunk, from: number, to: number): AnyBatch {
    const whole = from === 0 && to === chunk.size
    const timestamps = chunk.timestamps.subarray(from, to)
    const rawRows = chunk.rawRows.subarray(from, to)
    const size = to - from
    const streamTimes = new Float64Array(size)
    const offsets = new Float64Array(size)
    let streamTime = this.streamTimeMs
    for (let row = 0; row < size; row++) {
      if (timestamps[row]! > streamTime) streamTime = timestamps[row]!
      streamTimes[row] = streamTime
      offsets[row] = chunk.raw.offsets[rawRows[row]!]!
    }
    this.streamTimeMs = streamTime
    const origin: RunOrigin = {
      topic: partition.topic,
      partition: partition.partition,
      offsets,
      headers: runHeaders(chunk, rawRows),
      streamTimes,
      raw: chunk.raw,
      rawRows,
    }
    return {
      size,
      keys: whole ? chunk.keys : chunk.keys.slice(from, to),
      values: whole ? chunk.values : chunk.values.slice(from, to),
      timestamps,
      oldValues: null,
      headers: null,
      origin,
      rows: null,
    }
  }
}

function nameOf(topic: string, partition: number): string {
  return `${topic}/${partition}`
}

function runHeaders(chunk: Chunk, rawRows: Int32Array): (Headers | null)[] | null {
  const all = chunk.raw.headers
  if (all === null) return null
  const headers: (Headers | null)[] = []
  for (let row = 0; row < rawRows.length; row++) headers.push(all[rawRows[row]!]!)
  return headers
}
