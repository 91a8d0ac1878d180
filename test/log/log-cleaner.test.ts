import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemoryFiles } from '../../src/common/index.js'
import { buildTransactionMarker } from '../../src/log/control-record.js'
import type { PartitionLog } from '../../src/log/partition-log.js'
import { rewriteBatch } from '../../src/log/rewrite-batch.js'
import { describeOracle } from './oracle.js'
import { CLIENT, COORDINATOR, copyFiles, DIRECTORY, openLog } from './partition-log-fixture.js'
import {
  batchesIn,
  type CompressionType,
  createBatchBuilder,
  RecordBatchView,
} from './record-batch-fixtures.js'

const config = { 'cleanup.policy': 'compact', 'internal.segment.bytes': '400', 'index.interval.bytes': '100' }

interface KeyedRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: string
  readonly value: string | null
}

function keyed(
  records: readonly (readonly [string, string | null])[],
  header = {},
  compression: CompressionType = 'none',
) {
  const builder = createBatchBuilder({ compression })
  for (const [i, [key, value]] of records.entries()) {
    builder.append(1000 + i, Buffer.from(key), value === null ? null : Buffer.from(value))
  }
  return builder.finish(header)
}

/** Everything in the files, control batches left out. */
function contents(log: PartitionLog): KeyedRecord[] {
  const records: KeyedRecord[] = []
  for (let offset = log.logStartOffset; offset < log.logEndOffset; ) {
    const { batches } = log.read(offset)
    if (batches.length === 0) break
    for (const batch of batches) {
      const { count, buffer, offsets, timestamps, keyStart, keyEnd, valueStart, valueEnd } =
        batch.decode(offset)
      for (let i = 0; i < count && !batch.control; i++) {
        records.push({
          offset: offsets[i]!,
          timestamp: timestamps[i]!,
          key: buffer.toString('utf8', keyStart[i], keyEnd[i]),
          value: valueStart[i]! < 0 ? null : buffer.toString('utf8', valueStart[i], valueEnd[i]),
        })
      }
      offset = batch.nextOffset
    }
  }
  return records
}

/** Fills the active segment, so that everything before can be compacted. */
function roll(log: PartitionLog): void {
  log.append(keyed([['filler', 'f'.repeat(380)]]), CLIENT)
}

