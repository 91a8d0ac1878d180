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

/** A row of all columns of both sides; an absent side gives nulls. */
export function compileJoiner(
  left: readonly PlanColumn[],
  right: readonly PlanColumn[],
): (left: unknown, right: unknown) => unknown {
  const bindings = new Bindings()
  const row = bindings.bind(rowClass([...left, ...right]))
  const side = (name: string, columns: readonly PlanColumn[]): string[] =>
    columns.map((_, i) => `${name} === null ? null : ${name}.c${i}`)
  const values = [...side('left', left), ...side('right', right)]
  return instantiate(['left', 'right'], `return new ${row}(${values.join(', ')})`, bindings)
}
