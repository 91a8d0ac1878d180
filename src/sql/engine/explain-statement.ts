import type { AnalyzedQuery } from '../analyzer/analyzer.js'
import type { Statement } from '../ast.js'
import { collectSources } from '../compile/bindings.js'
import { compileQuery, compileSourceTable } from '../compile/topology-compiler.js'
import { SqlError } from '../errors.js'
import { formatPlan } from '../plan/format-plan.js'
import { planQuery } from '../plan/logical-planner.js'
import type { PlanColumn, QueryPlan, SourceNode } from '../plan/plan-node.js'
import { namesIn } from '../plan/pull-restrictions.js'
import { withRequiredColumns } from '../plan/required-columns.js'
import { planSource } from '../plan/source-planner.js'
import { declareSource } from '../statements/create-source.js'
import { analyze, type PlanningOptions, planCreateAs, planInsertInto } from '../statements/plan-persistent.js'
import type { StatementResult } from '../statements/statement-result.js'
import { didYouMean } from '../suggestion.js'
import { formatType } from '../types.js'
import { analyzeSections, taskLines } from './explain-analyze.js'
import { explainPull } from './pull-query.js'
import { failureOf, lagOf, lagText, statisticsLine } from './query-figures.js'
import { labelled, resultMessage, section } from './result-table.js'
import { type ExplainContext, type ShownQuery, stateOf } from './show-context.js'
import { topicFigures } from './topic-figures.js'

export type ExplainStatement = Extract<Statement, { kind: 'explain' }>

/**
 * EXPLAIN of a query that runs, by its id, or of a statement that would start one. Explaining a statement checks and
 * plans it as running it would, and neither starts nor creates anything. @throws SqlError
 */
export async function explainStatement(
  statement: ExplainStatement,
  context: ExplainContext,
): Promise<StatementResult> {
  const lines =
    statement.statement === null
      ? await explainRunning(statement, context)
      : await explainPlanned(statement.statement, context)
  return resultMessage(statement, lines.join('\n'))
}

// ------------------------------------------------------------------------------------------ running queries

async function explainRunning(
  { queryId, analyze: live, location }: ExplainStatement,
  context: ExplainContext,
): Promise<string[]> {
  const { queries } = context
  const id = queryId!
  // Ids are upper-case but for what a name in quotes brings in; ids of push queries are lower-case.
  const query = queries.find((q) => q.id === id) ?? queries.find((q) => q.id.toUpperCase() === id)
  if (query === undefined) {
    throw new SqlError(
      `Query with id:${id} does not exist, use SHOW QUERIES to view the full set of queries.`,
      {
        location,
        suggestion: didYouMean(
          id,
          queries.map((q) => q.id),
        ),
      },
    )
  }
  const { plan, topology } = query
  return [
    labelled({
      ID: query.id,
      Type: query.kind,
      State: stateOf(query),
      Failure: failureOf(query),
      Sources: plan.sources.join(', '),
      Sink: plan.sink === null ? null : `${plan.sink.name} (topic ${plan.sink.topic})`,
    }),
    ...(live ? await analyzeSections(query) : []),
    ...planSections(query.statement, plan, topology.describe()),
    ...(live ? [] : section('Runtime', await runtimeLines(query))),
    ...sourceSection(context, () => query.compile()),
  ]
}

async function runtimeLines(query: ShownQuery): Promise<string[]> {
  return [statisticsLine(query), lagText(await lagOf(query)), ...taskLines(query)]
}

// ---------------------------------------------------------------------------------------------- statements

