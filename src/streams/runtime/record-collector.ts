import { ByteWriter, type Clock } from '../../common/index.js'
import { type Headers, KafkaError, type Producer, type RecordBatchBuilder } from '../../log/index.js'
import { type Serde, serialize } from '../../serde/index.js'
import { type AnyBatch, headersOf, originRow } from '../batch.js'
import { StreamsConfigError } from '../errors.js'
import type { SinkNode, TopicNameExtractor } from '../node.js'

/** A record that could not be written. */
export interface WriteFailure {
  /** Where it was to go; '' where the sink's function that names the topic threw. */
  readonly topic: string
  /** What failed; 'nowhere': nothing, but the partitioner chose no partition. */
  readonly origin: 'topic' | 'key' | 'value' | 'write' | 'nowhere'
  readonly error: unknown
  readonly attempt: number
  /** Another attempt may succeed. */
  readonly canPass: boolean
}

/** Decides what becomes of a record that could not be written: it is left out, or tried again; else throws. */
export type OnWriteFailure = (row: number, failure: WriteFailure) => 'continue' | 'retry'

/** Where the results of tasks go: a port, so that the test driver can keep them. */
export interface RecordCollector {
  send(sink: SinkNode, batch: AnyBatch, failed: OnWriteFailure): void
  sendRaw(
    topic: string,
    partition: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    timestamp: number,
    headers?: Headers,
  ): void
  /** `sendRaw` of a record that is serialised on the way. */
  sendWith?<K, V>(
    topic: string,
    partition: number,
    keySerde: Serde<K>,
    key: K,
    valueSerde: Serde<V>,
    value: V | null,
    timestamp: number,
  ): void
}

export interface SinkOptions {
  readonly defaultKeySerde: Serde<unknown> | undefined
  readonly defaultValueSerde: Serde<unknown> | undefined
  /** Name of a topic in the log: internal topics carry the application id. */
  readonly resolveTopic: (name: string) => string
}

export function sinkSerdes(
  sink: SinkNode,
  options: SinkOptions,
): { keySerde: Serde<unknown>; valueSerde: Serde<unknown> } {
  const keySerde = sink.keySerde ?? options.defaultKeySerde
  const valueSerde = sink.valueSerde ?? options.defaultValueSerde
  if (keySerde === undefined || valueSerde === undefined) {
    const what = keySerde === undefined ? 'key' : 'value'
    throw new StreamsConfigError(
      `sink ${sink.name} has no ${what} serde, and the application has no default one`,
    )
  }
  return { keySerde, valueSerde }
}

/** The topic of a record, or null, and `failed` told, where the function that names it throws. */
export function topicOf(
  sink: SinkNode,
  batch: AnyBatch,
  row: number,
  options: SinkOptions,
  failed: OnWriteFailure,
): string | null {
  if (typeof sink.topic === 'string') return options.resolveTopic(sink.topic)
  try {
    return dynamicTopic(sink.topic, batch, row)
  } catch (error) {
    failed(row, { topic: '', origin: 'topic', error, attempt: 1, canPass: false })
    return null
  }
}

/** Which of the serdes it was that threw; 'write' when neither did. */
export function failureOrigin(
  batch: AnyBatch,
  row: number,
  keySerde: Serde<unknown>,
  valueSerde: Serde<unknown>,
): 'key' | 'value' | 'write' {
  if (throwsOn(keySerde, batch.keys[row])) return 'key'
  return throwsOn(valueSerde, batch.values[row]) ? 'value' : 'write'
}

function throwsOn(serde: Serde<unknown>, value: unknown): boolean {
  try {
    serialize(serde, value)
    return false
  } catch {
    return true
  }
}

function dynamicTopic(name: TopicNameExtractor, batch: AnyBatch, row: number): string {
  const origin = batch.origin
  return name(batch.keys[row], batch.values[row], {
    topic: origin?.topic ?? null,
    partition: origin?.partition ?? -1,
    offset: origin === null ? -1 : origin.offsets[originRow(batch, row)]!,
    timestamp: batch.timestamps[row]!,
    headers: headersOf(batch, row) ?? [],
  })
}

interface CollectorOptions extends SinkOptions {
  readonly producer: Producer
  readonly createBatchBuilder: (options: {
    readonly initialBytes: number
    readonly recordBytesMax: number
  }) => RecordBatchBuilder
  readonly maxRequestSize: number
  readonly clock: Clock
  /** The instance is closing: nothing is waited for any more. */
  readonly stopping: () => boolean
  /** The default partitioner, over the serialised key. */
  readonly partitionOf: (key: Uint8Array, partitionCount: number) => number
  /**
   * Whether changes of stores wait until the results before them are acknowledged. Without transactions a crash between
   * the two would leave a store that knows of results which are lost for good.
   */
  readonly resultsFirst: boolean
  /** Called before the first record after a commit: begins the transaction. */
  readonly onFirstRecord: () => void
}

