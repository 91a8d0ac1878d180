import fc from 'fast-check'
import { expect, it } from 'vitest'
import { MemoryFiles } from '../../src/common/index.js'
import { CLIENT, copyFiles, openLog, readAll } from './partition-log-fixture.js'
import { batchOf } from './record-batch-fixtures.js'

/*
 * The same random operations on a partition log and on a plain array: what is read must be equal, whatever the sizes
 * of segments, indexes and caches, and however often the process stops, cleanly or not.
 */

type Step =
  | { kind: 'append'; count: number; timestamp: number; producer: number; repeat: boolean }
  | { kind: 'read'; from: number; maxBytes: number }
  | { kind: 'time'; timestamp: number }
  | { kind: 'delete'; before: number }
  | { kind: 'retention'; now: number }
  | { kind: 'restart' }
  | { kind: 'kill' }
  | { kind: 'flush' }

const append = fc.record({
  kind: fc.constant('append' as const),
  count: fc.integer({ min: 1, max: 5 }),
  timestamp: fc.integer({ min: 0, max: 3000 }),
  producer: fc.integer({ min: 0, max: 2 }),
  repeat: fc.boolean(),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: append, weight: 10 },
  {
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      from: fc.nat(),
      maxBytes: fc.integer({ min: 1, max: 900 }),
    }),
    weight: 4,
  },
  {
    arbitrary: fc.record({
      kind: fc.constant('time' as const),
      timestamp: fc.integer({ min: 0, max: 3100 }),
    }),
    weight: 3,
  },
  { arbitrary: fc.record({ kind: fc.constant('delete' as const), before: fc.nat() }), weight: 1 },
  {
    arbitrary: fc.record({ kind: fc.constant('retention' as const), now: fc.integer({ min: 0, max: 4500 }) }),
    weight: 1,
  },
  { arbitrary: fc.constant({ kind: 'restart' as const }), weight: 1 },
  { arbitrary: fc.constant({ kind: 'kill' as const }), weight: 1 },
  { arbitrary: fc.constant({ kind: 'flush' as const }), weight: 1 },
)
const settings = fc.record({
  segmentBytes: fc.integer({ min: 100, max: 1500 }),
  indexInterval: fc.integer({ min: 0, max: 400 }),
  recentBytes: fc.constantFrom(0, 150, 600, 1_000_000),
})

it('behaves as an array of records would', () => {
  fc.assert(
    fc.property(
      settings,
      fc.array(step, { minLength: 5, maxLength: 60 }),
      ({ segmentBytes, indexInterval, recentBytes }, steps) => {
        let files = new MemoryFiles()
        const config = {
          'internal.segment.bytes': String(segmentBytes),
          'index.interval.bytes': String(indexInterval),
          'retention.ms': '2000',
        }
        const model: { timestamp: number; value: string }[] = []
        let start = 0
        const sequences = [0, 0, 0]
        const lastBatch: (Buffer | undefined)[] = []
        let log = openLog({ files, config, recentBytes })
        for (const s of steps) {
          switch (s.kind) {
            case 'append': {
              const previous = lastBatch[s.producer]
              if (s.repeat && s.producer > 0 && previous !== undefined) {
                expect(log.append(Buffer.from(previous), CLIENT).duplicate).toBe(true)
                break
              }
              const values = Array.from({ length: s.count }, (_, i) => `v${model.length + i}`)
              const header = {
                producerId: s.producer,
                producerEpoch: 0,
                baseSequence: sequences[s.producer]!,
              }
              const batch = batchOf(values, { timestamp: s.timestamp, ...(s.producer === 0 ? {} : header) })
              lastBatch[s.producer] = Buffer.from(batch)
              sequences[s.producer]! += s.count
              expect(log.append(batch, CLIENT)).toMatchObject({ baseOffset: model.length, duplicate: false })
              for (const [i, value] of values.entries()) model.push({ timestamp: s.timestamp + i, value })
              break
            }
            case 'read': {
              const from = start + (s.from % (model.length - start + 1))
              const expected = model.map((r, offset) => ({ offset, ...r })).slice(from)
              expect(readAll(log, from, s.maxBytes)).toEqual(expected)
              break
            }
            case 'time': {
              const offset = model.findIndex((r, i) => i >= start && r.timestamp >= s.timestamp)
              const expected = offset < 0 ? null : { offset, timestamp: model[offset]!.timestamp }
              expect(log.offsetForTimestamp(s.timestamp)).toEqual(expected)
              break
            }
            case 'delete':
              log.deleteRecordsBefore(s.before % (model.length + 1))
              start = Math.max(start, s.before % (model.length + 1))
              break
            case 'retention':
              log.applyRetention(s.now)
              for (const { timestamp } of model.slice(start, log.logStartOffset))
                expect(s.now - timestamp).toBeGreaterThan(2000)
              start = log.logStartOffset
              break
            case 'flush':
              log.flushSync()
              break
            case 'restart':
              log.close()
              log = openLog({ files, config, recentBytes, cleanShutdown: true, logStartOffset: start })
              break
            case 'kill':
              files = copyFiles(files)
              log = openLog({
                files,
                config,
                recentBytes,
                logStartOffset: start,
                recoveryPoint: log.recoveryPoint,
              })
              expect(log.truncation).toBeNull()
              break
          }
          expect([log.logStartOffset, log.logEndOffset]).toEqual([start, model.length])
        }
      },
    ),
    { numRuns: 400 },
  )
})
