import type { PullEquality } from '../analyzer/analysis.js'
import { conjunctsOf } from '../analyzer/pull-join.js'
import { columnsIn, rewrite } from '../analyzer/rewrite.js'
import type { Expression } from '../ast.js'
import { compileAggregation } from '../compile/aggregate-compiler.js'
import type { CompilerContext } from '../compile/compiler-context.js'
import type { StageReport } from '../compile/stage-report.js'
import { compileKey, compilePredicate, compileRow } from '../compile/table-functions.js'
import { SqlError } from '../errors.js'
import { formatExpression } from '../format-sql.js'
import type {
  AggregateNode,
  PlanColumn,
  PlanNode,
  ProjectNode,
  PullJoinNode,
  SourceNode,
} from '../plan/plan-node.js'
import { typeIn } from '../plan/planner-context.js'
import type { PullPlan } from '../plan/pull-planner.js'
import { sameType } from '../types.js'
import { keyLookup } from './key-lookup.js'
import { Filtered, Grouped, HashJoined, type JoinKeys, Projected } from './operators.js'
import type { PullShape, PullSource } from './pull-rows.js'
import { columnsOf, SqliteScan, StoreScan, ValuesScan } from './scans.js'
import { SqliteGroups } from './sqlite-groups.js'
import type { MaterializedTable } from './store-rows.js'

export interface PullEnvironment {
  readonly context: CompilerContext
  readonly report: StageReport
  /** @throws SqlError for a table that nobody keeps */
  readonly tableOf: (source: SourceNode) => MaterializedTable
  /** Leaves SQLite out: all rows come from the stores, and everything is done in memory. Default false. */
  readonly withoutSqlite?: boolean
}

/** A pull query that can be run. */
export interface CompiledPull {
  readonly rows: PullSource
  /** Whether the rows come in the order of the plan, and no more of them than are wanted. */
  isArranged(): boolean
}

/**
 * The plan as a chain of sources of rows. Conditions travel down to the tables they are about, and there into SQLite
 * where pushdown.ts allows it; the order and the number of rows too, when nothing stands between.
 */
export function compilePull(plan: PullPlan, environment: PullEnvironment): CompiledPull {
  const compiler = new PullCompiler(environment)
  const { root } = plan.planned
  const rows = compiler.compile(root, new Set(), [])
  const scan = compiler.bareScan
  if (scan === null || plan.distinct) return { rows, isArranged: () => false }
  const order = plan.order.map(({ column, ...direction }) => {
    const { expression } = root.expressions[column]!
    return { column: expression.kind === 'column' ? expression.name : '', ...direction }
  })
  const isArranged = scan.arrange(order, plan.limit === null ? null : plan.limit + plan.offset)
  return { rows, isArranged: () => isArranged && scan.isSingle }
}

type Names = ReadonlySet<string>

class PullCompiler {
  readonly #environment: PullEnvironment
  readonly #context: CompilerContext
  readonly #report: StageReport
  /** The scan of a query over one table, when all conditions went to SQLite. */
  bareScan: SqliteScan | null = null

  constructor(environment: PullEnvironment) {
    this.#environment = environment
    this.#context = environment.context
    this.#report = environment.report
  }

  /**
   * @param needed the columns that are read of the node
   * @param conditions over its columns, that its rows must meet
   */
  compile(node: PlanNode, needed: Names, conditions: readonly Expression[]): PullSource {
    switch (node.kind) {
      case 'source':
        return this.#scan(node, needed, conditions)
      case 'filter':
        return this.compile(node.input, needed, [...conditions, ...conjunctsOf(node.predicate)])
      case 'project':
        return this.#project(node, conditions)
      case 'aggregate':
        return this.#aggregate(node, conditions)
      case 'pullJoin':
        return this.#join(node, conditions)
      default:
        throw new SqlError("Pull queries don't support table functions.")
    }
  }

