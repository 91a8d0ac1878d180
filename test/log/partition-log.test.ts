import { describe, expect, it } from 'vitest'
import { ManualClock, MemoryFiles, seededRandom } from '../../src/common/index.js'
import { buildTransactionMarker } from '../../src/log/control-record.js'
import { topicConfig } from '../../src/log/topic-config.js'
import { describeOracle } from './oracle.js'
import {
  CLIENT,
  copyFiles,
  DIRECTORY,
  FaultyFiles,
  openLog,
  readAll,
  valuesOf,
} from './partition-log-fixture.js'
import { batchOf, createBatchBuilder } from './record-batch-fixtures.js'

function keyedBatch(key: string, value: string, timestamp: number): Buffer {
  const builder = createBatchBuilder()
  builder.append(timestamp, Buffer.from(key), Buffer.from(value))
  return builder.finish()
}

interface SegmentVector {
  name: string
  baseOffset: number
  indexIntervalBytes: number
  appends?: { baseOffset: number; lastOffset: number; hex: string }[]
  files: Record<string, string>
}

describeOracle<SegmentVector>('segments.json', (vectors) => {
  const segments = vectors.filter((v) => v.appends !== undefined)
  it.each(segments)('$name', ({ baseOffset, indexIntervalBytes, appends, files: expected }) => {
    const files = new MemoryFiles()
    const clock = new ManualClock(1_800_000_000_000)
    const log = openLog({
      files,
      clock,
      logStartOffset: baseOffset,
      config: { 'index.interval.bytes': String(indexIntervalBytes) },
    })
    for (const { hex, baseOffset: offset, lastOffset } of appends!) {
      expect(log.append(Buffer.from(hex, 'hex'), CLIENT)).toMatchObject({ baseOffset: offset, lastOffset })
    }
    log.close()
    for (const [name, hex] of Object.entries(expected)) {
      expect(files.readFile(`${DIRECTORY}/${name}`).toString('hex'), name).toBe(hex)
    }
  })
})