async function explainPlanned(statement: Statement, context: ExplainContext): Promise<string[]> {
  const { settings } = context
  const compiler = context.compilerOptions('EXPLAIN', settings)
  const compile = (plan: QueryPlan) => compileQuery(plan, compiler, () => {})
  const sections = (text: string, plan: QueryPlan): string[] => [
    ...planSections(text, plan, compile(plan).topology.describe()),
    ...sourceSection(context, () => compile(plan)),
  ]
  switch (statement.kind) {
    case 'createAs': {
      const { plan } = planCreateAs(statement, await planningFor(namesIn(statement.query.from), context))
      const title = heading(`${statement.sourceKind} ${statement.name}, persistent`, plan)
      return [title, ...sections(statement.text, plan)]
    }
    case 'insertInto': {
      const names = [...namesIn(statement.query.from), statement.target]
      const { plan } = planInsertInto(statement, await planningFor(names, context))
      const title = heading(`INSERT INTO ${statement.target}, persistent`, plan)
      return [title, ...sections(statement.text, plan)]
    }
    case 'select': {
      const { query } = statement
      const planning = await planningFor(namesIn(query.from), context)
      const analysis = analyze(query, planning)
      if (analysis.isPull) return explainPullQuery(statement, analysis, planning, context)
      const { root } = planQuery(analysis, { sinkName: null, context: planning.context })
      const plan: QueryPlan = { root, sources: analysis.sources.map((s) => s.source.name), sink: null }
      return [heading('push query', plan), ...sections(statement.text, plan)]
    }
    case 'createSource': {
      if (!statement.isSource || statement.sourceKind !== 'TABLE') throw runsNoQuery()
      const { source } = declareSource(statement, context.metastore, settings)
      const root = withRequiredColumns(planSource({ alias: source.name, source }))
      const plan: QueryPlan = { root, sources: [source.name], sink: null }
      const { topology } = compileSourceTable(root as SourceNode, compiler)
      const title = heading(`TABLE ${source.name}, materialised`, plan)
      return [title, ...planSections(statement.text, plan, topology.describe())]
    }
    default:
      throw runsNoQuery()
  }
}

function runsNoQuery(): SqlError {
  return new SqlError('The provided statement does not run a ksql query', {
    suggestion:
      'EXPLAIN takes SELECT, CREATE … AS SELECT, INSERT INTO … SELECT, or the id of a running query.',
  })
}

function heading(what: string, { root, sources, sink }: QueryPlan): string {
  const columns = (list: readonly PlanColumn[], mark: string) =>
    list.map((c) => `${c.name} ${formatType(c.type)}${mark}`)
  const key = sink?.schema.key ?? []
  return labelled({
    Query: what,
    Result: `${root.output} (${[...columns(key, ' KEY'), ...columns(root.columns, '')].join(', ')})`,
    Sources: sources.join(', '),
    Sink: sink === null ? null : `${sink.name} (topic ${sink.topic})`,
  })
}

/** With how its rows are found. */
function explainPullQuery(
  { text }: Extract<Statement, { kind: 'select' }>,
  analysis: AnalyzedQuery,
  { context: planner }: PlanningOptions,
  context: ExplainContext,
): string[] {
  const compiler = context.compilerOptions('EXPLAIN', context.settings)
  const options = { analysis, context: planner, compiler, tableOf: context.tableOf }
  const { plan: pulled, access } = explainPull(options)
  const plan: QueryPlan = {
    root: pulled.planned.root,
    sources: analysis.sources.map((s) => s.source.name),
    sink: null,
  }
  const shown = { ...plan, root: { ...plan.root, columns: pulled.columns } }
  return [heading('pull query', shown), ...section('Access', access), ...planSections(text, plan, null)]
}

/** @param names of all sources whose partition counts the planner may ask for */
async function planningFor(names: readonly string[], context: ExplainContext): Promise<PlanningOptions> {
  const { metastore, functions, settings, admin } = context
  const counts = new Map<string, number>()
  for (const name of names) {
    const topic = metastore.find(name)?.topic
    const figures = topic === undefined ? null : await topicFigures(admin, topic)
    if (figures !== null) counts.set(topic!, figures.partitions)
  }
  return {
    metastore,
    settings,
    context: {
      functions,
      customType: (name) => metastore.types.get(name),
      partitionsOf: (topic) => counts.get(topic) ?? 1,
    },
  }
}

/** The JavaScript that the expressions of the query have become, where a setting asks for it. */
function sourceSection({ settings }: ExplainContext, compile: () => unknown): string[] {
  if (!settings.enabled('ksql.explain.generated.source')) return []
  return section('Generated source', [collectSources(compile).join('\n\n')])
}

function planSections(statement: string, plan: QueryPlan, topology: string | null): string[] {
  return [
    ...section('Statement', [statement.trim()]),
    ...section('Logical plan', [formatPlan(plan)]),
    ...(topology === null ? [] : section('Processing topology', [topology.trimEnd()])),
  ]
}
