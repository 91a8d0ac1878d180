import { describe, expect, it } from 'vitest'
import { ManualClock, nextEventLoopTurn } from '../../src/common/index.js'
import {
  type ConsumerOptions,
  type EmbeddedLogOptions,
  Log,
  type ProducerOptions,
} from '../../src/log/index.js'
import { SimulatedFiles } from '../../src/testing/simulated-files.js'
import { at, readValues, text } from './log-fixture.js'
import { FaultyFiles } from './partition-log-fixture.js'

/* The tables of docs/durability.md, line by line. */

/** Of a power cut nobody knows what it takes: each of these takes something else. */
const SEEDS = 30

type Loss = 'kill' | 'power cut'

interface Written {
  readonly flush?: EmbeddedLogOptions['flush']
  readonly producer?: ProducerOptions<string, string>
  /** Before the loss, with what was acknowledged. */
  readonly meanwhile?: (clock: ManualClock) => Promise<void>
  readonly loss: Loss
}

/** Five records are acknowledged, then the process or the machine goes: how many are left. */
async function leftOf(seed: number, { flush, producer: options, meanwhile, loss }: Written): Promise<number> {
  const files = new SimulatedFiles({ seed })
  const clock = new ManualClock(1_000_000)
  const open = () =>
    Log.open({
      dataDirectory: '/data',
      fileSystem: files,
      clock,
      ...(flush === undefined ? {} : { flush }),
    })
  const log = await open()
  await log.admin.createTopics([{ topic: 't' }])
  const producer = log.producer({ ...text, lingerMs: 0, ...options })
  for (let i = 0; i < 5; i++) await producer.send({ topic: 't', value: `${i}` })
  await producer.flush()
  await meanwhile?.(clock)
  if (loss === 'kill') files.kill()
  else files.powerCut()
  const found = await readValues(await open(), [at('t')])
  expect(found).toEqual(['0', '1', '2', '3', '4'].slice(0, found.length))
  return found.length
}

async function leftOfAll(written: Written): Promise<number[]> {
  const left: number[] = []
  for (let seed = 1; seed <= SEEDS; seed++) left.push(await leftOf(seed, written))
  return left
}

const ALL = new Array<number>(SEEDS).fill(5)

describe('what survives', () => {
  it('of what is in the page cache: everything where the process is killed, whatever the setting', async () => {
    for (const acks of [0, 1, 'all'] as const) {
      expect(await leftOfAll({ producer: { acks }, loss: 'kill' })).toEqual(ALL)
    }
  })

  it('of what is in the page cache: perhaps nothing where the machine loses power', async () => {
    const left = await leftOfAll({ loss: 'power cut' })
    expect(Math.min(...left)).toBe(0)
    expect(Math.max(...left)).toBe(5)
  })

  it('of what is on stable storage: everything, in both cases', async () => {
    const flush = { messages: 1 }
    expect(await leftOfAll({ flush, loss: 'kill' })).toEqual(ALL)
    expect(await leftOfAll({ flush, loss: 'power cut' })).toEqual(ALL)
  })

  it('with flush.messages = 1 but acks 1: what was acknowledged may be lost, for it did not wait', async () => {
    const left = await leftOfAll({ flush: { messages: 1 }, producer: { acks: 1 }, loss: 'power cut' })
    expect(Math.min(...left)).toBeLessThan(5)
  })

  it('with flush.ms: all that is older than that, once the flush is done', async () => {
    const settle = async (clock: ManualClock, ms: number): Promise<void> => {
      clock.advance(ms)
      for (let turn = 0; turn < 20; turn++) await nextEventLoopTurn()
    }
    const flush = { ms: 1000 }
    const waiting = (ms: number) => (clock: ManualClock) => settle(clock, ms)
    expect(await leftOfAll({ flush, meanwhile: waiting(1000), loss: 'power cut' })).toEqual(ALL)
    const early = await leftOfAll({ flush, meanwhile: waiting(999), loss: 'power cut' })
    expect(Math.min(...early)).toBe(0)
  })

  it('with flush.messages = N: all but the last N, once the flush is done', async () => {
    const meanwhile = async (): Promise<void> => {
      for (let turn = 0; turn < 20; turn++) await nextEventLoopTurn()
    }
    const left = await leftOfAll({ flush: { messages: 3 }, meanwhile, loss: 'power cut' })
    expect(Math.min(...left)).toBeGreaterThanOrEqual(3)
    expect(Math.min(...left)).toBeLessThan(5)
  })
})

