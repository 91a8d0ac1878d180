import { isTransactionalData, readTransactionMarker } from './control-record.js'
import type { RecordBatchView } from './record-batch.js'
import type { Segment } from './segment.js'

/**
 * What compaction knows of the transactions of a log: which batches were aborted, and which markers end a
 * transaction that has no batch left.
 */
export class CompletedTransactions {
  /** Aborted ranges [first offset, marker] by producer id. */
  readonly #aborted = new Map<number, { firstOffset: number; lastOffset: number }[]>()
  /** Producers with a batch observed since their last marker. */
  readonly #withData = new Set<number>()

  constructor(segments: readonly Segment[]) {
    for (const segment of segments) {
      for (const { producerId, firstOffset, lastOffset } of segment.transactions.entries()) {
        const ranges = this.#aborted.get(producerId)
        if (ranges === undefined) this.#aborted.set(producerId, [{ firstOffset, lastOffset }])
        else ranges.push({ firstOffset, lastOffset })
      }
    }
  }

  isAborted(batch: RecordBatchView): boolean {
    if (!isTransactionalData(batch)) return false
    const offset = batch.baseOffset
    const ranges = this.#aborted.get(batch.producerId)
    return ranges?.some((range) => range.firstOffset <= offset && offset < range.lastOffset) ?? false
  }

  /** To be called for each batch in order. True: a marker of which no transaction data is left in the log. */
  observe(batch: RecordBatchView): boolean {
    if (isTransactionalData(batch)) this.#withData.add(batch.producerId)
    if (!batch.control || batch.recordCount === 0) return false
    if (readTransactionMarker(batch) === null) return false
    return !this.#withData.delete(batch.producerId)
  }
}
