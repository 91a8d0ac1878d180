/*
 * How the cost of a record grows with the number of keys: a count whose state fits the cache, is ten times as large, a
 * hundred times. Every key is counted once, then MEASURED_RECORDS come with keys at random, which is the worst case: no
 * key is more likely than another. The log and the state lie on the disk.
 *
 * BENCH_STATE_KEYS: the most keys, default 1,000,000; 10,000,000 takes some minutes.
 * BENCH_STATE_CACHE: entries of the cache, default 100,000.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { randomBelow, seededRandom } from '../src/common/index.js'
import { Log } from '../src/log/index.js'
import { Serdes } from '../src/serde/index.js'
import { KafkaStreams, StreamsBuilder } from '../src/streams/index.js'

const MEASURED_RECORDS = 500_000
const keysMax = Number(process.env['BENCH_STATE_KEYS'] ?? 1_000_000)
const cacheMaxEntries = Number(process.env['BENCH_STATE_CACHE'] ?? 100_000)

export async function benchStateCurves(): Promise<void> {
  console.log(
    `\ncount by key, cache of ${cacheMaxEntries} entries, ${MEASURED_RECORDS} records with random keys`,
  )
  console.log(
    `${'keys'.padStart(12)}${'k/s'.padStart(10)}${'CPU/record'.padStart(14)}${'× 1,000 keys'.padStart(16)}${'RSS'.padStart(12)}`,
  )
  let least = 0
  for (let keys = 1_000; keys <= keysMax; keys *= 10) {
    const { perSecond, cpuMicros, rssBytes } = await countOver(keys)
    if (least === 0) least = cpuMicros
    console.log(
      keys.toLocaleString('en').padStart(12) +
        (perSecond / 1000).toFixed(0).padStart(10) +
        `${cpuMicros.toFixed(2)} µs`.padStart(14) +
        (cpuMicros / least).toFixed(2).padStart(16) +
        `${(rssBytes / 1e6).toFixed(0)} MB`.padStart(12),
    )
  }
}

async function countOver(keys: number) {
  const directory = mkdtempSync(join(tmpdir(), 'forebay-bench-'))
  const log = await Log.open({ dataDirectory: join(directory, 'log') })
  try {
    await log.admin.createTopics([{ topic: 'in' }])
    const builder = new StreamsBuilder()
    builder
      .stream('in', { keySerde: Serdes.string(), valueSerde: Serdes.long() })
      .groupByKey()
      .count({ store: 'counts' })
    const streams = new KafkaStreams(builder.build(), {
      applicationId: 'counts',
      log,
      stateDir: join(directory, 'state'),
      cacheMaxEntries,
    })
    await streams.start()
    const step = Math.floor(keys * 0.6180339887) | 1
    await produce(log, keys, (i) => (i * step) % keys)
    await streams.caughtUp()
    streams.pause()
    const random = seededRandom(1)
    await produce(log, MEASURED_RECORDS, () => randomBelow(random, keys))
    globalThis.gc?.()
    const cpuBefore = process.cpuUsage()
    const start = performance.now()
    streams.resume()
    await streams.caughtUp()
    const ms = performance.now() - start
    const { user, system } = process.cpuUsage(cpuBefore)
    const rssBytes = process.memoryUsage().rss
    await streams.close()
    return {
      perSecond: (MEASURED_RECORDS / ms) * 1000,
      cpuMicros: (user + system) / MEASURED_RECORDS,
      rssBytes,
    }
  } finally {
    await log.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function produce(log: Log, count: number, key: (i: number) => number): Promise<void> {
  const producer = log.producer({ keySerde: Serdes.string(), valueSerde: Serdes.long() })
  for (let i = 0; i < count; i++) {
    const full = producer.write({
      topic: 'in',
      key: `user-${key(i)}`,
      value: i,
      timestamp: 1_700_000_000_000 + i,
    })
    if (full !== undefined) await full
  }
  await producer.flush()
  await producer.close()
}