it('a commit of offsets is acknowledged like a record: with flush.messages = 1, from stable storage', async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const files = new SimulatedFiles({ seed })
    const options = { dataDirectory: '/data', fileSystem: files, clock: new ManualClock(1) }
    const log = await Log.open({ ...options, flush: { messages: 1 } })
    await log.admin.createTopics([{ topic: 't' }])
    const consumer = log.consumer({ groupId: 'readers' })
    await consumer.commit([{ ...at('t'), offset: 3 }])
    files.powerCut()
    const [committed] = await (await Log.open(options)).admin.groupOffsets('readers')
    expect(committed).toMatchObject({ offset: 3 })
  }
})

describe('when the disk is waited for', () => {
  async function openCounting(options: EmbeddedLogOptions = {}) {
    const files = new FaultyFiles()
    const clock = new ManualClock(1_000_000)
    const log = await Log.open({ dataDirectory: '/data', fileSystem: files, clock, ...options })
    await log.admin.createTopics([{ topic: 't' }])
    const producer = log.producer({ ...text, lingerMs: 0 })
    await producer.send({ topic: 't', value: 'first' })
    files.syncs = 0
    return { files, clock, log, producer }
  }

  it('without a setting: at close, not before', async () => {
    const { files, log, producer } = await openCounting()
    for (let i = 0; i < 10; i++) await producer.send({ topic: 't', value: `${i}` })
    expect(files.syncs).toBe(0)
    await log.close()
    expect(files.syncs).toBeGreaterThan(0)
  })

  it('with flush.messages = N: once for N records, beside the event loop', async () => {
    const { files, log, producer } = await openCounting({ flush: { messages: 4 } })
    let release = (): void => {}
    files.syncGate = new Promise((resolve) => {
      release = resolve
    })
    for (let i = 0; i < 7; i++) await producer.send({ topic: 't', value: `${i}` })
    expect(files.syncs).toBe(0)
    release()
    for (let turn = 0; turn < 5; turn++) await nextEventLoopTurn()
    // Of the eight records the first four began a flush, and the last four waited for the next.
    expect(files.syncs).toBe(2)
    await log.close()
  })

  it('with flush.messages = 1: by acks all, not by acks 1', async () => {
    const { files, log, producer } = await openCounting({ flush: { messages: 1 } })
    let release = (): void => {}
    files.syncGate = new Promise((resolve) => {
      release = resolve
    })
    let acknowledged = false
    const waiting = producer.send({ topic: 't', value: 'all' }).then(() => {
      acknowledged = true
    })
    const quick = log.producer({ ...text, acks: 1, lingerMs: 0 })
    await quick.send({ topic: 't', value: 'one' })
    for (let turn = 0; turn < 5; turn++) await nextEventLoopTurn()
    expect(acknowledged).toBe(false)
    release()
    await waiting
    await log.close()
  })
})

