import type { Consumer, Log } from '../../log/index.js'

export interface RawRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
}

/** Reads single records again, by their offsets. */
export class LogRecords {
  readonly #log: Log
  #consumer: Consumer | null = null
  #last: Promise<unknown> = Promise.resolve()

  constructor(log: Log) {
    this.#log = log
  }

  /** Null where the topic or the record is not there any more. */
  read(at: { topic: string; partition: number; offset: number }): Promise<RawRecord | null> {
    const next = this.#last.then(() => this.#read(at)).catch(() => null)
    this.#last = next
    return next
  }

  async #read({ topic, partition, offset }: Parameters<LogRecords['read']>[0]): Promise<RawRecord | null> {
    this.#consumer ??= this.#log.consumer({ autoOffsetReset: 'none', maxPollRecords: 1 })
    const at = { topic, partition }
    this.#consumer.assign([at])
    this.#consumer.seek(at, offset)
    const [record] = await this.#consumer.poll(0)
    return record === undefined || record.offset !== offset ? null : (record as RawRecord)
  }

  async close(): Promise<void> {
    await this.#last
    await this.#consumer?.close()
    this.#consumer = null
  }
}
