import { describe, expect, it } from 'vitest'
import { type Clock, ManualClock, nextEventLoopTurn } from '../../../src/common/index.js'
import { type Log, Log as Logs } from '../../../src/log/index.js'
import { Serdes } from '../../../src/serde/index.js'
import {
  type AsyncOptions,
  type AsyncValueMapper,
  KafkaStreams,
  type KafkaStreamsOptions,
  StreamsBuilder,
} from '../../../src/streams/index.js'
import { Gate } from '../gate.js'
import { readCommitted } from './count-app.js'
import { type CrashPlan, crashingLog } from './crashing-log.js'

const text = Serdes.string()
type Ask = AsyncValueMapper<string, string, string>

/** Asks, counts the answers of each key, and writes both. */
function app(log: Log, ask: Ask, options: AsyncOptions = {}, config: Partial<KafkaStreamsOptions> = {}) {
  const builder = new StreamsBuilder()
  const answered = builder
    .stream<string, string>('in', { keySerde: text, valueSerde: text })
    .mapValuesAsync(ask, { name: 'ask', ...options })
  answered.to('out', { keySerde: text, valueSerde: text })
  answered
    .groupByKey({ keySerde: text, valueSerde: text })
    .count({ store: 'counts' })
    .toStream()
    .mapValues((count, key) => `${key}=${count}`)
    .to('counts-out', { keySerde: text, valueSerde: text })
  return new KafkaStreams(builder.build(), {
    log,
    applicationId: 'app',
    commitIntervalMs: 0,
    emitEveryUpdate: true,
    ...config,
  })
}

async function logWith(values: readonly string[], partitions = 1): Promise<Log> {
  const log = Logs.memory()
  await log.admin.createTopics(['in', 'out', 'counts-out'].map((topic) => ({ topic, partitions })))
  const producer = log.producer({ keySerde: text, valueSerde: text })
  for (const value of values) await producer.write({ topic: 'in', key: value[0]!, value, timestamp: 1 })
  await producer.flush()
  await producer.close()
  return log
}

/** What a reader of committed records sees of a topic now. */
async function committed(log: Log, topic: string): Promise<string[]> {
  return await readCommitted(log, topic, 0)
}

const values = Array.from({ length: 60 }, (_, i) => `${'abc'[i % 3]}${i}`)
const answers = values.map((value) => `${value}!`)
const counts = ['a', 'b', 'c'].flatMap((key) => Array.from({ length: 20 }, (_, i) => `${key}=${i + 1}`))

