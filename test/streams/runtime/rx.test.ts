import { firstValueFrom, of, Subject, take, toArray } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { nextEventLoopTurn } from '../../../src/common/index.js'
import { type Log, Log as Logs } from '../../../src/log/index.js'
import { Serdes } from '../../../src/serde/index.js'
import {
  fromObservable,
  KafkaStreams,
  StreamsBuilder,
  type TopicRecord,
  toObservable,
} from '../../../src/streams/index.js'
import { readCommitted } from './count-app.js'

const text = Serdes.string()
const serdes = { keySerde: text, valueSerde: text }

async function logWith(...topics: string[]): Promise<Log> {
  const log = Logs.memory()
  await log.admin.createTopics(topics.map((topic) => ({ topic, partitions: 1 })))
  return log
}

const record = (value: string): TopicRecord<string, string> => ({ key: 'k', value })

/** A log whose producer has no room after every record until the test gives it some. */
function crampedLog() {
  const written: (string | null)[] = []
  const rooms: (() => void)[] = []
  const log = {
    producer: () => ({
      write({ value }: { value: string | null }) {
        written.push(value)
        return new Promise<void>((resolve) => rooms.push(resolve))
      },
      flush: async () => {},
      close: async () => {},
    }),
  } as unknown as Log
  return { log, written, giveRoom: () => rooms.shift()?.() }
}

describe('an Observable into a topic', () => {
  it('is written in its order until it completes', async () => {
    const log = await logWith('in')
    const result = await fromObservable(log, 'in', of(...['a', 'b', 'c'].map(record)), serdes)
    expect(result).toEqual({ written: 3, dropped: 0 })
    expect(await readCommitted(log, 'in', 3)).toEqual(['a', 'b', 'c'])
    await log.close()
  })

  it('that fails leaves what came before, and its error', async () => {
    const log = await logWith('in')
    const source = new Subject<TopicRecord<string, string>>()
    const done = fromObservable(log, 'in', source, serdes)
    source.next(record('a'))
    source.error(new Error('the sensor is gone'))
    await expect(done).rejects.toThrow('the sensor is gone')
    expect(await readCommitted(log, 'in', 1)).toEqual(['a'])
    await log.close()
  })

  it('ends with its signal', async () => {
    const log = await logWith('in')
    const source = new Subject<TopicRecord<string, string>>()
    const ending = new AbortController()
    const done = fromObservable(log, 'in', source, { ...serdes, signal: ending.signal })
    source.next(record('a'))
    ending.abort()
    source.next(record('b'))
    expect(await done).toEqual({ written: 1, dropped: 0 })
    expect(source.observed).toBe(false)
    await log.close()
  })

  const overflows = [
    { overflow: 'dropOldest', written: ['0', '3', '4'], dropped: 2 },
    { overflow: 'dropNewest', written: ['0', '1', '2'], dropped: 2 },
  ] as const
  for (const { overflow, written, dropped } of overflows) {
    it(`holds no more than its buffer: ${overflow}`, async () => {
      const cramped = crampedLog()
      const source = new Subject<TopicRecord<string, string>>()
      const done = fromObservable(cramped.log, 'in', source, { ...serdes, bufferMax: 2, overflow })
      for (let i = 0; i < 5; i++) source.next(record(String(i)))
      source.complete()
      for (let i = 0; i < 3; i++) {
        cramped.giveRoom()
        await nextEventLoopTurn()
      }
      expect(await done).toEqual({ written: 3, dropped })
      expect(cramped.written).toEqual(written)
    })
  }

  it('that overflows fails by default, once what was waiting is written', async () => {
    const cramped = crampedLog()
    const source = new Subject<TopicRecord<string, string>>()
    const done = fromObservable(cramped.log, 'in', source, { ...serdes, bufferMax: 1 })
    const failure = done.catch((error: unknown) => error)
    for (let i = 0; i < 3; i++) source.next(record(String(i)))
    expect(source.observed).toBe(false)
    for (let i = 0; i < 2; i++) {
      cramped.giveRoom()
      await nextEventLoopTurn()
    }
    expect(await failure).toMatchObject({ code: 'STREAMS_OVERFLOW' })
    expect(cramped.written).toEqual(['0', '1'])
  })

  it('can be an async iterable, which waits for room', async () => {
    const cramped = crampedLog()
    let pulled = 0
    async function* source() {
      for (; pulled < 3; pulled++) yield record(String(pulled))
    }
    const done = fromObservable(cramped.log, 'in', source(), { ...serdes, bufferMax: 0 })
    for (let i = 0; i < 3; i++) {
      await nextEventLoopTurn()
      expect(cramped.written.length).toBe(i + 1)
      cramped.giveRoom()
    }
    expect(await done).toEqual({ written: 3, dropped: 0 })
  })
})

