import { expect, it } from 'vitest'
import { type FileHandle, type FileSystem, MemoryFiles } from '../../src/common/index.js'
import { CLIENT, copyFiles, DIRECTORY, openLog, readAll } from './partition-log-fixture.js'
import { batchOf, createBatchBuilder } from './record-batch-fixtures.js'

class Crash extends Error {}

/** Stops the process before its n-th change to a file or directory: that call and all later ones throw. */
function crashBefore(files: MemoryFiles, n: number): { files: FileSystem; crashed: () => boolean } {
  let left = n
  const step = (): void => {
    if (left-- <= 0) throw new Crash('the process is gone')
  }
  const wrap = (handle: FileHandle): FileHandle => ({
    size: () => handle.size(),
    read: (into, offset, length, position) => handle.read(into, offset, length, position),
    sync: () => step(),
    syncAsync: async () => step(),
    close: () => handle.close(),
    truncate(size) {
      step()
      handle.truncate(size)
    },
    write(bytes, position) {
      step()
      handle.write(bytes, position)
    },
  })
  const proxy = new Proxy(files as FileSystem, {
    get(target, name: keyof FileSystem) {
      if (name === 'open') {
        return (path: string, mode: 'r' | 'r+' | 'a+') => {
          if (mode === 'a+' && !files.exists(path)) step()
          return wrap(files.open(path, mode))
        }
      }
      const member = target[name] as (...args: unknown[]) => unknown
      const changes = [
        'remove',
        'removeAsync',
        'rename',
        'writeFileAtomic',
        'syncDirectory',
        'syncDirectoryAsync',
        'makeDirectory',
      ].includes(name)
      return (...args: unknown[]) => {
        if (changes) step()
        return member.apply(files, args)
      }
    },
  })
  return { files: proxy, crashed: () => left < 0 }
}

/** Runs `work` with a crash before each of its file operations in turn, and `check`s what a restart finds. */
function atEveryStep(
  work: (files: FileSystem) => void,
  check: (files: MemoryFiles, step: number) => void,
): number {
  for (let n = 0; ; n++) {
    const memory = new MemoryFiles()
    memory.makeDirectory(DIRECTORY)
    const { files, crashed } = crashBefore(memory, n)
    try {
      work(files)
    } catch (error) {
      if (!crashed()) throw error
    }
    check(copyFiles(memory), n)
    if (!crashed()) return n
  }
}

it('an acknowledged record survives a killed process, whatever it was doing', () => {
  const config = { 'internal.segment.bytes': '200', 'index.interval.bytes': '50' }
  let acknowledged: string[] = []
  const steps = atEveryStep(
    (files) => {
      acknowledged = []
      const log = openLog({ files, config })
      for (let i = 0; i < 12; i++) {
        log.append(batchOf([`${i}`], { producerId: 1, producerEpoch: 0, baseSequence: i }), CLIENT)
        acknowledged.push(`${i}`)
        if (i % 5 === 4) log.flushSync()
      }
      log.close()
    },
    (files, step) => {
      const log = openLog({ files, config })
      expect(
        readAll(log).map((r) => r.value),
        `crash before step ${step}`,
      ).toEqual(acknowledged)
      const sequence = acknowledged.length
      const next = batchOf(['next'], { producerId: 1, producerEpoch: 0, baseSequence: sequence })
      expect(log.append(next, CLIENT)).toMatchObject({ baseOffset: sequence, duplicate: false })
    },
  )
  expect(steps).toBeGreaterThan(30)
})

it('retention is all or nothing per segment, and never gives an offset twice', () => {
  const config = { 'internal.segment.bytes': '200', 'retention.ms': '1000' }
  atEveryStep(
    (files) => {
      const log = openLog({ files, config })
      for (let i = 0; i < 8; i++) log.append(batchOf([`${i}`], { timestamp: i }), CLIENT)
      log.applyRetention(10_000)
    },
    (files, step) => {
      const log = openLog({ files, config })
      const records = readAll(log)
      const start = log.logStartOffset
      expect(
        records.map((r) => r.value),
        `crash before step ${step}`,
      ).toEqual(Array.from({ length: log.logEndOffset - start }, (_, i) => `${start + i}`))
      if (start > 0) expect(log.logEndOffset).toBe(8)
    },
  )
})

it('an interrupted compaction is finished or undone by the restart', () => {
  const config = { 'cleanup.policy': 'compact', 'internal.segment.bytes': '300' }
  const keyed = (key: string, value: string): Buffer => {
    const builder = createBatchBuilder()
    builder.append(1000, Buffer.from(key), Buffer.from(value))
    return builder.finish()
  }
  const fill = (files: FileSystem) => {
    const log = openLog({ files, config, recentBytes: 0 })
    for (let i = 0; i < 14; i++) log.append(keyed(`k${i % 3}`, `v${i}`), CLIENT)
    return log
  }
  const whole = fill(new MemoryFiles())
  whole.compact(5000)
  const compacted = readAll(whole)
  const original = readAll(fill(new MemoryFiles()))
  const newest = new Map(original.map((r) => [Number(r.value.slice(1)) % 3, r.value]))
  const outcomes = new Set<number>()
  atEveryStep(
    (files) => {
      const log = fill(files)
      log.compact(5000)
    },
    (files, step) => {
      const log = openLog({ files, config, recentBytes: 0 })
      const found = readAll(log)
      outcomes.add(found.length)
      if (log.logEndOffset < 14) return
      expect(
        new Map(found.map((r) => [Number(r.value.slice(1)) % 3, r.value])),
        `crash before step ${step}`,
      ).toEqual(newest)
      for (const record of found) expect(original).toContainEqual(record)
      expect(files.list(DIRECTORY).filter((name) => /cleaned|swap|deleted/.test(name))).toEqual([])
    },
  )
  expect(outcomes).toContain(original.length)
  expect(outcomes).toContain(compacted.length)
})
