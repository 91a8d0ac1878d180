import type { Clock, Timer } from '../common/index.js'
import { type PartitionCounts, partitionAssignor } from './assignors.js'
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from './consumer-protocol.js'
import { isKafkaError, KafkaError } from './errors.js'
import type { JoinResponse } from './group.js'
import type { GroupCoordinator } from './group-coordinator.js'
import type {
  AssignorName,
  ConsumerPartitionAssignor,
  MemberAssignment,
  RebalanceListener,
  TopicPartition,
} from './log.js'
import { type SubscriptionState, without } from './subscription-state.js'

/** What a member needs to know of the topics. */
export interface TopicMetadata {
  /** Grows whenever topics appear, vanish or get more partitions. */
  readonly metadataVersion: number
  topicNames(): string[]
  /** Undefined: there is no such topic. */
  partitionCount(topic: string): number | undefined
}

export interface GroupMembershipOptions {
  readonly clock: Clock
  readonly coordinator: GroupCoordinator
  readonly topics: TopicMetadata
  readonly subscription: SubscriptionState
  readonly groupId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly assignors: readonly (AssignorName | ConsumerPartitionAssignor)[]
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly maxPollIntervalMs: number
  /** Called before partitions are given away: the last chance to commit. */
  readonly beforeRevoke: () => Promise<void>
  /** Something changed that `advance` shall look at. */
  readonly wake: () => void
}

type UserData = Uint8Array | null

type Round =
  | { readonly assignment: MemberAssignment; readonly assignor: ConsumerPartitionAssignor }
  | { readonly error: unknown }

/**
 * The member's side of the classic group protocol: joins, leads when it must, and carries the assignment into
 * the SubscriptionState. Everything that calls the user happens inside `advance`, that is, inside `poll`.
 *
 *   rejoinNeeded ──advance──▶ (eager: revoke all) join ▶ sync ──advance──▶ revoke, assign ──▶ stable
 *        ▲                                                                                       │
 *        └──────── heartbeat or coordinator says: rebalancing, fenced; topics changed ───────────┘
 */
export class GroupMembership {
  memberId = ''
  generationId = -1
  /** The group has met, and what this member owns in the new generation is on its way: nothing is read until it is here. */
  awaitsAssignment = false
  readonly #options: GroupMembershipOptions
  readonly #candidates: readonly ConsumerPartitionAssignor[]
  readonly #cooperative: boolean
  #rejoinNeeded = true
  /** Told by the coordinator that the member is out: its partitions may have a new owner already. */
  #lost = false
  /** Another member took over the group instance id: this one must not join again, or the two would fight for it. */
  #fenced: unknown = null
  #joining = false
  /** For good: the consumer is closed. */
  #left = false
  #round: Round | null = null
  /** Counts the times the member lost its place: a round that began before is over, whatever it brings. */
  #life = 0
  #heartbeatTimer: Timer | null = null
  #lastPollMs: number
  #polling = false
  /** A listener of the user is at work, which does not count as polling however long it takes. */
  #calling = false
  #seenMetadataVersion = -1
  /** What this member told the group it wants. */
  #joinedTopics: readonly string[] = []
  /** What the leader based its assignment on; empty for followers. */
  #assignedCounts: PartitionCounts = new Map()

  constructor(options: GroupMembershipOptions) {
    this.#options = options
    this.#candidates = options.assignors.map(partitionAssignor)
    // A mixed list speaks the eager protocol, so that a group can move from one to the other (KIP-429).
    this.#cooperative = this.#candidates.every(({ protocol }) => protocol === 'cooperative')
    this.#lastPollMs = options.clock.now()
  }

  /** Whether `advance` has nothing to do: the cheap question of every poll. */
  get isStable(): boolean {
    return (
      !this.#rejoinNeeded &&
      !this.#lost &&
      this.#fenced === null &&
      !this.#joining &&
      this.#round === null &&
      this.#seenMetadataVersion === this.#options.topics.metadataVersion
    )
  }

  pollStarts(): void {
    this.#polling = true
  }

  pollEnds(): void {
    this.#polling = false
    this.#lastPollMs = this.#options.clock.now()
  }

  requestRejoin(): void {
    this.#rejoinNeeded = true
  }

