import type { DroppedReason } from '../node.js'

export interface DurationFigures {
  readonly count: number
  readonly sumMs: number
  readonly maxMs: number
}

/** Durations of one kind, as plain sums. */
export class Durations {
  #count = 0
  #sumMs = 0
  #maxMs = 0

  add(count: number, sumMs: number, maxMs: number): void {
    this.#count += count
    this.#sumMs += sumMs
    if (maxMs > this.#maxMs) this.#maxMs = maxMs
  }

  get figures(): DurationFigures {
    return { count: this.#count, sumMs: this.#sumMs, maxMs: this.#maxMs }
  }
}

/** Counters of one task; plain numbers, so that counting costs nothing. */
export class TaskMetrics {
  recordsIn = 0
  recordsOut = 0
  changelogRecordsOut = 0
  punctuations = 0
  processingMs = 0
  readonly latency = new Durations()
  readonly commits = new Durations()
  /** Of the records processed since the last commit. */
  #uncommitted = 0
  #uncommittedTimes = 0
  #oldest = Number.POSITIVE_INFINITY
  /** By node, then reason. */
  readonly dropped = new Map<string, Map<DroppedReason, number>>()

  processed(timestamps: ArrayLike<number>): void {
    const count = timestamps.length
    this.recordsIn += count
    this.#uncommitted += count
    for (let i = 0; i < count; i++) {
      const timestamp = timestamps[i]!
      this.#uncommittedTimes += timestamp
      if (timestamp < this.#oldest) this.#oldest = timestamp
    }
  }

  /** A commit that began with its flush at `began` has ended. Times that lie in the future count as no latency. */
  committed(began: number, now: number): void {
    this.commits.add(1, now - began, now - began)
    if (this.#uncommitted === 0) return
    const sum = this.#uncommitted * now - this.#uncommittedTimes
    this.latency.add(this.#uncommitted, Math.max(0, sum), now - this.#oldest)
    this.#uncommitted = 0
    this.#uncommittedTimes = 0
    this.#oldest = Number.POSITIVE_INFINITY
  }

  countDropped(node: string, reason: DroppedReason): void {
    let counts = this.dropped.get(node)
    if (counts === undefined) this.dropped.set(node, (counts = new Map()))
    counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }

  /** Over all nodes. What is too old for a store the store itself counts, for processors that write to it too. */
  droppedByReason(expiredInStores: number): Readonly<Record<string, number>> {
    const reasons: Record<string, number> = {}
    for (const counts of this.dropped.values()) {
      for (const [reason, count] of counts) reasons[reason] = (reasons[reason] ?? 0) + count
    }
    delete reasons.expired
    return expiredInStores === 0 ? reasons : { ...reasons, expired: expiredInStores }
  }

  get droppedByNode(): Readonly<Record<string, Readonly<Record<string, number>>>> {
    return Object.fromEntries([...this.dropped].map(([node, counts]) => [node, Object.fromEntries(counts)]))
  }
}

/** Kafka's `dropped-records-total`, which does not count what has no key to be repartitioned by. */
export function droppedTotal(byReason: Readonly<Record<string, number>>): number {
  let total = 0
  for (const [reason, count] of Object.entries(byReason))
    if (reason !== 'null-key-repartition') total += count
  return total
}
