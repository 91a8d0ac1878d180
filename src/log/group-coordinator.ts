import type { Clock, Random } from '../common/index.js'
import { randomUuid } from '../common/index.js'
import type { PartitionCounts } from './assignors.js'
import { decodeSubscription } from './consumer-protocol.js'
import { KafkaError } from './errors.js'
import type { CommittedOffset, Group, GroupMember, GroupProtocol, JoinResponse, Reply } from './group.js'
import type { GroupStore, TransactionProducer } from './group-store.js'
import type { ConsumerGroupMetadata, OffsetCommit, TopicPartition } from './log.js'

export interface JoinRequest {
  readonly groupId: string
  /** Empty at the first join: the coordinator names the member. */
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly protocolType: string
  readonly protocols: readonly GroupProtocol[]
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly onRebalance: (() => void) | null
  /** Told the member's id before the join is answered, so that it can leave while it waits. */
  readonly onMemberId: ((memberId: string) => void) | null
}

/** Who speaks: checked against the group before anything is done in its name. */
export interface MemberIdentity {
  readonly groupId: string
  readonly generationId: number
  readonly memberId: string
  readonly groupInstanceId?: string | null
}

export interface GroupCoordinatorOptions {
  readonly clock: Clock
  readonly random: Random
  readonly store: GroupStore
  /** How long the first rebalance of an empty group waits for more members. */
  readonly initialRebalanceDelayMs: number
}

const OFFSET_METADATA_MAX_BYTES = 4096

/**
 * Kafka's group coordinator, classic protocol, in process. Offsets and generations live in `__consumer_offsets`;
 * members do not outlive the process, so a group is empty when the log is opened.
 */
export class GroupCoordinator {
  readonly #store: GroupStore
  readonly #clock: Clock
  readonly #random: Random
  readonly #initialRebalanceDelayMs: number

  constructor(options: GroupCoordinatorOptions) {
    this.#store = options.store
    this.#clock = options.clock
    this.#random = options.random
    this.#initialRebalanceDelayMs = options.initialRebalanceDelayMs
  }

  // ------------------------------------------------------------------------------------------- membership

  /** Resolves when the rebalance this join takes part in has its members together. */
  join(request: JoinRequest): Promise<JoinResponse> {
    return new Promise((resolve, reject) => {
      if (request.groupId === '') throw new KafkaError('INVALID_GROUP_ID', 'the group id is empty')
      if (!(request.sessionTimeoutMs > 0)) {
        throw new KafkaError(
          'INVALID_SESSION_TIMEOUT',
          `a session of ${request.sessionTimeoutMs} ms is no time`,
        )
      }
      const group = this.#store.groupOf(request.groupId)
      const replaced = group.staticMember(request.groupInstanceId)?.memberId ?? request.memberId
      if (!group.supports(request.protocolType, request.protocols, replaced)) {
        throw new KafkaError(
          'INCONSISTENT_GROUP_PROTOCOL',
          `group ${group.id}: none of the assignors ${request.protocols.map((p) => p.name).join(', ')} ` +
            'is known to all other members',
        )
      }
      this.#joinGroup(group, request, { resolve, reject })
    })
  }

  #joinGroup(group: Group, request: JoinRequest, reply: Reply<JoinResponse>): void {
    const predecessor = group.staticMember(request.groupInstanceId)
    let member: GroupMember
    let unchanged = false
    if (request.memberId !== '') {
      member = this.#memberOf(group, request)
      unchanged = sameProtocols(member.protocols, request.protocols)
    } else {
      member = newMember(request, this.#newMemberId(request))
      group.protocolType = request.protocolType
      group.members.set(member.memberId, member)
      if (predecessor !== undefined) unchanged = this.#takePlace(group, predecessor, member)
      request.onMemberId?.(member.memberId)
    }
    member.protocols = request.protocols
    member.sessionTimeoutMs = request.sessionTimeoutMs
    member.rebalanceTimeoutMs = request.rebalanceTimeoutMs
    member.onRebalance = request.onRebalance
    this.#restartSession(group, member)

    // A leader that joins again wants another assignment, unless it was restarted.
    const isLeader = member.memberId === group.leaderId && request.memberId !== ''
    const answerNow =
      unchanged && (group.state === 'CompletingRebalance' || (group.state === 'Stable' && !isLeader))
    if (answerNow) {
      reply.resolve(group.joinResponse(member))
      return
    }
    member.awaitingJoin?.reject(new KafkaError('UNKNOWN_MEMBER_ID', `member ${member.memberId} joined again`))
    member.awaitingJoin = reply
    this.#prepareRebalance(group)
  }

