import { dirname } from 'node:path'
import type { FileSystem, Random } from '../common/index.js'
import { ForebayError, randomUuid } from '../common/index.js'
import { asStorageError } from './errors.js'

/*
 * The files of a data directory beside its partitions:
 *
 *   .lock                            who owns the directory
 *   .kafka_cleanshutdown             present only after a clean stop
 *   meta.properties                  Kafka's: version, cluster id, node id, directory id
 *   topics.json                      topics with id, partition count and configs
 *   producer-ids                     the first producer id that was never handed out
 *   recovery-point-offset-checkpoint, log-start-offset-checkpoint, cleaner-offset-checkpoint   Kafka's
 */

const FILES = {
  cleanShutdown: '.kafka_cleanshutdown',
  meta: 'meta.properties',
  topics: 'topics.json',
  producerIds: 'producer-ids',
} as const

export type CheckpointName =
  | 'recovery-point-offset-checkpoint'
  | 'log-start-offset-checkpoint'
  | 'cleaner-offset-checkpoint'

export interface CheckpointEntry {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export interface StoredTopic {
  readonly topicId: string
  readonly partitions: number
  /** Only what was set, not what is default. */
  readonly configs: Readonly<Record<string, string>>
}

export interface StoredTopics {
  readonly topics: ReadonlyMap<string, StoredTopic>
  /** Directories of deleted topics that may still exist. */
  readonly deleted: readonly string[]
}

/** Another process, or another Log of this process, holds the data directory. */
export class DirectoryLockedError extends ForebayError {
  readonly owner: string

  constructor(directory: string, owner: string) {
    super(
      'DIRECTORY_LOCKED',
      `the data directory ${directory} is in use by ${owner}; close it there, or open another directory`,
    )
    this.owner = owner
  }
}

/** A file of the data directory cannot be understood. Nothing was changed. */
export class DamagedDirectoryError extends ForebayError {
  constructor(path: string, problem: string, options: { cause?: unknown } = {}) {
    super('DAMAGED_DIRECTORY', `${path}: ${problem}. Restore the file from a backup or move it away`, options)
  }
}

export class DataDirectory {
  readonly path: string
  readonly files: FileSystem
  readonly #release: () => void
  /** How often each checkpoint was written. */
  readonly #checkpointCounts = new Map<CheckpointName, number>()

  /** Takes the lock. Throws DirectoryLockedError. */
  constructor(path: string, files: FileSystem) {
    this.path = path
    this.files = files
    makeStableDirectory(files, path)
    if (!files.exists(`${path}/${FILES.meta}`)) stabilize(files, path)
    const lock = files.lock(path)
    if ('owner' in lock) throw new DirectoryLockedError(path, describeOwner(files, path, lock.owner))
    this.#release = lock.release
  }

  release(): void {
    this.#release()
  }

  partitionPath(topic: string, partition: number): string {
    return `${this.path}/${topic}-${partition}`
  }

  /** True once after a clean stop: the marker is taken away, so that a crash from here on is seen as one. */
  takeCleanShutdownMarker(): boolean {
    const marker = `${this.path}/${FILES.cleanShutdown}`
    if (!this.files.exists(marker)) return false
    this.files.remove(marker)
    this.files.syncDirectory(this.path)
    return true
  }

  writeCleanShutdownMarker(): void {
    this.#write(FILES.cleanShutdown, '{"version":0}\n')
  }

  /** The cluster id, made at the first opening. */
  clusterId(random: Random): string {
    const path = `${this.path}/${FILES.meta}`
    if (this.files.exists(path)) {
      const id = /^cluster\.id=(.+)$/m.exec(this.files.readFile(path).toString('utf8'))?.[1]
      if (id === undefined) throw new DamagedDirectoryError(path, 'there is no cluster.id in it')
      return id
    }
    const clusterId = formatId(randomUuid(random))
    const directoryId = formatId(randomUuid(random))
    const text = `version=1\ncluster.id=${clusterId}\nnode.id=1\ndirectory.id=${directoryId}\n`
    this.#write(FILES.meta, text)
    return clusterId
  }

  readTopics(): StoredTopics {
    const path = `${this.path}/${FILES.topics}`
    if (!this.files.exists(path)) return { topics: new Map(), deleted: [] }
    try {
      const stored = JSON.parse(this.files.readFile(path).toString('utf8')) as {
        version: number
        topics: Record<string, StoredTopic>
        deleted: string[]
      }
      if (stored.version !== 1) throw new RangeError(`version ${stored.version} is not known`)
      return { topics: new Map(Object.entries(stored.topics)), deleted: stored.deleted }
    } catch (cause) {
      throw new DamagedDirectoryError(path, 'not a list of topics', { cause })
    }
  }

