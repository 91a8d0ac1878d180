import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Log } from '../src/log/index.js'
import { type Measurement, measure } from './measure.js'

const RECORDS = 1_000_000
const value = Buffer.alloc(100, 'x')

/** W1: 100-byte values, one partition, real files, default durability. */
export async function benchLog(): Promise<Measurement[]> {
  const results: Measurement[] = []
  results.push(await produce('none'), await produce('lz4'))
  results.push(await consume(false), await consume(true))
  return results
}

async function withLog(body: (log: Log) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'forebay-bench-'))
  const log = await Log.open({ dataDirectory: directory })
  try {
    await log.admin.createTopics([{ topic: 'bench', partitions: 1 }])
    await body(log)
  } finally {
    await log.close()
    rmSync(directory, { recursive: true })
  }
}

async function fill(log: Log, compression: 'none' | 'lz4'): Promise<void> {
  const producer = log.producer({ compression })
  for (let i = 0; i < RECORDS; i++) {
    const full = producer.write({ topic: 'bench', value, timestamp: 1_700_000_000_000 + i })
    if (full !== undefined) await full
  }
  await producer.flush()
  await producer.close()
}

function produce(compression: 'none' | 'lz4'): Promise<Measurement> {
  return measure(
    `W1 produce 100 B, ${compression === 'none' ? 'no compression' : compression}`,
    RECORDS,
    (timed) => withLog((log) => timed(() => fill(log, compression))),
  )
}

/** `release`: batches are given back as soon as they are read. */
function consume(release: boolean): Promise<Measurement> {
  return measure(`W1 consume 100 B${release ? ', batches released' : ''}`, RECORDS, (timed) =>
    withLog(async (log) => {
      await fill(log, 'none')
      const consumer = log.consumer({ autoOffsetReset: 'earliest', maxPartitionFetchBytes: 4 << 20 })
      consumer.assign([{ topic: 'bench', partition: 0 }])
      let bytes = 0
      await timed(async () => {
        for (let seen = 0; seen < RECORDS; ) {
          for (const batch of await consumer.pollBatches(1000)) {
            const { count, valueStart, valueEnd } = batch.decode()
            for (let i = 0; i < count; i++) bytes += valueEnd[i]! - valueStart[i]!
            seen += count
            if (release) batch.release?.()
          }
        }
      })
      await consumer.close()
      if (bytes !== RECORDS * value.length)
        throw new Error(`read ${bytes} bytes, expected ${RECORDS * value.length}`)
    }),
  )
}