  /**
   * A static member that was restarted takes its own place, with assignment and leadership (KIP-345). Returns whether
   * the group can go on as if nothing had happened: nobody waits, and the member wants what it wanted before.
   */
  #takePlace(group: Group, predecessor: GroupMember, successor: GroupMember): boolean {
    const wasLeader = group.leaderId === predecessor.memberId
    this.#removeMember(group, predecessor, fenced(successor))
    successor.assignment = predecessor.assignment
    if (wasLeader) group.leaderId = successor.memberId
    return group.state === 'Stable' && wantsTheSame(group, predecessor, successor)
  }

  #newMemberId(request: JoinRequest): string {
    return `${request.groupInstanceId ?? request.clientId}-${formatUuid(randomUuid(this.#random))}`
  }

  #prepareRebalance(group: Group): void {
    if (group.state !== 'PreparingRebalance') {
      group.gathering = group.state === 'Empty' && this.#initialRebalanceDelayMs > 0
      group.state = 'PreparingRebalance'
      const waitMs = group.gathering ? this.#initialRebalanceDelayMs : group.longestRebalanceTimeoutMs
      group.rebalanceTimer = this.#clock.setTimer(waitMs, () => this.#completeJoin(group))
      for (const member of group.members.values()) {
        member.awaitingSync?.reject(
          new KafkaError('REBALANCE_IN_PROGRESS', `group ${group.id} is rebalancing`),
        )
        member.awaitingSync = null
        if (member.awaitingJoin === null) member.onRebalance?.()
      }
    }
    if (group.allJoined && !group.gathering) this.#completeJoin(group)
  }

  /** Ends the join phase: who did not come is out, static members excepted, who keep their session. */
  #completeJoin(group: Group): void {
    group.rebalanceTimer?.cancel()
    group.rebalanceTimer = null
    group.gathering = false
    for (const member of [...group.members.values()]) {
      if (member.awaitingJoin !== null || member.groupInstanceId !== null) continue
      member.sessionTimer?.cancel()
      group.members.delete(member.memberId)
    }
    group.generation++
    if (group.members.size === 0) {
      group.state = 'Empty'
      group.leaderId = null
      group.protocolName = null
      this.#store.writeGroup(group)
      return
    }
    group.state = 'CompletingRebalance'
    group.protocolName = group.chooseProtocol()
    if (group.leaderId === null || group.members.get(group.leaderId)?.awaitingJoin == null) {
      group.leaderId = [...group.members.values()].find((m) => m.awaitingJoin !== null)?.memberId ?? null
    }
    for (const member of group.members.values()) {
      const reply = member.awaitingJoin
      member.awaitingJoin = null
      this.#restartSession(group, member)
      reply?.resolve(group.joinResponse(member))
    }
  }

  /**
   * The leader hands in everybody's assignment, and the partition counts it is based on; each member gets its own.
   */
  sync(
    identity: MemberIdentity,
    assignments: ReadonlyMap<string, Uint8Array>,
    assignedCounts: PartitionCounts,
  ): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const group = this.#existingGroup(identity.groupId)
      const member = this.#checkedMember(group, identity)
      if (group.state === 'PreparingRebalance')
        throw new KafkaError('REBALANCE_IN_PROGRESS', `group ${group.id} is rebalancing`)
      if (group.state === 'Stable') {
        resolve(member.assignment)
        return
      }
      member.awaitingSync = { resolve, reject }
      if (member.memberId !== group.leaderId) return
      group.assignedCounts = assignedCounts
      this.#completeSync(group, assignments)
    })
  }

  #completeSync(group: Group, assignments: ReadonlyMap<string, Uint8Array>): void {
    for (const member of group.members.values()) {
      member.assignment = assignments.get(member.memberId) ?? new Uint8Array(0)
    }
    this.#store.writeGroup(group)
    group.state = 'Stable'
    for (const member of group.members.values()) {
      const reply = member.awaitingSync
      member.awaitingSync = null
      reply?.resolve(member.assignment)
    }
  }

  /** Keeps the session alive. Throws REBALANCE_IN_PROGRESS when the member shall join again. */
  heartbeat(identity: MemberIdentity): void {
    const group = this.#existingGroup(identity.groupId)
    const member = this.#checkedMember(group, identity)
    this.#restartSession(group, member)
    if (group.state === 'PreparingRebalance')
      throw new KafkaError('REBALANCE_IN_PROGRESS', `group ${group.id} is rebalancing`)
  }

  leave(groupId: string, memberId: string): void {
    const group = this.#store.groups.get(groupId)
    const member = group?.members.get(memberId)
    if (group === undefined || member === undefined) return
    this.#removeMember(
      group,
      member,
      new KafkaError('UNKNOWN_MEMBER_ID', `member ${memberId} left group ${groupId}`),
    )
    this.#afterMemberLoss(group)
  }

  #afterMemberLoss(group: Group): void {
    if (group.state !== 'Empty') this.#prepareRebalance(group)
  }

  #removeMember(group: Group, member: GroupMember, reason: Error): void {
    member.sessionTimer?.cancel()
    member.awaitingJoin?.reject(reason)
    member.awaitingSync?.reject(reason)
    member.awaitingJoin = null
    member.awaitingSync = null
    group.members.delete(member.memberId)
    if (group.leaderId === member.memberId) group.leaderId = null
  }

  #restartSession(group: Group, member: GroupMember): void {
    member.sessionTimer?.cancel()
    member.sessionTimer = this.#clock.setTimer(member.sessionTimeoutMs, () => {
      // A member that waits for the coordinator cannot be late.
      if (member.awaitingJoin !== null || member.awaitingSync !== null) {
        this.#restartSession(group, member)
        return
      }
      this.#removeMember(
        group,
        member,
        new KafkaError('UNKNOWN_MEMBER_ID', `member ${member.memberId} timed out`),
      )
      this.#afterMemberLoss(group)
    })
  }

  // ---------------------------------------------------------------------------------------------- offsets

  /** `identity` null: a commit from outside the group, only while nobody is in it. */
  commitOffsets(groupId: string, offsets: readonly OffsetCommit[], identity: MemberIdentity | null): void {
    const group = this.#store.groupOf(groupId)
    this.#checkCommit(group, identity)
    this.#store.writeOffsets(group, this.#checkedOffsets(offsets), null)
  }

  /** As commitOffsets, but visible only once the transaction of this producer commits. */
  stageOffsets(
    producer: TransactionProducer,
    offsets: readonly OffsetCommit[],
    metadata: ConsumerGroupMetadata,
  ): void {
    const group = this.#store.groupOf(metadata.groupId)
    if (metadata.generationId >= 0 || metadata.memberId !== '') this.#checkedMember(group, metadata)
    this.#store.writeOffsets(group, this.#checkedOffsets(offsets), producer)
  }

  #checkCommit(group: Group, identity: MemberIdentity | null): void {
    if (identity === null) {
      if (group.members.size === 0) return
      throw new KafkaError(
        'UNKNOWN_MEMBER_ID',
        `group ${group.id} has members: only they may commit offsets; stop them or commit through the consumer`,
      )
    }
    const member = this.#checkedMember(group, identity)
    if (group.state === 'CompletingRebalance') {
      throw new KafkaError('REBALANCE_IN_PROGRESS', `group ${group.id} is rebalancing`)
    }
    this.#restartSession(group, member)
  }

  #checkedOffsets(offsets: readonly OffsetCommit[]): (TopicPartition & CommittedOffset)[] {
    const commitTimestamp = this.#clock.now()
    return offsets.map(({ topic, partition, offset, metadata = '' }) => {
      if (metadata.length > OFFSET_METADATA_MAX_BYTES) {
        throw new KafkaError(
          'OFFSET_METADATA_TOO_LARGE',
          `metadata of ${metadata.length} characters for ${topic}-${partition}; at most ${OFFSET_METADATA_MAX_BYTES}`,
        )
      }
      if (!Number.isSafeInteger(offset) || offset < 0) {
        throw new KafkaError(
          'OFFSET_OUT_OF_RANGE',
          `${offset} is no offset to commit for ${topic}-${partition}`,
        )
      }
      return { topic, partition, offset, metadata, commitTimestamp }
    })
  }

  /** Null: commits are acknowledged at once; else resolves when all of them so far are on stable storage. */
  settled(): Promise<void> | null {
    return this.#store.settled()
  }

  committed(groupId: string, partition: TopicPartition): CommittedOffset | null {
    return this.#store.groups.get(groupId)?.offsets.get(partition) ?? null
  }

  /** Whether an open transaction is about to change this offset (KIP-447): then it is not stable yet. */
  hasStagedOffset(groupId: string, partition: TopicPartition): boolean {
    const group = this.#store.groups.get(groupId)
    if (group === undefined) return false
    for (const table of group.stagedOffsets.values()) if (table.get(partition) !== undefined) return true
    return false
  }

  // ------------------------------------------------------------------------------------------------ admin

  groupIds(): string[] {
    return [...this.#store.groups.keys()].sort()
  }

  group(groupId: string): Group | undefined {
    return this.#store.groups.get(groupId)
  }

  deleteGroup(groupId: string): void {
    const group = this.#store.groups.get(groupId)
    if (group === undefined) throw new KafkaError('GROUP_ID_NOT_FOUND', `there is no group ${groupId}`)
    if (group.members.size > 0) {
      throw new KafkaError(
        'NON_EMPTY_GROUP',
        `group ${groupId} has ${group.members.size} members: stop them first`,
      )
    }
    this.#store.deleteGroup(group)
  }

  /** Forgets the offsets of a topic that was deleted: its successor begins anew. */
  dropTopicOffsets(topic: string): void {
    for (const group of this.#store.groups.values()) {
      this.#store.deleteOffsets(
        group,
        group.offsets.entries().filter((offset) => offset.topic === topic),
      )
    }
  }

  /** Ends all sessions and answers everybody who still waits. */
  close(reason: Error): void {
    for (const group of this.#store.groups.values()) {
      group.rebalanceTimer?.cancel()
      for (const member of [...group.members.values()]) this.#removeMember(group, member, reason)
      group.state = 'Dead'
    }
  }

  // ----------------------------------------------------------------------------------------------- checks

  #existingGroup(groupId: string): Group {
    const group = this.#store.groups.get(groupId)
    if (group === undefined) throw new KafkaError('UNKNOWN_MEMBER_ID', `group ${groupId} does not exist`)
    return group
  }

  #memberOf(group: Group, identity: { memberId: string; groupInstanceId?: string | null }): GroupMember {
    const member = group.members.get(identity.memberId)
    const instanceId = identity.groupInstanceId ?? null
    if (instanceId !== null) {
      const owner = group.staticMember(instanceId)
      if (owner !== undefined && owner.memberId !== identity.memberId) throw fenced(owner)
    }
    if (member === undefined) {
      throw new KafkaError(
        'UNKNOWN_MEMBER_ID',
        identity.memberId === ''
          ? `this consumer is not in group ${group.id} now: it polled too late, or not at all yet; poll to join`
          : `group ${group.id} has no member ${identity.memberId}: it timed out or left`,
      )
    }
    return member
  }

  #checkedMember(group: Group, identity: MemberIdentity): GroupMember {
    const member = this.#memberOf(group, identity)
    if (identity.generationId !== group.generation) {
      throw new KafkaError(
        'ILLEGAL_GENERATION',
        `generation ${identity.generationId} of group ${group.id} is over, it is at ${group.generation}: poll to join it`,
      )
    }
    return member
  }
}

