import { MessageChannel } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type ConsumerPartitionAssignor,
  CorruptRecordError,
  connectLog,
  createBatchBuilder,
  isKafkaError,
  KafkaError,
  type Log,
  LogClosedError,
  Log as Logs,
  NoOffsetForPartitionError,
  RecordDeserializationError,
  serveLog,
} from '../../src/log/index.js'
import { Serdes } from '../../src/serde/index.js'
import { at, readValues } from './log-fixture.js'

/* A log that is used from the other end of a port, as another thread uses it. */

const text = Serdes.string()
const texts = { keySerde: text, valueSerde: text }
const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end().catch(() => {})
})

async function logWith(topics: Record<string, number> = { t: 1 }): Promise<Log> {
  const log = Logs.memory()
  ends.push(() => log.close())
  await log.admin.createTopics(Object.entries(topics).map(([topic, partitions]) => ({ topic, partitions })))
  return log
}

function connected(log: Log) {
  const { port1, port2 } = new MessageChannel()
  const server = serveLog(log, port1)
  const there = connectLog(port2)
  ends.push(() => server.close())
  return { there, server, cut: () => port2.close() }
}

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('should have failed'),
    (error: unknown) => error,
  )

describe('a producer over a port', () => {
  it('tells each record its offset, and keeps the order also while the topic is not known yet', async () => {
    const log = await logWith()
    const producer = connected(log).there.producer(texts)
    const sent = ['a', 'b', 'c'].map((value) => producer.send({ topic: 't', value }))
    expect((await Promise.all(sent)).map(({ offset }) => offset)).toEqual([0, 1, 2])
    void producer.write({ topic: 't', value: 'd' })
    await producer.flush()
    expect(await readValues(log, [at('t')])).toEqual(['a', 'b', 'c', 'd'])
  })

  it('chooses the partitions that a producer beside the log chooses', async () => {
    const log = await logWith({ here: 7, there: 7 })
    const partitionsOf = async (from: Log, topic: string) => {
      const producer = from.producer(texts)
      const keys = Array.from({ length: 50 }, (_, i) => `k${i}`)
      const sent = await Promise.all(keys.map((key) => producer.send({ topic, key, value: '' })))
      await producer.close()
      return sent.map(({ partition }) => partition)
    }
    expect(await partitionsOf(connected(log).there, 'there')).toEqual(await partitionsOf(log, 'here'))
  })

  it('hands whole batches over, and takes the builder back empty', async () => {
    const log = await logWith()
    const producer = connected(log).there.producer()
    const builder = createBatchBuilder({ compression: 'gzip' })
    for (const value of ['a', 'b']) {
      builder.append(1, null, Buffer.from(value))
      await producer.writeBatch(at('t'), builder)
      expect(builder.recordCount).toBe(0)
    }
    await producer.flush()
    expect(await readValues(log, [at('t')])).toEqual(['a', 'b'])
  })

  it('fails the record that is too large, and no other of its batch', async () => {
    const log = await logWith()
    await log.admin.alterConfigs('t', { 'max.message.bytes': '1000' })
    const producer = connected(log).there.producer(texts)
    const [small, large] = ['a', 'x'.repeat(2_000)].map((value) => producer.send({ topic: 't', value }))
    const failure = failureOf(large!)
    expect((await small!).offset).toBe(0)
    expect(isKafkaError(await failure, 'MESSAGE_TOO_LARGE')).toBe(true)
    expect(isKafkaError(await failureOf(producer.flush()), 'MESSAGE_TOO_LARGE')).toBe(true)
  })

  it('says at the flush that a topic does not exist, and goes on once it does', async () => {
    const log = await logWith()
    const producer = connected(log).there.producer(texts)
    await producer.write({ topic: 'later', value: 'a' })
    expect(isKafkaError(await failureOf(producer.flush()), 'UNKNOWN_TOPIC_OR_PARTITION')).toBe(true)
    await log.admin.createTopics([{ topic: 'later' }])
    await producer.write({ topic: 'later', value: 'b' })
    await producer.flush()
    expect(await readValues(log, [at('later')])).toEqual(['b'])
  })

  it('waits once more is on its way than its buffer holds', async () => {
    const producer = connected(await logWith()).there.producer({
      ...texts,
      bufferMemory: 1_000,
      batchSize: 500,
    })
    await producer.partitionsFor('t')
    const room = Array.from({ length: 40 }, (_, i) =>
      producer.write({ topic: 't', value: `value ${i}`.repeat(4) }),
    )
    expect(room[0]).toBeUndefined()
    expect(room.at(-1)).toBeInstanceOf(Promise)
    await Promise.all(room)
    await producer.flush()
  })
})

