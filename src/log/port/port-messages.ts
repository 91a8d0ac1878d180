import type { CarriedError } from '../../common/index.js'
import type {
  Admin,
  AssignorName,
  ConsumerGroupMetadata,
  ConsumerOptions,
  DecodedBatch,
  ProducerOptions,
  TopicPartition,
} from '../log.js'

/*
 * What crosses the port between a log and its clients in another thread. Target 0 is the log itself; each producer and
 * consumer is a target of its own, by a number that the client chose. Everything is plain data.
 *
 *   client                                                 host
 *     ├─ tell 0 producer {target, options} ─────────────────▶│ log.producer(options)
 *     ├─ call target writeBatch {place, bytes} ─────────────▶│
 *     │◀───────────────────────────────── partition count ───┤
 *     ├─ tell 0 consumer {target, options} ─────────────────▶│ log.consumer(options)
 *     ├─ tell target subscribe … ───────────────────────────▶│
 *     ├─ call target pollBatches {timeout} ─────────────────▶│
 *     │◀────────── call target onPartitionsAssigned {…} ─────┤ within the poll
 *     ├─ (answer) ──────────────────────────────────────────▶│
 *     │◀──────────────────────────── batches and a mirror ───┤
 */

export const LOG_TARGET = 0

/** Every method of the admin: the compiler says when one is missing. */
export const adminMethods: Readonly<Record<keyof Admin, true>> = {
  createTopics: true,
  deleteTopics: true,
  listTopics: true,
  describeTopics: true,
  alterConfigs: true,
  createPartitions: true,
  deleteRecords: true,
  listGroups: true,
  describeGroups: true,
  groupOffsets: true,
  alterGroupOffsets: true,
  deleteGroups: true,
  listOffsets: true,
  describeLogDirs: true,
  listTransactions: true,
  describeTransactions: true,
  describeProducers: true,
  fenceProducers: true,
  abortTransaction: true,
}

/** Keys, values and partitions are the client's affair. */
export type CarriedProducerOptions = Omit<
  ProducerOptions<never, never>,
  'keySerde' | 'valueSerde' | 'partitioner'
>

export interface CarriedConsumerOptions
  extends Omit<ConsumerOptions<never, never>, 'keySerde' | 'valueSerde' | 'assignors'> {
  readonly assignors?: readonly (AssignorName | CarriedAssignor)[]
}

/** An assignor that lives in the client, and which of its optional parts it has. */
export interface CarriedAssignor {
  readonly index: number
  readonly name: string
  readonly protocol: 'eager' | 'cooperative'
  readonly sendsUserData: boolean
  readonly hearsAssignment: boolean
}

/** Which callbacks of a rebalance listener there are. */
export interface CarriedListener {
  readonly onPartitionsAssigned: boolean
  readonly onPartitionsRevoked: boolean
  readonly onPartitionsLost: boolean
}

export interface BatchToWrite {
  readonly partition: TopicPartition
  readonly memory: ArrayBuffer
  /** The records, by their place, whose writers wait for an answer. */
  readonly awaited: readonly number[]
}

export interface WrittenBatch {
  /** Partitions that the topic has now. */
  readonly partitionCount: number
  /** For each awaited record. */
  readonly outcomes: readonly ({ readonly offset: number; readonly timestamp: number } | CarriedError)[]
}

/** What the synchronous methods of a consumer answer from; goes with every answer and callback. */
export interface ConsumerMirror {
  /** How many messages without an answer the host had received from this consumer: an older mirror tells nothing new. */
  readonly heard: number
  readonly assignment: readonly TopicPartition[]
  /** Of each assigned partition. */
  readonly lags: readonly (number | null)[]
  /** Null without a group. */
  readonly group: ConsumerGroupMetadata | null
}

export interface ConsumerAnswer<T = unknown> {
  readonly mirror: ConsumerMirror
  readonly value: T
}

/** Whole batches, one behind the other in one memory. */
export interface CarriedBatches {
  readonly memory: ArrayBuffer
  readonly batches: readonly (TopicPartition & { readonly at: number; readonly fromOffset: number })[]
}

/** Records of one partition that follow each other, as parallel arrays; the bytes of all runs lie in one memory. */
export interface RecordRun extends TopicPartition, Omit<DecodedBatch, 'buffer'> {}

export interface CarriedRecords {
  readonly memory: ArrayBuffer
  readonly runs: readonly RecordRun[]
}
