import { filter, map, type OperatorFunction } from 'rxjs'
import { type AnyBatch, BatchBuilder, type BatchOperator, headersOf, originRow } from '../../streams/index.js'
import { columnsIn } from '../analyzer/rewrite.js'
import type { Expression } from '../ast.js'
import { typeExpression } from '../expression/expression-typer.js'
import { columnsScope, type ScopeColumn } from '../expression/scope.js'
import { rowClass } from '../formats/row-class.js'
import type { FilterNode, FlatMapNode, PlanNode, ProjectNode } from '../plan/plan-node.js'
import type { CompilerContext } from './compiler-context.js'
import {
  assignment,
  Bindings,
  type CompileOptions,
  compileTyped,
  instantiate,
} from './expression-compiler.js'
import { accessTo, type ColumnAccess, keySource } from './row-access.js'
import type { StageReport } from './stage-report.js'

export type StageNode = FilterNode | FlatMapNode | ProjectNode

/** What one stage does to one batch, row by row: for those that may make several rows of one. */
type StageFunction = (batch: AnyBatch, out: BatchBuilder<unknown, unknown>) => void

/**
 * The same for those that make at most one row of each: fills arrays as long as the batch, and returns how many rows
 * there are. `rows` gets the row of the batch that each stems from; `keys` is null where the stage keeps the keys.
 */
type RowwiseFunction = (batch: AnyBatch, keys: unknown[] | null, values: unknown[], rows: number[]) => number

/**
 * Filters, table functions and projections that follow each other on a stream, as one generated function over
 * batches. Records without a value go through a projection as they are, and are dropped by anything else.
 *
 *     for each record:  where? ─▶ table functions ─▶ select list, new key ─▶ out
 *
 * @param steps in the order in which they apply; the last one is a projection or a filter
 */
export function compileStreamStage(
  input: PlanNode,
  steps: readonly StageNode[],
  context: CompilerContext,
  report: StageReport,
): BatchOperator {
  const source = new StageWriter(input, context, report)
  for (const step of steps) source.add(step)
  if (source.mayMultiply) {
    const run = source.finish()
    return () => batchOperator(run)
  }
  const { run, changesKey } = source.finishRowwise()
  return () => rowwiseOperator(run, changesKey)
}

function rowwiseOperator(run: RowwiseFunction, changesKey: boolean): OperatorFunction<AnyBatch, AnyBatch> {
  return (batches) =>
    batches.pipe(
      map((batch) => {
        const { size } = batch
        const keys = changesKey ? new Array<unknown>(size) : null
        const values = new Array<unknown>(size)
        const rows = new Array<number>(size)
        const count = run(batch, keys, values, rows)
        if (count < size) return selected(batch, keys, values, rows, count)
        const { timestamps, headers, origin } = batch
        const newKeys = keys ?? batch.keys
        return { size, keys: newKeys, values, timestamps, oldValues: null, headers, origin, rows: batch.rows }
      }),
      filter((batch) => batch.size > 0),
    )
}

function selected(
  batch: AnyBatch,
  keys: unknown[] | null,
  values: unknown[],
  rows: number[],
  count: number,
): AnyBatch {
  values.length = count
  rows.length = count
  const newKeys = keys ?? new Array<unknown>(count)
  newKeys.length = count
  const timestamps = new Array<number>(count)
  for (let i = 0; i < count; i++) {
    const row = rows[i]!
    if (keys === null) newKeys[i] = batch.keys[row]
    timestamps[i] = batch.timestamps[row]!
  }
  const { headers } = batch
  const newHeaders = headers === null ? null : rows.map((row) => headers[row]!)
  if (batch.rows !== null) for (let i = 0; i < count; i++) rows[i] = batch.rows[rows[i]!]!
  return {
    size: count,
    keys: newKeys,
    values,
    timestamps,
    oldValues: null,
    headers: newHeaders,
    origin: batch.origin,
    rows,
  }
}

export function batchOperator(run: StageFunction): OperatorFunction<AnyBatch, AnyBatch> {
  return (batches) =>
    batches.pipe(
      map((batch) => {
        const out = new BatchBuilder<unknown, unknown>()
        run(batch, out)
        return out.build(batch) as AnyBatch
      }),
      filter((batch) => batch.size > 0),
    )
}

