import type { AnalyzedJoin, SourceTree } from '../analyzer/analysis.js'
import type { NameScope } from '../analyzer/name-scope.js'
import { columnsIn, sameExpression } from '../analyzer/rewrite.js'
import type { Expression } from '../ast.js'
import { SqlError } from '../errors.js'
import { formatExpression, formatIdentifier } from '../format-sql.js'
import { formatType, type SqlType, sameType } from '../types.js'
import type { ForeignKeyJoinNode, JoinNode, PlanColumn, PlanNode, ProjectNode } from './plan-node.js'
import { type PlannerContext, typeIn } from './planner-context.js'
import { planPullJoin } from './pull-join-planner.js'
import { column, type QueryKeys } from './query-keys.js'
import { planSource } from './source-planner.js'

/** An input of a join, or its result, with what its key is equal to. */
export interface JoinSide {
  readonly node: PlanNode
  readonly keys: QueryKeys
  readonly partitions: number
}

export interface JoinPlanner {
  readonly scope: NameScope
  /** Plan names of the columns that anything in the query reads. */
  readonly used: ReadonlySet<string>
  readonly context: PlannerContext
}

/** Plans the FROM clause of a query with joins: left-deep, as written. */
export function planJoins(tree: SourceTree, planner: JoinPlanner): JoinSide {
  if (tree.kind === 'source') return planLeaf(tree.source.alias, planner)
  const left = planJoins(tree.left, planner)
  const right = planLeaf(tree.right.source.alias, planner)
  try {
    if (tree.kind === 'pullJoin') return planPullJoin(tree, left, right, planner)
    return joinSides(tree, left, right, planner)
  } catch (error) {
    if (error instanceof SqlError) error.location ??= tree.location
    throw error
  }
}

/** A source under its joined names, with only the columns that are read. */
function planLeaf(alias: string, { scope, used, context }: JoinPlanner): JoinSide {
  const source = planSource(scope.source(alias))
  const available = [...source.key, ...source.columns, ...source.virtual]
  const expressions = available
    .map((c) => ({ name: scope.planName(alias, c.name), type: c.type, expression: column(c.name) }))
    .filter((c) => used.has(c.name))
  const node: ProjectNode = {
    kind: 'project',
    input: source,
    output: source.output,
    key: source.key.map((c) => ({ name: `KEY(${scope.planName(alias, c.name)})`, type: c.type })),
    columns: expressions.map(({ name, type }) => ({ name, type })),
    window: source.window,
    virtual: [],
    expressions,
    newKey: 'same',
    clause: 'JOIN ON',
    nullKeys: 'keep',
  }
  return {
    node,
    keys: {
      origin: 'source',
      synthetic: false,
      columns: source.key.map((c) => {
        const name = scope.planName(alias, c.name)
        return { name, type: c.type, matches: [column(name)], written: [scope.qualified(column(name))] }
      }),
    },
    partitions: context.partitionsOf(source.topic),
  }
}

function joinSides(join: AnalyzedJoin, left: JoinSide, right: JoinSide, planner: JoinPlanner): JoinSide {
  const leftName = nameOf(join.leftExpression, planner)
  const rightName = join.right.source.alias
  const described = `${leftName} ${joinText[join.type]} ${rightName}`
  const onKeys = {
    left: isKey(join.leftExpression, left.keys),
    right: isKey(join.rightExpression, right.keys),
  }
  checkInputs(join, left, right, described)
  checkTypes(join, left, right, planner)
  if (left.node.output === 'TABLE' && !onKeys.left) {
    return foreignKeyJoin(join, left, right, onKeys.right, planner)
  }
  checkKeys(join, right, onKeys)
  checkWindows(join, left, right, leftName, onKeys)
  if (left.partitions !== right.partitions) {
    throw new SqlError(
      `Can't join \`${leftName}\` with \`${rightName}\` since the number of partitions don't match. ` +
        `\`${leftName}\` partitions = ${left.partitions}; \`${rightName}\` partitions = ${right.partitions}. ` +
        'Please repartition either one so that the number of partitions match.',
      { suggestion: repartitioning(left, right, join) },
    )
  }
  const keys = joinKeys(join, left, right, onKeys, planner)
  const node: JoinNode = {
    kind: 'join',
    type: join.type,
    left: onKeys.left ? left.node : rekey(left.node, join.leftExpression, planner),
    right: onKeys.right ? right.node : rekey(right.node, join.rightExpression, planner),
    within: join.within,
    output: left.node.output === 'TABLE' ? 'TABLE' : 'STREAM',
    key: [{ name: keys.synthetic ? keys.columns[0]!.name : 'KEY()', type: keys.columns[0]!.type }],
    columns: [...left.node.columns, ...right.node.columns],
    window: left.node.window,
    virtual: [],
  }
  return { node, keys, partitions: right.partitions }
}

