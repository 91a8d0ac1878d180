import { describe, expect, it } from 'vitest'
import { Serdes } from '../../src/serde/index.js'
import { type KeyValueStore, Stores } from '../../src/state/index.js'
import {
  type FixedKeyProcessor,
  type Processor,
  type ProcessorContext,
  type RecordPosition,
  StreamsBuilder,
} from '../../src/streams/index.js'
import { TopologyTestDriver } from '../../src/testing/index.js'

const texts = { keySerde: Serdes.string(), valueSerde: Serdes.string() }

function runOn(attach: (builder: StreamsBuilder) => void) {
  const builder = new StreamsBuilder()
  attach(builder)
  const driver = new TopologyTestDriver(builder.build())
  return {
    driver,
    input: driver.createInputTopic('in', Serdes.string(), Serdes.string()),
    output: driver.createOutputTopic('out', Serdes.string(), Serdes.string()),
  }
}

/** Remembers in a store how often it saw a key, and forwards that. */
class Counter implements FixedKeyProcessor<string, string, string> {
  #context!: Parameters<NonNullable<FixedKeyProcessor<string, string, string>['init']>>[0]
  #counts!: KeyValueStore<string, number>
  readonly closed: () => void
  positions: (RecordPosition | null)[]

  constructor(positions: (RecordPosition | null)[], closed: () => void) {
    this.positions = positions
    this.closed = closed
  }

  init(context: Parameters<NonNullable<FixedKeyProcessor<string, string, string>['init']>>[0]): void {
    this.#context = context
    this.#counts = context.getStateStore('counts')
  }

  process(record: { key: string; value: string; timestamp: number }): void {
    const count = (this.#counts.get(record.key) ?? 0) + 1
    this.#counts.put(record.key, count)
    this.positions.push(this.#context.recordMetadata)
    this.#context.forward({ value: `${record.value}${count}`, timestamp: record.timestamp })
  }

  close(): void {
    this.closed()
  }
}

describe('processors', () => {
  it('of values keep the key, use stores, know positions, and are closed', () => {
    const positions: (RecordPosition | null)[] = []
    let closed = 0
    const { driver, input, output } = runOn((b) => {
      b.addStateStore(
        Stores.keyValue({ name: 'counts', keySerde: Serdes.string(), valueSerde: Serdes.long() }),
      )
      b.stream('in', texts)
        .processValues(() => new Counter(positions, () => closed++), { stores: ['counts'] })
        .to('out', texts)
    })
    input.pipeInput('a', 'x', 1)
    input.pipeInput('a', 'y', 2)
    expect(output.readRecordsToList().map((r) => [r.key, r.value, r.timestamp])).toEqual([
      ['a', 'x1', 1],
      ['a', 'y2', 2],
    ])
    expect(positions).toEqual([
      { topic: 'in', partition: 0, offset: 0 },
      { topic: 'in', partition: 0, offset: 1 },
    ])
    driver.close()
    expect(closed).toBe(1)
  })

  it('forward runs everything below before it returns', () => {
    const seen: string[] = []
    const { input } = runOn((b) => {
      b.stream('in', texts)
        .process((): Processor<string, string, string, string> => {
          let context: ProcessorContext<string, string>
          return {
            init: (given) => {
              context = given
            },
            process(record) {
              seen.push('before')
              context.forward(record)
              seen.push('after')
            },
          }
        })
        .foreach((k) => seen.push(k))
    })
    input.pipeInput('a', 'x', 1)
    expect(seen).toEqual(['before', 'a', 'after'])
  })

  it('a punctuator has no position', () => {
    let position: unknown = 'none yet'
    const { driver } = runOn((b) => {
      b.stream('in', texts).process(() => ({
        init: (context) =>
          context.schedule(10, 'WALL_CLOCK_TIME', () => {
            position = context.recordMetadata
          }),
        process() {},
      }))
    })
    driver.advanceWallClockTime(10)
    expect(position).toBeNull()
  })

  it('a store that is not connected cannot be used', () => {
    expect(() =>
      runOn((b) => {
        b.addStateStore(
          Stores.keyValue({ name: 'counts', keySerde: Serdes.string(), valueSerde: Serdes.long() }),
        )
        b.stream('in', texts).process(() => ({
          init: (context) => {
            context.getStateStore('counts')
          },
          process() {},
        }))
      }),
    ).toThrow('not connected')
  })
})

describe('default serdes', () => {
  it('of the application serve stores that have none', () => {
    const builder = new StreamsBuilder()
    builder
      .stream<string, string>('in')
      .groupByKey()
      .reduce((a, b) => a + b, { store: 's' })
    const driver = new TopologyTestDriver(builder.build(), {
      defaultKeySerde: Serdes.string(),
      defaultValueSerde: Serdes.string(),
    })
    const input = driver.createInputTopic('in', Serdes.string(), Serdes.string())
    input.pipeInput('a', 'x', 1)
    input.pipeInput('a', 'y', 1)
    expect(driver.getTimestampedKeyValueStore('s').get('a')).toEqual({ value: 'xy', timestamp: 1 })
  })

  it('missing, say so where they are needed', () => {
    const builder = new StreamsBuilder()
    builder
      .stream('in', texts)
      .map((k, v) => [k, v.length])
      .toTable({ store: 's', keySerde: Serdes.string() })
    expect(() =>
      new TopologyTestDriver(builder.build())
        .createInputTopic('in', Serdes.string(), Serdes.string())
        .pipeInput('a', 'x', 1),
    ).toThrow(/no .*serde/)
  })
})
