import { ByteWriter, type Random } from '../common/index.js'
import type { Serde } from '../serde/index.js'
import { KafkaError } from './errors.js'
import type {
  CompressionType,
  Headers,
  Partitioner,
  ProducerRecord,
  RecordMetadata,
  TopicPartition,
} from './log.js'
import { partitionOfKey, StickyPartition } from './partitioner.js'
import { createBatchBuilder, type WireBatchBuilder } from './record-batch-builder.js'

/** Somebody who waits for one record of a batch. */
export interface PendingSend {
  /** The record's place in the batch. */
  readonly index: number
  readonly timestamp: number
  resolve(metadata: RecordMetadata): void
  reject(error: unknown): void
}

/** The batch that is being filled for one partition, and the producer's state there. */
export interface PartitionQueue<P> {
  readonly target: P
  readonly builder: WireBatchBuilder
  sends: PendingSend[]
  nextSequence: number
  /** The transaction this partition was last made part of, by the producer's count of them. */
  transaction: number
}

/** The topics that a producer knows, and where batches for their partitions go: the broker, or a mirror of one. */
export interface ProducerTopics<P> {
  /** Grows whenever topics appear, vanish or get more partitions. */
  readonly metadataVersion: number
  /** Throws UNKNOWN_TOPIC_OR_PARTITION. */
  topic(name: string): { readonly partitions: { readonly length: number } }
  /** Undefined: there is no such topic. */
  partitionCount(topic: string): number | undefined
  partition(topic: string, partition: number): P
}

export interface ProducerTarget extends TopicPartition {
  /** The topic is gone. */
  readonly deleted: boolean
}

interface TopicQueues<P> {
  readonly name: string
  readonly partitionCount: number
  readonly queues: (PartitionQueue<P> | undefined)[]
  readonly sticky: StickyPartition
}

export interface RecordAccumulatorOptions<K, V, P> {
  readonly broker: ProducerTopics<P>
  readonly random: Random
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<V>
  readonly batchSize: number
  readonly compression: CompressionType
  readonly partitioner: Partitioner | undefined
  /** Called with what a queue holds before it is dropped, because its topic changed. */
  readonly onDrop: (queue: PartitionQueue<P>) => void
}

/** Sorts records into one batch per partition. Knows partitions and keys, but not when a batch is sent. */
export class RecordAccumulator<K, V, P extends ProducerTarget> {
  readonly #options: RecordAccumulatorOptions<K, V, P>
  readonly #topics = new Map<string, TopicQueues<P>>()
  #lastTopic: TopicQueues<P> | null = null
  #metadataVersion = -1
  /** Every queue there is, in order of their making. */
  readonly queues: PartitionQueue<P>[] = []
  /** The key of the record at hand, serialised to find its partition. */
  readonly #keyBytes = new ByteWriter(256)
  readonly #copyKey: { write(value: K, out: ByteWriter): void }

  constructor(options: RecordAccumulatorOptions<K, V, P>) {
    this.#options = options
    const key = this.#keyBytes
    this.#copyKey = { write: (_, out) => copyInto(out, key) }
  }

  /** Appends the record to its batch. Throws what a serde throws; the batch is then as it was. */
  append(record: ProducerRecord<K, V>, timestamp: number): PartitionQueue<P> {
    const topic = this.#topic(record.topic)
    if (record.partition !== undefined || topic.partitionCount === 1) {
      const queue = this.#queue(topic, record.partition ?? 0)
      const { keySerde, valueSerde } = this.#options
      queue.builder.appendWith(
        timestamp,
        keySerde,
        record.key ?? null,
        valueSerde,
        record.value,
        record.headers,
      )
      return queue
    }
    return this.#appendPartitioned(topic, record, timestamp)
  }

