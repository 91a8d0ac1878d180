import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../src/common/index.js'
import { Log } from '../../src/log/index.js'
import { at, dataDirectory, readValues, storages, text } from './log-fixture.js'

describe.each(storages)('admin over %s', (storage) => {
  it('creates, lists, describes and deletes topics', async () => {
    const log = await dataDirectory(storage).open()
    await log.admin.createTopics([
      { topic: 'b', partitions: 3, configs: { 'retention.ms': '1000' } },
      { topic: 'a' },
    ])
    expect(await log.admin.listTopics()).toEqual(['a', 'b'])
    await log.producer(text).send({ topic: 'b', partition: 1, value: 'v' })
    const [described] = await log.admin.describeTopics(['b'])
    expect(described).toMatchObject({
      topic: 'b',
      internal: false,
      partitions: [
        { partition: 0, startOffset: 0, endOffset: 0, sizeBytes: 0 },
        { partition: 1, startOffset: 0, endOffset: 1 },
        { partition: 2, startOffset: 0, endOffset: 0 },
      ],
      configs: { 'retention.ms': '1000', 'cleanup.policy': 'delete' },
    })
    expect(described!.topicId).toMatch(/^[A-Za-z0-9_-]{22}$/)
    await log.admin.deleteTopics(['b'])
    expect(await log.admin.listTopics()).toEqual(['a'])
    await expect(log.admin.describeTopics(['b'])).rejects.toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
    })
  })

  it('keeps topics, ids, configs and partition counts over a reopening, and deleted ones gone', async () => {
    const fixture = dataDirectory(storage)
    const log = await fixture.open()
    await log.admin.createTopics([
      { topic: 'kept', configs: { 'cleanup.policy': 'compact' } },
      { topic: 'gone' },
    ])
    await log.admin.createPartitions('kept', 4)
    await log.admin.alterConfigs('kept', { 'segment.ms': '5000', 'cleanup.policy': null })
    await log.producer(text).send({ topic: 'gone', value: 'v' })
    await log.admin.deleteTopics(['gone'])
    const before = await log.admin.describeTopics(['kept'])
    await log.close()
    const again = await fixture.open()
    expect(await again.admin.listTopics()).toEqual(['kept'])
    expect(await again.admin.describeTopics(['kept'])).toEqual(before)
    expect(before[0]!.configs).toMatchObject({ 'segment.ms': '5000', 'cleanup.policy': 'delete' })
    expect(before[0]!.partitions).toHaveLength(4)
    await again.admin.createTopics([{ topic: 'gone' }])
    expect(await readValues(again, [at('gone')])).toEqual([])
  })

  it('takes in partition directories that no list names', async () => {
    const fixture = dataDirectory(storage)
    const log = await fixture.open()
    await log.admin.createTopics([{ topic: 't', partitions: 2 }])
    await log.producer(text).send({ topic: 't', partition: 1, value: 'still here' })
    await log.close()
    fixture.files.remove(`${fixture.path}/topics.json`)
    const again = await fixture.open()
    expect(await again.admin.listTopics()).toEqual(['t'])
    expect(await readValues(again, [at('t', 0), at('t', 1)])).toEqual(['still here'])
  })

  it('deletes records below an offset, for good', async () => {
    const fixture = dataDirectory(storage)
    const log = await fixture.open()
    await log.admin.createTopics([{ topic: 't' }, { topic: 'c', configs: { 'cleanup.policy': 'compact' } }])
    const producer = log.producer(text)
    for (let i = 0; i < 10; i++) producer.write({ topic: 't', value: String(i) })
    await producer.flush()
    await log.admin.deleteRecords([{ partition: at('t'), offset: 7 }])
    expect(await readValues(log, [at('t')])).toEqual(['7', '8', '9'])
    await expect(log.admin.deleteRecords([{ partition: at('t'), offset: 11 }])).rejects.toMatchObject({
      code: 'OFFSET_OUT_OF_RANGE',
    })
    await expect(log.admin.deleteRecords([{ partition: at('c'), offset: 0 }])).rejects.toMatchObject({
      code: 'POLICY_VIOLATION',
    })
    await log.close()
    const again = await fixture.open()
    expect(await readValues(again, [at('t')])).toEqual(['7', '8', '9'])
    await again.admin.deleteRecords([{ partition: at('t'), offset: -1 }])
    expect(await readValues(again, [at('t')])).toEqual([])
  })

  it('alters and deletes the offsets of groups without members', async () => {
    const fixture = dataDirectory(storage)
    const log = await fixture.open()
    await log.admin.createTopics([{ topic: 't' }, { topic: 'u' }])
    const offsets = [
      { ...at('t'), offset: 3, metadata: '' },
      { ...at('u'), offset: 4, metadata: 'm' },
    ]
    await log.admin.alterGroupOffsets('g', offsets)
    await log.admin.alterGroupOffsets('h', offsets)
    expect(await log.admin.groupOffsets('g')).toEqual(offsets)
    expect(await log.admin.listGroups()).toEqual(['g', 'h'])
    await log.admin.deleteGroups(['h'])
    await expect(log.admin.deleteGroups(['h'])).rejects.toMatchObject({ code: 'GROUP_ID_NOT_FOUND' })
    await log.admin.deleteTopics(['t'])
    expect(await log.admin.groupOffsets('g')).toEqual([offsets[1]])
    await log.close()
    const again = await fixture.open()
    expect(await again.admin.listGroups()).toEqual(['g'])
    expect(await again.admin.groupOffsets('g')).toEqual([offsets[1]])
    expect(await again.admin.describeGroups(['g', 'nobody'])).toEqual([
      { groupId: 'g', state: 'Empty', partitionAssignor: null, members: [] },
      { groupId: 'nobody', state: 'Dead', partitionAssignor: null, members: [] },
    ])
  })
})

