import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../src/common/index.js'
import { type KafkaErrorName, kafkaErrors, Log } from '../../src/log/index.js'
import { SimulatedFiles } from '../../src/testing/index.js'
import { at, readValues, text } from './reading.js'

/* What is refused carries Kafka's name and number, and a sentence that says what to do. */

const QUICK = { ...text, lingerMs: 0 }

async function memoryLog(): Promise<Log> {
  const log = Log.memory({ clock: new ManualClock(1_000_000) })
  await log.admin.createTopics([{ topic: 't', configs: { 'max.message.bytes': '500' } }])
  return log
}

type Refusal = (log: Log) => unknown

const refusals: readonly [what: string, KafkaErrorName, advice: RegExp, Refusal][] = [
  [
    'a record over max.message.bytes',
    'MESSAGE_TOO_LARGE',
    /send less at once, or raise that config/,
    (log) => log.producer(QUICK).send({ topic: 't', value: 'x'.repeat(600) }),
  ],
  [
    'an unknown topic',
    'UNKNOWN_TOPIC_OR_PARTITION',
    /create it with admin\.createTopics/,
    (log) => log.producer(QUICK).send({ topic: 'nowhere', value: 'v' }),
  ],
  [
    'an unknown partition',
    'UNKNOWN_TOPIC_OR_PARTITION',
    /has the partitions 0 to 0, not 3/,
    (log) => log.producer(QUICK).send({ topic: 't', partition: 3, value: 'v' }),
  ],
  [
    'an illegal topic name',
    'INVALID_TOPIC_EXCEPTION',
    /1 to 249 of the characters/,
    (log) => log.admin.createTopics([{ topic: 'a b' }]),
  ],
  [
    'an illegal config value',
    'INVALID_CONFIG',
    /'soon' for topic config retention\.ms: not an integer/,
    (log) => log.admin.alterConfigs('t', { 'retention.ms': 'soon' }),
  ],
  [
    'an unknown config',
    'INVALID_CONFIG',
    /unknown topic config retention\.md/,
    (log) => log.admin.alterConfigs('t', { 'retention.md': '1' }),
  ],
  [
    'a keyless record in a compacted topic',
    'INVALID_RECORD',
    /no key, but topic of c-0 is compacted/,
    async (log) => {
      await log.admin.createTopics([{ topic: 'c', configs: { 'cleanup.policy': 'compact' } }])
      return log.producer(QUICK).send({ topic: 'c', value: 'v' })
    },
  ],
  [
    'a position outside of the log, where no reset is allowed',
    'OFFSET_OUT_OF_RANGE',
    /seek to where reading shall go on/,
    (log) => {
      const consumer = log.consumer({ autoOffsetReset: 'none' })
      consumer.assign([at('t')])
      consumer.seek(at('t'), 7)
      return consumer.poll(0)
    },
  ],
  [
    'the producer that another one replaced',
    'PRODUCER_FENCED',
    /Close this producer/,
    async (log) => {
      const [zombie, successor] = [0, 1].map(() => log.producer({ ...QUICK, transactionalId: 'x' }))
      await zombie!.initTransactions()
      zombie!.beginTransaction()
      await successor!.initTransactions()
      return zombie!.send({ topic: 't', value: 'late' })
    },
  ],
  [
    'more records for a transaction that is being committed',
    'CONCURRENT_TRANSACTIONS',
    /await its end, or repeat the call that failed/,
    async (log) => {
      await log.admin.alterConfigs('t', { 'flush.messages': '1' })
      const producer = log.producer({ ...QUICK, transactionalId: 'x' })
      await producer.initTransactions()
      producer.beginTransaction()
      await producer.send({ topic: 't', value: 'v' })
      const committing = producer.commitTransaction()
      try {
        return await producer.send({ topic: 't', value: 'more' })
      } finally {
        await committing
      }
    },
  ],
  [
    'a transaction timeout that is too long',
    'INVALID_TRANSACTION_TIMEOUT',
    /not between 1 and 900000/,
    (log) => log.producer({ transactionalId: 'x', transactionTimeoutMs: 1e9 }).initTransactions(),
  ],
  [
    'a group without a name',
    'INVALID_GROUP_ID',
    /the group id is empty/,
    (log) => {
      const consumer = log.consumer({ groupId: '' })
      consumer.subscribe(['t'])
      return consumer.poll(0)
    },
  ],
  [
    'a session of no time',
    'INVALID_SESSION_TIMEOUT',
    /0 ms is no time/,
    (log) => {
      const consumer = log.consumer({ groupId: 'g', sessionTimeoutMs: 0 })
      consumer.subscribe(['t'])
      return consumer.poll(0)
    },
  ],
  [
    'metadata of an offset that is too long',
    'OFFSET_METADATA_TOO_LARGE',
    /at most 4096/,
    (log) => log.admin.alterGroupOffsets('g', [{ ...at('t'), offset: 0, metadata: 'x'.repeat(5000) }]),
  ],
  [
    'a group that is not there',
    'GROUP_ID_NOT_FOUND',
    /no group nobody/,
    (log) => log.admin.deleteGroups(['nobody']),
  ],
]

