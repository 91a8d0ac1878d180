import type { AnalyzedQuery } from '../analyzer/analyzer.js'
import { rewrite, structure, walk } from '../analyzer/rewrite.js'
import type { Expression, Location, WindowExpression } from '../ast.js'
import { SqlError } from '../errors.js'
import { typeOf } from '../expression/expression-typer.js'
import { located } from '../expression/typing-rules.js'
import { formatExpression } from '../format-sql.js'
import type { FunctionRegistry } from '../functions/registry.js'
import type { ArgumentType } from '../functions/signature.js'
import type { FormatInfo, WindowInfo } from '../metastore.js'
import { windowColumnNames } from '../schema.js'
import { durationMs } from '../statements/with-properties.js'
import type { SqlType } from '../types.js'
import type { AliasGenerator } from './column-names.js'
import { literalValue } from './literal-value.js'
import {
  type AggregateCall,
  type AggregateNode,
  columnTypes,
  type PlanColumn,
  type PlanNode,
  type ProjectNode,
  type Windowing,
} from './plan-node.js'
import { explaining, type PlannerContext, scopeOf, typeIn } from './planner-context.js'
import { column, type QueryKeys } from './query-keys.js'
import { windowColumns } from './source-planner.js'

type Call = Extract<Expression, { kind: 'call' }>

/** The items of a select list, after stars have been expanded. */
export interface NamedExpression {
  readonly alias: string
  readonly expression: Expression
}

/** Aggregate calls of an expression, each once, outermost first. */
export function aggregatesIn(expression: Expression, functions: FunctionRegistry): Call[] {
  const found: Call[] = []
  walk(expression, (e) => {
    if (e.kind === 'call' && functions.isAggregate(e.name)) found.push(e)
  })
  return found
}

/** @throws SqlError where select list, GROUP BY and HAVING do not agree. */
export function checkAggregation(
  query: AnalyzedQuery,
  select: readonly NamedExpression[],
  functions: FunctionRegistry,
): void {
  const { groupBy, having, scope } = query
  const expressions = [...select.map((s) => s.expression), ...(having === null ? [] : [having])]
  const calls = expressions.flatMap((e) => aggregatesIn(e, functions))
  for (const call of calls) {
    const inner = call.args.flatMap((arg) => aggregatesIn(arg, functions))
    if (inner.length > 0) {
      throw new SqlError(`Aggregate functions can not be nested: ${formatExpression(call)}`, {
        location: inner[0]!.location,
        suggestion: 'Make a table of the inner one first, and aggregate that.',
      })
    }
  }
  if (groupBy === null) {
    const plain = select.filter((s) => aggregatesIn(s.expression, functions).length === 0)
    if (plain.length > 0)
      throw notGrouped(
        'SELECT',
        plain.map((s) => scope.written(s.expression)),
        plain[0]!.expression.location,
      )
    throw new SqlError(
      `Use of aggregate function ${calls[0]!.name} requires a GROUP BY clause. Query: ${formatExpression(calls[0]!)}`,
      {
        location: calls[0]!.location,
        suggestion: 'For one row over everything, group by a constant: SELECT 1 AS all_rows, … GROUP BY 1.',
      },
    )
  }
  for (const e of groupBy) {
    const [inner] = aggregatesIn(e, functions)
    if (inner !== undefined) {
      throw new SqlError(
        `GROUP BY does not support aggregate functions: ${inner.name} is an aggregate function.`,
        { location: inner.location },
      )
    }
    checkNoWindowBounds(e, query)
  }
  if (calls.length === 0) {
    throw new SqlError('GROUP BY requires aggregate functions in either the SELECT or HAVING clause.')
  }
  if (having !== null) checkNoWindowBounds(having, query)
  for (const call of calls) for (const arg of call.args) checkNoWindowBounds(arg, query)
}

/** Bounds of the query's own windows; those of a windowed source are columns like any other. */
function checkNoWindowBounds(expression: Expression, query: AnalyzedQuery): void {
  if (query.window === null) return
  walk(expression, (e) => {
    if (e.kind === 'column' && windowColumnNames.has(e.name)) {
      throw new SqlError(
        `Window bounds column ${e.name} can only be used in the SELECT clause of windowed aggregations`,
        { location: e.location },
      )
    }
  })
}

function notGrouped(
  clause: string,
  expressions: readonly string[],
  location: Location | null = null,
): SqlError {
  return new SqlError(
    `Non-aggregate ${clause} expression(s) not part of GROUP BY: ${expressions.join(', ')}\n` +
      `Either add the column(s) to the GROUP BY or remove them from the ${clause}.`,
    { location },
  )
}