describe('a partition log', () => {
  it('gives offsets in order and reads back what was appended', () => {
    const log = openLog()
    expect(log.append(batchOf(['a', 'b', 'c']), CLIENT)).toEqual({
      baseOffset: 0,
      lastOffset: 2,
      logAppendTime: -1,
      duplicate: false,
    })
    expect(log.append(batchOf(['d'], { timestamp: 5 }), CLIENT).baseOffset).toBe(3)
    expect(log.logEndOffset).toBe(4)
    expect(readAll(log)).toEqual([
      { offset: 0, timestamp: 1000, value: 'a' },
      { offset: 1, timestamp: 1001, value: 'b' },
      { offset: 2, timestamp: 1002, value: 'c' },
      { offset: 3, timestamp: 5, value: 'd' },
    ])
  })

  it.each([0, 300, 1_000_000])(
    'reads from any offset, with %d bytes of recent batches in memory',
    (recentBytes) => {
      const log = openLog({
        recentBytes,
        config: { 'internal.segment.bytes': '500', 'index.interval.bytes': '100' },
      })
      const all = Array.from({ length: 60 }, (_, i) => `value ${i}`)
      for (let i = 0; i < all.length; i += 3) log.append(batchOf(all.slice(i, i + 3)), CLIENT)
      expect(log.segmentCount).toBeGreaterThan(3)
      for (let from = 0; from <= 60; from++) {
        expect(readAll(log, from, 200).map((r) => r.value)).toEqual(all.slice(from))
      }
    },
  )

  it('returns at least one batch, however few bytes are asked for, and no more than asked otherwise', () => {
    for (const recentBytes of [0, 1_000_000]) {
      const log = openLog({ recentBytes })
      for (let i = 0; i < 4; i++) log.append(batchOf([`${i}`]), CLIENT)
      const size = log.sizeBytes / 4
      expect(log.read(0, { maxBytes: 1 }).batches.length).toBe(1)
      expect(log.read(0, { maxBytes: size * 2 + 5 }).batches.length).toBe(2)
      expect(log.read(0, { maxBytes: size * 2 + 5 }).sizeBytes).toBe(size * 2)
    }
  })

  it('refuses offsets it does not have, and has nothing to read at its end', () => {
    const log = openLog()
    log.append(batchOf(['a']), CLIENT)
    expect(log.read(1).batches).toEqual([])
    expect(() => log.read(2)).toThrow(expect.objectContaining({ code: 'OFFSET_OUT_OF_RANGE' }))
    expect(() => log.read(-1)).toThrow(expect.objectContaining({ code: 'OFFSET_OUT_OF_RANGE' }))
  })

  it('writes each batch with one call and syncs nothing', () => {
    const files = new FaultyFiles()
    const log = openLog({ files })
    for (let i = 0; i < 10; i++) log.append(batchOf(['x', 'y']), CLIENT)
    expect(files.writes).toBe(10)
    expect(files.syncs).toBe(0)
  })

  it('opens no file before it is used', () => {
    const files = new FaultyFiles()
    openLog({ files }).close()
    expect(files.list(DIRECTORY)).toEqual([])
    const log = openLog({ files, cleanShutdown: true })
    log.append(batchOf(['a']), CLIENT)
    log.close()
    const reopened = openLog({ files, cleanShutdown: true })
    expect(reopened.logEndOffset).toBe(1)
    expect(files.opened.size).toBe(0)
    expect(readAll(reopened).length).toBe(1)
    reopened.close()
    expect(files.opened.size).toBe(0)
  })

  it('begins a new segment by size, by time between batches, and when an index is full', () => {
    const bySize = openLog({ config: { 'internal.segment.bytes': '200' } })
    for (let i = 0; i < 4; i++) bySize.append(batchOf(['a'.repeat(60)]), CLIENT)
    expect(bySize.segmentCount).toBe(4)

    const byTime = openLog({ config: { 'segment.ms': '100' } })
    for (const timestamp of [1000, 1100, 1101, 1150]) byTime.append(batchOf(['a'], { timestamp }), CLIENT)
    expect(byTime.segmentCount).toBe(2)

    const byLag = openLog({ config: { 'cleanup.policy': 'compact', 'max.compaction.lag.ms': '100' } })
    for (const timestamp of [1000, 1100, 1101]) byLag.append(keyedBatch('k', 'a', timestamp), CLIENT)
    expect(byLag.segmentCount).toBe(2)

    const byIndex = openLog({ config: { 'segment.index.bytes': '36', 'index.interval.bytes': '0' } })
    for (let i = 0; i < 9; i++) byIndex.append(batchOf(['a'], { timestamp: 1000 + i }), CLIENT)
    expect(byIndex.segmentCount).toBeGreaterThan(2)
    expect(readAll(byIndex).length).toBe(9)
  })
})

it('segments end up to segment.jitter.ms earlier, each by another part of it', () => {
  const log = openLog({
    config: { 'segment.ms': '1000', 'segment.jitter.ms': '400' },
    random: seededRandom(11),
  })
  const begins: number[] = []
  for (let timestamp = 0; timestamp < 50_000; timestamp += 10) {
    const before = log.segmentCount
    log.append(batchOf(['a'], { timestamp }), CLIENT)
    if (log.segmentCount > before) begins.push(timestamp)
  }
  const lengths = begins.slice(1).map((begin, i) => begin - begins[i]!)
  expect(Math.min(...lengths)).toBeGreaterThan(600)
  expect(Math.min(...lengths)).toBeLessThan(700)
  expect(Math.max(...lengths)).toBeGreaterThan(900)
  expect(Math.max(...lengths)).toBeLessThanOrEqual(1010)
})

