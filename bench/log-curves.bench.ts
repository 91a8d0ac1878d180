/*
 * How the cost of a record grows with the number of partitions and with the size of the log, how long opening takes,
 * and what an idle log holds. Where a process must end by a kill or be fresh, this file runs itself as a child.
 *
 * BENCH_LOG_BYTES: the largest log, default 1 GB. Sizes go up to it by factors of ten from 1 MB on.
 * BENCH_CURVES: which of `partitions,size,opening,idle,compaction` to draw, default all.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { nextEventLoopTurn, randomBelow, seededRandom } from '../src/common/index.js'
import { type Consumer, Log, type Producer } from '../src/log/index.js'
import { median } from './measure.js'

const TOPIC = 'bench'
const RECORDS = 500_000
const PARTITION_COUNTS = [1, 10, 100, 1_000]
const IDLE_PARTITIONS = 1_000
const COMPACTED_KEYS = [10_000, 100_000]
const VALUE = Buffer.alloc(100, 'x')
/** A record of VALUE in a full batch: value, lengths, deltas and its share of the header. */
const RECORD_BYTES = 109
const FIRST_TIMESTAMP = 1_700_000_000_000
const RUNS = 5
const RANDOM_READS = 500
const READ_BYTES = 64 * 1024
const MB = 1_000_000

const logBytes = Number(process.env['BENCH_LOG_BYTES'] ?? 1_000 * MB)
const sizes: number[] = []
for (let size = MB; size <= logBytes; size *= 10) sizes.push(size)

const curves: Readonly<Record<string, () => Promise<void>>> = {
  partitions: byPartitions,
  size: bySize,
  opening,
  idle,
  compaction,
}

export async function benchLogCurves(): Promise<void> {
  const wanted = process.env['BENCH_CURVES']?.split(',') ?? Object.keys(curves)
  for (const name of wanted) {
    const draw = curves[name]
    if (draw === undefined)
      throw new RangeError(`no curve named ${name}; there are ${Object.keys(curves).join(', ')}`)
    await draw()
  }
}

// -------------------------------------------------------------------------------------- number of partitions

interface PartitionCosts {
  /** Files and buffers of a partition are made at its first record. */
  readonly first: number
  readonly produce: number
  readonly poll: number
  readonly batches: number
}

async function byPartitions(): Promise<void> {
  const rows: string[][] = []
  for (const partitions of PARTITION_COUNTS) {
    const runs: PartitionCosts[] = []
    for (let run = 0; run <= RUNS; run++) {
      globalThis.gc?.()
      const costs = await inDirectory((directory) => partitionCosts(directory, partitions))
      if (run > 0) runs.push(costs)
    }
    const cost = (name: keyof PartitionCosts): number => median(runs.map((costs) => costs[name]))
    const total = RECORDS + partitions
    rows.push([
      String(partitions),
      ((cost('first') * 1e3) / partitions).toFixed(0),
      nsPerRecord(cost('produce'), RECORDS),
      nsPerRecord(cost('poll'), total),
      nsPerRecord(cost('batches'), total),
    ])
  }
  printTable(
    `${RECORDS.toLocaleString('en')} records of 100 B over all partitions by turns, ns per record`,
    ['partitions', 'first record µs', 'produce', 'poll', 'pollBatches + decode'],
    rows,
  )
}

async function partitionCosts(directory: string, partitions: number): Promise<PartitionCosts> {
  const log = await openWithTopic(directory, partitions)
  const producer = log.producer()
  const first = await timed(() => writeRecords(producer, 0, partitions, partitions))
  const produce = await timed(() => writeRecords(producer, partitions, RECORDS, partitions))
  const poll = await timed(() => readAll(log, partitions, pollRecords))
  const batches = await timed(() => readAll(log, partitions, pollBatches))
  await log.close()
  return { first, produce, poll, batches }
}

async function readAll(
  log: Log,
  partitions: number,
  read: (consumer: Consumer) => Promise<number>,
): Promise<void> {
  const consumer = log.consumer({ autoOffsetReset: 'earliest' })
  consumer.assign(Array.from({ length: partitions }, (_, partition) => ({ topic: TOPIC, partition })))
  for (let seen = 0; seen < RECORDS + partitions; ) seen += await read(consumer)
  await consumer.close()
}

async function pollRecords(consumer: Consumer): Promise<number> {
  return (await consumer.poll()).length
}

async function pollBatches(consumer: Consumer): Promise<number> {
  let seen = 0
  for (const batch of await consumer.pollBatches()) seen += batch.decode().count
  return seen
}

// ---------------------------------------------------------------------------------------------- size of the log

