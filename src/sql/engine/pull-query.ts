import type { Log } from '../../log/index.js'
import type { AnalyzedQuery } from '../analyzer/analyzer.js'
import { CompilerContext, type CompilerOptions } from '../compile/compiler-context.js'
import { StageReport } from '../compile/stage-report.js'
import { SqlError } from '../errors.js'
import type { DataSource } from '../metastore.js'
import type { PlannerContext } from '../plan/planner-context.js'
import { type PullPlan, planPull } from '../plan/pull-planner.js'
import { arranged } from '../pull/arrange.js'
import { type CompiledPull, compilePull } from '../pull/pull-compiler.js'
import type { MaterializedTable } from '../pull/store-rows.js'
import type { ResultColumn } from '../statements/statement-result.js'
import { pullStream } from './pull-stream.js'
import { ReadRow, type TypedRow } from './result-rows.js'
import { rowObjects } from './typed-rows.js'

/*
 * SELECT without EMIT: what materialised tables hold now, or the rows of a stream up to now.
 */

export interface PullOptions {
  readonly analysis: AnalyzedQuery
  readonly context: PlannerContext
  readonly compiler: CompilerOptions
  /** Null for a table that nobody keeps. */
  readonly tableOf: (source: DataSource) => MaterializedTable | null
  readonly log: Log
  /** Leaves SQLite out, as a test does to compare. Default false. */
  readonly withoutSqlite?: boolean
}

export interface PullResult {
  readonly columns: readonly ResultColumn[]
  readonly rows: TypedRow[]
  readonly note: string | null
}

/** @throws SqlError */
export async function pull(options: PullOptions): Promise<PullResult> {
  const { analysis, context } = options
  const plan = planPull(analysis, context)
  const columns = plan.columns.map(({ name, type }) => ({ name, type }))
  const onStream = analysis.inputKind === 'STREAM'
  const values = onStream ? await streamRows(plan, options) : tableRows(plan, options)
  const object = rowObjects(columns)
  const rows = values.map((row) => new ReadRow(row, false, null, object))
  const note = rows.length === plan.limit ? 'Limit Reached' : 'Query Completed'
  return { columns, rows, note: onStream ? note : null }
}

async function streamRows(plan: PullPlan, { analysis, compiler, log }: PullOptions) {
  const { planned, distinct, order, limit, offset } = plan
  const isPlain = !distinct && order.length === 0 && limit !== null
  const { source } = analysis.sources[0]!
  const rows = await pullStream({ planned, limit: isPlain ? limit + offset : null, compiler, log, source })
  return arranged(
    rows.map((row) => row.columns),
    plan,
    false,
  )
}

function tableRows(plan: PullPlan, options: PullOptions) {
  const { rows, isArranged } = compiledPull(plan, options)
  return arranged(valuesOf(rows), plan, isArranged())
}

function* valuesOf(rows: CompiledPull['rows']): Generator<readonly unknown[], undefined> {
  for (const { value } of rows.rows()) yield value.toArray()
}

/** How the rows of a query over tables are found. */
export function explainPull(options: Omit<PullOptions, 'log'>): {
  readonly plan: PullPlan
  readonly access: string[]
} {
  const plan = planPull(options.analysis, options.context)
  if (options.analysis.inputKind === 'STREAM') {
    const { topic } = options.analysis.sources[0]!.source
    return { plan, access: [`Scan of topic ${topic}, up to where it ends now`] }
  }
  const { rows, isArranged } = compiledPull(plan, options)
  const steps = [
    ...(plan.distinct ? ['DISTINCT in memory'] : []),
    ...(plan.order.length > 0 && !isArranged() ? ['Sort in memory'] : []),
  ]
  return { plan, access: [...steps, ...rows.explain()] }
}

function compiledPull(
  plan: PullPlan,
  { analysis, compiler, tableOf, withoutSqlite = false }: Omit<PullOptions, 'log'>,
): CompiledPull {
  return compilePull(plan, {
    context: new CompilerContext(compiler),
    report: new StageReport(compiler.queryId, 'Project', compiler.log),
    withoutSqlite,
    tableOf({ alias }) {
      const { source } = analysis.sources.find((s) => s.alias === alias)!
      const table = tableOf(source)
      if (table === null) throw notQueryable(source.name)
      return table
    },
  })
}

function notQueryable(name: string): SqlError {
  return new SqlError(
    `The \`${name}\` table isn't queryable. To derive a queryable table, you can do ` +
      `'CREATE TABLE QUERYABLE_${name} AS SELECT * FROM ${name}'. See https://cnfl.io/queries for more info.`,
    { suggestion: 'Add EMIT CHANGES to see its changes instead.' },
  )
}
