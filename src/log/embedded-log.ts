import {
  type Clock,
  type FileSystem,
  MemoryFiles,
  nodeFiles,
  type Random,
  systemClock,
  systemRandom,
} from '../common/index.js'
import { EmbeddedAdmin } from './admin.js'
import { Broker } from './broker.js'
import { LogClosedError } from './client-errors.js'
import { EmbeddedConsumer } from './consumer.js'
import { CoordinatorLog } from './coordinator-log.js'
import { DataDirectory } from './data-directory.js'
import { asStorageError } from './errors.js'
import { GroupCoordinator } from './group-coordinator.js'
import { GroupStore } from './group-store.js'
import { Housekeeping } from './housekeeping.js'
import type {
  Admin,
  Consumer,
  ConsumerOptions,
  Log as LogInterface,
  Producer,
  ProducerOptions,
} from './log.js'
import { EmbeddedProducer } from './producer.js'
import { ProducerIds } from './producer-ids.js'
import { OFFSETS_TOPIC, TRANSACTIONS_TOPIC } from './topic-names.js'
import { TransactionCoordinator } from './transaction-coordinator.js'

/** Settings of an embedded log, named as Kafka names its broker's where it has them. Times in ms. */
export interface EmbeddedLogOptions {
  readonly clock?: Clock
  readonly random?: Random
  /**
   * When appends are forced to stable storage, for topics that do not say it themselves (`flush.messages`,
   * `flush.ms`), the internal ones included. Default: never but at close, as in Kafka; see docs/durability.md.
   */
  readonly flush?: { readonly messages?: number; readonly ms?: number }
  /**
   * Topic configs, by Kafka's names, for topics that do not set their own. One default differs from Kafka's:
   * timestamps may lie any time ahead (`message.timestamp.after.max.ms`), as they do in replays and tests.
   */
  readonly topicDefaults?: Readonly<Record<string, string>>
  /** Makes topics when a producer or consumer first names them. Default false. */
  readonly autoCreateTopics?: boolean
  /** Partitions of topics made without a count. Default 1. */
  readonly defaultPartitions?: number
  /** How long the first rebalance of an empty group waits for more members. Default 0. */
  readonly groupInitialRebalanceDelayMs?: number
  /** The longest transaction timeout a producer may ask for. Default 900,000. */
  readonly transactionMaxTimeoutMs?: number
  /** Between two looks for segments past their retention. Default 300,000. */
  readonly retentionCheckIntervalMs?: number
  /** Between two looks for partitions worth compacting. Default 15,000. */
  readonly compactionIntervalMs?: number
  /** Most bytes per second that compaction reads (`log.cleaner.io.max.bytes.per.second`). Default: without limit. */
  readonly cleanerMaxBytesPerSecond?: number
  /** Between two writings of the recovery points. Default 60,000. */
  readonly checkpointIntervalMs?: number
  /** Memory for the newest batches of all partitions, which are then read without touching a file. Default 16 MiB. */
  readonly recentBatchesBytes?: number
  /**
   * Most files kept open because they were read. A partition that is written to holds one more, until it has been idle
   * for `retentionCheckIntervalMs`. Default 500.
   */
  readonly maxOpenFiles?: number
}

export interface OpenLogOptions extends EmbeddedLogOptions {
  /** Made when missing. One process at a time owns it. */
  readonly dataDirectory: string
  readonly fileSystem?: FileSystem
}

export type Log = LogInterface

export const Log = {
  /**
   * Opens the log in a data directory; after a crash, its partitions are recovered and open transactions settled
   * first. Throws DirectoryLockedError while another process has it.
   */
  async open({ dataDirectory, fileSystem, ...options }: OpenLogOptions): Promise<Log> {
    return new EmbeddedLog(new DataDirectory(dataDirectory, fileSystem ?? nodeFiles), options)
  },

  /** A log that lives in memory and is gone when closed: the same code on other files. */
  memory(options: EmbeddedLogOptions = {}): Log {
    const { clock } = options
    const files = new MemoryFiles(clock === undefined ? {} : { now: () => clock.now() })
    return new EmbeddedLog(new DataDirectory('/memory', files), options)
  },
}

/**
 * The embedded broker and its clients in one process.
 *
 *   Log.open ─▶ lock ─▶ partitions (recovery) ─▶ transactions (settle) ─▶ groups (offsets) ─▶ open
 *   close    ─▶ clients ─▶ flush ─▶ checkpoints ─▶ clean-shutdown marker ─▶ unlock
 */
class EmbeddedLog implements LogInterface {
  readonly admin: Admin
  readonly #directory: DataDirectory
  readonly #clock: Clock
  readonly #random: Random
  readonly #broker: Broker
  readonly #groups: GroupCoordinator
  readonly #transactions: TransactionCoordinator
  readonly #producerIds: ProducerIds
  readonly #housekeeping: Housekeeping
  readonly #clients = new Set<{ close(): Promise<void> }>()
  #closing: Promise<void> | null = null
  /** The clients are gone too: until then, what they call as they close may still ask. */
  #closed = false

