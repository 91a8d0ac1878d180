import type { Clock } from '../common/index.js'
import type { CoordinatorLog } from './coordinator-log.js'
import { isKafkaError } from './errors.js'
import { type CommittedOffset, Group } from './group.js'
import {
  decodeGroupMetadataKey,
  decodeGroupValue,
  decodeOffsetCommitValue,
  encodeGroupKey,
  encodeGroupValue,
  encodeOffsetCommitKey,
  encodeOffsetCommitValue,
} from './group-metadata.js'
import type { TopicPartition } from './log.js'

export interface TransactionProducer {
  readonly producerId: number
  readonly producerEpoch: number
}

/**
 * The groups of a log and their home in `__consumer_offsets`: offsets and generations are written there and read
 * back at open. Members are written as Kafka does, but not read: they do not outlive the process.
 */
export class GroupStore {
  readonly groups = new Map<string, Group>()
  readonly #log: CoordinatorLog
  readonly #clock: Clock

  constructor(log: CoordinatorLog, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  load(): void {
    this.#log.replay({
      onRecord: (key, value, producerId) => this.#replayRecord(key, value, producerId),
      onMarker: (producerId, committed) => this.completeTransaction(producerId, committed),
    })
  }

  #replayRecord(keyBytes: Buffer, value: Buffer | null, producerId: number): void {
    const key = decodeGroupMetadataKey(keyBytes)
    if (key === null) return
    if (key.kind === 'group') {
      if (value === null) {
        this.groups.delete(key.group)
        return
      }
      const stored = decodeGroupValue(value)
      const group = this.groupOf(key.group)
      group.generation = stored.generation
      group.protocolType = stored.protocolType
      return
    }
    const group = this.groupOf(key.group)
    const table = producerId < 0 ? group.offsets : group.stagedBy(producerId)
    if (value === null) table.delete(key)
    else table.set(key, decodeOffsetCommitValue(value))
  }

  /** Made when there is none. */
  groupOf(groupId: string): Group {
    let group = this.groups.get(groupId)
    if (group === undefined) {
      group = new Group(groupId)
      this.groups.set(groupId, group)
    }
    return group
  }

  /** With a producer: staged until its transaction ends. All offsets are written, or none. */
  writeOffsets(
    group: Group,
    offsets: readonly (TopicPartition & CommittedOffset)[],
    producer: TransactionProducer | null,
  ): void {
    if (offsets.length === 0) return
    this.#log.append(
      offsets.map((offset) => ({
        key: encodeOffsetCommitKey(group.id, offset.topic, offset.partition),
        value: encodeOffsetCommitValue({ ...offset, leaderEpoch: -1 }),
      })),
      producer,
    )
    const table = producer === null ? group.offsets : group.stagedBy(producer.producerId)
    for (const offset of offsets) table.set(offset, offset)
  }

  /** Applies or drops what a transaction staged. Its marker is already in the log. */
  completeTransaction(producerId: number, committed: boolean): void {
    for (const group of this.groups.values()) {
      const staged = group.stagedOffsets.get(producerId)
      if (staged === undefined) continue
      group.stagedOffsets.delete(producerId)
      if (committed) for (const offset of staged.entries()) group.offsets.set(offset, offset)
    }
  }

  deleteOffsets(group: Group, partitions: readonly TopicPartition[]): void {
    if (partitions.length === 0) return
    this.#log.append(
      partitions.map((p) => ({ key: encodeOffsetCommitKey(group.id, p.topic, p.partition), value: null })),
      null,
    )
    for (const partition of partitions) group.offsets.delete(partition)
  }

  deleteGroup(group: Group): void {
    this.deleteOffsets(group, group.offsets.entries())
    this.#log.append([{ key: encodeGroupKey(group.id), value: null }], null)
    this.groups.delete(group.id)
  }

  writeGroup(group: Group): void {
    const value = encodeGroupValue({
      protocolType: group.protocolType ?? '',
      generation: group.generation,
      protocol: group.protocolName,
      leader: group.leaderId,
      currentStateTimestamp: this.#clock.now(),
      members: [...group.members.values()].map((member) => ({
        memberId: member.memberId,
        groupInstanceId: member.groupInstanceId,
        clientId: member.clientId,
        clientHost: '/127.0.0.1',
        rebalanceTimeoutMs: clampInt32(member.rebalanceTimeoutMs),
        sessionTimeoutMs: clampInt32(member.sessionTimeoutMs),
        subscription: member.protocols.find((p) => p.name === group.protocolName)!.metadata,
        assignment: member.assignment,
      })),
    })
    try {
      this.#log.append([{ key: encodeGroupKey(group.id), value }], null)
    } catch (error) {
      // Members need the group now; a generation that is not remembered harms nobody, since member ids are unique.
      if (!isKafkaError(error, 'KAFKA_STORAGE_ERROR')) throw error
    }
  }

  /** Null: writes are acknowledged at once; else resolves when all of them so far are on stable storage. */
  settled(): Promise<void> | null {
    return this.#log.settled()
  }
}

function clampInt32(value: number): number {
  return Math.min(value, 0x7fff_ffff)
}