  #appendPartitioned(
    topic: TopicQueues<P>,
    record: ProducerRecord<K, V>,
    timestamp: number,
  ): PartitionQueue<P> {
    const { keySerde, valueSerde, partitioner } = this.#options
    const { headers, value } = record
    const key = record.key ?? null
    const scratch = this.#keyBytes
    scratch.reset()
    if (key !== null) keySerde.write(key, scratch)
    let partition: number
    if (partitioner !== undefined) {
      const keyBytes = key === null ? null : scratch.toBuffer()
      partition = partitioner(topic.name, keyBytes, topic.partitionCount)
    } else if (key !== null) {
      partition = partitionOfKey(scratch.buffer, topic.partitionCount, 0, scratch.position)
    } else {
      return this.#appendSticky(topic, timestamp, value, headers)
    }
    const queue = this.#queue(topic, partition)
    queue.builder.appendWith(timestamp, this.#copyKey, key, valueSerde, value, headers)
    return queue
  }

  #appendSticky(
    topic: TopicQueues<P>,
    timestamp: number,
    value: V | null,
    headers: Headers | undefined,
  ): PartitionQueue<P> {
    const { keySerde, valueSerde } = this.#options
    const queue = this.#queue(topic, topic.sticky.partition)
    const before = queue.builder.sizeBytes
    queue.builder.appendWith(timestamp, keySerde, null, valueSerde, value, headers)
    topic.sticky.add(queue.builder.sizeBytes - before, topic.partitionCount)
    return queue
  }

  queueOf(topic: string, partition: number): PartitionQueue<P> {
    return this.#queue(this.#topic(topic), partition)
  }

  /** Drops what is buffered, of a transaction that is aborted. */
  discardUnsent(): void {
    for (const queue of this.queues) {
      if (queue.builder.recordCount === 0) continue
      queue.builder.reset()
      const aborted = new KafkaError(
        'TRANSACTION_ABORTABLE',
        'the transaction was aborted before the record was sent',
      )
      for (const send of takeSends(queue)) send.reject(aborted)
    }
  }

  partitionCount(topic: string): number {
    return this.#topic(topic).partitionCount
  }

  #topic(name: string): TopicQueues<P> {
    if (this.#metadataVersion !== this.#options.broker.metadataVersion) this.#refresh()
    const last = this.#lastTopic
    if (last !== null && last.name === name) return last
    let topic = this.#topics.get(name)
    if (topic === undefined) {
      const partitionCount = this.#options.broker.topic(name).partitions.length
      topic = {
        name,
        partitionCount,
        queues: new Array<PartitionQueue<P> | undefined>(partitionCount).fill(undefined),
        sticky: new StickyPartition(this.#options.random, partitionCount, this.#options.batchSize),
      }
      this.#topics.set(name, topic)
      this.#metadataVersion = this.#options.broker.metadataVersion
    }
    this.#lastTopic = topic
    return topic
  }

  #queue(topic: TopicQueues<P>, partition: number): PartitionQueue<P> {
    return topic.queues[partition] ?? this.#newQueue(topic, partition)
  }

  #newQueue(topic: TopicQueues<P>, partition: number): PartitionQueue<P> {
    if (!(partition >= 0 && partition < topic.partitionCount)) {
      throw new KafkaError(
        'UNKNOWN_TOPIC_OR_PARTITION',
        `topic '${topic.name}' has the partitions 0 to ${topic.partitionCount - 1}, not ${partition}`,
      )
    }
    const { broker, batchSize, compression } = this.#options
    const queue: PartitionQueue<P> = {
      target: broker.partition(topic.name, partition),
      builder: createBatchBuilder({ compression, initialBytes: batchSize + 1024 }),
      sends: [],
      nextSequence: 0,
      transaction: -1,
    }
    topic.queues[partition] = queue
    this.queues.push(queue)
    return queue
  }

  /** After topics changed: forgets what is gone, learns of new partitions. */
  #refresh(): void {
    const { broker, onDrop } = this.#options
    this.#metadataVersion = broker.metadataVersion
    this.#lastTopic = null
    for (const [name, topic] of this.#topics) {
      const count = broker.partitionCount(name)
      const kept = topic.queues.map((queue) => (queue?.target.deleted ? undefined : queue))
      for (const queue of topic.queues) {
        if (!queue?.target.deleted) continue
        onDrop(queue)
        this.queues.splice(this.queues.indexOf(queue), 1)
      }
      if (count === undefined) {
        this.#topics.delete(name)
        continue
      }
      while (kept.length < count) kept.push(undefined)
      const sticky = new StickyPartition(this.#options.random, count, this.#options.batchSize)
      this.#topics.set(name, { name, partitionCount: count, queues: kept, sticky })
    }
  }
}

export function takeSends(queue: { sends: PendingSend[] }): PendingSend[] {
  const { sends } = queue
  if (sends.length > 0) queue.sends = []
  return sends
}

/** Byte by byte where that is faster than a call into native code. */
function copyInto(out: ByteWriter, source: ByteWriter): void {
  const length = source.position
  const from = source.buffer
  const to = out.reserve(length)
  const at = out.position
  if (length > 32) from.copy(to, at, 0, length)
  else for (let i = 0; i < length; i++) to[at + i] = from[i]!
  out.position = at + length
}
