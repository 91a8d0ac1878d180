import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import { type FileSystem, MemoryFiles, nodeFiles } from '../../src/common/index.js'
import {
  type Consumer,
  type ConsumerRecord,
  type EmbeddedLogOptions,
  Log,
  type TopicPartition,
} from '../../src/log/index.js'
import { stringSerde } from '../../src/serde/index.js'

/** The same promises hold on files and in memory: most tests run over both. */
export const storages = ['memory', 'files'] as const
export type Storage = (typeof storages)[number]

/** A data directory that outlives the logs opened on it. */
export class DataDirectoryFixture {
  readonly path: string
  readonly files: FileSystem
  readonly #logs: Log[] = []

  constructor(storage: Storage) {
    this.path = storage === 'memory' ? '/data' : mkdtempSync(join(tmpdir(), 'forebay-log-'))
    this.files = storage === 'memory' ? new MemoryFiles() : nodeFiles
  }

  async open(options: EmbeddedLogOptions = {}): Promise<Log> {
    const log = await Log.open({ dataDirectory: this.path, fileSystem: this.files, ...options })
    this.#logs.push(log)
    return log
  }

  /** Opens a log that can be forgotten without `close`, as a process that was killed: its lock does not hold. */
  async openMortal(options: EmbeddedLogOptions = {}): Promise<Log> {
    const { files } = this
    const unlocked = new Proxy(files, {
      get(target, name) {
        if (name === 'lock') return () => ({ release() {} })
        const member: unknown = Reflect.get(target, name)
        return typeof member === 'function' ? member.bind(target) : member
      },
    })
    return Log.open({ dataDirectory: this.path, fileSystem: unlocked, ...options })
  }

  async dispose(): Promise<void> {
    for (const log of this.#logs) await log.close().catch(() => {})
    if (this.files === nodeFiles) rmSync(this.path, { recursive: true, force: true })
  }
}

const fixtures: DataDirectoryFixture[] = []

/** A fresh data directory, removed after the test. */
export function dataDirectory(storage: Storage): DataDirectoryFixture {
  const fixture = new DataDirectoryFixture(storage)
  fixtures.push(fixture)
  return fixture
}

afterEach(async () => {
  for (const fixture of fixtures.splice(0)) await fixture.dispose()
})

export const text = { keySerde: stringSerde, valueSerde: stringSerde }

export function at(topic: string, partition = 0): TopicPartition {
  return { topic, partition }
}

/** Every value of the partitions as text, in order of delivery, up to the present end. */
export async function readAll(
  log: Log,
  partitions: readonly TopicPartition[],
  isolationLevel: 'read_committed' | 'read_uncommitted' = 'read_uncommitted',
): Promise<ConsumerRecord<string, string>[]> {
  const consumer = log.consumer({ ...text, isolationLevel, autoOffsetReset: 'earliest' })
  consumer.assign(partitions)
  const records: ConsumerRecord<string, string>[] = []
  const ends = await consumer.endOffsets(partitions)
  for (;;) {
    records.push(...(await consumer.poll(0)))
    const positions = await Promise.all(partitions.map((partition) => consumer.position(partition)))
    if (positions.every((position, i) => position >= ends[i]!)) break
  }
  await consumer.close()
  return records
}

export async function readValues(
  log: Log,
  partitions: readonly TopicPartition[],
  isolationLevel: 'read_committed' | 'read_uncommitted' = 'read_uncommitted',
): Promise<(string | null)[]> {
  return (await readAll(log, partitions, isolationLevel)).map((record) => record.value)
}

/** Polls until `count` records came. */
export async function take<K, V>(consumer: Consumer<K, V>, count: number): Promise<ConsumerRecord<K, V>[]> {
  const records: ConsumerRecord<K, V>[] = []
  while (records.length < count) records.push(...(await consumer.poll()))
  return records
}