  /** Goes on as far as it can without waiting; false: the coordinator has yet to answer, `wake` will follow. */
  async advance(): Promise<boolean> {
    for (;;) {
      if (this.#lost) await this.#giveUpLost()
      if (this.#fenced !== null) throw this.#fenced
      if (this.#joining || this.#left) return false
      if (this.#round !== null) {
        const round = this.#round
        this.#round = null
        if ('error' in round) this.#afterFailure(round.error)
        else await this.#takeOver(round.assignment, round.assignor)
        continue
      }
      this.#lookForTopicChanges()
      if (!this.#rejoinNeeded) return true
      if (!this.#cooperative) await this.#revoke(this.#options.subscription.assignment())
      this.#startRound()
    }
  }

  /** A static member, which may be back soon, stays in the group until its session ends. */
  async leave(): Promise<void> {
    this.#left = true
    const owned = this.#options.subscription.assignment()
    this.#heartbeatTimer?.cancel()
    this.#heartbeatTimer = null
    if (this.memberId !== '' && this.#options.groupInstanceId === null) {
      this.#options.coordinator.leave(this.#options.groupId, this.memberId)
    }
    this.memberId = ''
    this.generationId = -1
    this.#rejoinNeeded = true
    this.#options.subscription.replace([])
    if (owned.length > 0) await this.#listener()?.onPartitionsRevoked?.(owned)
  }

  // --------------------------------------------------------------------------------------- one join round

  #startRound(): void {
    this.#joining = true
    this.#rejoinNeeded = false
    const life = this.#life
    this.#joinAndSync()
      .then(
        (round) => round,
        (error: unknown): Round => ({ error }),
      )
      .then((round) => {
        this.#joining = false
        this.awaitsAssignment = false
        if (life === this.#life) this.#round = round
        this.#options.wake()
      })
  }

  async #joinAndSync(): Promise<Round> {
    const { coordinator, groupId, groupInstanceId, subscription } = this.#options
    this.#joinedTopics = this.#subscribedTopics()
    const data = this.#userData(this.#joinedTopics)
    // Without a wait where there is none to be: nothing shall be read between the decision to join and the join.
    const userData = data instanceof Promise ? await data : data
    const claim = {
      topics: this.#joinedTopics,
      ownedPartitions: subscription.assignment(),
      generationId: this.generationId,
    }
    const join = await coordinator.join({
      groupId,
      memberId: this.memberId,
      groupInstanceId,
      clientId: this.#options.clientId,
      protocolType: 'consumer',
      protocols: this.#candidates.map(({ name }, i) => ({
        name,
        metadata: encodeSubscription({ ...claim, userData: userData[i]! }),
      })),
      sessionTimeoutMs: this.#options.sessionTimeoutMs,
      rebalanceTimeoutMs: this.#options.maxPollIntervalMs,
      onRebalance: () => {
        this.#rejoinNeeded = true
        this.#options.wake()
      },
      onMemberId: (memberId) => {
        this.memberId = memberId
      },
    })
    this.memberId = join.memberId
    this.generationId = join.generationId
    this.awaitsAssignment = true
    this.#scheduleHeartbeat()
    const identity = { groupId, generationId: join.generationId, memberId: join.memberId, groupInstanceId }
    const assignor = this.#candidates.find((candidate) => candidate.name === join.protocolName)!
    const assignments =
      join.leaderId === join.memberId ? await this.#assignAll(join, assignor) : this.#follow()
    const assignment = await coordinator.sync(identity, assignments, this.#assignedCounts)
    return { assignment: decodeAssignment(assignment), assignor }
  }

  /** Of each assignor, to go with the join. */
  #userData(topics: readonly string[]): UserData[] | Promise<UserData[]> {
    const data = this.#candidates.map((assignor) => assignor.subscriptionUserData?.(topics) ?? null)
    const here = data.filter((one): one is UserData => !(one instanceof Promise))
    return here.length === data.length ? here : this.#awaitUserData(data)
  }

  /** Throws REBALANCE_IN_PROGRESS when the member lost its place, or left, meanwhile. */
  async #awaitUserData(data: readonly (UserData | Promise<UserData>)[]): Promise<UserData[]> {
    const life = this.#life
    const found = await Promise.all(data)
    if (this.#left || life !== this.#life) throw new KafkaError('REBALANCE_IN_PROGRESS')
    return found
  }

  #follow(): Map<string, Uint8Array> {
    this.#assignedCounts = new Map()
    return new Map()
  }

