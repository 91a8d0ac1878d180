import type { Observable } from 'rxjs'
import type { Clock, Timer } from '../common/index.js'
import { nextEventLoopTurn } from '../common/index.js'
import { bytesSerde, type Serde } from '../serde/index.js'
import type { Broker } from './broker.js'
import { LogClosedError, NoOffsetForPartitionError } from './client-errors.js'
import {
  checkSeekOffset,
  commitsByItself,
  DEFAULT_POLL_MS,
  mixedSubscription,
  notAssigned,
  pollsAlready,
  readsNothing,
  requireGroup,
  requireGroupToSubscribe,
} from './consumer-options.js'
import { isKafkaError, KafkaError } from './errors.js'
import { Fetcher } from './fetcher.js'
import type { GroupCoordinator, MemberIdentity } from './group-coordinator.js'
import { GroupMembership } from './group-membership.js'
import type {
  Consumer,
  ConsumerGroupMetadata,
  ConsumerOptions,
  ConsumerRecord,
  FetchedBatch,
  OffsetCommit,
  OffsetReset,
  RebalanceListener,
  TopicPartition,
} from './log.js'
import type { Partition } from './partition.js'
import { iterateRecords, observeRecords, type PolledConsumer } from './record-iteration.js'
import { type PartitionState, SubscriptionState } from './subscription-state.js'
import { OFFSETS_TOPIC } from './topic-names.js'

export interface ConsumerContext {
  readonly clock: Clock
  readonly broker: Broker
  readonly groups: GroupCoordinator
  readonly onClose: (consumer: { close(): Promise<void> }) => void
}

/** A consumer that always finds data gives the event loop a turn this often. */
const SLICE_MS = 10
const COMMIT_REFUSALS = [
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'REBALANCE_IN_PROGRESS',
  'FENCED_INSTANCE_ID',
] as const

/**
 * A consumer of the embedded log. Nothing is fetched ahead and nothing is polled for: `poll` reads from the log,
 * and where there is nothing it sleeps until an append, a rebalance, a wakeup or its timeout.
 */
export class EmbeddedConsumer<K, V> implements Consumer<K, V>, PolledConsumer<K, V> {
  readonly #context: ConsumerContext
  readonly #options: ConsumerOptions<K, V>
  readonly #clientId: string
  readonly #subscription = new SubscriptionState()
  readonly #fetcher: Fetcher<K, V>
  readonly #autoCommit: boolean
  #membership: GroupMembership | null = null
  #nextAutoCommitMs = 0
  #resume: (() => void) | null = null
  #woken = false
  #wakeupRequested = false
  #polling = false
  #closed = false
  #lastTurnMs = 0
  #lingerUntilMs: number | null = null
  /** A partition has no position yet because its committed offset is not stable. */
  #awaitsOffsets = false

