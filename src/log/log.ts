import type { Observable } from 'rxjs'
import type { ByteWriter } from '../common/index.js'
import type { Serde } from '../serde/index.js'
import type { Admin } from './admin-interface.js'

export type * from './admin-interface.js'

/*
 * The one interface that everything above `src/log` talks to. The embedded log implements it on local files;
 * a second implementation may speak to an Apache Kafka cluster. Names and meanings are Kafka's.
 */

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** Header order and repetitions are kept; the value may be null, the key never. */
export interface Header {
  readonly key: string
  readonly value: Uint8Array | null
}
export type Headers = readonly Header[]

export interface Log {
  readonly admin: Admin
  producer<K = Uint8Array, V = Uint8Array>(options?: ProducerOptions<K, V>): Producer<K, V>
  consumer<K = Uint8Array, V = Uint8Array>(options?: ConsumerOptions<K, V>): Consumer<K, V>
  /** Flushes, writes the clean-shutdown marker and gives the data directory free. Idempotent. */
  close(): Promise<void>
}

// ---------------------------------------------------------------------------------------------- producer

export interface ProducerOptions<K, V> {
  readonly clientId?: string
  readonly keySerde?: Serde<K>
  readonly valueSerde?: Serde<V>
  /** How long a batch waits for more records, in ms. Default 5. */
  readonly lingerMs?: number
  /** A batch is sent once it holds this many bytes. Default 16,384. */
  readonly batchSize?: number
  /** Bytes of unsent records before `send` waits. Default 32 MiB. */
  readonly bufferMemory?: number
  /** What an acknowledgement promises; see docs/durability.md. Default 'all'. */
  readonly acks?: 0 | 1 | 'all'
  readonly compression?: CompressionType
  /** Duplicate-free retries by producer id and sequence. Default true with acks 'all', else false. */
  readonly idempotence?: boolean
  /** Makes the producer transactional, and fences an earlier one with the same id. */
  readonly transactionalId?: string
  readonly transactionTimeoutMs?: number
  /**
   * The longest wait for an acknowledgement, in ms; then the record fails with REQUEST_TIMED_OUT, and may be in the log
   * or not. The embedded log answers at once but where it waits for stable storage. Default 120,000.
   */
  readonly deliveryTimeoutMs?: number
  readonly partitioner?: Partitioner
}

/** Chooses a partition for a record without an explicit one; `key` is the serialised key. */
export type Partitioner = (topic: string, key: Uint8Array | null, partitionCount: number) => number

export type CompressionType = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

export interface ProducerRecord<K, V> {
  readonly topic: string
  readonly partition?: number
  /** ms since the epoch; default now. */
  readonly timestamp?: number
  readonly key?: K | null
  readonly value: V | null
  readonly headers?: Headers
}

export interface RecordMetadata extends TopicPartition {
  /** -1 with acks 0. */
  readonly offset: number
  readonly timestamp: number
}

export interface Producer<K = Uint8Array, V = Uint8Array> {
  /** Resolves when the record is acknowledged as `acks` says. */
  send(record: ProducerRecord<K, V>): Promise<RecordMetadata>
  /**
   * Appends without a promise per record: the fast path. Returns a promise only when the buffer is full
   * (back-pressure) and, in a long loop, now and then to let others work; it is to be awaited before the next call. A
   * failure surfaces at the next `flush`.
   */
  write(record: ProducerRecord<K, V>): Promise<void> | undefined
  /**
   * Hands over a batch for one partition as it will be stored: the path of Streams. The producer sets producer
   * id, epoch, sequence and transaction bits. Ordered after everything written before to that partition.
   * On return the builder is empty and may be filled again.
   */
  writeBatch(partition: TopicPartition, batch: RecordBatchBuilder): Promise<void> | undefined
  /** Sends everything buffered and resolves once all of it is acknowledged; throws the first failure since the last flush. */
  flush(): Promise<void>
  partitionsFor(topic: string): Promise<number>

  /** Registers the transactional id, completes or aborts what an earlier owner left, and fences it. */
  initTransactions(): Promise<void>
  beginTransaction(): void
  sendOffsetsToTransaction(offsets: readonly OffsetCommit[], group: ConsumerGroupMetadata): Promise<void>
  commitTransaction(): Promise<void>
  abortTransaction(): Promise<void>
  close(): Promise<void>
}

