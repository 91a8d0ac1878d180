import { expect, it } from 'vitest'
import { ManualClock, nextEventLoopTurn } from '../../src/common/index.js'
import { Log } from '../../src/log/index.js'
import type { PartitionLog } from '../../src/log/partition-log.js'
import { SimulatedFiles } from '../../src/testing/simulated-files.js'
import { CLIENT, DIRECTORY, FaultyFiles, openLog, readAll } from './partition-log-fixture.js'
import { batchOf } from './record-batch-fixtures.js'

/* What happens to a segment once the next one has begun. */

const config = { 'internal.segment.bytes': '300', 'index.interval.bytes': '50' }

function appendOneByOne(log: PartitionLog, count: number): void {
  for (let i = 0; i < count; i++) {
    const baseSequence = log.logEndOffset
    log.append(batchOf([`value ${baseSequence}`], { producerId: 1, producerEpoch: 0, baseSequence }), CLIENT)
  }
}

function logFiles(files: FaultyFiles): string[] {
  return files.list(DIRECTORY).filter((name) => name.endsWith('.log'))
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await nextEventLoopTurn()
}

it('a segment is made stable in the background when the next one begins', async () => {
  const files = new FaultyFiles()
  const log = openLog({ files, config })
  appendOneByOne(log, 20)
  const active = Number.parseInt(logFiles(files).at(-1)!, 10)
  expect(active).toBeGreaterThan(10)
  await until(() => log.recoveryPoint === active)
  expect(log.recoveryCheckpoint).toBe(active)
  // Of the closed segments nothing is open, of the active one its file.
  expect(files.opened.size).toBe(1)
})

it('a restart after a kill reads only from the active segment on', async () => {
  const files = new FaultyFiles()
  const killed = openLog({ files, config })
  appendOneByOne(killed, 40)
  const active = Number.parseInt(logFiles(files).at(-1)!, 10)
  await until(() => killed.recoveryPoint === active)
  files.readNames.clear()
  const log = openLog({ files, config, recoveryPoint: killed.recoveryCheckpoint })
  const name = logFiles(files).at(-1)!
  expect([...files.readNames].sort()).toEqual([name, name.replace('.log', '.snapshot')])
  expect(log.logEndOffset).toBe(40)
  appendOneByOne(log, 1)
  expect(readAll(log).length).toBe(41)
})

it('appends do not wait for the disk that takes the old segment', async () => {
  const files = new FaultyFiles()
  const log = openLog({ files, config })
  let release = (): void => {}
  files.syncGate = new Promise((resolve) => {
    release = resolve
  })
  appendOneByOne(log, 30)
  for (let turn = 0; turn < 5; turn++) await nextEventLoopTurn()
  expect([log.logEndOffset, log.recoveryPoint, files.syncs]).toEqual([30, 0, 0])
  release()
  await until(() => log.recoveryPoint === Number.parseInt(logFiles(files).at(-1)!, 10))
})

it('a disk that cannot take the old segment stops the log', async () => {
  const files = new FaultyFiles()
  const log = openLog({ files, config })
  files.failSync = (path) => path.endsWith('00000.log')
  appendOneByOne(log, 20)
  await until(() => log.failure !== null)
  expect(() => appendOneByOne(log, 1)).toThrow(/opened again/)
  expect(log.recoveryPoint).toBe(0)
  expect(readAll(log).length).toBe(20)
})

it('a log that is closed or deleted meanwhile opens no file any more', async () => {
  for (const end of ['close', 'abandon'] as const) {
    const files = new FaultyFiles()
    const log = openLog({ files, config })
    let release = (): void => {}
    files.syncGate = new Promise((resolve) => {
      release = resolve
    })
    appendOneByOne(log, 20)
    const flushed = log.flush()
    log[end]()
    release()
    if (end === 'close') await flushed
    else await expect(flushed).rejects.toMatchObject({ code: 'KAFKA_STORAGE_ERROR' })
    expect(files.opened.size).toBe(0)
  }
})

it('the recovery point checkpoint follows within a second, so that a kill costs the active segment at most', async () => {
  const files = new SimulatedFiles({ seed: 1 })
  const clock = new ManualClock(1_000_000)
  const options = { dataDirectory: '/data', fileSystem: files, clock }
  const log = await Log.open(options)
  await log.admin.createTopics([{ topic: 'orders', configs: { 'internal.segment.bytes': '2000' } }])
  const producer = log.producer({ batchSize: 200 })
  for (let i = 0; i < 100; i++) producer.write({ topic: 'orders', value: Buffer.alloc(100) })
  await producer.flush()
  const active = files.list('/data/orders-0').findLast((name) => name.endsWith('.log'))!
  const checkpoint = () => files.readFile('/data/recovery-point-offset-checkpoint').toString()
  const expected = `orders 0 ${Number.parseInt(active, 10)}\n`
  await until(() => {
    clock.advance(500)
    return files.exists('/data/recovery-point-offset-checkpoint') && checkpoint().includes(expected)
  })
  expect(clock.now()).toBeLessThan(1_060_000)
  files.kill()
  const reopened = await Log.open(options)
  const consumer = reopened.consumer({ autoOffsetReset: 'earliest' })
  consumer.assign([{ topic: 'orders', partition: 0 }])
  expect(await consumer.endOffsets([{ topic: 'orders', partition: 0 }])).toEqual([100])
  await reopened.close()
})
