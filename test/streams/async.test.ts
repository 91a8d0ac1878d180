import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nextEventLoopTurn, type Random } from '../../src/common/index.js'
import { Serdes } from '../../src/serde/index.js'
import type { TimestampedKeyValueStore } from '../../src/state/index.js'
import { type AsyncOptions, type KStream, ProcessingError, StreamsBuilder } from '../../src/streams/index.js'
import { TopologyTestDriver, type TopologyTestDriverOptions } from '../../src/testing/index.js'
import { Gate } from './gate.js'

const text = Serdes.string()
type Stream = KStream<string, string>

function drive(attach: (stream: Stream) => Stream, options: TopologyTestDriverOptions = {}) {
  const builder = new StreamsBuilder()
  attach(builder.stream('in', { keySerde: text, valueSerde: text })).to('out', {
    keySerde: text,
    valueSerde: text,
  })
  const driver = new TopologyTestDriver(builder.build(), options)
  const input = driver.createInputTopic('in', text, text, { startTimestampMs: 1, autoAdvanceMs: 1 })
  const output = driver.createOutputTopic('out', text, text)
  return { driver, input, output }
}

function gated(options: AsyncOptions, driverOptions: TopologyTestDriverOptions = {}) {
  const gate = new Gate()
  const driven = drive(
    (stream) => stream.mapValuesAsync(gate.ask as () => Promise<string>, options),
    driverOptions,
  )
  return { gate, ...driven }
}