/** A batch is handed over when it holds this many bytes; the rest at the commit. */
const batchBytesMax = 256 * 1024
const batchBytesMin = 3 * 1024
/** Pause before a topic that does not exist is asked for again, ms. */
const retryBackoffMs = 100

/** A record for a topic whose partition count is not known yet. */
interface WaitingRecord {
  readonly row: number
  readonly write: () => void
  readonly failed: OnWriteFailure
  attempts: number
}

interface TopicBuffer {
  readonly topic: string
  /** Sinks write here; else changes of stores, and dead letters. */
  results: boolean
  /** null until the log was asked; records wait in `waiting`. */
  partitionCount: number | null
  readonly builders: (RecordBatchBuilder | null)[]
  /** Size of the last batch of each partition. */
  readonly lastBytes: number[]
  waiting: WaitingRecord[]
  /** Wall-clock time before which the log is not asked again, ms. */
  retryAt: number
  /** Full batches that wait for results. */
  full: { readonly partition: number; readonly builder: RecordBatchBuilder }[]
  /** Where records without a key go; moves on with every batch handed over. */
  sticky: number
}

/** Builds one record batch per topic-partition and hands it to the producer as it will be stored. */
export class ProducerRecordCollector implements RecordCollector {
  recordsOut = 0
  readonly #options: CollectorOptions
  readonly #topics = new Map<string, TopicBuffer>()
  readonly #keyWriter = new ByteWriter(256)
  /** Writes the key that was serialised to choose the partition. */
  readonly #writtenKey: Serde<unknown>
  /** The buffer that `sendWith` used last. */
  #last: TopicBuffer | null = null
  #pending: Promise<void> | null = null
  #empty = true

