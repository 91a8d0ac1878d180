import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { Log } from '../../../src/log/index.js'
import {
  StreamsBuilder,
  StreamsConfigError,
  StreamsWorkers,
  type StreamsWorkersOptions,
} from '../../../src/streams/index.js'
import { logWith, produce, read, run } from './app-kit.js'
import counting, { options } from './counting-module.js'

/* The same application in worker threads, whose log is in this one. */

const application = new URL('./counting-module.ts', import.meta.url)
const execArgv = ['--import', new URL('./load-typescript.mjs', import.meta.url).href]
const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end().catch(() => {})
})

const vocabulary = Array.from({ length: 20 }, (_, i) => `word${i}`)
const words = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => {
    const value = vocabulary[((from + i) * 7) % vocabulary.length]!
    return { key: `k${from + i}`, value }
  })

async function wordLog(): Promise<Log> {
  const log = await logWith({ words: 4, counts: 4 })
  ends.push(() => log.close())
  return log
}

function workersOn(log: Log, more: Partial<StreamsWorkersOptions> = {}): StreamsWorkers {
  const workers = new StreamsWorkers(application, {
    log,
    applicationId: 'app',
    commitIntervalMs: 10,
    execArgv,
    ...more,
  })
  ends.push(() => workers.close())
  return workers
}

/** Every update of each word, in order. */
async function counts(log: Log, total: number): Promise<Record<string, string[]>> {
  const updates: Record<string, string[]> = {}
  for (const { key, value } of await read(log, 'counts', total)) (updates[key!] ??= []).push(value!)
  return updates
}

async function countsOfOneInstance(total: number): Promise<Record<string, string[]>> {
  const log = await wordLog()
  await produce(log, 'words', words(0, total))
  const builder = new StreamsBuilder()
  counting(builder)
  const streams = run(log, builder.build(), options)
  await streams.start()
  await streams.caughtUp()
  await streams.close()
  return counts(log, total)
}

describe('an application in worker threads', () => {
  it('gives what one instance gives, exactly once, also when a worker is killed on the way', async () => {
    const log = await wordLog()
    const stateDir = mkdtempSync(join(tmpdir(), 'forebay-workers-'))
    ends.push(async () => rmSync(stateDir, { recursive: true, force: true }))
    const failures: unknown[] = []
    const workers = workersOn(log, {
      stateDir,
      uncaughtExceptionHandler: (error) => {
        failures.push(error)
        return 'REPLACE_THREAD'
      },
    })
    await workers.start()
    await produce(log, 'words', words(0, 200))
    await workers.caughtUp()
    const before = await workers.metrics()
    expect(before.workers.map(({ tasks }) => tasks.length)).toEqual([4, 4])
    expect(before.recordsIn).toBe(400)

    await produce(log, 'words', words(200, 300))
    await workers.workers[0]!.terminate()
    await produce(log, 'words', words(300, 400))
    await workers.caughtUp()
    expect((await workers.metrics()).restarts).toBe(1)
    expect(workers.workers).toHaveLength(2)
    expect(failures.map((error) => (error as { code: string }).code)).toEqual(['STREAMS_WORKER_ENDED'])
    await workers.close()
    expect(workers.state).toBe('NOT_RUNNING')
    expect(await counts(log, 400)).toEqual(await countsOfOneInstance(400))
  })

  it('closes the others when a worker fails and nobody asks for another', async () => {
    const log = await wordLog()
    let failed = () => {}
    const end = new Promise<void>((resolve) => {
      failed = resolve
    })
    const workers = workersOn(log, { stateListener: (state) => state === 'ERROR' && failed() })
    await workers.start()
    await produce(log, 'words', [{ key: 'k', value: 'poison' }])
    await end
    expect(workers.workers).toEqual([])
    expect(String(workers.failure)).toContain('poisoned')
    await expect(workers.caughtUp()).rejects.toBe(workers.failure)
  })

  it('says at the start what is wrong with the module', async () => {
    const workers = new StreamsWorkers(new URL('./no-such-module.ts', import.meta.url), {
      log: await wordLog(),
      applicationId: 'app',
      workers: 1,
      execArgv,
    })
    await expect(workers.start()).rejects.toThrow(/no-such-module/)
    expect(workers.state).toBe('ERROR')
    expect(workers.workers).toEqual([])
  })

  it('refuses settings that make no sense before it starts a thread', async () => {
    const log = await wordLog()
    expect(() => workersOn(log, { workers: 0 })).toThrow(StreamsConfigError)
    expect(() => workersOn(log, { applicationId: 'no spaces' })).toThrow(StreamsConfigError)
    const withHandler = { onDropped: () => {} } as Partial<StreamsWorkersOptions>
    expect(() => workersOn(log, withHandler)).toThrow(/onDropped cannot cross .*options/)
  })
})