describe('what an append checks', () => {
  const refused = (bytes: Buffer, code: string, config: Record<string, string> = {}): void => {
    const log = openLog({ config })
    expect(() => log.append(bytes, CLIENT)).toThrow(expect.objectContaining({ code }))
    expect(log.logEndOffset).toBe(0)
  }
  const patched = (change: (bytes: Buffer) => void): Buffer => {
    const builder = createBatchBuilder()
    builder.append(1000, Buffer.from('k'), Buffer.from('v'))
    builder.append(1001, null, Buffer.from('w'))
    const bytes = builder.finish()
    change(bytes)
    const valid = Buffer.from(bytes)
    return valid
  }

  it('size, checksum, magic and number of batches', () => {
    refused(batchOf(['x'.repeat(200)]), 'MESSAGE_TOO_LARGE', { 'max.message.bytes': '200' })
    refused(
      patched((b) => b.writeUInt8(b[65]! ^ 1, 65)),
      'CORRUPT_MESSAGE',
    )
    refused(
      patched((b) => b.writeUInt8(1, 16)),
      'CORRUPT_MESSAGE',
    )
    refused(Buffer.alloc(30), 'CORRUPT_MESSAGE')
    refused(batchOf(['a', 'b']).subarray(0, 80), 'CORRUPT_MESSAGE')
    refused(Buffer.concat([batchOf(['a']), batchOf(['b'])]), 'INVALID_RECORD')
  })

  it('control batches, empty batches, missing sequences, broker time', () => {
    const builder = createBatchBuilder()
    refused(builder.finish(), 'INVALID_RECORD')
    builder.append(1000, Buffer.from('k'), null)
    refused(builder.finish({ control: true }), 'INVALID_RECORD')
    refused(builder.finish({ producerId: 7, producerEpoch: 0 }), 'INVALID_RECORD')
    refused(builder.finish({ timestampType: 'LogAppendTime' }), 'INVALID_TIMESTAMP')
  })

  it('timestamps too far from now', () => {
    refused(batchOf(['a'], { timestamp: 1_000_000 + 3_600_001 }), 'INVALID_TIMESTAMP')
    refused(batchOf(['a'], { timestamp: 1000 }), 'INVALID_TIMESTAMP', {
      'message.timestamp.before.max.ms': '5000',
    })
    const log = openLog()
    log.append(batchOf(['a'], { timestamp: 1_000_000 + 3_600_000 }), CLIENT)
    log.append(batchOf(['a'], { timestamp: 0 }), CLIENT)
    expect(log.logEndOffset).toBe(2)
  })

  it('keys on compacted topics', () => {
    refused(
      patched(() => {}),
      'INVALID_RECORD',
      { 'cleanup.policy': 'compact' },
    )
    const log = openLog({ config: { 'cleanup.policy': 'compact' } })
    log.append(batchOf(['a']), CLIENT)
    expect(log.logEndOffset).toBe(1)
  })

  it('nothing about an idempotent producer is asked of batches that carry epoch and sequence without an id', () => {
    const log = openLog()
    const builder = createBatchBuilder()
    builder.append(1000, null, Buffer.from('a'))
    for (let i = 0; i < 3; i++)
      log.append(builder.finish({ producerId: -1, producerEpoch: 0, baseSequence: 0 }), CLIENT)
    expect(log.logEndOffset).toBe(3)
  })

  it('sets broker time where the topic asks for it', () => {
    const log = openLog({ config: { 'message.timestamp.type': 'LogAppendTime' }, recentBytes: 0 })
    expect(log.append(batchOf(['a', 'b'], { timestamp: 5 }), CLIENT).logAppendTime).toBe(1_000_000)
    expect(readAll(log).map((r) => r.timestamp)).toEqual([1_000_000, 1_000_000])
  })

  it('corrects a wrong greatest timestamp', () => {
    const log = openLog({ recentBytes: 0 })
    const builder = createBatchBuilder()
    builder.append(2000, null, Buffer.from('a'))
    builder.append(1500, null, Buffer.from('b'))
    log.append(builder.finish({ maxTimestamp: 77 }), CLIENT)
    const [batch] = log.read(0).batches
    expect(batch!.maxTimestamp).toBe(2000)
    expect(valuesOf(batch!.decode())).toEqual(['a', 'b'])
  })

  const codecs = ['gzip', 'snappy', 'lz4', 'zstd'] as const
  it.each(codecs)('recompresses to the codec of the topic (%s)', (codec) => {
    const log = openLog({ config: { 'compression.type': codec }, recentBytes: 0 })
    const values = Array.from({ length: 40 }, () => 'the same again')
    log.append(batchOf(values, { producerId: 5, producerEpoch: 1, baseSequence: 3 }), CLIENT)
    const [batch] = log.read(0).batches
    expect(batch!.compression).toBe(codec)
    expect([batch!.producerId, batch!.producerEpoch, batch!.baseSequence]).toEqual([5, 1, 3])
    expect(readAll(log).map((r) => r.value)).toEqual(values)
  })
})

