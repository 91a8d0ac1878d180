import type { Observable } from 'rxjs'
import { bytesSerde, type Serde } from '../../serde/index.js'
import { LogClosedError } from '../client-errors.js'
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
} from '../consumer-options.js'
import { LogBatch } from '../fetcher.js'
import type {
  Consumer,
  ConsumerGroupMetadata,
  ConsumerOptions,
  ConsumerRecord,
  FetchedBatch,
  MemberAssignment,
  MemberSubscription,
  OffsetCommit,
  RebalanceListener,
  TopicPartition,
} from '../log.js'
import { RecordBatchView } from '../record-batch.js'
import { iterateRecords, observeRecords, type PolledConsumer, rewind } from '../record-iteration.js'
import { samePartition } from '../subscription-state.js'
import { readCarriedRecords } from './carried-records.js'
import type { LogConnection } from './connect-log.js'
import {
  type CarriedAssignor,
  type CarriedBatches,
  type CarriedListener,
  type CarriedRecords,
  type ConsumerAnswer,
  type ConsumerMirror,
  LOG_TARGET,
} from './port-messages.js'

/**
 * A consumer whose log is in another thread. Its counterpart there polls and is the member of the group; this side
 * decodes, and runs the listener and the assignors, which are called back within the poll. What can be asked without
 * waiting is answered from the last mirror of the counterpart.
 */
export class PortConsumer<K, V> implements Consumer<K, V>, PolledConsumer<K, V> {
  readonly #connection: LogConnection
  readonly #options: ConsumerOptions<K, V>
  readonly #keySerde: Serde<K>
  readonly #valueSerde: Serde<V>
  #kind: 'none' | 'assigned' | 'subscribed' = 'none'
  #listener: RebalanceListener = {}
  #mirror: ConsumerMirror = { heard: 0, assignment: [], lags: [], group: null }
  /** Messages without an answer sent so far, and when it was that the assignment last changed by one of them. */
  #told = 0
  #assignedAt = 0
  #polling = false
  #closed = false
  /** What a callback threw: the poll in which it was called throws the same, not its image. */
  #thrown: { readonly error: unknown } | null = null