async function bySize(): Promise<void> {
  const rows: string[][] = []
  await inDirectory(async (directory) => {
    const log = await openWithTopic(directory, 1)
    const producer = log.producer()
    const consumer = log.consumer({ maxPartitionFetchBytes: READ_BYTES })
    consumer.assign([{ topic: TOPIC, partition: 0 }])
    let written = 0
    const write = async (count: number): Promise<void> => {
      await writeRecords(producer, written, count, 1)
      written += count
    }
    for (const size of sizes) {
      await write(Math.max(0, Math.round(size / RECORD_BYTES) - written))
      const random = seededRandom(size)
      const byOffset = await readRandomly(consumer, () => randomBelow(random, written))
      const byTime = await readRandomly(consumer, async () => {
        const timestamp = FIRST_TIMESTAMP + randomBelow(random, written)
        const [found] = await consumer.offsetsForTimes([
          { partition: { topic: TOPIC, partition: 0 }, timestamp },
        ])
        if (found?.timestamp !== timestamp) throw new Error(`no record at ${timestamp}`)
        return found.offset
      })
      const appends: number[] = []
      const count = Math.round(MB / RECORD_BYTES)
      for (let run = 0; run < RUNS; run++) appends.push(await timed(() => write(count)))
      rows.push([
        formatBytes(size),
        nsPerRecord(median(appends), count),
        (byOffset.fetchMs * 1e3).toFixed(0),
        nsPerRecord(byOffset.fetchMs, byOffset.records),
        (byTime.fetchMs * 1e3).toFixed(0),
        nsPerRecord(byTime.fetchMs, byTime.records),
      ])
    }
    await log.close()
  })
  printTable(
    `one partition; append of 1 MB; ${RANDOM_READS} fetches of ${READ_BYTES / 1024} KiB at random places, decoded`,
    ['log', 'append ns/rec', 'by offset µs', 'ns/rec', 'by timestamp µs', 'ns/rec'],
    rows,
  )
}

/** The median time of a fetch, and how many records one brings. */
async function readRandomly(
  consumer: Consumer,
  place: () => number | Promise<number>,
): Promise<{ fetchMs: number; records: number }> {
  const times: number[] = []
  let records = 0
  const read = async (): Promise<void> => {
    const offset = await place()
    consumer.seek({ topic: TOPIC, partition: 0 }, offset)
    const found = await pollBatches(consumer)
    if (found === 0) throw new Error(`nothing at offset ${offset}`)
    records += found
  }
  for (let i = 0; i < RANDOM_READS / 5; i++) await read()
  records = 0
  for (let i = 0; i < RANDOM_READS; i++) times.push(await timed(read))
  return { fetchMs: median(times), records: records / RANDOM_READS }
}

// ------------------------------------------------------------------------------------------------------ opening

interface OpenTime {
  readonly afterCrashMs: number
  readonly cleanMs: number
}

async function openTime(size: number): Promise<OpenTime> {
  return inDirectory(async (directory) => {
    // The child kills itself: nothing is closed, flushed or checkpointed.
    runChild('fill', directory, String(Math.round(size / RECORD_BYTES)))
    const open = async (): Promise<number> => {
      let log: Log | undefined
      const ms = await timed(async () => {
        log = await Log.open({ dataDirectory: directory })
      })
      await log!.close()
      return ms
    }
    const afterCrashMs = await open()
    const clean: number[] = []
    for (let run = 0; run < RUNS; run++) clean.push(await open())
    return { afterCrashMs, cleanMs: median(clean) }
  })
}

async function opening(): Promise<void> {
  const rows: string[][] = []
  for (const size of sizes) {
    const { cleanMs, afterCrashMs } = await openTime(size)
    rows.push([formatBytes(size), cleanMs.toFixed(1), afterCrashMs.toFixed(1)])
  }
  printTable('opening, ms', ['log', 'after a clean stop', 'after kill -9'], rows)
}

// --------------------------------------------------------------------------------------------------------- idle

interface Held {
  /** Of opening the log. */
  readonly openMs: number
  readonly rssBytes: number
  readonly heapBytes: number
  /** -1 where the system does not tell. */
  readonly openFiles: number
}

const idleStates = {
  nothing: 'no log, modules loaded',
  created: 'partitions just made',
  written: 'after a record of 100 B to each',
  reopened: 'opened again',
}

async function idle(): Promise<void> {
  const rows = await inDirectory(async (directory) =>
    Object.entries(idleStates).map(([state, description]) => {
      const held = JSON.parse(runChild('idle', directory, state)) as Held
      const mb = (bytes: number): string => (bytes / MB).toFixed(1)
      return [
        description,
        held.openMs.toFixed(0),
        mb(held.rssBytes),
        mb(held.heapBytes),
        String(held.openFiles),
      ]
    }),
  )
  printTable(
    `an idle log with ${IDLE_PARTITIONS.toLocaleString('en')} partitions`,
    ['state', 'open ms', 'RSS MB', 'heap MB', 'open files'],
    rows,
  )
}

