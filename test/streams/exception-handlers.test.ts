import { describe, expect, it } from 'vitest'
import type { Headers } from '../../src/log/index.js'
import type { Serde } from '../../src/serde/index.js'
import {
  type ErrorHandlerContext,
  type FailedRecord,
  type FailedResult,
  type KafkaStreamsOptions,
  ProcessingError,
  ProductionError,
  StreamsBuilder,
} from '../../src/streams/index.js'
import { TopologyTestDriver } from '../../src/testing/index.js'
import { logWith, produce, read, run, text, texts } from './runtime/app-kit.js'

/** Text that refuses one word. */
function refusing(word: string): Serde<string> {
  const check = (value: string) => {
    if (value === word) throw new RangeError(`"${word}" is refused`)
    return value
  }
  return {
    write: (value, out) => text.write(check(value), out),
    read: (buffer, start, end) => check(text.read(buffer, start, end)),
  }
}

/** Reads words with `read`, maps them with `map`, and writes them with `write`, to a topic named by `to`. */
function words(
  options: Partial<KafkaStreamsOptions>,
  {
    read = text,
    write = text,
    map = (value: string) => value,
    to = (_key: string, _value: string): string => 'out',
  } = {},
) {
  const builder = new StreamsBuilder()
  builder
    .stream<string, string>('in', { keySerde: text, valueSerde: read })
    .mapValues(map, { name: 'map' })
    .to(to, { keySerde: text, valueSerde: write, name: 'sink' })
  const driver = new TopologyTestDriver(builder.build(), options)
  return {
    driver,
    input: driver.createInputTopic('in', text, text),
    output: driver.createOutputTopic('out', text, text),
    letters: driver.createOutputTopic('letters', text, text),
  }
}

const trace: Headers = [{ key: 'trace', value: Buffer.from('7') }]

const textOf = (headers: Headers) =>
  Object.fromEntries(headers.map(({ key, value }) => [key, Buffer.from(value!).toString()]))

function shown({
  taskId,
  node,
  topic,
  partition,
  offset,
  timestamp,
  headers,
  key,
  value,
}: ErrorHandlerContext) {
  return {
    where: `${taskId} ${node} ${topic}-${partition}@${offset}`,
    timestamp,
    headers: textOf(headers),
    raw: `${key?.toString()}=${value?.toString()}`,
  }
}

const source = { timestamp: 5, headers: { trace: '7' }, raw: 'k=bad' }

describe('an exception handler', () => {
  it('of deserialization learns where the record stands, and its bytes', () => {
    const failures: FailedRecord[] = []
    const handler = (failure: FailedRecord) => {
      failures.push(failure)
      return 'continue' as const
    }
    const { input, output, driver } = words(
      { deserializationExceptionHandler: handler },
      { read: refusing('bad') },
    )
    input.pipeInput('k', 'bad', 5, trace)
    input.pipeInput('k', 'good', 6)
    expect(failures.map(shown)).toEqual([{ ...source, where: '0_0 null in-0@0' }])
    expect(failures[0]!.error).toBeInstanceOf(RangeError)
    expect(failures[0]!.record).toBeNull()
    expect(output.readValuesToList()).toEqual(['good'])
    expect(driver.metrics().droppedByReason).toEqual({ deserialization: 1 })
  })

  it('of processing learns the record as it came to the node, too', () => {
    const failures: FailedRecord[] = []
    const handler = (failure: FailedRecord) => {
      failures.push(failure)
      return 'continue' as const
    }
    const map = (value: string) => {
      if (value === 'bad') throw new Error('no')
      return value
    }
    const { input, output } = words({ processingExceptionHandler: handler }, { map })
    input.pipeInput('k', 'bad', 5, trace)
    input.pipeInput('k', 'good', 6)
    expect(failures.map(shown)).toEqual([{ ...source, where: '0_0 map in-0@0' }])
    expect(failures[0]!.record).toMatchObject({ key: 'k', value: 'bad', timestamp: 5 })
    expect(output.readValuesToList()).toEqual(['good'])
  })

  it('of production learns the result, what failed, and the source record', () => {
    const failures: FailedResult[] = []
    const handler = (failure: FailedResult) => {
      failures.push(failure)
      return 'continue' as const
    }
    const { input, output, driver } = words(
      { productionExceptionHandler: handler },
      { write: refusing('BAD'), map: (value) => value.toUpperCase() },
    )
    input.pipeInput('k', 'bad', 5, trace)
    input.pipeInput('k', 'good', 6)
    expect(failures).toMatchObject([
      { node: 'sink', topic: 'out', key: 'k', value: 'BAD', origin: 'value', attempt: 1 },
    ])
    expect(shown(failures[0]!.source)).toEqual({ ...source, where: '0_0 sink in-0@0' })
    expect(output.readValuesToList()).toEqual(['GOOD'])
    expect(driver.metrics()).toMatchObject({ recordsOut: 1, droppedByReason: { production: 1 } })
  })

  it('of production tells keys from values', () => {
    const origins: string[] = []
    const builder = new StreamsBuilder()
    builder
      .stream<string, string>('in', texts)
      .to('out', { keySerde: refusing('k'), valueSerde: refusing('bad') })
    const driver = new TopologyTestDriver(builder.build(), {
      productionExceptionHandler: ({ origin }) => {
        origins.push(origin)
        return 'continue'
      },
    })
    const input = driver.createInputTopic('in', text, text)
    input.pipeInput('k', 'good')
    input.pipeInput('l', 'bad')
    expect(origins).toEqual(['key', 'value'])
  })

  it('of processing is asked when the function that names the topic throws', () => {
    const to = (_key: string, value: string) => {
      if (value === 'bad') throw new Error('nowhere')
      return 'out'
    }
    const stopped = words({}, { to })
    expect(() => stopped.input.pipeInput('k', 'bad')).toThrow(ProcessingError)
    const { input, output } = words({ processingExceptionHandler: 'log-and-continue' }, { to })
    input.pipeInput('k', 'bad')
    input.pipeInput('k', 'good')
    expect(output.readValuesToList()).toEqual(['good'])
  })

  it('that throws stops the application, and says so', () => {
    const handler = () => {
      throw new Error('broken itself')
    }
    const { input } = words({ deserializationExceptionHandler: handler }, { read: refusing('bad') })
    expect(() => input.pipeInput('k', 'bad')).toThrow('an exception handler threw: broken itself')
  })

  it('that cannot help by retrying fails', () => {
    const { input } = words({ productionExceptionHandler: () => 'retry' }, { write: refusing('bad') })
    expect(() => input.pipeInput('k', 'bad')).toThrow(ProductionError)
  })
})