  #scan(node: SourceNode, needed: Names, conditions: readonly Expression[]): PullSource {
    if (node.values !== undefined) return this.#filtered(new ValuesScan(node), conditions)
    const table = this.#environment.tableOf(node)
    const found = keyLookup(conditions, node.key, this.#context.functions)
    // Keys with their windows in them are not known from the key's columns alone.
    const lookup = node.window !== null && table.materialization.kind === 'key-value' ? null : found
    if (lookup === null && this.#environment.withoutSqlite !== true) {
      const taken = SqliteScan.over(node, table, needed, conditions, this.#context)
      if (taken !== null) {
        this.bareScan = taken.rest.length === 0 ? taken.scan : null
        return this.#filtered(taken.scan, taken.rest)
      }
    }
    const names = namesOf(conditions, needed)
    const known = new Map(columnsOf(node).map((c) => [c.name, c]))
    const columns = [...known.values()].filter((c) => names.has(c.name))
    return this.#filtered(new StoreScan(node, columns, table, lookup), conditions)
  }

  #filtered(input: PullSource, conditions: readonly Expression[]): PullSource {
    const [first, ...others] = conditions
    if (first === undefined) return input
    const whole = others.reduce<Expression>(
      (left, right) => ({ kind: 'logical', operator: 'AND', left, right, location: left.location }),
      first,
    )
    const accepts = compilePredicate(input.shape, whole, this.#context, this.#report)
    return new Filtered(input, accepts, formatExpression(whole))
  }

  #project(node: ProjectNode, conditions: readonly Expression[]): PullSource {
    const keys = node.newKey === 'same' || node.newKey === null ? null : node.newKey
    const expressions = [...node.expressions, ...(keys ?? [])].map((e) => e.expression)
    // Over plain columns a condition is the same one below.
    const plain = new Map(node.expressions.map((e) => [e.name, e.expression]))
    const below = conditions.filter((c) =>
      [...columnsIn(c)].every((name) => plain.get(name)?.kind === 'column'),
    )
    const above = conditions.filter((c) => !below.includes(c))
    const moved = below.map((c) => rewrite(c, (e) => (e.kind === 'column' ? plain.get(e.name) : undefined)))
    const input = this.compile(node.input, namesOf(expressions), moved)
    return this.#filtered(this.#projected(node, input), above)
  }

