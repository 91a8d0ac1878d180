import { describe, expect, it } from 'vitest'
import {
  type FileSystem,
  ManualClock,
  MemoryFiles,
  type Random,
  seededRandom,
} from '../../src/common/index.js'
import { createBatchBuilder, Log, partitionOfKey, type RecordMetadata } from '../../src/log/index.js'
import { int32Serde, stringSerde } from '../../src/serde/index.js'
import { at, dataDirectory, readAll, readValues, storages, text } from './log-fixture.js'

describe.each(storages)('producer over %s', (storage) => {
  async function openWith(partitions: number, options: { clock?: ManualClock; random?: Random } = {}) {
    const log = await dataDirectory(storage).open(options)
    await log.admin.createTopics([{ topic: 't', partitions }])
    return log
  }

  it('acknowledges each sent record with its partition, offset and timestamp', async () => {
    const log = await openWith(1)
    const producer = log.producer(text)
    const sent = ['a', 'b', 'c'].map((value, i) => producer.send({ topic: 't', value, timestamp: 100 + i }))
    expect(await Promise.all(sent)).toEqual([
      { topic: 't', partition: 0, offset: 0, timestamp: 100 },
      { topic: 't', partition: 0, offset: 1, timestamp: 101 },
      { topic: 't', partition: 0, offset: 2, timestamp: 102 },
    ])
  })

  it('delivers keys, values, nulls, timestamps and headers as they were sent', async () => {
    const log = await openWith(1)
    const producer = log.producer(text)
    const headers = [
      { key: 'h', value: Buffer.from('1') },
      { key: 'h', value: null },
    ]
    producer.write({ topic: 't', key: 'k', value: 'v', timestamp: 5, headers })
    producer.write({ topic: 't', key: null, value: '', timestamp: 3 })
    producer.write({ topic: 't', key: '', value: null, timestamp: 9 })
    await producer.flush()
    const records = await readAll(log, [at('t')])
    expect(records).toEqual([
      { topic: 't', partition: 0, offset: 0, timestamp: 5, key: 'k', value: 'v', headers },
      { topic: 't', partition: 0, offset: 1, timestamp: 3, key: null, value: '', headers: [] },
      { topic: 't', partition: 0, offset: 2, timestamp: 9, key: '', value: null, headers: [] },
    ])
  })

  it('sends a batch when the linger time is over, not before', async () => {
    const clock = new ManualClock(1000)
    const log = await openWith(1, { clock })
    const producer = log.producer({ ...text, lingerMs: 10 })
    let acknowledged: RecordMetadata | null = null
    const sent = producer.send({ topic: 't', value: 'a' }).then((metadata) => {
      acknowledged = metadata
    })
    clock.advance(9)
    await Promise.resolve()
    expect(acknowledged).toBeNull()
    clock.advance(1)
    await sent
    expect(acknowledged).toEqual({ topic: 't', partition: 0, offset: 0, timestamp: 1000 })
  })

  it('sends a batch at once when it is full', async () => {
    const log = await openWith(1, { clock: new ManualClock() })
    const producer = log.producer({ ...text, batchSize: 1000 })
    for (let i = 0; i < 10; i++) producer.write({ topic: 't', value: 'x'.repeat(200) })
    const [end] = await log.consumer().endOffsets([at('t')])
    expect(end).toBe(10)
  })

  it('without linger, puts what one turn wrote into one batch', async () => {
    const log = await openWith(1)
    const producer = log.producer({ ...text, lingerMs: 0 })
    const sent = [1, 2, 3].map((i) => producer.send({ topic: 't', value: String(i) }))
    await Promise.all(sent)
    const consumer = log.consumer({ autoOffsetReset: 'earliest' })
    consumer.assign([at('t')])
    const batches = await consumer.pollBatches()
    expect(batches.map((batch) => batch.recordCount)).toEqual([3])
  })

  it("puts records with a key where Kafka's default partitioner puts them", async () => {
    const log = await openWith(7)
    const producer = log.producer(text)
    for (const key of ['', '21', 'abc', 'foobar', 'a-little-bit-longer-string']) {
      const { partition } = await producer.send({ topic: 't', key, value: 'v' })
      expect(partition, key).toBe(partitionOfKey(Buffer.from(key), 7))
    }
    // From Kafka's own hash: murmur2('foobar') & 0x7fffffff = 1357151166.
    expect((await producer.send({ topic: 't', key: 'foobar', value: 'v' })).partition).toBe(1357151166 % 7)
  })

  it('keeps records without key on one partition until a batch is full, then changes', async () => {
    const log = await openWith(8, { random: seededRandom(42) })
    const producer = log.producer({ ...text, batchSize: 1000, lingerMs: 1000 })
    const sent: Promise<RecordMetadata>[] = []
    for (let i = 0; i < 200; i++) sent.push(producer.send({ topic: 't', value: 'x'.repeat(90) }))
    await producer.flush()
    const partitions = (await Promise.all(sent)).map((metadata) => metadata.partition)
    let runs = 1
    for (let i = 1; i < partitions.length; i++) if (partitions[i] !== partitions[i - 1]) runs++
    expect(runs).toBeGreaterThan(8)
    expect(runs).toBeLessThanOrEqual(22)
    expect(new Set(partitions).size).toBeGreaterThan(4)
  })

  it('asks a custom partitioner with the serialised key', async () => {
    const log = await openWith(4)
    const seen: unknown[] = []
    const producer = log.producer({
      keySerde: int32Serde,
      valueSerde: stringSerde,
      partitioner: (topic, key, count) => {
        seen.push([topic, key === null ? null : Buffer.from(key).readInt32BE(), count])
        return 3
      },
    })
    expect((await producer.send({ topic: 't', key: 77, value: 'v' })).partition).toBe(3)
    expect((await producer.send({ topic: 't', value: 'v' })).partition).toBe(3)
    expect(seen).toEqual([
      ['t', 77, 4],
      ['t', null, 4],
    ])
  })

  it('refuses unknown topics and partitions, naming them', async () => {
    const log = await openWith(2)
    const producer = log.producer(text)
    await expect(producer.send({ topic: 'nope', value: 'v' })).rejects.toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
      message: expect.stringContaining("'nope'"),
    })
    expect(() => producer.write({ topic: 't', partition: 2, value: 'v' })).toThrow(/partitions 0 to 1, not 2/)
  })

  it('fails a record that is too large, and only that one', async () => {
    const log = await openWith(1)
    const producer = log.producer(text)
    const results = await Promise.allSettled([
      producer.send({ topic: 't', value: 'before' }),
      producer.send({ topic: 't', value: 'x'.repeat(2_000_000) }),
      producer.send({ topic: 't', value: 'after' }),
    ])
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(results[1]).toMatchObject({ reason: { code: 'MESSAGE_TOO_LARGE' } })
    expect(await readValues(log, [at('t')])).toEqual(['before', 'after'])
  })

  it('tells of a failed write at the next flush, once', async () => {
    const log = await openWith(1)
    const producer = log.producer(text)
    producer.write({ topic: 't', value: 'x'.repeat(2_000_000) })
    await expect(producer.flush()).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    producer.write({ topic: 't', value: 'small' })
    await producer.flush()
    expect(await readValues(log, [at('t')])).toEqual(['small'])
  })

  it('leaves a batch as it was when a serde throws', async () => {
    const log = await openWith(1)
    const producer = log.producer({ keySerde: stringSerde, valueSerde: int32Serde })
    producer.write({ topic: 't', value: 1 })
    expect(() => producer.write({ topic: 't', value: 1.5 })).toThrow(/not a 32-bit integer/)
    producer.write({ topic: 't', value: 2 })
    await producer.flush()
    const consumer = log.consumer({ valueSerde: int32Serde, autoOffsetReset: 'earliest' })
    consumer.assign([at('t')])
    expect((await consumer.poll()).map((record) => record.value)).toEqual([1, 2])
  })

  it('stores a prepared batch after what was written before it', async () => {
    const log = await openWith(1)
    const producer = log.producer(text)
    producer.write({ topic: 't', value: 'first' })
    const builder = createBatchBuilder()
    builder.append(1, null, Buffer.from('second'))
    builder.appendWith(2, stringSerde, 'k', stringSerde, 'third')
    producer.writeBatch(at('t'), builder)
    expect(builder.recordCount).toBe(0)
    builder.append(3, null, Buffer.from('fourth'))
    producer.writeBatch(at('t'), builder)
    await producer.flush()
    expect(await readValues(log, [at('t')])).toEqual(['first', 'second', 'third', 'fourth'])
  })

  it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'round-trips %s batches',
    async (compression) => {
      const log = await openWith(1)
      const producer = log.producer({ ...text, compression })
      for (let i = 0; i < 500; i++) producer.write({ topic: 't', key: `k${i}`, value: `value ${i}` })
      await producer.flush()
      const values = await readValues(log, [at('t')])
      expect(values).toEqual(Array.from({ length: 500 }, (_, i) => `value ${i}`))
    },
  )

  it('waits for stable storage where the topic asks for it', async () => {
    const log = await openWith(1)
    await log.admin.alterConfigs('t', { 'flush.messages': '1' })
    const producer = log.producer({ ...text, bufferMemory: 2000, batchSize: 500 })
    let waited = 0
    for (let i = 0; i < 100; i++) {
      const full = producer.write({ topic: 't', value: 'x'.repeat(90) })
      if (full === undefined) continue
      waited++
      await full
    }
    await producer.flush()
    expect(waited).toBeGreaterThan(0)
    expect(await readValues(log, [at('t')])).toHaveLength(100)
  })

  it('flushes at close, and refuses to work afterwards', async () => {
    const log = await openWith(1)
    const producer = log.producer({ ...text, lingerMs: 60_000 })
    producer.write({ topic: 't', value: 'last' })
    await producer.close()
    expect(await readValues(log, [at('t')])).toEqual(['last'])
    expect(() => producer.write({ topic: 't', value: 'late' })).toThrow(/closed/)
  })

  it('follows a topic that is deleted and made again, and one that grows', async () => {
    const log = await openWith(1)
    const producer = log.producer(text)
    await producer.send({ topic: 't', value: 'old' })
    await log.admin.deleteTopics(['t'])
    await log.admin.createTopics([{ topic: 't', partitions: 2 }])
    expect(await producer.send({ topic: 't', partition: 1, value: 'new' })).toMatchObject({ offset: 0 })
    await log.admin.createPartitions('t', 3)
    expect(await producer.send({ topic: 't', partition: 2, value: 'newer' })).toMatchObject({ offset: 0 })
    expect(await producer.partitionsFor('t')).toBe(3)
  })
})

