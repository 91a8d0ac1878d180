import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import { type FileSystem, MemoryFiles, nodeFiles } from '../../src/common/index.js'
import { type EmbeddedLogOptions, Log } from '../../src/log/index.js'

export * from './reading.js'

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
