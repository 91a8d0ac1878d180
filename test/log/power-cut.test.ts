import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../src/common/index.js'
import { Log, type OpenLogOptions } from '../../src/log/index.js'
import { SimulatedFiles } from '../../src/testing/index.js'
import { at, readAll, readValues, text } from './reading.js'

/*
 * Single power cuts that once took more than was promised. What a cut leaves of unsynced changes is a matter of chance,
 * so each is played with many seeds.
 */

/** The clock stands still: nothing lingers. */
const QUICK = { ...text, lingerMs: 0 }
const SEEDS = Array.from({ length: 40 }, (_, seed) => seed)
const SMALL = { 'internal.segment.bytes': '200', 'index.interval.bytes': '50' }

function setting(seed: number, options: Partial<OpenLogOptions> = {}) {
  const clock = new ManualClock(1_000_000)
  const files = new SimulatedFiles({ seed, now: () => clock.now() })
  const open = () => Log.open({ dataDirectory: '/data', fileSystem: files.mount(), clock, ...options })
  return { clock, files, open }
}

async function abortOne(log: Log, topic: string): Promise<void> {
  const producer = log.producer({ ...QUICK, transactionalId: 'tx' })
  await producer.initTransactions()
  producer.beginTransaction()
  producer.write({ topic, value: 'aborted' })
  await producer.flush()
  await producer.abortTransaction()
}

