import { type MessageEndpoint, Transferred } from '../../common/index.js'
import type {
  Consumer,
  ConsumerGroupMetadata,
  ConsumerPartitionAssignor,
  FetchedBatch,
  Log,
  MemberAssignment,
  RebalanceListener,
  TopicPartition,
} from '../log.js'
import { carryRecords } from './carried-records.js'
import type {
  CarriedAssignor,
  CarriedBatches,
  CarriedConsumerOptions,
  CarriedListener,
  ConsumerMirror,
} from './port-messages.js'

/** Methods that are called as they are. */
const tellable = new Set([
  'assign',
  'seek',
  'seekToBeginning',
  'seekToEnd',
  'pause',
  'resume',
  'enforceRebalance',
  'wakeup',
])
const callable = new Set([
  'position',
  'commit',
  'committed',
  'beginningOffsets',
  'endOffsets',
  'offsetsForTimes',
  'close',
])

type Methods = Readonly<Record<string, (...args: readonly unknown[]) => unknown>>

/** A consumer of the log that a client in another thread steers. Its listener and its assignors are over there. */
export class HostedConsumer {
  readonly #endpoint: MessageEndpoint
  readonly #target: number
  readonly #grouped: boolean
  readonly #consumer: Consumer
  #heard = 0
  /** Of a message that has no answer: told with the next one that has. */
  #failure: unknown = null

  constructor(log: Log, endpoint: MessageEndpoint, target: number, options: CarriedConsumerOptions) {
    this.#endpoint = endpoint
    this.#target = target
    this.#grouped = options.groupId !== undefined
    const { assignors, ...rest } = options
    const here = assignors?.map((a) => (typeof a === 'string' ? a : this.#assignor(a)))
    this.#consumer = log.consumer({ ...rest, ...(here === undefined ? {} : { assignors: here }) })
  }

  tell(method: string, args: readonly unknown[]): void {
    this.#heard++
    try {
      if (method === 'subscribe') {
        const [topics, listener] = args as [readonly string[] | RegExp, CarriedListener]
        this.#consumer.subscribe(topics, this.#listener(listener))
      } else if (tellable.has(method)) this.#invoke(method, args)
    } catch (error) {
      this.#failure ??= error
    }
  }

  async call(method: string, args: readonly unknown[]): Promise<unknown> {
    const failure = this.#failure
    this.#failure = null
    if (failure !== null && method !== 'close') throw failure
    if (method === 'pollBatches') {
      const value = carryBatches(await this.#consumer.pollBatches(args[0] as number))
      return this.#answer(value, [value.memory])
    }
    if (method === 'poll') {
      const value = carryRecords(await this.#consumer.poll(args[0] as number))
      return this.#answer(value, [value.memory])
    }
    return this.#answer(callable.has(method) ? await this.#invoke(method, args) : undefined, [])
  }

  /** The client is gone. As with a process that died, what it did not commit is read again by others. */
  async abandon(): Promise<void> {
    const consumer = this.#consumer
    // Without positions, closing commits nothing.
    consumer.seekToBeginning()
    await consumer.close()
  }

  close(): Promise<void> {
    return this.#consumer.close()
  }

  #invoke(method: string, args: readonly unknown[]): unknown {
    return (this.#consumer as unknown as Methods)[method]!(...args)
  }

  #answer(value: unknown, memory: readonly ArrayBuffer[]): Transferred {
    return new Transferred({ mirror: this.#mirror(), value }, memory)
  }

  #mirror(): ConsumerMirror {
    const assignment = this.#consumer.assignment()
    return {
      heard: this.#heard,
      assignment,
      lags: assignment.map((partition) => this.#lagOf(partition)),
      group: this.#grouped ? this.#consumer.groupMetadata() : null,
    }
  }

  /** Null also for a partition whose topic is gone. */
  #lagOf(partition: TopicPartition): number | null {
    try {
      return this.#consumer.currentLag(partition)
    } catch {
      return null
    }
  }

  #listener(there: CarriedListener): RebalanceListener {
    const ask = async (method: string, partitions: readonly TopicPartition[]) => {
      await this.#endpoint.call(this.#target, method, [this.#mirror(), partitions])
    }
    return {
      ...(there.onPartitionsAssigned && { onPartitionsAssigned: (p) => ask('onPartitionsAssigned', p) }),
      ...(there.onPartitionsRevoked && { onPartitionsRevoked: (p) => ask('onPartitionsRevoked', p) }),
      ...(there.onPartitionsLost && { onPartitionsLost: (p) => ask('onPartitionsLost', p) }),
    }
  }

  #assignor({ index, name, protocol, ...there }: CarriedAssignor): ConsumerPartitionAssignor {
    const ask = (method: string, ...args: readonly unknown[]) =>
      this.#endpoint.call(this.#target, method, [index, ...args])
    return {
      name,
      protocol,
      assign: (members, counts) =>
        ask('assign', members, counts) as Promise<ReadonlyMap<string, MemberAssignment>>,
      ...(there.sendsUserData && {
        subscriptionUserData: (topics) => ask('subscriptionUserData', topics) as Promise<Uint8Array | null>,
      }),
      ...(there.hearsAssignment && {
        onAssignment: (assignment: MemberAssignment, group: ConsumerGroupMetadata) =>
          this.#endpoint.tell(this.#target, 'onAssignment', [index, this.#mirror(), assignment, group]),
      }),
    }
  }
}

/** Copies the batches once, into memory that moves to the other thread. */
function carryBatches(fetched: readonly FetchedBatch[]): CarriedBatches {
  const memory = new ArrayBuffer(fetched.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))
  const bytes = new Uint8Array(memory)
  let at = 0
  const batches = fetched.map((batch) => {
    const { topic, partition, fromOffset, sizeBytes } = batch
    bytes.set(batch.bytes(), at)
    at += sizeBytes
    batch.release?.()
    return { topic, partition, fromOffset, at: at - sizeBytes }
  })
  return { memory, batches }
}
