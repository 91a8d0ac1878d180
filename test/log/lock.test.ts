import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { DirectoryLockedError, Log } from '../../src/log/index.js'
import { at, dataDirectory, readAll, readValues, storages, text } from './log-fixture.js'

interface ProducingProcess {
  readonly child: ChildProcess
  /** Resolves with all lines so far once `enough` says so. */
  until(enough: (lines: readonly string[]) => boolean): Promise<readonly string[]>
  kill(): Promise<void>
}

function startProducing(directory: string): ProducingProcess {
  const script = fileURLToPath(new URL('./producing-process.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', script, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  let look = () => {}
  createInterface({ input: child.stdout! }).on('line', (line) => {
    lines.push(line)
    look()
  })
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const closed = once(child, 'close')
    child.kill('SIGKILL')
    await closed
  }
  onTestFinished(kill)
  return {
    child,
    kill,
    until: (enough) =>
      new Promise((resolve, reject) => {
        child.once('exit', (code) => reject(new Error(`the process ended with ${code}`)))
        look = () => {
          if (enough(lines)) resolve(lines)
        }
        look()
      }),
  }
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i))

describe('a data directory', () => {
  it.each(storages)('has one owner at a time on %s', async (storage) => {
    const fixture = dataDirectory(storage)
    const log = await fixture.open()
    await expect(fixture.open()).rejects.toBeInstanceOf(DirectoryLockedError)
    await expect(fixture.open()).rejects.toMatchObject({
      code: 'DIRECTORY_LOCKED',
      message: expect.stringContaining('this process'),
    })
    await log.close()
    await (await fixture.open()).close()
  })

  it('is refused to a second process, naming the owner and since when', async () => {
    const fixture = dataDirectory('files')
    const owner = startProducing(fixture.path)
    await owner.until((lines) => lines.includes('ready'))
    await expect(Log.open({ dataDirectory: fixture.path })).rejects.toThrow(
      new RegExp(`in use by process ${owner.child.pid}.* since 20\\d\\d-.*; close it`),
    )
    await owner.kill()
  })

  it('loses nothing that was acknowledged, and doubles nothing, when its owner is killed', async () => {
    const fixture = dataDirectory('files')
    for (let round = 0; round < 3; round++) {
      const owner = startProducing(fixture.path)
      const before = round === 0 ? 0 : 1
      const lines = await owner.until((all) => all.length > 20 + 70 * round + before)
      await owner.kill()

      const log = await fixture.open()
      const lastOf = (kind: string) =>
        Number(
          lines
            .filter((line) => line.startsWith(kind))
            .at(-1)!
            .split(' ')[1],
        )
      const plain = await readAll(log, [at('plain')])
      // Each run counts from 0 again: look at the newest run alone.
      const runs = plain.map((record) => record.value).lastIndexOf('0')
      const newest = plain.slice(runs).map((record) => record.value)
      expect(newest.length).toBeGreaterThan(lastOf('plain'))
      expect(newest).toEqual(numbers(newest.length))
      expect(plain.map((record) => record.offset)).toEqual(plain.map((_, i) => i))

      const left = await readValues(log, [at('pair', 0)], 'read_committed')
      const right = await readValues(log, [at('pair', 1)], 'read_committed')
      expect(left).toEqual(right)
      const pairs = left.slice(left.lastIndexOf('0'))
      expect(pairs).toEqual(numbers(pairs.length))
      expect(pairs.length).toBeGreaterThan(lastOf('pair'))
      expect((await log.admin.groupOffsets('g'))[0]?.offset).toBe(pairs.length - 1)

      await log.producer(text).send({ topic: 'plain', value: 'between' })
      await log.close()
    }
  })
})