describe('dead letters', () => {
  it('keep the source record of a result that cannot be written, with what went wrong', () => {
    const { input, letters } = words(
      { productionExceptionHandler: 'log-and-continue', deadLetterTopic: 'letters' },
      { write: refusing('BAD'), map: (value) => value.toUpperCase() },
    )
    input.pipeInput('k', 'bad', 5, trace)
    const letter = letters.readRecord()
    expect(letter).toMatchObject({ key: 'k', value: 'bad', timestamp: 5 })
    expect(textOf(letter.headers)).toMatchObject({
      trace: '7',
      '__streams.errors.exception': 'RangeError',
      '__streams.errors.message': '"BAD" is refused',
      '__streams.errors.topic': 'in',
      '__streams.errors.partition': '0',
      '__streams.errors.offset': '0',
    })
  })

  it('keep the source record of a result that stops the application', () => {
    const { input, letters } = words({ deadLetterTopic: 'letters' }, { write: refusing('bad') })
    expect(() => input.pipeInput('k', 'bad')).toThrow('a record cannot be written to out')
    expect(letters.readRecord()).toMatchObject({ key: 'k', value: 'bad' })
  })

  const own = { topic: 'letters', key: null, value: Buffer.from('see the log'), timestamp: 9 }

  it('are those of the answer, where the handler gives some', () => {
    const { input, letters, driver } = words(
      {
        deserializationExceptionHandler: () => ({ result: 'continue', deadLetters: [own, own] }),
        deadLetterTopic: 'others',
      },
      { read: refusing('bad') },
    )
    input.pipeInput('k', 'bad')
    expect(letters.readValuesToList()).toEqual(['see the log', 'see the log'])
    expect(driver.producedTopicNames()).not.toContain('others')
  })

  it('are none, where the handler says so', () => {
    const { input, letters } = words(
      {
        processingExceptionHandler: () => ({ result: 'continue', deadLetters: [] }),
        deadLetterTopic: 'letters',
      },
      {
        map: () => {
          throw new Error('no')
        },
      },
    )
    input.pipeInput('k', 'bad')
    expect(letters.isEmpty).toBe(true)
  })

  it('of an answer that fails are written as well', () => {
    const { input, letters } = words(
      { processingExceptionHandler: () => ({ result: 'fail', deadLetters: [own] }) },
      {
        map: () => {
          throw new Error('no')
        },
      },
    )
    expect(() => input.pipeInput('k', 'bad')).toThrow(ProcessingError)
    expect(letters.readValuesToList()).toEqual(['see the log'])
  })

  it('keep what a global table cannot read', async () => {
    const builder = new StreamsBuilder()
    const names = builder.globalTable<string, string>('names', {
      keySerde: text,
      valueSerde: refusing('bad'),
    })
    builder
      .stream<string, string>('in', texts)
      .join(
        names,
        (key) => key,
        (word, name) => `${word} ${name}`,
      )
      .to('out', texts)
    const log = await logWith({ names: 1, in: 1 })
    await produce(log, 'names', [
      { key: 'a', value: 'bad' },
      { key: 'a', value: 'Ada' },
    ])
    const streams = run(log, builder.build(), {
      deserializationExceptionHandler: 'log-and-continue',
      deadLetterTopic: 'letters',
    })
    await streams.start()
    await produce(log, 'in', [{ key: 'a', value: 'hello' }])
    expect((await read(log, 'out', 1))[0]!.value).toBe('hello Ada')
    expect(streams.metrics().droppedRecords).toBe(1)
    await streams.close()
    expect((await read(log, 'letters', 1))[0]).toMatchObject({ key: 'a', value: 'bad', timestamp: 0 })
    await log.close()
  })
})

