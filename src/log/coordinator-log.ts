import type { Clock } from '../common/index.js'
import type { Broker } from './broker.js'
import { readTransactionMarker } from './control-record.js'
import type { Partition } from './partition.js'
import type { RecordBatchView } from './record-batch.js'
import { createBatchBuilder } from './record-batch-builder.js'

export interface CoordinatorLogVisitor {
  /** `producerId` is -1 outside of transactions. Key and value are only valid during the call. */
  onRecord(key: Buffer, value: Buffer | null, producerId: number): void
  /** A transaction ended in this partition. */
  onMarker(producerId: number, committed: boolean): void
}

/** An internal topic of one partition in which a coordinator keeps its state. Made when first written. */
export class CoordinatorLog {
  readonly #broker: Broker
  readonly #topic: string
  readonly #clock: Clock
  readonly #builder = createBatchBuilder({ initialBytes: 512 })

  constructor(broker: Broker, topic: string, clock: Clock) {
    this.#broker = broker
    this.#topic = topic
    this.#clock = clock
  }

  /** Appends the records as one batch, which is there as a whole or not at all. */
  append(
    records: readonly { key: Buffer; value: Buffer | null }[],
    producer: { producerId: number; producerEpoch: number } | null,
  ): void {
    const builder = this.#builder
    builder.reset()
    const now = this.#clock.now()
    for (const { key, value } of records) builder.append(now, key, value)
    const batch = builder.finish(
      producer === null
        ? {}
        : { producerId: producer.producerId, producerEpoch: producer.producerEpoch, transactional: true },
    )
    this.partition().appendInternal(batch)
  }

  partition(): Partition {
    return this.#broker.internalPartition(this.#topic)
  }

  /** Null: what was appended needs no flush to be acknowledged. */
  settled(): Promise<void> | null {
    const partition = this.partition()
    return partition.flushesEveryRecord ? partition.flush() : null
  }

  replay(visitor: CoordinatorLogVisitor): void {
    if (!this.#broker.hasTopic(this.#topic)) return
    const { log } = this.partition()
    for (let offset = log.logStartOffset; offset < log.logEndOffset; ) {
      const { batches } = log.read(offset)
      if (batches.length === 0) return
      for (const batch of batches) {
        replayBatch(batch, offset, visitor)
        offset = batch.nextOffset
      }
    }
  }
}

function replayBatch(batch: RecordBatchView, fromOffset: number, visitor: CoordinatorLogVisitor): void {
  if (batch.control) {
    const marker = readTransactionMarker(batch)
    if (marker !== null) visitor.onMarker(marker.producerId, marker.type === 'COMMIT')
    return
  }
  const producerId = batch.transactional ? batch.producerId : -1
  const { count, buffer, keyStart, keyEnd, valueStart, valueEnd } = batch.decode(fromOffset)
  for (let i = 0; i < count; i++) {
    if (keyStart[i]! < 0) continue
    const key = buffer.subarray(keyStart[i], keyEnd[i])
    const value = valueStart[i]! < 0 ? null : buffer.subarray(valueStart[i], valueEnd[i])
    visitor.onRecord(key, value, producerId)
  }
}
