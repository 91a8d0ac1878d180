import { describe, expect, it } from 'vitest'
import { nextEventLoopTurn } from '../../../src/common/index.js'
import { Log } from '../../../src/log/index.js'
import { type Serde, Serdes } from '../../../src/serde/index.js'
import type { ReadOnlyKeyValueStore, ValueAndTimestamp } from '../../../src/state/index.js'
import { KafkaStreams, type KafkaStreamsOptions, StreamsBuilder } from '../../../src/streams/index.js'

const text = Serdes.string()
const long = Serdes.long() as Serde<number>
type Counts = ReadOnlyKeyValueStore<string, ValueAndTimestamp<number>>

async function newLog(partitions = 4): Promise<Log> {
  const log = Log.memory()
  await log.admin.createTopics([
    { topic: 'in', partitions },
    { topic: 'out', partitions },
  ])
  return log
}

function counting() {
  const builder = new StreamsBuilder()
  builder
    .stream<string, string>('in', { keySerde: text, valueSerde: text })
    .groupByKey()
    .count({ store: 'counts' })
    .toStream()
    .to('out', { keySerde: text, valueSerde: long })
  return builder.build()
}

function instance(log: Log, options: Partial<KafkaStreamsOptions> = {}): KafkaStreams {
  return new KafkaStreams(counting(), { log, applicationId: 'app', commitIntervalMs: 0, ...options })
}

async function produce(log: Log, count: number): Promise<void> {
  const producer = log.producer({ keySerde: text, valueSerde: text })
  for (let i = 0; i < count; i++) producer.write({ topic: 'in', key: `k${i}`, value: 'v', timestamp: i })
  await producer.close()
}

const tasksOf = (streams: KafkaStreams) => streams.metrics().tasks.map(({ taskId }) => taskId)

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await nextEventLoopTurn()
}

/** Until every instance runs, and all tasks are shared out as evenly as can be. */
async function balanced(tasks: number, ...instances: KafkaStreams[]): Promise<void> {
  await until(() => {
    const counts = instances.map((streams) => tasksOf(streams).length)
    return (
      instances.every(({ state }) => state === 'RUNNING') &&
      counts.reduce((a, b) => a + b, 0) === tasks &&
      Math.max(...counts) - Math.min(...counts) <= 1
    )
  })
}

describe('instances of one application', () => {
  it('share its tasks, and hand them over when they close', async () => {
    const log = await newLog()
    const states: string[] = []
    const first = instance(log, { stateListener: (state) => states.push(state) })
    await first.start()
    expect(tasksOf(first)).toEqual(['0_0', '0_1', '0_2', '0_3'])
    const second = instance(log)
    await second.start()
    await balanced(4, first, second)
    expect(states).toEqual(['REBALANCING', 'RUNNING', 'REBALANCING', 'RUNNING'])
    await produce(log, 100)
    await first.caughtUp()
    await second.caughtUp()
    const counted = (streams: KafkaStreams) =>
      [...streams.store<Counts>('counts').all()].map(({ key }) => key)
    expect(counted(first).length).toBeGreaterThan(0)
    expect(counted(second).length).toBeGreaterThan(0)
    expect([...counted(first), ...counted(second)].sort()).toEqual(
      Array.from({ length: 100 }, (_, i) => `k${i}`).sort(),
    )
    await first.close()
    await balanced(4, second)
    await produce(log, 100)
    await second.caughtUp()
    const all = [...second.store<Counts>('counts').all()]
    expect(all.length).toBe(100)
    expect(all.every(({ value }) => value.value === 2)).toBe(true)
    await second.close()
    await log.close()
  })

  it('take over from a standby by restoring what it had not read yet, and nothing else', async () => {
    const log = await newLog(1)
    const restored: number[] = []
    const first = instance(log, { numStandbyReplicas: 1, applicationServer: 'one:1' })
    await first.start()
    const second = instance(log, {
      numStandbyReplicas: 1,
      applicationServer: 'two:2',
      restoreListener: { onRestoreEnd: (end) => restored.push(end.restored) },
    })
    await second.start()
    await until(() => second.metadataForAllClients().length === 2)
    const hosts = second.metadataForAllClients().map((c) => [c.applicationServer, c.active, c.standby])
    expect(hosts.sort()).toEqual([
      ['one:1', ['0_0'], []],
      ['two:2', [], ['0_0']],
    ])
    await produce(log, 100)
    await first.caughtUp()
    // Turns enough for the standby to read what is there.
    for (let turn = 0; turn < 200; turn++) await nextEventLoopTurn()
    await first.close()
    await balanced(1, second)
    expect([...second.store<Counts>('counts').all()].length).toBe(100)
    expect(restored).toEqual([0])
    await second.close()
    await log.close()
  })

  it('restore from the changelog without a standby, and tell how it goes', async () => {
    const log = await newLog(1)
    const first = instance(log)
    await first.start()
    await produce(log, 100)
    await first.caughtUp()
    const told: [string, number][] = []
    const second = instance(log, {
      restoreListener: {
        onRestoreStart: ({ endOffset }) => told.push(['start', endOffset > 0 ? 1 : 0]),
        onBatchRestored: ({ restored }) => told.push(['batch', restored]),
        onRestoreEnd: ({ restored }) => told.push(['end', restored]),
      },
    })
    await second.start()
    await first.close()
    await balanced(1, second)
    expect(told[0]).toEqual(['start', 1])
    expect(told.at(-2)).toEqual(['batch', 100])
    expect(told.at(-1)).toEqual(['end', 100])
    await second.close()
    await log.close()
  })

  it('all stop when one of them says so', async () => {
    const log = await newLog(2)
    const failing = () => {
      const builder = new StreamsBuilder()
      builder.stream<string, string>('in', { keySerde: text, valueSerde: text }).foreach((_key, value) => {
        if (value === 'poison') throw new Error('this goes nowhere')
      })
      return builder.build()
    }
    const options = {
      log,
      applicationId: 'app',
      uncaughtExceptionHandler: () => 'SHUTDOWN_APPLICATION' as const,
    }
    const all = [new KafkaStreams(failing(), options), new KafkaStreams(failing(), options)]
    for (const streams of all) await streams.start()
    await balanced(2, ...all)
    const producer = log.producer({ keySerde: text, valueSerde: text })
    await producer.send({ topic: 'in', partition: 0, key: 'k', value: 'poison' })
    for (const streams of all) await streams.finished()
    expect(all.map(({ state }) => state)).toEqual(['ERROR', 'ERROR'])
    expect(
      all
        .map(({ failure }) => String(failure))
        .sort()
        .join(),
    ).toMatch(/goes nowhere.*stopped the whole application/)
    await log.close()
  })

  it('stay paused over rebalances', async () => {
    const log = await newLog(2)
    const first = instance(log)
    await first.start()
    first.pause()
    const second = instance(log)
    await second.start()
    await balanced(2, first, second)
    await second.close()
    await balanced(2, first)
    await produce(log, 10)
    for (let turn = 0; turn < 100; turn++) await nextEventLoopTurn()
    expect([first.isPaused, first.metrics().recordsIn]).toEqual([true, 0])
    first.resume()
    await first.caughtUp()
    expect(first.metrics().recordsIn).toBe(10)
    await first.close()
    await log.close()
  })
})
