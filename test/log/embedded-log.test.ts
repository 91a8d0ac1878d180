import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ManualClock, MemoryFiles, nextEventLoopTurn } from '../../src/common/index.js'
import { Log } from '../../src/log/index.js'
import { at, dataDirectory, readAll, readValues, storages, text } from './log-fixture.js'

describe.each(storages)('the embedded log on %s', (storage) => {
  it('holds after a reopening what was written before', async () => {
    const fixture = dataDirectory(storage)
    const log = await fixture.open()
    await log.admin.createTopics([{ topic: 't', partitions: 3 }])
    const producer = log.producer(text)
    for (let i = 0; i < 1000; i++) producer.write({ topic: 't', key: `k${i}`, value: `v${i}` })
    await producer.flush()
    const partitions = [at('t', 0), at('t', 1), at('t', 2)]
    const before = await readAll(log, partitions)
    expect(before).toHaveLength(1000)
    await log.close()
    const again = await fixture.open()
    const order = (records: typeof before) =>
      [...records].sort((a, b) => a.partition - b.partition || a.offset - b.offset)
    expect(order(await readAll(again, partitions))).toEqual(order(before))
    const { offset } = await again.producer(text).send({ topic: 't', partition: 0, value: 'next' })
    expect(offset).toBe(before.filter((record) => record.partition === 0).length)
  })

  it('marks a clean stop, and takes the mark away while it is open', async () => {
    const fixture = dataDirectory(storage)
    const marker = `${fixture.path}/.kafka_cleanshutdown`
    const log = await fixture.open()
    expect(fixture.files.exists(marker)).toBe(false)
    await log.close()
    expect(fixture.files.exists(marker)).toBe(true)
    await fixture.openMortal()
    expect(fixture.files.exists(marker)).toBe(false)
  })

  it('recovers what a log that was never closed had acknowledged', async () => {
    const fixture = dataDirectory(storage)
    const log = await fixture.openMortal()
    await log.admin.createTopics([{ topic: 't' }])
    await log.producer(text).send({ topic: 't', value: 'acknowledged' })
    const again = await fixture.open()
    expect(await readValues(again, [at('t')])).toEqual(['acknowledged'])
  })

  it('never gives a producer id twice, also over crashes', async () => {
    const fixture = dataDirectory(storage)
    const ids = new Set<number>()
    for (let round = 0; round < 3; round++) {
      const log = await fixture.openMortal()
      await log.admin.createTopics([{ topic: 't' }], { ifNotExists: true })
      for (let i = 0; i < 5; i++) await log.producer(text).send({ topic: 't', value: 'v' })
    }
    const log = await fixture.open()
    const file = fixture.files.readFile(`${fixture.path}/t-0/00000000000000000000.log`)
    for (let at = 0; at < file.length; at += 12 + file.readInt32BE(at + 8)) {
      ids.add(Number(file.readBigInt64BE(at + 43)))
    }
    expect(ids.size).toBe(15)
    await log.close()
  })

  it('drops segments past their retention, by the injected clock', async () => {
    const clock = new ManualClock(1_700_000_000_000)
    const log = await dataDirectory(storage).open({ clock, retentionCheckIntervalMs: 60_000 })
    await log.admin.createTopics([
      { topic: 't', configs: { 'retention.ms': '3600000', 'segment.ms': '600000' } },
    ])
    const producer = log.producer(text)
    for (let i = 0; i < 6; i++) {
      await Promise.all([producer.send({ topic: 't', value: String(i) }), clock.advance(20 * 60_000)])
    }
    const [start] = await log.consumer().beginningOffsets([at('t')])
    expect(start).toBeGreaterThan(0)
    const [last] = (await readValues(log, [at('t')])).slice(-1)
    expect(last).toBe('5')
  })

  it('compacts, by the injected clock, and keeps the newest of each key', async () => {
    const clock = new ManualClock(1_700_000_000_000)
    const log = await dataDirectory(storage).open({
      clock,
      compactionIntervalMs: 1_000,
      // Else the newest batches would be read from memory, as they were.
      recentBatchesBytes: 0,
    })
    await log.admin.createTopics([
      { topic: 't', configs: { 'cleanup.policy': 'compact', 'segment.bytes': '1048576' } },
    ])
    const producer = log.producer(text)
    const filler = 'x'.repeat(1000)
    for (let i = 0; i < 5000; i++) {
      producer.write({ topic: 't', key: `k${i % 10}`, value: `${i} ${filler}` })
    }
    await producer.flush()
    clock.advance(1_000)
    let records = await readAll(log, [at('t')])
    while (records.length > 2500) {
      await new Promise(setImmediate)
      records = await readAll(log, [at('t')])
    }
    const newest = new Map(records.map((record) => [record.key, record.value!.split(' ')[0]]))
    expect([...newest.values()].map(Number).sort()).toEqual(Array.from({ length: 10 }, (_, i) => 4990 + i))
  })

  it('compacts no faster than cleanerMaxBytesPerSecond', async () => {
    const start = 1_700_000_000_000
    const clock = new ManualClock(start)
    const log = await dataDirectory(storage).open({
      clock,
      compactionIntervalMs: 1_000,
      cleanerMaxBytesPerSecond: 1024 * 1024,
    })
    const configs = { 'cleanup.policy': 'compact', 'segment.bytes': '1048576' }
    await log.admin.createTopics([{ topic: 't', configs }])
    const producer = log.producer(text)
    const filler = 'x'.repeat(1000)
    for (let i = 0; i < 5000; i++) producer.write({ topic: 't', key: `k${i % 10}`, value: filler })
    await producer.flush()
    const size = async () => (await log.admin.describeTopics(['t']))[0]!.partitions[0]!.sizeBytes
    const before = await size()
    // About 4 MiB are closed; they are read twice, once for the keys and once to write anew.
    for (let seconds = 0; seconds < 4; seconds++) {
      clock.advance(1_000)
      for (let turn = 0; turn < 10; turn++) await nextEventLoopTurn()
      expect(await size()).toBe(before)
    }
    while ((await size()) > before / 2) {
      clock.advance(1_000)
      await nextEventLoopTurn()
    }
    expect(clock.now() - start).toBeGreaterThanOrEqual(7_000)
    await log.close()
  })

  it('closes its clients, once, and refuses new ones', async () => {
    const log = await dataDirectory(storage).open()
    await log.admin.createTopics([{ topic: 't' }, { topic: 'quiet' }])
    const producer = log.producer({ ...text, lingerMs: 60_000 })
    producer.write({ topic: 't', value: 'v' })
    const consumer = log.consumer()
    consumer.assign([at('quiet')])
    const polled = expect(consumer.poll(60_000)).rejects.toMatchObject({ code: 'LOG_CLOSED' })
    await Promise.all([log.close(), log.close()])
    await polled
    expect(() => log.producer()).toThrow(/closed/)
    expect(() => log.consumer()).toThrow(/closed/)
  })
})

