import { type Clock, nextEventLoopTurn, type Random, type Timer } from '../common/index.js'
import { bytesSerde, type Serde } from '../serde/index.js'
import { addToSequence } from './batch-format.js'
import type { Broker } from './broker.js'
import { LogClosedError } from './client-errors.js'
import { isKafkaError, KafkaError } from './errors.js'
import type {
  ConsumerGroupMetadata,
  OffsetCommit,
  Producer,
  ProducerOptions,
  ProducerRecord,
  RecordBatchBuilder,
  RecordMetadata,
  TopicPartition,
} from './log.js'
import type { Partition } from './partition.js'
import type { AppendResult } from './partition-log.js'
import type { ProducerIds } from './producer-ids.js'
import { resolveProducerOptions } from './producer-options.js'
import { type PartitionQueue, type PendingSend, RecordAccumulator, takeSends } from './record-accumulator.js'
import { RecordBatchView } from './record-batch.js'
import {
  type BatchHeader,
  createBatchBuilder,
  type WireBatchBuilder,
  wireBatchBuilder,
} from './record-batch-builder.js'
import type { TransactionCoordinator, TransactionOwner } from './transaction-coordinator.js'
import { isFencing, notTransactional, type TransactionPhase, wrongPhase } from './transaction-phase.js'

export interface ProducerContext {
  readonly clock: Clock
  readonly random: Random
  readonly broker: Broker
  readonly producerIds: ProducerIds
  readonly transactions: TransactionCoordinator
  readonly onClose: (producer: { close(): Promise<void> }) => void
}

/** A producer that always finds room gives the event loop a turn this often, for flushes, timers and readers. */
const SLICE_MS = 50

/**
 * A producer of the embedded log. A batch is appended, in this process and at once, when it is full, when the
 * linger time is over, or at `flush`; so unsent records take little memory, and only flushes to stable storage
 * (topics with `flush.messages=1` under acks 'all') are waited for.
 */
export class EmbeddedProducer<K, V> implements Producer<K, V> {
  readonly #context: ProducerContext
  readonly #options: ProducerOptions<K, V>
  readonly #accumulator: RecordAccumulator<K, V, Partition>
  readonly #batchSize: number
  readonly #lingerMs: number
  readonly #bufferMemory: number
  readonly #deliveryTimeoutMs: number
  readonly #awaitsFlush: boolean
  readonly #idempotent: boolean
  #producerId = -1
  #producerEpoch = -1
  #owner: TransactionOwner | null = null
  #phase: TransactionPhase
  /** `commitTransaction` is under way: what is written now is no part of it any more. */
  #committing = false
  /** Counts transactions, so that each queue knows whether it joined the open one. */
  #transaction = 0
  #transactionTargets: Partition[] = []
  #lingerTimer: Timer | null = null
  #lingering = false
  #unflushedBytes = 0
  #lastTurnMs = 0
  #turnDue = false
  #flushes = new Set<Promise<void>>()
  #failure: unknown = null
  #closed = false