describe('a result', () => {
  it('whose topic does not exist waits for it, when the handler says retry', async () => {
    const builder = new StreamsBuilder()
    builder.stream<string, string>('in', texts).to((_key, value) => value, texts)
    const log = await logWith({ in: 1, known: 1 })
    await produce(log, 'in', [
      { key: 'a', value: 'late' },
      { key: 'b', value: 'known' },
    ])
    const attempts: number[] = []
    const streams = run(log, builder.build(), {
      productionExceptionHandler: ({ topic, attempt }) => {
        attempts.push(attempt)
        if (attempt === 2) void log.admin.createTopics([{ topic, partitions: 1 }])
        return 'retry'
      },
    })
    await streams.start()
    await streams.caughtUp()
    expect(attempts).toEqual([1, 2])
    expect((await read(log, 'late', 1))[0]).toMatchObject({ key: 'a' })
    expect((await read(log, 'known', 1))[0]).toMatchObject({ key: 'b' })
    await streams.close()
    await log.close()
  })

  it('whose topic does not exist stops the application by default, and the error says where', async () => {
    const builder = new StreamsBuilder()
    builder.stream<string, string>('in', texts).to((_key, value) => value, { ...texts, name: 'sink' })
    const log = await logWith({ in: 1 })
    await produce(log, 'in', [{ key: 'a', value: 'nowhere' }])
    const streams = run(log, builder.build())
    await streams.start()
    await streams.finished()
    expect(streams.failure).toBeInstanceOf(ProductionError)
    expect(String(streams.failure)).toMatch(/to nowhere.*\(task 0_0, node sink, in-0, offset 0\)/)
    await log.close()
  })

  it('that is too large is left out, when the handler says so, and nothing else is', async () => {
    const builder = new StreamsBuilder()
    builder
      .stream<string, string>('in', texts)
      .mapValues((value) => value.repeat(100))
      .to('out', texts)
    const log = await logWith({ in: 1 })
    await produce(log, 'in', [
      { key: 'a', value: '1' },
      { key: 'b', value: '22' },
      { key: 'c', value: '3' },
    ])
    const refused: string[] = []
    const streams = run(log, builder.build(), {
      maxRequestSize: 150,
      productionExceptionHandler: ({ key, origin, error }) => {
        refused.push(`${key} ${origin} ${(error as Error).message}`)
        return 'continue'
      },
    })
    await streams.start()
    await streams.caughtUp()
    expect((await read(log, 'out', 2)).map(({ key }) => key)).toEqual(['a', 'c'])
    expect(refused).toEqual(['b write a record of 210 bytes is larger than 150'])
    await streams.close()
    await log.close()
  })
})

describe('a partitioner', () => {
  it('may choose several partitions, or none, which leaves the record out (KIP-837)', async () => {
    const builder = new StreamsBuilder()
    const choices: Record<string, number | number[] | undefined> = { one: 2, all: [0, 1, 2], none: [] }
    builder
      .stream<string, string>('in', texts)
      .to('out', { ...texts, name: 'sink', partitioner: (_topic, key) => choices[key] })
    const log = await logWith({ in: 1, out: 3 })
    await produce(
      log,
      'in',
      ['one', 'all', 'none', 'default'].map((key) => ({ key, value: 'x' })),
    )
    const streams = run(log, builder.build())
    await streams.start()
    await streams.caughtUp()
    const records = await read(log, 'out', 5)
    const placed = records.map(({ key, partition }) => `${key} ${partition}`).sort()
    expect(placed.filter((text) => !text.startsWith('default'))).toEqual(['all 0', 'all 1', 'all 2', 'one 2'])
    expect(records).toHaveLength(5)
    expect(streams.metrics().tasks[0]).toMatchObject({
      recordsOut: 3,
      droppedByNode: { sink: { production: 1 } },
    })
    await streams.close()
    await log.close()
  })
})

describe('an instance that closes', () => {
  it('waits for no topic that does not exist, and leaves the record for the next start', async () => {
    const builder = new StreamsBuilder()
    builder.stream<string, string>('in', texts).to(() => 'later', texts)
    const log = await logWith({ in: 1 })
    await produce(log, 'in', [{ key: 'a', value: 'x' }])
    let asked = () => {}
    const first = new Promise<void>((resolve) => {
      asked = resolve
    })
    const retrying = () => {
      asked()
      return 'retry' as const
    }
    const streams = run(log, builder.build(), { productionExceptionHandler: retrying })
    await streams.start()
    await first
    await expect(streams.close()).rejects.toThrow(ProductionError)
    await log.admin.createTopics([{ topic: 'later', partitions: 1 }])
    const next = run(log, builder.build())
    await next.start()
    expect((await read(log, 'later', 1))[0]).toMatchObject({ key: 'a' })
    await next.close()
    await log.close()
  })
})
