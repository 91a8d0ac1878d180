import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ForebayError, MemoryFiles } from '../../src/common/index.js'
import type { Log } from '../../src/log/index.js'
import type { Serde } from '../../src/serde/index.js'
import { StateError, Stores } from '../../src/state/index.js'
import {
  CopartitionError,
  DeserializationError,
  type DroppedReason,
  JoinWindows,
  KafkaStreams,
  ProcessingError,
  ProductionError,
  StreamsBuilder,
  TimeWindows,
  TopologyError,
} from '../../src/streams/index.js'
import { TopologyTestDriver } from '../../src/testing/index.js'
import { logWith, text, texts } from './runtime/app-kit.js'

/* What becomes of input that cannot be taken, and of topologies that do not fit: the table of docs/errors.md. */

const POISON = 'poison'

function fussy<T>(value: T): T {
  if (String(value) === POISON) throw new RangeError('no poison, please')
  return value
}

const fussySerde: Serde<string> = {
  write: (value, out) => text.write(fussy(value), out),
  read: (buffer, start, end) => fussy(text.read(buffer, start, end)),
}
const joined = (a: unknown, b: unknown) => `${fussy(a)}+${b}`

interface Case {
  /** Reads `in`, and perhaps `other`, writes `out`. */
  readonly build: (b: StreamsBuilder) => void
  readonly error: new (...parameters: never[]) => ForebayError
  /** The node that the error names; null where no node has seen the record. */
  readonly node: string | null
  readonly reason: DroppedReason
  /** Sent to `other` before. */
  readonly others?: readonly string[]
}

const input = (b: StreamsBuilder) => b.stream('in', texts)
const grouped = (b: StreamsBuilder) => input(b).groupByKey()
const processing = { error: ProcessingError, reason: 'processing' } as const
const production = { error: ProductionError, reason: 'production' } as const

/** Each gets the records fine, poison, fine again: offsets 0, 1 and 2. */
const cases: Record<string, Case> = {
  'a value that cannot be read': {
    build: (b) => b.stream('in', { keySerde: text, valueSerde: fussySerde }).to('out', texts),
    error: DeserializationError,
    node: null,
    reason: 'deserialization',
  },
  'a mapper that throws': {
    build: (b) => input(b).mapValues(fussy, { name: 'map' }).to('out', texts),
    ...processing,
    node: 'map',
  },
  'a filter that throws': {
    build: (b) =>
      input(b)
        .filter((_key, value) => fussy(value) !== null, { name: 'filter' })
        .to('out', texts),
    ...processing,
    node: 'filter',
  },
  'an aggregator that throws': {
    build: (b) =>
      grouped(b)
        .aggregate(
          () => '',
          (_key, value) => fussy(value),
          { ...texts, name: 'aggregate' },
        )
        .toStream()
        .to('out', texts),
    ...processing,
    node: 'aggregate',
  },
  'an aggregator of windows that throws': {
    build: (b) =>
      grouped(b)
        .windowedBy(TimeWindows.ofSizeWithNoGrace(100))
        .aggregate(
          () => '',
          (_key, value) => fussy(value),
          { ...texts, name: 'aggregate' },
        )
        .toStream(({ key }) => key)
        .to('out', texts),
    ...processing,
    node: 'aggregate',
  },
  'a key selector that throws': {
    build: (b) =>
      input(b)
        .selectKey((_key, value) => fussy(value), { name: 'select' })
        .to('out', texts),
    ...processing,
    node: 'select',
  },
  'a joiner of a stream and a table that throws': {
    build: (b) =>
      input(b)
        .join(b.table('other', texts), joined, { ...texts, name: 'join' })
        .to('out', texts),
    ...processing,
    node: 'join',
    others: ['x'],
  },
  'a joiner of streams that throws': {
    build: (b) =>
      input(b)
        .join(b.stream('other', texts), joined, JoinWindows.ofTimeDifferenceWithNoGrace(100), {
          ...texts,
          otherValueSerde: text,
          name: 'join',
        })
        .to('out', texts),
    ...processing,
    node: 'join-this-join',
    others: ['x'],
  },
  'a result that cannot be written': {
    build: (b) => input(b).to('out', { keySerde: text, valueSerde: fussySerde, name: 'sink' }),
    ...production,
    node: 'sink',
  },
  'a topic extractor that throws': {
    build: (b) =>
      input(b).to((_key, value) => (fussy(value) === '' ? '' : 'out'), { ...texts, name: 'sink' }),
    ...processing,
    node: 'sink',
  },
}

