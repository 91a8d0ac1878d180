import type { DroppedReason } from '../node.js'

/** Counters of one task; plain numbers, so that counting costs nothing. */
export class TaskMetrics {
  recordsIn = 0
  recordsOut = 0
  changelogRecordsOut = 0
  punctuations = 0
  /** By node, then reason. */
  readonly dropped = new Map<string, Map<DroppedReason, number>>()

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
