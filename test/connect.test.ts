import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  jsonLinesSink,
  nodeFiles,
  readCsv,
  readJsonLines,
  runSink,
  runSource,
  sqliteSink,
} from '../src/connect/index.js'
import { Log } from '../src/log/index.js'
import { Serdes } from '../src/serde/index.js'

const string = Serdes.string()
const json = Serdes.json<{ n: number }>()
const rows = Array.from({ length: 2500 }, (_, n) => ({ n }))
const toRecord = ({ n }: { n: number }) => ({ key: `k${n % 10}`, value: { n }, timestamp: n })

let directory: string
let log: Log

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'forebay-connect-'))
  log = await Log.memory()
  await log.admin.createTopics([{ topic: 'numbers', partitions: 3 }])
})

afterEach(async () => {
  await log.close()
  rmSync(directory, { recursive: true })
})

const source = (over: Iterable<{ n: number }>) =>
  runSource(log, {
    name: 'numbers',
    topic: 'numbers',
    rows: over,
    keySerde: string,
    valueSerde: json,
    toRecord,
  })

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

async function numbersInLog(): Promise<number[]> {
  const seen: number[] = []
  await runSink(log, {
    topic: 'numbers',
    keySerde: string,
    valueSerde: json,
    sink: {
      position: () => null,
      write: (records) => void seen.push(...records.map((r) => r.value!.n)),
      close() {},
    },
  })
  return seen.sort((a, b) => a - b)
}

describe('runSource', () => {
  it('writes each row once, however often it is started', async () => {
    expect(await source(rows)).toBe(2500)
    expect(await source(rows)).toBe(2500)
    expect(await numbersInLog()).toEqual(rows.map((r) => r.n))
  })

  it('goes on after the rows that are in the log when reading failed half-way', async () => {
    function* failing(): Generator<{ n: number }> {
      yield* rows.slice(0, 1700)
      throw new Error('disk on fire')
    }
    await expect(source(failing())).rejects.toThrow('disk on fire')
    expect(await source(rows)).toBe(2500)
    expect(await numbersInLog()).toEqual(rows.map((r) => r.n))
  })
})

describe('jsonLinesSink', () => {
  it('cuts off what a crash left behind its last position', async () => {
    const path = join(directory, 'numbers.jsonl')
    const sink = () =>
      runSink(log, {
        topic: 'numbers',
        keySerde: string,
        valueSerde: json,
        sink: jsonLinesSink({ fileSystem: nodeFiles, path, toDocument: (r) => r.value }),
      })
    await source(rows.slice(0, 1000))
    await sink()
    writeFileSync(path, `${readFileSync(path, 'utf8')}{"n":"torn`)
    await source(rows)
    await sink()
    const documents = [...readJsonLines(nodeFiles, path)] as { n: number }[]
    expect(documents.map((d) => d.n).sort((a, b) => a - b)).toEqual(rows.map((r) => r.n))
  })
})

describe('sqliteSink', () => {
  it('keeps the last value of each key, deletes on null, and adds nothing the second time', async () => {
    const path = join(directory, 'numbers.db')
    const producer = log.producer({ keySerde: string, valueSerde: json })
    const sink = () =>
      runSink(log, {
        topic: 'numbers',
        keySerde: string,
        valueSerde: json,
        sink: sqliteSink<string, { n: number }>({
          path,
          table: 'last',
          columns: [
            { name: 'key', type: 'TEXT', primaryKey: true },
            { name: 'n', type: 'INTEGER' },
          ],
          toRow: (r) => [r.key, r.value?.n ?? null],
        }),
      })
    await source(rows)
    await producer.send({ topic: 'numbers', key: 'k3', value: null })
    expect(await sink()).toBe(2501)
    expect(await sink()).toBe(0)
    const database = new Database(path, { readonly: true })
    const table = database.prepare('SELECT key, n FROM last ORDER BY key').raw().all()
    database.close()
    const expected = Array.from({ length: 10 }, (_, d) => [`k${d}`, 2490 + d]).filter(([key]) => key !== 'k3')
    expect(table).toEqual(expected)
  })
})

describe('readCsv', () => {
  it('reads quoted fields, and names the file when it is no CSV', async () => {
    const path = join(directory, 'a.csv')
    writeFileSync(path, 'a,b\n1,"x, ""y"""\n')
    expect(await collect(readCsv(nodeFiles, path))).toEqual([{ a: '1', b: 'x, "y"' }])
    writeFileSync(path, 'a,b\n1,2,3\n')
    await expect(collect(readCsv(nodeFiles, path))).rejects.toThrow(path)
  })
})
