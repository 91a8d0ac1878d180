import { expect, it } from 'vitest'
import { type AnyBatch, BatchBuilder, headersOf } from '../../src/streams/index.js'

it('a batch with headers of its own keeps those of the source record for all other rows', () => {
  const header = (key: string) => [{ key, value: Buffer.from('1') }]
  const from: AnyBatch = {
    size: 3,
    keys: ['a', 'b', 'c'],
    values: [1, 2, 3],
    timestamps: [0, 1, 2],
    oldValues: null,
    headers: null,
    origin: {
      topic: 'in',
      partition: 0,
      offsets: [0, 1, 2],
      headers: [header('first'), header('second'), null],
      streamTimes: [0, 1, 2],
    },
    rows: null,
  }
  const builder = new BatchBuilder<unknown, unknown>()
  builder.push('b', 2, 1, from, 1)
  builder.push('x', 0, 1, from, 1)
  builder.setHeaders(header('own'))
  builder.push('c', 3, 2, from, 2)
  builder.push('a', 1, 0, from, 0)
  const batch = builder.build(from)
  expect([0, 1, 2, 3].map((row) => headersOf(batch, row)?.[0]?.key)).toEqual([
    'second',
    'own',
    undefined,
    'first',
  ])
})
