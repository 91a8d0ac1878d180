import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ManualClock, MemoryFiles } from '../../src/common/index.js'
import { dumpLogFile, formatDumpEntry, Log, verifyDataDirectory } from '../../src/log/index.js'
import { text } from './log-fixture.js'
import { rewrite } from './partition-log-fixture.js'

const DIRECTORY = '/data'

/** Two topics, one of them compacted, with rolls, transactions of two producers, an abort and a group's offsets. */
async function fill(files: MemoryFiles, close: boolean): Promise<void> {
  const clock = new ManualClock(1_000_000)
  const log = await Log.open({
    dataDirectory: DIRECTORY,
    fileSystem: files,
    clock,
    compactionIntervalMs: 500,
  })
  const small = { 'internal.segment.bytes': '700', 'index.interval.bytes': '100' }
  await log.admin.createTopics([
    { topic: 'orders', partitions: 2, configs: small },
    {
      topic: 'prices',
      configs: { ...small, 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01' },
    },
  ])
  const producer = log.producer({ ...text, batchSize: 200 })
  const [a, b] = ['a', 'b'].map((transactionalId) => log.producer({ ...text, transactionalId }))
  await a!.initTransactions()
  await b!.initTransactions()
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < 12; i++) {
      producer.write({ topic: 'prices', key: `k${i % 4}`, value: i === 11 ? null : `${round}:${i}` })
      producer.write({
        topic: 'orders',
        partition: i % 2,
        value: `plain ${round}:${i}`,
        timestamp: 5_000 - i,
      })
    }
    a!.beginTransaction()
    b!.beginTransaction()
    for (const transactional of [a!, b!]) {
      for (const partition of [0, 1]) {
        transactional.write({ topic: 'orders', partition, value: `transaction ${round}` })
        await transactional.flush()
      }
    }
    const group = { groupId: 'g', generationId: -1, memberId: '' }
    await a!.sendOffsetsToTransaction([{ topic: 'orders', partition: 0, offset: round }], group)
    if (round % 2 === 0) await a!.abortTransaction()
    else await a!.commitTransaction()
    await b!.abortTransaction()
    await producer.flush()
    clock.advance(1_000)
    await new Promise(setImmediate)
  }
  if (close) await log.close()
}

async function filled(close = true): Promise<MemoryFiles> {
  const files = new MemoryFiles()
  await fill(files, close)
  return files
}

const verify = (fileSystem: MemoryFiles) => verifyDataDirectory({ dataDirectory: DIRECTORY, fileSystem })

function filesOf(files: MemoryFiles, suffix: string): string[] {
  return files
    .list(DIRECTORY)
    .flatMap((name) => files.list(`${DIRECTORY}/${name}`).map((file) => `${DIRECTORY}/${name}/${file}`))
    .filter((path) => path.endsWith(suffix) && files.readFile(path).length > 0)
}

/** The log of a killed process: its lock does not hold any more. */
function unlocked(files: MemoryFiles): MemoryFiles {
  files.lock = () => ({ release() {} })
  return files
}

describe('the check of a data directory', () => {
  it('finds nothing wrong with a log that was closed, and counts what is there', async () => {
    const report = verify(await filled())
    expect(report.problems).toEqual([])
    expect(report.cleanShutdown).toBe(true)
    expect(report.partitions.map(({ topic, partition }) => `${topic}-${partition}`)).toEqual([
      'orders-0',
      'orders-1',
      'prices-0',
      '__transaction_state-0',
      '__consumer_offsets-0',
    ])
    const orders = report.partitions.find(({ topic }) => topic === 'orders')!
    // 36 plain records, 12 transactional ones, 12 markers.
    expect(orders).toMatchObject({ recordCount: 60, startOffset: 0, endOffset: 60 })
    expect(orders.segmentCount).toBeGreaterThan(3)
    const prices = report.partitions.find(({ topic }) => topic === 'prices')!
    expect(prices.endOffset).toBe(72)
    expect(prices.recordCount).toBeLessThan(72)
  })

  it('finds no damage in a log whose process was killed', async () => {
    const report = verify(unlocked(await filled(false)))
    expect(report.problems.filter(({ severity }) => severity === 'damage')).toEqual([])
    expect(report.cleanShutdown).toBe(false)
  })

  it('is refused while a log is open, and where there is no directory', async () => {
    const files = new MemoryFiles()
    await fill(files, false)
    expect(() => verify(files)).toThrow(expect.objectContaining({ code: 'DIRECTORY_LOCKED' }))
    expect(() => verify(new MemoryFiles())).toThrow(/no data directory/)
  })

  it('finds every changed byte of a log, and names the batch', async () => {
    const files = await filled()
    const paths = filesOf(files, '.log')
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), (file, place, mask) => {
        const path = paths[file % paths.length]!
        const original = files.readFile(path)
        const at = place % original.length
        const start = batchStart(original, at)
        // The leader epoch is under no checksum, and nothing depends on it.
        if (at - start >= 12 && at - start < 16) return
        rewrite(files, path, (bytes) => {
          bytes[at]! ^= mask
          return bytes
        })
        const { problems } = verify(files)
        rewrite(files, path, () => original)
        expect(problems.some((p) => p.severity === 'damage')).toBe(true)
        // A base offset that moved is noticed there or where the next batch does not follow.
        if (at - start >= 8) expect(problems[0]).toMatchObject({ file: path, position: start })
      }),
      { numRuns: 150 },
    )
    expect(verify(files).problems).toEqual([])
  })

  it.each(['.index', '.timeindex', '.txnindex', '.snapshot'])(
    'finds every changed byte of %s files',
    async (suffix) => {
      const files = await filled()
      // Of a compacted log, less can be known of what its indexes should say.
      const paths = filesOf(files, suffix).filter((path) => path.includes('/orders-'))
      expect(paths.length).toBeGreaterThan(0)
      fc.assert(
        fc.property(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), (file, place, mask) => {
          const path = paths[file % paths.length]!
          const original = files.readFile(path)
          rewrite(files, path, (bytes) => {
            bytes[place % bytes.length]! ^= mask
            return bytes
          })
          const { problems } = verify(files)
          rewrite(files, path, () => original)
          expect(problems.map((p) => p.file)).toContain(path)
        }),
        { numRuns: 100 },
      )
    },
  )

  it('finds files that are missing or cut', async () => {
    const files = await filled()
    const [first, second] = filesOf(files, '.log').filter((path) => path.includes('/orders-0/'))
    const cases: [string, (files: MemoryFiles) => void, RegExp][] = [
      ['a segment in the middle', (f) => f.remove(second!), /the offsets \d+ to \d+ before it are missing/],
      ['a cut segment', (f) => rewrite(f, first!, (b) => b.subarray(0, b.length - 3)), /incomplete/],
      [
        'a partition',
        (f) => f.remove(`${DIRECTORY}/orders-1`),
        /missing, although offsets below 60 were flushed/,
      ],
      ['an index', (f) => f.remove(first!.replace('.log', '.index')), /missing; it is built anew/],
      ['the topics', (f) => f.remove(`${DIRECTORY}/topics.json`), /no topic lists this partition/],
      ['the producer ids', (f) => f.remove(`${DIRECTORY}/producer-ids`), /the next producer id is 0/],
      ['a compaction', (f) => f.rename(second!, `${second}.swap`), /left over/],
    ]
    for (const [what, damage, expected] of cases) {
      const copy = await filled()
      damage(copy)
      const messages = verify(copy).problems.map(({ problem }) => problem)
      expect(messages.join('\n'), what).toMatch(expected)
    }
  })

  it('takes a torn tail after a crash for what it is: no damage', async () => {
    const files = unlocked(await filled(false))
    const last = filesOf(files, '.log')
      .filter((path) => path.includes('/orders-0/'))
      .at(-1)!
    rewrite(files, last, (bytes) => bytes.subarray(0, bytes.length - 1))
    const torn = verify(files).problems
    expect(torn.map(({ severity }) => severity)).not.toContain('damage')
    expect(torn).toContainEqual(
      expect.objectContaining({ file: last, problem: expect.stringMatching(/torn tail/) }),
    )
    const log = await Log.open({
      dataDirectory: DIRECTORY,
      fileSystem: files,
      clock: new ManualClock(2_000_000),
    })
    await log.close()
    expect(verify(files).problems).toEqual([])
  })
})