  constructor(directory: DataDirectory, options: EmbeddedLogOptions) {
    this.#directory = directory
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? systemRandom
    const clock = this.#clock
    try {
      this.#broker = new Broker({
        directory,
        clock,
        random: this.#random,
        topicDefaults: topicDefaults(options),
        internalTopicDefaults: flushDefaults(options),
        autoCreateTopics: options.autoCreateTopics ?? false,
        defaultPartitions: options.defaultPartitions ?? 1,
        recentBatchesBytes: options.recentBatchesBytes ?? 16 * 1024 * 1024,
        maxOpenFiles: options.maxOpenFiles ?? 500,
        onSegmentStable: () => this.#housekeeping.checkpointSoon(),
      })
      this.#housekeeping = new Housekeeping({
        clock,
        broker: this.#broker,
        retentionCheckIntervalMs: options.retentionCheckIntervalMs ?? 300_000,
        compactionIntervalMs: options.compactionIntervalMs ?? 15_000,
        checkpointIntervalMs: options.checkpointIntervalMs ?? 60_000,
        cleanerMaxBytesPerSecond: options.cleanerMaxBytesPerSecond ?? Number.POSITIVE_INFINITY,
      })
      this.#producerIds = new ProducerIds(directory)
      const groupStore = new GroupStore(new CoordinatorLog(this.#broker, OFFSETS_TOPIC, clock), clock)
      this.#groups = new GroupCoordinator({
        clock,
        random: this.#random,
        store: groupStore,
        initialRebalanceDelayMs: options.groupInitialRebalanceDelayMs ?? 0,
      })
      this.#transactions = new TransactionCoordinator({
        clock,
        broker: this.#broker,
        log: new CoordinatorLog(this.#broker, TRANSACTIONS_TOPIC, clock),
        groups: this.#groups,
        groupStore,
        producerIds: this.#producerIds,
        maxTimeoutMs: options.transactionMaxTimeoutMs ?? 900_000,
      })
      this.#load(groupStore)
    } catch (error) {
      directory.release()
      throw asStorageError(`cannot open ${directory.path}`, error)
    }
    this.#housekeeping.start()
    this.admin = new EmbeddedAdmin({
      broker: this.#broker,
      groups: this.#groups,
      transactions: this.#transactions,
      dataDirectory: directory.path,
      checkOpen: () => {
        if (this.#closed) this.#checkOpen()
      },
    })
  }

  #load(groupStore: GroupStore): void {
    this.#directory.clusterId(this.#random)
    this.#broker.open(this.#directory.takeCleanShutdownMarker())
    this.#transactions.load()
    groupStore.load()
  }

  producer<K = Uint8Array, V = Uint8Array>(options: ProducerOptions<K, V> = {}): Producer<K, V> {
    this.#checkOpen()
    const producer = new EmbeddedProducer<K, V>(
      {
        clock: this.#clock,
        random: this.#random,
        broker: this.#broker,
        producerIds: this.#producerIds,
        transactions: this.#transactions,
        onClose: (closed) => this.#clients.delete(closed),
      },
      options,
    )
    this.#clients.add(producer)
    return producer
  }

  consumer<K = Uint8Array, V = Uint8Array>(options: ConsumerOptions<K, V> = {}): Consumer<K, V> {
    this.#checkOpen()
    const consumer = new EmbeddedConsumer<K, V>(
      {
        clock: this.#clock,
        broker: this.#broker,
        groups: this.#groups,
        onClose: (closed) => this.#clients.delete(closed),
      },
      options,
    )
    this.#clients.add(consumer)
    return consumer
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    let failure: unknown = this.#housekeeping.failure
    for (const client of [...this.#clients]) {
      await client.close().catch((error: unknown) => {
        failure ??= error
      })
    }
    this.#closed = true
    await this.#housekeeping.stop()
    this.#transactions.close()
    this.#groups.close(new LogClosedError('the log was closed'))
    try {
      await this.#broker.close()
      this.#directory.writeCleanShutdownMarker()
    } finally {
      this.#directory.release()
    }
    if (failure !== null) throw failure
  }

  #checkOpen(): void {
    if (this.#closing !== null) throw new LogClosedError('the log is closed')
  }
}

function flushDefaults({ flush }: EmbeddedLogOptions): Record<string, string> {
  const defaults: Record<string, string> = {}
  if (flush?.messages !== undefined) defaults['flush.messages'] = String(flush.messages)
  if (flush?.ms !== undefined) defaults['flush.ms'] = String(flush.ms)
  return defaults
}

function topicDefaults(options: EmbeddedLogOptions): Record<string, string> {
  return {
    // Kafka refuses timestamps more than an hour ahead; event time of replays and tests often is.
    'message.timestamp.after.max.ms': '9223372036854775807',
    ...flushDefaults(options),
    ...options.topicDefaults,
  }
}