describe('is refused by Kafka’s name and number, with advice:', () => {
  it.each(refusals)('%s (%s)', async (_what, name, advice, refusal) => {
    const log = await memoryLog()
    const error = await Promise.resolve()
      .then(() => refusal(log))
      .then(
        () => null,
        (reason: unknown) => reason,
      )
    expect(error).toMatchObject({ code: name, errorCode: kafkaErrors[name][0] })
    expect((error as Error).message).toMatch(advice)
    await log.close().catch(() => {})
  })
})

describe('a commit that could not be finished', () => {
  it('keeps out more records until it is repeated, and then is whole', async () => {
    const files = new SimulatedFiles({ seed: 1 })
    const log = await Log.open({
      dataDirectory: '/data',
      fileSystem: files,
      clock: new ManualClock(0),
      flush: { messages: 1 },
    })
    await log.admin.createTopics([{ topic: 'a' }, { topic: 'b' }])
    const producer = log.producer({ ...QUICK, transactionalId: 'x' })
    await producer.initTransactions()
    producer.beginTransaction()
    for (const topic of ['a', 'b']) producer.write({ topic, value: 'v' })
    await producer.flush()
    // The decision is written at once, the markers only when it is stable: by then the disk is full.
    const commit = producer.commitTransaction()
    const decided = async () => (await log.admin.describeTransactions(['x']))[0]!.state === 'PrepareCommit'
    while (!(await decided())) await Promise.resolve()
    files.faults = { diskFull: true }
    await expect(commit).rejects.toMatchObject({ code: 'KAFKA_STORAGE_ERROR', retriable: true })
    expect(() => producer.write({ topic: 'a', value: 'more' })).toThrow(/repeat the call that failed/)
    expect(() => producer.beginTransaction()).toThrow(/repeat the call that failed/)
    await expect(producer.abortTransaction()).rejects.toMatchObject({ code: 'INVALID_TXN_STATE' })
    files.faults = {}
    await producer.commitTransaction()
    expect(await readValues(log, [at('a')], 'read_committed')).toEqual(['v'])
    expect(await readValues(log, [at('b')], 'read_committed')).toEqual(['v'])
    producer.beginTransaction()
    producer.write({ topic: 'a', value: 'next' })
    await producer.commitTransaction()
    expect(await readValues(log, [at('a')], 'read_committed')).toEqual(['v', 'next'])
    await log.close()
  })
})

describe('a full disk', () => {
  it('refuses writers at whatever they would write next, while readers go on; then writing goes on', async () => {
    // With every room there is, another thing is the first that does not fit: a record, a segment, an index, a snapshot.
    for (let room = 0; room < 60; room++) {
      const files = new SimulatedFiles({ seed: room })
      const log = await Log.open({ dataDirectory: '/data', fileSystem: files, clock: new ManualClock(0) })
      const configs = { 'internal.segment.bytes': '250', 'index.interval.bytes': '50' }
      await log.admin.createTopics([{ topic: 't', configs }])
      const producer = log.producer(QUICK)
      const written: string[] = []
      const write = async (value: string) => {
        const { offset } = await producer.send({ topic: 't', value })
        expect(offset).toBe(written.length)
        written.push(value)
      }
      for (let i = 0; i < 3; i++) await write(`before ${i}`)
      files.faults = { roomForChanges: room }
      let refused = 0
      for (let i = 0; i < 30; i++) {
        await write(`meanwhile ${i}`).catch((error: unknown) => {
          expect(error).toMatchObject({
            code: 'KAFKA_STORAGE_ERROR',
            message: expect.stringMatching(/Make room/),
          })
          refused++
        })
      }
      expect(refused, `room ${room}`).toBeGreaterThan(0)
      expect(await readValues(log, [at('t')])).toEqual(written)
      files.faults = {}
      await producer.flush().catch(() => {})
      for (let i = 0; i < 10; i++) await write(`after ${i}`)
      expect(await readValues(log, [at('t')]), `room ${room}`).toEqual(written)
      await log.close()
    }
  })
})
