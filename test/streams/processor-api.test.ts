import { describe, expect, it } from 'vitest'
import { type Serde, Serdes } from '../../src/serde/index.js'
import { type KeyValueStore, Stores } from '../../src/state/index.js'
import {
  type FixedKeyProcessor,
  type Processor,
  type ProcessorContext,
  type RecordPosition,
  StreamsBuilder,
  Topology,
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

describe('what brings its stores', () => {
  const spec = Stores.keyValue({
    name: 'seen',
    keySerde: Serdes.string(),
    valueSerde: Serdes.integer() as Serde<number>,
  })
  const counting = {
    get: (): Processor<string, string, string, string> => {
      let context: ProcessorContext<string, string>
      let seen: KeyValueStore<string, number>
      return {
        init(given) {
          context = given
          seen = given.getStateStore('seen')
        },
        process({ key, timestamp }) {
          const count = (seen.get(key) ?? 0) + 1
          seen.put(key, count)
          context.forward({ key, value: `${context.appConfigs.applicationId} ${count}`, timestamp })
        },
      }
    },
  }

  it('is a supplier: its stores are added and connected, and processors know the settings', () => {
    const { input, output } = runOn((b) => {
      b.stream<string, string>('in', texts)
        .process({ ...counting, stores: () => [spec] })
        .to('out', texts)
    })
    input.pipeInput('a', 'x')
    input.pipeInput('a', 'y')
    expect(output.readValuesToList()).toEqual(['test 1', 'test 2'])
  })

  it('is the options of a processor, which two processors may share', () => {
    const builder = new StreamsBuilder()
    const stream = builder.stream<string, string>('in', texts)
    stream.process(counting, { name: 'one', stores: [spec] })
    stream.process(counting, { name: 'two', stores: [spec] })
    expect(builder.build().stores.get('seen')!.processors).toEqual(['one', 'two'])
  })

  it('must not give another store a name that is taken', () => {
    const builder = new StreamsBuilder()
    const stream = builder.stream<string, string>('in', texts)
    stream.process(counting, { stores: [spec] })
    stream.process(counting, { stores: [{ ...spec }] })
    expect(() => builder.build()).toThrow('there are two stores named "seen"')
  })
})

describe('a topology made by hand', () => {
  const upper = (): Processor<string, string, string, string> => {
    let context: ProcessorContext<string, string>
    return {
      init(given) {
        context = given
      },
      process(record) {
        const child = record.value.length > 1 ? 'long' : 'short'
        context.forward({ ...record, value: record.value.toUpperCase() }, child)
      },
    }
  }

  function run(topology: Topology, ...outputs: string[]) {
    const driver = new TopologyTestDriver(topology)
    return {
      driver,
      outputs: outputs.map((topic) => driver.createOutputTopic(topic, Serdes.string(), Serdes.string())),
      pipe: (topic: string, key: string, value: string) =>
        driver.createInputTopic(topic, Serdes.string(), Serdes.string()).pipeInput(key, value),
    }
  }

  it('takes processors of the processor API, which forward to sinks by name', () => {
    const topology = new Topology()
      .addSource({ name: 'source', topics: ['in'], ...texts })
      .addProcessor({ name: 'upper', parents: ['source'], supplier: upper })
      .addSink({ name: 'long', parents: ['upper'], topic: 'long', ...texts })
      .addSink({ name: 'short', parents: ['upper'], topic: 'short', ...texts })
    const { pipe, outputs } = run(topology, 'long', 'short')
    pipe('in', 'k', 'ab')
    pipe('in', 'k', 'c')
    expect(outputs.map((output) => output.readValuesToList())).toEqual([['AB'], ['C']])
  })

  /** Fills a store with what comes. */
  const fill = (name: string) => (): Processor<string, string, never, never> => {
    let store: KeyValueStore<string, string>
    return {
      init(context) {
        store = context.getStateStore(name)
      },
      process: ({ key, value }) => store.put(key, value),
    }
  }
  /** Forwards what a store holds under the key. */
  const look = (name: string) => (): Processor<string, string, string, string> => {
    let context: ProcessorContext<string, string>
    return {
      init(given) {
        context = given
      },
      process(record) {
        const store = context.getStateStore<KeyValueStore<string, string>>(name)
        context.forward({ ...record, value: store.get(record.key) ?? 'nothing' })
      },
    }
  }
  const names = Stores.keyValue({ name: 'names', ...texts })

  it('has global stores, which every processor may read', () => {
    const topology = new Topology()
      .addGlobalStore(names, {
        topic: 'names',
        sourceName: 'names-source',
        processorName: 'names-fill',
        supplier: fill('names'),
        ...texts,
      })
      .addSource({ name: 'source', topics: ['in'], ...texts })
      .addProcessor({ name: 'look', parents: ['source'], supplier: look('names') })
      .addSink({ name: 'sink', parents: ['look'], topic: 'out', ...texts })
    const { pipe, outputs } = run(topology, 'out')
    pipe('names', 'k', 'Ada')
    pipe('in', 'k', '')
    pipe('in', 'l', '')
    expect(outputs[0]!.readValuesToList()).toEqual(['Ada', 'nothing'])
  })

  it('has read-only stores, whose changelog is the topic that fills them', () => {
    const topology = new Topology()
      .addReadOnlyStateStore(names, {
        topic: 'names',
        sourceName: 'names-source',
        processorName: 'names-fill',
        supplier: fill('names'),
        ...texts,
      })
      .addSource({ name: 'source', topics: ['in'], ...texts })
      .addProcessor({ name: 'look', parents: ['source'], supplier: look('names') })
      .connectProcessorAndStateStores('look', ['names'])
      .addSink({ name: 'sink', parents: ['look'], topic: 'out', ...texts })
    const { driver, pipe, outputs } = run(topology, 'out')
    pipe('names', 'k', 'Ada')
    pipe('in', 'k', '')
    expect(outputs[0]!.readValuesToList()).toEqual(['Ada'])
    expect([...driver.producedTopicNames()]).toEqual(['out'])
  })
})

describe('a punctuator with a start time', () => {
  it('is called at that time first, and then at its interval', () => {
    const fired: string[] = []
    const { driver, input } = runOn((b) =>
      b.stream<string, string>('in', texts).process(() => ({
        init(context: ProcessorContext<string, string>) {
          context.schedule(10, 'STREAM_TIME', (time) => fired.push(`stream ${time}`), 25)
          context.schedule(100, 'WALL_CLOCK_TIME', (time) => fired.push(`wall ${time}`), 30)
        },
        process() {},
      })),
    )
    for (const time of [5, 24, 25, 34, 35]) input.pipeInput('k', 'v', time)
    expect(fired).toEqual(['stream 25', 'stream 35'])
    driver.advanceWallClockTime(29)
    driver.advanceWallClockTime(1)
    driver.advanceWallClockTime(100)
    expect(fired.slice(2)).toEqual(['wall 30', 'wall 130'])
  })
})
