import { describe, expect, it } from 'vitest'
import { MemoryFiles } from '../../src/common/index.js'
import {
  CLIENT,
  copyFiles,
  DIRECTORY,
  FaultyFiles,
  LOG_FILE,
  openLog,
  readAll,
  rewrite,
  valuesOf,
} from './partition-log-fixture.js'
import { batchOf, CorruptRecordError } from './record-batch-fixtures.js'

describe('reopening', () => {
  it('finds everything again after a clean stop, without reading the log', () => {
    const files = new MemoryFiles()
    const log = openLog({ files, config: { 'internal.segment.bytes': '600' } })
    for (let i = 0; i < 40; i++) log.append(batchOf([`${i}`]), CLIENT)
    log.close()
    const reopened = openLog({ files, cleanShutdown: true, config: { 'internal.segment.bytes': '600' } })
    expect(reopened.logEndOffset).toBe(40)
    expect(reopened.recoveryPoint).toBe(40)
    expect(reopened.append(batchOf(['40']), CLIENT).baseOffset).toBe(40)
    expect(readAll(reopened).map((r) => r.value)).toEqual(Array.from({ length: 41 }, (_, i) => `${i}`))
  })

  it('has every whole batch and nothing else after a tail torn at any byte', () => {
    const files = new MemoryFiles()
    const log = openLog({ files })
    const ends: number[] = [0]
    for (let i = 0; i < 5; i++) {
      log.append(
        batchOf([`first ${i}`, `second ${i}`], { producerId: 9, producerEpoch: 0, baseSequence: i * 2 }),
        CLIENT,
      )
      ends.push(log.sizeBytes)
    }
    for (let length = 0; length <= log.sizeBytes; length++) {
      const torn = copyFiles(files)
      rewrite(torn, LOG_FILE, (bytes) => bytes.subarray(0, length))
      const whole = ends.filter((end) => end <= length).length - 1
      const recovered = openLog({ files: torn })
      expect(recovered.logEndOffset, `torn at ${length}`).toBe(whole * 2)
      expect(recovered.truncation?.bytes ?? 0).toBe(length - ends[whole]!)
      expect(torn.readFile(LOG_FILE).length).toBe(ends[whole])
      // The producer state is that of what is left: the next sequence goes on there.
      const next = batchOf(['next'], { producerId: 9, producerEpoch: 0, baseSequence: whole * 2 })
      expect(recovered.append(next, CLIENT)).toMatchObject({ baseOffset: whole * 2, duplicate: false })
      expect(readAll(recovered).at(-1)!.value).toBe('next')
    }
  })

  it('cuts at garbage behind the last batch too', () => {
    for (const garbage of [Buffer.alloc(5), Buffer.alloc(300), Buffer.alloc(100, 0xff)]) {
      const files = new MemoryFiles()
      const log = openLog({ files })
      log.append(batchOf(['a']), CLIENT)
      rewrite(files, LOG_FILE, (bytes) => Buffer.concat([bytes, garbage]))
      const recovered = openLog({ files })
      expect(recovered.logEndOffset).toBe(1)
      expect(recovered.truncation).toMatchObject({ file: LOG_FILE, bytes: garbage.length })
    }
  })

  it('drops the segments behind a torn one', () => {
    const files = new MemoryFiles()
    const config = { 'internal.segment.bytes': '300' }
    const log = openLog({ files, config })
    for (let i = 0; i < 12; i++) log.append(batchOf([`value ${i}`]), CLIENT)
    const logs = files.list(DIRECTORY).filter((name) => name.endsWith('.log'))
    expect(logs.length).toBeGreaterThan(3)
    rewrite(files, `${DIRECTORY}/${logs[1]}`, (bytes) => bytes.subarray(0, bytes.length - 1))
    const recovered = openLog({ files, config })
    expect(recovered.segmentCount).toBe(2)
    const left = readAll(recovered).map((r) => r.value)
    expect(left).toEqual(Array.from({ length: left.length }, (_, i) => `value ${i}`))
    expect(recovered.logEndOffset).toBe(left.length)
  })

  it('notices every flipped bit above the recovery point and keeps what lies before it', () => {
    const files = new MemoryFiles()
    const log = openLog({ files })
    const ends: number[] = [0]
    for (let i = 0; i < 3; i++) {
      log.append(batchOf([`v${i}`]), CLIENT)
      ends.push(log.sizeBytes)
    }
    for (let at = 0; at < log.sizeBytes; at++) {
      const batch = ends.findLastIndex((end) => end <= at)
      const inBatch = at - ends[batch]!
      // Neither base offset nor leader epoch is under the checksum: both are the broker's own.
      if (inBatch < 8 || (inBatch >= 12 && inBatch < 16)) continue
      const damaged = copyFiles(files)
      rewrite(damaged, LOG_FILE, (bytes) => {
        bytes[at] = bytes[at]! ^ (1 << (at % 8))
        return bytes
      })
      const recovered = openLog({ files: damaged })
      expect(recovered.logEndOffset, `byte ${at}`).toBe(batch)
      expect(recovered.truncation).not.toBeNull()
    }
  })

  it('reports damage below the recovery point with file and position, and cuts nothing', () => {
    const files = new MemoryFiles()
    const log = openLog({ files })
    const ends = [0]
    for (let i = 0; i < 4; i++) {
      log.append(batchOf([`v${i}`]), CLIENT)
      ends.push(log.sizeBytes)
    }
    rewrite(files, LOG_FILE, (bytes) => {
      bytes[ends[2]! + 70] = bytes[ends[2]! + 70]! ^ 4
      return bytes
    })
    const before = files.readFile(LOG_FILE)
    expect(() => openLog({ files, recoveryPoint: 3 })).toThrow(
      expect.objectContaining({ name: 'CorruptRecordError', file: LOG_FILE, position: ends[2] }),
    )
    expect(files.readFile(LOG_FILE)).toEqual(before)
    expect(openLog({ files, recoveryPoint: 2 }).logEndOffset).toBe(2)
  })

  it('reports flushed data that is missing altogether', () => {
    const files = new MemoryFiles()
    const log = openLog({ files })
    log.append(batchOf(['a']), CLIENT)
    log.append(batchOf(['b']), CLIENT)
    expect(() => openLog({ files: copyFiles(files), recoveryPoint: 3 })).toThrow(CorruptRecordError)
    expect(() => openLog({ files: new MemoryFiles(), recoveryPoint: 3 })).toThrow(CorruptRecordError)
  })

  it('reports a flipped bit to the reader, with file and position', () => {
    const files = new MemoryFiles()
    const log = openLog({ files, recentBytes: 0 })
    log.append(batchOf(['a']), CLIENT)
    const position = log.sizeBytes
    log.append(batchOf(['b']), CLIENT)
    rewrite(files, LOG_FILE, (bytes) => {
      bytes[position + 68] = bytes[position + 68]! ^ 16
      return bytes
    })
    const [first, second] = log.read(0).batches
    expect(valuesOf(first!.decode())).toEqual(['a'])
    expect(() => second!.decode()).toThrow(expect.objectContaining({ file: LOG_FILE, position }))
  })

  it('needs no index files: they come back from the log', () => {
    const files = new MemoryFiles()
    const config = { 'internal.segment.bytes': '700', 'index.interval.bytes': '100' }
    const log = openLog({ files, config })
    for (let i = 0; i < 30; i++) log.append(batchOf([`${i}`], { timestamp: 1000 + i }), CLIENT)
    log.close()
    const indexes = files.list(DIRECTORY).filter((name) => /index$/.test(name))
    const saved = new Map(indexes.map((name) => [name, files.readFile(`${DIRECTORY}/${name}`)]))
    const damages: ((path: string) => void)[] = [
      (path) => files.remove(path),
      (path) => rewrite(files, path, (bytes) => bytes.subarray(0, bytes.length - 3)),
      (path) => rewrite(files, path, (bytes) => Buffer.concat([bytes, bytes])),
    ]
    for (const damage of damages) {
      for (const name of indexes) damage(`${DIRECTORY}/${name}`)
      const reopened = openLog({ files, config, cleanShutdown: true, recentBytes: 0 })
      expect(readAll(reopened).length).toBe(30)
      expect(reopened.offsetForTimestamp(1017)).toEqual({ offset: 17, timestamp: 1017 })
      reopened.applyRetention(1000)
      reopened.close()
      for (const [name, bytes] of saved) expect(files.readFile(`${DIRECTORY}/${name}`), name).toEqual(bytes)
    }
  })

  it('clears away what an interrupted deletion or compaction left', () => {
    const files = new MemoryFiles()
    const log = openLog({ files })
    log.append(batchOf(['a']), CLIENT)
    log.close()
    for (const name of [
      '00000000000000000007.index',
      '00000000000000000000.log.cleaned',
      '00000000000000000003.log.deleted',
    ]) {
      files.open(`${DIRECTORY}/${name}`, 'a+').close()
    }
    const reopened = openLog({ files, cleanShutdown: true })
    expect(readAll(reopened).length).toBe(1)
    expect(files.list(DIRECTORY)).toEqual([
      '00000000000000000000.index',
      '00000000000000000000.log',
      '00000000000000000000.timeindex',
      '00000000000000000001.snapshot',
    ])
  })
})