describe('finding offsets by time', () => {
  const config = { 'internal.segment.bytes': '400', 'index.interval.bytes': '80' }
  const timestamps = [50, 10, 60, 60, 20, 90, 95, 5, 300, 299, 298, 301, 100, 400, 400, 401]

  it('gives the first record in offset order that is old enough, whatever the order of timestamps', () => {
    const files = new MemoryFiles()
    const log = openLog({ files, config })
    for (let i = 0; i < timestamps.length; i += 2) {
      const builder = createBatchBuilder()
      builder.append(timestamps[i]!, null, Buffer.alloc(20))
      builder.append(timestamps[i + 1]!, null, Buffer.alloc(20))
      log.append(builder.finish(), CLIENT)
    }
    const check = (checked: typeof log): void => {
      for (let target = 0; target <= 402; target++) {
        const offset = timestamps.findIndex((t) => t >= target)
        const expected = offset < 0 ? null : { offset, timestamp: timestamps[offset] }
        expect(checked.offsetForTimestamp(target), `time ${target}`).toEqual(expected)
      }
      expect(checked.maxTimestamp()).toEqual({ offset: 15, timestamp: 401 })
    }
    check(log)
    check(openLog({ files: copyFiles(files), config }))
    log.close()
    check(openLog({ files, config, cleanShutdown: true }))
  })

  it('knows time 0, and records without a time', () => {
    const files = new MemoryFiles()
    const log = openLog({ files })
    log.append(batchOf(['a'], { timestamp: 0 }), CLIENT)
    log.close()
    const reopened = openLog({ files, cleanShutdown: true })
    expect(reopened.offsetForTimestamp(0)).toEqual({ offset: 0, timestamp: 0 })
    const untimed = openLog()
    const builder = createBatchBuilder()
    builder.append(-1, null, Buffer.from('x'))
    untimed.append(builder.finish(), CLIENT)
    expect(untimed.offsetForTimestamp(0)).toBeNull()
    expect(untimed.maxTimestamp()).toBeNull()
  })
})