function driverOf({ build, others = [] }: Case, options: object = {}) {
  const builder = new StreamsBuilder()
  build(builder)
  const driver = new TopologyTestDriver(builder.build(), options)
  for (const value of others) driver.createInputTopic('other', text, text).pipeInput('k', value, 0)
  const topic = driver.createInputTopic('in', text, text)
  const feed = () => {
    for (const [i, value] of ['fine', POISON, 'fine again'].entries()) topic.pipeInput('k', value, i)
  }
  const values = (name: string) =>
    driver
      .createOutputTopic(name, text, text)
      .readRecordsToList()
      .map(({ value }) => value)
  return { driver, feed, values }
}

function failureOf(action: () => void): ForebayError {
  try {
    action()
  } catch (error) {
    return error as ForebayError
  }
  throw new Error('nothing was thrown')
}

const goOn = {
  deserializationExceptionHandler: 'log-and-continue',
  processingExceptionHandler: 'log-and-continue',
  productionExceptionHandler: 'log-and-continue',
}

for (const [name, bad] of Object.entries(cases)) {
  describe(name, () => {
    it('stops the application by default, and the error says where', () => {
      const { feed } = driverOf(bad)
      const error = failureOf(feed)
      expect(error).toBeInstanceOf(bad.error)
      expect(error.cause).toBeInstanceOf(RangeError)
      expect(error.message).toContain('no poison, please')
      expect((error as ProcessingError).place).toEqual({
        taskId: '0_0',
        ...(bad.node === null ? {} : { node: bad.node }),
        topic: 'in',
        partition: 0,
        offset: 1,
      })
    })

    it('is passed over and counted, where the handler says so', () => {
      const { driver, feed, values } = driverOf(bad, goOn)
      feed()
      expect(values('out').map((value) => value!.slice(0, 4))).toEqual(['fine', 'fine'])
      expect(driver.metrics().droppedByReason).toEqual({ [bad.reason]: 1 })
    })

    it('goes to the dead letter topic, where there is one', () => {
      const { feed, values } = driverOf(bad, { ...goOn, deadLetterTopic: 'letters' })
      feed()
      expect(values('letters')).toEqual([POISON])
    })
  })
}

describe('a record without a key', () => {
  const needKeys: Record<string, { build: (b: StreamsBuilder) => void; out: readonly string[] }> = {
    'is left out of an aggregation': {
      build: (b) =>
        grouped(b)
          .reduce((_all, value) => value)
          .toStream()
          .to('out', texts),
      out: [],
    },
    'is left out of a table': {
      build: (b) => b.table('in', texts).toStream().to('out', texts),
      out: [],
    },
    'is left out of an inner join': {
      build: (b) => input(b).join(b.table('other', texts), joined, texts).to('out', texts),
      out: [],
    },
    'goes through a left join with null': {
      build: (b) => input(b).leftJoin(b.table('other', texts), joined, texts).to('out', texts),
      out: ['value+null'],
    },
    'is nothing to stateless steps': {
      build: (b) =>
        input(b)
          .mapValues((value) => value)
          .to('out', texts),
      out: ['value'],
    },
  }
  for (const [name, { build, out }] of Object.entries(needKeys)) {
    it(name, () => {
      const builder = new StreamsBuilder()
      build(builder)
      const driver = new TopologyTestDriver(builder.build())
      driver.createInputTopic('in', text, text).pipeInput(null, 'value', 0)
      expect(driver.createOutputTopic('out', text, text).readValuesToList()).toEqual(out)
      expect(driver.metrics().droppedByReason).toEqual(out.length > 0 ? {} : { 'null-key': 1 })
    })
  }
})

