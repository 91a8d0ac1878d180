import type { IsolationLevel, OffsetCommit, TopicPartition } from './log.js'

/* What an administrator asks of a log. Names and meanings are those of Kafka's AdminClient. */

export interface NewTopic {
  readonly topic: string
  /** Default 1. */
  readonly partitions?: number
  /** Topic configs by Kafka's names, such as 'cleanup.policy'. */
  readonly configs?: Readonly<Record<string, string>>
}

export interface TopicDescription {
  readonly topic: string
  readonly topicId: string
  readonly internal: boolean
  readonly partitions: readonly {
    readonly partition: number
    readonly startOffset: number
    readonly endOffset: number
    readonly sizeBytes: number
  }[]
  /** Every config in force, with Kafka's names. */
  readonly configs: Readonly<Record<string, string>>
}

export interface GroupDescription {
  readonly groupId: string
  readonly state: 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead'
  /** The assignor its members agreed on; null: none yet. */
  readonly partitionAssignor: string | null
  readonly members: readonly {
    readonly memberId: string
    readonly clientId: string
    readonly groupInstanceId: string | null
    readonly assignment: readonly TopicPartition[]
  }[]
}

/** Which offset of a partition is asked for: an end, the record with the greatest timestamp, or the first from a time on. */
export type OffsetSpec = 'earliest' | 'latest' | 'maxTimestamp' | { readonly timestamp: number }

export interface ListedOffset extends TopicPartition {
  /** -1: there is no such record. */
  readonly offset: number
  /** Of the record; -1 for 'earliest' and 'latest', and where there is none. */
  readonly timestamp: number
}

export interface LogDirDescription {
  /** The data directory. */
  readonly path: string
  readonly sizeBytes: number
  /** Internal topics included. */
  readonly partitions: readonly (TopicPartition & {
    readonly sizeBytes: number
    readonly segmentCount: number
  })[]
}

export type TransactionState =
  | 'Empty'
  | 'Ongoing'
  | 'PrepareCommit'
  | 'PrepareAbort'
  | 'CompleteCommit'
  | 'CompleteAbort'
  | 'Dead'

export interface TransactionListing {
  readonly transactionalId: string
  readonly producerId: number
  readonly state: TransactionState
}

export interface TransactionDescription extends TransactionListing {
  readonly producerEpoch: number
  readonly transactionTimeoutMs: number
  /** ms since the epoch; null: none is open. */
  readonly transactionStartTimeMs: number | null
  /** The partitions of the open transaction that have no marker yet. */
  readonly topicPartitions: readonly TopicPartition[]
}

export interface ProducerDescription {
  readonly producerId: number
  readonly producerEpoch: number
  /** -1: none in this epoch. */
  readonly lastSequence: number
  /** When it was last heard of, in ms since the epoch. */
  readonly lastTimestamp: number
  /** First offset of its open transaction; null: none is open. */
  readonly currentTransactionStartOffset: number | null
}

export interface PartitionProducers extends TopicPartition {
  readonly activeProducers: readonly ProducerDescription[]
}

export interface Admin {
  createTopics(topics: readonly NewTopic[], options?: { ifNotExists?: boolean }): Promise<void>
  deleteTopics(topics: readonly string[]): Promise<void>
  listTopics(): Promise<readonly string[]>
  /** Throws UnknownTopicOrPartition for a name that does not exist. */
  describeTopics(topics: readonly string[]): Promise<readonly TopicDescription[]>
  alterConfigs(topic: string, configs: Readonly<Record<string, string | null>>): Promise<void>
  createPartitions(topic: string, totalCount: number): Promise<void>
  deleteRecords(before: readonly { partition: TopicPartition; offset: number }[]): Promise<void>
  listGroups(): Promise<readonly string[]>
  describeGroups(groups: readonly string[]): Promise<readonly GroupDescription[]>
  groupOffsets(groupId: string): Promise<readonly OffsetCommit[]>
  /** Only while the group has no members. */
  alterGroupOffsets(groupId: string, offsets: readonly OffsetCommit[]): Promise<void>
  deleteGroups(groups: readonly string[]): Promise<void>
  /** In the order asked. Under read_committed, 'latest' is the last stable offset. */
  listOffsets(
    partitions: readonly (TopicPartition & { readonly at: OffsetSpec })[],
    options?: { isolationLevel?: IsolationLevel },
  ): Promise<readonly ListedOffset[]>
  describeLogDirs(): Promise<LogDirDescription>
  listTransactions(): Promise<readonly TransactionListing[]>
  /** Throws TRANSACTIONAL_ID_NOT_FOUND. */
  describeTransactions(transactionalIds: readonly string[]): Promise<readonly TransactionDescription[]>
  /** The idempotent and transactional producers that a partition remembers. */
  describeProducers(partitions: readonly TopicPartition[]): Promise<readonly PartitionProducers[]>
  /** Aborts the open transactions of these ids, and fences their producers. Throws TRANSACTIONAL_ID_NOT_FOUND. */
  fenceProducers(transactionalIds: readonly string[]): Promise<void>
  /**
   * Writes the ABORT marker of a transaction that hangs: one that a partition holds open and no coordinator knows of.
   * `describeProducers` names it. Throws INVALID_TXN_STATE where no transaction begins at `startOffset`, or where the
   * coordinator knows its producer: then `fenceProducers` is the way.
   */
  abortTransaction(hanging: TopicPartition & { readonly startOffset: number }): Promise<void>
}