describe('retention', () => {
  const small = { 'internal.segment.bytes': '160' }

  it('deletes whole segments by time, oldest first, and rolls an expired active one', () => {
    const files = new MemoryFiles()
    const log = openLog({ files, config: { ...small, 'retention.ms': '1000' } })
    for (let i = 0; i < 10; i++) log.append(batchOf([`${i}`], { timestamp: 10_000 + i * 100 }), CLIENT)
    log.applyRetention(11_000)
    expect(log.logStartOffset).toBe(0)
    log.applyRetention(11_250)
    expect(log.logStartOffset).toBe(2)
    expect(readAll(log).map((r) => r.value)).toEqual(['2', '3', '4', '5', '6', '7', '8', '9'])
    expect(() => log.read(1)).toThrow(expect.objectContaining({ code: 'OFFSET_OUT_OF_RANGE' }))
    log.applyRetention(100_000)
    expect([log.logStartOffset, log.logEndOffset, log.sizeBytes]).toEqual([10, 10, 0])
    // The offsets are not forgotten, neither here nor after a restart of either kind.
    expect(openLog({ files: copyFiles(files), config: small }).logEndOffset).toBe(10)
    log.append(batchOf(['10'], { timestamp: 100_000 }), CLIENT)
    log.close()
    const reopened = openLog({ files, config: small, cleanShutdown: true })
    expect(readAll(reopened)).toEqual([{ offset: 10, timestamp: 100_000, value: '10' }])
  })

  it('stops at the first segment that is young enough', () => {
    const log = openLog({ config: { 'internal.segment.bytes': '100', 'retention.ms': '1000' } })
    for (const timestamp of [1, 9000, 2, 3]) log.append(batchOf(['x'], { timestamp }), CLIENT)
    log.applyRetention(9500)
    expect(log.logStartOffset).toBe(1)
  })

  it('deletes by size while at least retention.bytes stay', () => {
    const log = openLog({ config: { ...small, 'retention.bytes': '500' } })
    for (let i = 0; i < 10; i++) log.append(batchOf([`${i}`]), CLIENT)
    const segmentBytes = log.sizeBytes / log.segmentCount
    log.applyRetention(1000)
    expect(log.sizeBytes).toBeGreaterThanOrEqual(500)
    expect(log.sizeBytes).toBeLessThan(500 + segmentBytes)
  })

  it('deletes nothing of a topic that only compacts', () => {
    const log = openLog({
      config: { ...small, 'retention.ms': '1', 'retention.bytes': '1', 'cleanup.policy': 'compact' },
    })
    for (let i = 0; i < 5; i++) log.append(batchOf([`${i}`]), CLIENT)
    expect(log.applyRetention(1e12)).toBe(0)
    expect(readAll(log).length).toBe(5)
  })

  it('deletes from a topic that does both, what compaction left included', () => {
    const both = { ...small, 'retention.ms': '1000', 'cleanup.policy': 'compact,delete' }
    const log = openLog({ config: both, recentBytes: 0 })
    for (let i = 0; i < 12; i++) log.append(keyedBatch(`k${i % 2}`, `${i}`, 1000 + i * 100), CLIENT)
    expect(log.compact(2200)).toBe(true)
    const kept = readAll(log).map((r) => Number(r.value))
    expect(kept.length).toBeLessThan(12)
    expect(kept.slice(-2)).toEqual([10, 11])
    log.applyRetention(3050)
    const [left] = readAll(log)
    expect(3050 - left!.timestamp).toBeLessThanOrEqual(1000 + 100)
    log.applyRetention(100_000)
    expect([log.logStartOffset, log.logEndOffset]).toEqual([12, 12])
  })

  it('takes the name of a segment at once, and its blocks off the event loop', () => {
    class Stubborn extends MemoryFiles {
      readonly pending: string[] = []
      override async removeAsync(path: string): Promise<void> {
        this.pending.push(path)
        throw new Error('EBUSY')
      }
    }
    const files = new Stubborn()
    const log = openLog({ files, config: { ...small, 'retention.ms': '1000' } })
    for (let i = 0; i < 4; i++) log.append(batchOf([`${i}`], { timestamp: 1000 + i }), CLIENT)
    const logs = () => files.list(DIRECTORY).filter((name) => name.endsWith('.log'))
    expect(logs().length).toBe(2)
    log.applyRetention(1e6)
    expect(logs()).toEqual(['00000000000000000004.log'])
    expect(files.pending).toContain(`${DIRECTORY}/00000000000000000000.log.deleted`)
    // What could not be removed is, at the next start.
    expect(openLog({ files: files as MemoryFiles, config: small }).logEndOffset).toBe(4)
    expect(files.list(DIRECTORY).filter((name) => name.includes('deleted'))).toEqual([])
  })

  it('deletes records before an offset, on request', () => {
    const files = new MemoryFiles()
    const log = openLog({ files, config: small })
    for (let i = 0; i < 6; i++) log.append(batchOf([`${i}`, `${i}'`]), CLIENT)
    log.deleteRecordsBefore(5)
    expect(log.logStartOffset).toBe(5)
    expect(readAll(log)[0]).toMatchObject({ offset: 5, value: "2'" })
    expect(() => log.read(4)).toThrow(expect.objectContaining({ code: 'OFFSET_OUT_OF_RANGE' }))
    expect(log.offsetForTimestamp(0)).toMatchObject({ offset: 5 })
    log.deleteRecordsBefore(2)
    expect(log.logStartOffset).toBe(5)
    expect(() => log.deleteRecordsBefore(13)).toThrow(
      expect.objectContaining({ code: 'OFFSET_OUT_OF_RANGE' }),
    )
    log.close()
    const reopened = openLog({ files, config: small, cleanShutdown: true, logStartOffset: 5 })
    expect(reopened.logStartOffset).toBe(5)
    reopened.deleteRecordsBefore(12)
    expect(readAll(reopened)).toEqual([])
  })

  it('closes the files of idle segments', () => {
    const files = new FaultyFiles()
    const log = openLog({ files, config: small, recentBytes: 0 })
    for (let i = 0; i < 6; i++) log.append(batchOf([`${i}`]), CLIENT)
    readAll(log)
    log.applyRetention(1000)
    expect(files.opened.size).toBeLessThanOrEqual(1)
    expect(readAll(log).length).toBe(6)
  })
})

