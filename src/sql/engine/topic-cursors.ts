import type { Consumer, ConsumerRecord, Log } from '../../log/index.js'
import type { StoredRecord } from '../statements/assertions.js'

interface Cursor {
  readonly consumer: Consumer
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[]
  /** Read, and not asked for yet. */
  readonly records: StoredRecord[]
}

/**
 * Hands out the records of topics one after the other, each once, as ASSERT VALUES asks for them. Records of several
 * partitions come in the order of their timestamps, as far as they were there together.
 */
export class TopicCursors {
  readonly #log: Log
  readonly #cursors = new Map<string, Cursor>()

  constructor(log: Log) {
    this.#log = log
  }

  /** Undefined at the end of the topic. */
  async next(topic: string): Promise<StoredRecord | undefined> {
    const cursor = this.#cursors.get(topic) ?? (await this.#open(topic))
    if (cursor.records.length === 0) cursor.records.push(...(await readToEnd(cursor)))
    return cursor.records.shift()
  }

  async #open(topic: string): Promise<Cursor> {
    const consumer = this.#log.consumer({ isolationLevel: 'read_committed', autoOffsetReset: 'earliest' })
    const [description] = await this.#log.admin.describeTopics([topic])
    const partitions = description!.partitions.map(({ partition }) => ({ topic, partition }))
    consumer.assign(partitions)
    const cursor: Cursor = { consumer, partitions, records: [] }
    this.#cursors.set(topic, cursor)
    return cursor
  }

  async close(): Promise<void> {
    for (const { consumer } of this.#cursors.values()) await consumer.close()
    this.#cursors.clear()
  }
}

async function readToEnd({ consumer, partitions }: Cursor): Promise<StoredRecord[]> {
  const records: ConsumerRecord<Buffer, Buffer>[] = []
  const ends = await consumer.endOffsets(partitions)
  for (const [i, partition] of partitions.entries()) {
    consumer.pause(partitions.filter((p) => p !== partition))
    consumer.resume([partition])
    while ((await consumer.position(partition)) < ends[i]!) {
      records.push(...((await consumer.poll(10)) as ConsumerRecord<Buffer, Buffer>[]))
    }
  }
  return records.sort((a, b) => a.timestamp - b.timestamp || a.partition - b.partition || a.offset - b.offset)
}
