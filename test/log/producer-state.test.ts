import { describe, expect, it } from 'vitest'
import { ManualClock, MemoryFiles } from '../../src/common/index.js'
import { ProducerState } from '../../src/log/producer-state.js'
import { CLIENT, copyFiles, DIRECTORY, openLog, readAll, rewrite } from './partition-log-fixture.js'
import { batchOf, RecordBatchView } from './record-batch-fixtures.js'

const send = (
  baseSequence: number,
  options: { producerEpoch?: number; count?: number; producerId?: number } = {},
) => {
  const { producerEpoch = 0, count = 2, producerId = 7 } = options
  const values = Array.from({ length: count }, (_, i) => `${baseSequence + i}`)
  return batchOf(values, { producerId, producerEpoch, baseSequence })
}
const withCode = (code: string) => expect.objectContaining({ code })

describe('an idempotent producer', () => {
  it('is answered with the first offsets when it repeats one of its last five batches', () => {
    const log = openLog()
    for (let i = 0; i < 6; i++) log.append(send(i * 2), CLIENT)
    for (let i = 1; i < 6; i++) {
      expect(log.append(send(i * 2), CLIENT)).toEqual({
        baseOffset: i * 2,
        lastOffset: i * 2 + 1,
        logAppendTime: -1,
        duplicate: true,
      })
    }
    expect(log.logEndOffset).toBe(12)
    expect(() => log.append(send(0), CLIENT)).toThrow(withCode('OUT_OF_ORDER_SEQUENCE_NUMBER'))
  })

  it('must not leave sequences out, nor repeat a part of a batch', () => {
    const log = openLog()
    log.append(send(0), CLIENT)
    expect(() => log.append(send(3), CLIENT)).toThrow(withCode('OUT_OF_ORDER_SEQUENCE_NUMBER'))
    expect(() => log.append(send(1), CLIENT)).toThrow(withCode('OUT_OF_ORDER_SEQUENCE_NUMBER'))
    expect(() => log.append(send(0, { count: 1 }), CLIENT)).toThrow(withCode('OUT_OF_ORDER_SEQUENCE_NUMBER'))
    expect(log.append(send(2), CLIENT).baseOffset).toBe(2)
  })

  it('may begin anywhere when nothing is known of it, but not in a transaction of version 2', () => {
    const log = openLog()
    expect(log.append(send(1234), CLIENT).baseOffset).toBe(0)
    const transactional = (baseSequence: number) =>
      batchOf(['t'], { producerId: 8, producerEpoch: 0, baseSequence, transactional: true })
    expect(() => log.append(transactional(3), { ...CLIENT, transactionVersion: 2 })).toThrow(
      withCode('OUT_OF_ORDER_SEQUENCE_NUMBER'),
    )
    expect(log.append(transactional(0), { ...CLIENT, transactionVersion: 2 }).baseOffset).toBe(2)
  })

  it('starts again at 0 with a new epoch, which fences the old one', () => {
    const log = openLog()
    log.append(send(0), CLIENT)
    expect(() => log.append(send(2, { producerEpoch: 1 }), CLIENT)).toThrow(
      withCode('OUT_OF_ORDER_SEQUENCE_NUMBER'),
    )
    log.append(send(0, { producerEpoch: 1 }), CLIENT)
    expect(() => log.append(send(2), CLIENT)).toThrow(withCode('INVALID_PRODUCER_EPOCH'))
    // The same sequences of the old epoch are no repetition.
    expect(() => log.append(send(0), CLIENT)).toThrow(withCode('INVALID_PRODUCER_EPOCH'))
  })

  it('goes on at 0 after the last sequence number, also within a batch', () => {
    const log = openLog()
    log.append(send(2147483646), CLIENT)
    expect(log.append(send(0), CLIENT).duplicate).toBe(false)
    const other = openLog()
    other.append(send(2147483647), CLIENT)
    expect(other.append(send(2147483647), CLIENT).duplicate).toBe(true)
    expect(other.append(send(1), CLIENT).duplicate).toBe(false)
  })

  it('is forgotten after being silent for too long', () => {
    const clock = new ManualClock(1_000_000)
    const log = openLog({ clock, producerIdExpirationMs: 5000 })
    log.append(send(0), CLIENT)
    // Of its records the time does not matter, they may be of any age.
    log.applyRetention(1_000_000 + 5000)
    expect(() => log.append(send(9), CLIENT)).toThrow(withCode('OUT_OF_ORDER_SEQUENCE_NUMBER'))
    log.applyRetention(1_000_001 + 5000)
    expect(log.append(send(9), CLIENT).baseOffset).toBe(2)
  })
})