const joinText = {
  INNER: '[INNER] JOIN',
  LEFT: 'LEFT [OUTER] JOIN',
  RIGHT: 'RIGHT [OUTER] JOIN',
  OUTER: '[FULL] OUTER JOIN',
}

function nameOf(expression: Expression, { scope }: JoinPlanner): string {
  const [first] = columnsIn(expression)
  return first === undefined ? '' : (scope.originOf(first)?.alias ?? '')
}

function isKey(expression: Expression, keys: QueryKeys): boolean {
  const [key] = keys.columns
  if (key === undefined || keys.columns.length > 1) return false
  return [...key.matches, ...(key.equal ?? [])].some((e) => sameExpression(e, expression))
}

function checkInputs(join: AnalyzedJoin, left: JoinSide, right: JoinSide, described: string): void {
  const kinds = `${left.node.output}-${right.node.output}`
  if (kinds === 'TABLE-STREAM') {
    throw new SqlError(
      'Invalid join order: table-stream joins are not supported; only stream-table joins. ' +
        `Got ${described}.`,
      { suggestion: 'Swap the two sides: FROM the stream JOIN the table.' },
    )
  }
  if (kinds === 'STREAM-STREAM' && join.within === null) {
    throw new SqlError(
      `Stream-Stream joins must have a WITHIN clause specified. None was provided. Got ${described}.`,
      { suggestion: 'Say how far apart in time two rows may be: … JOIN … WITHIN 1 HOUR ON …' },
    )
  }
  if (kinds !== 'STREAM-STREAM' && join.within !== null) {
    const name = kinds === 'STREAM-TABLE' ? 'Stream-Table' : 'Table-Table'
    throw new SqlError(
      `A window definition was provided for a ${name} join. These joins are not windowed. ` +
        'Please drop the window definition (ie. the WITHIN clause) and try to execute your join again.',
    )
  }
  if (kinds === 'STREAM-TABLE' && (join.type === 'OUTER' || join.type === 'RIGHT')) {
    const name = join.type === 'OUTER' ? 'full-outer' : 'right-outer'
    throw new SqlError(
      `Invalid join type: ${name} join not supported for stream-table join. Got ${described}.`,
    )
  }
}

function checkTypes(join: AnalyzedJoin, left: JoinSide, right: JoinSide, planner: JoinPlanner): void {
  const types = [
    typeIn(left.node, join.leftExpression, planner.context),
    typeIn(right.node, join.rightExpression, planner.context),
  ] as const
  if (sameType(types[0], types[1])) return
  const text = (e: Expression, type: SqlType): string => `${planner.scope.qualified(e)}{${formatType(type)}}`
  throw new SqlError(
    "Invalid join condition: types don't match. " +
      `Got ${text(join.leftExpression, types[0])} = ${text(join.rightExpression, types[1])}.`,
    { suggestion: joinCast(join, left, types, planner) },
  )
}

/** The side that can be re-keyed is the one to be cast: a stream. */
function joinCast(
  join: AnalyzedJoin,
  left: JoinSide,
  [leftType, rightType]: readonly [SqlType, SqlType],
  { scope }: JoinPlanner,
): string {
  const onLeft = left.node.output === 'STREAM'
  const [side, type] = onLeft ? [join.leftExpression, rightType] : [join.rightExpression, leftType]
  return `Join on CAST(${scope.qualified(side)} AS ${formatType(type)}) instead of ${scope.qualified(side)}.`
}

/** The statement that gives one side as many partitions as the other has; of a stream rather than of a table. */
function repartitioning(
  left: JoinSide,
  right: JoinSide,
  { left: leftTree, right: { source } }: AnalyzedJoin,
): string {
  const first = leftTree.kind === 'source' ? leftTree.source.source : null
  const [kind, name, partitions] =
    first?.kind === 'STREAM'
      ? ([first.kind, first.name, right.partitions] as const)
      : ([source.source.kind, source.source.name, left.partitions] as const)
  const copy = formatIdentifier(`${name}_${partitions}`)
  return `Run CREATE ${kind} ${copy} WITH (PARTITIONS = ${partitions}) AS SELECT * FROM ${formatIdentifier(name)}; and join ${copy}.`
}

function checkKeys(
  join: AnalyzedJoin,
  right: JoinSide,
  onKeys: { readonly left: boolean; readonly right: boolean },
): void {
  if (right.node.output !== 'TABLE' || onKeys.right) return
  const streamTable = join.left.kind === 'source' ? join.left.source.source.kind === 'STREAM' : true
  throw new SqlError(
    streamTable
      ? `Invalid join condition: stream-table joins require to join on the table's primary key. Got ${join.on}.`
      : `Invalid join condition: table-table joins require to join on the primary key of the right input table. Got ${join.on}.`,
  )
}

