import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../src/common/index.js'
import { type ConsumerRecord, type DecodedBatch, Log } from '../../src/log/index.js'
import { int32Serde, stringSerde } from '../../src/serde/index.js'
import { at, dataDirectory, storages, take, text } from './log-fixture.js'

describe.each(storages)('consumer over %s', (storage) => {
  /** A topic whose partition p holds the values p:0 … p:(count - 1), with timestamps 1000 + 10 i. */
  async function logWith(counts: readonly number[], batchSize = 200) {
    const log = await dataDirectory(storage).open()
    await log.admin.createTopics([{ topic: 't', partitions: counts.length }])
    const producer = log.producer({ ...text, batchSize })
    counts.forEach((count, partition) => {
      for (let i = 0; i < count; i++) {
        producer.write({ topic: 't', partition, value: `${partition}:${i}`, timestamp: 1000 + 10 * i })
      }
    })
    await producer.flush()
    return log
  }

  const earliest = { ...text, autoOffsetReset: 'earliest' } as const
  const valuesOf = (records: readonly ConsumerRecord<string, string>[]) => records.map((r) => r.value)

  it('reads every record of its partitions once and in order', async () => {
    const log = await logWith([300, 0, 200])
    const consumer = log.consumer({ ...earliest, maxPollRecords: 7 })
    consumer.assign([at('t', 0), at('t', 1), at('t', 2)])
    const records = await take(consumer, 500)
    for (const [partition, count] of [300, 0, 200].entries()) {
      const ours = records.filter((record) => record.partition === partition)
      expect(ours.map((record) => record.offset)).toEqual(Array.from({ length: count }, (_, i) => i))
      expect(valuesOf(ours)).toEqual(Array.from({ length: count }, (_, i) => `${partition}:${i}`))
    }
    expect(await consumer.poll(0)).toEqual([])
  })

  it('does not let one full partition starve the others', async () => {
    const log = await logWith([1000, 1000, 1000])
    const consumer = log.consumer({ ...earliest, maxPollRecords: 10 })
    consumer.assign([at('t', 0), at('t', 1), at('t', 2)])
    const seen = new Set<number>()
    for (let i = 0; i < 3; i++) for (const record of await consumer.poll()) seen.add(record.partition)
    expect([...seen].sort()).toEqual([0, 1, 2])
  })

  it('hands out whole batches, whose records below the position are left out', async () => {
    const log = await logWith([100])
    const consumer = log.consumer(earliest)
    consumer.assign([at('t')])
    consumer.seek(at('t'), 55)
    const offsets: number[] = []
    for (const batch of await consumer.pollBatches()) {
      const decoded = batch.decode()
      for (let i = 0; i < decoded.count; i++) offsets.push(decoded.offsets[i]!)
    }
    expect(offsets).toEqual(Array.from({ length: 45 }, (_, i) => 55 + i))
    expect(await consumer.position(at('t'))).toBe(100)
  })

  it('reads over batches that were released, never over others', async () => {
    // Without recent batches in memory, all is read from segments, in several reads.
    const log = await dataDirectory(storage).open({ recentBatchesBytes: 0 })
    await log.admin.createTopics([{ topic: 't' }])
    const producer = log.producer({ ...text, batchSize: 3_000 })
    const value = (i: number) => `${i}${'.'.repeat(i % 150)}`
    const count = 20_000
    for (let i = 0; i < count; i++) producer.write({ topic: 't', value: value(i) })
    await producer.flush()
    const consumer = log.consumer(earliest)
    consumer.assign([at('t')])
    const kept: { first: number; decoded: DecodedBatch }[] = []
    const check = ({ first, decoded }: { first: number; decoded: DecodedBatch }) => {
      const { buffer, valueStart, valueEnd } = decoded
      for (let i = 0; i < decoded.count; i++) {
        expect(decoded.offsets[i]).toBe(first + i)
        expect(buffer.toString('latin1', valueStart[i]!, valueEnd[i]!)).toBe(value(first + i))
      }
    }
    let next = 0
    for (let turn = 0; next < count; turn++) {
      for (const batch of await consumer.pollBatches()) {
        const decoded = batch.decode()
        check({ first: next, decoded })
        // Whole polls are released now and then, so that buffers come back, and single batches.
        if (turn % 3 > 0 || next % 2 === 0) {
          batch.release!()
          expect(() => batch.decode()).toThrow(/released/)
        } else kept.push({ first: next, decoded })
        next += decoded.count
      }
    }
    expect(kept.length).toBeGreaterThan(10)
    kept.forEach(check)
  })

  it('lets poll and pollBatches follow each other without loss or repetition', async () => {
    const log = await logWith([100])
    const consumer = log.consumer({ ...earliest, maxPollRecords: 33 })
    consumer.assign([at('t')])
    const offsets = (await consumer.poll()).map((record) => record.offset)
    for (const batch of await consumer.pollBatches()) offsets.push(...batch.decode().offsets)
    expect(offsets).toEqual(Array.from({ length: 100 }, (_, i) => i))
  })

  it('returns a record larger than the fetch size', async () => {
    const log = await logWith([0])
    const producer = log.producer(text)
    const big = 'x'.repeat(500_000)
    await producer.send({ topic: 't', value: big })
    const consumer = log.consumer({ ...earliest, maxPartitionFetchBytes: 1000 })
    consumer.assign([at('t')])
    expect(valuesOf(await consumer.poll())).toEqual([big])
  })

  it('waits for an append, and only as long as told', async () => {
    const log = await logWith([0])
    const consumer = log.consumer(earliest)
    consumer.assign([at('t')])
    const polled = consumer.poll(60_000)
    await log.producer(text).send({ topic: 't', value: 'now' })
    expect(valuesOf(await polled)).toEqual(['now'])
    expect(await consumer.poll(1)).toEqual([])
  })

  it('waits for fetchMinBytes, but no longer than fetchMaxWaitMs', async () => {
    const clock = new ManualClock(0)
    const log = await dataDirectory(storage).open({ clock })
    await log.admin.createTopics([{ topic: 't' }])
    const producer = log.producer(text)
    const write = async (value: string) => {
      producer.write({ topic: 't', value })
      await producer.flush()
    }
    const consumer = log.consumer({ ...earliest, fetchMinBytes: 1000, fetchMaxWaitMs: 50 })
    consumer.assign([at('t')])
    let polled: readonly ConsumerRecord<string, string>[] | null = null
    const first = consumer.poll(10_000).then((records) => {
      polled = records
    })
    await write('small')
    await new Promise(setImmediate)
    expect(polled).toBeNull()
    await write('x'.repeat(2000))
    await first
    expect(polled).toHaveLength(2)

    const second = consumer.poll(10_000)
    await write('late')
    await new Promise(setImmediate)
    clock.advance(50)
    expect(valuesOf(await second)).toEqual(['late'])
  })

  it('wakes up a waiting poll, or the next one', async () => {
    const log = await logWith([0])
    const consumer = log.consumer(earliest)
    consumer.assign([at('t')])
    const polled = consumer.poll(60_000)
    consumer.wakeup()
    expect(await polled).toEqual([])
    consumer.wakeup()
    expect(await consumer.poll(60_000)).toEqual([])
  })

  it('seeks to the beginning, the end, an offset and a time', async () => {
    const log = await logWith([50])
    const consumer = log.consumer({ ...earliest, maxPollRecords: 1 })
    const partition = at('t')
    consumer.assign([partition])
    const next = async () => (await consumer.poll(0))[0]?.value
    consumer.seek(partition, 20)
    expect(await next()).toBe('0:20')
    expect(await consumer.position(partition)).toBe(21)
    consumer.seekToBeginning()
    expect(await next()).toBe('0:0')
    consumer.seekToEnd([partition])
    expect(await next()).toBeUndefined()
    expect(await consumer.position(partition)).toBe(50)
    const times = [0, 1101, 1490, 1491].map((timestamp) => ({ partition, timestamp }))
    expect(await consumer.offsetsForTimes(times)).toEqual([
      { offset: 0, timestamp: 1000 },
      { offset: 11, timestamp: 1110 },
      { offset: 49, timestamp: 1490 },
      null,
    ])
    expect(await consumer.beginningOffsets([partition])).toEqual([0])
    expect(await consumer.endOffsets([partition])).toEqual([50])
  })

  it('tells its lag: up to the end, or under read_committed up to what is decided', async () => {
    const log = await logWith([10])
    const consumer = log.consumer({ ...earliest, maxPollRecords: 3 })
    consumer.assign([at('t')])
    expect(consumer.currentLag(at('t'))).toBeNull()
    await consumer.poll(0)
    expect(consumer.currentLag(at('t'))).toBe(7)
    const committed = log.consumer({ ...earliest, isolationLevel: 'read_committed' })
    committed.assign([at('t')])
    await committed.poll(0)
    const producer = log.producer({ ...text, transactionalId: 'open' })
    await producer.initTransactions()
    producer.beginTransaction()
    producer.write({ topic: 't', value: 'undecided' })
    await producer.flush()
    expect(consumer.currentLag(at('t'))).toBe(8)
    expect(committed.currentLag(at('t'))).toBe(0)
    expect(() => consumer.currentLag(at('other'))).toThrow(/not assigned/)
  })

  it('begins where autoOffsetReset says', async () => {
    const log = await logWith([10])
    const latest = log.consumer(text)
    latest.assign([at('t')])
    expect(await latest.poll(0)).toEqual([])
    await log.producer(text).send({ topic: 't', value: 'new' })
    expect(valuesOf(await latest.poll())).toEqual(['new'])

    const none = log.consumer({ ...text, autoOffsetReset: 'none' })
    none.assign([at('t')])
    await expect(none.poll(0)).rejects.toMatchObject({ code: 'NO_OFFSET_FOR_PARTITION' })
  })

  it('applies the reset policy to a position outside of the log', async () => {
    const log = await logWith([10])
    await log.admin.deleteRecords([{ partition: at('t'), offset: 4 }])
    const consumer = log.consumer({ ...earliest, maxPollRecords: 1 })
    consumer.assign([at('t')])
    consumer.seek(at('t'), 1)
    expect((await consumer.poll(0))[0]?.offset).toBe(4)
    consumer.seek(at('t'), 99)
    expect((await consumer.poll(0))[0]?.offset).toBe(4)
    const strict = log.consumer({ ...text, autoOffsetReset: 'none' })
    strict.assign([at('t')])
    strict.seek(at('t'), 99)
    await expect(strict.poll(0)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
  })

  it('skips paused partitions until they are resumed', async () => {
    const log = await logWith([5, 5])
    const consumer = log.consumer(earliest)
    consumer.assign([at('t', 0), at('t', 1)])
    consumer.pause([at('t', 0)])
    expect((await consumer.poll(0)).map((record) => record.partition)).toEqual([1, 1, 1, 1, 1])
    expect(await consumer.poll(0)).toEqual([])
    consumer.resume([at('t', 0)])
    expect(await consumer.poll(0)).toHaveLength(5)
  })

  it('iterates asynchronously, taking no record that is not asked for', async () => {
    const log = await logWith([100])
    const consumer = log.consumer(earliest)
    consumer.assign([at('t')])
    const values: (string | null)[] = []
    for await (const record of consumer) {
      values.push(record.value)
      if (values.length === 30) break
    }
    // The thirtieth was handed out; what was fetched beyond it is not lost.
    expect(await consumer.position(at('t'))).toBe(30)
    for await (const record of consumer) {
      values.push(record.value)
      if (values.length === 100) break
    }
    expect(values).toEqual(Array.from({ length: 100 }, (_, i) => `0:${i}`))
  })

  it('observes records as long as somebody is subscribed', async () => {
    const log = await logWith([100])
    const consumer = log.consumer(earliest)
    consumer.assign([at('t')])
    const values: (string | null)[] = []
    const observe = (until: number) =>
      new Promise<void>((resolve, reject) => {
        const subscription = consumer.records().subscribe({
          next(record) {
            values.push(record.value)
            if (values.length < until) return
            subscription.unsubscribe()
            resolve()
          },
          error: reject,
        })
      })
    await observe(42)
    await new Promise(setImmediate)
    expect(await consumer.position(at('t'))).toBe(42)
    await observe(100)
    expect(values).toEqual(Array.from({ length: 100 }, (_, i) => `0:${i}`))
  })

  it('ends iterations and observations when it is closed', async () => {
    const log = await logWith([3])
    const values: (string | null)[] = []
    const iterated = log.consumer(earliest)
    iterated.assign([at('t')])
    for await (const record of iterated) {
      values.push(record.value)
      if (values.length === 3) setImmediate(() => void iterated.close())
    }
    expect(values).toEqual(['0:0', '0:1', '0:2'])
    const observed = log.consumer(earliest)
    observed.assign([at('t')])
    await new Promise<void>((resolve, reject) => {
      observed.records().subscribe({
        next: (record) => void (record.offset === 2 && setImmediate(() => void observed.close())),
        complete: resolve,
        error: reject,
      })
    })
  })

  it('reports a record its serde cannot read, after those before it, and goes on when told', async () => {
    const log = await logWith([0])
    const producer = log.producer()
    const number = (value: number) => {
      const bytes = Buffer.alloc(4)
      bytes.writeInt32BE(value)
      return bytes
    }
    for (const value of [number(1), Buffer.from('?'), number(3)]) producer.write({ topic: 't', value })
    await producer.flush()
    const consumer = log.consumer({ valueSerde: int32Serde, autoOffsetReset: 'earliest' })
    consumer.assign([at('t')])
    expect((await consumer.poll(0)).map((record) => record.value)).toEqual([1])
    const failure = { topic: 't', partition: 0, offset: 1 }
    await expect(consumer.poll(0)).rejects.toMatchObject(failure)
    await expect(consumer.poll(0)).rejects.toMatchObject(failure)
    consumer.seek(at('t'), 2)
    expect((await consumer.poll(0)).map((record) => record.value)).toEqual([3])
  })

  it('commits offsets that survive a reopening', async () => {
    const fixture = dataDirectory(storage)
    const log = await fixture.open()
    await log.admin.createTopics([{ topic: 't', partitions: 2 }])
    const consumer = log.consumer({ ...earliest, groupId: 'g', enableAutoCommit: false })
    consumer.assign([at('t', 0), at('t', 1)])
    await consumer.commit([
      { ...at('t', 0), offset: 7, metadata: 'note' },
      { ...at('t', 1), offset: 0 },
    ])
    await log.close()

    const again = await fixture.open()
    const other = again.consumer({ groupId: 'g' })
    expect(await other.committed([at('t', 0), at('t', 1), at('t', 2)])).toEqual([
      { ...at('t', 0), offset: 7, metadata: 'note' },
      { ...at('t', 1), offset: 0, metadata: '' },
      null,
    ])
    expect(await again.admin.groupOffsets('g')).toHaveLength(2)
  })

  it('goes on from the committed position, not from the buffered one', async () => {
    const log = await logWith([100])
    const consumer = log.consumer({ ...earliest, groupId: 'g', maxPollRecords: 10, enableAutoCommit: false })
    consumer.assign([at('t')])
    await consumer.poll()
    await consumer.commit()
    await consumer.poll()
    await consumer.close()
    const next = log.consumer({ ...earliest, groupId: 'g', maxPollRecords: 1 })
    next.assign([at('t')])
    expect((await next.poll())[0]?.offset).toBe(10)
  })

  it('commits by itself after each interval and at close', async () => {
    const clock = new ManualClock(1_000)
    const log = await dataDirectory(storage).open({ clock })
    await log.admin.createTopics([{ topic: 't' }])
    const producer = log.producer(text)
    for (let i = 0; i < 3; i++) producer.write({ topic: 't', value: String(i) })
    await producer.flush()
    const consumer = log.consumer({ ...earliest, groupId: 'g', maxPollRecords: 1, autoCommitIntervalMs: 100 })
    consumer.assign([at('t')])
    const committed = async () => (await consumer.committed([at('t')]))[0]?.offset
    await consumer.poll(0)
    await consumer.poll(0)
    expect(await committed()).toBeUndefined()
    clock.advance(100)
    await consumer.poll(0)
    expect(await committed()).toBe(2)
    await consumer.close()
    expect((await log.admin.groupOffsets('g'))[0]?.offset).toBe(3)
  })
})

describe('consumer misuse', () => {
  it('is refused with a reason', async () => {
    const log = Log.memory()
    await log.admin.createTopics([{ topic: 't' }])
    const consumer = log.consumer({ keySerde: stringSerde })
    await expect(consumer.poll(0)).rejects.toThrow(/call subscribe or assign first/)
    expect(() => consumer.subscribe(['t'])).toThrow(/needs a groupId/)
    await expect(consumer.commit()).rejects.toThrow(/groupId/)
    consumer.assign([at('t')])
    expect(() => consumer.seek(at('other'), 0)).toThrow(/not assigned/)
    expect(() => consumer.seek(at('t'), -1)).toThrow(/no offset/)
    const waiting = consumer.poll(60_000)
    await expect(consumer.poll(0)).rejects.toThrow(/polling already/)
    consumer.wakeup()
    await waiting
    consumer.assign([at('missing')])
    await expect(consumer.poll(0)).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
    await consumer.close()
    await expect(consumer.poll(0)).rejects.toMatchObject({ code: 'LOG_CLOSED' })
    await log.close()
  })
})
