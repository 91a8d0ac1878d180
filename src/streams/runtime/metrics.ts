import type { DroppedReason } from '../node.js'

/** Counters of one task; plain numbers, so that counting costs nothing. */
export class TaskMetrics {
  recordsIn = 0
  recordsOut = 0
  changelogRecordsOut = 0
  punctuations = 0
  readonly dropped = new Map<DroppedReason, number>()

  countDropped(reason: DroppedReason): void {
    this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + 1)
  }

  /** Kafka's `dropped-records-total`. */
  get droppedRecords(): number {
    let total = 0
    for (const count of this.dropped.values()) total += count
    return total
  }
}
