import type { Clock, Random } from '../common/index.js'
import { randomUuid } from '../common/index.js'
import {
  type CheckpointEntry,
  type CheckpointName,
  type DataDirectory,
  formatId,
  type StoredTopic,
} from './data-directory.js'
import { asStorageError, isKafkaError, KafkaError } from './errors.js'
import type { TopicMetadata } from './group-membership.js'
import { HeldSegments } from './held-segments.js'
import type { NewTopic, TopicPartition } from './log.js'
import { Partition } from './partition.js'
import type { PartitionLog, PartitionLogOptions } from './partition-log.js'
import { RecentBatches } from './recent-batches.js'
import { alterTopicConfig, type TopicConfig, type TopicConfigs, topicConfig } from './topic-config.js'
import { checkTopicName, collidesWith, isInternalTopic } from './topic-names.js'

export interface BrokerOptions {
  readonly directory: DataDirectory
  readonly clock: Clock
  readonly random: Random
  /** Configs for topics that do not set their own. */
  readonly topicDefaults: TopicConfigs
  /** The same for internal topics. */
  readonly internalTopicDefaults: TopicConfigs
  readonly autoCreateTopics: boolean
  /** Partitions of topics made without a count, automatically or not. */
  readonly defaultPartitions: number
  readonly recentBatchesBytes: number
  readonly maxOpenFiles: number
  /** Called when the recovery point of a partition has moved past a segment. */
  readonly onSegmentStable: () => void
}

export interface Topic {
  readonly name: string
  readonly id: string
  readonly partitions: Partition[]
  config: TopicConfig
}

/** State is small and read as a whole at open, so these are cut and compacted early. */
const INTERNAL_TOPIC_CONFIGS: TopicConfigs = {
  'cleanup.policy': 'compact',
  'segment.bytes': '4194304',
  'compression.type': 'producer',
}

const checkpointed: Readonly<Record<CheckpointName, (log: PartitionLog) => number>> = {
  'recovery-point-offset-checkpoint': (log) => log.recoveryCheckpoint,
  'log-start-offset-checkpoint': (log) => log.logStartOffset,
  'cleaner-offset-checkpoint': (log) => log.cleanedUpTo,
}
const CHECKPOINTS = Object.keys(checkpointed) as CheckpointName[]

/** The topics of a data directory and their partitions. */
export class Broker implements TopicMetadata {
  metadataVersion = 0
  readonly #options: BrokerOptions
  readonly #topics = new Map<string, Topic>()
  readonly #recentBatches: RecentBatches
  readonly #heldSegments: HeldSegments
  readonly #metadataWatchers = new Set<() => void>()
  /**
   * Directories of partitions that are gone, as far as anybody may know, but whose files or checkpoints are not yet. No
   * other partition may take the name before they are.
   */
  readonly #leftovers = new Set<string>()

  constructor(options: BrokerOptions) {
    this.#options = options
    this.#recentBatches = new RecentBatches(options.recentBatchesBytes)
    this.#heldSegments = new HeldSegments({ maxFiles: options.maxOpenFiles })
  }

  // ------------------------------------------------------------------------------------------------- open

  /** Opens every partition and recovers it where the last owner did not close. */
  open(cleanShutdown: boolean): void {
    const { directory } = this.#options
    const stored = directory.readTopics()
    for (const name of stored.deleted) {
      this.#leftovers.add(name)
      directory.files.remove(`${directory.path}/${name}`)
    }
    const topics = new Map([...stored.topics, ...this.#findUnlistedTopics(stored.topics)])
    const recoveryPoints = directory.readCheckpoint('recovery-point-offset-checkpoint')
    const startOffsets = directory.readCheckpoint('log-start-offset-checkpoint')
    const cleanedOffsets = directory.readCheckpoint('cleaner-offset-checkpoint')
    for (const [name, topic] of topics) {
      const config = this.#configOf(name, topic.configs)
      const partitions: Partition[] = []
      for (let p = 0; p < topic.partitions; p++) {
        const key = `${name}-${p}`
        partitions.push(
          this.#openPartition({ topic: name, partition: p }, config, {
            cleanShutdown,
            recoveryPoint: recoveryPoints.get(key) ?? 0,
            logStartOffset: startOffsets.get(key) ?? 0,
            cleanedUpTo: cleanedOffsets.get(key) ?? 0,
          }),
        )
      }
      this.#topics.set(name, { name, id: topic.topicId, partitions, config })
    }
    this.#stabilizeDirectories()
    if (!cleanShutdown) for (const partition of this.allPartitions()) partition.stabilize()
    this.#clearLeftovers()
    if (topics.size > stored.topics.size) this.#storeTopics()
  }