describe('admin of offsets, files and transactions', () => {
  async function withTransactions() {
    const clock = new ManualClock(1_000_000)
    const log = Log.memory({ clock })
    await log.admin.createTopics([{ topic: 't', partitions: 2 }])
    const producer = log.producer({
      ...text,
      lingerMs: 0,
      transactionalId: 'bank',
      transactionTimeoutMs: 5_000,
    })
    await producer.initTransactions()
    const other = log.producer({ ...text, lingerMs: 0, transactionalId: 'other' })
    await other.initTransactions()
    return { clock, log, producer }
  }

  it('lists the first, the last and the latest offset, and those of a time', async () => {
    const { log, producer } = await withTransactions()
    const plain = log.producer({ ...text, lingerMs: 0 })
    for (const timestamp of [50, 90, 70])
      await plain.send({ topic: 't', partition: 0, timestamp, value: 'v' })
    producer.beginTransaction()
    await producer.send({ topic: 't', partition: 0, timestamp: 95, value: 'open' })
    const specs = ['earliest', 'latest', 'maxTimestamp', { timestamp: 60 }, { timestamp: 99 }] as const
    const asked = specs.map((spec) => ({ ...at('t'), at: spec }))
    const listed = async (isolationLevel: 'read_committed' | 'read_uncommitted') =>
      (await log.admin.listOffsets(asked, { isolationLevel })).map((o) => [o.offset, o.timestamp])
    expect(await listed('read_uncommitted')).toEqual([
      [0, -1],
      [4, -1],
      [3, 95],
      [1, 90],
      [-1, -1],
    ])
    expect((await listed('read_committed'))[1]).toEqual([3, -1])
    await expect(log.admin.listOffsets([{ ...at('nowhere'), at: 'latest' }])).rejects.toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
    })
  })

  it('tells how large partitions are', async () => {
    const { log } = await withTransactions()
    await log.producer({ ...text, lingerMs: 0 }).send({ topic: 't', partition: 1, value: 'v' })
    const { path, partitions, sizeBytes } = await log.admin.describeLogDirs()
    expect(path).toBe('/memory')
    const [first, second] = partitions.filter(({ topic }) => topic === 't')
    expect(first).toEqual({ topic: 't', partition: 0, sizeBytes: 0, segmentCount: 1 })
    expect(second!.sizeBytes).toBeGreaterThan(60)
    expect(sizeBytes).toBe(partitions.reduce((sum, p) => sum + p.sizeBytes, 0))
  })

  it('lists, describes and aborts transactions, and fences their producers', async () => {
    const { clock, log, producer } = await withTransactions()
    producer.beginTransaction()
    await producer.send({ topic: 't', partition: 1, value: 'open' })
    expect(await log.admin.listTransactions()).toMatchObject([
      { transactionalId: 'bank', state: 'Ongoing' },
      { transactionalId: 'other', state: 'Empty' },
    ])
    const [described] = await log.admin.describeTransactions(['bank'])
    expect(described).toMatchObject({
      transactionalId: 'bank',
      state: 'Ongoing',
      transactionTimeoutMs: 5_000,
      transactionStartTimeMs: clock.now(),
      topicPartitions: [at('t', 1)],
    })
    const [producers] = await log.admin.describeProducers([at('t', 1)])
    expect(producers!.activeProducers).toEqual([
      {
        producerId: described!.producerId,
        producerEpoch: described!.producerEpoch,
        lastSequence: 0,
        lastTimestamp: clock.now(),
        currentTransactionStartOffset: 0,
      },
    ])
    // It does not hang: its coordinator knows it.
    await expect(log.admin.abortTransaction({ ...at('t', 1), startOffset: 0 })).rejects.toMatchObject({
      code: 'INVALID_TXN_STATE',
      message: expect.stringContaining('fenceProducers'),
    })
    await log.admin.fenceProducers(['bank'])
    await expect(producer.commitTransaction()).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
    expect(await readValues(log, [at('t', 1)], 'read_committed')).toEqual([])
    expect((await log.admin.describeTransactions(['bank']))[0]).toMatchObject({
      state: 'Empty',
      transactionStartTimeMs: null,
      topicPartitions: [],
    })
    await expect(log.admin.describeTransactions(['nobody'])).rejects.toMatchObject({
      code: 'TRANSACTIONAL_ID_NOT_FOUND',
      errorCode: 105,
    })
    await expect(log.admin.fenceProducers(['nobody'])).rejects.toMatchObject({
      code: 'TRANSACTIONAL_ID_NOT_FOUND',
    })
  })

  it('refuses to abort what is not open', async () => {
    const { log } = await withTransactions()
    await expect(log.admin.abortTransaction({ ...at('t'), startOffset: 0 })).rejects.toMatchObject({
      code: 'INVALID_TXN_STATE',
      message: expect.stringContaining('no open transaction of t-0 begins at offset 0'),
    })
  })
})

