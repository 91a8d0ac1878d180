import { describe, expect, it } from 'vitest'
import { ForebayError } from '../../src/common/index.js'
import { LiveModel, Rate } from '../../src/repl/live-model.js'
import { csvRow, jsonRow, paintedError, renderError, renderOutcome } from '../../src/repl/render-outcome.js'
import { formatDouble, textTable } from '../../src/repl/text-table.js'
import { SqlError } from '../../src/sql/index.js'

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

  it('cuts long text before names', () => {
    const names = [
      { name: 'ID', type: 'STRING' },
      { name: 'TEXT', type: 'STRING' },
    ]
    const [, , row] = textTable(names, [['CSAS_DELAYED_FLIGHTS_0', 'x'.repeat(200)]], { width: 50 })
    expect(row).toMatch(/^ CSAS_DELAYED_FLIGHTS_0 │ x+…$/)
    expect(row).toHaveLength(49)
  })

  it('keeps its shape where widths are given', () => {
    expect(textTable(columns, [['a', 1]], { width: 0, widths: [6, 3] })[2]).toBe(' a      │   1')
  })

  it('takes any number of rows', () => {
    const rows = Array.from({ length: 200_000 }, (_, n) => ['a', n])
    expect(textTable(columns, rows, { width: 0 })).toHaveLength(200_002)
  })

  it('stands one field a line where columns do not fit side by side', () => {
    const many = Array.from({ length: 12 }, (_, i) => ({ name: `C${i}`, type: 'STRING' }))
    const outcome = {
      kind: 'table',
      title: null,
      columns: many,
      rows: [many.map(() => 'v')],
      note: null,
    } as const
    expect(renderOutcome(outcome, 'table', { width: 80 }).slice(0, 2)).toEqual(['─[ 1 ]─', ' C0  │ v'])
    expect(renderOutcome(outcome, 'table', { width: 120 })[0]).toContain('C0')
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

  it('writes all digits of a double where programs read', () => {
    const double = [{ name: 'D', type: 'DOUBLE' }]
    expect(csvRow(double, [8.869327731092437])).toBe('8.869327731092437')
    expect(jsonRow(double, [8.869327731092437])).toBe('{"D":8.869327731092437}')
  })

  it('shows the first rows of many, and the time', () => {
    const rows = Array.from({ length: 5 }, (_, n) => ['a', n])
    const outcome = { kind: 'table', title: null, columns, rows, note: null } as const
    const lines = renderOutcome(outcome, 'table', { width: 0, rowsMax: 2, elapsedMs: 1500 })
    expect(lines).toHaveLength(5)
    expect(lines.at(-1)).toBe('(5 rows, the first 2 shown: WHERE and LIMIT narrow them down, 1.5 s)')
  })

  it('says what was wrong, without a stack where the system or Forebay refused', () => {
    const refused = Object.assign(new Error("ENOENT: no such file, open 'x'"), { syscall: 'open' })
    expect(renderError(refused)).toBe("ENOENT: no such file, open 'x'")
    expect(renderError(new ForebayError('CODE', 'what to do'))).toBe('CODE: what to do')
  })

  it('keeps the caret under its word in a narrow terminal', () => {
    const text = `SELECT ${'a, '.repeat(50)}nope FROM x;`
    const start = text.indexOf('nope')
    const location = { line: 1, column: start + 1, start, end: start + 4 }
    const [, source, caret] = paintedError(new SqlError('no such column', { location, text }), 40)
    expect(source!.length).toBeLessThanOrEqual(40)
    expect(source!.slice(caret!.indexOf('^'), caret!.lastIndexOf('^') + 1)).toBe('nope')
  })

  it('counts the rows below a table', () => {
    const outcome = { kind: 'table', title: null, columns, rows: [['a', 1]], note: null } as const
    expect(renderOutcome(outcome, 'table', { width: 0 }).at(-1)).toBe('(1 row)')
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

  it('orders by a column, either way, NULL last', () => {
    const model = new LiveModel(10)
    for (const [key, n] of [
      ['a', 2],
      ['b', null],
      ['c', 10n],
      ['d', 1],
    ] as const) {
      model.accept({ row: [key, n], tombstone: false, identity: key })
    }
    const keys = (descending: boolean) => model.sorted({ column: 1, descending }, 10).map(([key]) => key)
    expect(keys(false)).toEqual(['d', 'a', 'c', 'b'])
    expect(keys(true)).toEqual(['c', 'a', 'd', 'b'])
    expect(model.sorted({ column: 0, descending: true }, 2).map(([key]) => key)).toEqual(['d', 'c'])
  })

  it('tells when it has forgotten rows', () => {
    const model = new LiveModel(1)
    model.accept({ row: [1], tombstone: false, identity: null })
    expect(model.forgotten).toBe(false)
    model.accept({ row: [2], tombstone: false, identity: null })
    expect(model.forgotten).toBe(true)
  })

  it('measures changes a second over the last readings', () => {
    const rate = new Rate(3)
    expect(rate.read(0, 0)).toBe(0)
    expect(rate.read(1000, 50)).toBe(50)
    expect(rate.read(2000, 250)).toBe(125)
    expect(rate.read(3000, 250)).toBe(100)
  })
})