  constructor(context: ConsumerContext, options: ConsumerOptions<K, V>) {
    this.#context = context
    this.#options = options
    this.#clientId = options.clientId ?? 'consumer'
    this.#autoCommit = commitsByItself(options)
    this.#fetcher = new Fetcher({
      broker: context.broker,
      subscription: this.#subscription,
      readCommitted: options.isolationLevel === 'read_committed',
      maxPartitionFetchBytes: options.maxPartitionFetchBytes ?? 1024 * 1024,
      maxPollRecords: options.maxPollRecords ?? 500,
      keySerde: options.keySerde ?? (bytesSerde as unknown as Serde<K>),
      valueSerde: options.valueSerde ?? (bytesSerde as unknown as Serde<V>),
      onOutOfRange: (state) => this.#resetOutOfRange(state),
    })
  }

  // ----------------------------------------------------------------------------------------- subscription

  subscribe(topics: readonly string[] | RegExp, listener: RebalanceListener = {}): void {
    this.#checkOpen()
    const groupId = requireGroupToSubscribe(this.#options)
    if (this.#subscription.kind.kind === 'assigned') throw mixedSubscription()
    this.#subscription.kind =
      topics instanceof RegExp
        ? { kind: 'pattern', pattern: topics, listener }
        : { kind: 'topics', topics: [...topics], listener }
    if (this.#membership === null) this.#membership = this.#newMembership(groupId)
    else this.#membership.requestRejoin()
    this.#wake()
  }

  #newMembership(groupId: string): GroupMembership {
    const options = this.#options
    const { clock, groups, broker } = this.#context
    return new GroupMembership({
      clock,
      coordinator: groups,
      topics: broker,
      subscription: this.#subscription,
      groupId,
      groupInstanceId: options.groupInstanceId ?? null,
      clientId: this.#clientId,
      assignors: options.assignors ?? ['range', 'cooperative-sticky'],
      sessionTimeoutMs: options.sessionTimeoutMs ?? 45_000,
      heartbeatIntervalMs: options.heartbeatIntervalMs ?? 3_000,
      maxPollIntervalMs: options.maxPollIntervalMs ?? 300_000,
      beforeRevoke: async () => this.#autoCommitNow(),
      wake: () => this.#wake(),
    })
  }

  assign(partitions: readonly TopicPartition[]): void {
    this.#checkOpen()
    const { kind } = this.#subscription.kind
    if (kind === 'topics' || kind === 'pattern') throw mixedSubscription()
    // Kafka's: what was read so far is committed before it is given up.
    this.#autoCommitNow()
    this.#subscription.kind = { kind: 'assigned' }
    this.#subscription.replace(partitions)
    this.#wake()
  }

  assignment(): readonly TopicPartition[] {
    return this.#subscription.assignment()
  }

  // ----------------------------------------------------------------------------------------------- reading

  poll(timeoutMs: number = DEFAULT_POLL_MS): Promise<readonly ConsumerRecord<K, V>[]> {
    return this.#pollWith(timeoutMs, this.#takeRecords)
  }

  pollBatches(timeoutMs: number = DEFAULT_POLL_MS): Promise<readonly FetchedBatch[]> {
    return this.#pollWith(timeoutMs, this.#takeBatches)
  }

  readonly #takeRecords = () => this.#fetcher.takeRecords()
  readonly #takeBatches = () => this.#fetcher.takeBatches()

  async #pollWith<T>(timeoutMs: number, take: () => readonly T[]): Promise<readonly T[]> {
    this.#checkOpen()
    if (this.#polling) throw pollsAlready()
    if (this.#subscription.kind.kind === 'none') throw readsNothing()
    this.#polling = true
    this.#membership?.pollStarts()
    try {
      return await this.#pollUntil(this.#context.clock.now() + timeoutMs, take)
    } finally {
      this.#polling = false
      this.#membership?.pollEnds()
    }
  }

  async #pollUntil<T>(deadlineMs: number, take: () => readonly T[]): Promise<readonly T[]> {
    const { clock } = this.#context
    for (let lastLook = false; ; ) {
      if (this.#membership !== null && !this.#membership.isStable) await this.#membership.advance()
      this.#checkOpen()
      this.#commitWhenDue()
      let waitMs = deadlineMs - clock.now()
      // While others have yet to join, a cooperative member reads on from what it has; an eager one has nothing (KIP-429).
      const reads = this.#membership?.awaitsAssignment !== true
      if (reads) this.#findPositions()
      const lingerMs = reads ? this.#lingerMs() : 0
      const taken = reads && lingerMs === 0 ? take() : []
      if (taken.length > 0) {
        const now = clock.now()
        if (now - this.#lastTurnMs >= SLICE_MS) {
          await nextEventLoopTurn()
          this.#lastTurnMs = clock.now()
        }
        return taken
      }
      if (lingerMs > 0) waitMs = Math.min(waitMs, lingerMs)
      if (this.#wakeupRequested) {
        this.#wakeupRequested = false
        return []
      }
      if (lastLook) return []
      // Also a poll without time lets others run, among them a coordinator that has its answer ready.
      if (waitMs <= 0) {
        lastLook = true
        await nextEventLoopTurn()
      } else await this.#sleep(waitMs)
      this.#lastTurnMs = clock.now()
    }
  }

  /** How long to wait yet for `fetchMinBytes` to come together; 0: take what is there. */
  #lingerMs(): number {
    const { fetchMinBytes = 1, fetchMaxWaitMs = 500 } = this.#options
    if (fetchMinBytes <= 1) return 0
    const now = this.#context.clock.now()
    const available = this.#fetcher.availableBytes(fetchMinBytes)
    if (available === 0 || available >= fetchMinBytes) {
      this.#lingerUntilMs = null
      return 0
    }
    this.#lingerUntilMs ??= now + fetchMaxWaitMs
    if (now < this.#lingerUntilMs) return this.#lingerUntilMs - now
    this.#lingerUntilMs = null
    return 0
  }

  /** Until somebody calls `#wake`: an append to a partition that is read, the coordinator, the user, the clock. */
  #sleep(ms: number): Promise<void> {
    if (this.#woken) {
      this.#woken = false
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      let timer: Timer | null = null
      const stopWaiting = this.#fetcher.waitForData(this.#wake)
      const stopAwaiting = this.#awaitsOffsets ? this.#offsetsPartition().onGrowth(this.#wake) : null
      const stopWatching =
        this.#membership === null ? null : this.#context.broker.onMetadataChange(this.#wake)
      this.#resume = () => {
        this.#resume = null
        this.#woken = false
        timer?.cancel()
        stopWaiting()
        stopAwaiting?.()
        stopWatching?.()
        resolve()
      }
      if (Number.isFinite(ms)) timer = this.#context.clock.setTimer(this.#sleepMs(ms), this.#wake, true)
    })
  }

  /** Auto-commit is part of poll, also of one that waits. */
  #sleepMs(ms: number): number {
    if (!this.#autoCommit) return ms
    return Math.max(0, Math.min(ms, this.#nextAutoCommitMs - this.#context.clock.now()))
  }

  readonly #wake = (): void => {
    this.#woken = true
    this.#resume?.()
  }

  wakeup(): void {
    this.#wakeupRequested = true
    this.#wake()
  }

  [Symbol.asyncIterator](): AsyncIterator<ConsumerRecord<K, V>> {
    return iterateRecords(this)
  }

  records(): Observable<ConsumerRecord<K, V>> {
    return observeRecords(this)
  }

  get closed(): boolean {
    return this.#closed
  }

  get polling(): boolean {
    return this.#polling
  }

  isAssigned(partition: TopicPartition): boolean {
    return this.#subscription.get(partition) !== undefined
  }

  // --------------------------------------------------------------------------------------------- positions

  /** Gives every partition without a position one: a requested reset, the committed offset, or the policy. */
  #findPositions(): void {
    this.#awaitsOffsets = false
    for (const state of this.#subscription.list) {
      if (state.position >= 0) continue
      if (state.reset === null && this.#isUnstable(state)) {
        this.#awaitsOffsets = true
        continue
      }
      const committed = state.reset === null ? this.#committedOffset(state) : null
      this.#fetcher.moveTo(state, committed ?? this.#resetOffset(state))
    }
  }

  /** An open transaction is about to change the committed offset: read_committed waits for its end (KIP-447). */
  #isUnstable(partition: TopicPartition): boolean {
    const { groupId, isolationLevel } = this.#options
    if (groupId === undefined || isolationLevel !== 'read_committed') return false
    return this.#context.groups.hasStagedOffset(groupId, partition)
  }

  #committedOffset(partition: TopicPartition): number | null {
    const { groupId } = this.#options
    if (groupId === undefined) return null
    return this.#context.groups.committed(groupId, partition)?.offset ?? null
  }

  #resetOffset(state: PartitionState): number {
    const policy = state.reset ?? this.#options.autoOffsetReset ?? 'latest'
    if (policy === 'none') throw new NoOffsetForPartitionError(state)
    state.reset = null
    return policy === 'earliest' ? this.#beginning(state) : this.#end(state)
  }

  #resetOutOfRange(state: PartitionState): number {
    const policy = this.#options.autoOffsetReset ?? 'latest'
    if (policy === 'none') {
      const [start, end] = [this.#beginning(state), this.#end(state)]
      throw new KafkaError(
        'OFFSET_OUT_OF_RANGE',
        `${state.topic}-${state.partition}: position ${state.position} is outside [${start}, ${end}], ` +
          "and autoOffsetReset is 'none'; seek to where reading shall go on",
      )
    }
    return this.#resetOffset(state)
  }

  #beginning({ topic, partition }: TopicPartition): number {
    return this.#context.broker.partition(topic, partition).log.logStartOffset
  }

  #end({ topic, partition }: TopicPartition): number {
    const { isolationLevel = 'read_uncommitted' } = this.#options
    return this.#context.broker.partition(topic, partition).endOffset(isolationLevel)
  }

  #assigned(partition: TopicPartition): PartitionState {
    const state = this.#subscription.get(partition)
    if (state === undefined) throw notAssigned(partition)
    return state
  }

  seek(partition: TopicPartition, offset: number): void {
    checkSeekOffset(offset)
    this.#fetcher.moveTo(this.#assigned(partition), offset)
    this.#wake()
  }

  seekToBeginning(partitions: readonly TopicPartition[] = this.assignment()): void {
    this.#requestReset(partitions, 'earliest')
  }

  seekToEnd(partitions: readonly TopicPartition[] = this.assignment()): void {
    this.#requestReset(partitions, 'latest')
  }

  #requestReset(partitions: readonly TopicPartition[], reset: OffsetReset): void {
    for (const partition of partitions) {
      const state = this.#assigned(partition)
      this.#fetcher.forgetPosition(state)
      state.reset = reset
    }
    this.#wake()
  }

  async position(partition: TopicPartition): Promise<number> {
    this.#checkOpen()
    this.#assigned(partition)
    for (;;) {
      this.#findPositions()
      const { position } = this.#assigned(partition)
      if (position >= 0) return position
      await this.#offsetsGrowth()
    }
  }

  /** Resolves when a transaction that staged offsets may have ended. */
  #offsetsGrowth(): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.#offsetsPartition().onGrowth(() => {
        stop()
        resolve()
      })
    })
  }

  /** It grows when a transaction that staged offsets ends. */
  #offsetsPartition(): Partition {
    return this.#context.broker.internalPartition(OFFSETS_TOPIC)
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#assigned(partition).paused = true
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#assigned(partition).paused = false
    this.#wake()
  }

  async beginningOffsets(partitions: readonly TopicPartition[]): Promise<number[]> {
    return partitions.map((partition) => this.#beginning(partition))
  }

  async endOffsets(partitions: readonly TopicPartition[]): Promise<number[]> {
    return partitions.map((partition) => this.#end(partition))
  }

  currentLag(partition: TopicPartition): number | null {
    const { position } = this.#assigned(partition)
    return position < 0 ? null : Math.max(0, this.#end(partition) - position)
  }

  async offsetsForTimes(
    times: readonly { partition: TopicPartition; timestamp: number }[],
  ): Promise<({ offset: number; timestamp: number } | null)[]> {
    return times.map(({ partition: { topic, partition }, timestamp }) =>
      this.#context.broker.partition(topic, partition).offsetForTimestamp(timestamp),
    )
  }

  // ----------------------------------------------------------------------------------------------- commits

  async commit(offsets?: readonly OffsetCommit[]): Promise<void> {
    this.#checkOpen()
    const groupId = requireGroup(this.#options)
    if (offsets === undefined) this.#commitPositions()
    else this.#context.groups.commitOffsets(groupId, offsets, this.#identity(groupId))
    const settled = this.#context.groups.settled()
    if (settled !== null) await settled
  }

  #commitPositions(): void {
    const groupId = requireGroup(this.#options)
    const offsets: OffsetCommit[] = []
    for (const state of this.#subscription.list) {
      if (state.position < 0 || state.position === state.committed) continue
      offsets.push({ topic: state.topic, partition: state.partition, offset: state.position })
    }
    if (offsets.length === 0) return
    this.#context.groups.commitOffsets(groupId, offsets, this.#identity(groupId))
    for (const offset of offsets) this.#subscription.get(offset)!.committed = offset.offset
  }

  #commitWhenDue(): void {
    if (!this.#autoCommit) return
    const now = this.#context.clock.now()
    if (now < this.#nextAutoCommitMs) return
    const first = this.#nextAutoCommitMs === 0
    this.#nextAutoCommitMs = now + (this.#options.autoCommitIntervalMs ?? 5_000)
    if (!first) this.#autoCommitNow()
  }

  /** A member that lost its place cannot commit; whoever has the partitions now goes on from the last commit. */
  #autoCommitNow(): void {
    if (!this.#autoCommit) return
    try {
      this.#commitPositions()
    } catch (error) {
      if (!COMMIT_REFUSALS.some((code) => isKafkaError(error, code))) throw error
    }
  }

  /** Null: this consumer assigns itself, and commits from outside of the group. */
  #identity(groupId: string): MemberIdentity | null {
    const membership = this.#membership
    if (membership === null) return null
    const { generationId, memberId } = membership
    return { groupId, generationId, memberId, groupInstanceId: this.#options.groupInstanceId ?? null }
  }

  async committed(partitions: readonly TopicPartition[]): Promise<(OffsetCommit | null)[]> {
    const groupId = requireGroup(this.#options)
    while (partitions.some((partition) => this.#isUnstable(partition))) await this.#offsetsGrowth()
    return partitions.map(({ topic, partition }) => {
      const found = this.#context.groups.committed(groupId, { topic, partition })
      return found === null ? null : { topic, partition, offset: found.offset, metadata: found.metadata }
    })
  }

  groupMetadata(): ConsumerGroupMetadata {
    const { groupInstanceId } = this.#options
    return {
      groupId: requireGroup(this.#options),
      generationId: this.#membership?.generationId ?? -1,
      memberId: this.#membership?.memberId ?? '',
      ...(groupInstanceId === undefined ? {} : { groupInstanceId }),
    }
  }

  enforceRebalance(): void {
    this.#checkOpen()
    this.#membership?.requestRejoin()
    this.#wake()
  }

  // ------------------------------------------------------------------------------------------------- close

  async close(): Promise<void> {
    if (this.#closed) return
    try {
      this.#autoCommitNow()
      await this.#membership?.leave()
    } finally {
      this.#closed = true
      this.#subscription.replace([])
      this.#wake()
      this.#context.onClose(this)
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new LogClosedError('this consumer is closed')
  }
}