describe('when the disk fails', () => {
  it('a failed write leaves the log as it was, and it goes on afterwards', () => {
    const files = new FaultyFiles()
    const log = openLog({ files, recentBytes: 0 })
    log.append(batchOf(['a'], { producerId: 1, producerEpoch: 0, baseSequence: 0 }), CLIENT)
    const size = log.sizeBytes
    for (const written of [0, 1, 50, 78]) {
      files.failWrite = () => written
      const batch = batchOf(['lost'], { producerId: 1, producerEpoch: 0, baseSequence: 1 })
      expect(() => log.append(batch, CLIENT)).toThrow(
        expect.objectContaining({ code: 'KAFKA_STORAGE_ERROR', retriable: true }),
      )
      expect(files.readFile(LOG_FILE).length).toBe(size)
    }
    files.failWrite = () => null
    log.append(batchOf(['b'], { producerId: 1, producerEpoch: 0, baseSequence: 1 }), CLIENT)
    expect(readAll(log).map((r) => r.value)).toEqual(['a', 'b'])
    expect(readAll(openLog({ files: copyFiles(files) })).map((r) => r.value)).toEqual(['a', 'b'])
  })

  it('a failed sync stops the log: nobody knows what is stable', async () => {
    const files = new FaultyFiles()
    const log = openLog({ files })
    log.append(batchOf(['a']), CLIENT)
    await log.flush()
    expect(log.recoveryPoint).toBe(1)
    log.append(batchOf(['b']), CLIENT)
    files.failSync = () => true
    await expect(log.flush()).rejects.toMatchObject({ code: 'KAFKA_STORAGE_ERROR' })
    files.failSync = () => false
    expect(() => log.append(batchOf(['c']), CLIENT)).toThrow(/opened again/)
    expect(log.recoveryPoint).toBe(1)
    expect(readAll(log).length).toBe(2)
    expect(() => log.close()).toThrow(/opened again/)
    expect(files.opened.size).toBe(0)
  })

  it('flushes that wait share one sync', async () => {
    const files = new FaultyFiles()
    const log = openLog({ files })
    log.append(batchOf(['a']), CLIENT)
    const first = log.flush()
    log.append(batchOf(['b']), CLIENT)
    const rest = [log.flush(), log.flush(), log.flush()]
    await first
    await Promise.all(rest)
    expect(log.recoveryPoint).toBe(2)
    expect(files.syncs).toBe(2)
  })

  it('flushes within the append when flush.messages says so', () => {
    const files = new FaultyFiles()
    const log = openLog({ files, config: { 'flush.messages': '3' } })
    log.append(batchOf(['a', 'b']), CLIENT)
    expect(log.recoveryPoint).toBe(0)
    log.append(batchOf(['c']), CLIENT)
    expect(log.recoveryPoint).toBe(3)
  })
})