export interface AggregationPlan {
  readonly node: AggregateNode
  readonly keys: QueryKeys
  readonly select: readonly NamedExpression[]
  readonly having: Expression | null
}

/** What follows WHERE in a query with GROUP BY: arguments, aggregation, and the select list over its results. */
export function planAggregation(
  query: AnalyzedQuery,
  select: readonly NamedExpression[],
  input: PlanNode,
  names: AliasGenerator,
  valueFormat: FormatInfo,
  context: PlannerContext,
): AggregationPlan {
  const { functions } = context
  checkAggregation(query, select, functions)
  const groupBy = query.groupBy!
  const groupNames = groupBy.map((e) => keyName(e, select, names))
  const having = query.having === null ? [] : [query.having]
  const calls = new Map<string, Call>()
  for (const e of [...select.map((s) => s.expression), ...having]) {
    for (const call of aggregatesIn(e, functions)) calls.set(structure(call), call)
  }
  const rewritten = rewriteOverResults(query, select, groupNames, calls)
  const grouping = explaining('Invalid Group By: ', () =>
    groupBy.map((expression, i) => ({
      name: groupNames[i]!,
      type: typeIn(input, expression, context),
      expression,
    })),
  )
  // A pull query reads its rows once, and takes none back.
  const takesBack = input.output === 'TABLE' && !query.isPull
  const builder = new ArgumentsBuilder(input, takesBack, context)
  const aggregates = [...calls.values()].map((call, i) => builder.add(call, `KSQL_AGG_VARIABLE_${i}`))
  const sameKey = input.output === 'STREAM' && input.window === null && groupsByKey(groupBy, input)
  const windowing = query.window === null ? null : windowingOf(query.window)
  const argumentsNode: ProjectNode = {
    kind: 'project',
    input,
    output: input.output,
    key: grouping.map(({ name, type }) => ({ name, type })),
    columns: builder.columns.map(({ name, type }) => ({ name, type })),
    window: null,
    virtual: [],
    expressions: builder.columns,
    newKey: sameKey ? 'same' : grouping,
    clause: 'GROUP BY',
    nullKeys: 'drop',
  }
  const node: AggregateNode = {
    kind: 'aggregate',
    input: argumentsNode,
    output: 'TABLE',
    key: argumentsNode.key,
    columns: aggregates.map(({ name, type }) => ({ name, type })),
    window: windowing === null ? null : windowInfo(windowing),
    virtual: windowing === null ? [] : windowColumns,
    aggregates,
    windowing,
    emit: query.emit === 'FINAL' ? 'FINAL' : 'CHANGES',
    sameKey,
    valueFormat,
  }
  return { node, keys: groupKeys(query, grouping), ...rewritten }
}

/** A column keeps its name; others take their alias in the select list, or a generated one. */
export function keyName(
  expression: Expression,
  select: readonly NamedExpression[],
  names: AliasGenerator,
): string {
  if (expression.kind === 'column') return expression.name
  const named = select.find((s) => structure(s.expression) === structure(expression))
  return named?.alias ?? names.forExpression(expression)
}

function groupsByKey(groupBy: readonly Expression[], input: PlanNode): boolean {
  return (
    groupBy.length === input.key.length &&
    groupBy.every((e, i) => e.kind === 'column' && e.name === input.key[i]!.name)
  )
}

function groupKeys(query: AnalyzedQuery, grouping: readonly PlanColumn[]): QueryKeys {
  return {
    origin: 'GROUP BY',
    synthetic: false,
    columns: grouping.map(({ name, type }, i) => ({
      name,
      type,
      matches: [column(name)],
      written: [query.qualified(query.groupBy![i]!)],
    })),
  }
}

/** Grouping expressions become key columns, aggregate calls the columns of their results. */
function rewriteOverResults(
  query: AnalyzedQuery,
  select: readonly NamedExpression[],
  groupNames: readonly string[],
  calls: ReadonlyMap<string, Call>,
): { select: NamedExpression[]; having: Expression | null } {
  const replaced = new Map<string, string>()
  for (const [i, text] of [...calls.keys()].entries()) replaced.set(text, `KSQL_AGG_VARIABLE_${i}`)
  for (const [i, e] of query.groupBy!.entries()) replaced.set(structure(e), groupNames[i]!)
  const over = (expression: Expression): { result: Expression; grouped: boolean } => {
    let grouped = true
    const result = rewrite(expression, (e) => {
      const name = replaced.get(structure(e))
      if (name !== undefined) return column(name)
      const bound = query.window !== null && e.kind === 'column' && windowColumnNames.has(e.name)
      if (e.kind === 'column' && !bound) grouped = false
      return undefined
    })
    return { result, grouped }
  }
  const items = select.map((s) => ({ ...s, ...over(s.expression) }))
  const plain = items.filter((item) => !item.grouped)
  if (plain.length > 0)
    throw notGrouped(
      'SELECT',
      plain.map((p) => query.scope.written(p.expression)),
      plain[0]!.expression.location,
    )
  const having = query.having === null ? null : over(query.having)
  if (having !== null && !having.grouped) {
    throw notGrouped('HAVING', [query.scope.written(query.having!)], query.having!.location)
  }
  return {
    select: items.map(({ alias, result }) => ({ alias, expression: result })),
    having: having?.result ?? null,
  }
}

