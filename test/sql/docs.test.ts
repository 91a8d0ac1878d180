import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ManualClock, MemoryFiles, seededRandom } from '../../src/common/index.js'
import { Log } from '../../src/log/index.js'
import {
  createFunctionRegistry,
  formatType,
  parseScript,
  SqlEngine,
  type SqlType,
  type Statement,
  valueToText,
} from '../../src/sql/index.js'
import {
  type Chapter,
  type ExpressionExample,
  normalTable,
  readChapters,
  type SqlExample,
} from './docs-examples.js'

/* Runs every example of docs/sql.md. */

const page = readFileSync(join(import.meta.dirname, '../../docs/sql.md'), 'utf8')
const chapters = readChapters(page)

interface Column {
  readonly name: string
  readonly type: SqlType | null
}

function cell(value: unknown, type: SqlType | null): string {
  return type === null ? String(value) : valueToText(value, type)
}

function table(columns: readonly Column[], rows: readonly (readonly unknown[])[]): string[] {
  const lines = rows.map((row) => row.map((value, i) => cell(value, columns[i]!.type)).join(' | '))
  return normalTable([columns.map((c) => c.name).join(' | '), ...lines].join('\n'))
}

/** Runs the statements; gives what the last one says, as a `result` block has it. */
async function run(engine: SqlEngine, sql: string): Promise<string[]> {
  let said: string[] = []
  await engine.caughtUp()
  for await (const outcome of engine.run(sql)) {
    if (outcome.kind === 'query') {
      const rows: (readonly unknown[])[] = []
      for await (const row of outcome.query) rows.push(row.columns)
      said = table(outcome.query.columns, rows)
    } else if (outcome.result.kind === 'message') said = normalTable(outcome.result.message)
    else said = table(outcome.result.columns, outcome.result.rows)
    await engine.caughtUp()
    await engine.processingLog.flush()
  }
  return said
}

for (const chapter of chapters.filter((c) => c.statements.length + c.expressions.length > 0)) {
  describe(chapter.title, () => runChapter(chapter))
}

function runChapter({ statements, expressions }: Chapter): void {
  let log: Log
  let engine: SqlEngine

  beforeAll(async () => {
    log = await Log.memory()
    const files = new MemoryFiles()
    files.writeFileAtomic('examples.sql', Buffer.from("INSERT INTO pings VALUES ('here', 5);"))
    const clock = new ManualClock(Date.UTC(2026, 2, 1, 12))
    engine = await SqlEngine.create({ log, files, clock, random: seededRandom(1) })
    if (expressions.length === 0) return
    await engine.execute(
      "CREATE STREAM one (k STRING KEY, a INT) WITH (KAFKA_TOPIC='one', VALUE_FORMAT='JSON', PARTITIONS=1);",
    )
    await engine.execute("INSERT INTO one VALUES ('key', 1);")
  })

  afterAll(async () => {
    await engine.close()
    await log.close()
  })

  for (const example of statements) {
    it(`line ${example.line}: ${example.sql.split('\n').at(-1)}`, () => runExample(engine, example))
  }
  for (const example of expressions.filter((e) => e.kind === 'Expression')) {
    it(`line ${example.line}: ${example.expression}`, async () => {
      const [result] = await engine.execute(`SELECT ${example.expression} AS x FROM one;`)
      if (result?.kind !== 'rows') throw new Error('no rows')
      check(example, result.columns[0]!, result.rows[0]![0])
    })
  }
  const aggregates = expressions.filter((e) => e.kind === 'Aggregate')
  if (aggregates.length > 0) it('the aggregates', () => runAggregates(engine, aggregates))
}

async function runExample(engine: SqlEngine, { sql, expected }: SqlExample): Promise<void> {
  if (expected?.kind === 'error') {
    await expect(run(engine, sql)).rejects.toThrow(expected.text)
    return
  }
  const said = await run(engine, sql)
  if (expected === null) expect(said).not.toEqual([])
  else expect(said).toEqual(normalTable(expected.text))
}

function check(example: ExpressionExample, column: Column, value: unknown): void {
  const type = column.type === null ? 'null' : formatType(column.type)
  expect({ value: cell(value, column.type), type }).toEqual({ value: example.value, type: example.type })
}

/** All in one query: they are many. */
async function runAggregates(engine: SqlEngine, examples: readonly ExpressionExample[]): Promise<void> {
  const columns = examples.map((e, i) => `${e.expression} AS a${i}`).join(', ')
  await engine.execute(`CREATE TABLE aggregated AS SELECT sensor, ${columns} FROM readings GROUP BY sensor;`)
  await engine.caughtUp()
  const [result] = await engine.execute('SELECT * FROM aggregated;')
  if (result?.kind !== 'rows') throw new Error('no rows')
  const found = examples.map((e, i) => {
    const { type } = result.columns[i + 1]!
    return `${e.expression} = ${cell(result.rows[0]![i + 1], type)}: ${type === null ? 'null' : formatType(type)}`
  })
  expect(found).toEqual(examples.map((e) => `${e.expression} = ${e.value}: ${e.type}`))
}

/** The compiler sees to it that none is missing. */
const statementKinds: Readonly<Record<Statement['kind'], true>> = {
  select: true,
  createSource: true,
  createAs: true,
  insertInto: true,
  insertValues: true,
  createType: true,
  dropType: true,
  alterSource: true,
  dropSource: true,
  createIndex: true,
  dropIndex: true,
  createConnector: true,
  dropConnector: true,
  explain: true,
  print: true,
  terminate: true,
  pause: true,
  resume: true,
  show: true,
  describe: true,
  describeAll: true,
  describeFunction: true,
  describeConnector: true,
  set: true,
  alterSystem: true,
  unset: true,
  define: true,
  undefine: true,
  runScript: true,
  assertTopic: true,
  assertSchema: true,
  assertValues: true,
  assertTombstone: true,
  assertSource: true,
}

describe('the page', () => {
  const registry = createFunctionRegistry()
  const examples = chapters.flatMap((c) => [
    ...c.statements.map((s) => s.sql),
    ...c.expressions.map((e) => e.expression),
  ])
  const known = new Set(registry.list().map((f) => f.name))
  const shown = new Set(
    examples.flatMap((sql) => [...sql.matchAll(/\b([A-Z][A-Z0-9_]*)\(/gi)].map((m) => m[1]!.toUpperCase())),
  )

  it('shows every function in an example', () => {
    expect([...known].filter((name) => !shown.has(name))).toEqual([])
  })

  it('shows every statement', () => {
    const options = { commandLine: true, variables: { topic: 'prices', item: 'pen' } }
    const kinds = new Set(
      chapters.flatMap((c) => c.statements).flatMap((s) => parseScript(s.sql, options).map((p) => p.kind)),
    )
    expect(Object.keys(statementKinds).filter((kind) => !kinds.has(kind as Statement['kind']))).toEqual([])
  })

  it('names no function that is not there', () => {
    const named = [...page.matchAll(/`([A-Z][A-Z0-9_]+)\([^`]*`/g)].map((m) => m[1]!)
    const grammar = ['CAST', 'ARRAY', 'MAP', 'STRUCT', 'DECIMAL', 'HEADER', 'WITHIN', 'NOT', 'WITH']
    expect(named.filter((name) => !known.has(name) && !grammar.includes(name))).toEqual([])
  })
})