describe('a topic as an Observable', () => {
  it('gives what is in it, and what follows, to each subscriber', async () => {
    const log = await logWith('in')
    await fromObservable(log, 'in', of(record('a'), record('b')), serdes)
    const all = toObservable(log, 'in', { ...serdes, from: 'earliest' })
    for (let subscriber = 0; subscriber < 2; subscriber++) {
      const seen = await firstValueFrom(all.pipe(take(2), toArray()))
      expect(seen.map(({ value, offset }) => [value, offset])).toEqual([
        ['a', 0],
        ['b', 1],
      ])
    }
    await log.close()
  })
})

function counting(log: Log): KafkaStreams {
  const builder = new StreamsBuilder()
  builder
    .stream<string, string>('in', serdes)
    .groupByKey()
    .count({ store: 'counts' })
    .toStream()
    .mapValues((count) => `${count}`)
    .to('out', serdes)
  builder.stream('in2', serdes).toTable({ store: 'unlogged', logging: false })
  return new KafkaStreams(builder.build(), {
    log,
    applicationId: 'app',
    commitIntervalMs: 0,
    emitEveryUpdate: true,
  })
}

describe('Observables of a running topology', () => {
  it('give the committed records of a topic', async () => {
    const log = await logWith('in', 'in2', 'out')
    const streams = counting(log)
    await streams.start()
    const seen = firstValueFrom(
      streams.observe<string, string>('out', { from: 'earliest' }).pipe(take(3), toArray()),
    )
    await fromObservable(log, 'in', of(record('a'), record('b'), record('c')), serdes)
    expect((await seen).map(({ key, value, offset }) => [key, value, offset])).toEqual([
      ['k', '1', 0],
      ['k', '2', 1],
      ['k', '3', 2],
    ])
    await streams.close()
    await log.close()
  })

  it('tell the changes of a table, whose present rows are never older', async () => {
    const log = await logWith('in', 'in2', 'out')
    const streams = counting(log)
    await streams.start()
    const counts = streams.table<string, number>('counts')
    expect(counts.current('k')).toBeUndefined()
    const told: unknown[] = []
    const three = new Promise<void>((resolve) => {
      const subscription = counts.changes({ from: 'earliest' }).subscribe(({ key, value, timestamp }) => {
        told.push([key, value, timestamp])
        expect(counts.current('k')).toBeGreaterThanOrEqual(value!)
        if (value !== 3) return
        subscription.unsubscribe()
        resolve()
      })
    })
    for (let i = 1; i <= 3; i++) {
      await fromObservable(log, 'in', of({ ...record('x'), timestamp: i * 10 }), serdes)
      await streams.caughtUp()
    }
    await three
    expect(told).toEqual([
      ['k', 1, 10],
      ['k', 2, 20],
      ['k', 3, 30],
    ])
    expect([...counts.entries()]).toEqual([['k', 3]])
    await streams.close()
    await log.close()
  })

  it('show the present value of a key, and each that follows', async () => {
    const log = await logWith('in', 'in2', 'out')
    const streams = counting(log)
    await streams.start()
    const counts = streams.table<string, number>('counts')
    const seen: (number | undefined)[] = []
    let reached = () => {}
    const subscription = counts.watch('k').subscribe((count) => {
      seen.push(count)
      if (count === 2) reached()
    })
    expect(seen).toEqual([undefined])
    const two = new Promise<void>((resolve) => {
      reached = resolve
    })
    await fromObservable(log, 'in', of(record('x'), { key: 'other', value: 'x' }), serdes)
    await streams.caughtUp()
    await fromObservable(log, 'in', of(record('x')), serdes)
    await two
    subscription.unsubscribe()
    expect(seen.at(-1)).toBe(2)
    expect(new Set(seen).size).toBe(seen.length)
    expect(await firstValueFrom(counts.watch('k'))).toBe(2)
    await streams.close()
    await log.close()
  })

  it('say what they cannot show', async () => {
    const log = await logWith('in', 'in2', 'out')
    const streams = counting(log)
    expect(() => streams.table('unlogged').changes()).toThrow(/unlogged has no changelog/)
    expect(() => streams.table('nothing')).toThrow(/no store nothing/)
    expect(() => streams.observe('elsewhere')).toThrow(/serdes of topic elsewhere/)
    await log.close()
  })

  it('error with what the log says', async () => {
    const log = await logWith('in', 'in2', 'out')
    const missing = firstValueFrom(counting(log).observe('missing', serdes))
    await expect(missing).rejects.toMatchObject({ name: expect.stringMatching(/./) })
    await log.close()
  })
})
