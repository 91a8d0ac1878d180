import type { Broker } from './broker.js'
import { decodeAssignment } from './consumer-protocol.js'
import { KafkaError } from './errors.js'
import type { GroupCoordinator } from './group-coordinator.js'
import type {
  Admin,
  GroupDescription,
  NewTopic,
  OffsetCommit,
  TopicDescription,
  TopicPartition,
} from './log.js'
import { isInternalTopic } from './topic-names.js'

export interface AdminContext {
  readonly broker: Broker
  readonly groups: GroupCoordinator
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
        partitions: partitions.map(({ partition, log }) => ({
          partition,
          startOffset: log.logStartOffset,
          endOffset: log.logEndOffset,
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
      const { log } = this.#broker.partition(place.topic, place.partition)
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
      if (group === undefined) return { groupId, state: 'Dead', members: [] }
      return {
        groupId,
        state: group.state,
        members: [...group.members.values()].map(({ memberId, clientId, assignment }) => ({
          memberId,
          clientId,
          assignment: decodeAssignment(assignment),
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

  get #broker(): Broker {
    this.#context.checkOpen()
    return this.#context.broker
  }

  get #groups(): GroupCoordinator {
    this.#context.checkOpen()
    return this.#context.groups
  }
}
