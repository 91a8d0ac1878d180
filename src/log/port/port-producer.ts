import { ownMemory, restoreError, type Timer } from '../../common/index.js'
import { bytesSerde, type Serde } from '../../serde/index.js'
import { LogClosedError } from '../client-errors.js'
import { isKafkaError } from '../errors.js'
import type {
  ConsumerGroupMetadata,
  OffsetCommit,
  Producer,
  ProducerOptions,
  ProducerRecord,
  RecordBatchBuilder,
  RecordMetadata,
  TopicPartition,
} from '../log.js'
import { type ResolvedProducerOptions, resolveProducerOptions } from '../producer-options.js'
import {
  type PartitionQueue,
  type PendingSend,
  type ProducerTarget,
  RecordAccumulator,
  takeSends,
} from '../record-accumulator.js'
import { type WireBatchBuilder, wireBatchBuilder } from '../record-batch-builder.js'
import { isFencing, notTransactional, type TransactionPhase, wrongPhase } from '../transaction-phase.js'
import { restoreLogError } from './carried-log-error.js'
import type { LogConnection } from './connect-log.js'
import type { MirroredTopics } from './mirrored-topics.js'
import { type BatchToWrite, LOG_TARGET, type WrittenBatch } from './port-messages.js'

/** Something to write to a topic that is not known yet. */
interface HeldWrite {
  readonly topic: string
  readonly partition: number | undefined
  append(): void
  fail(error: unknown): void
}

/**
 * A producer whose log is in another thread. Partitions are chosen and batches filled here; whole batches cross, and are
 * acknowledged one by one. `flush` and the end of a transaction wait for all of them.
 */
export class PortProducer<K, V> implements Producer<K, V> {
  readonly #connection: LogConnection
  readonly #topics: MirroredTopics
  readonly #options: ResolvedProducerOptions
  readonly #accumulator: RecordAccumulator<K, V, ProducerTarget>
  #phase: TransactionPhase
  #committing = false
  #lingerTimer: Timer | null = null
  #lingering = false
  /** Writes that wait until their topic is known, and all that came after them. */
  #held: HeldWrite[] = []
  #holding: Promise<void> | null = null
  #unacknowledgedBytes = 0
  readonly #inFlight = new Set<Promise<void>>()
  #failure: unknown = null
  #closed = false

