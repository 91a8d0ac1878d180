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
})