  #projected(node: ProjectNode, input: PullSource): PullSource {
    const parts = node.newKey === 'same' || node.newKey === null ? null : node.newKey.map((k) => k.expression)
    const rowOf = compileRow(input.shape, node.expressions, this.#context, this.#report)
    const keyOf = parts && compileKey(input.shape, parts, this.#context, this.#report)
    const shape = { ...node, key: parts === null ? [] : node.key, window: null, virtual: [] } as PullShape
    return new Projected(input, shape, rowOf, keyOf)
  }

  #aggregate(node: AggregateNode, conditions: readonly Expression[]): PullSource {
    const input = node.input as ProjectNode
    const grouping = input.newKey === 'same' || input.newKey === null ? [] : input.newKey
    // What the planner made up, and nobody wrote.
    const isWhole = grouping.length === 1 && grouping[0]!.expression.location === null
    const below = this.compile(
      input.input,
      namesOf([...input.expressions, ...grouping].map((e) => e.expression)),
      [],
    )
    const scan = this.bareScan
    this.bareScan = null
    const inSqlite =
      scan === null || scan !== below ? null : SqliteGroups.over(node, input, grouping, scan, isWhole)
    if (inSqlite !== null) return this.#filtered(inSqlite, conditions)
    const functions = compileAggregation(node, this.#context)
    return this.#filtered(new Grouped(this.#projected(input, below), node, functions, isWhole), conditions)
  }

  #join(node: PullJoinNode, conditions: readonly Expression[]): PullSource {
    const [left, right] = [columnNames(node.left), columnNames(node.right)]
    // A condition on a side that is kept whole leaves out the same rows before the join as after it.
    const takesLeft = node.type === 'INNER' || node.type === 'LEFT'
    const takesRight = node.type === 'INNER' || node.type === 'RIGHT'
    const toLeft = conditions.filter((c) => takesLeft && isOver(c, left))
    const toRight = conditions.filter((c) => takesRight && !toLeft.includes(c) && isOver(c, right))
    const above = conditions.filter((c) => !toLeft.includes(c) && !toRight.includes(c))
    // The partners of rows with a certain key have that key too. A side that is kept whole keeps its other rows.
    const hashed = this.#hashed(node)
    const alsoRight = takesLeft
      ? impliedBy(
          toLeft,
          hashed.map(({ left: a, right: b }) => [a, b]),
        )
      : []
    const alsoLeft = takesRight
      ? impliedBy(
          toRight,
          hashed.map(({ left: a, right: b }) => [b, a]),
        )
      : []
    const sides = [
      this.compile(node.left, left, [...toLeft, ...alsoLeft]),
      this.compile(node.right, right, [...toRight, ...alsoRight]),
    ] as const
    this.bareScan = null
    const { keys, residual } = this.#joinKeys(node, hashed, ...sides)
    const written = [...node.equalities.map((e) => e.written), ...node.residual].map((e) =>
      formatExpression(e),
    )
    const pairs = { ...node, columns: [...sides[0].shape.columns, ...sides[1].shape.columns] } as PullShape
    const accepts = residual === null ? null : compilePredicate(pairs, residual, this.#context, this.#report)
    return this.#filtered(new HashJoined(node, ...sides, keys, accepts, written.join(' AND ')), above)
  }

  /** Values that are equal have one identity where their types are the same; other equalities are asked of each pair. */
  #hashed(node: PullJoinNode): readonly PullEquality[] {
    const context = { ...this.#context.options, partitionsOf: () => 1 }
    return node.equalities.filter((e) =>
      sameType(typeIn(node.left, e.left, context), typeIn(node.right, e.right, context)),
    )
  }

  #joinKeys(
    node: PullJoinNode,
    hashed: readonly PullEquality[],
    left: PullSource,
    right: PullSource,
  ): { readonly keys: JoinKeys | null; readonly residual: Expression | null } {
    const others = [
      ...node.equalities.filter((e) => !hashed.includes(e)).map((e) => e.written),
      ...node.residual,
    ]
    const residual =
      others.length === 0
        ? null
        : others.reduce(
            (a, b): Expression => ({ kind: 'logical', operator: 'AND', left: a, right: b, location: null }),
          )
    if (hashed.length === 0) return { keys: null, residual }
    const keyOf = (side: PullSource, expressions: readonly Expression[]) =>
      compileKey(side.shape, expressions, this.#context, this.#report)
    const keys = {
      left: keyOf(
        left,
        hashed.map((e) => e.left),
      ),
      right: keyOf(
        right,
        hashed.map((e) => e.right),
      ),
    }
    return { keys, residual }
  }
}

/** Conditions that pin a column to constants, as they hold for what is equal to it. */
function impliedBy(
  conditions: readonly Expression[],
  equalities: readonly (readonly [from: Expression, to: Expression])[],
): Expression[] {
  return equalities.flatMap(([from, to]) => {
    if (from.kind !== 'column' || to.kind !== 'column') return []
    const pinning = conditions.filter((c) => pins(c, from.name))
    return pinning.map((c) => rewrite(c, (e) => (e.kind === 'column' ? to : undefined)))
  })
}

/** Whether it says `column = constant` or `column IN (constants)`. */
function pins(e: Expression, column: string): boolean {
  const isEquality = e.kind === 'comparison' && e.operator === '='
  if (!isEquality && e.kind !== 'in') return false
  const isColumn = (side: Expression) => side.kind === 'column' && side.name === column
  if (columnsIn(e).size !== 1) return false
  if (e.kind === 'in') return isColumn(e.value) && e.items.every((item) => columnsIn(item).size === 0)
  return isColumn(e.left) ? columnsIn(e.right).size === 0 : isColumn(e.right) && columnsIn(e.left).size === 0
}

function columnNames(node: PlanNode): Names {
  return new Set(node.columns.map((c: PlanColumn) => c.name))
}

function isOver(condition: Expression, names: Names): boolean {
  return [...columnsIn(condition)].every((name) => names.has(name))
}

function namesOf(expressions: readonly Expression[], also: Names = new Set()): Set<string> {
  const names = new Set(also)
  for (const e of expressions) for (const name of columnsIn(e)) names.add(name)
  return names
}