describe('the listing of a file', () => {
  const dump = (files: MemoryFiles, path: string) =>
    [...dumpLogFile({ path, fileSystem: files, records: true })].map(formatDumpEntry)

  it('shows batches with their records, markers and producers', async () => {
    const files = await filled()
    const lines = dump(files, `${DIRECTORY}/orders-1`)
    expect(lines[0]).toBe(`${DIRECTORY}/orders-1/00000000000000000000.log:`)
    expect(
      lines.some((l) => / {2}batch position=0 baseOffset=0 lastOffset=0 count=1 size=\d+ magic=2/.test(l)),
    ).toBe(true)
    expect(lines.filter((l) => l.includes('value="plain'))).toHaveLength(36)
    expect(lines.filter((l) => l.includes('marker=ABORT'))).toHaveLength(9)
    expect(lines.filter((l) => l.includes('marker=COMMIT'))).toHaveLength(3)
  })

  it('decodes what the coordinators wrote', async () => {
    const files = await filled()
    const offsets = dump(files, `${DIRECTORY}/__consumer_offsets-0`).join('\n')
    expect(offsets).toMatch(/group=g partition=orders-0 commit=\{"offset":5,/)
    const transactions = dump(files, `${DIRECTORY}/__transaction_state-0`).join('\n')
    expect(transactions).toMatch(/transactionalId=a state=\{.*"status":"PrepareCommit"/)
  })

  it('shows the entries of every kind of index, and snapshots', async () => {
    const files = await filled()
    for (const [suffix, expected] of [
      ['.index', /^ {2}entry offset=\d+ position=\d+$/],
      ['.timeindex', /^ {2}entry timestamp=\d+ offset=\d+$/],
      ['.txnindex', /^ {2}entry producerId=\d+ firstOffset=\d+ lastOffset=\d+ lastStableOffset=\d+$/],
      ['.snapshot', /^ {2}producer producerId=\d+ epoch=\d+ lastSequence=\d+/],
    ] as const) {
      const path = filesOf(files, suffix).find((p) => p.includes('/orders-0/'))!
      expect(dump(files, path)[1], suffix).toMatch(expected)
    }
    expect(() => dump(files, `${DIRECTORY}/topics.json`)).toThrow(/no segment, index or snapshot/)
  })

  it('goes on behind a damaged batch', async () => {
    const files = await filled()
    const path = filesOf(files, '.log')[0]!
    const whole = dump(files, path).filter((line) => line.startsWith('  batch'))
    rewrite(files, path, (bytes) => {
      bytes[70]! ^= 1
      return bytes
    })
    const lines = dump(files, path)
    expect(lines.filter((line) => line.startsWith('  batch'))).toEqual(whole)
    expect(lines.filter((line) => line.startsWith('  damage'))).toEqual([
      expect.stringMatching(/damage position=0 problem="stored CRC/),
    ])
  })
})

function batchStart(bytes: Buffer, position: number): number {
  let start = 0
  for (let next = 0; next <= position; next += 12 + bytes.readInt32BE(next + 8)) start = next
  return start
}