describe('what consumers read of a topic with flush.messages = 1', () => {
  /** A record is appended, and its flush waits for `release`. */
  async function appendUnflushed(configs: Record<string, string>) {
    const files = new FaultyFiles()
    const clock = new ManualClock(1_000_000)
    const log = await Log.open({ dataDirectory: '/data', fileSystem: files, clock })
    await log.admin.createTopics([{ topic: 't', configs }])
    const producer = log.producer({ ...text, lingerMs: 0 })
    await producer.send({ topic: 't', timestamp: 10, value: 'stable' })
    let release = (): void => {}
    files.syncGate = new Promise((resolve) => {
      release = resolve
    })
    const acknowledged = producer.send({ topic: 't', timestamp: 20, value: 'appended' })
    await nextEventLoopTurn()
    const consumerOf = (options: ConsumerOptions<string, string> = {}) => {
      const consumer = log.consumer({ ...text, autoOffsetReset: 'earliest', ...options })
      consumer.assign([at('t')])
      return consumer
    }
    return { files, log, release, acknowledged, consumerOf }
  }

  const valuesOf = (records: readonly { value: string | null }[]) => records.map(({ value }) => value)
  const DURABLE = { 'flush.messages': '1' }

  it('ends at what is on stable storage, under both isolation levels, until the flush is done', async () => {
    const { log, release, acknowledged, consumerOf } = await appendUnflushed(DURABLE)
    const latest = () => log.admin.listOffsets([{ ...at('t'), at: 'latest' }])
    for (const isolationLevel of ['read_uncommitted', 'read_committed'] as const) {
      const consumer = consumerOf({ isolationLevel })
      expect(valuesOf(await consumer.poll(0))).toEqual(['stable'])
      expect(await consumer.poll(0)).toEqual([])
      expect(await consumer.pollBatches(0)).toEqual([])
      expect(await consumer.endOffsets([at('t')])).toEqual([1])
      expect(consumer.currentLag(at('t'))).toBe(0)
      expect(await consumer.offsetsForTimes([{ partition: at('t'), timestamp: 20 }])).toEqual([null])
    }
    expect(await latest()).toMatchObject([{ offset: 1 }])
    release()
    await acknowledged
    for (const isolationLevel of ['read_uncommitted', 'read_committed'] as const) {
      const consumer = consumerOf({ isolationLevel })
      expect(valuesOf(await consumer.poll(0))).toEqual(['stable', 'appended'])
      expect(await consumer.endOffsets([at('t')])).toEqual([2])
      expect(await consumer.offsetsForTimes([{ partition: at('t'), timestamp: 20 }])).toMatchObject([
        { offset: 1 },
      ])
    }
    expect(await latest()).toMatchObject([{ offset: 2 }])
    await log.close()
  })

  it('wakes a poll that waits when the flush is done', async () => {
    const { log, release, consumerOf } = await appendUnflushed(DURABLE)
    const consumer = consumerOf()
    await consumer.poll(0)
    // The clock is never advanced: only the flush can end it.
    const waiting = consumer.poll(60_000)
    await nextEventLoopTurn()
    release()
    expect(valuesOf(await waiting)).toEqual(['appended'])
    await log.close()
  })

  it('hands out nothing that a power cut takes', async () => {
    let lost = 0
    for (let seed = 1; seed <= SEEDS; seed++) {
      const files = new SimulatedFiles({ seed })
      const options = { dataDirectory: '/data', clock: new ManualClock(1), flush: { messages: 1 } }
      const log = await Log.open({ ...options, fileSystem: files.mount() })
      await log.admin.createTopics([{ topic: 't' }])
      const producer = log.producer({ ...text, lingerMs: 0, acks: 1 })
      const consumer = log.consumer({ ...text, autoOffsetReset: 'earliest' })
      consumer.assign([at('t')])
      const read: (string | null)[] = []
      for (let i = 0; i < 6; i++) {
        await producer.send({ topic: 't', value: `${i}` })
        read.push(...valuesOf(await consumer.poll(0)))
      }
      files.powerCut()
      const left = await readValues(await Log.open({ ...options, fileSystem: files.mount() }), [at('t')])
      expect(left.slice(0, read.length), `seed ${seed}`).toEqual(read)
      if (left.length < 6) lost++
    }
    expect(lost).toBeGreaterThan(0)
  })

  it('begins to end there when the topic is set so, and goes on to the log end when it no longer is', async () => {
    const { files, log, release, acknowledged, consumerOf } = await appendUnflushed({})
    const consumer = consumerOf()
    expect(valuesOf(await consumer.poll(0))).toEqual(['stable', 'appended'])
    expect(files.syncs).toBe(0)
    await log.admin.alterConfigs('t', DURABLE)
    expect(await consumer.endOffsets([at('t')])).toEqual([0])
    // Not out of range.
    expect(await consumer.poll(0)).toEqual([])
    expect(await consumer.position(at('t'))).toBe(2)
    await log.admin.alterConfigs('t', { 'flush.messages': null })
    expect(await consumer.endOffsets([at('t')])).toEqual([2])
    release()
    await acknowledged
    await log.producer({ ...text, lingerMs: 0 }).send({ topic: 't', value: 'unflushed' })
    await log.admin.alterConfigs('t', DURABLE)
    // Nobody appends: the setting itself has what is there flushed.
    expect(valuesOf(await consumer.poll(60_000))).toEqual(['unflushed'])
    await log.close()
  })
})