describe('transactions over a port', () => {
  const transactional = (log: Log) => log.producer({ ...texts, transactionalId: 'x' })

  it('commit records and offsets together, or abort both', async () => {
    const log = await logWith()
    const producer = transactional(connected(log).there)
    const group = { groupId: 'g', generationId: -1, memberId: '' }
    await producer.initTransactions()
    producer.beginTransaction()
    await producer.write({ topic: 't', value: 'kept' })
    await producer.sendOffsetsToTransaction([{ ...at('t'), offset: 1 }], group)
    await producer.commitTransaction()
    producer.beginTransaction()
    await producer.write({ topic: 't', value: 'dropped' })
    await producer.sendOffsetsToTransaction([{ ...at('t'), offset: 2 }], group)
    await producer.abortTransaction()
    expect(await readValues(log, [at('t')], 'read_committed')).toEqual(['kept'])
    expect((await log.admin.groupOffsets('g')).map(({ offset }) => offset)).toEqual([1])
  })

  it('are fenced by a newer producer of the same id', async () => {
    const log = await logWith()
    const old = transactional(connected(log).there)
    await old.initTransactions()
    await transactional(log).initTransactions()
    old.beginTransaction()
    await old.write({ topic: 't', value: 'late' })
    const error = await failureOf(old.commitTransaction())
    expect(error).toBeInstanceOf(KafkaError)
    expect(['PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH']).toContain((error as KafkaError).code)
    await old.close()
    expect(await readValues(log, [at('t')])).toEqual([])
  })

  it('are aborted when the thread of their producer ends', async () => {
    const log = await logWith()
    const { there, cut } = connected(log)
    const producer = transactional(there)
    await producer.initTransactions()
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'lost' })
    cut()
    const decided = log.consumer({ ...texts, isolationLevel: 'read_committed' })
    decided.assign([at('t')])
    while ((await decided.endOffsets([at('t')]))[0] === 0) await decided.poll(1)
    expect(await readValues(log, [at('t')], 'read_committed')).toEqual([])
    expect(() => producer.beginTransaction()).toThrow(/is open/)
    expect(await failureOf(producer.commitTransaction())).toBeInstanceOf(LogClosedError)
  })
})

async function filled(values: readonly string[], partitions = 1): Promise<Log> {
  const log = await logWith({ t: partitions })
  const producer = log.producer(texts)
  for (const [i, value] of values.entries()) {
    await producer.send({ topic: 't', partition: i % partitions, value, timestamp: i })
  }
  return log
}

describe('a consumer over a port', () => {
  const reader = { ...texts, autoOffsetReset: 'earliest' } as const

  it('reads records, seeks, pauses, and knows its positions', async () => {
    const consumer = connected(await filled(['a', 'b', 'c'])).there.consumer({ ...reader, maxPollRecords: 2 })
    consumer.assign([at('t')])
    expect(consumer.assignment()).toEqual([at('t')])
    expect((await consumer.poll()).map(({ value }) => value)).toEqual(['a', 'b'])
    expect(await consumer.position(at('t'))).toBe(2)
    expect(consumer.currentLag(at('t'))).toBe(1)
    consumer.seek(at('t'), 1)
    expect((await consumer.poll()).map(({ value, offset }) => [value, offset])).toEqual([
      ['b', 1],
      ['c', 2],
    ])
    consumer.seekToBeginning()
    consumer.pause([at('t')])
    expect(await consumer.poll(1)).toEqual([])
    consumer.resume([at('t')])
    expect(await consumer.poll()).toHaveLength(2)
    expect(await consumer.offsetsForTimes([{ partition: at('t'), timestamp: 1 }])).toEqual([
      { offset: 1, timestamp: 1 },
    ])
    expect(() => consumer.seek(at('t', 1), 0)).toThrow(/not assigned/)
  })

  it('receives batches in wire form, and decodes them on its side', async () => {
    const log = await logWith()
    const producer = log.producer({ ...texts, compression: 'lz4' })
    for (const value of ['a', 'b', 'c']) await producer.write({ topic: 't', value })
    await producer.flush()
    const consumer = connected(log).there.consumer(reader)
    consumer.assign([at('t')])
    consumer.seek(at('t'), 1)
    const [batch] = await consumer.pollBatches()
    const { count, buffer, offsets, valueStart, valueEnd } = batch!.decode()
    expect(Array.from(offsets).slice(0, count)).toEqual([1, 2])
    expect(buffer.toString('utf8', valueStart[0]!, valueEnd[0]!)).toBe('b')
  })

  it('wakes from a poll when records come, and when it is told to', async () => {
    const log = await logWith()
    const consumer = connected(log).there.consumer(reader)
    consumer.assign([at('t')])
    const polled = consumer.poll(60_000)
    await log.producer(texts).send({ topic: 't', value: 'a' })
    expect((await polled).map(({ value }) => value)).toEqual(['a'])
    const woken = consumer.poll(60_000)
    consumer.wakeup()
    expect(await woken).toEqual([])
  })

  it('stays at a record that its serde cannot read, until it seeks past it', async () => {
    const picky = {
      ...text,
      read(bytes: Buffer, start: number, end: number) {
        const value = text.read(bytes, start, end)
        return value === 'bad' ? Serdes.long().read(bytes, start, end) : value
      },
    } as unknown as typeof text
    const consumer = connected(await filled(['a', 'bad', 'c'])).there.consumer({
      ...reader,
      valueSerde: picky,
    })
    consumer.assign([at('t')])
    expect((await consumer.poll()).map(({ value }) => value)).toEqual(['a'])
    for (let attempt = 0; attempt < 2; attempt++) {
      const error = await failureOf(consumer.poll())
      expect(error).toBeInstanceOf(RecordDeserializationError)
      expect((error as RecordDeserializationError).offset).toBe(1)
    }
    consumer.seek(at('t'), 2)
    expect((await consumer.poll()).map(({ value }) => value)).toEqual(['c'])
  })

  it('is read with for await, and goes on behind what was handed out', async () => {
    const consumer = connected(await filled(['a', 'b', 'c'])).there.consumer(reader)
    consumer.assign([at('t')])
    for await (const { value } of consumer) if (value === 'b') break
    expect(await consumer.position(at('t'))).toBe(2)
  })

  it('fails with the error that a consumer beside the log throws', async () => {
    const consumer = connected(await filled([])).there.consumer({ ...texts, autoOffsetReset: 'none' })
    consumer.assign([at('t')])
    const error = await failureOf(consumer.poll())
    expect(error).toBeInstanceOf(NoOffsetForPartitionError)
    expect((error as NoOffsetForPartitionError).topic).toBe('t')
    const { there } = connected(await logWith())
    expect(
      isKafkaError(await failureOf(there.admin.describeTopics(['no'])), 'UNKNOWN_TOPIC_OR_PARTITION'),
    ).toBe(true)
    expect(await failureOf(there.admin.describeTopics(['no']))).not.toBeInstanceOf(CorruptRecordError)
  })
})

