/*
 * How long after its append a record's result can be read, while records come at a steady rate. The producer sends what
 * is due every millisecond and does not wait; the reader sees only what is committed. Times are wall-clock ms of one
 * process, so they hold the waiting for the event loop on all sides.
 */
import { performance } from 'node:perf_hooks'
import type { Log } from '../src/log/index.js'
import { SqlEngine } from '../src/sql/index.js'
import { withLog } from './workloads.js'

const PER_SECOND = 10_000
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 10)
const WARM_UP_MS = 2_000

const source = `CREATE STREAM sent (id STRING KEY, sent_at DOUBLE) WITH (KAFKA_TOPIC = 'sent', PARTITIONS = 1,
  VALUE_FORMAT = 'JSON');`
const queries: Readonly<Record<string, string>> = {
  'filter and project':
    'CREATE STREAM result AS SELECT id, sent_at FROM sent WHERE sent_at > 0 EMIT CHANGES;',
  'count by 10,000 keys':
    'CREATE TABLE result AS SELECT id, LATEST_BY_OFFSET(sent_at) AS sent_at, COUNT(*) AS n FROM sent GROUP BY id EMIT CHANGES;',
}

export async function benchLatency(): Promise<void> {
  const columns = ['p50', 'p99', 'max', 'results'].map((column) => column.padStart(10)).join('')
  console.log(`\n${`append to visible result, ms, ${PER_SECOND} records/s`.padEnd(58)}${columns}`)
  for (const [name, query] of Object.entries(queries)) {
    for (const guarantee of ['at_least_once', 'exactly_once_v2']) {
      const latencies = await latenciesOf(query, guarantee)
      const at = (share: number) => latencies[Math.floor((latencies.length - 1) * share)]!.toFixed(1)
      const cells = [at(0.5), at(0.99), at(1), String(latencies.length)]
      console.log(`${`${name}, ${guarantee}`.padEnd(58)}${cells.map((cell) => cell.padStart(10)).join('')}`)
    }
  }
}

/** Sorted. */
async function latenciesOf(query: string, guarantee: string): Promise<Float64Array> {
  const latencies: number[] = []
  await withLog(async (log, stateDirectory) => {
    const properties = { 'processing.guarantee': guarantee }
    const engine = await SqlEngine.create({ log, stateDirectory, properties })
    try {
      await engine.execute(source)
      await engine.execute(query)
      const end = performance.now() + WARM_UP_MS + SECONDS * 1_000
      await Promise.all([send(log, end), read(log, end, latencies)])
    } finally {
      await engine.close()
    }
  })
  return Float64Array.from(latencies).sort()
}

async function send(log: Log, end: number): Promise<void> {
  const producer = log.producer({ lingerMs: 0 })
  const start = performance.now()
  for (let sent = 0, now = start; now < end; now = performance.now()) {
    for (const due = ((now - start) * PER_SECOND) / 1_000; sent < due; sent++) {
      const value = Buffer.from(JSON.stringify({ SENT_AT: performance.now() }))
      const full = producer.write({ topic: 'sent', key: Buffer.from(`k${sent % 10_000}`), value })
      if (full !== undefined) await full
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await producer.close()
}

async function read(log: Log, end: number, latencies: number[]): Promise<void> {
  const consumer = log.consumer({ autoOffsetReset: 'earliest', isolationLevel: 'read_committed' })
  consumer.assign([{ topic: 'RESULT', partition: 0 }])
  const from = end - SECONDS * 1_000
  while (performance.now() < end) {
    const batches = await consumer.pollBatches(100)
    const now = performance.now()
    for (const batch of batches) {
      const { count, buffer, valueStart, valueEnd } = batch.decode()
      if (now < from) continue
      for (let i = 0; i < count; i++) {
        const { SENT_AT } = JSON.parse(buffer.toString('utf8', valueStart[i], valueEnd[i])) as {
          SENT_AT: number
        }
        latencies.push(now - SENT_AT)
      }
    }
  }
  await consumer.close()
}
