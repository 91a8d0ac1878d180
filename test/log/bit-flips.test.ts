import { describe, expect, it } from 'vitest'
import { ManualClock, MemoryFiles } from '../../src/common/index.js'
import { Log, verifyDataDirectory } from '../../src/log/index.js'
import { rewrite } from './partition-log-fixture.js'
import { at, readAll, text } from './reading.js'

/*
 * One bit is wrong in one byte of one file of a log that was closed in good order: for each byte. Whoever reads gets
 * what was written, or an error that names the file; never anything else.
 */

const DIRECTORY = '/data'
const PARTITION = `${DIRECTORY}/t-0`

function open(fileSystem: MemoryFiles): Promise<Log> {
  return Log.open({ dataDirectory: DIRECTORY, fileSystem, clock: new ManualClock(1_000_000) })
}

/** Two segments with records of two transactions, the first of them aborted. */
async function written(): Promise<MemoryFiles> {
  const files = new MemoryFiles()
  const log = await open(files)
  const configs = { 'internal.segment.bytes': '400', 'index.interval.bytes': '100' }
  await log.admin.createTopics([{ topic: 't', configs }])
  const producer = log.producer({ ...text, lingerMs: 0, transactionalId: 'tx' })
  await producer.initTransactions()
  for (const commit of [false, true]) {
    producer.beginTransaction()
    for (let i = 0; i < 3; i++) {
      producer.write({ topic: 't', value: `${commit ? 'kept' : 'aborted'} ${i}`, timestamp: 5_000 + i * 10 })
      await producer.flush()
    }
    if (commit) await producer.commitTransaction()
    else await producer.abortTransaction()
  }
  await log.close()
  return files
}

/** All that a reader of committed data can learn, as text. */
async function everything(log: Log): Promise<string> {
  const records = await readAll(log, [at('t')], 'read_committed')
  const consumer = log.consumer()
  const times = [5_000, 5_010, 5_020, 5_021].map((timestamp) => ({ partition: at('t'), timestamp }))
  const found = (await consumer.offsetsForTimes(times)).map((offset) => JSON.stringify(offset))
  const lines = records.map(({ offset, timestamp, value }) => `${offset} ${timestamp} ${value}`)
  return [...lines, ...found, await consumer.endOffsets([at('t')])].join(', ')
}

function copyOf(files: MemoryFiles): MemoryFiles {
  const copy = new MemoryFiles()
  for (const directory of [DIRECTORY, PARTITION, `${DIRECTORY}/__transaction_state-0`]) {
    copy.makeDirectory(directory)
    for (const name of files.list(directory)) {
      const path = `${directory}/${name}`
      if (files.isDirectory(path)) continue
      const file = copy.open(path, 'a+')
      file.write(files.readFile(path), 0)
      file.close()
    }
  }
  return copy
}

const flips = (bytes: Buffer, position: number): Buffer => {
  bytes[position]! ^= 1 << (position % 8)
  return bytes
}

describe('a flipped bit in a closed log', () => {
  // Time and transaction indexes are under no checksum, as in Kafka: only `verify` can tell, see the check's own tests.
  it.each(['.log', '.index', '.snapshot'])('of a %s file is never served', async (suffix) => {
    const files = await written()
    const expected = await everything(await open(copyOf(files)))
    const paths = files
      .list(PARTITION)
      .filter((name) => name.endsWith(suffix))
      .map((name) => `${PARTITION}/${name}`)
    const wrong: string[] = []
    let bytes = 0
    for (const path of paths) {
      const size = files.readFile(path).length
      // A wrong index leads to a place in the log that makes no sense.
      const segment = path.slice(0, path.lastIndexOf('.'))
      bytes += size
      for (let position = 0; position < size; position++) {
        const damaged = copyOf(files)
        rewrite(damaged, path, (content) => flips(content, position))
        // Leader epochs are under no checksum, and nothing depends on them.
        const harmless = suffix === '.log' && (inBatch(files.readFile(path), position) & ~3) === 12
        const { problems } = verifyDataDirectory({ dataDirectory: DIRECTORY, fileSystem: damaged })
        if (!harmless && !problems.some((p) => p.file === path))
          wrong.push(`${path}:${position} is not reported`)
        try {
          const read = await everything(await open(damaged))
          if (read !== expected) wrong.push(`${path}:${position}: ${read}`)
        } catch (error) {
          const { code, message } = error as { code?: string; message: string }
          if (code !== 'CORRUPT_MESSAGE' || !message.includes(segment)) {
            wrong.push(`${path}:${position}: ${message}`)
          }
        }
      }
    }
    expect(bytes).toBeGreaterThan(0)
    expect(wrong).toEqual([])
  })
})

/** How far behind the beginning of its batch a byte of a segment lies. */
function inBatch(bytes: Buffer, position: number): number {
  let start = 0
  for (let next = 0; next <= position; next += 12 + bytes.readInt32BE(next + 8)) start = next
  return position - start
}