/** Collects the records of one batch in wire form. Made by `createBatchBuilder` of `forebay/log`. */
export interface RecordBatchBuilder {
  readonly recordCount: number
  /** Bytes so far, uncompressed. */
  readonly sizeBytes: number
  append(timestamp: number, key: Uint8Array | null, value: Uint8Array | null, headers?: Headers | null): void
  /** Serialises key and value straight into the batch. Null stands for null. A serde that throws leaves the batch as it was. */
  appendWith<K, V>(
    timestamp: number,
    keySerde: { write(value: K, out: ByteWriter): void },
    key: K | null,
    valueSerde: { write(value: V, out: ByteWriter): void },
    value: V | null,
    headers?: Headers | null,
  ): void
}

// ---------------------------------------------------------------------------------------------- consumer

export type OffsetReset = 'earliest' | 'latest' | 'none'
export type IsolationLevel = 'read_uncommitted' | 'read_committed'

export interface ConsumerOptions<K, V> {
  readonly clientId?: string
  readonly groupId?: string
  readonly groupInstanceId?: string
  readonly keySerde?: Serde<K>
  readonly valueSerde?: Serde<V>
  /** Where to begin without a committed offset. Default 'latest', as in Kafka. */
  readonly autoOffsetReset?: OffsetReset
  /** Default true when there is a group id. */
  readonly enableAutoCommit?: boolean
  /** Default 5,000. */
  readonly autoCommitIntervalMs?: number
  readonly isolationLevel?: IsolationLevel
  /** Most records one `poll` returns. Default 500. */
  readonly maxPollRecords?: number
  readonly fetchMinBytes?: number
  readonly fetchMaxWaitMs?: number
  /** Most bytes one fetch takes from one partition. Default 1 MiB. */
  readonly maxPartitionFetchBytes?: number
  readonly sessionTimeoutMs?: number
  readonly heartbeatIntervalMs?: number
  readonly maxPollIntervalMs?: number
  /** In order of preference. Default range, then cooperative-sticky. */
  readonly assignors?: readonly (AssignorName | ConsumerPartitionAssignor)[]
}

export type AssignorName = 'range' | 'roundrobin' | 'sticky' | 'cooperative-sticky'

/** What a member of a group told its leader. */
export interface MemberSubscription {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly topics: readonly string[]
  readonly ownedPartitions: readonly TopicPartition[]
  /** The generation the owned partitions stem from; -1: unknown. */
  readonly generationId: number
  readonly userData: Uint8Array | null
}

export interface MemberAssignment {
  readonly partitions: readonly TopicPartition[]
  readonly userData: Uint8Array | null
}

/**
 * An assignment strategy of one's own, with data of its own in both directions: Kafka's ConsumerPartitionAssignor.
 * All members of a group need one of the same name.
 */
export interface ConsumerPartitionAssignor {
  readonly name: string
  /**
   * 'eager': members give everything up before they join. 'cooperative' (KIP-429): they keep what they own, and
   * `assign` gives a partition that somebody else still owns to nobody; its owner lets go of it and joins again.
   */
  readonly protocol: 'eager' | 'cooperative'
  /** Goes with every join. */
  subscriptionUserData?(topics: readonly string[]): Uint8Array | null | Promise<Uint8Array | null>
  /** Run by the leader. A member that is left out gets nothing. */
  assign(
    members: readonly MemberSubscription[],
    partitionCounts: ReadonlyMap<string, number>,
  ): ReadonlyMap<string, MemberAssignment> | Promise<ReadonlyMap<string, MemberAssignment>>
  /** Told each member its own, after what moves away was revoked and before `onPartitionsAssigned`. */
  onAssignment?(assignment: MemberAssignment, group: ConsumerGroupMetadata): void
}

export interface ConsumerRecord<K, V> extends TopicPartition {
  readonly offset: number
  readonly timestamp: number
  readonly key: K | null
  readonly value: V | null
  readonly headers: Headers
}

export interface RebalanceListener {
  onPartitionsAssigned?(partitions: readonly TopicPartition[]): void | Promise<void>
  onPartitionsRevoked?(partitions: readonly TopicPartition[]): void | Promise<void>
  onPartitionsLost?(partitions: readonly TopicPartition[]): void | Promise<void>
}