  constructor(context: ProducerContext, options: ProducerOptions<K, V>) {
    this.#context = context
    this.#options = options
    const resolved = resolveProducerOptions(options)
    this.#batchSize = resolved.batchSize
    this.#lingerMs = resolved.lingerMs
    this.#bufferMemory = resolved.bufferMemory
    this.#deliveryTimeoutMs = resolved.deliveryTimeoutMs
    this.#awaitsFlush = resolved.acks === 'all'
    this.#idempotent = resolved.idempotent
    this.#phase = options.transactionalId === undefined ? 'none' : 'uninitialized'
    this.#accumulator = new RecordAccumulator({
      broker: context.broker,
      random: context.random,
      keySerde: options.keySerde ?? (bytesSerde as unknown as Serde<K>),
      valueSerde: options.valueSerde ?? (bytesSerde as unknown as Serde<V>),
      batchSize: this.#batchSize,
      compression: resolved.compression,
      partitioner: options.partitioner,
      onDrop: (queue) => this.#append(queue, queue.builder, takeSends(queue)),
    })
  }

  // ----------------------------------------------------------------------------------------------- writing

  write(record: ProducerRecord<K, V>): Promise<void> | undefined {
    if (this.#closed || this.#phase !== 'none') this.#checkWritable()
    const queue = this.#accumulator.append(record, record.timestamp ?? this.#context.clock.now())
    if (queue.builder.sizeBytes >= this.#batchSize) this.#send(queue)
    else if (!this.#lingering) this.#linger()
    return this.#turnDue || this.#unflushedBytes > this.#bufferMemory ? this.#pause() : undefined
  }

  send(record: ProducerRecord<K, V>): Promise<RecordMetadata> {
    return new Promise((resolve, reject) => {
      this.#checkWritable()
      const timestamp = record.timestamp ?? this.#context.clock.now()
      const queue = this.#accumulator.append(record, timestamp)
      const { topic, partition } = queue.target
      if (this.#options.acks === 0) resolve({ topic, partition, offset: -1, timestamp })
      else queue.sends.push({ index: queue.builder.recordCount - 1, timestamp, resolve, reject })
      if (queue.builder.sizeBytes >= this.#batchSize) this.#send(queue)
      else if (!this.#lingering) this.#linger()
    })
  }

  /** Appends the batch at once and leaves the builder empty, ready to be filled again. */
  writeBatch({ topic, partition }: TopicPartition, batch: RecordBatchBuilder): Promise<void> | undefined {
    this.#checkWritable()
    const builder = wireBatchBuilder(batch)
    if (batch.recordCount === 0) return undefined
    const queue = this.#accumulator.queueOf(topic, partition)
    this.#send(queue)
    this.#append(queue, builder, [])
    return this.#turnDue || this.#unflushedBytes > this.#bufferMemory ? this.#pause() : undefined
  }

  /** What a caller in a loop without end has to wait for: room, and now and then the work of others. */
  #pause(): Promise<void> {
    this.#turnDue = false
    this.#lastTurnMs = this.#context.clock.now()
    return this.#unflushedBytes > this.#bufferMemory ? this.#drained() : nextEventLoopTurn()
  }

  #linger(): void {
    this.#lingering = true
    if (this.#lingerMs === 0) queueMicrotask(this.#lingerOver)
    else this.#lingerTimer = this.#context.clock.setTimer(this.#lingerMs, this.#lingerOver, true)
  }

  readonly #lingerOver = (): void => {
    this.#lingering = false
    this.#lingerTimer = null
    if (!this.#closed) this.#sendAll()
  }

  #sendAll(): void {
    for (const queue of this.#accumulator.queues) this.#send(queue)
  }

  #send(queue: PartitionQueue<Partition>): void {
    if (queue.builder.recordCount > 0) this.#append(queue, queue.builder, takeSends(queue))
  }

  /** Appends what the builder holds and empties it. Failures reach `sends` and the next `flush`. */
  #append(queue: PartitionQueue<Partition>, builder: WireBatchBuilder, sends: readonly PendingSend[]): void {
    if (builder.recordCount === 0) return
    try {
      const batch = this.#finish(queue, builder)
      const result = queue.target.append(batch)
      queue.nextSequence = addToSequence(queue.nextSequence, builder.recordCount)
      builder.reset()
      this.#turnDue ||= this.#context.clock.now() - this.#lastTurnMs >= SLICE_MS
      this.#acknowledge(queue.target, batch.length, result, sends)
    } catch (error) {
      if (isKafkaError(error, 'MESSAGE_TOO_LARGE') && builder.recordCount > 1) {
        this.#appendOneByOne(queue, builder, sends)
        return
      }
      builder.reset()
      this.#fail(error, sends)
    }
  }

  #finish(queue: PartitionQueue<Partition>, builder: WireBatchBuilder): Buffer {
    if (!this.#idempotent) return builder.finish()
    if (this.#owner !== null) this.#enlist(queue, this.#owner)
    else if (this.#producerId < 0) {
      this.#producerId = this.#context.producerIds.next()
      this.#producerEpoch = 0
    }
    const header: BatchHeader = {
      producerId: this.#owner?.producerId ?? this.#producerId,
      producerEpoch: this.#owner?.producerEpoch ?? this.#producerEpoch,
      baseSequence: queue.nextSequence,
      transactional: this.#owner !== null,
    }
    return builder.finish(header)
  }

  #enlist(queue: PartitionQueue<Partition>, owner: TransactionOwner): void {
    const { transactions } = this.#context
    if (queue.transaction === this.#transaction) {
      transactions.checkOwner(owner)
      return
    }
    transactions.addPartition(owner, queue.target)
    queue.transaction = this.#transaction
    // Each transaction has a new epoch, under which sequence numbers begin anew.
    queue.nextSequence = 0
    this.#transactionTargets.push(queue.target)
  }

  /** Together they were too large; those that are too large alone fail alone. */
  #appendOneByOne(
    queue: PartitionQueue<Partition>,
    builder: WireBatchBuilder,
    sends: readonly PendingSend[],
  ): void {
    const records = new RecordBatchView(builder.finish()).decode()
    builder.reset()
    const single = createBatchBuilder({ compression: builder.compression })
    for (let i = 0; i < records.count; i++) {
      single.appendRanges(
        records.timestamps[i]!,
        records.buffer,
        records.keyStart[i]!,
        records.keyEnd[i]!,
        records.valueStart[i]!,
        records.valueEnd[i]!,
        records.headers?.[i] ?? null,
      )
      this.#append(
        queue,
        single,
        sends.filter((send) => send.index === i).map((send) => ({ ...send, index: 0 })),
      )
    }
  }

  #acknowledge(
    target: Partition,
    bytes: number,
    { baseOffset, logAppendTime }: AppendResult,
    sends: readonly PendingSend[],
  ): void {
    const { topic, partition } = target
    const acknowledge = () => {
      for (const { index, timestamp, resolve } of sends) {
        resolve({
          topic,
          partition,
          offset: baseOffset + index,
          timestamp: logAppendTime >= 0 ? logAppendTime : timestamp,
        })
      }
    }
    if (!this.#awaitsFlush || !target.flushesEveryRecord) {
      acknowledge()
      return
    }
    this.#unflushedBytes += bytes
    const flush = this.#inTime(target.flush(), target)
      .then(acknowledge, (error: unknown) => this.#fail(error, sends))
      .then(() => {
        this.#unflushedBytes -= bytes
        this.#flushes.delete(flush)
      })
    this.#flushes.add(flush)
  }

  /** Storage that hangs must not hang the caller: the record may yet become stable, but nobody knows. */
  #inTime(flush: Promise<void>, { topic, partition }: Partition): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = () =>
        new KafkaError(
          'REQUEST_TIMED_OUT',
          `${topic}-${partition} was not on stable storage within ${this.#deliveryTimeoutMs} ms (deliveryTimeoutMs)`,
        )
      const timer = this.#context.clock.setTimer(this.#deliveryTimeoutMs, () => reject(late()))
      flush.then(resolve, reject).finally(() => timer.cancel())
    })
  }

  #fail(error: unknown, sends: readonly PendingSend[]): void {
    for (const send of sends) send.reject(error)
    this.#failure ??= error
    if (isFencing(error)) this.#phase = 'fatal'
    else if (this.#phase === 'open') this.#phase = 'failed'
  }

  #awaitAtFlush(settled: Promise<void>): void {
    const flush: Promise<void> = settled
      .catch((error: unknown) => this.#fail(error, []))
      .then(() => void this.#flushes.delete(flush))
    this.#flushes.add(flush)
  }

  async #drained(): Promise<void> {
    while (this.#unflushedBytes > this.#bufferMemory / 2 && this.#flushes.size > 0) {
      await Promise.race(this.#flushes)
    }
  }

  async flush(): Promise<void> {
    this.#sendAll()
    while (this.#flushes.size > 0) await Promise.all(this.#flushes)
    const failure = this.#failure
    this.#failure = null
    if (failure !== null) throw failure
  }

  async partitionsFor(topic: string): Promise<number> {
    return this.#accumulator.partitionCount(topic)
  }

  // ------------------------------------------------------------------------------------------ transactions

  async initTransactions(): Promise<void> {
    this.#checkOpen()
    const { transactionalId, transactionTimeoutMs } = this.#options
    if (transactionalId === undefined) throw notTransactional()
    if (this.#phase !== 'uninitialized') throw wrongPhase('initTransactions', this.#phase)
    const { transactions } = this.#context
    this.#owner = transactions.initProducer(transactionalId, transactionTimeoutMs ?? 60_000)
    this.#phase = 'ready'
  }

  beginTransaction(): void {
    this.#checkOpen()
    if (this.#phase !== 'ready') throw wrongPhase('beginTransaction', this.#phase)
    this.#context.transactions.checkOwner(this.#owner!)
    this.#transaction++
    this.#transactionTargets = []
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
      const settled = this.#context.transactions.stageOffsets(this.#owner!, offsets, group)
      if (settled !== null) this.#awaitAtFlush(settled)
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
      await this.flush()
      await this.#end(true)
    } finally {
      this.#committing = false
    }
  }

  async abortTransaction(): Promise<void> {
    this.#checkOpen()
    if (this.#phase !== 'open' && this.#phase !== 'failed' && this.#phase !== 'ending') {
      throw wrongPhase('abortTransaction', this.#phase)
    }
    this.#accumulator.discardUnsent()
    while (this.#flushes.size > 0) await Promise.all(this.#flushes)
    this.#failure = null
    await this.#end(false)
  }

  /** Until it has ended, nothing may be added: what a partition has its marker of would be left open there. */
  async #end(committed: boolean): Promise<void> {
    const durable = this.#transactionTargets.some((target) => target.flushesEveryRecord)
    const before = this.#phase
    this.#phase = 'ending'
    try {
      const wait = this.#endNow(committed, durable)
      if (wait !== null) await wait
    } catch (error) {
      if (this.#phase === 'ending' && !this.#context.transactions.isDecided(this.#owner!))
        this.#phase = before
      throw error
    }
    this.#phase = 'ready'
  }

  #endNow(committed: boolean, durable: boolean): Promise<void> | null {
    try {
      const owner = this.#owner!
      if (!this.#context.transactions.isOpen(owner)) {
        this.#context.transactions.checkOwner(owner)
        return null
      }
      return this.#context.transactions.endTransaction(owner, { committed, durable })
    } catch (error) {
      if (isFencing(error)) this.#phase = 'fatal'
      throw error
    }
  }

  // ------------------------------------------------------------------------------------------------- close

  /**
   * Sends what is buffered; an open transaction is aborted. Throws what `flush` would, but not that the producer is
   * fenced: whoever fenced it has aborted its transaction, and nothing is left to do.
   */
  async close(): Promise<void> {
    if (this.#closed) return
    try {
      if (this.#phase === 'open' || this.#phase === 'failed') await this.abortTransaction()
      else await this.flush()
    } catch (error) {
      if (!isFencing(error)) throw error
    } finally {
      this.#closed = true
      this.#lingerTimer?.cancel()
      this.#context.onClose(this)
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