describe('producer state over restarts', () => {
  const fill = (files: MemoryFiles) => {
    const log = openLog({ files, config: { 'internal.segment.bytes': '400' } })
    for (let i = 0; i < 10; i++) {
      log.append(send(i * 2), CLIENT)
      log.append(send(i * 2, { producerId: 8, producerEpoch: 3 }), CLIENT)
    }
    return log
  }
  const check = (files: MemoryFiles, cleanShutdown: boolean) => {
    const log = openLog({ files, cleanShutdown, config: { 'internal.segment.bytes': '400' } })
    expect(readAll(log).length).toBe(40)
    expect(log.append(send(18), CLIENT)).toMatchObject({ duplicate: true, baseOffset: 36 })
    expect(log.append(send(18, { producerId: 8, producerEpoch: 3 }), CLIENT)).toMatchObject({
      duplicate: true,
    })
    expect(() => log.append(send(21), CLIENT)).toThrow(withCode('OUT_OF_ORDER_SEQUENCE_NUMBER'))
    expect(() => log.append(send(20, { producerId: 8, producerEpoch: 2 }), CLIENT)).toThrow(
      withCode('INVALID_PRODUCER_EPOCH'),
    )
    expect(log.append(send(20), CLIENT).baseOffset).toBe(40)
  }

  it('comes from the snapshot of a clean stop', () => {
    const files = new MemoryFiles()
    fill(files).close()
    expect(files.list(DIRECTORY)).toContain('00000000000000000040.snapshot')
    check(files, true)
  })

  it('comes from a snapshot and what lies above it after an unclean stop', () => {
    const files = new MemoryFiles()
    fill(files)
    check(copyFiles(files), false)
  })

  it('comes from an older snapshot, or the log alone, where snapshots are damaged', () => {
    const files = new MemoryFiles()
    fill(files).close()
    const newest = `${DIRECTORY}/00000000000000000040.snapshot`
    rewrite(files, newest, (bytes) => {
      bytes[20] = bytes[20]! ^ 1
      return bytes
    })
    check(copyFiles(files), true)
    for (const name of files.list(DIRECTORY).filter((n) => n.endsWith('.snapshot'))) {
      rewrite(files, `${DIRECTORY}/${name}`, () => Buffer.from('nonsense'))
    }
    check(copyFiles(files), true)
    check(copyFiles(files), false)
  })

  it('keeps snapshots only where a recovery may begin', () => {
    const files = new MemoryFiles()
    for (let i = 0; i < 5; i++) {
      const log = openLog({ files, cleanShutdown: i > 0 })
      log.append(batchOf(['x']), CLIENT)
      log.close()
    }
    expect(files.list(DIRECTORY).filter((n) => n.endsWith('.snapshot'))).toEqual([
      '00000000000000000004.snapshot',
      '00000000000000000005.snapshot',
    ])
  })

  it('every damaged byte of a snapshot is noticed', () => {
    const state = new ProducerState()
    state.update(new RecordBatchView(send(4)), 1_000_000)
    const snapshot = state.encodeSnapshot()
    expect(ProducerState.decodeSnapshot(snapshot)?.encodeSnapshot()).toEqual(snapshot)
    for (let at = 0; at < snapshot.length; at++) {
      const bad = Buffer.from(snapshot)
      bad[at] = bad[at]! ^ 1
      expect(ProducerState.decodeSnapshot(bad), `byte ${at}`).toBeNull()
      expect(ProducerState.decodeSnapshot(snapshot.subarray(0, at)), `cut at ${at}`).toBeNull()
    }
  })
})