describe('a commit', () => {
  it('waits for what is in flight, and takes all of it, where it is told to', async () => {
    const log = await logWith(['a1', 'b2', 'c3'])
    const gate = new Gate()
    const streams = app(log, gate.ask as Ask, { atCommit: 'wait' })
    await streams.start()
    await gate.until(3)
    gate.of('a1').resolve()
    gate.of('b2').resolve()
    for (let i = 0; i < 20; i++) await nextEventLoopTurn()
    expect(await committed(log, 'out')).toEqual([])
    expect(await log.admin.groupOffsets('app')).toEqual([])
    gate.of('c3').resolve()
    await streams.caughtUp()
    expect(await committed(log, 'out')).toEqual(['a1!', 'b2!', 'c3!'])
    expect(await log.admin.groupOffsets('app')).toMatchObject([{ topic: 'in', partition: 0, offset: 3 }])
    await streams.close()
    await log.close()
  })

  it('does not wait for a slow call: what was answered is committed, the rest is kept', async () => {
    const log = await logWith(['a1', 'b2', 'c3'])
    const gate = new Gate()
    const streams = app(log, gate.ask as Ask)
    await streams.start()
    await gate.until(3)
    gate.of('b2').resolve()
    gate.of('c3').resolve()
    await until(async () => (await committed(log, 'counts-out')).length === 2)
    expect(await committed(log, 'out')).toEqual(['b2!', 'c3!'])
    expect(gate.values).toEqual(['a1'])
    expect(await log.admin.groupOffsets('app')).toContainEqual(
      expect.objectContaining({ topic: 'in', partition: 0, offset: 3 }),
    )
    gate.of('a1').resolve()
    await streams.caughtUp()
    expect(await committed(log, 'out')).toEqual(['b2!', 'c3!', 'a1!'])
    await streams.close()
    await log.close()
  })

  it('at the end waits as well', async () => {
    const log = await logWith(['a1'])
    const gate = new Gate()
    const streams = app(log, gate.ask as Ask, {}, { commitIntervalMs: 1_000_000 })
    await streams.start()
    await gate.until(1)
    const closed = streams.close()
    for (let i = 0; i < 5; i++) await nextEventLoopTurn()
    expect(streams.state).not.toBe('NOT_RUNNING')
    gate.of('a1').resolve()
    await closed
    expect(await committed(log, 'out')).toEqual(['a1!'])
    await log.close()
  })

  it('waits for one asynchronous operator behind another', async () => {
    const log = await logWith(values, 2)
    const builder = new StreamsBuilder()
    builder
      .stream<string, string>('in', { keySerde: text, valueSerde: text })
      .mapValuesAsync(async (value) => value, { concurrency: 3 })
      .mapValuesAsync(
        async (value) => {
          await nextEventLoopTurn()
          return `${value}!`
        },
        { concurrency: 2 },
      )
      .to('out', { keySerde: text, valueSerde: text })
    const streams = new KafkaStreams(builder.build(), { log, applicationId: 'app', commitIntervalMs: 0 })
    await streams.start()
    await streams.caughtUp()
    expect((await committed(log, 'out')).sort()).toEqual([...answers].sort())
    await streams.close()
    await log.close()
  })
})

describe('input', () => {
  it('is taken only as far as there is room', async () => {
    const log = await logWith(values)
    const gate = new Gate()
    const streams = app(log, gate.ask as Ask, { concurrency: 2, ordering: 'partition' })
    await streams.start()
    await gate.until(2)
    for (let i = 0; i < 20; i++) await nextEventLoopTurn()
    expect(gate.called).toEqual(['a0', 'b1'])
    expect(streams.metrics().recordsIn).toBe(8)
    const caughtUp = streams.caughtUp()
    for (let next = 1; next <= values.length; next++) {
      await gate.until(next)
      gate.open[0]!.resolve()
    }
    await caughtUp
    expect(await committed(log, 'out')).toEqual(answers)
    expect(gate.openMax).toBe(2)
    await streams.close()
    await log.close()
  })
})

