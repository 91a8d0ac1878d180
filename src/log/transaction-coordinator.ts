import type { Clock, Timer } from '../common/index.js'
import type { Broker } from './broker.js'
import type { CoordinatorLog } from './coordinator-log.js'
import { KafkaError } from './errors.js'
import type { GroupCoordinator } from './group-coordinator.js'
import type { GroupStore } from './group-store.js'
import type { ConsumerGroupMetadata, OffsetCommit, TopicPartition } from './log.js'
import type { Partition } from './partition.js'
import type { ProducerIds } from './producer-ids.js'
import { OFFSETS_TOPIC } from './topic-names.js'
import {
  decodeTransactionKey,
  decodeTransactionValue,
  encodeTransactionKey,
  encodeTransactionValue,
  type TransactionStatus,
} from './transaction-metadata.js'

/*
 * The life of a transaction. As in protocol V2 (KIP-890), each transaction has an epoch of its own, so that a record
 * that decides one can never be taken for a decision about the next.
 *
 *          first partition            commit                 all markers written
 *   Empty ────────────────▶ Ongoing ─────────▶ PrepareCommit ────────────────────▶ CompleteCommit ─▶ Ongoing …
 *                              │ abort, timeout, a new owner
 *                              └─────────────▶ PrepareAbort ─────────────────────▶ CompleteAbort  ─▶ Ongoing …
 *
 * The record with PrepareCommit in `__transaction_state` is the commit point: what is decided there is completed
 * after a crash. Ongoing is never written down, since its owner lives in this process: a transaction that a
 * partition holds open after a crash and that no Prepare record names is undecided, and is aborted at open.
 */

export interface TransactionState {
  readonly transactionalId: string
  producerId: number
  producerEpoch: number
  timeoutMs: number
  status: TransactionStatus
  /** Those whose marker is still to be written. */
  readonly partitions: Set<Partition>
  /** Those that have their marker; it may not be stable yet. */
  readonly marked: Set<Partition>
  startMs: number
  timer: Timer | null
}

/** A registered owner: valid as long as the state still has this epoch. */
export interface TransactionOwner {
  readonly state: TransactionState
  /** These move on with every transaction that the owner ends. */
  producerId: number
  producerEpoch: number
}

export interface TransactionCoordinatorOptions {
  readonly clock: Clock
  readonly broker: Broker
  readonly log: CoordinatorLog
  readonly groups: GroupCoordinator
  readonly groupStore: GroupStore
  readonly producerIds: ProducerIds
  readonly maxTimeoutMs: number
}

const LAST_EPOCH = 32766

export class TransactionCoordinator {
  readonly #states = new Map<string, TransactionState>()
  readonly #clock: Clock
  readonly #broker: Broker
  readonly #log: CoordinatorLog
  readonly #groups: GroupCoordinator
  readonly #groupStore: GroupStore
  readonly #producerIds: ProducerIds
  readonly #maxTimeoutMs: number

  constructor(options: TransactionCoordinatorOptions) {
    this.#clock = options.clock
    this.#broker = options.broker
    this.#log = options.log
    this.#groups = options.groups
    this.#groupStore = options.groupStore
    this.#producerIds = options.producerIds
    this.#maxTimeoutMs = options.maxTimeoutMs
  }

