import { type FileSystem, nodeFiles } from '../common/index.js'
import {
  DamagedDirectoryError,
  DataDirectory,
  type StoredTopic,
  type StoredTopics,
} from './data-directory.js'
import { KafkaError } from './errors.js'
import { decodeGroupMetadataKey, decodeGroupValue, decodeOffsetCommitValue } from './group-metadata.js'
import { type LogProblem, ProblemList } from './log-problem.js'
import { type CheckedPartition, checkPartition } from './partition-check.js'
import type { RecordBatchView } from './record-batch.js'
import { topicConfig } from './topic-config.js'
import { OFFSETS_TOPIC, TRANSACTIONS_TOPIC } from './topic-names.js'
import { decodeTransactionKey, decodeTransactionValue } from './transaction-metadata.js'

export type { LogProblem } from './log-problem.js'
export type { CheckedPartition } from './partition-check.js'

export interface LogCheckReport {
  readonly dataDirectory: string
  /** Whether the last owner closed the log. If not, a torn tail is what a crash leaves, and no damage. */
  readonly cleanShutdown: boolean
  readonly partitions: readonly CheckedPartition[]
  /** In the order found; empty: all is well. */
  readonly problems: readonly LogProblem[]
}

export interface LogCheckOptions {
  readonly dataDirectory: string
  readonly fileSystem?: FileSystem
}

/**
 * Reads every file of a data directory and says what is wrong where; changes nothing. For each partition: CRC and
 * structure of every batch, order of offsets, agreement of the three indexes, producer snapshots and checkpoints; for
 * the directory: topics, producer ids and the records of both coordinators.
 *
 * Throws DirectoryLockedError while a log is open on it, KafkaError INVALID_REQUEST where there is no directory.
 */
export function verifyDataDirectory({
  dataDirectory,
  fileSystem: files = nodeFiles,
}: LogCheckOptions): LogCheckReport {
  if (!files.isDirectory(dataDirectory)) {
    throw new KafkaError('INVALID_REQUEST', `there is no data directory ${dataDirectory}`)
  }
  const directory = new DataDirectory(dataDirectory, files)
  try {
    return new DirectoryCheck(directory).run()
  } finally {
    directory.release()
  }
}

class DirectoryCheck {
  readonly #directory: DataDirectory
  readonly #files: FileSystem
  readonly #list = new ProblemList()
  #greatestProducerId = -1

  constructor(directory: DataDirectory) {
    this.#directory = directory
    this.#files = directory.files
  }

