import type { Serde } from '../../serde/index.js'
import type { TableLayout } from '../../state/index.js'
import {
  EmitStrategy,
  JoinWindows,
  type KStream,
  KTable,
  SessionWindows,
  StreamsBuilder,
  TimeWindows,
  type Topology,
} from '../../streams/index.js'
import type { Expression } from '../ast.js'
import type { FormatInfo } from '../metastore.js'
import type {
  AggregateNode,
  ForeignKeyJoinNode,
  JoinNode,
  PlanColumn,
  PlanNode,
  ProjectNode,
  QueryPlan,
  SinkPlan,
  SourceNode,
} from '../plan/plan-node.js'
import { compileAggregation } from './aggregate-compiler.js'
import { CompilerContext, type CompilerOptions } from './compiler-context.js'
import { joinEagerly } from './eager-join.js'
import { keyFormatOf, partitionedBy, sameFormat } from './key-formats.js'
import { compileSinkStage } from './sink-stage.js'
import { compileStreamStage, type StageNode } from './stage-compiler.js'
import { StageReport } from './stage-report.js'
import type { StoredTable, StoredValues } from './stored-table.js'
import { selectAbove, storedRows, storedStates } from './stored-values.js'
import {
  compileJoiner,
  compileKey,
  compilePredicate,
  compileRow,
  type JoinedColumn,
  type JoinSide,
  pickedColumns,
  renamedRows,
  wholeRows,
} from './table-functions.js'
import { typedTable } from './table-layout.js'
import { timestampExtractor } from './timestamp-column.js'

/*
 * Plan to topology. Streams are KStreams of rows, tables KTables; every run of filters and projections on a stream is
 * one generated function. Internal topics and stores hold rows as JSON, under keys as key-formats.ts says.
 */

type AnyLayout = TableLayout<unknown, NonNullable<unknown>>

interface StoreSerdes {
  readonly keySerde: Serde<NonNullable<unknown>>
  readonly valueSerde: Serde<NonNullable<unknown>>
}

type AnyStream = KStream<unknown, unknown>
type AnyTable = KTable<unknown, unknown>

/** Where a pull query finds the rows of a query's result. */
export interface Materialization {
  readonly storeName: string
  readonly kind: 'key-value' | 'window' | 'session'
  /** From what the store holds to the row of the result; null where a row does not belong to it. */
  readonly rowOf: (key: unknown, value: unknown) => unknown
  /** The rows as SQLite has them; null where they have to be made by `rowOf`. */
  readonly stored: StoredTable | null
}

/** The table whose rows a query keeps for pull queries. */
interface KeptTable {
  readonly name: string
  readonly root: PlanNode
}

export interface CompiledQuery {
  readonly topology: Topology
  readonly materialization: Materialization | null
}

const internalFormat: FormatInfo = { name: 'JSON', properties: {}, features: [] }

/** @param output takes the rows of a push query, which has no sink */
export function compileQuery(
  plan: QueryPlan,
  options: CompilerOptions,
  output?: (stream: AnyStream, isTable: boolean) => void,
): CompiledQuery {
  const kept = plan.sink === null ? null : { name: plan.sink.name, root: plan.root }
  const compiler = new TopologyCompiler(options, kept)
  const root = compiler.compile(plan.root)
  const stream = root instanceof KTable ? root.toStream() : root
  if (plan.sink === null) output?.(stream as AnyStream, root instanceof KTable)
  else compiler.sink(stream as AnyStream, plan.sink, plan.root)
  return { topology: compiler.builder.build(), materialization: compiler.materialization }
}

/** CREATE SOURCE TABLE: nothing but the table in a store. */
export function compileSourceTable(source: SourceNode, options: CompilerOptions): CompiledQuery {
  const compiler = new TopologyCompiler(options, { name: source.name, root: source })
  compiler.materializedSource(source)
  return { topology: compiler.builder.build(), materialization: compiler.materialization }
}

class TopologyCompiler {
  readonly builder = new StreamsBuilder()
  readonly #context: CompilerContext
  readonly #options: CompilerOptions
  readonly #kept: KeptTable | null
  materialization: Materialization | null = null

  constructor(options: CompilerOptions, kept: KeptTable | null) {
    this.#options = options
    this.#kept = kept
    this.#context = new CompilerContext(options)
  }

  compile(node: PlanNode): AnyStream | AnyTable {
    return node.output === 'STREAM' ? this.#stream(node) : this.#table(node)
  }

  // ------------------------------------------------------------------------------------------- streams