describe('producer options', () => {
  it('gives up on stable storage after deliveryTimeoutMs', async () => {
    const clock = new ManualClock(1000)
    let stuck = true
    const log = await Log.open({
      dataDirectory: '/data',
      fileSystem: withSync(new MemoryFiles(), () => (stuck ? new Promise(() => {}) : Promise.resolve())),
      clock,
    })
    await log.admin.createTopics([{ topic: 't', configs: { 'flush.messages': '1' } }])
    const producer = log.producer({ ...text, lingerMs: 0, deliveryTimeoutMs: 30 })
    const sent = producer.send({ topic: 't', value: 'v' })
    await new Promise(setImmediate)
    clock.advance(30)
    await expect(sent).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    await expect(producer.flush()).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    await producer.flush()
    stuck = false
    await log.admin.createTopics([{ topic: 'u', configs: { 'flush.messages': '1' } }])
    expect(await producer.send({ topic: 'u', value: 'v' })).toMatchObject({ offset: 0 })
    expect(() => log.producer({ lingerMs: 50, deliveryTimeoutMs: 30 })).toThrow(/deliveryTimeoutMs/)
  })

  it('with acks 0 does not tell offsets', async () => {
    const log = Log.memory({ autoCreateTopics: true })
    const producer = log.producer({ ...text, acks: 0 })
    expect(await producer.send({ topic: 't', value: 'v', timestamp: 1 })).toEqual({
      topic: 't',
      partition: 0,
      offset: -1,
      timestamp: 1,
    })
    await producer.flush()
    expect(await readValues(log, [at('t')])).toEqual(['v'])
    await log.close()
  })

  it('refuses options that contradict each other', async () => {
    const log = Log.memory()
    expect(() => log.producer({ idempotence: true, acks: 1 })).toThrow(/idempotence needs acks/)
    expect(() => log.producer({ transactionalId: 'x', idempotence: false })).toThrow(/needs idempotence/)
    await log.close()
  })
})

/** The same files, but `syncAsync` is what `sync` says. */
function withSync(files: MemoryFiles, sync: () => Promise<void>): FileSystem {
  const open = files.open.bind(files)
  files.open = (path, mode) => Object.assign(open(path, mode), { syncAsync: sync })
  return files
}