describe('failures', () => {
  it('stop the instance, undo what was not committed, and name the record', async () => {
    const log = await logWith(['a1', 'b2', 'c3'])
    const gate = new Gate()
    const streams = app(log, gate.ask as Ask)
    await streams.start()
    await gate.until(3)
    gate.of('a1').resolve()
    gate.of('b2').reject(new Error('no such customer'))
    await streams.finished()
    expect(streams.state).toBe('ERROR')
    expect(String(streams.failure)).toMatch(/no such customer \(task 0_0, node ask, in-0, offset 1\)/)
    expect(gate.of('c3').call.signal.aborted).toBe(true)
    expect(await committed(log, 'out')).toEqual([])
    await log.close()
  })

  it('begin anew from the last commit, where the handler says so', async () => {
    const log = await logWith(values)
    let failures = 0
    const ask: Ask = async (value) => {
      await nextEventLoopTurn()
      if (value === 'b31' && failures++ < 2) throw new Error('not yet')
      return `${value}!`
    }
    const streams = app(
      log,
      ask,
      { concurrency: 4, ordering: 'partition' },
      {
        uncaughtExceptionHandler: () => 'REPLACE_THREAD',
      },
    )
    await streams.start()
    await streams.caughtUp()
    expect(streams.metrics().restarts).toBe(2)
    expect(await committed(log, 'out')).toEqual(answers)
    expect((await committed(log, 'counts-out')).sort()).toEqual([...counts].sort())
    await streams.close()
    await log.close()
  })

  it('leave a dead letter in a topic that is created for it', async () => {
    const log = await logWith(['a1', 'b2'])
    const gate = new Gate()
    const streams = app(log, gate.ask as Ask, { onError: { deadLetterTopic: 'letters' } })
    await streams.start()
    await gate.until(2)
    gate.of('a1').reject(new Error('no'))
    gate.of('b2').resolve()
    await streams.caughtUp()
    expect(await committed(log, 'letters')).toEqual(['a1'])
    expect(await committed(log, 'out')).toEqual(['b2!'])
    await streams.close()
    await log.close()
  })

  it('are tried again by the clock of the instance', async () => {
    const log = await logWith(['a1'])
    const clock = new ManualClock()
    const gate = new Gate()
    const retry = { attempts: 2, backoffMs: 5000 }
    const streams = app(log, gate.ask as Ask, { retry }, { clock })
    await streams.start()
    await gate.until(1)
    gate.of('a1').reject(new Error('busy'))
    await nextEventLoopTurn()
    clock.advance(4999)
    expect(gate.values).toEqual([])
    clock.advance(1)
    await gate.until(2)
    gate.of('a1').resolve()
    await streams.caughtUp()
    expect(await committed(log, 'out')).toEqual(['a1!'])
    await streams.close()
    await log.close()
  })
})

describe('timers', () => {
  it('are gone once a call has ended, or the instance has', async () => {
    const log = await logWith(['a1', 'b2', 'c3'])
    const manual = new ManualClock()
    let open = 0
    const clock: Clock = {
      now: () => manual.now(),
      setTimer(delayMs, callback) {
        open++
        let done = false
        const end = () => {
          if (!done) open--
          done = true
        }
        const timer = manual.setTimer(delayMs, () => {
          end()
          callback()
        })
        return {
          cancel() {
            end()
            timer.cancel()
          },
        }
      },
    }
    const gate = new Gate()
    const streams = app(log, gate.ask as Ask, { retry: { attempts: 2 }, onError: 'fail' }, { clock })
    await streams.start()
    await gate.until(3)
    expect(open).toBe(3)
    gate.of('a1').resolve()
    await nextEventLoopTurn()
    expect(open).toBe(2)
    gate.of('b2').reject(new Error('busy'))
    await nextEventLoopTurn()
    manual.advance(100)
    gate.of('b2').reject(new Error('busy'))
    await streams.finished()
    expect(String(streams.failure)).toMatch(/busy, at the last of 2 attempts \(.*in-0, offset 1\)/)
    expect(open).toBe(0)
    await log.close()
  })
})