describe('a group over ports', () => {
  const member = { ...texts, groupId: 'g', autoOffsetReset: 'earliest' } as const

  it('shares partitions among members of several threads, and calls each listener', async () => {
    const log = await filled(['a', 'b'], 2)
    const told: string[] = []
    const members = ['one', 'two'].map((name) => {
      const consumer = connected(log).there.consumer(member)
      consumer.subscribe(['t'], {
        onPartitionsAssigned: (partitions) => {
          told.push(`${name} has ${partitions.length}`)
          expect(consumer.assignment()).toEqual(expect.arrayContaining([...partitions]))
        },
      })
      return consumer
    })
    while (members.some((consumer) => consumer.assignment().length !== 1)) {
      await Promise.all(members.map((consumer) => consumer.poll(1)))
    }
    expect(told).toEqual(expect.arrayContaining(['one has 1', 'two has 1']))
    expect(members[0]!.groupMetadata().generationId).toBe(members[1]!.groupMetadata().generationId)
    await members[0]!.close()
    while (members[1]!.assignment().length !== 2) await members[1]!.poll(1)
  })

  it('runs an assignor of the client, with its data in both directions', async () => {
    const log = await filled([], 2)
    const heard: string[] = []
    const assignor: ConsumerPartitionAssignor = {
      name: 'mine',
      protocol: 'eager',
      subscriptionUserData: (topics) => Buffer.from(`wants ${topics.join()}`),
      assign: (members) =>
        new Map(
          members.map(({ memberId, userData }) => [
            memberId,
            {
              partitions: [at('t', 1)],
              userData: Buffer.from(`${Buffer.from(userData!).toString()}, gets 1`),
            },
          ]),
        ),
      onAssignment: ({ userData }) => heard.push(Buffer.from(userData!).toString()),
    }
    const consumer = connected(log).there.consumer({ ...member, assignors: [assignor] })
    consumer.subscribe(['t'])
    while (consumer.assignment().length === 0) await consumer.poll(1)
    expect(consumer.assignment()).toEqual([at('t', 1)])
    expect(heard).toEqual(['wants t, gets 1'])
  })

  it('throws out of the poll what a listener threw: the same error', async () => {
    const consumer = connected(await filled(['a'])).there.consumer(member)
    const mine = new Error('mine')
    consumer.subscribe(['t'], { onPartitionsAssigned: () => Promise.reject(mine) })
    expect(await failureOf(consumer.poll())).toBe(mine)
  })

  it('gives the partitions of a thread that ended to others, who read what it had not committed', async () => {
    const log = await filled(['a', 'b'])
    const { there, cut } = connected(log)
    const lost = there.consumer({ ...member, autoCommitIntervalMs: 3_600_000 })
    lost.subscribe(['t'])
    expect(await lost.poll()).toHaveLength(2)
    cut()
    const heir = log.consumer(member)
    heir.subscribe(['t'])
    const read: (string | null)[] = []
    while (read.length < 2) read.push(...(await heir.poll(1)).map(({ value }) => value))
    expect(read).toEqual(['a', 'b'])
    await expect(lost.poll()).rejects.toBeInstanceOf(LogClosedError)
    await lost.close()
  })
})

it('closes what was made through the port, and leaves the log open', async () => {
  const log = await logWith()
  const { there } = connected(log)
  const producer = there.producer({ ...texts, lingerMs: 3_600_000, deliveryTimeoutMs: 3_600_000 })
  await producer.write({ topic: 't', value: 'buffered' })
  await there.close()
  expect(await readValues(log, [at('t')])).toEqual(['buffered'])
  expect(() => there.consumer()).toThrow(LogClosedError)
  await expect(there.admin.listTopics()).rejects.toBeInstanceOf(LogClosedError)
})
