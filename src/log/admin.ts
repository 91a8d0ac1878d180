import type { Broker } from './broker.js'
import { decodeAssignment } from './consumer-protocol.js'
import { KafkaError } from './errors.js'
import type { GroupCoordinator } from './group-coordinator.js'
import type {
  Admin,
  GroupDescription,
  IsolationLevel,
  ListedOffset,
  LogDirDescription,
  NewTopic,
  OffsetCommit,
  OffsetSpec,
  PartitionProducers,
  TopicDescription,
  TopicPartition,
  TransactionDescription,
  TransactionListing,
} from './log.js'
import type { Partition } from './partition.js'
import { isInternalTopic } from './topic-names.js'
import type { TransactionCoordinator } from './transaction-coordinator.js'

export interface AdminContext {
  readonly broker: Broker
  readonly groups: GroupCoordinator
  readonly transactions: TransactionCoordinator
  readonly dataDirectory: string
  /** Throws when the log is closed. */
  readonly checkOpen: () => void
}

/** Topics and groups of the embedded log. Every call is done when its promise resolves. */
export class EmbeddedAdmin implements Admin {
  readonly #context: AdminContext

  constructor(context: AdminContext) {
    this.#context = context
  }

  async createTopics(topics: readonly NewTopic[], options: { ifNotExists?: boolean } = {}): Promise<void> {
    this.#broker.createTopics(topics, options.ifNotExists ?? false)
  }

  async deleteTopics(topics: readonly string[]): Promise<void> {
    for (const topic of topics) {
      this.#broker.deleteTopic(topic)
      this.#context.groups.dropTopicOffsets(topic)
    }
  }

  /** Without the internal ones. */
  async listTopics(): Promise<readonly string[]> {
    return this.#broker.topicNames()
  }

  async describeTopics(topics: readonly string[]): Promise<readonly TopicDescription[]> {
    return topics.map((name) => {
      const { id, config, partitions } = this.#broker.existingTopic(name)
      return {
        topic: name,
        topicId: id,
        internal: isInternalTopic(name),
        partitions: partitions.map(({ partition, log, highWatermark }) => ({
          partition,
          startOffset: log.logStartOffset,
          endOffset: highWatermark,
          sizeBytes: log.sizeBytes,
        })),
        configs: config.values,
      }
    })
  }

  async alterConfigs(topic: string, configs: Readonly<Record<string, string | null>>): Promise<void> {
    this.#broker.alterConfigs(topic, configs)
  }

  async createPartitions(topic: string, totalCount: number): Promise<void> {
    this.#broker.createPartitions(topic, totalCount)
  }

  /** An offset of -1 stands for the end. Refused for topics that only compact, as in Kafka. */
  async deleteRecords(before: readonly { partition: TopicPartition; offset: number }[]): Promise<void> {
    for (const { partition: place, offset } of before) {
      const { log } = this.#existingPartition(place)
      if (log.config.compact && !log.config.delete) {
        throw new KafkaError(
          'POLICY_VIOLATION',
          `topic '${place.topic}' is compacted: its records can be deleted by tombstones only`,
        )
      }
      const end = offset === -1 ? log.highWatermark : offset
      if (!Number.isSafeInteger(end) || end < 0 || end > log.highWatermark) {
        throw new KafkaError(
          'OFFSET_OUT_OF_RANGE',
          `${place.topic}-${place.partition} ends at ${log.highWatermark}; cannot delete up to ${offset}`,
        )
      }
      log.deleteRecordsBefore(end)
    }
    this.#broker.checkpoint()
  }

  async listGroups(): Promise<readonly string[]> {
    return this.#groups.groupIds()
  }

  async describeGroups(groups: readonly string[]): Promise<readonly GroupDescription[]> {
    return groups.map((groupId) => {
      const group = this.#groups.group(groupId)
      if (group === undefined) return { groupId, state: 'Dead', partitionAssignor: null, members: [] }
      return {
        groupId,
        state: group.state,
        partitionAssignor: group.members.size === 0 ? null : group.protocolName,
        members: [...group.members.values()].map(({ memberId, clientId, groupInstanceId, assignment }) => ({
          memberId,
          clientId,
          groupInstanceId,
          assignment: decodeAssignment(assignment).partitions,
        })),
      }
    })
  }