describe('after a power cut', () => {
  it('a log that was closed hides what was aborted, and finds records by time', async () => {
    for (const seed of SEEDS) {
      const { files, open } = setting(seed)
      const log = await open()
      await log.admin.createTopics([{ topic: 't' }])
      await abortOne(log, 't')
      await log.producer(QUICK).send({ topic: 't', value: 'kept', timestamp: 5_000_000 })
      await log.close()
      files.powerCut()
      const again = await open()
      expect(await readValues(again, [at('t')], 'read_committed'), `seed ${seed}`).toEqual(['kept'])
      const times = await again.consumer().offsetsForTimes([{ partition: at('t'), timestamp: 4_000_000 }])
      expect(times, `seed ${seed}`).toEqual([{ offset: 2, timestamp: 5_000_000 }])
    }
  })

  it('a log that was closed has nothing of a write that failed', async () => {
    for (const seed of SEEDS) {
      const { files, open } = setting(seed, { flush: { messages: 1 } })
      const log = await open()
      await log.admin.createTopics([{ topic: 't' }])
      const producer = log.producer(QUICK)
      await producer.send({ topic: 't', value: 'kept' })
      await log.close()
      files.powerCut()
      const second = await open()
      const late = second.producer(QUICK)
      await late.send({ topic: 't', value: 'kept too' })
      files.faults = { diskFull: true }
      const refused = late.send({ topic: 't', value: 'x'.repeat(300) })
      await expect(refused).rejects.toMatchObject({ code: 'KAFKA_STORAGE_ERROR' })
      files.faults = {}
      await second.close().catch(() => {})
      files.powerCut()
      expect(await readValues(await open(), [at('t')]), `seed ${seed}`).toEqual(['kept', 'kept too'])
    }
  })

  it('retention has taken records for good, and the rest can be opened, although nothing was flushed', async () => {
    for (const seed of SEEDS) {
      const { clock, files, open } = setting(seed, { retentionCheckIntervalMs: 1000 })
      const log = await open()
      await log.admin.createTopics([{ topic: 't', configs: { ...SMALL, 'retention.ms': '10000' } }])
      const producer = log.producer(QUICK)
      for (let i = 0; i < 10; i++) await producer.send({ topic: 't', value: String(i) })
      for (let round = 0; round < 2; round++) {
        clock.advance(20_000)
        await new Promise(setImmediate)
      }
      const [start] = await log.consumer().beginningOffsets([at('t')])
      expect(start).toBe(10)
      clock.advance(61_000)
      await new Promise(setImmediate)
      files.powerCut()
      const again = await open()
      expect(await again.consumer().beginningOffsets([at('t')]), `seed ${seed}`).toEqual([10])
      expect(await again.producer(QUICK).send({ topic: 't', value: 'next' })).toMatchObject({ offset: 10 })
    }
  })

  it('offsets below the start that deleteRecords set are never given again', async () => {
    for (const seed of SEEDS) {
      const { files, open } = setting(seed)
      const log = await open()
      await log.admin.createTopics([{ topic: 't' }])
      const producer = log.producer(QUICK)
      for (let i = 0; i < 5; i++) await producer.send({ topic: 't', value: String(i) })
      await log.admin.deleteRecords([{ partition: at('t'), offset: 4 }])
      files.powerCut()
      const again = await open()
      const { offset } = await again.producer(QUICK).send({ topic: 't', value: 'next' })
      expect(offset, `seed ${seed}`).toBeGreaterThanOrEqual(4)
      // A killed process must not lose what it acknowledged since.
      files.kill()
      const records = await readAll(await open(), [at('t')])
      expect(records.at(-1), `seed ${seed}`).toMatchObject({ offset, value: 'next' })
    }
  })

  it('a transaction that a successor completed is whole', async () => {
    for (const seed of SEEDS) {
      const { files, open } = setting(seed, { flush: { messages: 1 } })
      const log = await open()
      await log.admin.createTopics([{ topic: 'a' }, { topic: 'b' }])
      const producer = log.producer({ ...QUICK, transactionalId: 'tx' })
      await producer.initTransactions()
      producer.beginTransaction()
      for (const topic of ['a', 'b']) producer.write({ topic, value: 'v' })
      await producer.flush()
      // The decision is written, a marker is not.
      const commit = producer.commitTransaction()
      files.faults = { writeError: 0.5 }
      const committed = await commit.then(
        () => true,
        () => false,
      )
      files.faults = {}
      const successor = log.producer({ ...QUICK, transactionalId: 'tx' })
      const taken = await successor.initTransactions().then(
        () => true,
        () => false,
      )
      const seen = taken ? await readValues(log, [at('a')], 'read_committed') : null
      files.powerCut()
      const again = await open()
      const [a, b] = await Promise.all(
        ['a', 'b'].map((topic) => readValues(again, [at(topic)], 'read_committed')),
      )
      expect(b, `seed ${seed}`).toEqual(a)
      if (seen !== null) expect(a, `seed ${seed}`).toEqual(seen)
      if (committed) expect(a, `seed ${seed}`).toEqual(['v'])
    }
  })
})

describe('on a disk that was full', () => {
  it('a topic is deleted or not, and its successor begins empty', async () => {
    for (const seed of SEEDS) {
      const { files, open } = setting(seed)
      const log = await open()
      await log.admin.createTopics([{ topic: 't' }])
      await log.producer(QUICK).send({ topic: 't', value: 'old' })
      files.faults = { diskFull: true }
      await expect(log.admin.deleteTopics(['t'])).rejects.toMatchObject({ code: 'KAFKA_STORAGE_ERROR' })
      expect(await readValues(log, [at('t')])).toEqual(['old'])
      await expect(log.admin.createTopics([{ topic: 'u' }])).rejects.toMatchObject({
        code: 'KAFKA_STORAGE_ERROR',
      })
      await expect(log.admin.alterConfigs('t', { 'retention.ms': '1' })).rejects.toMatchObject({
        code: 'KAFKA_STORAGE_ERROR',
      })
      files.faults = {}
      const [described] = await log.admin.describeTopics(['t'])
      expect(described!.configs['retention.ms']).toBe('604800000')
      await log.admin.deleteTopics(['t'])
      await log.admin.createTopics([{ topic: 't' }, { topic: 'u' }])
      files.kill()
      expect(await readValues(await open(), [at('t'), at('u')]), `seed ${seed}`).toEqual([])
    }
  })
})