describe('compaction', () => {
  it('keeps the newest record of each key, at its offset and with its time', () => {
    for (const recentBytes of [0, 1_000_000]) {
      const log = openLog({ config, recentBytes })
      for (let i = 0; i < 30; i++)
        log.append(
          keyed([
            [`k${i % 4}`, `v${i}`],
            [`only${i}`, 'x'],
          ]),
          CLIENT,
        )
      roll(log)
      const before = contents(log)
      expect(log.compact(5000)).toBe(true)
      const newest = new Map(before.map((r) => [r.key, r.offset]))
      const untouched = log.cleanedUpTo
      expect(untouched).toBeGreaterThan(40)
      expect(contents(log)).toEqual(
        before.filter((r) => r.offset >= untouched || newestBelow(before, r, untouched)),
      )
      expect(newest.size).toBeGreaterThan(30)
      expect(log.compact(5000)).toBe(false)
    }
  })

  function newestBelow(all: readonly KeyedRecord[], record: KeyedRecord, end: number): boolean {
    return !all.some(
      (other) => other.key === record.key && other.offset > record.offset && other.offset < end,
    )
  }

  it('drops tombstones one delete.retention.ms after the pass that first met them', () => {
    const log = openLog({ config: { ...config, 'delete.retention.ms': '1000' }, recentBytes: 0 })
    log.append(
      keyed([
        ['a', '1'],
        ['b', '2'],
      ]),
      CLIENT,
    )
    log.append(
      keyed([
        ['a', null],
        ['c', '3'],
      ]),
      CLIENT,
    )
    roll(log)
    log.compact(5000)
    expect(contents(log).map((r) => [r.offset, r.timestamp, r.key, r.value])).toEqual([
      [1, 1001, 'b', '2'],
      [2, 1000, 'a', null],
      [3, 1001, 'c', '3'],
      [4, 1000, 'filler', 'f'.repeat(380)],
    ])
    expect(log.read(2).batches[0]!.deleteHorizonMs).toBe(6000)
    roll(log)
    log.compact(5999)
    expect(contents(log).some((r) => r.key === 'a')).toBe(true)
    roll(log)
    log.compact(6000)
    expect(contents(log).map((r) => r.key)).toEqual(['b', 'c', 'filler', 'filler'])
    expect(log.read(2).batches[0]!.deleteHorizonMs).toBe(6000)
  })

  it('drops records of aborted transactions, and in time the markers of empty ones', () => {
    const files = new MemoryFiles()
    const log = openLog({ files, config: { ...config, 'delete.retention.ms': '1000' }, recentBytes: 0 })
    const data = (producerId: number, baseSequence: number, key: string, value: string) =>
      log.append(
        keyed([[key, value]], { producerId, producerEpoch: 0, baseSequence, transactional: true }),
        CLIENT,
      )
    const end = (producerId: number, type: 'COMMIT' | 'ABORT') =>
      log.append(
        buildTransactionMarker({ type, producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 2000 }),
        COORDINATOR,
      )
    log.append(keyed([['a', 'before']]), CLIENT)
    data(1, 0, 'a', 'aborted')
    data(2, 0, 'b', 'committed')
    end(1, 'ABORT')
    end(2, 'COMMIT')
    data(1, 1, 'c', 'committed too')
    end(1, 'COMMIT')
    data(2, 1, 'b', 'newer')
    end(2, 'COMMIT')
    roll(log)
    const values = () => contents(log).map((r) => r.value?.slice(0, 13))
    log.compact(5000)
    expect(values()).toEqual(['before', 'committed too', 'newer', 'fffffffffffff'])
    const markers = () => {
      const found: number[] = []
      for (let offset = 0; offset < log.logEndOffset; ) {
        for (const batch of log.read(offset).batches) {
          if (batch.control && batch.recordCount > 0) found.push(batch.baseOffset)
          offset = batch.nextOffset
        }
      }
      return found
    }
    expect(markers()).toEqual([3, 4, 6, 8])
    for (const now of [6000, 8000, 10_000]) {
      roll(log)
      log.compact(now)
    }
    // Both producers' last transactions have data left; the earlier ones do not.
    expect(markers()).toEqual([6, 8])
    expect(values()).toEqual(['before', 'committed too', 'newer', 'fffffffffffff', 'fffffffffffff'])
    expect(log.lastStableOffset).toBe(log.logEndOffset)
    expect(openLog({ files: copyFiles(files), config }).logEndOffset).toBe(log.logEndOffset)
  })

  it('does not touch what an open transaction may still abort', () => {
    const log = openLog({ config, recentBytes: 0 })
    log.append(keyed([['a', 'old']]), CLIENT)
    roll(log)
    log.append(
      keyed([['a', 'new']], { producerId: 1, producerEpoch: 0, baseSequence: 0, transactional: true }),
      CLIENT,
    )
    roll(log)
    roll(log)
    log.compact(5000)
    expect(log.cleanedUpTo).toBeLessThanOrEqual(2)
    expect(contents(log).filter((r) => r.key === 'a').length).toBe(2)
  })

  it('keeps the last batch of a producer, so that its sequences go on after a restart', () => {
    const files = new MemoryFiles()
    const log = openLog({ files, config })
    const send = (sequence: number, key: string) =>
      keyed([[key, 'x']], { producerId: 9, producerEpoch: 2, baseSequence: sequence })
    log.append(send(0, 'a'), CLIENT)
    log.append(send(1, 'a'), CLIENT)
    log.append(keyed([['a', 'by somebody else']]), CLIENT)
    roll(log)
    log.compact(5000)
    expect(contents(log).map((r) => r.offset)).toEqual([2, 3])
    for (const name of files.list(DIRECTORY))
      if (name.endsWith('.snapshot')) files.remove(`${DIRECTORY}/${name}`)
    const reopened = openLog({ files: copyFiles(files), config })
    expect(reopened.append(send(1, 'a'), CLIENT)).toMatchObject({ duplicate: true, baseOffset: 1 })
    expect(reopened.append(send(2, 'a'), CLIENT).duplicate).toBe(false)
  })

  it('puts small segments together and never moves an offset', () => {
    const log = openLog({ config, recentBytes: 0 })
    for (let i = 0; i < 40; i++) log.append(keyed([['k', `${i}`]]), CLIENT)
    roll(log)
    const segments = log.segmentCount
    log.compact(5000)
    roll(log)
    // What the first pass shrank, the second puts together.
    log.compact(5000)
    const end = log.logEndOffset
    expect(log.segmentCount).toBeLessThan(segments / 2)
    expect(contents(log).map((r) => r.value?.slice(0, 2))).toEqual(['39', 'ff', 'ff'])
    expect(log.logEndOffset).toBe(end)
    for (let offset = 0; offset < end; offset++) expect(log.read(offset).batches.length).toBeGreaterThan(0)
    expect(log.offsetForTimestamp(1000)).toEqual({ offset: 39, timestamp: 1000 })
  })

  it('waits until enough is dirty, or until it has been for too long', () => {
    const patient = openLog({
      config: { ...config, 'min.cleanable.dirty.ratio': '0.9', 'max.compaction.lag.ms': '10000' },
    })
    for (let i = 0; i < 20; i++) patient.append(keyed([[`k${i}`, `v${i}`]]), CLIENT)
    expect(patient.needsCompaction(2000)).toBe(true)
    patient.compact(2000)
    expect(patient.needsCompaction(2000)).toBe(false)
    roll(patient)
    roll(patient)
    expect(patient.needsCompaction(2000)).toBe(false)
    expect(patient.needsCompaction(12_000)).toBe(true)
    expect(openLog().needsCompaction(1e9)).toBe(false)
  })

  it('in slices gives the same, and ends when the log is closed', async () => {
    const fill = () => {
      const log = openLog({ config: { ...config, 'internal.segment.bytes': '3000000' }, recentBytes: 0 })
      for (let i = 0; i < 80; i++) log.append(keyed([[`k${i % 7}`, `${i}`.repeat(40_000)]]), CLIENT)
      return log
    }
    const whole = fill()
    whole.compact(5000)
    const sliced = fill()
    const work = sliced.compactInSlices(5000)
    sliced.append(keyed([['k0', 'meanwhile']]), CLIENT)
    expect(sliced.compact(5000)).toBe(false)
    expect(await work).toBe(true)
    expect(contents(sliced).slice(0, -1)).toEqual(contents(whole))
    const closed = fill()
    const ended = closed.compactInSlices(5000)
    closed.close()
    expect(await ended).toBe(false)
  })

  const operations = fc.array(
    fc.record({
      key: fc.integer({ min: 0, max: 6 }),
      value: fc.option(fc.integer({ min: 0, max: 99 }), { freq: 4 }),
      producer: fc.integer({ min: 0, max: 3 }),
      outcome: fc.constantFrom('commit', 'abort', 'none', 'none'),
      compact: fc.boolean(),
      compression: fc.constantFrom<CompressionType>('none', 'none', 'lz4', 'gzip'),
    }),
    { minLength: 1, maxLength: 60 },
  )

  it('never changes what a reader of committed data ends up with', () => {
    fc.assert(
      fc.property(operations, fc.integer({ min: 60, max: 2000 }), (steps, segmentBytes) => {
        const files = new MemoryFiles()
        const settings = {
          ...config,
          'internal.segment.bytes': String(segmentBytes),
          'delete.retention.ms': '10',
        }
        let log = openLog({ files, config: settings, recentBytes: 0 })
        const reference = openLog({ config: { 'cleanup.policy': 'compact' } })
        const sequences = [0, 0, 0, 0]
        const open = new Set<number>()
        let now = 2000
        const both = (bytes: Buffer, origin: typeof CLIENT | typeof COORDINATOR) => {
          const copy = Buffer.from(bytes)
          expect(log.append(bytes, origin)).toEqual(reference.append(copy, origin))
        }
        for (const { key, value, producer, outcome, compact, compression } of steps) {
          const transactional = producer > 0
          const header = transactional
            ? { producerId: producer, producerEpoch: 0, baseSequence: sequences[producer]!++, transactional }
            : {}
          if (transactional) open.add(producer)
          both(keyed([[`k${key}`, value === null ? null : `${value}`]], header, compression), CLIENT)
          if (outcome !== 'none' && open.delete(producer)) {
            const type = outcome === 'commit' ? 'COMMIT' : 'ABORT'
            const marker = {
              type,
              producerId: producer,
              producerEpoch: 0,
              coordinatorEpoch: 0,
              timestamp: now,
            } as const
            both(buildTransactionMarker(marker), COORDINATOR)
          }
          now += 7
          if (compact) {
            log.compact(now)
            if (key === 0) {
              log.close()
              log = openLog({
                files,
                config: settings,
                cleanShutdown: true,
                recentBytes: 0,
                cleanedUpTo: log.cleanedUpTo,
              })
            }
          }
        }
        expect(committedTable(log)).toEqual(committedTable(reference))
        expect(log.logEndOffset).toBe(reference.logEndOffset)
        expect(log.lastStableOffset).toBe(reference.lastStableOffset)
        expect(committedTable(openLog({ files: copyFiles(files), config: settings }))).toEqual(
          committedTable(reference),
        )
      }),
      { numRuns: 300 },
    )
  })
})

