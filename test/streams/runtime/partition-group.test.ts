import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DecodedBatch } from '../../../src/log/index.js'
import { type Serde, Serdes } from '../../../src/serde/index.js'
import type { TimestampExtractor } from '../../../src/streams/index.js'
import { InputPartition, type Skipped } from '../../../src/streams/runtime/input-partition.js'
import { PartitionGroup } from '../../../src/streams/runtime/partition-group.js'

interface Entry {
  readonly value: string
  readonly timestamp: number
}

/** A batch of records whose offsets begin at `base`; the text of each is its key and its value. */
function batch(base: number, entries: readonly Entry[]): DecodedBatch {
  const buffer = Buffer.from(entries.map((e) => e.value).join(''))
  const count = entries.length
  const starts = new Int32Array(count)
  const ends = new Int32Array(count)
  let at = 0
  for (const [i, { value }] of entries.entries()) {
    starts[i] = at
    at += Buffer.byteLength(value)
    ends[i] = at
  }
  return {
    count,
    buffer,
    offsets: Float64Array.from(entries, (_, i) => base + i),
    timestamps: Float64Array.from(entries, (e) => e.timestamp),
    keyStart: starts,
    keyEnd: ends,
    valueStart: starts,
    valueEnd: ends,
    headers: null,
  }
}

const rejecting: Serde<string> = {
  write: (value, out) => Serdes.string().write(value, out),
  read(buffer, start, end) {
    const text = Serdes.string().read(buffer, start, end)
    if (text.startsWith('bad')) throw new Error(`cannot read ${text}`)
    return text
  },
}

function input(
  topic: string,
  options: { extractor?: TimestampExtractor; fail?: boolean; skipped?: Skipped[] } = {},
): InputPartition {
  return new InputPartition(
    { topic, partition: 0 },
    {
      source: `source-${topic}`,
      keySerde: Serdes.string() as Serde<unknown>,
      valueSerde: rejecting as Serde<unknown>,
      timestampExtractor: options.extractor ?? null,
    },
    {
      taskId: '0_0',
      deserializationError(failure) {
        if (options.fail === true) throw new Error(`fails at ${failure.offset}`)
        return []
      },
      skipped: (skip) => options.skipped?.push(skip),
    },
  )
}

function group(partitions: InputPartition[], maxTaskIdleMs = -1): PartitionGroup {
  return new PartitionGroup(partitions, { maxTaskIdleMs, bufferedRecordsPerPartition: 4 })
}

/** Runs until nothing is left, as `[topic, values…]`. */
function runs(from: PartitionGroup, recordsMax = 100): string[][] {
  const taken: string[][] = []
  for (let run = from.nextRun(recordsMax); run !== null; run = from.nextRun(recordsMax)) {
    taken.push([run.batch.origin!.topic, ...(run.batch.values as string[])])
  }
  return taken
}

describe('the order of input', () => {
  it('takes the partition whose next record is the oldest, as long as it is', () => {
    const g = group([input('a'), input('b')])
    g.add(
      'a',
      0,
      batch(
        0,
        [1, 2, 7, 3].map((t) => ({ value: `a${t}`, timestamp: t })),
      ),
    )
    g.add(
      'b',
      0,
      batch(
        0,
        [2, 4, 9].map((t) => ({ value: `b${t}`, timestamp: t })),
      ),
    )
    expect(runs(g)).toEqual([
      ['a', 'a1', 'a2'],
      ['b', 'b2', 'b4'],
      ['a', 'a7', 'a3'],
      ['b', 'b9'],
    ])
  })

  it('keeps the order of offsets within a partition, and carries stream time for each record', () => {
    const g = group([input('a')])
    g.add(
      'a',
      0,
      batch(
        10,
        [5, 3, 9, 4].map((t) => ({ value: `${t}`, timestamp: t })),
      ),
    )
    const { batch: run } = g.nextRun(100)!
    expect(run.values).toEqual(['5', '3', '9', '4'])
    expect([...(run.origin!.streamTimes as Float64Array)]).toEqual([5, 5, 9, 9])
    expect([...(run.origin!.offsets as Float64Array)]).toEqual([10, 11, 12, 13])
    expect(g.streamTimeMs).toBe(9)
    expect(g.partition('a', 0)!.nextOffset).toBe(14)
  })

  it('takes at most as many records as are asked for', () => {
    const g = group([input('a')])
    g.add(
      'a',
      0,
      batch(
        0,
        [1, 2, 3].map((t) => ({ value: `${t}`, timestamp: t })),
      ),
    )
    expect(runs(g, 2)).toEqual([
      ['a', '1', '2'],
      ['a', '3'],
    ])
  })

  it('merges any input by head timestamps, losing and doubling nothing', () => {
    const entries = fc.array(fc.array(fc.nat(20), { maxLength: 6 }), { maxLength: 4 })
    fc.assert(
      fc.property(entries, entries, fc.integer({ min: 1, max: 5 }), (a, b, recordsMax) => {
        const g = group([input('a'), input('b')])
        const expected: Record<string, string[]> = { a: [], b: [] }
        for (const [topic, batches] of Object.entries({ a, b })) {
          let offset = 0
          for (const times of batches) {
            const rows = times.map((timestamp, i) => ({
              value: `${topic}${offset + i}@${timestamp}`,
              timestamp,
            }))
            g.add(topic, 0, batch(offset, rows))
            offset += times.length
            expected[topic]!.push(...rows.map((row) => row.value))
          }
        }
        const heads: Record<string, string[]> = { a: [...expected.a!], b: [...expected.b!] }
        for (const [topic, ...values] of runs(g, recordsMax)) {
          const other = heads[topic === 'a' ? 'b' : 'a']![0]
          for (const value of values) {
            expect(value).toBe(heads[topic!]!.shift())
            if (other !== undefined) expect(timeOf(value)).toBeLessThanOrEqual(timeOf(other))
          }
        }
        expect(heads).toEqual({ a: [], b: [] })
      }),
    )
  })
})

