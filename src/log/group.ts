import type { Timer } from '../common/index.js'
import type { PartitionCounts } from './assignors.js'
import type { GroupDescription, TopicPartition } from './log.js'

/*
 * The state of one consumer group under the classic protocol.
 *
 *          first join                 all joined               leader's assignment
 *   Empty ───────────▶ PreparingRebalance ──────▶ CompletingRebalance ──────▶ Stable
 *     ▲                    ▲    │ nobody left            │ join, leave           │ join, leave, expiry
 *     └────────────────────┼────┘                        │                       │
 *                          └─────────────────────────────┴───────────────────────┘
 *
 * Invariants: every member waiting in `awaitingJoin` belongs to a group in PreparingRebalance, every one in
 * `awaitingSync` to a group in CompletingRebalance; `leaderId` is a member, or null while there is none.
 */

export interface GroupProtocol {
  readonly name: string
  readonly metadata: Uint8Array
}

export interface JoinResponse {
  readonly generationId: number
  readonly protocolName: string
  readonly leaderId: string
  readonly memberId: string
  /**
   * For a member that takes its place without a rebalance: the partition counts that the assignment in force is based
   * on. Null: a new assignment is due.
   */
  readonly assignedCounts: PartitionCounts | null
  /** Only for the leader: what each member subscribed. */
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly metadata: Uint8Array
  }[]
}

export interface Reply<T> {
  resolve(value: T): void
  reject(error: Error): void
}

export interface GroupMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  protocols: readonly GroupProtocol[]
  assignment: Uint8Array
  awaitingJoin: Reply<JoinResponse> | null
  awaitingSync: Reply<Uint8Array> | null
  sessionTimer: Timer | null
  /** Tells a member of this process at once what others learn from their next heartbeat. */
  onRebalance: (() => void) | null
}

export interface CommittedOffset {
  readonly offset: number
  readonly metadata: string
  readonly commitTimestamp: number
}

/** Offsets by topic and partition. */
export class OffsetTable {
  readonly #byTopic = new Map<string, Map<number, CommittedOffset>>()

  get({ topic, partition }: TopicPartition): CommittedOffset | undefined {
    return this.#byTopic.get(topic)?.get(partition)
  }

  set({ topic, partition }: TopicPartition, offset: CommittedOffset): void {
    const partitions = this.#byTopic.get(topic)
    if (partitions === undefined) this.#byTopic.set(topic, new Map([[partition, offset]]))
    else partitions.set(partition, offset)
  }

  delete({ topic, partition }: TopicPartition): void {
    const partitions = this.#byTopic.get(topic)
    partitions?.delete(partition)
    if (partitions?.size === 0) this.#byTopic.delete(topic)
  }

  entries(): (TopicPartition & CommittedOffset)[] {
    const entries: (TopicPartition & CommittedOffset)[] = []
    for (const [topic, partitions] of this.#byTopic) {
      for (const [partition, offset] of partitions) entries.push({ topic, partition, ...offset })
    }
    return entries
  }

  get isEmpty(): boolean {
    return this.#byTopic.size === 0
  }
}

export class Group {
  readonly id: string
  state: GroupDescription['state'] = 'Empty'
  generation = 0
  protocolType: string | null = null
  protocolName: string | null = null
  leaderId: string | null = null
  /** What the leader made its assignment of. */
  assignedCounts: PartitionCounts = new Map()
  rebalanceTimer: Timer | null = null
  /** In the first rebalance of an empty group, while it waits for more members (`initialRebalanceDelayMs`). */
  gathering = false
  /** In order of joining. */
  readonly members = new Map<string, GroupMember>()
  readonly offsets = new OffsetTable()
  /** Offsets of open transactions by producer id, applied when they commit. */
  readonly stagedOffsets = new Map<number, OffsetTable>()

  constructor(id: string) {
    this.id = id
  }

  /** The offsets staged by the open transaction of this producer. */
  stagedBy(producerId: number): OffsetTable {
    let table = this.stagedOffsets.get(producerId)
    if (table === undefined) {
      table = new OffsetTable()
      this.stagedOffsets.set(producerId, table)
    }
    return table
  }

  /** Undefined: there is none; nobody has the id null. */
  staticMember(groupInstanceId: string | null): GroupMember | undefined {
    if (groupInstanceId === null) return undefined
    for (const member of this.members.values()) if (member.groupInstanceId === groupInstanceId) return member
    return undefined
  }

  get allJoined(): boolean {
    for (const member of this.members.values()) if (member.awaitingJoin === null) return false
    return true
  }

  get longestRebalanceTimeoutMs(): number {
    let longest = 0
    for (const member of this.members.values()) longest = Math.max(longest, member.rebalanceTimeoutMs)
    return longest
  }

  /** Whether somebody with these protocols could take part beside all the others. */
  supports(protocolType: string, protocols: readonly GroupProtocol[], except: string): boolean {
    if (protocols.length === 0) return false
    const others = [...this.members.values()].filter((m) => m.memberId !== except)
    if (others.length === 0) return true
    if (this.protocolType !== protocolType) return false
    return protocols.some((p) => others.every((m) => m.protocols.some((q) => q.name === p.name)))
  }

  /** The protocol most members prefer among those that all of them know. */
  chooseProtocol(): string {
    const members = [...this.members.values()]
    const common = members[0]!.protocols
      .map((p) => p.name)
      .filter((name) => members.every((m) => m.protocols.some((p) => p.name === name)))
    const votes = new Map<string, number>(common.map((name) => [name, 0]))
    for (const member of members) {
      const favourite = member.protocols.find((p) => votes.has(p.name))
      if (favourite !== undefined) votes.set(favourite.name, votes.get(favourite.name)! + 1)
    }
    return common.reduce((best, name) => (votes.get(name)! > votes.get(best)! ? name : best))
  }

  joinResponse(member: GroupMember): JoinResponse {
    const metadataOf = (m: GroupMember) => m.protocols.find((p) => p.name === this.protocolName)!.metadata
    return {
      generationId: this.generation,
      protocolName: this.protocolName!,
      leaderId: this.leaderId!,
      memberId: member.memberId,
      assignedCounts: this.state === 'Stable' ? this.assignedCounts : null,
      members:
        member.memberId === this.leaderId
          ? [...this.members.values()].map((m) => ({
              memberId: m.memberId,
              groupInstanceId: m.groupInstanceId,
              metadata: metadataOf(m),
            }))
          : [],
    }
  }
}