  async groupOffsets(groupId: string): Promise<readonly OffsetCommit[]> {
    const offsets = this.#groups.group(groupId)?.offsets.entries() ?? []
    return offsets
      .map(({ topic, partition, offset, metadata }) => ({ topic, partition, offset, metadata }))
      .sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition))
  }

  async alterGroupOffsets(groupId: string, offsets: readonly OffsetCommit[]): Promise<void> {
    const members = this.#groups.group(groupId)?.members.size ?? 0
    if (members > 0) {
      throw new KafkaError('NON_EMPTY_GROUP', `group ${groupId} has ${members} members: stop them first`)
    }
    this.#groups.commitOffsets(groupId, offsets, null)
  }

  async deleteGroups(groups: readonly string[]): Promise<void> {
    for (const groupId of groups) this.#groups.deleteGroup(groupId)
  }

  async listOffsets(
    partitions: readonly (TopicPartition & { readonly at: OffsetSpec })[],
    { isolationLevel = 'read_uncommitted' }: { isolationLevel?: IsolationLevel } = {},
  ): Promise<readonly ListedOffset[]> {
    return partitions.map(({ topic, partition, at }) => {
      const existing = this.#existingPartition({ topic, partition })
      const { log } = existing
      const end = existing.endOffset(isolationLevel)
      if (at === 'earliest') return { topic, partition, offset: log.logStartOffset, timestamp: -1 }
      if (at === 'latest') return { topic, partition, offset: end, timestamp: -1 }
      const found = at === 'maxTimestamp' ? log.maxTimestamp() : log.offsetForTimestamp(at.timestamp)
      if (found === null || found.offset >= end) return { topic, partition, offset: -1, timestamp: -1 }
      return { topic, partition, offset: found.offset, timestamp: found.timestamp }
    })
  }

  async describeLogDirs(): Promise<LogDirDescription> {
    const partitions = [...this.#broker.allPartitions()].map(({ topic, partition, log }) => ({
      topic,
      partition,
      sizeBytes: log.sizeBytes,
      segmentCount: log.segmentCount,
    }))
    const sizeBytes = partitions.reduce((sum, p) => sum + p.sizeBytes, 0)
    return { path: this.#context.dataDirectory, sizeBytes, partitions }
  }

  async listTransactions(): Promise<readonly TransactionListing[]> {
    return this.#transactions
      .states()
      .map(({ transactionalId, producerId, status }) => ({ transactionalId, producerId, state: status }))
  }

  async describeTransactions(
    transactionalIds: readonly string[],
  ): Promise<readonly TransactionDescription[]> {
    return transactionalIds.map((id) => {
      const { producerId, producerEpoch, status, timeoutMs, startMs, partitions } =
        this.#transactions.state(id)
      return {
        transactionalId: id,
        producerId,
        producerEpoch,
        state: status,
        transactionTimeoutMs: timeoutMs,
        transactionStartTimeMs: status === 'Ongoing' ? startMs : null,
        topicPartitions: [...partitions].map(({ topic, partition }) => ({ topic, partition })),
      }
    })
  }

  async describeProducers(partitions: readonly TopicPartition[]): Promise<readonly PartitionProducers[]> {
    return partitions.map((place) => ({
      topic: place.topic,
      partition: place.partition,
      activeProducers: this.#existingPartition(place)
        .log.producers()
        .map(({ producerId, epoch, lastSequence, lastSeenMs, transactionFirstOffset }) => ({
          producerId,
          producerEpoch: epoch,
          lastSequence,
          lastTimestamp: lastSeenMs,
          currentTransactionStartOffset: transactionFirstOffset < 0 ? null : transactionFirstOffset,
        })),
    }))
  }

  async fenceProducers(transactionalIds: readonly string[]): Promise<void> {
    for (const id of transactionalIds) this.#transactions.fence(id)
  }

  async abortTransaction(hanging: TopicPartition & { readonly startOffset: number }): Promise<void> {
    this.#transactions.abortHanging(this.#existingPartition(hanging), hanging.startOffset)
  }

  /** An administrator's question makes no topic. */
  #existingPartition({ topic, partition }: TopicPartition): Partition {
    this.#broker.existingTopic(topic)
    return this.#broker.partition(topic, partition)
  }

  get #transactions(): TransactionCoordinator {
    this.#context.checkOpen()
    return this.#context.transactions
  }

  get #broker(): Broker {
    this.#context.checkOpen()
    return this.#context.broker
  }

  get #groups(): GroupCoordinator {
    this.#context.checkOpen()
    return this.#context.groups
  }
}
