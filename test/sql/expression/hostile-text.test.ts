import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  Bindings,
  compileFunction,
  compileProjection,
  instantiate,
} from '../../../src/sql/compile/expression-compiler.js'
import { typeExpression } from '../../../src/sql/expression/expression-typer.js'
import { columnsScope, type ScopeColumn } from '../../../src/sql/expression/scope.js'
import { parseExpression } from '../../../src/sql/parse.js'
import { quoteIdentifier, SqlTypes } from '../../../src/sql/types.js'
import { functions } from '../functions/sql-value.js'

const hostile = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  '"; globalThis.broken = 1; "',
  "'; globalThis.broken = 1; '",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it must not become a template
  '${globalThis.broken = 1}',
  '`; globalThis.broken = 1; `',
  '\\"; globalThis.broken = 1; //',
  '*/ globalThis.broken = 1; /*',
  '</script><script>globalThis.broken = 1</script>',
  'line\nbreak',
  'line\r\nbreak',
  '\u2028globalThis.broken = 1',
  '\u2029globalThis.broken = 1',
  '\u0000',
  '\ud800',
  'return',
  'await',
  '$0',
  't0',
  'p0',
]

const text = fc.oneof(fc.constantFrom(...hostile), fc.string(), fc.string({ unit: 'binary' }))
const quoted = (value: string): string => `'${value.replaceAll("'", "''")}'`

function scope(names: readonly string[]) {
  const entries = names.map((name, i): [string, ScopeColumn] => [
    name,
    { type: SqlTypes.STRING, accessor: `r[${i}]` },
  ])
  return columnsScope(functions, new Map(entries))
}

function untouched(body: () => void): void {
  const globals = globalThis as Record<string, unknown>
  globals['broken'] = 0
  const before = Object.getOwnPropertyNames(Object.prototype).length
  try {
    body()
    expect(globals['broken']).toBe(0)
    expect(Object.getOwnPropertyNames(Object.prototype)).toHaveLength(before)
  } finally {
    delete globals['broken']
  }
}

describe('text from users never becomes code', () => {
  test('string literals come out as they went in', () => {
    untouched(() =>
      fc.assert(
        fc.property(text, (value) => {
          const sql = `CONCAT(${quoted(value)}, C)`
          const { fn } = compileFunction<[string[]]>(parseExpression(sql), scope(['C']), ['r'])
          expect(fn([value])).toBe(value + value)
        }),
        { numRuns: 300 },
      ),
    )
  })

  test('names of columns, fields, keys and lambda parameters are only names', () => {
    untouched(() => {
      for (const name of hostile.filter((n) => !n.includes('\u0000'))) {
        const id = quoteIdentifier(name)
        const sql = `STRUCT(${id} := MAP(${quoted(name)} := ${id}))->${id}[${quoted(name)}]`
        const { fn } = compileFunction<[string[]]>(parseExpression(sql), scope([name]), ['r'])
        expect(fn(['value'])).toBe('value')
      }
      for (const parameter of ['return', 'await', 'arguments', 'eval', 'constructor']) {
        const sql = `TRANSFORM(ARRAY[C], ${parameter}_ => ${parameter}_ + 'x')[1]`
        const { fn } = compileFunction<[string[]]>(parseExpression(sql), scope(['C']), ['r'])
        expect(fn(['a'])).toBe('ax')
      }
    })
  })

  test('patterns, escapes, cast texts and list items', () => {
    untouched(() =>
      fc.assert(
        fc.property(text, text, (a, b) => {
          const sql = `C LIKE ${quoted(a)} OR C IN (${quoted(a)}, ${quoted(b)}, 'x', 'y', 'z') OR CAST(${quoted(b)} AS INT) = 1`
          const { fn } = compileFunction<[string[]]>(parseExpression(sql), scope(['C']), ['r'])
          expect(fn([a])).toBe(true)
        }),
        { numRuns: 200 },
      ),
    )
  })
})

describe('a stage of filter and projection', () => {
  const columns = scope(['A', 'B'])
  const typed = (sql: string) => typeExpression(parseExpression(sql), columns)

  test('skips rows and goes on where an expression fails', () => {
    const failures: [string, number][] = []
    const options = {
      bindings: new Bindings(),
      environment: functions.environment,
      onError: (error: unknown, part: number) => failures.push([(error as Error).message, part]),
    }
    const { declarations, body } = compileProjection(
      {
        where: typed('100 / LEN(A) > 10'),
        columns: [typed('A'), typed('10 / (LEN(A) - LEN(B))'), typed('CAST(B AS INT)')],
        emit: (values) => `out.push([${values.join(', ')}]);`,
      },
      options,
    )
    const run = instantiate<(rows: string[][], out: unknown[]) => void>(
      ['rows', 'out'],
      `${declarations}for (let i = 0; i < rows.length; i++) { const r = rows[i];\n${body}\n}`,
      options.bindings,
    )
    const out: unknown[] = []
    run(
      [
        ['abc', '1'],
        ['', '2'],
        ['aaaaaaaaaaaaaaaaaaaa', '3'],
        ['a', '4'],
        ['ab', 'x'],
      ],
      out,
    )
    expect(out).toEqual([
      ['abc', 5, 1],
      ['a', null, 4],
      ['ab', 10, null],
    ])
    expect(failures).toEqual([
      ['/ by zero', -1],
      ['/ by zero', 1],
      ['For input string: "x"', 2],
    ])
  })

  test('writes columns that cannot fail straight into the row', () => {
    const options = { bindings: new Bindings(), environment: functions.environment }
    const { declarations, body } = compileProjection(
      { where: typed("A = 'x'"), columns: [typed('A'), typed('B')], emit: (v) => `push(${v.join(', ')});` },
      options,
    )
    expect(declarations).toBe('')
    expect(body).toBe('if (!((r[0] === "x"))) continue;\npush(r[0], r[1]);')
  })
})