describe('a topology that does not fit', () => {
  let log: Log
  let files: MemoryFiles
  const apps: KafkaStreams[] = []

  beforeEach(async () => {
    log = await logWith({ in: 2, other: 3 })
    files = new MemoryFiles()
  })
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.close().catch(() => {})
    await log.close()
  })

  function app(build: (b: StreamsBuilder) => void): KafkaStreams {
    const builder = new StreamsBuilder()
    build(builder)
    const streams = new KafkaStreams(builder.build(), {
      applicationId: 'app',
      log,
      files,
      stateDir: '/state',
      commitIntervalMs: 0,
    })
    apps.push(streams)
    return streams
  }

  async function runOnce(build: (b: StreamsBuilder) => void): Promise<Map<string, unknown>> {
    const producer = log.producer(texts)
    await producer.send({ topic: 'in', partition: 0, key: 'k', value: 'v', timestamp: 5 })
    const streams = app(build)
    await streams.start()
    await streams.caughtUp()
    const contents = new Map<string, unknown>()
    for (const name of streams.metrics().tasks.length > 0 ? ['counts', 'renamed', 'added'] : []) {
      try {
        contents.set(
          name,
          [...(streams.storePartitions(name)[0] as never as { all(): Iterable<unknown> }).all()].length,
        )
      } catch {
        // The topology has no such store.
      }
    }
    await streams.close()
    return contents
  }

  const counting = (store: string) => (b: StreamsBuilder) => {
    grouped(b).count({ store })
  }
  const windowed = (sizeMs: number) => (b: StreamsBuilder) => {
    grouped(b).windowedBy(TimeWindows.ofSizeWithNoGrace(sizeMs)).count({ store: 'counts' })
  }

  it('joins topics of different partition counts: refused at the start, with both counts', async () => {
    const streams = app((b) => {
      input(b).join(b.table('other', texts), joined, texts).to('out', texts)
    })
    const error = await streams.start().catch((failure: unknown) => failure)
    expect(error).toBeInstanceOf(CopartitionError)
    expect((error as Error).message).toMatch(/in has 2.*other has 3.*repartition/)
  })

  it('uses a store that is not connected: refused, with node and store', async () => {
    const streams = app((b) => {
      b.addStateStore(Stores.keyValue({ name: 'lonely', ...texts }))
      input(b)
        .processValues(
          () => ({
            init: (context) => void context.getStateStore('lonely'),
            process() {},
          }),
          { name: 'forgetful' },
        )
        .to('out', texts)
    })
    const error = await streams.start().catch((failure: unknown) => failure)
    expect(error).toBeInstanceOf(TopologyError)
    expect((error as TopologyError).place.node).toBe('forgetful')
    expect((error as Error).message).toContain('store lonely is not connected')
  })

  it('has renamed a store: the new one begins empty', async () => {
    expect(await runOnce(counting('counts'))).toEqual(new Map([['counts', 1]]))
    const streams = app(counting('renamed'))
    await streams.start()
    await streams.caughtUp()
    expect([
      ...(streams.storePartitions('renamed')[0] as never as { all(): Iterable<unknown> }).all(),
    ]).toEqual([])
  })

  it('has one store more, and one less: the others go on', async () => {
    await runOnce(counting('counts'))
    const both = await runOnce((b) => {
      const stream = grouped(b)
      stream.count({ store: 'counts' })
      stream.count({ store: 'added' })
    })
    expect(both).toEqual(
      new Map([
        ['counts', 1],
        ['added', 1],
      ]),
    )
    expect(await runOnce(counting('counts'))).toEqual(new Map([['counts', 1]]))
  })

  it('has a store of another kind under a name: refused, with store and file', async () => {
    await runOnce(counting('counts'))
    const error = await app(windowed(10))
      .start()
      .catch((failure: unknown) => failure)
    expect(error).toBeInstanceOf(StateError)
    expect(error).toMatchObject({ code: 'STATE_SCHEMA', path: '/state/app/0_0/state.db' })
    expect((error as Error).message).toContain('store counts has another schema')
  })

  it('has windows of another size: refused, with both sizes', async () => {
    await runOnce(windowed(10))
    const error = await app(windowed(20))
      .start()
      .catch((failure: unknown) => failure)
    expect(error).toMatchObject({ code: 'STATE_SCHEMA' })
    expect((error as Error).message).toMatch(
      /counts holds windows of 10 ms, wanted are windows of 20 ms; rename/,
    )
  })

  it('reads topics with more partitions than its internal topics: refused, with both counts', async () => {
    await runOnce(counting('counts'))
    await log.admin.createPartitions('in', 4)
    const error = await app(counting('counts'))
      .start()
      .catch((failure: unknown) => failure)
    expect(error).toBeInstanceOf(TopologyError)
    expect((error as Error).message).toMatch(/app-counts-changelog has 2 partitions but the topology needs 4/)
  })
})

it('a change of a store that cannot be written stops the application, and the error names store and changelog', () => {
  const { feed } = driverOf({
    build: (b) =>
      grouped(b).reduce((_all, value) => value, { store: 'rows', keySerde: text, valueSerde: fussySerde }),
    ...production,
    node: null,
  })
  const error = failureOf(feed)
  expect(error).toBeInstanceOf(ProductionError)
  expect(error.message).toContain('a change of store rows cannot be written: no poison, please')
  expect((error as ProductionError).place).toMatchObject({ topic: 'test-rows-changelog', partition: 0 })
})

it('a timestamp extractor that throws stops the application, whatever the handlers say: no order is known any more', () => {
  const builder = new StreamsBuilder()
  builder
    .stream('in', { ...texts, timestampExtractor: ({ value, timestamp }) => (fussy(value) ? timestamp : 0) })
    .to('out', texts)
  const driver = new TopologyTestDriver(builder.build(), goOn as object)
  const error = failureOf(() => driver.createInputTopic('in', text, text).pipeInput('k', POISON, 3))
  expect(error).toBeInstanceOf(ProcessingError)
  expect((error as ProcessingError).place).toMatchObject({
    node: 'KSTREAM-SOURCE-0000000000',
    topic: 'in',
    offset: 0,
  })
})