describe('admin', () => {
  it.each([
    ['', 'INVALID_TOPIC_EXCEPTION'],
    ['.', 'INVALID_TOPIC_EXCEPTION'],
    ['a/b', 'INVALID_TOPIC_EXCEPTION'],
    ['x'.repeat(250), 'INVALID_TOPIC_EXCEPTION'],
    ['my.topic', 'INVALID_TOPIC_EXCEPTION'],
    ['my_topic', 'TOPIC_ALREADY_EXISTS'],
  ])('refuses the topic name %j', async (topic, code) => {
    const log = Log.memory()
    await log.admin.createTopics([{ topic: 'my_topic' }])
    await expect(log.admin.createTopics([{ topic: 'fine' }, { topic }])).rejects.toMatchObject({ code })
    expect(await log.admin.listTopics()).toEqual(['my_topic'])
    await log.admin.createTopics([{ topic: 'my_topic' }], { ifNotExists: true })
    await log.close()
  })

  it('refuses wrong configs and counts, changing nothing', async () => {
    const log = Log.memory()
    await log.admin.createTopics([{ topic: 't', partitions: 2 }])
    const refused = async (call: Promise<void>, code: string) => expect(call).rejects.toMatchObject({ code })
    await refused(
      log.admin.createTopics([{ topic: 'u', configs: { 'retention.ms': 'soon' } }]),
      'INVALID_CONFIG',
    )
    await refused(log.admin.createTopics([{ topic: 'u', partitions: 0 }]), 'INVALID_PARTITIONS')
    await refused(log.admin.createPartitions('t', 2), 'INVALID_PARTITIONS')
    await refused(log.admin.alterConfigs('t', { 'no.such': '1' }), 'INVALID_CONFIG')
    await refused(log.admin.deleteTopics(['u']), 'UNKNOWN_TOPIC_OR_PARTITION')
    expect(await log.admin.listTopics()).toEqual(['t'])
    await log.close()
    await expect(log.admin.listTopics()).rejects.toMatchObject({ code: 'LOG_CLOSED' })
  })
})
