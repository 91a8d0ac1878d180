import { describe, expect, it } from 'vitest'
import { ManualClock, nextEventLoopTurn } from '../../src/common/index.js'
import { HeldSegments, type SegmentHold } from '../../src/log/held-segments.js'
import { Log } from '../../src/log/index.js'
import { CLIENT, FaultyFiles, openLog, readAll } from './partition-log-fixture.js'
import { batchOf } from './record-batch-fixtures.js'

/** Notes when it is told to let go. */
class Hold implements SegmentHold {
  released = 0

  letGo(): void {
    this.released++
  }
}

describe('segments that are read', () => {
  it('let go in the order in which they were used last, beyond a number of files', () => {
    const held = new HeldSegments({ maxFiles: 2 })
    const [a, b, c] = [new Hold(), new Hold(), new Hold()]
    held.use(a, 0)
    held.use(b, 0)
    held.use(a, 0)
    held.use(c, 0)
    expect([a.released, b.released, c.released]).toEqual([0, 1, 0])
    held.forget(c)
    held.use(b, 0)
    expect([a.released, b.released, c.released]).toEqual([0, 1, 0])
  })

  it('let go beyond a number of bytes of indexes, but for the one that is read', () => {
    const held = new HeldSegments({ maxFiles: 100, maxIndexBytes: 1000 })
    const holds = Array.from({ length: 4 }, () => new Hold())
    for (const hold of holds) held.use(hold, 400)
    expect(holds.map((hold) => hold.released)).toEqual([1, 1, 0, 0])
    held.use(holds[3]!, 5000)
    expect(holds.map((hold) => hold.released)).toEqual([1, 1, 1, 0])
  })

  it('keep no more files open than were allowed, however many are read', () => {
    const files = new FaultyFiles()
    const config = { 'internal.segment.bytes': '200', 'index.interval.bytes': '50' }
    const heldSegments = new HeldSegments({ maxFiles: 5 })
    const log = openLog({ files, config, heldSegments, recentBytes: 0 })
    for (let i = 0; i < 60; i++) log.append(batchOf([`${i}`], { timestamp: 1000 + i }), CLIENT)
    log.flushSync()
    expect(log.segmentCount).toBeGreaterThan(20)
    for (let round = 0; round < 2; round++) {
      for (let offset = 0; offset < 60; offset++) {
        expect(log.read(offset, { maxBytes: 1 }).batches[0]!.baseOffset).toBe(offset)
        expect(log.offsetForTimestamp(1000 + offset)).toEqual({ offset, timestamp: 1000 + offset })
        // Those, and the one that is written to.
        expect(files.opened.size).toBeLessThanOrEqual(6)
      }
    }
    expect(readAll(log).length).toBe(60)
  })
})

it('an idle log of 1,000 partitions holds no file and little memory', async () => {
  const files = new FaultyFiles()
  const clock = new ManualClock(1_000_000)
  const retentionCheckIntervalMs = 60_000
  const log = await Log.open({
    dataDirectory: '/data',
    fileSystem: files,
    clock,
    retentionCheckIntervalMs,
    recentBatchesBytes: 0,
  })
  await log.admin.createTopics([{ topic: 'wide', partitions: 1000 }])
  expect(files.opened.size).toBe(0)
  const before = process.memoryUsage().heapUsed
  const producer = log.producer()
  for (let partition = 0; partition < 1000; partition++) {
    producer.write({ topic: 'wide', partition, value: Buffer.alloc(100) })
  }
  await producer.close()
  expect(files.opened.size).toBe(1000)
  clock.advance(retentionCheckIntervalMs)
  await nextEventLoopTurn()
  expect(files.opened.size).toBe(1000)
  clock.advance(retentionCheckIntervalMs)
  await nextEventLoopTurn()
  expect(files.opened.size).toBe(0)
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(100_000_000)

  const consumer = log.consumer({ autoOffsetReset: 'earliest' })
  consumer.assign(Array.from({ length: 1000 }, (_, partition) => ({ topic: 'wide', partition })))
  let seen = 0
  while (seen < 1000) for (const batch of await consumer.pollBatches()) seen += batch.recordCount
  expect(files.opened.size).toBe(500)
  await log.close()
})