  writeTopics({ topics, deleted }: StoredTopics): void {
    const stored = { version: 1, topics: Object.fromEntries(topics), deleted }
    this.#write(FILES.topics, `${JSON.stringify(stored, null, 2)}\n`)
  }

  readProducerIds(): number {
    const path = `${this.path}/${FILES.producerIds}`
    if (!this.files.exists(path)) return 0
    const next = Number(this.files.readFile(path).toString('utf8').trim())
    if (!Number.isSafeInteger(next) || next < 0) throw new DamagedDirectoryError(path, 'not a producer id')
    return next
  }

  writeProducerIds(next: number): void {
    this.#write(FILES.producerIds, `${next}\n`)
  }

  /** Offsets by partition directory name. A checkpoint that cannot be read only costs time: it is left out. */
  readCheckpoint(name: CheckpointName): Map<string, number> {
    const path = `${this.path}/${name}`
    const offsets = new Map<string, number>()
    if (!this.files.exists(path)) return offsets
    for (const line of this.files.readFile(path).toString('utf8').split('\n').slice(2)) {
      const [topic, partition, offset] = line.split(' ')
      if (/^\d+$/.test(offset ?? '')) offsets.set(`${topic}-${partition}`, Number(offset))
    }
    return offsets
  }

  writeCheckpoint(name: CheckpointName, entries: readonly CheckpointEntry[]): void {
    this.#checkpointWritten(name)
    this.#write(name, checkpointText(entries))
  }

  /**
   * As `writeCheckpoint`, off the event loop, and without waiting for the rename to be stable: a power cut may leave the
   * checkpoint as it was before. Another one of the same name that is written meanwhile is newer, and stays. Not to be
   * called again before the promise has settled.
   */
  async writeCheckpointAsync(name: CheckpointName, entries: readonly CheckpointEntry[]): Promise<void> {
    const count = this.#checkpointWritten(name)
    const path = `${this.path}/${name}`
    const aside = `${path}.next`
    try {
      const file = this.files.open(aside, 'a+')
      try {
        file.truncate(0)
        file.write(Buffer.from(checkpointText(entries)), 0)
        await file.syncAsync()
      } finally {
        file.close()
      }
      if (this.#checkpointCounts.get(name) === count) this.files.rename(aside, path)
      else this.files.remove(aside)
    } catch (error) {
      throw asStorageError(`cannot write ${path}`, error)
    }
  }

  /** Throws KafkaError KAFKA_STORAGE_ERROR; the file is then as it was. */
  #write(name: string, text: string): void {
    try {
      this.files.writeFileAtomic(`${this.path}/${name}`, Buffer.from(text))
    } catch (error) {
      throw asStorageError(`cannot write ${this.path}/${name}`, error)
    }
  }

  #checkpointWritten(name: CheckpointName): number {
    const count = (this.#checkpointCounts.get(name) ?? 0) + 1
    this.#checkpointCounts.set(name, count)
    return count
  }
}

function checkpointText(entries: readonly CheckpointEntry[]): string {
  const lines = entries.map((e) => `${e.topic} ${e.partition} ${e.offset}`)
  return `${['0', String(lines.length), ...lines].join('\n')}\n`
}

/** Makes a directory, and those above it, in a way that outlasts a power cut. */
function makeStableDirectory(files: FileSystem, path: string): void {
  if (files.isDirectory(path)) return
  const parent = dirname(path)
  if (parent !== path) makeStableDirectory(files, parent)
  files.makeDirectory(path)
  files.syncDirectory(parent)
}

/**
 * A process that was killed as it made the directory may have left it, or one above it, unstable: what is flushed inside
 * would then go with it. Directories that may not be read were not made by us.
 */
function stabilize(files: FileSystem, path: string): void {
  for (let at = path; dirname(at) !== at; at = dirname(at)) {
    try {
      files.syncDirectory(dirname(at))
    } catch (error) {
      const { code } = error as { code?: string }
      if (code !== 'EACCES' && code !== 'EPERM') throw error
    }
  }
}

/** Kafka's text form of a UUID: base64url without padding. */
export function formatId(bytes: Buffer): string {
  return bytes.toString('base64url')
}

function describeOwner(files: FileSystem, path: string, owner: string): string {
  try {
    return `${owner} since ${new Date(files.modifiedMs(`${path}/.lock`)).toISOString()}`
  } catch {
    return owner
  }
}