/** Collects what aggregate functions need of a row, each expression once. */
class ArgumentsBuilder {
  readonly columns: { name: string; type: SqlType; expression: Expression }[] = []
  readonly #input: PlanNode
  readonly #takesBack: boolean
  readonly #context: PlannerContext
  readonly #indexes = new Map<string, number>()

  constructor(input: PlanNode, takesBack: boolean, context: PlannerContext) {
    this.#input = input
    this.#takesBack = takesBack
    this.#context = context
  }

  add(call: Call, name: string): AggregateCall {
    const { functions } = this.#context
    const scope = scopeOf(columnTypes(this.#input), this.#context)
    const args: ArgumentType[] = call.args.map((arg) => {
      const type = typeOf(arg, scope)
      return type === null ? { kind: 'null' } : { kind: 'type', type }
    })
    const resolved = located(call.location, () => functions.resolveAggregate(call.name, args))
    const columnArgs = call.args.slice(0, resolved.columnCount)
    const constants = call.args.slice(resolved.columnCount).map((arg, i) => {
      const literal = literalValue(arg)
      if (literal !== undefined) return literal.value
      throw new SqlError(
        `Parameter ${resolved.columnCount + i + 1} passed to function ${call.name} must be a literal constant, ` +
          `but was expression: '${formatExpression(arg)}'`,
        { location: arg.location },
      )
    })
    const fn = resolved.instantiate(constants, functions.environment)
    if (this.#takesBack && fn.undo === undefined) {
      throw new SqlError(
        `The aggregation function(s) (${call.name}) cannot be applied to a table source, only to a stream source.`,
      )
    }
    return {
      name,
      stateType: fn.aggregateType,
      type: fn.returnType,
      call,
      inputs: columnArgs.map((arg) => this.#column(arg)),
      argumentTypes: columnArgs.map((arg) => typeIn(this.#input, arg, this.#context)),
      constants,
    }
  }

  #column(expression: Expression): number {
    const text = structure(expression)
    const known = this.#indexes.get(text)
    if (known !== undefined) return known
    const index = this.columns.length
    this.#indexes.set(text, index)
    const type = typeIn(this.#input, expression, this.#context)
    this.columns.push({ name: `KSQL_INTERNAL_COL_${index}`, type, expression })
    return index
  }
}

const defaultGraceMs = 24 * 3_600_000

function windowingOf(window: WindowExpression): Windowing {
  const graceMs = window.grace === null ? defaultGraceMs : durationMs(window.grace)
  const retentionMs = window.retention === null ? null : durationMs(window.retention)
  const leastMs = graceMs + durationMs(window.kind === 'session' ? window.gap : window.size)
  if (retentionMs !== null && window.grace !== null && retentionMs < leastMs) {
    throw new SqlError('RETENTION must be at least the size of the window plus its GRACE PERIOD', {
      location: window.location,
    })
  }
  // Without an explicit grace, a shorter retention shortens it.
  const grace =
    retentionMs !== null && window.grace === null
      ? Math.min(graceMs, Math.max(0, retentionMs - (leastMs - graceMs)))
      : graceMs
  if (window.kind === 'session') {
    return { kind: 'session', gapMs: durationMs(window.gap), graceMs: grace, retentionMs }
  }
  const sizeMs = durationMs(window.size)
  const advanceMs = window.kind === 'hopping' ? durationMs(window.advance) : sizeMs
  return { kind: window.kind, sizeMs, advanceMs, graceMs: grace, retentionMs }
}

function windowInfo(windowing: Windowing): WindowInfo {
  return windowing.kind === 'session'
    ? { type: 'SESSION', sizeMs: null }
    : { type: windowing.kind === 'hopping' ? 'HOPPING' : 'TUMBLING', sizeMs: windowing.sizeMs }
}
