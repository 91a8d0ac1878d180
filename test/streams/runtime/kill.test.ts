import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Log } from '../../../src/log/index.js'
import { app, byLetter, expectedCounts, produceWords, readCommitted } from './count-app.js'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'forebay-kill-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

/** Runs the application in a process of its own and kills it when it has said so many lines. */
async function killAfter(lines: number): Promise<string[]> {
  const child = spawn(
    process.execPath,
    [
      '--import',
      'tsx',
      join(import.meta.dirname, 'kill-child.ts'),
      join(directory, 'log'),
      join(directory, 'state'),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const said: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line)
    if (said.length === lines) child.kill('SIGKILL')
  }
  await exited
  return said
}

it('counts every record exactly once however often the process is killed', async () => {
  const words = Array.from({ length: 400 }, (_, i) => `${'abcdefgh'[(i * 5) % 8]}${i}`)
  const dataDirectory = join(directory, 'log')
  const first = await Log.open({ dataDirectory })
  await first.admin.createTopics([
    { topic: 'words', partitions: 2 },
    { topic: 'counts-out', partitions: 2 },
  ])
  await produceWords(first, words)
  await first.close()

  for (const lines of [2, 5, 8, 11]) {
    const said = await killAfter(lines)
    expect(['running', 'commits']).toContain(said[0])
    expect(said.length).toBeGreaterThanOrEqual(lines)
  }

  const log = await Log.open({ dataDirectory })
  const streams = app(log, { stateDir: join(directory, 'state') })
  await streams.start()
  const values = await readCommitted(log, 'counts-out', words.length)
  await streams.close()
  await log.close()
  expect(byLetter(values)).toEqual(expectedCounts(words))
})