export interface Consumer<K = Uint8Array, V = Uint8Array> extends AsyncIterable<ConsumerRecord<K, V>> {
  /** Joins the group and lets it assign partitions. */
  subscribe(topics: readonly string[] | RegExp, listener?: RebalanceListener): void
  /** Takes these partitions, without a group. */
  assign(partitions: readonly TopicPartition[]): void
  assignment(): readonly TopicPartition[]
  /** Waits up to `timeoutMs` (default 5,000) for records. Positions advance past what is returned. */
  poll(timeoutMs?: number): Promise<readonly ConsumerRecord<K, V>[]>
  /** As `poll`, without decoding or copying: whole batches, control and aborted ones left out. Ignores maxPollRecords. */
  pollBatches(timeoutMs?: number): Promise<readonly FetchedBatch[]>
  /** Every record, as an Observable that stops polling when nobody is subscribed. */
  records(): Observable<ConsumerRecord<K, V>>
  seek(partition: TopicPartition, offset: number): void
  seekToBeginning(partitions?: readonly TopicPartition[]): void
  seekToEnd(partitions?: readonly TopicPartition[]): void
  /** The offset of the next record that `poll` would return. */
  position(partition: TopicPartition): Promise<number>
  commit(offsets?: readonly OffsetCommit[]): Promise<void>
  /** Under read_committed waits for open transactions that are about to change one of them (KIP-447). */
  committed(partitions: readonly TopicPartition[]): Promise<(OffsetCommit | null)[]>
  pause(partitions: readonly TopicPartition[]): void
  resume(partitions: readonly TopicPartition[]): void
  beginningOffsets(partitions: readonly TopicPartition[]): Promise<number[]>
  /** Under read_committed: the last stable offsets. */
  endOffsets(partitions: readonly TopicPartition[]): Promise<number[]>
  /** The first offset whose record has at least this timestamp, or null where there is none. */
  offsetsForTimes(
    times: readonly { partition: TopicPartition; timestamp: number }[],
  ): Promise<({ offset: number; timestamp: number } | null)[]>
  groupMetadata(): ConsumerGroupMetadata
  /** How many offsets `poll` has yet to pass in an assigned partition; null: its position is not known yet. */
  currentLag(partition: TopicPartition): number | null
  /** Makes the group assign anew, with fresh user data of the assignor, at the next polls (KIP-568). */
  enforceRebalance(): void
  /** Makes a waiting `poll` return at once. */
  wakeup(): void
  close(): Promise<void>
}

export interface OffsetCommit extends TopicPartition {
  /** The next offset to read. */
  readonly offset: number
  readonly metadata?: string
}

export interface ConsumerGroupMetadata {
  readonly groupId: string
  readonly generationId: number
  readonly memberId: string
  readonly groupInstanceId?: string
}

/** One fetched batch, not yet decoded. */
export interface FetchedBatch extends TopicPartition {
  readonly recordCount: number
  readonly maxTimestamp: number
  readonly sizeBytes: number
  /** Records below it are left out. */
  readonly fromOffset: number
  /** The batch in wire form, not copied and not checked. */
  bytes(): Buffer
  /** Reads the batch into parallel arrays. Records below the position asked for are left out. Throws CorruptRecordError. */
  decode(): DecodedBatch
  /**
   * May be called once nobody will look at the batch, at what `decode` returned, or at bytes of it again: its memory
   * is then read into anew, which makes reading a good deal faster. Without the call nothing is lost but that.
   */
  release?(): void
}

/**
 * The records of a batch as parallel arrays, `count` long; keys and values are ranges of `buffer`, which stays
 * valid as long as it is referenced. A start of -1 means null.
 */
export interface DecodedBatch {
  readonly count: number
  readonly buffer: Buffer
  readonly offsets: Float64Array
  readonly timestamps: Float64Array
  readonly keyStart: Int32Array
  readonly keyEnd: Int32Array
  readonly valueStart: Int32Array
  readonly valueEnd: Int32Array
  /** null: no record of the batch has headers. */
  readonly headers: readonly (Headers | null)[] | null
}