function newMember(request: JoinRequest, memberId: string): GroupMember {
  return {
    memberId,
    groupInstanceId: request.groupInstanceId,
    clientId: request.clientId,
    sessionTimeoutMs: request.sessionTimeoutMs,
    rebalanceTimeoutMs: request.rebalanceTimeoutMs,
    protocols: request.protocols,
    assignment: new Uint8Array(0),
    awaitingJoin: null,
    awaitingSync: null,
    sessionTimer: null,
    onRebalance: request.onRebalance,
  }
}

function sameProtocols(a: readonly GroupProtocol[], b: readonly GroupProtocol[]): boolean {
  return (
    a.length === b.length &&
    a.every((p, i) => p.name === b[i]!.name && Buffer.compare(p.metadata, b[i]!.metadata) === 0)
  )
}

/** Whether two members subscribe the same topics under the protocol of the group. */
function wantsTheSame({ protocolType, protocolName }: Group, a: GroupMember, b: GroupMember): boolean {
  if (protocolType !== 'consumer') return sameProtocols(a.protocols, b.protocols)
  const topicsOf = ({ protocols }: GroupMember) => {
    const protocol = protocols.find(({ name }) => name === protocolName)
    return protocol === undefined ? null : decodeSubscription(protocol.metadata).topics.join()
  }
  return topicsOf(b) !== null && topicsOf(a) === topicsOf(b)
}

function fenced(owner: GroupMember): KafkaError {
  return new KafkaError(
    'FENCED_INSTANCE_ID',
    `group instance id ${owner.groupInstanceId} belongs to member ${owner.memberId} now: ` +
      'close this consumer, and give each one an id of its own',
  )
}

function formatUuid(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