async function idleChild(directory: string, state: string): Promise<void> {
  const start = performance.now()
  const log = state === 'nothing' ? null : await Log.open({ dataDirectory: directory })
  const openMs = performance.now() - start
  if (state === 'created') await createTopic(log!, IDLE_PARTITIONS)
  if (state === 'written') await fill(log!, IDLE_PARTITIONS, IDLE_PARTITIONS)
  globalThis.gc?.()
  const { rss, heapUsed } = process.memoryUsage()
  const descriptors = '/proc/self/fd'
  const openFiles = existsSync(descriptors) ? readdirSync(descriptors).length : -1
  const held: Held = { openMs, rssBytes: rss, heapBytes: heapUsed, openFiles }
  console.log(JSON.stringify(held))
  await log?.close()
}

// --------------------------------------------------------------------------------------------------- compaction

/** One round over a log in which each key comes ten times; others get a turn between its slices. */
async function compaction(): Promise<void> {
  const rows: string[][] = []
  for (const keys of COMPACTED_KEYS) {
    globalThis.gc?.()
    rows.push(await inDirectory((directory) => compactionCost(directory, keys)))
  }
  printTable(
    'compaction of a log in which each key comes ten times',
    ['keys', 'before MB', 'after MB', 'ms', 'longest turn ms'],
    rows,
  )
}

async function compactionCost(directory: string, keys: number): Promise<string[]> {
  const log = await Log.open({ dataDirectory: directory, compactionIntervalMs: 100 })
  const size = async (): Promise<number> =>
    (await log.admin.describeTopics([TOPIC]))[0]!.partitions[0]!.sizeBytes
  const configs = { 'cleanup.policy': 'compact', 'segment.bytes': '1048576' }
  // It begins when the lag is taken away.
  await log.admin.createTopics([
    { topic: TOPIC, configs: { ...configs, 'min.compaction.lag.ms': '3600000' } },
  ])
  const producer = log.producer()
  for (let i = 0; i < keys * 10; i++) {
    const key = Buffer.from(`key-${i % keys}`)
    const full = producer.write({ topic: TOPIC, key, value: VALUE })
    if (full !== undefined) await full
  }
  await producer.close()
  const before = await size()
  await log.admin.alterConfigs(TOPIC, { 'min.compaction.lag.ms': null })
  let longestMs = 0
  const took = await timed(async () => {
    while ((await size()) > before / 4) {
      longestMs = Math.max(longestMs, await timed(nextEventLoopTurn))
    }
  })
  const mb = (bytes: number): string => (bytes / MB).toFixed(1)
  const row = [String(keys), mb(before), mb(await size()), took.toFixed(0), longestMs.toFixed(1)]
  await log.close()
  return row
}

// ------------------------------------------------------------------------------------------------------- common

async function openWithTopic(directory: string, partitions: number): Promise<Log> {
  const log = await Log.open({ dataDirectory: directory })
  await createTopic(log, partitions)
  return log
}

async function createTopic(log: Log, partitions: number): Promise<void> {
  await log.admin.createTopics([{ topic: TOPIC, partitions, configs: { 'retention.ms': '-1' } }])
}

async function fill(log: Log, records: number, partitions: number): Promise<void> {
  const producer = log.producer()
  await writeRecords(producer, 0, records, partitions)
  await producer.close()
}

async function writeRecords(
  producer: Producer,
  from: number,
  count: number,
  partitions: number,
): Promise<void> {
  for (let i = from; i < from + count; i++) {
    const timestamp = FIRST_TIMESTAMP + i
    const full = producer.write({ topic: TOPIC, partition: i % partitions, value: VALUE, timestamp })
    if (full !== undefined) await full
  }
  await producer.flush()
}

async function timed(body: () => Promise<void>): Promise<number> {
  const start = performance.now()
  await body()
  return performance.now() - start
}

async function inDirectory<T>(body: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'forebay-bench-'))
  try {
    return await body(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function runChild(...args: string[]): string {
  const command = ['--expose-gc', '--import', 'tsx', import.meta.filename, ...args]
  const { stdout, stderr, status, signal } = spawnSync(process.execPath, command, { encoding: 'utf8' })
  if (status !== 0 && signal !== 'SIGKILL') throw new Error(`${args[0]} failed: ${stderr}`)
  return stdout
}

function nsPerRecord(ms: number, records: number): string {
  return ((ms * 1e6) / records).toFixed(0)
}

function formatBytes(bytes: number): string {
  return bytes >= 1_000 * MB ? `${bytes / (1_000 * MB)} GB` : `${bytes / MB} MB`
}

function printTable(title: string, header: readonly string[], rows: readonly (readonly string[])[]): void {
  const lines = [header, ...rows]
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  console.log(`\n${title}`)
  for (const line of lines) {
    const cells = line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]! + 3)))
    console.log(`  ${cells.join('')}`)
  }
}

if (process.argv[1] === import.meta.filename) {
  const [task, directory = '', argument = ''] = process.argv.slice(2)
  if (task === 'fill') {
    await fill(await openWithTopic(directory, 1), Number(argument), 1)
    process.kill(process.pid, 'SIGKILL')
  } else if (task === 'idle') await idleChild(directory, argument)
  else await benchLogCurves()
}