  async #assignAll(
    join: JoinResponse,
    assignor: ConsumerPartitionAssignor,
  ): Promise<Map<string, Uint8Array>> {
    const members = join.members.map(({ memberId, groupInstanceId, metadata }) => ({
      memberId,
      groupInstanceId,
      ...decodeSubscription(metadata),
    }))
    const counts = new Map<string, number>()
    for (const topic of members.flatMap((m) => m.topics)) {
      counts.set(topic, this.#options.topics.partitionCount(topic) ?? 0)
    }
    this.#assignedCounts = join.assignedCounts ?? counts
    // A leader that was restarted may have missed that topics grew.
    if (join.assignedCounts !== null) this.#seenMetadataVersion = -1
    const assignments = new Map<string, Uint8Array>()
    for (const [memberId, assignment] of await assignor.assign(members, counts)) {
      assignments.set(memberId, encodeAssignment(assignment))
    }
    return assignments
  }

  #afterFailure(error: unknown): void {
    this.#rejoinNeeded = true
    if (isKafkaError(error, 'FENCED_INSTANCE_ID')) {
      this.#fence(error)
      return
    }
    if (isKafkaError(error, 'REBALANCE_IN_PROGRESS')) return
    if (isKafkaError(error, 'UNKNOWN_MEMBER_ID') || isKafkaError(error, 'ILLEGAL_GENERATION')) {
      this.#forgetMember()
      return
    }
    throw error
  }

  /** Where the group, not the assignment, decides: cooperative members keep what they still have. */
  async #takeOver(assignment: MemberAssignment, assignor: ConsumerPartitionAssignor): Promise<void> {
    const { subscription, groupId } = this.#options
    const assigned = assignment.partitions
    const owned = subscription.assignment()
    const revoked = without(owned, assigned)
    if (revoked.length > 0) {
      await this.#revoke(revoked)
      // Somebody waits for what was just given away.
      this.#rejoinNeeded = true
    }
    const added = without(assigned, owned)
    subscription.replace(assigned)
    assignor.onAssignment?.(assignment, {
      groupId,
      generationId: this.generationId,
      memberId: this.memberId,
    })
    await this.#call(() => this.#listener()?.onPartitionsAssigned?.(added))
  }

  async #revoke(partitions: readonly TopicPartition[]): Promise<void> {
    if (partitions.length === 0) return
    const { subscription } = this.#options
    await this.#options.beforeRevoke()
    try {
      await this.#call(() => this.#listener()?.onPartitionsRevoked?.(partitions))
    } finally {
      subscription.replace(without(subscription.assignment(), partitions))
    }
  }

  async #giveUpLost(): Promise<void> {
    this.#lost = false
    const { subscription } = this.#options
    const owned = subscription.assignment()
    subscription.replace([])
    if (owned.length === 0) return
    const listener = this.#listener()
    // As in Kafka, a listener that does not tell lost from revoked hears of a revocation.
    await this.#call(() =>
      listener?.onPartitionsLost === undefined
        ? listener?.onPartitionsRevoked?.(owned)
        : listener.onPartitionsLost(owned),
    )
  }

  async #call(listener: () => void | Promise<void>): Promise<void> {
    const { clock } = this.#options
    this.#lastPollMs = clock.now()
    this.#calling = true
    try {
      await listener()
    } finally {
      this.#calling = false
      this.#lastPollMs = clock.now()
    }
  }

  #fence(error: unknown): void {
    this.#fenced = error
    this.#forgetMember()
  }

  #forgetMember(): void {
    this.#life++
    this.#round = null
    this.memberId = ''
    this.generationId = -1
    this.#rejoinNeeded = true
    this.#lost = true
    this.#heartbeatTimer?.cancel()
    this.#heartbeatTimer = null
  }

  // -------------------------------------------------------------------------------------------- heartbeats

  #scheduleHeartbeat(): void {
    this.#heartbeatTimer?.cancel()
    this.#heartbeatTimer = this.#options.clock.setTimer(this.#options.heartbeatIntervalMs, () =>
      this.#heartbeat(),
    )
  }

  #heartbeat(): void {
    const { clock, coordinator, groupId, groupInstanceId, maxPollIntervalMs } = this.#options
    if ((!this.#polling || this.#calling) && clock.now() - this.#lastPollMs > maxPollIntervalMs) {
      // A static member keeps its place until its session ends (KIP-345).
      if (groupInstanceId === null) coordinator.leave(groupId, this.memberId)
      this.#forgetMember()
      return
    }
    this.#scheduleHeartbeat()
    try {
      coordinator.heartbeat({
        groupId,
        generationId: this.generationId,
        memberId: this.memberId,
        groupInstanceId,
      })
    } catch (error) {
      if (isKafkaError(error, 'FENCED_INSTANCE_ID')) this.#fence(error)
      // A round under way brings its own answer: to join once more would begin the next rebalance, without end.
      else if (this.#joining) return
      else if (isKafkaError(error, 'REBALANCE_IN_PROGRESS')) this.#rejoinNeeded = true
      else this.#forgetMember()
      this.#options.wake()
    }
  }

  // ---------------------------------------------------------------------------------------------- topics

  #listener(): RebalanceListener | undefined {
    const { kind } = this.#options.subscription
    return kind.kind === 'topics' || kind.kind === 'pattern' ? kind.listener : undefined
  }

  #subscribedTopics(): string[] {
    const { kind } = this.#options.subscription
    if (kind.kind === 'topics') return [...kind.topics]
    if (kind.kind !== 'pattern') return []
    const { pattern } = kind
    return this.#options.topics.topicNames().filter((topic) => {
      pattern.lastIndex = 0
      return pattern.test(topic)
    })
  }

  /** A pattern that matches other topics, or, for the leader, other partition counts: join again. */
  #lookForTopicChanges(): void {
    const { topics } = this.#options
    if (this.#seenMetadataVersion === topics.metadataVersion) return
    this.#seenMetadataVersion = topics.metadataVersion
    if (this.#subscribedTopics().join() !== this.#joinedTopics.join()) this.#rejoinNeeded = true
    for (const [topic, count] of this.#assignedCounts) {
      if ((topics.partitionCount(topic) ?? 0) !== count) this.#rejoinNeeded = true
    }
  }
}
