import { structure } from '../analyzer/rewrite.js'
import { SqlError } from '../errors.js'
import type { DataSource } from '../metastore.js'
import type { PlanNode, QueryPlan } from '../plan/plan-node.js'
import { type Column, LogicalSchema } from '../schema.js'
import { sameType } from '../types.js'

/*
 * CREATE OR REPLACE: what may change while state and earlier results stay good. Columns may be added at the end,
 * filters and expressions may change; what states are made of may not.
 */

/** @throws SqlError where columns are changed, missing or reordered */
export function checkSchemaEvolution(before: LogicalSchema, after: LogicalSchema, source: DataSource): void {
  const keys = changed(before.key, after.key)
  const refuse = (why: string): SqlError =>
    new SqlError(`Cannot upgrade data source \`${source.name}\` to new schema. (${why})`)
  if (keys.length > 0 || before.key.length !== after.key.length) {
    throw refuse(
      `Key columns must be identical. The following key columns are changed, missing or reordered: ${list(keys)}`,
    )
  }
  const values = changed(before.value, after.value)
  if (values.length > 0) {
    throw refuse(`The following columns are changed, missing or reordered: ${list(values)}`)
  }
}

function changed(before: readonly Column[], after: readonly Column[]): Column[] {
  return before.filter((c, i) => {
    const now = after[i]
    return now === undefined || now.name !== c.name || !sameType(now.type, c.type)
  })
}

function list(columns: readonly Column[]): string {
  return `[${new LogicalSchema(columns).toString()}]`
}

/** @throws SqlError where a step that keeps state is not the same */
export function checkPlanEvolution(before: QueryPlan, after: QueryPlan, source: DataSource): void {
  const [a, b] = [statefulSteps(before.root), statefulSteps(after.root)]
  const refuse = (why: string): SqlError => new SqlError(`Cannot upgrade \`${source.name}\`: ${why}`)
  if (before.sources.join() !== after.sources.join()) {
    throw refuse(`Query reads from [${after.sources.join(', ')}], before from [${before.sources.join(', ')}]`)
  }
  const windowed = [...a, ...b].find((step) => step.kind === 'aggregate' && step.windowing !== null)
  if (windowed !== undefined && planText(before.root) !== planText(after.root)) {
    throw refuse('Upgrades not yet supported for StreamWindowedAggregate')
  }
  const joined = [...a, ...b].find((step) => step.kind === 'join' || step.kind === 'foreignKeyJoin')
  if (joined !== undefined && a.map(describe).join() !== b.map(describe).join()) {
    throw refuse(`Upgrades not yet supported for ${joined.kind}`)
  }
  const [first, second] = [a.find((s) => s.kind === 'aggregate'), b.find((s) => s.kind === 'aggregate')]
  if (first?.kind !== 'aggregate' || second?.kind !== 'aggregate') return
  const inputs = [first, second].map(aggregateInputs)
  if (inputs[0] !== inputs[1]) {
    throw refuse(
      `StreamAggregate must have matching columns not part of aggregate. Values differ: ${inputs[0]} vs. ${inputs[1]}`,
    )
  }
  const states = (node: typeof first): string[] => node.aggregates.map((f) => structure(f.call))
  if (states(first).some((call, i) => states(second)[i] !== call)) {
    throw refuse(
      'StreamAggregate must have the same aggregate functions, in the same order, before any new ones.',
    )
  }
}

/** A script may be run again: what is the same needs no upgrade. */
function planText(root: PlanNode): string {
  return JSON.stringify(root, (name, value: unknown) => {
    if (name === 'location') return undefined
    if (typeof value === 'bigint') return `${value}n`
    if (value instanceof Set) return [...value]
    return value instanceof LogicalSchema ? value.toString() : value
  })
}

/** Columns that the steps below an aggregation read: keys first, and ROWTIME for aggregates over no column. */
function aggregateInputs(node: Extract<PlanNode, { kind: 'aggregate' }>): string {
  const names = new Set<string>(node.key.map((c) => c.name))
  const plain = node.aggregates.flatMap((a) => a.call.args)
  for (const e of plain) if (e.kind === 'column') names.add(e.name)
  if (node.aggregates.some((a) => a.call.star || a.call.args.length === 0)) names.add('ROWTIME')
  const below = (n: PlanNode): void => {
    if (n.kind === 'filter') for (const c of columnNames(n.predicate)) names.add(c)
    if ('input' in n) below(n.input)
  }
  below(node.input)
  return `[${[...names].map((n) => `\`${n}\``).join(', ')}]`
}

function columnNames(expression: unknown): string[] {
  if (typeof expression !== 'object' || expression === null) return []
  const node = expression as { kind?: string; name?: string }
  if (node.kind === 'column') return [node.name!]
  return Object.values(expression).flatMap((v) =>
    Array.isArray(v) ? v.flatMap(columnNames) : columnNames(v),
  )
}

function statefulSteps(node: PlanNode): PlanNode[] {
  switch (node.kind) {
    case 'source':
      return []
    case 'join':
    case 'foreignKeyJoin':
    case 'pullJoin':
      return [...statefulSteps(node.left), ...statefulSteps(node.right), node]
    case 'aggregate':
      return [...statefulSteps(node.input), node]
    default:
      return statefulSteps(node.input)
  }
}

function describe(node: PlanNode): string {
  return `${node.kind}(${node.columns.map((c) => c.name).join(',')})`
}