  constructor(options: CollectorOptions) {
    this.#options = options
    const written = this.#keyWriter
    this.#writtenKey = {
      write: (_key, out) => out.writeBytes(written.buffer.subarray(0, written.position)),
      read: () => null,
    }
  }

  /** Tells the partition count of a topic, so that its records need not wait for it. */
  know(topic: string, partitionCount: number): void {
    this.#buffer(topic).partitionCount = partitionCount
  }

  /** True when nothing was sent since the last commit. */
  get empty(): boolean {
    return this.#empty
  }

  /** After a commit. What asynchronous operators sent meanwhile already belongs to the next one. */
  committed(): void {
    this.#empty = true
    for (const buffer of this.#topics.values()) {
      if (buffer.waiting.length > 0 || holdsRecords(buffer)) {
        this.#begin()
        return
      }
    }
  }

  send(sink: SinkNode, batch: AnyBatch, failed: OnWriteFailure): void {
    this.#begin()
    const { keySerde, valueSerde } = sinkSerdes(sink, this.#options)
    let buffer: TopicBuffer | null = null
    for (let row = 0; row < batch.size; row++) {
      if (buffer === null || typeof sink.topic !== 'string') {
        const topic = topicOf(sink, batch, row, this.#options, failed)
        if (topic === null) continue
        buffer = this.#buffer(topic)
        buffer.results = true
      }
      this.#write(buffer, sink, keySerde, valueSerde, batch, row, failed)
    }
    this.recordsOut += batch.size
  }

  #write(
    buffer: TopicBuffer,
    sink: SinkNode,
    keySerde: Serde<unknown>,
    valueSerde: Serde<unknown>,
    batch: AnyBatch,
    row: number,
    failed: OnWriteFailure,
  ): void {
    if (buffer.partitionCount === null) {
      this.#keepWaiting(buffer, sink, keySerde, valueSerde, batch, row, failed)
      return
    }
    try {
      this.#append(buffer, buffer.partitionCount, sink, keySerde, valueSerde, batch, row)
    } catch (error) {
      const origin = error === nowhere ? 'nowhere' : failureOrigin(batch, row, keySerde, valueSerde)
      failed(row, { topic: buffer.topic, origin, error, attempt: 1, canPass: false })
    }
  }

  /** Apart from `#write`, which else would make room for what the closure holds at every call. */
  #keepWaiting(
    buffer: TopicBuffer,
    sink: SinkNode,
    keySerde: Serde<unknown>,
    valueSerde: Serde<unknown>,
    batch: AnyBatch,
    row: number,
    failed: OnWriteFailure,
  ): void {
    const write = () => this.#write(buffer, sink, keySerde, valueSerde, batch, row, failed)
    buffer.waiting.push({ row, write, failed, attempts: 0 })
  }

  sendRaw(
    topic: string,
    partition: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    timestamp: number,
    headers?: Headers,
  ): void {
    this.#begin()
    const buffer = this.#buffer(topic)
    this.#builder(buffer, partition).append(timestamp, key, value, headers ?? null)
    this.#sendWhenFull(buffer, partition)
  }

  sendWith<K, V>(
    topic: string,
    partition: number,
    keySerde: Serde<K>,
    key: K,
    valueSerde: Serde<V>,
    value: V | null,
    timestamp: number,
  ): void {
    this.#begin()
    let buffer = this.#last
    if (buffer === null || buffer.topic !== topic) this.#last = buffer = this.#buffer(topic)
    this.#builder(buffer, partition).appendWith(timestamp, keySerde, key, valueSerde, value, null)
    this.#sendWhenFull(buffer, partition)
  }

  /** Waits for room in the producer, and for the partition counts of topics seen for the first time. */
  async drain(): Promise<void> {
    for (const buffer of this.#topics.values()) {
      if (this.#isDue(buffer)) await this.#writeWaiting(buffer)
    }
    const pending = this.#pending
    this.#pending = null
    if (pending !== null) await pending
  }

  get mustDrain(): boolean {
    if (this.#pending !== null) return true
    for (const buffer of this.#topics.values()) if (this.#isDue(buffer)) return true
    return false
  }

  #isDue(buffer: TopicBuffer): boolean {
    return buffer.waiting.length > 0 && this.#options.clock.now() >= buffer.retryAt
  }

  async #writeWaiting(buffer: TopicBuffer): Promise<void> {
    try {
      buffer.partitionCount = await this.#options.producer.partitionsFor(buffer.topic)
    } catch (error) {
      this.#askAboutWaiting(buffer, error)
      return
    }
    for (const { write } of buffer.waiting.splice(0)) write()
  }

  /** The topic cannot be written to: record by record, what is not given up waits on. */
  #askAboutWaiting(buffer: TopicBuffer, error: unknown): void {
    const { topic } = buffer
    const canPass = error instanceof KafkaError && error.retriable && !this.#options.stopping()
    buffer.waiting = buffer.waiting.filter((record) => {
      const attempt = ++record.attempts
      return record.failed(record.row, { topic, origin: 'write', error, attempt, canPass }) === 'retry'
    })
    buffer.retryAt = this.#options.clock.now() + retryBackoffMs
  }

  /** Hands everything to the producer, and waits for what waits for its topic. */
  async handOver(): Promise<void> {
    await this.drain()
    while ([...this.#topics.values()].some(({ waiting }) => waiting.length > 0)) {
      await new Promise<void>((resolve) => {
        this.#options.clock.setTimer(retryBackoffMs, resolve, true)
      })
      await this.drain()
    }
    const buffers = [...this.#topics.values()]
    this.#handOpen(buffers.filter(({ results }) => results))
    const others = buffers.filter((buffer) => !buffer.results && holdsRecords(buffer))
    if (others.length > 0 && this.#options.resultsFirst) {
      await this.drain()
      await this.#options.producer.flush()
    }
    this.#handOpen(others)
    await this.drain()
  }

  #handOpen(buffers: readonly TopicBuffer[]): void {
    for (const buffer of buffers) {
      for (const { partition, builder } of buffer.full) this.#submit(buffer, partition, builder)
      buffer.full = []
      for (let partition = 0; partition < buffer.builders.length; partition++) this.#hand(buffer, partition)
    }
  }

  /** Hands everything over, and resolves once the log has acknowledged it. */
  async flush(): Promise<void> {
    await this.handOver()
    await this.#options.producer.flush()
  }

  /** Forgets what was not handed over: before an abort. */
  discard(): void {
    for (const buffer of this.#topics.values()) {
      buffer.builders.length = 0
      buffer.waiting.length = 0
      buffer.full = []
    }
    this.#pending?.catch(() => {})
    this.#pending = null
    this.#empty = true
  }

  #begin(): void {
    if (!this.#empty) return
    this.#options.onFirstRecord()
    this.#empty = false
  }

  #append(
    buffer: TopicBuffer,
    count: number,
    sink: SinkNode,
    keySerde: Serde<unknown>,
    valueSerde: Serde<unknown>,
    batch: AnyBatch,
    row: number,
  ): void {
    const timestamp = batch.timestamps[row]!
    if (!(timestamp >= 0)) throw new Error(`its timestamp is ${timestamp}; a record needs one of at least 0`)
    const key = batch.keys[row]
    const value = batch.values[row]
    const headers = headersOf(batch, row)
    if (count === 1 && sink.partitioner === null) {
      this.#builder(buffer, 0).appendWith(timestamp, keySerde, key, valueSerde, value, headers)
      this.#sendWhenFull(buffer, 0)
      return
    }
    const chosen = sink.partitioner?.(buffer.topic, key, value, count)
    if (chosen !== undefined) {
      for (const partition of checkedPartitions(chosen, count)) {
        this.#builder(buffer, partition).appendWith(timestamp, keySerde, key, valueSerde, value, headers)
        this.#sendWhenFull(buffer, partition)
      }
      return
    }
    const partition = this.#partitionOf(buffer, keySerde, key, count)
    const builder = this.#builder(buffer, partition)
    if (this.#keyWriter.position > 0) {
      builder.appendWith(timestamp, this.#writtenKey, key, valueSerde, value, headers)
    } else {
      builder.appendWith(timestamp, keySerde, key, valueSerde, value, headers)
    }
    this.#sendWhenFull(buffer, partition)
  }

  /** The default partitioner's. Leaves the serialised key in `#keyWriter` where it is also the bytes to write. */
  #partitionOf(buffer: TopicBuffer, keySerde: Serde<unknown>, key: unknown, count: number): number {
    const written = this.#keyWriter
    written.reset()
    if (key === null) return buffer.sticky % count
    if (keySerde.writePartitionKey === undefined) {
      keySerde.write(key, written)
      return this.#options.partitionOf(written.buffer.subarray(0, written.position), count)
    }
    keySerde.writePartitionKey(key, written)
    const partition = this.#options.partitionOf(written.buffer.subarray(0, written.position), count)
    written.reset()
    return partition
  }

  #buffer(topic: string): TopicBuffer {
    let buffer = this.#topics.get(topic)
    if (buffer === undefined) {
      buffer = {
        topic,
        results: false,
        partitionCount: null,
        builders: [],
        lastBytes: [],
        waiting: [],
        retryAt: 0,
        full: [],
        sticky: 0,
      }
      this.#topics.set(topic, buffer)
    }
    return buffer
  }

  #builder(buffer: TopicBuffer, partition: number): RecordBatchBuilder {
    const builder = buffer.builders[partition]
    if (builder !== undefined && builder !== null) return builder
    // The last batch is the best guess of the next one's size.
    const initialBytes = (buffer.lastBytes[partition] ?? batchBytesMin) + 1024
    const created = this.#options.createBatchBuilder({
      initialBytes,
      recordBytesMax: this.#options.maxRequestSize,
    })
    buffer.builders[partition] = created
    return created
  }

  #sendWhenFull(buffer: TopicBuffer, partition: number): void {
    const builder = buffer.builders[partition]!
    if (builder.sizeBytes < batchBytesMax) return
    if (buffer.results || !this.#options.resultsFirst) {
      this.#hand(buffer, partition)
      return
    }
    buffer.full.push({ partition, builder })
    buffer.builders[partition] = null
  }

  #hand(buffer: TopicBuffer, partition: number): void {
    const builder = buffer.builders[partition]
    if (builder === undefined || builder === null) return
    buffer.builders[partition] = null
    if (builder.recordCount > 0) this.#submit(buffer, partition, builder)
  }

  #submit(buffer: TopicBuffer, partition: number, builder: RecordBatchBuilder): void {
    buffer.sticky++
    buffer.lastBytes[partition] = builder.sizeBytes
    const full = this.#options.producer.writeBatch({ topic: buffer.topic, partition }, builder)
    if (full !== undefined) this.#pending = this.#pending === null ? full : this.#pending.then(() => full)
  }
}

function holdsRecords(buffer: TopicBuffer): boolean {
  return buffer.full.length > 0 || buffer.builders.some((builder) => (builder?.recordCount ?? 0) > 0)
}

const nowhere = new Error('the partitioner chose no partition')

function checkedPartitions(chosen: number | readonly number[], count: number): readonly number[] {
  const partitions = typeof chosen === 'number' ? [chosen] : chosen
  if (partitions.length === 0) throw nowhere
  const wrong = partitions.find((partition) => !(partition >= 0 && partition < count))
  if (wrong === undefined) return partitions
  throw new Error(`the partitioner chose partition ${wrong} of ${count}`)
}
