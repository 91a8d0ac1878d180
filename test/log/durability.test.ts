import { describe, expect, it } from 'vitest'
import { ManualClock, nextEventLoopTurn } from '../../src/common/index.js'
import { type EmbeddedLogOptions, Log, type ProducerOptions } from '../../src/log/index.js'
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