  run(): LogCheckReport {
    const { path } = this.#directory
    const cleanShutdown = this.#files.exists(`${path}/.kafka_cleanshutdown`)
    const partitions: CheckedPartition[] = []
    const names = new Set(this.#partitionDirectories())
    const { topics, deleted } = this.#topics()
    for (const name of deleted) {
      if (names.delete(name)) this.#list.repairable(`${path}/${name}`, null, 'left over from a deleted topic')
    }
    for (const [topic, stored] of topics) {
      for (let partition = 0; partition < stored.partitions; partition++) {
        if (!names.delete(`${topic}-${partition}`)) {
          this.#missing(topic, partition)
          continue
        }
        partitions.push(this.#checkPartition(topic, partition, stored, cleanShutdown))
      }
    }
    for (const name of names) {
      this.#list.repairable(`${path}/${name}`, null, 'no topic lists this partition; it is taken in')
      const match = /^(.+)-(\d+)$/.exec(name)!
      const stored = { topicId: '', partitions: 0, configs: {} }
      partitions.push(this.#checkPartition(match[1]!, Number(match[2]), stored, cleanShutdown))
    }
    this.#checkProducerIds()
    return { dataDirectory: path, cleanShutdown, partitions, problems: this.#list.problems }
  }

  #partitionDirectories(): string[] {
    const { path } = this.#directory
    return this.#files
      .list(path)
      .filter((name) => /^.+-\d+$/.test(name) && this.#files.isDirectory(`${path}/${name}`))
  }

  #topics(): StoredTopics {
    try {
      return this.#directory.readTopics()
    } catch (error) {
      if (!(error instanceof DamagedDirectoryError)) throw error
      this.#list.damage(`${this.#directory.path}/topics.json`, null, error.message)
      return { topics: new Map(), deleted: [] }
    }
  }

  /** A partition that was never flushed may have lost its directory with the power. */
  #missing(topic: string, partition: number): void {
    const path = this.#directory.partitionPath(topic, partition)
    const flushed = this.#directory
      .readCheckpoint('recovery-point-offset-checkpoint')
      .get(`${topic}-${partition}`)
    if ((flushed ?? 0) > 0) {
      this.#list.damage(path, null, `missing, although offsets below ${flushed} were flushed`)
    } else this.#list.repairable(path, null, 'missing; the partition begins anew')
  }

  #checkPartition(
    topic: string,
    partition: number,
    stored: StoredTopic,
    cleanShutdown: boolean,
  ): CheckedPartition {
    const key = `${topic}-${partition}`
    const config = topicConfig(stored.configs)
    const read = (name: Parameters<DataDirectory['readCheckpoint']>[0]) =>
      this.#directory.readCheckpoint(name).get(key) ?? 0
    return checkPartition({
      files: this.#files,
      topic,
      partition,
      directory: this.#directory.partitionPath(topic, partition),
      compacted: config.compact || stored.topicId === '',
      cleanShutdown,
      recoveryPoint: read('recovery-point-offset-checkpoint'),
      logStartOffset: read('log-start-offset-checkpoint'),
      cleanedUpTo: read('cleaner-offset-checkpoint'),
      problems: this.#list,
      onBatch: (batch, file) => {
        this.#greatestProducerId = Math.max(this.#greatestProducerId, batch.producerId)
        if (topic === OFFSETS_TOPIC || topic === TRANSACTIONS_TOPIC)
          this.#checkCoordinator(topic, batch, file)
      },
    })
  }

  #checkCoordinator(topic: string, batch: RecordBatchView, file: string): void {
    if (batch.control) return
    const { count, buffer, offsets, keyStart, keyEnd, valueStart, valueEnd } = batch.decode()
    for (let i = 0; i < count; i++) {
      const key = keyStart[i]! < 0 ? null : buffer.subarray(keyStart[i], keyEnd[i])
      const value = valueStart[i]! < 0 ? null : buffer.subarray(valueStart[i], valueEnd[i])
      try {
        if (key === null) throw new RangeError('there is no key')
        decodeCoordinatorRecord(topic, key, value)
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        this.#list.damage(
          file,
          batch.filePosition ?? null,
          `the record at offset ${offsets[i]} cannot be read: ${reason}`,
        )
      }
    }
  }

  #checkProducerIds(): void {
    const path = `${this.#directory.path}/producer-ids`
    try {
      const next = this.#directory.readProducerIds()
      if (next > this.#greatestProducerId) return
      this.#list.damage(
        path,
        null,
        `the next producer id is ${next}, but ${this.#greatestProducerId} is in use`,
      )
    } catch (error) {
      if (!(error instanceof DamagedDirectoryError)) throw error
      this.#list.damage(path, null, error.message)
    }
  }
}

/** Throws where key or value are not of a known form. */
function decodeCoordinatorRecord(topic: string, key: Buffer, value: Buffer | null): void {
  if (topic === TRANSACTIONS_TOPIC) {
    if (decodeTransactionKey(key) !== null && value !== null) decodeTransactionValue(value)
    return
  }
  const decoded = decodeGroupMetadataKey(key)
  if (value === null || decoded === null) return
  if (decoded.kind === 'offset') decodeOffsetCommitValue(value)
  else decodeGroupValue(value)
}
