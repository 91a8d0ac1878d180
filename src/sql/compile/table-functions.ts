import type { Expression } from '../ast.js'
import { typeExpression } from '../expression/expression-typer.js'
import { columnsScope } from '../expression/scope.js'
import { rowClass } from '../formats/row-class.js'
import type { PlanColumn, PlanNode } from '../plan/plan-node.js'
import type { CompilerContext } from './compiler-context.js'
import { assignment, Bindings, compileTyped, instantiate } from './expression-compiler.js'
import { accessTo, keySource } from './row-access.js'
import type { StageReport } from './stage-report.js'

/*
 * Generated functions over single rows, for the operators of tables and for joiners: parameters `key` and `value`.
 */

type RowFunction<R> = (key: unknown, value: unknown) => R

class FunctionWriter {
  readonly bindings = new Bindings()
  readonly lines: string[] = []
  readonly #context: CompilerContext
  readonly #report: StageReport
  readonly #scope
  #variables = 0

  constructor(input: PlanNode, context: CompilerContext, report: StageReport) {
    this.#context = context
    this.#report = report
    const access = accessTo(input, { key: 'key', value: 'value', virtual: {} })
    this.#scope = columnsScope(context.functions, access, { customType: context.customType })
  }

  value(expression: Expression, prefix: string): string {
    const { environment } = this.#context.functions
    const options = { bindings: this.bindings, environment, onError: this.#report.onError }
    const compiled = this.#context.explaining(prefix, () =>
      compileTyped(typeExpression(expression, this.#scope), options),
    )
    const name = `x${this.#variables++}`
    this.lines.push(`let ${[name, ...compiled.temporaries].join(', ')}`)
    this.lines.push(assignment(name, compiled, options))
    return name
  }

  finish<R>(result: string): RowFunction<R> {
    return instantiate(
      ['key', 'value'],
      `'use strict'\n${this.lines.join('\n')}\nreturn ${result}`,
      this.bindings,
    )
  }
}

export function compilePredicate(
  input: PlanNode,
  predicate: Expression,
  context: CompilerContext,
  report: StageReport,
): RowFunction<boolean> {
  const writer = new FunctionWriter(input, context, report)
  return writer.finish(`${writer.value(predicate, 'Invalid Predicate: ')} === true`)
}

export function compileRow(
  input: PlanNode,
  expressions: readonly (PlanColumn & { readonly expression: Expression })[],
  context: CompilerContext,
  report: StageReport,
): RowFunction<unknown> {
  const writer = new FunctionWriter(input, context, report)
  const values = expressions.map(({ expression }) => writer.value(expression, 'Invalid Select: '))
  return writer.finish(`new ${writer.bindings.bind(rowClass(expressions))}(${values.join(', ')})`)
}

/** A key of these expressions; null where one of them is null. */
export function compileKey(
  input: PlanNode,
  expressions: readonly Expression[],
  context: CompilerContext,
  report: StageReport,
): RowFunction<unknown> {
  const writer = new FunctionWriter(input, context, report)
  const values = expressions.map((e) => writer.value(e, 'Invalid Group By: '))
  return writer.finish(`${values.map((v) => `${v} === null`).join(' || ')} ? null : ${keySource(values)}`)
}

/** One side of a join: its columns, and the plan node whose rows the joiner gets. */
export interface JoinSide {
  readonly node: PlanNode
  readonly columns: readonly PlanColumn[]
  /** For each column the source that reads it from a row of the node, or from the variable `key`. */
  readonly accessors: readonly ((row: string) => string)[]
}

/** The rows of a node as they are. */
export function wholeRows(node: PlanNode): JoinSide {
  return { node, columns: node.columns, accessors: node.columns.map((_, i) => (row) => `${row}.c${i}`) }
}

/**
 * Looks through a projection that only renames columns of a source, as planned below every join: its rows need not be
 * made. Null where it does more.
 */
export function renamedRows(node: PlanNode): JoinSide | null {
  if (node.kind !== 'project' || node.newKey !== 'same' || node.nullKeys !== 'keep') return null
  if (node.input.kind !== 'source') return null
  const accessors: ((row: string) => string)[] = []
  for (const { expression } of node.expressions) {
    if (expression.kind !== 'column') return null
    const { name } = expression
    const read = (row: string) => accessTo(node.input, { key: 'key', value: row, virtual: {} }).get(name)
    if (read('row') === undefined) return null
    accessors.push((row) => read(row)!.accessor)
  }
  return { node: node.input, columns: node.columns, accessors }
}

/** A column of a join's result, and the column of either side it is. */
export interface JoinedColumn extends PlanColumn {
  readonly from: string
}

/** What a projection above a join makes, where it only picks and renames columns: the joiner can do that. Else null. */
export function pickedColumns(step: PlanNode, join: PlanNode): readonly JoinedColumn[] | null {
  if (step.kind !== 'project' || step.newKey !== 'same' || step.nullKeys !== 'keep') return null
  const picked: JoinedColumn[] = []
  for (const { name, type, expression } of step.expressions) {
    if (expression.kind !== 'column') return null
    const from = expression.name
    if (!join.columns.some((column) => column.name === from)) return null
    picked.push({ name, type, from })
  }
  return picked
}

/** A row of the given columns of both sides, default all; an absent side gives nulls. */
export function compileJoiner(
  left: JoinSide,
  right: JoinSide,
  picked?: readonly JoinedColumn[] | null,
): (left: unknown, right: unknown, key?: unknown) => unknown {
  const bindings = new Bindings()
  const values = new Map<string, string>()
  for (const [name, { columns, accessors }] of Object.entries({ left, right })) {
    columns.forEach((column, i) => {
      values.set(column.name, `${name} === null ? null : ${accessors[i]!(name)}`)
    })
  }
  const joined =
    picked ?? [...left.columns, ...right.columns].map((column) => ({ ...column, from: column.name }))
  const row = bindings.bind(rowClass(joined))
  const sources = joined.map(({ from }) => values.get(from)!)
  return instantiate(['left', 'right', 'key'], `return new ${row}(${sources.join(', ')})`, bindings)
}
