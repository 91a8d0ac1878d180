import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Log } from '../src/log/index.js'
const RECORDS = 1_000_000
const value = Buffer.alloc(100, 'x')
const directory = mkdtempSync(join(tmpdir(), 'forebay-bench-'))
const log = await Log.open({ dataDirectory: directory })
await log.admin.createTopics([{ topic: 'bench', partitions: 1 }])
const producer = log.producer()
for (let i = 0; i < RECORDS; i++) {
  const full = producer.write({ topic: 'bench', value, timestamp: 1_700_000_000_000 + i })
  if (full !== undefined) await full
}
await producer.flush()
const mode = process.argv[2] ?? 'decode'
const rates: number[] = [], cpus: number[] = []
for (let run = 0; run < 12; run++) {
  globalThis.gc?.()
  const consumer = log.consumer({ autoOffsetReset: 'earliest', maxPartitionFetchBytes: 4 << 20 })
  consumer.assign([{ topic: 'bench', partition: 0 }])
  let bytes = 0
  const t = performance.now(), c = process.cpuUsage()
  for (let seen = 0; seen < RECORDS; ) {
    for (const batch of await consumer.pollBatches(1000)) {
      if (mode === 'poll') { seen += batch.recordCount; continue }
      const { count, valueStart, valueEnd } = batch.decode()
      for (let i = 0; i < count; i++) bytes += valueEnd[i]! - valueStart[i]!
      seen += count; if (process.argv[3]) batch.release!()
    }
  }
  const e = performance.now() - t, u = process.cpuUsage(c)
  rates.push(RECORDS / e / 1000); cpus.push(RECORDS / (u.user + u.system) )
  await consumer.close()
}
const med = (a: number[]) => [...a].sort((x, y) => x - y)[a.length >> 1]!
console.log(mode, 'wall M/s median', med(rates).toFixed(2), 'max', Math.max(...rates).toFixed(2), 'first', rates[0]!.toFixed(2), '| cpu M/s median', med(cpus).toFixed(2), 'max', Math.max(...cpus).toFixed(2), 'first', cpus[0]!.toFixed(2))
await log.close()
rmSync(directory, { recursive: true })
