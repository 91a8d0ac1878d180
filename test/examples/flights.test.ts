import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadFlights, runFlights } from '../../examples/flights.js'
import { Log } from '../../src/log/index.js'
import { byDay, byState, delayed } from './expected-flights.js'

const root = join(import.meta.dirname, '../..')

interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the program as a user would; `onError` sees what it writes to stderr and may kill it. */
function forebay(
  args: readonly string[],
  onError: (text: string, kill: () => void) => void = () => {},
): Promise<Finished> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx', join(root, 'src/repl/cli.ts'), ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk) => {
      stdout += chunk
    })
    child.stderr.on('data', (chunk) => {
      stderr += chunk
      onError(stderr, () => child.kill('SIGKILL'))
    })
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

async function rowsOf(directory: string, sql: string): Promise<Record<string, never>[]> {
  const { code, stdout, stderr } = await forebay(['--data', directory, '--format', 'json', '-e', sql])
  expect(stderr).toBe('')
  expect(code).toBe(0)
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

interface Tables {
  readonly byDay: unknown
  readonly byState: unknown
}

/** Both result tables, read by pull queries from a data directory that a demo has filled. */
async function tables(directory: string): Promise<Tables> {
  const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10)
  const days = await rowsOf(directory, 'SELECT * FROM delays_by_day;')
  const states = await rowsOf(directory, 'SELECT * FROM delays_by_state;')
  return {
    byDay: days
      .map((r) => [
        `${r['ORIGIN']} ${day(r['WINDOWSTART']!)}`,
        r['FLIGHTS'],
        r['MEAN_DELAY'],
        r['WORST_DELAY'],
      ])
      .sort(),
    byState: states.map((r) => [r['STATE'], r['FLIGHTS'], r['MEAN_DELAY'], r['WORST_DELAY']]).sort(),
  }
}

const expected: Tables = {
  byDay: [...byDay].map(([key, d]) => [key, d.flights, d.mean, d.worst]).sort(),
  byState: [...byState].map(([key, d]) => [key, d.flights, d.mean, d.worst]).sort(),
}

describe('the flights demo', () => {
  let directory: string
  let finished: Finished

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'forebay-demo-'))
    finished = await forebay(['demo', '--data', directory])
  })
  afterAll(() => rmSync(directory, { recursive: true }))

  it('runs to its end without a terminal and prints its tables', () => {
    expect(finished.code).toBe(0)
    expect(finished.stdout).toContain(`(${byState.size} rows)`)
    expect(finished.stdout).toMatch(new RegExp(`CA\\s+│\\s+${byState.get('CA')!.flights}\\b`))
    expect(finished.stdout).toContain(`of ${byDay.size} rows`)
  })

  it('gives the numbers that plain loops over the two files give', async () => {
    expect(await tables(directory)).toEqual(expected)
  })

  it('joins every late flight with its airport', async () => {
    const sql = 'SELECT * FROM delayed_flights;'
    const rows = await rowsOf(directory, sql)
    const seen = rows.map((r) => [
      r['F_ORIGIN'] ?? r['ORIGIN'],
      r['CITY'],
      r['STATE'],
      r['DESTINATION'],
      r['DELAY'],
    ])
    expect(seen.sort()).toEqual(delayed.map((d) => [...d]).sort())
  })

  it('gives the same tables when it was killed in the middle and started again', async () => {
    const killed = mkdtempSync(join(tmpdir(), 'forebay-killed-'))
    try {
      const first = await forebay(['demo', '--data', killed], (text, kill) => {
        if (text.includes('10000 of')) kill()
      })
      expect(first.code).toBeNull()
      const second = await forebay(['demo', '--data', killed])
      expect(second.code).toBe(0)
      expect(await tables(killed)).toEqual(expected)
    } finally {
      rmSync(killed, { recursive: true })
    }
  })
})

describe('the same job with the Streams DSL', () => {
  it('gives the same rows', async () => {
    const log = await Log.memory()
    await loadFlights(
      log,
      join(dirname(createRequire(import.meta.url).resolve('vega-datasets')), '..', 'data'),
    )
    const result = await runFlights(log)
    await log.close()
    const rows = (table: typeof result.byDay) => table.map((r) => [r.key, r.flights, r.mean, r.worst]).sort()
    expect({ byDay: rows(result.byDay), byState: rows(result.byState) }).toEqual(expected)
  })
})