describe('transactions', () => {
  const data = (producerId: number, baseSequence: number, value: string) =>
    batchOf([value], { producerId, producerEpoch: 0, baseSequence, transactional: true })
  const marker = (producerId: number, type: 'COMMIT' | 'ABORT', producerEpoch = 0, coordinatorEpoch = 0) =>
    buildTransactionMarker({ type, producerId, producerEpoch, coordinatorEpoch, timestamp: 2000 })

  it('hold back the last stable offset until they end', () => {
    const log = openLog()
    log.append(batchOf(['plain']), CLIENT)
    log.append(data(1, 0, 'one'), CLIENT)
    log.append(data(2, 0, 'two'), CLIENT)
    expect(log.lastStableOffset).toBe(1)
    expect(log.openTransactions()).toMatchObject([
      { producerId: 1, producerEpoch: 0, firstOffset: 1 },
      { producerId: 2, producerEpoch: 0, firstOffset: 2 },
    ])
    log.append(marker(1, 'COMMIT'), { origin: 'coordinator' })
    expect(log.lastStableOffset).toBe(2)
    expect(log.read(0, { isolation: 'read_committed' }).batches.length).toBe(2)
    log.append(marker(2, 'ABORT'), { origin: 'coordinator' })
    expect(log.lastStableOffset).toBe(5)
    expect(log.read(0, { isolation: 'read_uncommitted' }).abortedTransactions).toBeNull()
  })

  it('that were aborted are told to readers of committed data, also after a restart', () => {
    const files = new MemoryFiles()
    const config = { 'internal.segment.bytes': '250' }
    const log = openLog({ files, config, recentBytes: 0 })
    log.append(data(1, 0, 'a'), CLIENT) // 0
    log.append(data(2, 0, 'b'), CLIENT) // 1
    log.append(marker(2, 'ABORT'), { origin: 'coordinator' }) // 2
    log.append(data(1, 1, 'c'), CLIENT) // 3
    log.append(marker(1, 'ABORT'), { origin: 'coordinator' }) // 4
    log.append(data(1, 2, 'd'), CLIENT) // 5
    log.append(marker(1, 'COMMIT'), { origin: 'coordinator' }) // 6
    log.append(data(3, 0, 'e'), CLIENT) // 7, stays open
    const check = (checked: typeof log): void => {
      expect(checked.lastStableOffset).toBe(7)
      expect(checked.abortedTransactions(0, 8)).toEqual([
        { producerId: 1, firstOffset: 0 },
        { producerId: 2, firstOffset: 1 },
      ])
      expect(checked.abortedTransactions(3, 5)).toEqual([{ producerId: 1, firstOffset: 0 }])
      expect(checked.abortedTransactions(5, 8)).toEqual([])
      expect(checked.abortedTransactions(0, 1)).toEqual([{ producerId: 1, firstOffset: 0 }])
    }
    check(log)
    check(openLog({ files: copyFiles(files), config }))
    log.close()
    check(openLog({ files, config, cleanShutdown: true }))
  })

  it('refuse what does not belong to them', () => {
    const log = openLog()
    log.append(data(1, 0, 'a'), CLIENT)
    const outside = batchOf(['b'], { producerId: 1, producerEpoch: 0, baseSequence: 1 })
    expect(() => log.append(outside, CLIENT)).toThrow(expect.objectContaining({ code: 'INVALID_TXN_STATE' }))
    expect(() => log.append(marker(1, 'COMMIT'), CLIENT)).toThrow(
      expect.objectContaining({ code: 'INVALID_RECORD' }),
    )
    log.append(marker(1, 'COMMIT', 2, 5), COORDINATOR_ORIGIN)
    expect(() => log.append(marker(1, 'COMMIT', 1, 5), COORDINATOR_ORIGIN)).toThrow(
      expect.objectContaining({ code: 'INVALID_PRODUCER_EPOCH' }),
    )
    expect(() => log.append(marker(1, 'COMMIT', 2, 4), COORDINATOR_ORIGIN)).toThrow(
      expect.objectContaining({ code: 'TRANSACTION_COORDINATOR_FENCED' }),
    )
    // The marker's epoch is the producer's from now on, and its sequences begin at 0.
    expect(() => log.append(data(1, 1, 'late'), CLIENT)).toThrow(
      expect.objectContaining({ code: 'INVALID_PRODUCER_EPOCH' }),
    )
    const next = batchOf(['next'], { producerId: 1, producerEpoch: 2, baseSequence: 0, transactional: true })
    expect(log.append(next, CLIENT).duplicate).toBe(false)
  })
})
const COORDINATOR_ORIGIN = { origin: 'coordinator' } as const

it('an altered config holds from the next append on', () => {
  const log = openLog()
  log.updateConfig(topicConfig({ 'max.message.bytes': '10' }))
  expect(() => log.append(batchOf(['a']), CLIENT)).toThrow(
    expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' }),
  )
})