  #stream(node: PlanNode): AnyStream {
    switch (node.kind) {
      case 'source':
        return this.#source(node)
      case 'join':
        return this.#streamJoin(node)
      case 'filter':
      case 'flatMap':
      case 'project': {
        const steps: StageNode[] = []
        let input: PlanNode = node
        while (input.kind === 'filter' || input.kind === 'flatMap' || input.kind === 'project') {
          steps.unshift(input)
          input = input.input
        }
        const picked = input.kind === 'join' && steps.length === 1 ? pickedColumns(steps[0]!, input) : null
        if (picked !== null) return this.#streamJoin(input as JoinNode, picked)
        const above = this.#stream(input)
        const operator = compileStreamStage(input, steps, this.#context, this.#report('Project'))
        const changesKey = steps.some((s) => s.kind === 'project' && s.newKey !== 'same')
        return above.processBatches(operator, { changesKey, changesValue: true })
      }
      default:
        throw new Error(`a ${node.kind} is no stream`)
    }
  }

  #source(node: SourceNode): AnyStream {
    return this.builder.stream(node.topic, this.#consumed(node))
  }

  #consumed(node: SourceNode) {
    const extractor =
      node.timestamp === null ? undefined : timestampExtractor(node, node.timestamp, this.#options)
    return {
      keySerde: this.#options.keySerde({
        format: node.keyFormat,
        columns: node.key,
        topic: node.topic,
        window: node.window,
      }) as Serde<NonNullable<unknown>>,
      valueSerde: this.#options.valueSerde({
        format: node.valueFormat,
        topic: node.topic,
        columns: node.schema.value,
        usedColumns: node.usedColumns,
      }) as Serde<NonNullable<unknown>>,
      ...(extractor === undefined ? {} : { timestampExtractor: extractor }),
    }
  }

  /** @param picked the columns of the result; null: all */
  #streamJoin(node: JoinNode, picked: readonly JoinedColumn[] | null = null): AnyStream {
    if (node.right.output === 'TABLE') return this.#streamTableJoin(node, picked)
    const left = this.#alignedStream(node.left, node)
    const joiner = compileJoiner(wholeRows(node.left), wholeRows(node.right), picked)
    const serdes = {
      keySerde: this.#keySerde(node),
      valueSerde: this.#rowSerde(node.left.columns),
      otherValueSerde: this.#rowSerde(node.right.columns),
    }
    const right = this.#alignedStream(node.right, node)
    const within = node.within!
    if (within.graceMs === null && node.type !== 'INNER') {
      return joinEagerly(this.builder, {
        left: this.#repartitioned(left, node.left, serdes.keySerde, 'Join-left'),
        right: this.#repartitioned(right, node.right, serdes.keySerde, 'Join-right'),
        type: node.type,
        beforeMs: within.beforeMs,
        afterMs: within.afterMs,
        name: this.#context.newName('Join'),
        keySerde: serdes.keySerde,
        leftSerde: serdes.valueSerde,
        rightSerde: serdes.otherValueSerde,
        joiner,
      })
    }
    const graceMs = within.graceMs ?? 24 * 3_600_000
    const windows = JoinWindows.ofTimeDifferenceAndGrace(0, graceMs)
      .before(within.beforeMs)
      .after(within.afterMs)
    switch (node.type) {
      case 'INNER':
        return left.join(right, joiner, windows, serdes)
      case 'LEFT':
        return left.leftJoin(right, joiner, windows, serdes)
      case 'OUTER':
        return left.outerJoin(right, joiner, windows, serdes)
      case 'RIGHT': {
        const mirrored = JoinWindows.ofTimeDifferenceAndGrace(0, graceMs)
          .before(within.afterMs)
          .after(within.beforeMs)
        return right.leftJoin(left, (r: unknown, l: unknown) => joiner(l, r), mirrored, {
          ...serdes,
          valueSerde: serdes.otherValueSerde,
          otherValueSerde: serdes.valueSerde,
        })
      }
    }
  }

  #streamTableJoin(node: JoinNode, picked: readonly JoinedColumn[] | null): AnyStream {
    const [left, right] = [node.left, node.right].map((side) => {
      const format = partitionedBy(side)
      const isMoved = format !== null && !sameFormat(format, keyFormatOf(node))
      return (isMoved ? null : renamedRows(side)) ?? wholeRows(side)
    }) as [JoinSide, JoinSide]
    const joiner = compileJoiner(left, right, picked)
    const stream = this.#alignedStream(left.node, node)
    const table = this.#alignedTable(right.node, node)
    const serdes = {
      keySerde: this.#keySerde(node),
      valueSerde: this.#rowSerde(left.node.columns),
      otherValueSerde: this.#rowSerde(right.node.columns),
    }
    return node.type === 'INNER' ? stream.join(table, joiner, serdes) : stream.leftJoin(table, joiner, serdes)
  }

  /** One side of a join, through a repartition topic where its keys are written in another format than the join's. */
  #alignedStream(side: PlanNode, join: JoinNode): AnyStream {
    const stream = this.#stream(side)
    const format = partitionedBy(side)
    if (format === null || sameFormat(format, keyFormatOf(join))) return stream
    return stream.repartition({ keySerde: this.#keySerde(join), valueSerde: this.#rowSerde(side.columns) })
  }

  /** Through a topic of its own where the join has a new key. */
  #repartitioned(
    stream: AnyStream,
    node: PlanNode,
    keySerde: Serde<NonNullable<unknown>>,
    name: string,
  ): AnyStream {
    if (node.kind !== 'project' || node.newKey === 'same') return stream
    return stream.repartition({
      name: this.#context.newName(name),
      keySerde,
      valueSerde: this.#rowSerde(node.columns),
    })
  }

  // -------------------------------------------------------------------------------------------- tables

  #table(node: PlanNode): AnyTable {
    switch (node.kind) {
      case 'source':
        return this.#sourceTable(node)
      case 'filter': {
        const above = this.#table(node.input)
        const report = this.#report(node.clause === 'WHERE' ? 'Where' : 'Having')
        const predicate = compilePredicate(node.input, node.predicate, this.#context, report)
        this.#narrow((key, value) => (predicate(key, value) ? value : null))
        return above.filter(predicate)
      }
      case 'project':
        return this.#tableProject(node)
      case 'aggregate':
        return this.#aggregate(node)
      case 'join':
        return this.#tableJoin(node)
      case 'foreignKeyJoin':
        return this.#foreignKeyJoin(node)
      case 'flatMap':
        throw new Error('table functions work on streams')
      case 'pullJoin':
        throw new Error('a pull query has no topology')
    }
  }

  #sourceTable(node: SourceNode): AnyTable {
    const materialized = {
      store: this.#context.newName('Source'),
      keySerde: this.#keySerde(node),
      valueSerde: this.#rowSerde(node.columns),
    }
    if (node.columns.length === node.schema.value.length) {
      return this.builder.table(node.topic, { ...this.#consumed(node), materialized })
    }
    const stage = carryVirtualColumns(node)
    const operator = compileStreamStage(stage.input, [stage], this.#context, this.#report('Source'))
    return this.#source(node)
      .processBatches(operator, { changesValue: true })
      .toTable(materialized) as AnyTable
  }

  materializedSource(node: SourceNode): void {
    const storeName = 'Materialize'
    const { materialized, stored } = this.#typed(node, 'key-value', storedRows(node.columns), {
      store: storeName,
      keySerde: this.#keySerde(node),
      valueSerde: this.#rowSerde(node.columns),
    })
    this.builder.table(node.topic, { ...this.#consumed(node), materialized })
    this.materialization = { storeName, kind: 'key-value', rowOf: (_key, value) => value, stored }
  }

  /** @param keep in a store of its own: what foreign-key joins read has to have serdes */
  #tableProject(node: ProjectNode, keep = false): AnyTable {
    const above = this.#table(node.input)
    const row = compileRow(node.input, node.expressions, this.#context, this.#report('Project'))
    if (node.clause === 'SELECT' && this.materialization === null) {
      const storeName = 'Materialize'
      const { materialized, stored } = this.#typed(node, 'key-value', storedRows(node.columns), {
        store: storeName,
        keySerde: this.#keySerde(node),
        valueSerde: this.#rowSerde(node.columns),
      })
      this.materialization = { storeName, kind: 'key-value', rowOf: (_key, value) => value, stored }
      return above.mapValues<unknown>((value, key) => row(key, value), materialized) as AnyTable
    }
    this.#narrow((key, value) => row(key, value))
    if (keep) {
      const kept = { keySerde: this.#keySerde(node), valueSerde: this.#rowSerde(node.columns) }
      return above.mapValues<unknown>((value, key) => row(key, value), kept) as AnyTable
    }
    return above.mapValues<unknown>((value, key) => row(key, value)) as AnyTable
  }

  /** What pull queries have to do to a stored row, now that there is another step after the store. */
  #narrow(step: (key: unknown, value: unknown) => unknown): void {
    const before = this.materialization
    if (before === null) return
    this.materialization = {
      ...before,
      rowOf: (key, stored) => {
        const value = before.rowOf(key, stored)
        return value === null ? null : step(key, value)
      },
    }
  }

  #aggregate(node: AggregateNode): AnyTable {
    const input = node.input as ProjectNode
    const functions = compileAggregation(node, this.#context)
    const storeName = 'Aggregate-Materialize'
    const { windowing } = node
    const kind = windowing === null ? 'key-value' : windowing.kind === 'session' ? 'session' : 'window'
    const select = this.#kept === null ? null : selectAbove(this.#kept.root, node)
    const states = select === null ? null : storedStates(node, select, functions, this.#context)
    const { materialized, stored } = this.#typed(node, kind, states, {
      store: storeName,
      keySerde: this.#keySerde({ ...node, window: null } as AggregateNode),
      valueSerde: this.#rowSerde(functions.state),
      ...(windowing?.retentionMs == null ? {} : { retentionMs: windowing.retentionMs }),
    })
    const table =
      input.output === 'TABLE'
        ? this.#aggregateTable(input, functions, materialized)
        : this.#aggregateStream(node, input, functions, materialized)
    this.materialization = {
      storeName,
      kind,
      rowOf: (_key, state) => functions.result(state),
      stored,
    }
    return table.mapValues<unknown>((state) => functions.result(state)) as AnyTable
  }

  #aggregateTable(
    input: ProjectNode,
    functions: ReturnType<typeof compileAggregation>,
    materialized: object,
  ): AnyTable {
    const source = input.input
    const grouping = input.newKey as readonly (PlanColumn & { expression: Expression })[]
    const above = this.#table(source)
    const report = this.#report('Aggregate')
    const keyOf = compileKey(
      source,
      grouping.map((g) => g.expression),
      this.#context,
      report,
    )
    const rowOf = compileRow(source, input.expressions, this.#context, report)
    return above
      .groupBy((key, value) => [keyOf(key, value), rowOf(key, value)], {
        keySerde: this.#keySerde(input),
        valueSerde: this.#rowSerde(input.columns),
      })
      .aggregate(
        functions.initialize,
        functions.add as never,
        functions.subtract! as never,
        materialized,
      ) as AnyTable
  }

  #aggregateStream(
    node: AggregateNode,
    input: ProjectNode,
    functions: ReturnType<typeof compileAggregation>,
    materialized: object,
  ): AnyTable {
    const { windowing } = node
    const grouped = this.#stream(input).groupByKey({
      keySerde: this.#keySerde(input),
      valueSerde: this.#rowSerde(input.columns),
    })
    if (windowing === null) {
      return grouped.aggregate(functions.initialize, functions.add as never, materialized) as AnyTable
    }
    const emit = node.emit === 'FINAL' ? EmitStrategy.onWindowClose() : EmitStrategy.onWindowUpdate()
    if (windowing.kind === 'session') {
      return grouped
        .windowedBy(SessionWindows.ofInactivityGapAndGrace(windowing.gapMs, windowing.graceMs))
        .emitStrategy(emit)
        .aggregate(functions.initialize, functions.add as never, functions.merge, materialized) as never
    }
    return grouped
      .windowedBy(
        TimeWindows.ofSizeAndGrace(windowing.sizeMs, windowing.graceMs).advanceBy(windowing.advanceMs),
      )
      .emitStrategy(emit)
      .aggregate(functions.initialize, functions.add as never, materialized) as never
  }

  #tableJoin(node: JoinNode): AnyTable {
    const left = this.#alignedTable(node.left, node)
    const right = this.#alignedTable(node.right, node)
    const joiner = compileJoiner(wholeRows(node.left), wholeRows(node.right))
    switch (node.type) {
      case 'INNER':
        return left.join(right, joiner) as AnyTable
      case 'LEFT':
        return left.leftJoin(right, joiner) as AnyTable
      case 'OUTER':
        return left.outerJoin(right, joiner) as AnyTable
      case 'RIGHT':
        return right.leftJoin(left, (r: unknown, l: unknown) => joiner(l, r)) as AnyTable
    }
  }

  /** As with streams: rows whose keys are written in another format than the join's move to where its keys belong. */
  #alignedTable(side: PlanNode, join: JoinNode): AnyTable {
    return this.#movedTable(this.#table(side), side, keyFormatOf(join))
  }

  #movedTable(table: AnyTable, side: PlanNode, target: FormatInfo): AnyTable {
    const format = partitionedBy(side)
    if (format === null || sameFormat(format, target)) return table
    const serdes = {
      keySerde: this.#options.keySerde({
        format: target,
        columns: side.key,
        window: side.window,
      }) as Serde<NonNullable<unknown>>,
      valueSerde: this.#rowSerde(side.columns),
    }
    return table
      .toStream()
      .repartition(serdes as never)
      .toTable(serdes) as AnyTable
  }

  #foreignKeyJoin(node: ForeignKeyJoinNode): AnyTable {
    const [left, right] = [node.left, node.right].map((side) => {
      const table = side.kind === 'project' ? this.#tableProject(side, true) : this.#table(side)
      return this.#movedTable(table, side, keyFormatOf(side))
    }) as [AnyTable, AnyTable]
    const joiner = compileJoiner(wholeRows(node.left), wholeRows(node.right))
    const keyOf = compileKey(node.left, [node.foreignKey], this.#context, this.#report('ForeignKey'))
    const extract = (value: unknown, key: unknown): unknown => keyOf(key, value)
    const options = {
      keySerde: this.#keySerde(node),
      valueSerde: this.#rowSerde(node.columns),
      foreignKeySerde: this.#keySerde(node.right),
    }
    return (
      node.type === 'INNER'
        ? left.join(right, extract, joiner, options)
        : left.leftJoin(right, extract, joiner, options)
    ) as AnyTable
  }

  // --------------------------------------------------------------------------------------------- sinks

  sink(stream: AnyStream, sink: SinkPlan, root: PlanNode): void {
    const keyColumns = sink.schema.key
    const keySerde = this.#options.keySerde({
      format: sink.keyFormat,
      columns: keyColumns,
      topic: sink.topic,
      window: sink.window,
    })
    const valueSerde = this.#options.valueSerde({
      format: sink.valueFormat,
      columns: sink.schema.value,
      topic: sink.topic,
    })
    const stage = compileSinkStage({ keySerde, valueSerde, sink, root, options: this.#options })
    const last = stage === null ? stream : stream.processBatches(stage)
    last.to(sink.topic, { keySerde: keySerde as never, valueSerde: valueSerde as never })
  }

  // ------------------------------------------------------------------------------------------- helpers

  /** Adds typed columns to a store whose rows, under the names of the kept table's key, are those of that table. */
  #typed<M extends StoreSerdes>(
    node: PlanNode,
    kind: Materialization['kind'],
    values: StoredValues | null,
    materialized: M,
  ): { readonly materialized: M & { readonly layout?: AnyLayout }; readonly stored: StoredTable | null } {
    const kept = this.#kept
    if (kept === null || values === null) return { materialized, stored: null }
    const typed = typedTable({
      name: kept.name,
      kind,
      key: kept.root.key,
      window: node.window,
      keysComplete: node.kind === 'aggregate',
      keySerde: materialized.keySerde,
      valueSerde: materialized.valueSerde,
      values,
      indexes: () => this.#options.indexesOf?.(kept.name) ?? [],
    })
    if (typed === null) return { materialized, stored: null }
    return { materialized: { ...materialized, layout: typed.layout as AnyLayout }, stored: typed.table }
  }

  #report(step: string): StageReport {
    return new StageReport(this.#options.queryId, step, this.#options.log)
  }

  #keySerde(node: PlanNode): Serde<NonNullable<unknown>> {
    return this.#options.keySerde({
      format: keyFormatOf(node),
      columns: node.key,
      window: node.window,
    }) as Serde<NonNullable<unknown>>
  }

  #rowSerde(columns: readonly PlanColumn[]): Serde<NonNullable<unknown>> {
    return this.#options.valueSerde({ format: internalFormat, columns }) as Serde<NonNullable<unknown>>
  }
}

/** From the source as it is read to the source as the plan has it: with columns that came with the record. */
function carryVirtualColumns(node: SourceNode): ProjectNode {
  const plain = node.schema.value.map(({ name, type }) => ({ name, type }))
  const carried = node.columns.slice(plain.length)
  const input: SourceNode = {
    ...node,
    output: 'STREAM',
    columns: plain,
    virtual: [...node.virtual, ...carried],
  }
  return {
    kind: 'project',
    input,
    output: 'STREAM',
    key: node.key,
    columns: node.columns,
    window: node.window,
    virtual: [],
    expressions: node.columns.map((c) => ({
      ...c,
      expression: { kind: 'column', name: c.name, location: null },
    })),
    newKey: 'same',
    clause: 'SELECT',
    nullKeys: 'keep',
  }
}
