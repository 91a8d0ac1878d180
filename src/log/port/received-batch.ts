import { compressionTypes } from '../batch-format.js'
import { KafkaError } from '../errors.js'
import type { CompressionType } from '../log.js'
import { RecordBatchView } from '../record-batch.js'
import { type BatchHeader, type WireBatchBuilder, writeBatchHeader } from '../record-batch-builder.js'

/** A batch that was built in another thread, as the builder that a producer takes: it only gets its header. */
export class ReceivedBatch implements WireBatchBuilder {
  readonly #bytes: Buffer
  readonly compression: CompressionType
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  recordCount: number

  constructor(memory: ArrayBuffer) {
    this.#bytes = Buffer.from(memory)
    const view = new RecordBatchView(this.#bytes)
    this.compression = view.compression
    this.baseTimestamp = view.baseTimestamp
    this.maxTimestamp = view.maxTimestamp
    this.recordCount = view.recordCount
  }

  get sizeBytes(): number {
    return this.#bytes.length
  }

  finish(header: BatchHeader = {}): Buffer {
    const { compression, baseTimestamp, maxTimestamp, recordCount } = this
    writeBatchHeader(this.#bytes, header, {
      codec: compressionTypes.indexOf(compression),
      baseTimestamp,
      maxTimestamp,
      recordCount,
      lastOffsetDelta: Math.max(0, recordCount - 1),
    })
    return this.#bytes
  }

  reset(): void {
    this.recordCount = 0
  }

  append(): void {
    throw isFinished()
  }
  appendWith(): void {
    throw isFinished()
  }
  appendRanges(): void {
    throw isFinished()
  }
}

function isFinished(): KafkaError {
  return new KafkaError('INVALID_REQUEST', 'a batch of another thread takes no more records')
}