  constructor(connection: LogConnection, topics: MirroredTopics, options: ProducerOptions<K, V>) {
    this.#connection = connection
    this.#topics = topics
    this.#options = resolveProducerOptions(options)
    this.#phase = options.transactionalId === undefined ? 'none' : 'uninitialized'
    this.#accumulator = new RecordAccumulator({
      broker: topics,
      random: connection.random,
      keySerde: options.keySerde ?? (bytesSerde as unknown as Serde<K>),
      valueSerde: options.valueSerde ?? (bytesSerde as unknown as Serde<V>),
      batchSize: this.#options.batchSize,
      compression: this.#options.compression,
      partitioner: options.partitioner,
      onDrop: (queue) => this.#send(queue),
    })
    const { keySerde: _k, valueSerde: _v, partitioner: _p, ...carried } = options
    connection.endpoint.tell(LOG_TARGET, 'producer', [connection.target, carried])
  }

  // ----------------------------------------------------------------------------------------------- writing

  write(record: ProducerRecord<K, V>): Promise<void> | undefined {
    this.#checkWritable()
    if (!this.#isPlaceable(record.topic, record.partition)) {
      return this.#hold({
        topic: record.topic,
        partition: record.partition,
        append: () => this.#append(record, null),
        fail: (error) => this.#fail(error, []),
      })
    }
    this.#append(record, null)
    return this.#roomAgain()
  }

  send(record: ProducerRecord<K, V>): Promise<RecordMetadata> {
    return new Promise((resolve, reject) => {
      this.#checkWritable()
      const append = () => this.#append(record, { resolve, reject })
      const { topic, partition } = record
      if (this.#isPlaceable(topic, partition)) append()
      else void this.#hold({ topic, partition, append, fail: reject })
    })
  }

  writeBatch({ topic, partition }: TopicPartition, batch: RecordBatchBuilder): Promise<void> | undefined {
    this.#checkWritable()
    const builder = wireBatchBuilder(batch)
    if (builder.recordCount === 0) return undefined
    const memory = takeBytes(builder)
    const append = () => {
      const queue = this.#accumulator.queueOf(topic, partition)
      this.#send(queue)
      this.#post(queue.target, memory, [])
    }
    if (!this.#isPlaceable(topic, partition)) {
      return this.#hold({ topic, partition, append, fail: (error) => this.#fail(error, []) })
    }
    append()
    return this.#roomAgain()
  }

  #append(record: ProducerRecord<K, V>, waiting: Pick<PendingSend, 'resolve' | 'reject'> | null): void {
    const timestamp = record.timestamp ?? this.#connection.clock.now()
    const queue = this.#accumulator.append(record, timestamp)
    if (waiting !== null) {
      const { topic, partition } = queue.target
      if (this.#options.acks === 0) waiting.resolve({ topic, partition, offset: -1, timestamp })
      else queue.sends.push({ index: queue.builder.recordCount - 1, timestamp, ...waiting })
    }
    if (queue.builder.sizeBytes >= this.#options.batchSize) this.#send(queue)
    else if (!this.#lingering) this.#linger()
  }

  #isPlaceable(topic: string, partition: number | undefined): boolean {
    return this.#holding === null && this.#topics.knows(topic, partition)
  }

  /** Asks for the topic first. What is written meanwhile waits behind it, so that order is kept. */
  #hold(write: HeldWrite): Promise<void> {
    this.#held.push(write)
    this.#holding ??= this.#releaseHeld()
    return this.#holding
  }

  async #releaseHeld(): Promise<void> {
    for (let next = this.#held[0]; next !== undefined; next = this.#held[0]) {
      try {
        if (!this.#topics.knows(next.topic, next.partition)) await this.partitionsFor(next.topic)
        next.append()
      } catch (error) {
        next.fail(error)
      }
      this.#held.shift()
    }
    this.#holding = null
  }

  #linger(): void {
    this.#lingering = true
    const over = () => {
      this.#lingering = false
      this.#lingerTimer = null
      if (!this.#closed) this.#sendAll()
    }
    if (this.#options.lingerMs === 0) queueMicrotask(over)
    else this.#lingerTimer = this.#connection.clock.setTimer(this.#options.lingerMs, over, true)
  }

  #sendAll(): void {
    for (const queue of this.#accumulator.queues) this.#send(queue)
  }

  #send(queue: PartitionQueue<ProducerTarget>): void {
    if (queue.builder.recordCount > 0) this.#post(queue.target, takeBytes(queue.builder), takeSends(queue))
  }

  #post({ topic, partition }: ProducerTarget, memory: ArrayBuffer, sends: readonly PendingSend[]): void {
    const bytes = memory.byteLength
    const batch: BatchToWrite = {
      partition: { topic, partition },
      memory,
      awaited: sends.map(({ index }) => index),
    }
    this.#unacknowledgedBytes += bytes
    const posted = this.#connection
      .call('writeBatch', [batch], [memory])
      .then(
        (written) => this.#acknowledge(batch.partition, written as WrittenBatch, sends),
        (error: unknown) => {
          if (isKafkaError(error, 'UNKNOWN_TOPIC_OR_PARTITION')) this.#topics.forget(topic)
          this.#fail(error, sends)
        },
      )
      .then(() => {
        this.#unacknowledgedBytes -= bytes
        this.#inFlight.delete(posted)
      })
    this.#inFlight.add(posted)
  }

  #acknowledge(place: TopicPartition, written: WrittenBatch, sends: readonly PendingSend[]): void {
    this.#topics.learn(place.topic, written.partitionCount)
    for (const [i, outcome] of written.outcomes.entries()) {
      if ('offset' in outcome) sends[i]!.resolve({ ...place, ...outcome })
      else this.#fail(restoreError(outcome, restoreLogError), [sends[i]!])
    }
  }

  #fail(error: unknown, sends: readonly PendingSend[]): void {
    for (const send of sends) send.reject(error)
    this.#failure ??= error
    if (isFencing(error)) this.#phase = 'fatal'
    else if (this.#phase === 'open') this.#phase = 'failed'
  }

  /** Back-pressure; undefined while there is room. */
  #roomAgain(): Promise<void> | undefined {
    return this.#unacknowledgedBytes > this.#options.bufferMemory ? this.#drained() : undefined
  }

  async #drained(): Promise<void> {
    while (this.#unacknowledgedBytes > this.#options.bufferMemory / 2 && this.#inFlight.size > 0) {
      await Promise.race(this.#inFlight)
    }
  }

  async flush(): Promise<void> {
    await this.#sendHeldAndAll()
    const flushed = this.#connection.call('flush', []).catch((error: unknown) => this.#fail(error, []))
    await this.#acknowledged()
    await flushed
    this.#throwFailure()
  }

  async #sendHeldAndAll(): Promise<void> {
    if (this.#holding !== null) await this.#holding
    this.#sendAll()
  }

  async #acknowledged(): Promise<void> {
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight)
  }

  #throwFailure(): void {
    const failure = this.#failure
    this.#failure = null
    if (failure !== null) throw failure
  }

  async partitionsFor(topic: string): Promise<number> {
    const count = (await this.#connection.call('partitionsFor', [topic])) as number
    this.#topics.learn(topic, count)
    return count
  }

  // ------------------------------------------------------------------------------------------ transactions

  async initTransactions(): Promise<void> {
    this.#checkOpen()
    if (this.#phase === 'none') throw notTransactional()
    if (this.#phase !== 'uninitialized') throw wrongPhase('initTransactions', this.#phase)
    await this.#connection.call('initTransactions', [])
    this.#phase = 'ready'
  }

  /** Does not wait for the log: that this producer was fenced is said by what follows. */
  beginTransaction(): void {
    this.#checkOpen()
    if (this.#phase !== 'ready') throw wrongPhase('beginTransaction', this.#phase)
    this.#connection.endpoint.tell(this.#connection.target, 'beginTransaction', [])
    this.#failure = null
    this.#phase = 'open'
  }

  async sendOffsetsToTransaction(
    offsets: readonly OffsetCommit[],
    group: ConsumerGroupMetadata,
  ): Promise<void> {
    this.#checkOpen()
    if (this.#committing) throw wrongPhase('sendOffsetsToTransaction', 'ending')
    if (this.#phase !== 'open') throw wrongPhase('sendOffsetsToTransaction', this.#phase)
    if (offsets.length === 0) return
    try {
      await this.#connection.call('sendOffsetsToTransaction', [offsets, group])
    } catch (error) {
      this.#fail(error, [])
      this.#failure = null
      throw error
    }
  }

  async commitTransaction(): Promise<void> {
    this.#checkOpen()
    if (this.#phase !== 'open' && this.#phase !== 'ending' && this.#failure === null) {
      throw wrongPhase('commitTransaction', this.#phase)
    }
    this.#committing = true
    try {
      await this.#sendHeldAndAll()
      await this.#acknowledged()
      this.#throwFailure()
      await this.#end('commitTransaction')
    } finally {
      this.#committing = false
    }
  }

  async abortTransaction(): Promise<void> {
    this.#checkOpen()
    if (this.#phase !== 'open' && this.#phase !== 'failed' && this.#phase !== 'ending') {
      throw wrongPhase('abortTransaction', this.#phase)
    }
    if (this.#holding !== null) await this.#holding
    this.#accumulator.discardUnsent()
    await this.#acknowledged()
    this.#failure = null
    await this.#end('abortTransaction')
  }

  /** After a failure it may be decided or not: it is to be ended again before anything else. */
  async #end(method: 'commitTransaction' | 'abortTransaction'): Promise<void> {
    this.#phase = 'ending'
    try {
      await this.#connection.call(method, [])
      this.#phase = 'ready'
    } catch (error) {
      if (isFencing(error)) this.#phase = 'fatal'
      throw error
    }
  }

  // ------------------------------------------------------------------------------------------------- close

  async close(): Promise<void> {
    if (this.#closed) return
    try {
      if (this.#phase === 'open' || this.#phase === 'failed') await this.abortTransaction()
      else await this.flush()
    } catch (error) {
      if (!isOver(error)) throw error
    } finally {
      this.#closed = true
      this.#lingerTimer?.cancel()
      await this.#connection.call('close', []).catch(() => {})
      this.#connection.onClose(this)
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new LogClosedError('this producer is closed')
  }

  #checkWritable(): void {
    this.#checkOpen()
    if (this.#committing) throw wrongPhase('writing', 'ending')
    if (this.#phase === 'none' || this.#phase === 'open') return
    throw wrongPhase('writing', this.#phase)
  }
}

/** Whoever fenced this producer has aborted its transaction, and a log that is closed has nothing to be told. */
function isOver(error: unknown): boolean {
  return isFencing(error) || error instanceof LogClosedError
}

function takeBytes(builder: WireBatchBuilder): ArrayBuffer {
  const memory = ownMemory(builder.finish())
  builder.reset()
  return memory
}