  constructor(connection: LogConnection, options: ConsumerOptions<K, V>) {
    commitsByItself(options)
    this.#connection = connection
    this.#options = options
    this.#keySerde = options.keySerde ?? (bytesSerde as unknown as Serde<K>)
    this.#valueSerde = options.valueSerde ?? (bytesSerde as unknown as Serde<V>)
    connection.endpoint.handle(connection.target, (method, args) => this.#calledBack(method, args))
    const { keySerde: _k, valueSerde: _v, assignors, ...carried } = options
    connection.endpoint.tell(LOG_TARGET, 'consumer', [
      connection.target,
      { ...carried, ...(assignors === undefined ? {} : { assignors: assignors.map(carryAssignor) }) },
    ])
  }

  // ----------------------------------------------------------------------------------------- subscription

  subscribe(topics: readonly string[] | RegExp, listener: RebalanceListener = {}): void {
    this.#checkOpen()
    requireGroupToSubscribe(this.#options)
    if (this.#kind === 'assigned') throw mixedSubscription()
    this.#kind = 'subscribed'
    this.#listener = listener
    const callbacks: CarriedListener = {
      onPartitionsAssigned: listener.onPartitionsAssigned !== undefined,
      onPartitionsRevoked: listener.onPartitionsRevoked !== undefined,
      onPartitionsLost: listener.onPartitionsLost !== undefined,
    }
    this.#tell('subscribe', topics instanceof RegExp ? topics : [...topics], callbacks)
  }

  assign(partitions: readonly TopicPartition[]): void {
    this.#checkOpen()
    if (this.#kind === 'subscribed') throw mixedSubscription()
    this.#kind = 'assigned'
    const assignment = partitions.map(({ topic, partition }) => ({ topic, partition }))
    this.#tell('assign', assignment)
    this.#assignedAt = this.#told
    this.#mirror = { ...this.#mirror, assignment, lags: assignment.map(() => null) }
  }

  assignment(): readonly TopicPartition[] {
    return this.#mirror.assignment.map(({ topic, partition }) => ({ topic, partition }))
  }

  isAssigned(partition: TopicPartition): boolean {
    return this.#mirror.assignment.some((assigned) => samePartition(assigned, partition))
  }

  // ----------------------------------------------------------------------------------------------- reading

  async poll(timeoutMs: number = DEFAULT_POLL_MS): Promise<readonly ConsumerRecord<K, V>[]> {
    const carried = (await this.#poll('poll', timeoutMs)) as CarriedRecords
    const { records, all, failure } = readCarriedRecords(carried, this.#keySerde, this.#valueSerde)
    // What came before is delivered first; the next poll meets the failure again.
    if (failure !== null) rewind(this, all, records.length)
    if (failure !== null && records.length === 0) throw failure
    return records
  }

  async pollBatches(timeoutMs: number = DEFAULT_POLL_MS): Promise<readonly FetchedBatch[]> {
    const { memory, batches } = (await this.#poll('pollBatches', timeoutMs)) as CarriedBatches
    const bytes = Buffer.from(memory)
    return batches.map(({ topic, partition, at, fromOffset }) => {
      const view = new RecordBatchView(bytes, at)
      view.file = `${topic}-${partition}`
      return new LogBatch({ topic, partition }, view, fromOffset)
    })
  }

  async #poll(method: 'poll' | 'pollBatches', timeoutMs: number): Promise<unknown> {
    this.#checkOpen()
    if (this.#polling) throw pollsAlready()
    if (this.#kind === 'none') throw readsNothing()
    this.#polling = true
    try {
      const answer = await this.#call(method, timeoutMs).catch((error: unknown) => {
        throw this.#takeThrown() ?? error
      })
      const thrown = this.#takeThrown()
      if (thrown !== undefined) throw thrown
      return answer
    } finally {
      this.#polling = false
    }
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

  // --------------------------------------------------------------------------------------------- positions

  seek(partition: TopicPartition, offset: number): void {
    checkSeekOffset(offset)
    this.#tellOf('seek', [partition], placeOf(partition), offset)
  }

  seekToBeginning(partitions: readonly TopicPartition[] = this.assignment()): void {
    this.#tellOf('seekToBeginning', partitions, partitions.map(placeOf))
  }

  seekToEnd(partitions: readonly TopicPartition[] = this.assignment()): void {
    this.#tellOf('seekToEnd', partitions, partitions.map(placeOf))
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#tellOf('pause', partitions, partitions.map(placeOf))
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#tellOf('resume', partitions, partitions.map(placeOf))
  }

  async position(partition: TopicPartition): Promise<number> {
    this.#checkOpen()
    this.#checkAssigned(partition)
    return (await this.#call('position', placeOf(partition))) as number
  }

  async beginningOffsets(partitions: readonly TopicPartition[]): Promise<number[]> {
    return (await this.#call('beginningOffsets', partitions.map(placeOf))) as number[]
  }

  async endOffsets(partitions: readonly TopicPartition[]): Promise<number[]> {
    return (await this.#call('endOffsets', partitions.map(placeOf))) as number[]
  }

  async offsetsForTimes(
    times: readonly { partition: TopicPartition; timestamp: number }[],
  ): Promise<({ offset: number; timestamp: number } | null)[]> {
    const asked = times.map(({ partition, timestamp }) => ({ partition: placeOf(partition), timestamp }))
    return (await this.#call('offsetsForTimes', asked)) as ({ offset: number; timestamp: number } | null)[]
  }

  currentLag(partition: TopicPartition): number | null {
    this.#checkAssigned(partition)
    return this.#mirror.lags[this.#mirror.assignment.findIndex((p) => samePartition(p, partition))] ?? null
  }

  // ----------------------------------------------------------------------------------------------- commits

  async commit(offsets?: readonly OffsetCommit[]): Promise<void> {
    this.#checkOpen()
    requireGroup(this.#options)
    await this.#call('commit', ...(offsets === undefined ? [] : [offsets]))
  }

  async committed(partitions: readonly TopicPartition[]): Promise<(OffsetCommit | null)[]> {
    requireGroup(this.#options)
    return (await this.#call('committed', partitions.map(placeOf))) as (OffsetCommit | null)[]
  }

  groupMetadata(): ConsumerGroupMetadata {
    const groupId = requireGroup(this.#options)
    const { groupInstanceId } = this.#options
    return (
      this.#mirror.group ?? {
        groupId,
        generationId: -1,
        memberId: '',
        ...(groupInstanceId === undefined ? {} : { groupInstanceId }),
      }
    )
  }

  enforceRebalance(): void {
    this.#checkOpen()
    this.#tell('enforceRebalance')
  }

  wakeup(): void {
    this.#tell('wakeup')
  }

  async close(): Promise<void> {
    if (this.#closed) return
    try {
      await this.#call('close')
    } catch (error) {
      // A log that is gone has let go of the consumer already.
      if (!(error instanceof LogClosedError)) throw this.#takeThrown() ?? error
    } finally {
      this.#closed = true
      this.#mirror = { ...this.#mirror, assignment: [], lags: [] }
      this.#connection.onClose(this)
    }
  }

  // -------------------------------------------------------------------------------------------- the port

  #tell(method: string, ...args: readonly unknown[]): void {
    this.#told++
    this.#connection.endpoint.tell(this.#connection.target, method, args)
  }

  #tellOf(method: string, partitions: readonly TopicPartition[], ...args: readonly unknown[]): void {
    for (const partition of partitions) this.#checkAssigned(partition)
    this.#tell(method, ...args)
  }

  async #call(method: string, ...args: readonly unknown[]): Promise<unknown> {
    const { mirror, value } = (await this.#connection.call(method, args)) as ConsumerAnswer
    this.#reflect(mirror)
    return value
  }

  #reflect(mirror: ConsumerMirror): void {
    if (mirror.heard >= this.#assignedAt && mirror.heard >= this.#mirror.heard) this.#mirror = mirror
  }

  async #calledBack(method: string, args: readonly unknown[]): Promise<unknown> {
    try {
      return await this.#callBack(method, args)
    } catch (error) {
      this.#thrown ??= { error }
      // Nobody awaits this one.
      if (method !== 'onAssignment') throw error
      return undefined
    }
  }

  #callBack(method: string, args: readonly unknown[]): unknown {
    if (method === 'subscriptionUserData' || method === 'assign' || method === 'onAssignment') {
      return this.#callAssignor(method, args)
    }
    const [mirror, partitions] = args as [ConsumerMirror, readonly TopicPartition[]]
    this.#reflect(mirror)
    return this.#listener[method as keyof RebalanceListener]?.(partitions)
  }

  #callAssignor(
    method: 'subscriptionUserData' | 'assign' | 'onAssignment',
    args: readonly unknown[],
  ): unknown {
    const [index, ...rest] = args
    const assignor = this.#options.assignors![index as number]!
    if (typeof assignor === 'string') return undefined
    switch (method) {
      case 'subscriptionUserData':
        return assignor.subscriptionUserData?.(rest[0] as readonly string[])
      case 'assign':
        return assignor.assign(...(rest as [readonly MemberSubscription[], ReadonlyMap<string, number>]))
      case 'onAssignment': {
        const [mirror, assignment, group] = rest as [ConsumerMirror, MemberAssignment, ConsumerGroupMetadata]
        this.#reflect(mirror)
        return assignor.onAssignment?.(assignment, group)
      }
    }
  }

  #takeThrown(): unknown {
    const thrown = this.#thrown
    this.#thrown = null
    return thrown?.error
  }

  #checkAssigned(partition: TopicPartition): void {
    if (!this.isAssigned(partition)) throw notAssigned(partition)
  }

  #checkOpen(): void {
    if (this.#closed) throw new LogClosedError('this consumer is closed')
  }
}

/** Only what can cross: records and batches, too, say where they are. */
function placeOf({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition }
}

function carryAssignor(
  assignor: NonNullable<ConsumerOptions<never, never>['assignors']>[number],
  index: number,
): string | CarriedAssignor {
  if (typeof assignor === 'string') return assignor
  const { name, protocol } = assignor
  return {
    index,
    name,
    protocol,
    sendsUserData: assignor.subscriptionUserData !== undefined,
    hearsAssignment: assignor.onAssignment !== undefined,
  }
}