/** Headers as ksqlDB shows them: an array of KEY, VALUE structs. */
function headerList(batch: AnyBatch, row: number): unknown[] {
  return (headersOf(batch, row) ?? []).map((h) => [h.key, h.value])
}

function lastHeader(batch: AnyBatch, row: number, key: string): Uint8Array | null {
  return headersOf(batch, row)?.findLast((h) => h.key === key)?.value ?? null
}

class StageWriter {
  readonly #context: CompilerContext
  readonly #bindings = new Bindings()
  readonly #options: CompileOptions
  readonly #report: StageReport
  readonly #declarations: string[] = []
  readonly #body: string[] = []
  readonly #nullBody: string[] = []
  readonly #input: PlanNode
  #access: ColumnAccess
  /** Null once a step has dropped rows without a value. */
  #nullKey: string | null = 'key'
  #key = 'key'
  #columns: readonly string[] | null = null
  #output: PlanNode
  #loops = 0
  #variables = 0

  constructor(input: PlanNode, context: CompilerContext, report: StageReport) {
    this.#input = input
    this.#output = input
    this.#context = context
    this.#report = report
    this.#options = {
      bindings: this.#bindings,
      environment: context.functions.environment,
      onError: report.onError,
    }
    this.#access = accessTo(input, {
      key: 'key',
      value: 'value',
      virtual: this.#virtualSources(input),
    })
  }

  add(step: StageNode): void {
    switch (step.kind) {
      case 'filter':
        this.#nullKey = null
        this.#body.push(`if (${this.#value(step.predicate, `Invalid Predicate: `)} !== true) continue`)
        break
      case 'flatMap':
        this.#nullKey = null
        this.#flatMap(step)
        break
      case 'project':
        this.#project(step)
        break
    }
    this.#output = step
  }

  /** Table functions make several rows of one. */
  get mayMultiply(): boolean {
    return this.#loops > 0
  }

  finish(): StageFunction {
    const body = this.#source((key, value) => `out.push(${key}, ${value}, timestamp, batch, i)`, '')
    return instantiate(['batch', 'out'], body, this.#bindings)
  }

  finishRowwise(): { readonly run: RowwiseFunction; readonly changesKey: boolean } {
    const changesKey = this.#key !== 'key' || (this.#nullKey !== null && this.#nullKey !== 'key')
    const body = this.#source(
      (key, value) => `${changesKey ? `outKeys[n] = ${key}\n` : ''}outValues[n] = ${value}\nrows[n++] = i`,
      'return n',
    )
    const run = instantiate<RowwiseFunction>(
      ['batch', 'outKeys', 'outValues', 'rows'],
      `let n = 0\n${body}`,
      this.#bindings,
    )
    return { run, changesKey }
  }

  #source(emit: (key: string, value: string) => string, end: string): string {
    const report = this.#bindings.bind(this.#report)
    const columns = this.#columns
    const value = columns === null ? 'value' : `new ${this.#rowClass()}(${columns.join(', ')})`
    const nullPath =
      this.#nullKey === null
        ? 'continue'
        : `${this.#nullBody.join('\n')}\n${emit(this.#nullKey, 'null')}\ncontinue`
    return `
      ${report}.batch = batch
      const { size, keys, values, timestamps, origin } = batch
      ${this.#declarations.join('\n')}
      for (let i = 0; i < size; i++) {
        const key = keys[i], value = values[i], timestamp = timestamps[i]
        ${report}.row = i
        if (value === null) {
          ${nullPath}
        }
        ${this.#body.join('\n')}
        ${emit(this.#key, value)}
        ${'}'.repeat(this.#loops)}
      }
      ${end}`
  }

  #rowClass(): string {
    return this.#bindings.bind(rowClass(this.#output.columns))
  }

  #virtualSources(input: PlanNode): Record<string, string> {
    const sources: Record<string, string> = {
      ROWTIME: 'timestamp',
      ROWPARTITION: '(origin === null ? 0 : origin.partition)',
      ROWOFFSET: `(origin === null ? 0 : origin.offsets[${this.#bindings.bind(originRow)}(batch, i)])`,
    }
    if (input.kind !== 'source') return sources
    for (const { name, headerKey } of input.schema.headers) {
      sources[name] =
        headerKey == null
          ? `${this.#bindings.bind(headerList)}(batch, i)`
          : `${this.#bindings.bind(lastHeader)}(batch, i, ${this.#bindings.bind(headerKey)})`
    }
    return sources
  }

  /** Statements that compute the expression go to the body; returns the source of its value. */
  #value(expression: Expression, prefix: string, into = this.#body, access = this.#access): string {
    const scope = columnsScope(this.#context.functions, access, { customType: this.#context.customType })
    const typed = this.#context.explaining(prefix, () => typeExpression(expression, scope))
    const compiled = this.#context.explaining(prefix, () => compileTyped(typed, this.#options))
    if (typed.kind === 'column' || typed.kind === 'constant') return compiled.source
    const name = `x${this.#variables++}`
    into.push(`let ${[name, ...compiled.temporaries].join(', ')}`)
    into.push(assignment(name, compiled, this.#options))
    return name
  }

  #project(step: ProjectNode): void {
    const columns = step.expressions.map(({ expression }) => this.#value(expression, 'Invalid Select: '))
    const key = this.#newKey(step)
    const next = new Map<string, ScopeColumn>()
    step.columns.forEach((column, i) => {
      next.set(column.name, { type: column.type, accessor: columns[i]! })
    })
    const keyAccess = accessTo({ ...step, columns: [] }, { key, value: '', virtual: {} })
    for (const [name, column] of keyAccess) next.set(name, column)
    this.#access = next
    this.#columns = columns
    this.#key = key
  }

  #newKey(step: ProjectNode): string {
    if (step.newKey === 'same') {
      if (step.nullKeys === 'drop') this.#nullKey = null
      return this.#key
    }
    if (step.newKey === null) {
      if (this.#nullKey !== null) this.#nullKey = 'null'
      return 'null'
    }
    const clause = {
      SELECT: 'Select',
      'GROUP BY': 'Group By',
      'PARTITION BY': 'Partition By',
      'JOIN ON': 'Join',
    }
    const prefix = `Invalid ${clause[step.clause]}: `
    const parts = step.newKey.map(({ expression }) => this.#value(expression, prefix))
    if (step.nullKeys === 'drop') {
      this.#nullKey = null
      const isNull = parts.map((p) => `${p} === null`).join(' || ')
      this.#body.push(`if (${isNull}) { ${this.#bindings.bind(this.#report.onNullKey)}(); continue }`)
    } else if (this.#nullKey !== null) this.#nullKey = this.#keyWithoutValue(step, prefix)
    const name = `k${this.#variables++}`
    const source = keySource(parts)
    this.#body.push(`const ${name} = ${source}`)
    return name
  }

  /** For a record without a value: what of the new key needs nothing but the old one; the rest is null. */
  #keyWithoutValue(step: ProjectNode, prefix: string): string {
    if (step.newKey === null || step.newKey === 'same') return 'key'
    const known = new Set(this.#input.key.map((c) => c.name))
    const parts = step.newKey.map(({ expression }) =>
      [...columnsIn(expression)].every((name) => known.has(name))
        ? this.#value(expression, prefix, this.#nullBody)
        : 'null',
    )
    return keySource(parts)
  }

  #flatMap(step: FlatMapNode): void {
    const access = new Map(this.#access)
    const lists = step.calls.map(({ call }) => {
      const args = call.args.map((arg) => this.#value(arg, 'Invalid Table Function: '))
      const list = `t${this.#variables++}`
      const fn = this.#bindings.bind(this.#context.tableFunction(call, this.#access))
      const fail = this.#bindings.bind(this.#report.onError)
      this.#body.push(
        `let ${list}`,
        `try { ${list} = ${fn}(${args.join(', ')}) ?? [] } catch (error) { ${fail}(error); ${list} = [] }`,
      )
      return list
    })
    const count = `n${this.#variables++}`
    const index = `j${this.#variables++}`
    this.#body.push(
      `const ${count} = Math.max(${lists.map((l) => `${l}.length`).join(', ')})`,
      `for (let ${index} = 0; ${index} < ${count}; ${index}++) {`,
    )
    this.#loops++
    step.calls.forEach(({ name, type }, i) => {
      access.set(name, { type, accessor: `(${index} < ${lists[i]}.length ? ${lists[i]}[${index}] : null)` })
    })
    this.#access = access
  }
}