/** What a read_committed consumer holds that keeps the newest value of each key. */
function committedTable(log: PartitionLog): Map<string, string> {
  const table = new Map<string, string>()
  const { abortedTransactions } = log.read(log.logStartOffset, { isolation: 'read_committed', maxBytes: 1e9 })
  const pending = [...log.abortedTransactions(0, log.lastStableOffset)]
  expect(abortedTransactions).not.toBeNull()
  const aborting = new Set<number>()
  for (let offset = log.logStartOffset; offset < log.lastStableOffset; ) {
    const { batches } = log.read(offset, { isolation: 'read_committed' })
    if (batches.length === 0) break
    for (const batch of batches) {
      while (pending.length > 0 && pending[0]!.firstOffset <= batch.lastOffset)
        aborting.add(pending.shift()!.producerId)
      offset = batch.nextOffset
      if (batch.control) {
        aborting.delete(batch.producerId)
        continue
      }
      if (batch.transactional && aborting.has(batch.producerId)) continue
      const { count, buffer, keyStart, keyEnd, valueStart, valueEnd } = batch.decode()
      for (let i = 0; i < count; i++) {
        const key = buffer.toString('utf8', keyStart[i], keyEnd[i])
        if (valueStart[i]! < 0) table.delete(key)
        else table.set(key, buffer.toString('utf8', valueStart[i], valueEnd[i]))
      }
    }
  }
  return new Map([...table].sort())
}

describeOracle<{ name: string; hex: string }>('record-batches.json', (vectors) => {
  it('rewrites a batch with all its records, or a kept horizon, to the same bytes', () => {
    for (const name of [
      'three',
      'time-disorder',
      'time-far',
      'delete-horizon',
      'control-abort',
      'idempotent',
      'log-append-time',
    ]) {
      const { hex } = vectors.find((v) => v.name === name)!
      const [batch] = batchesIn(Buffer.from(hex, 'hex'))
      const rewritten = rewriteBatch(
        batch!,
        new Uint8Array(batch!.recordCount).fill(1),
        batch!.deleteHorizonMs,
      )
      expect(rewritten.toString('hex'), name).toBe(hex)
    }
  })

  it('leaves an empty batch as Kafka does', () => {
    const { hex } = vectors.find((v) => v.name === 'empty-batch')!
    const empty = new RecordBatchView(Buffer.from(hex, 'hex'))
    expect([empty.recordCount, empty.baseTimestamp, empty.lastOffsetDelta >= 0]).toEqual([0, -1, true])
    expect(rewriteBatch(empty, new Uint8Array(0), null).toString('hex')).toBe(hex)
  })
})