  /**
   * Rebuilds the states, completes what was decided and aborts what was not. Called before the groups are
   * loaded, which then find the markers of every transaction that staged offsets.
   */
  load(): void {
    const named = new Map<string, readonly TopicPartition[]>()
    this.#log.replay({
      onRecord: (key, value) => {
        const transactionalId = decodeTransactionKey(key)
        if (transactionalId === null) return
        if (value === null) {
          this.#states.delete(transactionalId)
          return
        }
        const { partitions, startMs, ...stored } = decodeTransactionValue(value)
        named.set(transactionalId, partitions)
        const { producerId, producerEpoch, timeoutMs, status } = stored
        this.#states.set(transactionalId, {
          transactionalId,
          producerId,
          producerEpoch,
          timeoutMs,
          status,
          partitions: new Set(),
          marked: new Set(),
          startMs,
          timer: null,
        })
      },
      onMarker: () => {},
    })
    this.#settleOpenTransactions(named)
    this.#passSeenEpochs()
  }

  #settleOpenTransactions(named: ReadonlyMap<string, readonly TopicPartition[]>): void {
    const decided = new Map<number, TransactionState>()
    for (const state of this.#states.values()) {
      if (!isPrepared(state.status)) continue
      decided.set(state.producerId, state)
    }
    for (const partition of this.#broker.allPartitions()) {
      const open = partition.log.openTransactions()
      for (const { producerId, producerEpoch } of open) {
        const state = decided.get(producerId)
        const isNamed =
          state !== undefined &&
          state.producerEpoch === producerEpoch &&
          named
            .get(state.transactionalId)!
            .some((p) => p.topic === partition.topic && p.partition === partition.partition)
        const committed = isNamed && state.status === 'PrepareCommit'
        partition.appendMarker({ producerId, producerEpoch, committed })
      }
      if (open.length > 0) partition.stabilize()
    }
    for (const state of decided.values()) this.#complete(state)
  }

  /** After a power cut partitions may know newer epochs than this log: the next owner has to be above them. */
  #passSeenEpochs(): void {
    for (const state of this.#states.values()) {
      for (const { log } of this.#broker.allPartitions()) {
        state.producerEpoch = Math.max(state.producerEpoch, log.producerEpoch(state.producerId))
      }
    }
  }

  /** The state of every transactional id, by id. */
  states(): TransactionState[] {
    return [...this.#states.values()].sort((a, b) => (a.transactionalId < b.transactionalId ? -1 : 1))
  }

  /** Aborts what the owner left open, and fences it. Throws TRANSACTIONAL_ID_NOT_FOUND. */
  fence(transactionalId: string): void {
    this.initProducer(transactionalId, this.state(transactionalId).timeoutMs)
  }

  /** Throws TRANSACTIONAL_ID_NOT_FOUND. */
  state(transactionalId: string): TransactionState {
    const state = this.#states.get(transactionalId)
    if (state !== undefined) return state
    throw new KafkaError(
      'TRANSACTIONAL_ID_NOT_FOUND',
      `there is no transactional id '${transactionalId}'; listTransactions names those there are`,
    )
  }

  /** Ends a transaction in one partition that belongs to no transactional id. Throws INVALID_TXN_STATE. */
  abortHanging(partition: Partition, startOffset: number): void {
    const place = `${partition.topic}-${partition.partition}`
    const open = partition.log.openTransactions().find(({ firstOffset }) => firstOffset === startOffset)
    if (open === undefined) {
      throw new KafkaError(
        'INVALID_TXN_STATE',
        `no open transaction of ${place} begins at offset ${startOffset}`,
      )
    }
    const { producerId, producerEpoch } = open
    const owner = this.states().find(
      (state) => state.producerId === producerId && state.partitions.has(partition),
    )
    if (owner !== undefined) {
      throw new KafkaError(
        'INVALID_TXN_STATE',
        `the transaction at offset ${startOffset} of ${place} belongs to ${owner.transactionalId} and does not hang: ` +
          'use fenceProducers to abort it',
      )
    }
    partition.appendMarker({ producerId, producerEpoch, committed: false })
  }

  /** Registers an owner of the transactional id: ends what an earlier one left and fences it. */
  initProducer(transactionalId: string, timeoutMs: number): TransactionOwner {
    if (transactionalId === '') throw new KafkaError('INVALID_REQUEST', 'the transactional id is empty')
    if (!(timeoutMs > 0) || timeoutMs > this.#maxTimeoutMs) {
      throw new KafkaError(
        'INVALID_TRANSACTION_TIMEOUT',
        `transactionTimeoutMs ${timeoutMs} of ${transactionalId} is not between 1 and ${this.#maxTimeoutMs}`,
      )
    }
    let state = this.#states.get(transactionalId)
    if (state === undefined) {
      state = {
        transactionalId,
        producerId: this.#producerIds.next(),
        producerEpoch: -1,
        timeoutMs,
        status: 'Empty',
        partitions: new Set(),
        marked: new Set(),
        startMs: -1,
        timer: null,
      }
      this.#states.set(transactionalId, state)
    }
    if (isPrepared(state.status)) this.#finish(state)
    if (state.status === 'Ongoing') this.#abortAndFence(state)
    this.#bumpEpoch(state)
    state.timeoutMs = timeoutMs
    state.status = 'Empty'
    state.startMs = -1
    this.#persist(state)
    return { state, producerId: state.producerId, producerEpoch: state.producerEpoch }
  }

  #bumpEpoch(state: TransactionState): void {
    if (state.producerEpoch < LAST_EPOCH) {
      state.producerEpoch++
      return
    }
    state.producerId = this.#producerIds.next()
    state.producerEpoch = 0
  }

  /** Throws PRODUCER_FENCED once a newer owner registered or the transaction timed out. */
  checkOwner(owner: TransactionOwner): void {
    const { state } = owner
    if (state.producerEpoch === owner.producerEpoch && state.producerId === owner.producerId) return
    throw new KafkaError(
      'PRODUCER_FENCED',
      `transactional id ${state.transactionalId}: epoch ${owner.producerEpoch} is fenced by ${state.producerEpoch}; ` +
        'another producer registered the id, or the transaction timed out. Close this producer',
    )
  }

  /** Makes the partition part of the transaction; to be called before the first write to it. */
  addPartition(owner: TransactionOwner, partition: Partition): void {
    this.checkOwner(owner)
    const { state } = owner
    if (isPrepared(state.status)) {
      throw new KafkaError(
        'CONCURRENT_TRANSACTIONS',
        `${state.transactionalId} has not completed its last transaction`,
      )
    }
    if (state.status !== 'Ongoing') {
      state.status = 'Ongoing'
      state.startMs = this.#clock.now()
      this.#startTimeout(state)
    }
    state.partitions.add(partition)
  }

  #startTimeout(state: TransactionState): void {
    state.timer = this.#clock.setTimer(state.timeoutMs, () => {
      try {
        this.#abortAndFence(state)
      } catch {
        // The log cannot be written now. The owner is fenced already; what is left is tried again.
        this.#startTimeout(state)
      }
    })
  }

  /** Null: the transaction may be decided at once; else only when the offsets are on stable storage. */
  stageOffsets(
    owner: TransactionOwner,
    offsets: readonly OffsetCommit[],
    group: ConsumerGroupMetadata,
  ): Promise<void> | null {
    this.addPartition(owner, this.#broker.internalPartition(OFFSETS_TOPIC))
    this.#groups.stageOffsets(owner, offsets, group)
    return this.#groups.settled()
  }

  /** Whether the owner's transaction has anything to end. */
  isOpen(owner: TransactionOwner): boolean {
    return owner.state.status === 'Ongoing' || isPrepared(owner.state.status)
  }

  /** Whether the owner's transaction is decided, but short of markers. */
  isDecided({ state, producerEpoch }: TransactionOwner): boolean {
    return state.producerEpoch === producerEpoch && isPrepared(state.status)
  }

  /**
   * Decides and completes. Where it fails after the decision was written, the same call may be repeated; the
   * outcome no longer changes. With `durable`, each step is on stable storage before the next one, so that the
   * transaction is whole also after a power cut; without, everything is done when the call returns null.
   */
  endTransaction(
    owner: TransactionOwner,
    { committed, durable }: { committed: boolean; durable: boolean },
  ): Promise<void> | null {
    this.checkOwner(owner)
    const { state } = owner
    const prepared = committed ? 'PrepareCommit' : 'PrepareAbort'
    if (state.status === 'Ongoing') {
      this.#decide(state, prepared)
    } else if (state.status !== prepared) {
      throw new KafkaError(
        'INVALID_TXN_STATE',
        `${state.transactionalId}: a transaction in state ${state.status} cannot ${committed ? 'commit' : 'abort'}`,
      )
    }
    if (durable) return this.#finishDurably(owner)
    this.#finish(state)
    renew(owner)
    return null
  }

  async #finishDurably(owner: TransactionOwner): Promise<void> {
    const { state } = owner
    const prepared = state.status
    await this.#log.partition().flush()
    if (state.status === prepared) this.#writeMarkers(state)
    await Promise.all([...state.marked].filter((p) => !p.deleted).map((partition) => partition.flush()))
    // A new owner may have completed it meanwhile.
    if (state.status !== prepared) return
    this.#close(state)
    renew(owner)
  }

  #decide(state: TransactionState, prepared: 'PrepareCommit' | 'PrepareAbort'): void {
    state.status = prepared
    try {
      this.#persist(state)
    } catch (error) {
      // Nothing is decided until the record is in the log.
      state.status = 'Ongoing'
      throw error
    }
    state.timer?.cancel()
    state.timer = null
  }

  #abortAndFence(state: TransactionState): void {
    if (state.status === 'Ongoing') {
      this.#bumpEpoch(state)
      this.#decide(state, 'PrepareAbort')
    }
    if (isPrepared(state.status)) this.#finish(state)
  }

  /**
   * Completes what was decided, at once. Where a topic of the transaction asks for stable storage, decision and markers
   * are made stable before the next step: a power cut must find all of it or nothing.
   */
  #finish(state: TransactionState): void {
    const stable = [...state.partitions, ...state.marked].filter((p) => p.flushesEveryRecord)
    if (state.status === 'PrepareCommit' && stable.length > 0) {
      this.#log.partition().log.flushSync()
      this.#writeMarkers(state)
      for (const partition of stable) if (!partition.deleted) partition.stabilize()
    }
    this.#close(state)
  }

  /** Writes the markers that are still missing, applies the staged offsets and closes the transaction. */
  #close(state: TransactionState): void {
    this.#writeMarkers(state)
    this.#groupStore.completeTransaction(state.producerId, state.status === 'PrepareCommit')
    this.#complete(state)
  }

  #writeMarkers(state: TransactionState): void {
    const { producerId, producerEpoch, status } = state
    for (const partition of state.partitions) {
      if (!partition.deleted) {
        partition.appendMarker({ producerId, producerEpoch, committed: status === 'PrepareCommit' })
      }
      state.partitions.delete(partition)
      state.marked.add(partition)
    }
  }

  #complete(state: TransactionState): void {
    const { status, producerId, producerEpoch } = state
    state.status = status === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort'
    this.#bumpEpoch(state)
    try {
      this.#persist(state)
    } catch (error) {
      Object.assign(state, { status, producerId, producerEpoch })
      throw error
    }
    state.marked.clear()
  }

  #persist(state: TransactionState): void {
    const value = encodeTransactionValue({
      producerId: state.producerId,
      producerEpoch: state.producerEpoch,
      timeoutMs: state.timeoutMs,
      status: state.status,
      partitions: [...state.partitions],
      lastUpdateMs: this.#clock.now(),
      startMs: state.startMs,
    })
    this.#log.append([{ key: encodeTransactionKey(state.transactionalId), value }], null)
  }

  close(): void {
    for (const state of this.#states.values()) state.timer?.cancel()
  }
}

/** The owner goes on with the epoch of the next transaction. */
function renew(owner: TransactionOwner): void {
  owner.producerId = owner.state.producerId
  owner.producerEpoch = owner.state.producerEpoch
}

function isPrepared(status: TransactionStatus): boolean {
  return status === 'PrepareCommit' || status === 'PrepareAbort'
}
