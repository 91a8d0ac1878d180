import { carryError } from '../../common/index.js'
import type { ConsumerGroupMetadata, Log, OffsetCommit, Producer, RecordMetadata } from '../log.js'
import { RecordBatchView } from '../record-batch.js'
import type { BatchToWrite, CarriedProducerOptions, WrittenBatch } from './port-messages.js'
import { ReceivedBatch } from './received-batch.js'

/** A producer of the log that a client in another thread steers: batches come whole, in the order of their writing. */
export class HostedProducer {
  readonly #producer: Producer
  /** Of a message that has no answer: told with the next one that has. */
  #failure: unknown = null

  constructor(log: Log, options: CarriedProducerOptions) {
    // The client has waited already.
    this.#producer = log.producer({ ...options, lingerMs: 0 })
  }

  tell(method: string): void {
    try {
      if (method === 'beginTransaction') this.#producer.beginTransaction()
    } catch (error) {
      this.#failure ??= error
    }
  }

  async call(method: string, args: readonly unknown[]): Promise<unknown> {
    const producer = this.#producer
    if (method === 'partitionsFor') return await producer.partitionsFor(args[0] as string)
    const failure = this.#failure
    this.#failure = null
    if (failure !== null && method !== 'close') throw failure
    switch (method) {
      case 'writeBatch':
        return await this.#write(args[0] as BatchToWrite)
      case 'flush':
        return await producer.flush()
      case 'initTransactions':
        return await producer.initTransactions()
      case 'sendOffsetsToTransaction':
        return await producer.sendOffsetsToTransaction(
          args[0] as readonly OffsetCommit[],
          args[1] as ConsumerGroupMetadata,
        )
      case 'commitTransaction':
        return await producer.commitTransaction()
      case 'abortTransaction':
        return await producer.abortTransaction()
      case 'close':
        return await producer.close()
    }
    return undefined
  }

  /** An open transaction is aborted, whether the client is gone or closed it. */
  close(): Promise<void> {
    return this.#producer.close()
  }

  async #write(batch: BatchToWrite): Promise<WrittenBatch> {
    const { partition, memory, awaited } = batch
    let outcomes: WrittenBatch['outcomes'] = []
    if (awaited.length === 0) {
      const full = this.#producer.writeBatch(partition, new ReceivedBatch(memory))
      if (full !== undefined) await full
    } else outcomes = await this.#send(batch)
    return { partitionCount: await this.#producer.partitionsFor(partition.topic), outcomes }
  }

  /** Record by record, since each may fail alone. */
  async #send({
    partition: { topic, partition },
    memory,
    awaited,
  }: BatchToWrite): Promise<WrittenBatch['outcomes']> {
    const records = new RecordBatchView(Buffer.from(memory)).decode()
    const { buffer, timestamps, keyStart, keyEnd, valueStart, valueEnd, headers } = records
    const isAwaited = new Set(awaited)
    const sends: Promise<RecordMetadata>[] = []
    for (let i = 0; i < records.count; i++) {
      const record = {
        topic,
        partition,
        timestamp: timestamps[i]!,
        key: keyStart[i]! < 0 ? null : buffer.subarray(keyStart[i]!, keyEnd[i]!),
        value: valueStart[i]! < 0 ? null : buffer.subarray(valueStart[i]!, valueEnd[i]!),
        headers: headers?.[i] ?? [],
      }
      if (isAwaited.has(i)) sends.push(this.#producer.send(record))
      else void this.#producer.write(record)
    }
    const settled = await Promise.allSettled(sends)
    return settled.map((outcome) =>
      outcome.status === 'rejected'
        ? carryError(outcome.reason)
        : { offset: outcome.value.offset, timestamp: outcome.value.timestamp },
    )
  }
}
