import { type Clock, type Random, systemClock, systemRandom } from '../common/index.js'
import type { Serde } from '../serde/index.js'
import type { DroppedRecord } from './dropped-records.js'
import { StreamsConfigError } from './errors.js'
import type { ExceptionHandler, FailedRecord, ProductionExceptionHandler } from './exception-handlers.js'
import type { TimestampExtractor } from './node.js'

export type ProcessingGuarantee = 'exactly_once_v2' | 'at_least_once'

/**
 * What becomes of an instance whose processing failed. REPLACE_THREAD aborts, and starts again from the last commit;
 * SHUTDOWN_CLIENT stops this instance, and its tasks go to the others; SHUTDOWN_APPLICATION stops all instances (KIP-671).
 */
export type UncaughtExceptionResponse = 'REPLACE_THREAD' | 'SHUTDOWN_CLIENT' | 'SHUTDOWN_APPLICATION'

/** Kafka Streams' settings, in camel case; times in ms. */
export interface StreamsConfig {
  /** Names the consumer group, the internal topics, the transactional id and the folder of the state. */
  readonly applicationId: string
  /** Serdes of sources and sinks that name none. */
  readonly defaultKeySerde?: Serde<unknown>
  readonly defaultValueSerde?: Serde<unknown>
  /** Default: the record's timestamp; a negative one fails. */
  readonly defaultTimestampExtractor?: TimestampExtractor
  /** Default 'exactly_once_v2'. */
  readonly processingGuarantee?: ProcessingGuarantee
  /** Default 100. */
  readonly commitIntervalMs?: number
  /** Folder of the state databases; without one, state lives in memory and is rebuilt at every start. */
  readonly stateDir?: string
  /** Entries that the write-back caches of an instance's stores may hold together. Default 100,000. */
  readonly cacheMaxEntries?: number
  /** True: every update of a table goes downstream. False (default): updates of a key collapse until the next commit. */
  readonly emitEveryUpdate?: boolean
  /**
   * How long a task waits for input on its empty partitions, so that records of several topics are taken in time order.
   * 0 (default): waits for data that is known to exist; more: waits for producers too; -1: never waits.
   */
  readonly maxTaskIdleMs?: number
  /** Decoded records a task holds per input partition. Default 1,000. */
  readonly bufferedRecordsPerPartition?: number
  /** Where to begin on a source without a committed offset. Default 'earliest'. */
  readonly autoOffsetReset?: 'earliest' | 'latest'
  readonly deserializationExceptionHandler?: ExceptionHandler<FailedRecord>
  readonly processingExceptionHandler?: ExceptionHandler<FailedRecord>
  readonly productionExceptionHandler?: ProductionExceptionHandler
  /** Largest record that is written, bytes; a larger one is a production failure. Default 1 MiB. */
  readonly maxRequestSize?: number
  /**
   * Source records that a handler passed over, and the one that stopped the application, are kept here as they were,
   * with what went wrong in headers (KIP-1034), unless the handler answers with letters of its own. Created with one
   * partition where it does not exist; letters go to partition 0. A record that stops the application at every start
   * leaves a letter every time.
   */
  readonly deadLetterTopic?: string
  /** Is told of every record that was left out, beside the counter; see `StreamsBuilder.droppedRecords` for a stream. */
  readonly onDropped?: (dropped: DroppedRecord) => void
  /** Warm copies of each task's state on other instances, which take over without a long restore. Default 0. */
  readonly numStandbyReplicas?: number
  /** `host:port` at which others reach this instance; told to all of them (`metadataForAllClients`). */
  readonly applicationServer?: string
  /** An instance that has not polled for so long has lost its tasks to the others. Default 300,000. */
  readonly maxPollIntervalMs?: number
  /** An instance not heard of for so long has lost its tasks to the others. Default 45,000. */
  readonly sessionTimeoutMs?: number
  /** Default 3,000. */
  readonly heartbeatIntervalMs?: number
  /** Extra configs of the repartition and changelog topics that are created. */
  readonly topicConfigs?: Readonly<Record<string, string>>
  readonly clock?: Clock
  /** Of the pauses between attempts. Default: that of the machine. */
  readonly random?: Random
}

export type ResolvedConfig = Required<
  Omit<
    StreamsConfig,
    | 'defaultKeySerde'
    | 'defaultValueSerde'
    | 'defaultTimestampExtractor'
    | 'stateDir'
    | 'applicationServer'
    | 'deadLetterTopic'
    | 'onDropped'
  >
> &
  Pick<
    StreamsConfig,
    | 'defaultKeySerde'
    | 'defaultValueSerde'
    | 'defaultTimestampExtractor'
    | 'stateDir'
    | 'applicationServer'
    | 'deadLetterTopic'
    | 'onDropped'
  >

const legalName = /^[a-zA-Z0-9._-]{1,200}$/

export function resolveConfig(config: StreamsConfig): ResolvedConfig {
  if (!legalName.test(config.applicationId ?? '') || /^\.+$/.test(config.applicationId)) {
    throw new StreamsConfigError(
      `applicationId ${JSON.stringify(config.applicationId)} must have 1 to 200 characters out of a-z A-Z 0-9 . _ -`,
    )
  }
  const resolved: ResolvedConfig = {
    ...config,
    processingGuarantee: config.processingGuarantee ?? 'exactly_once_v2',
    commitIntervalMs: config.commitIntervalMs ?? 100,
    cacheMaxEntries: config.cacheMaxEntries ?? 100_000,
    emitEveryUpdate: config.emitEveryUpdate ?? false,
    maxTaskIdleMs: config.maxTaskIdleMs ?? 0,
    bufferedRecordsPerPartition: config.bufferedRecordsPerPartition ?? 1000,
    autoOffsetReset: config.autoOffsetReset ?? 'earliest',
    deserializationExceptionHandler: config.deserializationExceptionHandler ?? 'log-and-fail',
    processingExceptionHandler: config.processingExceptionHandler ?? 'log-and-fail',
    productionExceptionHandler: config.productionExceptionHandler ?? 'log-and-fail',
    maxRequestSize: config.maxRequestSize ?? 1024 * 1024,
    numStandbyReplicas: config.numStandbyReplicas ?? 0,
    maxPollIntervalMs: config.maxPollIntervalMs ?? 300_000,
    sessionTimeoutMs: config.sessionTimeoutMs ?? 45_000,
    heartbeatIntervalMs: config.heartbeatIntervalMs ?? 3_000,
    topicConfigs: config.topicConfigs ?? {},
    clock: config.clock ?? systemClock,
    random: config.random ?? systemRandom,
  }
  atLeast(resolved, 'commitIntervalMs', 0)
  atLeast(resolved, 'cacheMaxEntries', 0)
  atLeast(resolved, 'maxTaskIdleMs', -1)
  atLeast(resolved, 'bufferedRecordsPerPartition', 1)
  atLeast(resolved, 'maxRequestSize', 1)
  atLeast(resolved, 'numStandbyReplicas', 0)
  atLeast(resolved, 'maxPollIntervalMs', 1)
  atLeast(resolved, 'sessionTimeoutMs', 1)
  atLeast(resolved, 'heartbeatIntervalMs', 1)
  return resolved
}

function atLeast<N extends string>(config: Record<N, number>, name: N, least: number): void {
  if (!(config[name] >= least)) {
    throw new StreamsConfigError(`${name} must be a number of at least ${least}, found ${config[name]}`)
  }
}
