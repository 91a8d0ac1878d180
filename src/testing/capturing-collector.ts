import type { Headers } from '../log/index.js'
import { serialize } from '../serde/index.js'
import { type AnyBatch, headersOf, runtime, type SinkNode } from '../streams/index.js'
import type { CapturedRecord } from './captured-record.js'

/** Keeps what tasks send, as bytes. */
export class CapturingCollector implements runtime.RecordCollector {
  readonly #options: runtime.SinkOptions
  #records: CapturedRecord[] = []

  constructor(options: runtime.SinkOptions) {
    this.#options = options
  }

  /** What was sent since the last call, in order. */
  take(): CapturedRecord[] {
    const records = this.#records
    this.#records = []
    return records
  }

  send(sink: SinkNode, batch: AnyBatch, failed: runtime.OnWriteFailure): void {
    const { keySerde, valueSerde } = runtime.sinkSerdes(sink, this.#options)
    for (let row = 0; row < batch.size; row++) {
      const topic = runtime.topicOf(sink, batch, row, this.#options, failed)
      if (topic === null) continue
      const timestamp = batch.timestamps[row]!
      const headers = headersOf(batch, row) ?? []
      try {
        const key = serialize(keySerde, batch.keys[row])
        const value = serialize(valueSerde, batch.values[row])
        this.#records.push({ topic, key, value, timestamp, headers })
      } catch (error) {
        const origin = runtime.failureOrigin(batch, row, keySerde, valueSerde)
        failed(row, { topic, origin, error, attempt: 1, canPass: false })
      }
    }
  }

  sendRaw(
    topic: string,
    _partition: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    timestamp: number,
    headers: Headers = [],
  ): void {
    this.#records.push({
      topic,
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      timestamp,
      headers,
    })
  }
}
