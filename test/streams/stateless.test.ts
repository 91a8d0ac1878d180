import { map as rxMap, Subject, scan, switchMap } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { type AnyBatch, headersOf, type KStream, originRow, StreamsBuilder } from '../../src/streams/index.js'
import { NodeRunner, type Row, type RunnerOptions, row } from './node-runner.js'

type Stream = KStream<string, number>

function run(attach: (stream: Stream) => unknown, options?: RunnerOptions): NodeRunner {
  const builder = new StreamsBuilder()
  attach(builder.stream<string, number>('in'))
  const topology = builder.build()
  const name = [...topology.nodes.values()].find((node) => node.kind === 'processor')!.name
  return new NodeRunner(topology, name, options)
}

const rows = [row('a', 1, 10), row('b', 2, 20), row('c', 3, 30), row('d', 4, 40)]

function offsets(batches: readonly AnyBatch[]): number[] {
  return batches.flatMap((batch) =>
    Array.from({ length: batch.size }, (_, i) => batch.origin!.offsets[originRow(batch, i)]!),
  )
}

describe('stateless operators', () => {
  const cases: { name: string; attach: (s: Stream) => unknown; expected: Row[] }[] = [
    { name: 'filter', attach: (s) => s.filter((_, v) => v % 2 === 0), expected: [rows[1]!, rows[3]!] },
    { name: 'filterNot', attach: (s) => s.filterNot((k) => k === 'a'), expected: rows.slice(1) },
    {
      name: 'map',
      attach: (s) => s.map((k, v) => [v, k]),
      expected: rows.map((r) => row(r.value, r.key, r.timestamp)),
    },
    {
      name: 'mapValues',
      attach: (s) => s.mapValues((v, k) => `${k}${v}`),
      expected: rows.map((r) => row(r.key, `${r.key}${r.value}`, r.timestamp)),
    },
    {
      name: 'selectKey',
      attach: (s) => s.selectKey((_, v) => v > 2),
      expected: rows.map((r) => row((r.value as number) > 2, r.value, r.timestamp)),
    },
    {
      name: 'flatMap',
      attach: (s) => s.flatMap((k, v) => (v === 2 ? [] : [[k, v] as const, [`${k}!`, -v] as const])),
      expected: [rows[0]!, rows[2]!, rows[3]!].flatMap((r) => [
        r,
        row(`${r.key}!`, -(r.value as number), r.timestamp),
      ]),
    },
    {
      name: 'flatMapValues with a generator',
      attach: (s) =>
        s.flatMapValues(function* (v) {
          for (let i = 0; i < v - 2; i++) yield i
        }),
      expected: [row('c', 0, 30), row('d', 0, 40), row('d', 1, 40)],
    },
    { name: 'peek', attach: (s) => s.peek(() => {}), expected: rows },
    { name: 'foreach', attach: (s) => s.foreach(() => {}), expected: [] },
    {
      name: 'pipe',
      attach: (s) =>
        s.pipe(
          scan((sum, r) => ({ ...r, value: sum.value + r.value })),
          rxMap(({ key, value, timestamp }) => ({ key, value: `${value}`, timestamp: timestamp + 1 })),
        ),
      expected: [row('a', '1', 11), row('b', '3', 21), row('c', '6', 31), row('d', '10', 41)],
    },
  ]
  for (const { name, attach, expected } of cases) {
    it(`${name}, in batches of any size`, () => {
      for (const size of [1, 3, 4]) expect(run(attach).sendInBatches(rows, size)).toEqual(expected)
    })
  }

  it('results know the records they stem from', () => {
    const runner = run((s) => s.flatMapValues((v) => (v % 2 === 0 ? [v, v] : [])))
    runner.send(rows)
    expect(offsets(runner.emitted)).toEqual([1, 1, 3, 3])
    expect(headersOf(runner.emitted[0]!, 2)).toEqual([{ key: 'n', value: Buffer.from([3]) }])
  })

  it('a batch that passes a filter whole is passed on as it is', () => {
    const runner = run((s) => s.filter(() => true))
    const batch = runner.batchOf(rows)
    expect(runner.send(rows)).toEqual(rows)
    expect(runner.emitted[0]!.keys).toEqual(batch.keys)
    expect(runner.emitted[0]!.rows).toBeNull()
  })

  describe('a function that throws', () => {
    const bad = (value: number): number => {
      if (value === 2 || value === 3) throw new Error(`no ${value}`)
      return value
    }
    const attached: Record<string, (s: Stream) => unknown> = {
      filter: (s) => s.filter((_, v) => bad(v) > 0),
      map: (s) => s.map((k, v) => [k, bad(v)]),
      mapValues: (s) => s.mapValues(bad),
      selectKey: (s) => s.selectKey((k, v) => (bad(v) ? k : k)),
      flatMap: (s) => s.flatMap((k, v) => [[k, bad(v)]]),
      flatMapValues: (s) => s.flatMapValues((v) => [v].map(bad)),
      peek: (s) => s.peek((_, v) => bad(v)),
    }
    for (const [name, attach] of Object.entries(attached)) {
      it(`${name}: the error is thrown, or the record left out`, () => {
        expect(() => run(attach).send(rows)).toThrow('no 2')
        const runner = run(attach, { onError: 'continue' })
        expect(runner.send(rows)).toEqual([rows[0], rows[3]])
        expect(runner.failedRows).toEqual([1, 2])
        expect(offsets(runner.emitted)).toEqual([0, 3])
      })
    }

    it('a generator that fails half-way gives nothing', () => {
      const runner = run(
        (s) =>
          s.flatMapValues(function* (v) {
            yield v
            bad(v)
          }),
        { onError: 'continue' },
      )
      expect(runner.send(rows)).toEqual([rows[0], rows[3]])
    })
  })

  it('print writes label, key and value', () => {
    const lines: string[] = []
    run((s) => s.print({ label: 'seen', write: (line) => lines.push(line) })).send([row('a', { n: 1 }, 0)])
    expect(lines).toEqual(['[seen]: a, {"n":1}'])
  })

  it('a record that leaves an RxJS operator later is forwarded on its own', () => {
    const later = new Subject<{ key: string; value: number; timestamp: number }>()
    const runner = run((s) => s.pipe(switchMap(() => later)))
    expect(runner.send(rows)).toEqual([])
    later.next({ key: 'late', value: 0, timestamp: 99 })
    expect(runner.emitted).toHaveLength(1)
    expect(runner.emitted[0]).toMatchObject({ keys: ['late'], timestamps: [99], origin: null })
  })
})