  /** What a partition flushes is not there after a power cut unless its directory is. */
  #stabilizeDirectories(): void {
    const { files, path } = this.#options.directory
    try {
      files.syncDirectory(path)
    } catch (error) {
      throw asStorageError(`cannot make ${path} stable`, error)
    }
  }

  /** Partition directories that no list names, such as those another Kafka wrote, are taken in, never dropped. */
  #findUnlistedTopics(listed: ReadonlyMap<string, StoredTopic>): Map<string, StoredTopic> {
    const { directory, random } = this.#options
    const found = new Map<string, StoredTopic>()
    for (const name of directory.files.list(directory.path)) {
      const match = /^(.+)-(\d+)$/.exec(name)
      if (match === null || listed.has(match[1]!)) continue
      if (!directory.files.isDirectory(`${directory.path}/${name}`)) continue
      const topic = match[1]!
      const earlier = found.get(topic)
      found.set(topic, {
        topicId: earlier?.topicId ?? formatId(randomUuid(random)),
        partitions: Math.max(earlier?.partitions ?? 0, Number(match[2]) + 1),
        configs: isInternalTopic(topic) ? INTERNAL_TOPIC_CONFIGS : {},
      })
    }
    return found
  }

  #openPartition(
    { topic, partition }: TopicPartition,
    config: TopicConfig,
    recovery: Pick<PartitionLogOptions, 'cleanShutdown' | 'recoveryPoint' | 'logStartOffset' | 'cleanedUpTo'>,
  ): Partition {
    const { directory, clock } = this.#options
    return new Partition({
      topic,
      partition,
      directory: directory.partitionPath(topic, partition),
      files: directory.files,
      clock,
      random: this.#options.random,
      config,
      recentBatches: this.#recentBatches,
      heldSegments: this.#heldSegments,
      onSegmentStable: this.#options.onSegmentStable,
      ...recovery,
    })
  }

  #configOf(topic: string, configs: TopicConfigs): TopicConfig {
    return topicConfig(configs, this.#defaultsOf(topic))
  }

  #defaultsOf(topic: string): TopicConfigs {
    return isInternalTopic(topic) ? this.#options.internalTopicDefaults : this.#options.topicDefaults
  }

  // ----------------------------------------------------------------------------------------------- lookup

  hasTopic(topic: string): boolean {
    return this.#topics.has(topic)
  }

  /** Throws UNKNOWN_TOPIC_OR_PARTITION. */
  topic(name: string): Topic {
    const topic = this.#topics.get(name)
    if (topic !== undefined) return topic
    if (this.#options.autoCreateTopics && !isInternalTopic(name)) {
      this.createTopics([{ topic: name }], false)
      return this.#topics.get(name)!
    }
    throw new KafkaError(
      'UNKNOWN_TOPIC_OR_PARTITION',
      `there is no topic '${name}'; create it with admin.createTopics, or open the log with autoCreateTopics`,
    )
  }

  partition(topic: string, partition: number): Partition {
    const found = this.topic(topic)
    const target = found.partitions[partition]
    if (target === undefined) {
      throw new KafkaError(
        'UNKNOWN_TOPIC_OR_PARTITION',
        `topic '${topic}' has the partitions 0 to ${found.partitions.length - 1}, not ${partition}`,
      )
    }
    return target
  }

  /** The one partition of an internal topic, which is made when first asked for. */
  internalPartition(topic: string): Partition {
    if (!this.#topics.has(topic)) this.#create([{ topic, configs: INTERNAL_TOPIC_CONFIGS, partitions: 1 }])
    return this.#topics.get(topic)!.partitions[0]!
  }

  topicNames(): string[] {
    return [...this.#topics.keys()].filter((name) => !isInternalTopic(name)).sort()
  }

  partitionCount(topic: string): number | undefined {
    return this.#topics.get(topic)?.partitions.length
  }

  *allPartitions(): IterableIterator<Partition> {
    for (const topic of this.#topics.values()) yield* topic.partitions
  }

  onMetadataChange(watcher: () => void): () => void {
    this.#metadataWatchers.add(watcher)
    return () => this.#metadataWatchers.delete(watcher)
  }

  #metadataChanged(): void {
    this.metadataVersion++
    for (const watcher of this.#metadataWatchers) watcher()
  }

  // ----------------------------------------------------------------------------------------------- change

  /** All of them or none. */
  createTopics(topics: readonly NewTopic[], ifNotExists: boolean): void {
    const wanted: NewTopic[] = []
    for (const topic of topics) {
      checkTopicName(topic.topic)
      if (this.#topics.has(topic.topic) || wanted.some((w) => w.topic === topic.topic)) {
        if (ifNotExists) continue
        throw new KafkaError('TOPIC_ALREADY_EXISTS', `topic '${topic.topic}' exists already`)
      }
      const rival = collidesWith(topic.topic, [...this.#topics.keys(), ...wanted.map((w) => w.topic)])
      if (rival !== null) {
        throw new KafkaError(
          'INVALID_TOPIC_EXCEPTION',
          `topic '${topic.topic}' differs from '${rival}' only by '.' and '_'; choose another name`,
        )
      }
      checkPartitionCount(topic.topic, topic.partitions ?? this.#options.defaultPartitions)
      this.#configOf(topic.topic, topic.configs ?? {})
      wanted.push(topic)
    }
    if (wanted.length > 0) this.#create(wanted)
  }

  #create(topics: readonly NewTopic[]): void {
    const created: Topic[] = topics.map(({ topic, configs }) => ({
      name: topic,
      id: formatId(randomUuid(this.#options.random)),
      partitions: [],
      config: this.#configOf(topic, configs ?? {}),
    }))
    const added = new Map<string, StoredTopic>()
    topics.forEach(({ partitions }, i) => {
      const { name, id, config } = created[i]!
      added.set(name, {
        topicId: id,
        partitions: partitions ?? this.#options.defaultPartitions,
        configs: config.overrides,
      })
    })
    this.#clearLeftovers()
    // The list decides that a topic exists; its directories follow, now or at the next opening.
    this.#storeTopics(added)
    try {
      for (const topic of created) this.#addPartitions(topic, added.get(topic.name)!.partitions)
    } catch (error) {
      for (const [name, { partitions }] of added) this.#giveUp(name, 0, partitions)
      throw error
    }
    for (const topic of created) this.#topics.set(topic.name, topic)
    this.#metadataChanged()
  }

  /** Partitions that could not be made: nobody has seen them. */
  #giveUp(topic: string, from: number, to: number): void {
    for (let partition = from; partition < to; partition++) this.#leftovers.add(`${topic}-${partition}`)
    try {
      this.#storeTopics()
    } catch {
      // The list names them still: they are there, empty, after the next opening.
    }
  }

  #addPartitions(topic: Topic, totalCount: number): void {
    for (let partition = topic.partitions.length; partition < totalCount; partition++) {
      topic.partitions.push(
        this.#openPartition({ topic: topic.name, partition }, topic.config, { cleanShutdown: false }),
      )
    }
    this.#stabilizeDirectories()
  }

  deleteTopic(name: string): void {
    const topic = this.existingTopic(name)
    if (isInternalTopic(name)) {
      throw new KafkaError('INVALID_TOPIC_EXCEPTION', `'${name}' is internal: it cannot be deleted`)
    }
    const directories = topic.partitions.map((p) => `${name}-${p.partition}`)
    // The list decides here, too.
    this.#storeTopics(new Map([[name, null]]), directories)
    this.#topics.delete(name)
    for (const directory of directories) this.#leftovers.add(directory)
    for (const partition of topic.partitions) {
      partition.deleted = true
      partition.log.abandon()
      partition.wakeAll()
    }
    this.#metadataChanged()
    try {
      this.#clearLeftovers()
    } catch (error) {
      // The topic is gone; what is left of its files goes with the next opening.
      if (!isKafkaError(error, 'KAFKA_STORAGE_ERROR')) throw error
    }
  }

  /** A topic of the same name must inherit neither files nor how far they were flushed. */
  #clearLeftovers(): void {
    if (this.#leftovers.size === 0) return
    const { files, path } = this.#options.directory
    try {
      for (const name of this.#leftovers) files.remove(`${path}/${name}`)
    } catch (error) {
      throw asStorageError(`cannot remove the files of deleted partitions in ${path}`, error)
    }
    this.checkpoint()
    const cleared = [...this.#leftovers]
    this.#leftovers.clear()
    try {
      this.#storeTopics()
    } catch (error) {
      for (const name of cleared) this.#leftovers.add(name)
      throw error
    }
  }

  alterConfigs(name: string, changes: Readonly<Record<string, string | null>>): void {
    const topic = this.existingTopic(name)
    const config = alterTopicConfig(topic.config, changes, this.#defaultsOf(name))
    const { id, partitions } = topic
    this.#storeTopics(
      new Map([[name, { topicId: id, partitions: partitions.length, configs: config.overrides }]]),
    )
    topic.config = config
    for (const partition of partitions) partition.updateConfig(config)
  }

  createPartitions(name: string, totalCount: number): void {
    const topic = this.existingTopic(name)
    const count = topic.partitions.length
    checkPartitionCount(name, totalCount)
    if (totalCount <= count) {
      throw new KafkaError(
        'INVALID_PARTITIONS',
        `topic '${name}' has ${count} partitions; their number can only grow, not become ${totalCount}`,
      )
    }
    this.#clearLeftovers()
    const grown = { topicId: topic.id, partitions: totalCount, configs: topic.config.overrides }
    this.#storeTopics(new Map([[name, grown]]))
    try {
      this.#addPartitions(topic, totalCount)
    } catch (error) {
      topic.partitions.length = count
      this.#giveUp(name, count, totalCount)
      throw error
    }
    this.#metadataChanged()
  }

  /** As `topic`, but never makes one. */
  existingTopic(name: string): Topic {
    const topic = this.#topics.get(name)
    if (topic === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic '${name}'`)
    return topic
  }

  /** `changes`: topics as they are to be; null: gone. Where it fails, the list is as it was. */
  #storeTopics(
    changes: ReadonlyMap<string, StoredTopic | null> = new Map(),
    deleted: readonly string[] = [],
  ): void {
    const topics = new Map<string, StoredTopic>()
    for (const { name, id, partitions, config } of this.#topics.values()) {
      topics.set(name, { topicId: id, partitions: partitions.length, configs: config.overrides })
    }
    for (const [name, topic] of changes) {
      if (topic === null) topics.delete(name)
      else topics.set(name, topic)
    }
    this.#options.directory.writeTopics({ topics, deleted: [...this.#leftovers, ...deleted] })
  }

  // ------------------------------------------------------------------------------------------------ close

  /** Writes down how far each partition is flushed, where it begins and how far it is compacted. */
  checkpoint(): void {
    for (const name of CHECKPOINTS)
      this.#options.directory.writeCheckpoint(name, this.#checkpointEntries(name))
  }

  /** As `checkpoint`, off the event loop; a power cut may leave what was written down before. */
  async checkpointAsync(): Promise<void> {
    const { directory } = this.#options
    await Promise.all(
      CHECKPOINTS.map((name) => directory.writeCheckpointAsync(name, this.#checkpointEntries(name))),
    )
  }

  #checkpointEntries(name: CheckpointName): CheckpointEntry[] {
    return [...this.allPartitions()].map(({ topic, partition, log }) => ({
      topic,
      partition,
      offset: checkpointed[name](log),
    }))
  }

  /** Flushes and closes every partition. Throws the first failure, when all are closed. */
  async close(): Promise<void> {
    const partitions = [...this.allPartitions()]
    const results = await Promise.allSettled(partitions.map((partition) => partition.close()))
    this.checkpoint()
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }
}

function checkPartitionCount(topic: string, count: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= 100_000) return
  throw new KafkaError(
    'INVALID_PARTITIONS',
    `topic '${topic}' cannot have ${count} partitions; at least 1 is needed`,
  )
}
