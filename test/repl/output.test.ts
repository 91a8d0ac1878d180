import { describe, expect, it } from 'vitest'
import { LiveModel } from '../../src/repl/live-model.js'
import { csvRow, jsonRow, renderOutcome } from '../../src/repl/render-outcome.js'
import { formatDouble, textTable } from '../../src/repl/text-table.js'

const columns = [
  { name: 'CITY', type: 'STRING' },
  { name: 'N', type: 'BIGINT' },
]

describe('a text table', () => {
  it('aligns numbers right and text left, by display width', () => {
    expect(
      textTable(
        columns,
        [
          ['東京', 5],
          ['Ulm', 1200],
        ],
        { width: 0 },
      ),
    ).toEqual([' CITY │    N', '──────┼──────', ' 東京 │    5', ' Ulm  │ 1200'])
  })

  it('fits the terminal by cutting the widest column', () => {
    const lines = textTable(columns, [['x'.repeat(100), 1]], { width: 30 })
    expect(Math.max(...lines.map((l) => l.length))).toBeLessThanOrEqual(30)
    expect(lines[2]).toContain('…')
  })

  it('shows null as NULL and keeps a row on one line', () => {
    expect(textTable(columns, [[null, null]], { width: 0 })[2]).toBe(' NULL │ NULL')
    expect(textTable(columns, [['a\nb', 1]], { width: 0 })).toHaveLength(3)
  })

  it('prints doubles with at most four digits behind the point', () => {
    expect([2, 2.5, 1 / 3, 1e-7, 1e21].map(formatDouble)).toEqual(['2.0', '2.5', '0.3333', '1e-7', '1e+21'])
  })
})

describe('other formats', () => {
  it('writes JSON with every digit and CSV with quotes where needed', () => {
    expect(jsonRow(columns, ['a', 9007199254740993n])).toBe('{"CITY":"a","N":"9007199254740993"}')
    expect(csvRow(columns, ['a,"b"', null])).toBe('"a,""b""",')
  })

  it('counts the rows below a table', () => {
    const outcome = { kind: 'table', title: null, columns, rows: [['a', 1]], note: null } as const
    expect(renderOutcome(outcome, 'table', 0).at(-1)).toBe('(1 row)')
  })
})

describe('the live model', () => {
  it('keeps the newest row of each key and drops deleted ones', () => {
    const model = new LiveModel(10)
    model.accept({ row: ['a', 1], tombstone: false, identity: 'a' })
    model.accept({ row: ['b', 1], tombstone: false, identity: 'b' })
    model.accept({ row: ['a', 2], tombstone: false, identity: 'a' })
    expect(model.newest(5)).toEqual([
      ['b', 1],
      ['a', 2],
    ])
    model.accept({ row: ['b', null], tombstone: true, identity: 'b' })
    expect(model.newest(5)).toEqual([['a', 2]])
    expect(model.received).toBe(4)
  })

  it('is bounded', () => {
    const model = new LiveModel(3)
    for (let n = 0; n < 10; n++) model.accept({ row: [n], tombstone: false, identity: null })
    expect(model.newest(10)).toEqual([[7], [8], [9]])
    expect(model.rowCount).toBe(3)
  })
})