function checkWindows(
  join: AnalyzedJoin,
  left: JoinSide,
  right: JoinSide,
  leftName: string,
  onKeys: { readonly left: boolean; readonly right: boolean },
): void {
  const [a, b] = [left.node.window, right.node.window]
  const rightName = join.right.source.alias
  const describe = (name: string, side: JoinSide): string =>
    `\`${name}\` is ${side.node.window === null ? 'not' : side.node.window.type} windowed`
  if ((a === null) !== (b === null)) {
    throw new SqlError(
      `Can not join windowed source to non-windowed source.\n${describe(leftName, left)}\n${describe(rightName, right)}`,
    )
  }
  if (a === null || b === null) return
  if ((a.type === 'SESSION') !== (b.type === 'SESSION')) {
    throw new SqlError(
      `Incompatible windowed sources.\nLeft source: ${a.type}\nRight source: ${b.type}\n` +
        'Session windowed sources can only be joined to other session windowed sources, ' +
        'and may still not result in expected behaviour as session bounds must be an exact match for the join to work\n' +
        'Hopping and tumbling windowed sources can only be joined to other hopping and tumbling windowed sources',
    )
  }
  if (!onKeys.left || !onKeys.right || a.sizeMs !== b.sizeMs) {
    throw new SqlError('Implicit repartitioning of windowed sources is not supported.')
  }
}

function rekey(input: PlanNode, expression: Expression, { context }: JoinPlanner): ProjectNode {
  const key: PlanColumn = { name: 'KEY()', type: typeIn(input, expression, context) }
  return {
    kind: 'project',
    input,
    output: input.output,
    key: [key],
    columns: input.columns,
    window: null,
    virtual: [],
    expressions: input.columns.map((c) => ({ ...c, expression: column(c.name) })),
    newKey: [{ ...key, expression }],
    clause: 'JOIN ON',
    nullKeys: 'keep',
  }
}

function joinKeys(
  join: AnalyzedJoin,
  left: JoinSide,
  right: JoinSide,
  onKeys: { readonly left: boolean; readonly right: boolean },
  planner: JoinPlanner,
): QueryKeys {
  const type = typeIn(left.node, join.leftExpression, planner.context)
  const matches: Expression[] = []
  const equal: Expression[] = []
  const add = (side: JoinSide, expression: Expression, onKey: boolean): void => {
    if (onKey && !side.keys.synthetic) matches.push(...side.keys.columns[0]!.matches)
    else if (expression.kind === 'column') matches.push(expression)
    equal.push(...(onKey ? (side.keys.columns[0]!.equal ?? []) : [expression]))
  }
  if (join.type !== 'OUTER') {
    add(left, join.leftExpression, onKeys.left)
    add(right, join.rightExpression, onKeys.right)
  }
  if (matches.length > 0) {
    const first = matches[0]!
    const name = first.kind === 'column' ? first.name : formatExpression(first)
    const written = matches.map((m) => planner.scope.qualified(m))
    return { origin: 'join', synthetic: false, columns: [{ name, type, matches, written, equal }] }
  }
  const name = syntheticName([...left.node.columns, ...right.node.columns], planner)
  return {
    origin: 'join',
    synthetic: true,
    columns: [{ name, type, matches: [column(name)], written: [name], equal }],
  }
}

/** `ROWKEY`, or `ROWKEY_1` … where a source has a column of that name. */
function syntheticName(columns: readonly PlanColumn[], { scope }: JoinPlanner): string {
  const taken = new Set(columns.map((c) => c.name))
  for (const { source } of scope.sources) for (const c of source.schema.columns) taken.add(c.name)
  if (!taken.has('ROWKEY')) return 'ROWKEY'
  for (let i = 1; ; i++) if (!taken.has(`ROWKEY_${i}`)) return `ROWKEY_${i}`
}

function foreignKeyJoin(
  join: AnalyzedJoin,
  left: JoinSide,
  right: JoinSide,
  onRightKey: boolean,
  planner: JoinPlanner,
): JoinSide {
  if (!onRightKey) {
    throw new SqlError(
      'Invalid join condition: table-table joins require to join on the primary key of the right input table. ' +
        `Got ${join.on}.`,
    )
  }
  if (left.node.window !== null || right.node.window !== null) {
    throw new SqlError('Foreign-key table-table joins are not supported on windowed tables.')
  }
  if (join.type === 'RIGHT' || join.type === 'OUTER') {
    throw new SqlError(
      `${join.type === 'RIGHT' ? 'RIGHT' : 'FULL'} OUTER JOIN on a foreign key is not supported`,
    )
  }
  const node: ForeignKeyJoinNode = {
    kind: 'foreignKeyJoin',
    type: join.type,
    left: left.node,
    right: right.node,
    foreignKey: join.leftExpression,
    output: 'TABLE',
    key: left.node.key,
    columns: [...left.node.columns, ...right.node.columns],
    window: null,
    virtual: [],
  }
  const leftTable = left.keys.leftTable ?? planner.scope.originOf(left.keys.columns[0]!.name)?.alias ?? ''
  return {
    node,
    keys: { ...left.keys, origin: 'foreignKeyJoin', leftTable },
    partitions: left.partitions,
  }
}
