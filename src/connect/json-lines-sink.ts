import type { FileHandle, FileSystem } from '../common/index.js'
import type { ConsumerRecord, OffsetCommit, TopicPartition } from '../log/index.js'
import { ConnectError } from './errors.js'
import type { Sink } from './sink.js'

interface Checkpoint {
  /** Bytes of the file that belong to the positions; what lies beyond was written by a step that did not finish. */
  bytes: number
  positions: Record<string, number>
}

/**
 * Appends one JSON document a line. Beside the file stands `<path>.positions`, replaced atomically after each write:
 * at start the file is cut back to the length it names, so every record stands in the file exactly once.
 */
export function jsonLinesSink<K, V>(options: {
  fileSystem: FileSystem
  path: string
  /** What to write for a record; undefined leaves it out. */
  toDocument: (record: ConsumerRecord<K, V>) => unknown
}): Sink<K, V> {
  const { fileSystem, path } = options
  const checkpointPath = `${path}.positions`
  const checkpoint = readCheckpoint(fileSystem, checkpointPath)
  const file: FileHandle = fileSystem.open(path, 'a+')
  if (file.size() < checkpoint.bytes) {
    file.close()
    throw new ConnectError(
      `${path} is shorter than ${checkpointPath} says (${checkpoint.bytes} bytes). Delete both to write it anew.`,
    )
  }
  file.truncate(checkpoint.bytes)
  return {
    position: ({ topic, partition }) => checkpoint.positions[`${topic}/${partition}`] ?? null,
    write(records, positions) {
      const bytes = Buffer.from(lines(records, options.toDocument))
      file.write(bytes, checkpoint.bytes)
      file.sync()
      checkpoint.bytes += bytes.length
      for (const p of positions) checkpoint.positions[key(p)] = p.offset
      fileSystem.writeFileAtomic(checkpointPath, Buffer.from(JSON.stringify(checkpoint)))
    },
    close: () => file.close(),
  }
}

function key({ topic, partition }: TopicPartition | OffsetCommit): string {
  return `${topic}/${partition}`
}

function lines<K, V>(
  records: readonly ConsumerRecord<K, V>[],
  toDocument: (record: ConsumerRecord<K, V>) => unknown,
): string {
  let text = ''
  for (const record of records) {
    const document = toDocument(record)
    if (document !== undefined) text += `${JSON.stringify(document)}\n`
  }
  return text
}

function readCheckpoint(fileSystem: FileSystem, path: string): Checkpoint {
  if (!fileSystem.exists(path)) return { bytes: 0, positions: {} }
  try {
    return JSON.parse(fileSystem.readFile(path).toString('utf8'))
  } catch (cause) {
    throw new ConnectError(`${path} cannot be read: ${(cause as Error).message}`, { cause })
  }
}