describe('the order of asynchronous results', () => {
  it('by key: one call a key at a time, other keys overtake', async () => {
    const { gate, driver, input, output } = gated({ ordering: 'key' })
    for (const value of ['a1', 'a2', 'b1']) input.pipeInput(value[0]!, value)
    expect(gate.values).toEqual(['a1', 'b1'])
    gate.of('b1').resolve()
    await nextEventLoopTurn()
    gate.of('a1').resolve()
    await gate.until(3)
    gate.of('a2').resolve()
    expect(await driver.drain()).toBe(true)
    expect(output.readValuesToList()).toEqual(['b1!', 'a1!', 'a2!'])
  })

  it('by key: records without a key wait for nobody', async () => {
    const { gate, driver, input, output } = gated({ ordering: 'key' })
    input.pipeInput(null, 'x')
    input.pipeInput(null, 'y')
    expect(gate.values).toEqual(['x', 'y'])
    gate.of('y').resolve()
    await nextEventLoopTurn()
    gate.of('x').resolve()
    await driver.drain()
    expect(output.readValuesToList()).toEqual(['y!', 'x!'])
  })

  it('by partition: calls side by side, results in the order of the records', async () => {
    const { gate, driver, input, output } = gated({ ordering: 'partition' })
    for (const value of ['a1', 'a2', 'b1']) input.pipeInput(value[0]!, value)
    expect(gate.values).toEqual(['a1', 'a2', 'b1'])
    gate.of('b1').resolve()
    gate.of('a2').resolve()
    await nextEventLoopTurn()
    gate.of('a1').resolve()
    await driver.drain()
    expect(output.readValuesToList()).toEqual(['a1!', 'a2!', 'b1!'])
  })

  it('none: as they come', async () => {
    const { gate, driver, input, output } = gated({ ordering: 'none' })
    for (const value of ['a1', 'a2', 'a3']) input.pipeInput('a', value)
    for (const value of ['a3', 'a1', 'a2']) {
      gate.of(value).resolve()
      await nextEventLoopTurn()
    }
    await driver.drain()
    expect(output.readValuesToList()).toEqual(['a3!', 'a1!', 'a2!'])
  })

  it('loses and doubles nothing, whatever answers first', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(5)), { maxLength: 40 }),
        fc.constantFrom('key', 'partition', 'none'),
        fc.integer({ min: 1, max: 4 }),
        async (records, ordering, concurrency) => {
          const { driver, input, output } = drive((stream) =>
            stream.mapValuesAsync(
              async (value) => {
                for (let turns = Number(value.split(':')[1]); turns > 0; turns--) await nextEventLoopTurn()
                return value
              },
              { ordering, concurrency },
            ),
          )
          const sent = records.map(([key, turns], i) => [key, `${i}:${turns}`] as const)
          for (const [key, value] of sent) input.pipeInput(key, value)
          await driver.drain()
          const got = output.readKeyValuesToList()
          expect([...got].sort()).toEqual([...sent].sort())
          if (ordering === 'partition') expect(got).toEqual(sent)
          if (ordering !== 'key') return
          for (const key of ['a', 'b', 'c']) {
            expect(got.filter(([k]) => k === key)).toEqual(sent.filter(([k]) => k === key))
          }
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('asynchronous operators', () => {
  it('run no more calls than their concurrency, and start the next as one ends', async () => {
    const { gate, driver, input, output } = gated({ ordering: 'none', concurrency: 3 })
    for (let i = 0; i < 10; i++) input.pipeInput('k', String(i))
    expect(gate.values).toEqual(['0', '1', '2'])
    while (gate.called.length < 10) {
      gate.open[0]!.resolve()
      await nextEventLoopTurn()
      expect(gate.open.length).toBe(3)
    }
    for (const call of [...gate.open]) call.resolve()
    await driver.drain()
    expect(output.queueSize).toBe(10)
    expect(gate.openMax).toBe(3)
  })

  it('take no more records than four times their concurrency before the first has an answer', async () => {
    const { gate, driver, input } = gated({ ordering: 'partition', concurrency: 2 })
    for (let i = 0; i < 20; i++) input.pipeInput('k', String(i))
    expect(driver.metrics().recordsIn).toBe(8)
    const drained = driver.drain()
    while (gate.called.length < 20 || gate.open.length > 0) {
      gate.open[0]?.resolve()
      await nextEventLoopTurn()
    }
    await drained
    expect(driver.metrics().recordsIn).toBe(20)
  })

  it('give results the time and headers of their record, and tell its position', async () => {
    const { gate, driver, input, output } = gated({ ordering: 'partition' })
    const headers = [{ key: 'trace', value: Buffer.from('7') }]
    input.pipeInput('a', 'first', 100, headers)
    input.pipeInput('b', 'second', 50)
    expect(gate.of('second').call.position).toEqual({ topic: 'in', partition: 0, offset: 1 })
    expect(gate.of('first').call).toMatchObject({ timestamp: 100, attempt: 1 })
    expect(gate.of('first').call.headers[0]!.key).toBe('trace')
    gate.of('first').resolve()
    gate.of('second').resolve()
    await driver.drain()
    const records = output.readRecordsToList()
    expect(records.map(({ timestamp }) => timestamp)).toEqual([100, 50])
    expect(records.map((record) => record.headers.map(({ key }) => key))).toEqual([['trace'], []])
  })

  it('filter, flat-map and peek', async () => {
    const seen: string[] = []
    const { driver, input, output } = drive((stream) =>
      stream
        .filterAsync(async (_key, value) => value !== 'no')
        .peekAsync(async (key, value) => {
          await nextEventLoopTurn()
          seen.push(`${key}=${value}`)
        })
        .flatMapAsync<string, string>(async (key, value) => [
          [key, value],
          [value, key],
        ]),
    )
    for (const value of ['x', 'no', 'y']) input.pipeInput('k', value)
    await driver.drain()
    expect(seen).toEqual(['k=x', 'k=y'])
    expect(output.readKeyValuesToList()).toEqual([
      ['k', 'x'],
      ['x', 'k'],
      ['k', 'y'],
      ['y', 'k'],
    ])
  })

  it('feed stateful operators with event times of their records', async () => {
    const builder = new StreamsBuilder()
    builder
      .stream('in', { keySerde: text, valueSerde: text })
      .mapValuesAsync(async (value) => value.toUpperCase())
      .groupByKey()
      .count({ store: 'counts' })
    const driver = new TopologyTestDriver(builder.build())
    const input = driver.createInputTopic('in', text, text)
    input.pipeInput('a', 'x', 5)
    input.pipeInput('a', 'y', 9)
    await driver.drain()
    expect(driver.getTimestampedKeyValueStore('counts').get('a')).toEqual({ value: 2, timestamp: 9 })
  })

  it('refuse options that make no sense', () => {
    expect(() => gated({ concurrency: 0 })).toThrow(/concurrency must be a number of at least 1, found 0/)
    expect(() => gated({ retry: { attempts: 0 } })).toThrow(/retry.attempts/)
  })
})

describe('asynchronous calls that fail', () => {
  const failing = (options: AsyncOptions, config: TopologyTestDriverOptions = {}) => gated(options, config)

  it('stop the topology with the place of the record', async () => {
    const { gate, driver, input } = failing(
      { name: 'enrich', onError: 'fail' },
      { deadLetterTopic: 'letters' },
    )
    input.pipeInput('a', 'x')
    input.pipeInput('b', 'y')
    gate.of('y').reject(new Error('no such customer'))
    const failure = await driver.drain().catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ProcessingError)
    expect(String(failure)).toMatch(/no such customer \(task 0_0, node enrich, in-0, offset 1\)/)
    expect(gate.of('x').call.signal.aborted).toBe(true)
    const letter = driver.createOutputTopic('letters', text, text).readRecord()
    expect(letter).toMatchObject({ key: 'b', value: 'y' })
  })

  it('go to the processing exception handler by default', async () => {
    const asked: (string | undefined)[] = []
    const { gate, driver, input, output } = failing(
      {},
      {
        processingExceptionHandler: ({ value, offset }) => {
          asked.push(`${value}@${offset}`)
          return 'continue'
        },
      },
    )
    input.pipeInput('a', 'x')
    input.pipeInput('b', 'y')
    gate.of('x').reject(new Error('no'))
    gate.of('y').resolve()
    await driver.drain()
    expect(asked).toEqual(['x@0'])
    expect(output.readValuesToList()).toEqual(['y!'])
    expect(driver.metrics().droppedByReason).toEqual({ processing: 1 })
  })

  it('are skipped, and kept as dead letters, where the operator says so', async () => {
    const { gate, driver, input, output } = failing({
      ordering: 'partition',
      onError: { deadLetterTopic: 'letters' },
    })
    const letters = driver.createOutputTopic('letters', text, text)
    input.pipeInput('a', 'x', 42)
    input.pipeInput('b', 'y')
    gate.of('y').resolve()
    gate.of('x').reject(new Error('no such customer'))
    await driver.drain()
    expect(output.readValuesToList()).toEqual(['y!'])
    const letter = letters.readRecord()
    expect(letter).toMatchObject({ key: 'a', value: 'x', timestamp: 42 })
    const headers = new Map(letter.headers.map(({ key, value }) => [key, Buffer.from(value!).toString()]))
    expect(headers.get('__streams.errors.message')).toBe('no such customer')
    expect(headers.get('__streams.errors.offset')).toBe('0')
    expect(driver.metrics().droppedRecords).toBe(1)
  })

  it('are tried again after pauses that double up to a bound', async () => {
    const { gate, driver, input, output } = failing({
      retry: { attempts: 5, backoffMs: 100, maxBackoffMs: 300 },
    })
    input.pipeInput('a', 'x')
    for (const pauseMs of [100, 200, 300, 300]) {
      gate.of('x').reject(new Error('busy'))
      expect(await driver.drain()).toBe(false)
      driver.advanceWallClockTime(pauseMs - 1)
      expect(gate.values).toEqual([])
      driver.advanceWallClockTime(1)
    }
    expect(gate.of('x').call.attempt).toBe(5)
    gate.of('x').resolve()
    expect(await driver.drain()).toBe(true)
    expect(output.readValuesToList()).toEqual(['x!'])
  })

  it('are given up after the last attempt, or when another would not help', async () => {
    const { gate, driver, input } = failing({
      onError: 'skip',
      retry: { attempts: 2, backoffMs: 10, retryIf: (error) => (error as Error).message === 'busy' },
    })
    input.pipeInput('a', 'x')
    gate.of('x').reject(new Error('busy'))
    await driver.drain()
    driver.advanceWallClockTime(10)
    gate.of('x').reject(new Error('busy'))
    expect(await driver.drain()).toBe(true)
    input.pipeInput('a', 'y')
    gate.of('y').reject(new Error('not found'))
    expect(await driver.drain()).toBe(true)
    expect(gate.called).toEqual(['x', 'x', 'y'])
    expect(driver.metrics().droppedRecords).toBe(2)
  })

  it('fail after their timeout, and what they answer later is not heard', async () => {
    const { gate, driver, input, output } = failing({
      timeoutMs: 50,
      retry: { attempts: 2, backoffMs: 10 },
    })
    input.pipeInput('a', 'x')
    const first = gate.of('x')
    const { signal } = first.call
    driver.advanceWallClockTime(50)
    expect(signal.aborted).toBe(true)
    expect(String(signal.reason)).toMatch(/no answer within 50 ms/)
    driver.advanceWallClockTime(10)
    first.resolve('too late')
    gate.of('x').resolve('in time')
    await driver.drain()
    expect(output.readValuesToList()).toEqual(['in time'])
  })

  it('that throw at once are as those that reject', async () => {
    const { driver, input } = drive((stream) =>
      stream.mapValuesAsync((): string => {
        throw new Error('at once')
      }),
    )
    input.pipeInput('a', 'x')
    await expect(driver.drain()).rejects.toThrow(/at once.*in-0, offset 0/)
  })
})

describe('an asynchronous function', () => {
  it('looks things up in a table of its task', async () => {
    const builder = new StreamsBuilder()
    builder.table('prices', { keySerde: text, valueSerde: text, materialized: { store: 'prices' } })
    builder
      .stream<string, string>('in', { keySerde: text, valueSerde: text })
      .mapValuesAsync(
        async (value, key, call) => {
          const prices = call.getStateStore<TimestampedKeyValueStore<string, string>>('prices')
          return `${value} at ${prices.get(key)?.value ?? 'any price'}`
        },
        { stores: ['prices'] },
      )
      .to('out', { keySerde: text, valueSerde: text })
    const driver = new TopologyTestDriver(builder.build())
    driver.createInputTopic('prices', text, text).pipeInput('tea', '3')
    const input = driver.createInputTopic('in', text, text)
    input.pipeInput('tea', 'two')
    input.pipeInput('rum', 'one')
    await driver.drain()
    const output = driver.createOutputTopic('out', text, text)
    expect(output.readValuesToList()).toEqual(['two at 3', 'one at any price'])
  })

  it('is called again after pauses of which chance takes its share', async () => {
    const share = 0x8000
    const random: Random = {
      fill(into) {
        into.writeUInt32LE(share)
        return into
      },
    }
    const retry = { attempts: 3, backoffMs: 1000, jitter: 0.5 }
    const { gate, driver, input } = gated({ retry }, { random })
    input.pipeInput('a', 'x')
    for (const [attempt, pauseMs] of [
      [1, 750],
      [2, 1500],
    ] as const) {
      gate.of('x').reject(new Error('busy'))
      expect(await driver.drain()).toBe(false)
      driver.advanceWallClockTime(pauseMs - 1)
      expect(gate.called).toHaveLength(attempt)
      driver.advanceWallClockTime(1)
      expect(gate.called).toHaveLength(attempt + 1)
    }
  })

  it('needs serdes for what commits are to keep', () => {
    const stream = new StreamsBuilder().stream<string, string>('in', { keySerde: text, valueSerde: text })
    const numbers = stream.mapValues(Number)
    expect(() => numbers.mapValuesAsync(async (n) => n, { atCommit: 'store' })).toThrow('serdes')
    expect(() =>
      numbers.mapValuesAsync(async (n) => n, { atCommit: 'store', valueSerde: Serdes.double() }),
    ).not.toThrow()
  })

  it('has its records kept only where serdes are known, unless it is told otherwise', () => {
    const stores = (attach: (stream: Stream) => unknown) => {
      const builder = new StreamsBuilder()
      attach(builder.stream('in', { keySerde: text, valueSerde: text }))
      return [...builder.build().stores.keys()]
    }
    expect(stores((s) => s.peekAsync(async () => {}, { name: 'ask' }))).toEqual(['ask-in-flight'])
    expect(stores((s) => s.peekAsync(async () => {}, { atCommit: 'wait' }))).toEqual([])
    expect(stores((s) => s.mapValues(Number).peekAsync(async () => {}))).toEqual([])
  })
})
