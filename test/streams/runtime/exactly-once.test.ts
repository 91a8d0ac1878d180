import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Log } from '../../../src/log/index.js'
import type { KeyValueStore } from '../../../src/state/index.js'
import type { KafkaStreams, KafkaStreamsOptions } from '../../../src/streams/runtime/kafka-streams.js'
import { app, byLetter, expectedCounts, logWithWords, produceWords, readCommitted } from './count-app.js'
import { Crash, type CrashPlan, crashingLog } from './crashing-log.js'

const words = Array.from({ length: 60 }, (_, i) => `${'abcdef'[(i * 7) % 6]}${i}`)
let stateDir: string

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'forebay-streams-'))
})
afterEach(() => rmSync(stateDir, { recursive: true, force: true }))

/** Runs until as many results are committed as there are words; returns them, and the counts in the stores. */
async function runToEnd(log: Log, count: number, options: Partial<KafkaStreamsOptions> = {}) {
  const streams = app(log, { stateDir, ...options })
  await streams.start()
  const values = await readCommitted(log, 'counts-out', count)
  const stores = storeContents(streams)
  await streams.close()
  return { values, stores }
}

function storeContents(streams: KafkaStreams): Record<string, number> {
  const contents: Record<string, number> = {}
  for (const part of streams.storePartitions<KeyValueStore<string, number>>('counts')) {
    for (const { key, value } of part.all()) contents[key] = value
  }
  return contents
}

function totals(of: readonly string[]): Record<string, number> {
  return Object.fromEntries(Object.entries(expectedCounts(of)).map(([letter, list]) => [letter, list.length]))
}

/** A run that dies as planned, and one that goes on. */
async function crashThenContinue(plan: CrashPlan, options: Partial<KafkaStreamsOptions> = {}): Promise<void> {
  const log = await logWithWords(words)
  const dying = crashingLog(log, plan)
  const first = app(dying, { stateDir, ...options })
  await first.start()
  await first.finished()
  expect(first.failure).toBeInstanceOf(Crash)
  expect(first.state).toBe('ERROR')
  const more = ['a-late', 'f-late', 'g-new']
  await produceWords(log, more)
  const { values, stores } = await runToEnd(log, words.length + more.length, options)
  expect(byLetter(values)).toEqual(expectedCounts([...words, ...more]))
  expect(stores).toEqual(totals([...words, ...more]))
}

const steps: [
  keyof Pick<CrashPlanMethods, 'flush' | 'sendOffsetsToTransaction' | 'commitTransaction'>,
  'before' | 'after',
][] = [
  ['flush', 'before'],
  ['flush', 'after'],
  ['sendOffsetsToTransaction', 'before'],
  ['sendOffsetsToTransaction', 'after'],
  ['commitTransaction', 'before'],
  ['commitTransaction', 'after'],
]
interface CrashPlanMethods {
  flush: unknown
  sendOffsetsToTransaction: unknown
  commitTransaction: unknown
}

describe('every record counts exactly once', () => {
  it('without a crash', async () => {
    const log = await logWithWords(words)
    const { values, stores } = await runToEnd(log, words.length)
    expect(byLetter(values)).toEqual(expectedCounts(words))
    expect(stores).toEqual(totals(words))
    await log.close()
  })

  for (const call of [1, 3, 6]) {
    for (const [method, when] of steps) {
      it(`after a crash ${when} ${method} of commit ${call}`, async () => {
        await crashThenContinue({ method, when, call })
      })
    }
  }

  it('after a crash between the commit of the log and that of SQLite', async () => {
    // The changelog offsets are asked for between the two.
    await crashThenContinue({
      method: 'endOffsets',
      when: 'before',
      call: 1,
      afterCall: { method: 'commitTransaction', call: 4 },
    })
  })

  it('after a crash with state in memory', async () => {
    await crashThenContinue({ method: 'commitTransaction', when: 'after', call: 4 }, {
      persistent: false,
    } as object)
  })

  it('after crashes during every start', async () => {
    const log = await logWithWords(words)
    for (const [method, call] of [
      ['initTransactions', 1],
      ['committed', 1],
      ['endOffsets', 1],
      ['position', 1],
    ] as const) {
      const first = app(crashingLog(log, { method, when: 'before', call }), { stateDir })
      await expect(
        first.start().then(() => first.finished().then(() => Promise.reject(first.failure))),
      ).rejects.toBeInstanceOf(Crash)
    }
    const { values } = await runToEnd(log, words.length)
    expect(byLetter(values)).toEqual(expectedCounts(words))
    await log.close()
  })
})

describe('state', () => {
  it('comes back from the changelog after the state directory is lost', async () => {
    const log = await logWithWords(words)
    await runToEnd(log, words.length)
    rmSync(stateDir, { recursive: true })
    const restored: number[] = []
    const more = ['a-more']
    await produceWords(log, more)
    const { values, stores } = await runToEnd(log, words.length + 1, {
      restoreListener: { onRestoreEnd: (end) => restored.push(end.restored) },
    })
    expect(byLetter(values)).toEqual(expectedCounts([...words, ...more]))
    expect(stores).toEqual(totals([...words, ...more]))
    expect(restored.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(6)
    await log.close()
  })

  it('is not restored again after a clean stop', async () => {
    const log = await logWithWords(words)
    await runToEnd(log, words.length)
    const restored: number[] = []
    await runToEnd(log, words.length, {
      restoreListener: { onRestoreEnd: (end) => restored.push(end.restored) },
    })
    expect(restored).toEqual([0, 0])
    await log.close()
  })

  it('that is ahead of the log is built anew', async () => {
    const log = await logWithWords(words)
    await runToEnd(log, words.length)
    await log.close()
    // Another log with less in it: what a power cut may leave.
    const shorter = await logWithWords(words.slice(0, 10))
    const wiped: boolean[] = []
    const { values, stores } = await runToEnd(shorter, 10, {
      restoreListener: { onRestoreEnd: (end) => wiped.push(end.wiped) },
    })
    expect(wiped).toContain(true)
    expect(byLetter(values)).toEqual(expectedCounts(words.slice(0, 10)))
    expect(stores).toEqual(totals(words.slice(0, 10)))
    await shorter.close()
  })

  it('is not deleted while an instance uses it', async () => {
    const log = await logWithWords([])
    const first = app(log, { stateDir })
    await first.start()
    const second = app(log, { stateDir })
    expect(() => second.cleanUp()).toThrow(/is in use by/)
    await first.close()
    expect(() => first.cleanUp()).not.toThrow()
    await log.close()
  })
})