describe('a restart', () => {
  /** Starts an application that dies with `open` without an answer, after everything else has been committed. */
  async function dieWith(log: Log, open: readonly string[], options: AsyncOptions = {}) {
    const gate = new Gate()
    const process = crashingLog(log, null)
    const dead = app(process, gate.ask as Ask, options)
    await dead.start()
    await gate.until(3)
    for (const value of gate.values.filter((v) => !open.includes(v))) gate.of(value).resolve()
    await until(async () => (await committed(log, 'app-ask-in-flight-changelog')).length >= open.length)
    await until(async () => (await log.admin.groupOffsets('app')).some(({ offset }) => offset === 3))
    const results = await committed(log, 'out')
    process.crash()
    return {
      /** Committed before it died. */
      results,
      /** It learns that it is dead when it has something to commit. */
      async finished() {
        for (const value of gate.values) gate.of(value).resolve()
        await dead.finished()
      },
    }
  }

  it('calls again only for what had no answer, under the same position, time and headers', async () => {
    const log = await logWith(['a1', 'b2', 'c3'])
    const dead = await dieWith(log, ['b2'])
    const calls: unknown[] = []
    const next = app(log, async (value, key, { position, timestamp, attempt }) => {
      calls.push({ value, key, position, timestamp, attempt })
      return `${value}!`
    })
    await next.start()
    await next.caughtUp()
    const position = { topic: 'in', partition: 0, offset: 1 }
    expect(calls).toEqual([{ value: 'b2', key: 'b', position, timestamp: 1, attempt: 1 }])
    expect((await committed(log, 'out')).sort()).toEqual(['a1!', 'b2!', 'c3!'])
    await next.close()
    await dead.finished()
    await log.close()
  })

  it('keeps the order by partition', async () => {
    const log = await logWith(['a1', 'b2', 'c3'])
    const dead = await dieWith(log, ['a1', 'c3'], { ordering: 'partition' })
    expect(dead.results).toEqual([])
    const next = app(log, async (value) => `${value}!`, { ordering: 'partition' })
    await next.start()
    await next.caughtUp()
    expect(await committed(log, 'out')).toEqual(['a1!', 'b2!', 'c3!'])
    await next.close()
    await dead.finished()
    await log.close()
  })

  it('still knows the source record of a call that fails then', async () => {
    const log = await logWith(['a1', 'b2', 'c3'])
    const dead = await dieWith(log, ['b2'])
    const failing: Ask = async () => {
      throw new Error('gone')
    }
    const next = app(log, failing, { onError: { deadLetterTopic: 'letters' } })
    await next.start()
    await next.caughtUp()
    expect(await committed(log, 'letters')).toEqual(['b2'])
    await next.close()
    const again = app(log, failing)
    await again.start()
    await again.caughtUp()
    await again.close()
    await dead.finished()
    await log.close()
  })
})

/** Resolves once `held` is true. */
async function until(held: () => Promise<boolean>): Promise<void> {
  while (!(await held())) await nextEventLoopTurn()
}

describe('results are written exactly once', () => {
  it('after a process died with calls in flight', async () => {
    const log = await logWith(values)
    const gate = new Gate()
    const process = crashingLog(log, null)
    const dead = app(process, gate.ask as Ask, { concurrency: 8 })
    await dead.start()
    await gate.until(3)
    gate.of('a0').resolve()
    await gate.until(4)
    // Nobody closes it: its successor takes over, and what it still answers comes to nothing.
    process.crash()
    const second = app(log, async (value) => `${value}!`)
    await second.start()
    for (let open = gate.open[0]; open !== undefined; open = gate.open[0]) {
      open.resolve('from the dead')
      await nextEventLoopTurn()
    }
    await second.caughtUp()
    expect((await committed(log, 'out')).sort()).toEqual([...answers].sort())
    expect((await committed(log, 'counts-out')).sort()).toEqual([...counts].sort())
    await second.close()
    await dead.finished()
    expect(dead.state).toBe('ERROR')
    await log.close()
  })

  const steps: [CrashPlan['method'], CrashPlan['when']][] = [
    ['flush', 'before'],
    ['flush', 'after'],
    ['sendOffsetsToTransaction', 'after'],
    ['commitTransaction', 'before'],
    ['commitTransaction', 'after'],
  ]
  for (const call of [1, 3]) {
    for (const [method, when] of steps) {
      it(`after a crash ${when} ${String(method)} of commit ${call}`, async () => {
        const log = await logWith(values)
        const ask: Ask = async (value) => {
          if (value.startsWith('b')) await nextEventLoopTurn()
          return `${value}!`
        }
        const dying = app(crashingLog(log, { method, when, call }), ask, { concurrency: 3 })
        await dying.start()
        await dying.finished()
        expect(dying.state).toBe('ERROR')
        const next = app(log, ask, { concurrency: 3 })
        await next.start()
        await next.caughtUp()
        expect((await committed(log, 'out')).sort()).toEqual([...answers].sort())
        expect((await committed(log, 'counts-out')).sort()).toEqual([...counts].sort())
        await next.close()
        await log.close()
      })
    }
  }
})