/** Files whose calls of one name fail while `failing` says so. */
function faulty(name: 'write' | 'syncAsync', code: string) {
  const state = { failing: false }
  const wrap = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(object, member) {
        const value: unknown = Reflect.get(object, member)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          if (member === name && state.failing) throw Object.assign(new Error(code), { code })
          const result: unknown = value.apply(object, args)
          return member === 'open' ? wrap(result as object) : result
        }
      },
    })
  return { state, files: wrap(new MemoryFiles()) }
}

describe('on a failing disk', () => {
  it('refuses what does not fit, and goes on without gap or repetition when there is room again', async () => {
    const { state, files } = faulty('write', 'ENOSPC')
    const log = await Log.open({ dataDirectory: '/data', fileSystem: files })
    await log.admin.createTopics([{ topic: 't' }])
    const producer = log.producer(text)
    await producer.send({ topic: 't', value: 'before' })
    state.failing = true
    await expect(producer.send({ topic: 't', value: 'lost' })).rejects.toMatchObject({
      code: 'KAFKA_STORAGE_ERROR',
      message: expect.stringContaining('ENOSPC'),
    })
    state.failing = false
    await expect(producer.flush()).rejects.toMatchObject({ code: 'KAFKA_STORAGE_ERROR' })
    expect(await producer.send({ topic: 't', value: 'after' })).toMatchObject({ offset: 1 })
    expect(await readValues(log, [at('t')])).toEqual(['before', 'after'])
    await log.close()
  })

  it('acknowledges nothing that could not be made stable, and then takes no more', async () => {
    const { state, files } = faulty('syncAsync', 'EIO')
    const log = await Log.open({ dataDirectory: '/data', fileSystem: files, flush: { messages: 1 } })
    await log.admin.createTopics([{ topic: 't' }])
    const producer = log.producer(text)
    await producer.send({ topic: 't', value: 'stable' })
    state.failing = true
    const refused = { code: 'KAFKA_STORAGE_ERROR' }
    await expect(producer.send({ topic: 't', value: 'unstable' })).rejects.toMatchObject(refused)
    state.failing = false
    await expect(producer.send({ topic: 't', value: 'late' })).rejects.toMatchObject(refused)
    await expect(log.close()).rejects.toMatchObject(refused)
    expect(files.exists('/data/.kafka_cleanshutdown')).toBe(false)
  })
})

describe('the embedded log', () => {
  it('writes files as Kafka lays them out', async () => {
    const fixture = dataDirectory('files')
    const log = await fixture.open()
    await log.admin.createTopics([{ topic: 't' }])
    await log.producer(text).send({ topic: 't', value: 'v' })
    await log.close()
    expect(fixture.files.list(fixture.path)).toEqual([
      '.kafka_cleanshutdown',
      'cleaner-offset-checkpoint',
      'log-start-offset-checkpoint',
      'meta.properties',
      'producer-ids',
      'recovery-point-offset-checkpoint',
      't-0',
      'topics.json',
    ])
    const read = (name: string) => readFileSync(`${fixture.path}/${name}`, 'utf8')
    expect(read('recovery-point-offset-checkpoint')).toBe('0\n1\nt 0 1\n')
    expect(read('meta.properties')).toMatch(/^version=1\ncluster\.id=[\w-]{22}\nnode\.id=1\n/)
  })

  it('says which file is damaged, and changes nothing', async () => {
    const fixture = dataDirectory('memory')
    await (await fixture.open()).close()
    fixture.files.writeFileAtomic(`${fixture.path}/topics.json`, Buffer.from('{'))
    await expect(fixture.open()).rejects.toMatchObject({
      code: 'DAMAGED_DIRECTORY',
      message: expect.stringContaining('/data/topics.json'),
    })
    expect(fixture.files.readFile(`${fixture.path}/topics.json`).toString()).toBe('{')
    // The refusal gave the lock free.
    fixture.files.remove(`${fixture.path}/topics.json`)
    await (await fixture.open()).close()
  })

  it('makes topics when they are first named, where it was opened so', async () => {
    const log = Log.memory({ autoCreateTopics: true, defaultPartitions: 3 })
    await log.producer(text).send({ topic: 'new', value: 'v' })
    expect((await log.admin.describeTopics(['new']))[0]!.partitions).toHaveLength(3)
    await log.close()
  })
})
