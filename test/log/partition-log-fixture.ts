import { type FileHandle, type FileSystem, ManualClock, MemoryFiles } from '../../src/common/index.js'
import { PartitionLog, type PartitionLogOptions } from '../../src/log/partition-log.js'
import { RecentBatches } from '../../src/log/recent-batches.js'
import { type TopicConfigs, topicConfig } from '../../src/log/topic-config.js'
import type { DecodedBatch } from './record-batch-fixtures.js'

export const DIRECTORY = 'data/orders-0'
export const LOG_FILE = `${DIRECTORY}/00000000000000000000.log`

export interface OpenOptions extends Partial<Omit<PartitionLogOptions, 'config'>> {
  readonly config?: TopicConfigs
  /** Bytes of recent batches in memory; 0: every read goes to the files. */
  readonly recentBytes?: number
}

/** Opens a log in memory files; the clock stands at 1,000,000. */
export function openLog({ config, recentBytes, ...options }: OpenOptions = {}): PartitionLog {
  return PartitionLog.open({
    topic: 'orders',
    partition: 0,
    directory: DIRECTORY,
    files: new MemoryFiles(),
    clock: new ManualClock(1_000_000),
    cleanShutdown: false,
    config: topicConfig(config),
    ...(recentBytes === undefined ? {} : { recentBatches: new RecentBatches(recentBytes) }),
    ...options,
  })
}

export const CLIENT = { origin: 'client' } as const
export const COORDINATOR = { origin: 'coordinator' } as const

export function valuesOf(decoded: DecodedBatch): string[] {
  return Array.from({ length: decoded.count }, (_, i) =>
    decoded.buffer.toString('utf8', decoded.valueStart[i]!, decoded.valueEnd[i]!),
  )
}

export interface ReadRecord {
  readonly offset: number
  readonly timestamp: number
  readonly value: string
}

/** Every data record from `from` on, read in calls of at most `maxBytes`. */
export function readAll(log: PartitionLog, from = log.logStartOffset, maxBytes = 1024): ReadRecord[] {
  const records: ReadRecord[] = []
  for (let offset = from; ; ) {
    const { batches } = log.read(offset, { maxBytes })
    if (batches.length === 0) return records
    for (const batch of batches) {
      const decoded = batch.decode(offset)
      const values = valuesOf(decoded)
      if (!batch.control) {
        for (let i = 0; i < decoded.count; i++) {
          records.push({ offset: decoded.offsets[i]!, timestamp: decoded.timestamps[i]!, value: values[i]! })
        }
      }
      offset = batch.nextOffset
    }
  }
}

/** A deep copy, as a machine would find its files after losing power right now, page cache included. */
export function copyFiles(files: FileSystem, directory = DIRECTORY): MemoryFiles {
  const copy = new MemoryFiles()
  copy.makeDirectory(directory)
  for (const name of files.list(directory)) {
    const file = copy.open(`${directory}/${name}`, 'a+')
    file.write(files.readFile(`${directory}/${name}`), 0)
    file.close()
  }
  return copy
}

export function rewrite(files: FileSystem, path: string, change: (bytes: Buffer) => Buffer): void {
  const changed = change(files.readFile(path))
  const file = files.open(path, 'r+')
  file.truncate(0)
  file.write(changed, 0)
  file.close()
}

/** Memory files that fail on demand, and count what is open and done. */
export class FaultyFiles extends MemoryFiles {
  /** Called before each write; what it returns is written before it fails, null: no failure. */
  failWrite: (path: string, bytes: Uint8Array) => number | null = () => null
  failSync: (path: string) => boolean = () => false
  /** Syncs off the event loop begin when it resolves. */
  syncGate: Promise<void> = Promise.resolve()
  readonly opened = new Set<FileHandle>()
  /** Names of files read from, by handle or as a whole. */
  readonly readNames = new Set<string>()
  writes = 0
  syncs = 0

  override open(path: string, mode: 'r' | 'r+' | 'a+'): FileHandle {
    const inner = super.open(path, mode)
    const files = this
    const sync = (): void => {
      files.syncs++
      if (files.failSync(path)) throw Object.assign(new Error('EIO: input/output error'), { code: 'EIO' })
      inner.sync()
    }
    const handle: FileHandle = {
      size: () => inner.size(),
      read(into, offset, length, position) {
        files.readNames.add(nameOf(path))
        return inner.read(into, offset, length, position)
      },
      truncate: (size) => inner.truncate(size),
      sync,
      async syncAsync() {
        await files.syncGate
        sync()
      },
      write(bytes, position) {
        files.writes++
        const written = files.failWrite(path, bytes)
        if (written === null) return inner.write(bytes, position)
        inner.write(bytes.subarray(0, written), position)
        throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
      },
      close() {
        files.opened.delete(handle)
        inner.close()
      },
    }
    this.opened.add(handle)
    return handle
  }

  override readFile(path: string): Buffer {
    this.readNames.add(nameOf(path))
    return super.readFile(path)
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