function timeOf(value: string): number {
  return Number(value.split('@')[1])
}

describe('an empty partition', () => {
  it('holds the task back while the log has records for it', () => {
    const [a, b] = [input('a'), input('b')]
    const g = group([a, b], 0)
    g.add('a', 0, batch(0, [{ value: 'a1', timestamp: 1 }]))
    expect(g.blocking()).toEqual([b])
    expect(g.nextRun(10)).toBeNull()
    expect(g.settle(b, true, 100)).toBe(100)
    expect(g.nextRun(10)).toBeNull()
    expect(g.settle(b, false, 100)).toBeNull()
    expect(runs(g)).toEqual([['a', 'a1']])
  })

  it('is waited for as long as maxTaskIdleMs says, counted from when it was seen empty', () => {
    const [a, b] = [input('a'), input('b')]
    const g = group([a, b], 50)
    g.add('a', 0, batch(0, [{ value: 'a1', timestamp: 1 }]))
    expect(g.settle(b, false, 1000)).toBe(1050)
    expect(g.settle(b, false, 1049)).toBe(1050)
    expect(g.nextRun(10)).toBeNull()
    expect(g.settle(b, false, 1050)).toBeNull()
    expect(runs(g)).toEqual([['a', 'a1']])
    g.add('b', 0, batch(0, [{ value: 'b1', timestamp: 1 }]))
    g.add('a', 0, batch(1, [{ value: 'a2', timestamp: 2 }]))
    expect(runs(g)).toEqual([['b', 'b1']])
    expect(g.blocking()).toEqual([b])
  })

  it('does not matter when nothing is to be waited for', () => {
    const g = group([input('a'), input('b')], -1)
    g.add('a', 0, batch(0, [{ value: 'a1', timestamp: 1 }]))
    expect(runs(g)).toEqual([['a', 'a1']])
  })
})

describe('records that cannot be read', () => {
  it('are passed over when their turn comes, and the position moves past them', () => {
    const skipped: Skipped[] = []
    const a = input('a', { skipped })
    const g = group([a])
    const values = ['ok1', 'bad1', 'ok2', 'bad2']
    g.add(
      'a',
      0,
      batch(
        0,
        values.map((value, i) => ({ value, timestamp: i })),
      ),
    )
    expect(skipped).toEqual([])
    expect(g.nextRun(1)!.batch.values).toEqual(['ok1'])
    expect(skipped.map((s) => s.failure.offset)).toEqual([1])
    expect(a.nextOffset).toBe(2)
    expect(g.nextRun(1)!.batch.values).toEqual(['ok2'])
    expect(skipped.map((s) => s.failure.value?.toString())).toEqual(['bad1', 'bad2'])
    expect(a.nextOffset).toBe(4)
  })

  it('stop the task once everything before them has been processed', () => {
    const g = group([input('a', { fail: true })])
    g.add(
      'a',
      0,
      batch(
        0,
        ['ok', 'bad', 'later'].map((value, i) => ({ value, timestamp: i })),
      ),
    )
    expect(g.nextRun(10)!.batch.values).toEqual(['ok'])
    expect(() => g.throwIfFailed()).toThrow('fails at 1')
  })
})

describe('timestamps', () => {
  it('come from the extractor, which sees the highest timestamp of the partition so far', () => {
    const seen: number[] = []
    const extractor: TimestampExtractor = (record, partitionTime) => {
      seen.push(partitionTime)
      return record.timestamp * 10
    }
    const g = group([input('a', { extractor })])
    g.add(
      'a',
      0,
      batch(
        0,
        [3, 1, 5].map((t) => ({ value: `${t}`, timestamp: t })),
      ),
    )
    g.add('a', 0, batch(3, [{ value: 'x', timestamp: 2 }]))
    expect(Array.from(g.nextRun(10)!.batch.timestamps)).toEqual([30, 10, 50])
    expect(seen).toEqual([-1, 30, 30, 50])
  })

  it('that are negative skip the record when an extractor gives them, and fail it otherwise', () => {
    const skipped: Skipped[] = []
    const g = group([input('a', { skipped, extractor: (record) => (record.value === 'no' ? -1 : 4) })])
    g.add(
      'a',
      0,
      batch(
        0,
        ['no', 'yes'].map((value) => ({ value, timestamp: 0 })),
      ),
    )
    expect(runs(g)).toEqual([['a', 'yes']])
    expect(skipped.map((s) => s.reason)).toEqual(['negative-timestamp'])
    const strict = group([input('a')])
    expect(() => strict.add('a', 0, batch(0, [{ value: 'x', timestamp: -1 }]))).toThrow(
      /no valid timestamp \(-1\).*a-0, offset 0/,
    )
  })
})
