import type { Clock, FileSystem, Random } from '../common/index.js'
import type { HeldSegments } from './held-segments.js'
import type { IsolationLevel } from './log.js'
import type { RecentBatches } from './recent-batches.js'
import type { RecordBatchView } from './record-batch.js'
import type { TopicConfig } from './topic-config.js'

/* What a partition log takes and gives. */

export interface PartitionLogOptions {
  readonly topic: string
  readonly partition: number
  /** The directory of the partition; made when missing. */
  readonly directory: string
  readonly files: FileSystem
  readonly clock: Clock
  /** For `segment.jitter.ms`. Default: the system's. */
  readonly random?: Random
  readonly config: TopicConfig
  /** Whether the last owner closed the log in good order: then nothing is checked. */
  readonly cleanShutdown: boolean
  /** Offsets below it were flushed to stable storage, with the segments before the one that holds it. Default 0. */
  readonly recoveryPoint?: number
  /** Default 0; never before what the files hold. */
  readonly logStartOffset?: number
  /** Offsets below it were compacted. Default 0. */
  readonly cleanedUpTo?: number
  /** How long a silent producer is remembered, in ms. Default 1 day. */
  readonly producerIdExpirationMs?: number
  /** Called when a segment that was rolled is on stable storage: `recoveryPoint` has moved and may be written down. */
  readonly onSegmentStable?: () => void
  /** Memory for recent batches, shared among partitions. Default: 1 MiB of its own. */
  readonly recentBatches?: RecentBatches
  /** Bounds open files and indexes in memory, shared among partitions. Default: 500 files of its own. */
  readonly heldSegments?: HeldSegments
}

export interface AppendOptions {
  /** 'client': all of Kafka's checks. 'coordinator': this broker's own batches, control batches among them. */
  readonly origin: 'client' | 'coordinator'
  /** The bytes come from a batch builder of this process: CRC and record structure are not checked again. */
  readonly trusted?: boolean
  /** With `trusted`: every record has a key, so that compacted topics need not look. */
  readonly allKeyed?: boolean
  /** 2: the first sequence of an unknown producer in a transaction must be 0 (KIP-890). Default 1. */
  readonly transactionVersion?: 1 | 2
}

export interface AppendResult {
  readonly baseOffset: number
  readonly lastOffset: number
  /** The broker's time for LogAppendTime topics, else -1. */
  readonly logAppendTime: number
  /** The batch was here already: nothing was written, the offsets are those of the first time. */
  readonly duplicate: boolean
}

export interface ReadOptions {
  /** Stop before passing this many bytes, but return at least one batch. Default 1 MiB. */
  readonly maxBytes?: number
  /** Default 'read_uncommitted'. */
  readonly isolation?: IsolationLevel
  /** Nothing from this offset on. Default: the log end. */
  readonly endOffset?: number
}

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

export interface ReadResult {
  /** In offset order; the first may begin below the offset asked for. Control batches are among them. */
  readonly batches: readonly RecordBatchView[]
  /** Of the batches together. */
  readonly sizeBytes: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  /** Transactions aborted in the range of the batches, by first offset; null for read_uncommitted. */
  readonly abortedTransactions: readonly AbortedTransaction[] | null
}

export interface TimestampAndOffset {
  readonly timestamp: number
  readonly offset: number
}

export interface OpenTransaction {
  readonly producerId: number
  readonly producerEpoch: number
  readonly firstOffset: number
  /** When the producer was last heard of. */
  readonly lastSeenMs: number
}

export interface CompactionOptions {
  /** Awaited after each slice of work. Default: a turn of the event loop. */
  readonly pause?: () => Promise<void>
  /** Asked after each pause: whether to leave it at that. */
  readonly isStopped?: () => boolean
}
