import { quotedName, type SqliteValue } from '../../state/index.js'
import type { Windowed } from '../../streams/index.js'
import { columnsIn } from '../analyzer/rewrite.js'
import type { Expression } from '../ast.js'
import type { CompilerContext } from '../compile/compiler-context.js'
import { columnReader, type StoredColumn } from '../compile/stored-table.js'
import { foldConstants } from '../expression/constant-folding.js'
import { typeExpression } from '../expression/expression-typer.js'
import { columnsScope } from '../expression/scope.js'
import { type Row, rowClass, type SqlValue } from '../formats/row-class.js'
import type { PlanColumn, SourceNode } from '../plan/plan-node.js'
import type { KeyLookup } from './key-lookup.js'
import { flat, indented, type PullRow, type PullShape, type PullSource } from './pull-rows.js'
import { orderTerms, type PushedColumn, pushedCondition, type SqlCondition } from './pushdown.js'
import { type MaterializedTable, type StoredRow, storedRows } from './store-rows.js'

/** Rows that are written in the query. */
export class ValuesScan implements PullSource {
  readonly shape: PullShape
  readonly #rows: readonly Row[]

  constructor(source: SourceNode) {
    this.shape = flat(source, source.columns)
    const Row = rowClass(source.columns)
    this.#rows = source.values!.map((values) => Row.from(values as SqlValue[]))
  }

  *rows(): Iterable<PullRow> {
    for (const value of this.#rows) yield { key: null, value }
  }

  explain(): string[] {
    return [`VALUES: ${this.#rows.length} rows`]
  }
}

/** Rows from a store, made by the query's own functions: of certain keys, or all of them. */
export class StoreScan implements PullSource {
  readonly shape: PullShape
  readonly #source: SourceNode
  readonly #table: MaterializedTable
  readonly #lookup: KeyLookup | null

  constructor(
    source: SourceNode,
    columns: readonly PlanColumn[],
    table: MaterializedTable,
    lookup: KeyLookup | null,
  ) {
    this.shape = flat(source, columns)
    this.#source = source
    this.#table = table
    this.#lookup = lookup
  }

  *rows(): Iterable<PullRow> {
    const { columns } = this.shape
    const readers = columns.map((c) => readerOf(c.name, this.#source))
    const Row = rowClass(columns)
    for (const stored of storedRows(this.#table, this.#lookup)) {
      yield { key: null, value: Row.from(readers.map((read) => read(stored) as SqlValue)) }
    }
  }

  explain(): string[] {
    const how = this.#lookup === null ? 'scan' : `lookup of ${this.#lookup.keys.length} keys`
    return [`${this.#source.name}: ${how} in the store of ${this.#table.queryId}`]
  }
}

function readerOf(name: string, source: SourceNode): (stored: StoredRow) => unknown {
  const isWindowed = source.window !== null
  const keyAt = source.key.findIndex((c) => c.name === name)
  if (keyAt >= 0) {
    const isSingle = source.key.length === 1
    return ({ key }) => {
      const plain = isWindowed ? (key as Windowed<unknown>).key : key
      return isSingle ? plain : (plain as readonly unknown[])[keyAt]
    }
  }
  const valueAt = source.schema.value.findIndex((c) => c.name === name)
  if (valueAt >= 0) return ({ row }) => row[`c${valueAt}`]
  if (isWindowed && name === 'WINDOWSTART') return ({ key }) => (key as Windowed<unknown>).start
  if (isWindowed && name === 'WINDOWEND') return ({ key }) => (key as Windowed<unknown>).end
  // Headers do not outlive their record.
  return name === 'ROWTIME' ? ({ timestamp }) => timestamp : () => null
}

/** Everything that can be asked of a source: names of keys go before others. */
export function columnsOf(source: SourceNode): PlanColumn[] {
  return [...source.virtual, ...source.columns, ...source.key]
}

/** Rows from the SQLite tables of a store, as SQLite finds them. */
export class SqliteScan implements PullSource {
  readonly shape: PullShape
  readonly #source: SourceNode
  readonly #table: MaterializedTable
  readonly #selected: readonly StoredColumn[]
  /** What SQLite has of the source, by SQL names. */
  readonly columns: ReadonlyMap<string, PushedColumn>
  readonly #conditions: readonly SqlCondition[]
  #order: readonly string[] = []
  #limit: number | null = null

  private constructor(
    source: SourceNode,
    columns: readonly PlanColumn[],
    table: MaterializedTable,
    pushed: ReadonlyMap<string, PushedColumn>,
    conditions: readonly SqlCondition[],
  ) {
    this.shape = flat(source, columns)
    this.#source = source
    this.#table = table
    this.columns = pushed
    this.#selected = columns.map((c) => pushed.get(c.name)!.stored)
    const { condition } = table.materialization.stored!
    this.#conditions = condition === null ? conditions : [{ sql: condition, parameters: [] }, ...conditions]
  }

  /**
   * A scan that has taken over the conditions it can, and those that are left. Null where SQLite does not have all the
   * columns that are needed for these, and for what comes after.
   */
  static over(
    source: SourceNode,
    table: MaterializedTable,
    needed: ReadonlySet<string>,
    conditions: readonly Expression[],
    context: CompilerContext,
  ): { readonly scan: SqliteScan; readonly rest: readonly Expression[] } | null {
    const { stored } = table.materialization
    if (stored === null) return null
    const known = [...new Map(columnsOf(source).map((c) => [c.name, c])).values()]
    const pushed = new Map<string, PushedColumn>()
    for (const { name, type } of known) {
      const column = stored.columns.get(name)
      if (column !== undefined) pushed.set(name, { stored: column, type })
    }
    const named = known.map(({ name, type }) => [name, { type, accessor: name }] as const)
    const scope = columnsScope(context.functions, new Map(named), { customType: context.customType })
    const taken: SqlCondition[] = []
    const rest = conditions.filter((condition) => {
      const typed = foldConstants(typeExpression(condition, scope), context.functions.environment)
      const found = pushedCondition(typed, pushed)
      if (found !== null) taken.push(found)
      return found === null
    })
    const read = new Set([...needed, ...rest.flatMap((e) => [...columnsIn(e)])])
    const columns = known.filter((c) => read.has(c.name))
    if (columns.some((c) => !pushed.has(c.name))) return null
    return { scan: new SqliteScan(source, columns, table, pushed, taken), rest }
  }

  /** Takes over the order of the rows, and how many are wanted of all; false where it cannot. */
  arrange(
    order: readonly { readonly column: string; readonly descending: boolean; readonly nullsFirst: boolean }[],
    limit: number | null,
  ): boolean {
    const columns = order.map((o) => this.columns.get(o.column))
    if (columns.some((c) => c === undefined)) return false
    this.#order = order.flatMap((o, i) => orderTerms(columns[i]!, o))
    this.#limit = limit
    return true
  }

  /** Rows of several partitions are in order within each only. */
  get isSingle(): boolean {
    return this.#table.tables().length <= 1
  }

  *rows(): Iterable<PullRow> {
    const Row = rowClass(this.shape.columns)
    const read = columnReader(this.#selected)
    for (const row of this.select(...this.#whole())) yield { key: null, value: Row.from(read(row)) }
  }

  explain(): string[] {
    return this.explainSelect(...this.#whole())
  }

  /** What SQLite makes of the rows of each partition. */
  *select(
    items: readonly string[],
    conditions: readonly string[],
    tail: string,
  ): Generator<SqliteValue[], undefined> {
    for (const table of this.#table.tables()) {
      yield* table.select(this.#sql(table.name, items, conditions, tail), this.#parameters())
    }
  }

  explainSelect(items: readonly string[], conditions: readonly string[], tail: string): string[] {
    const tables = this.#table.tables()
    const [first] = tables
    const head = `${this.#source.name}: SQLite, in the store of ${this.#table.queryId} (${tables.length} partitions)`
    if (first === undefined) return [head]
    const sql = this.#sql(first.name, items, conditions, tail)
    const plan = first.explain(sql, this.#parameters()).map((line) => `> ${line}`)
    return [head, ...indented([sql, ...plan])]
  }

  #whole(): [items: string[], conditions: string[], tail: string] {
    const order = this.#order.length === 0 ? '' : ` ORDER BY ${this.#order.join(', ')}`
    const limit = this.#limit === null ? '' : ` LIMIT ${this.#limit}`
    return [this.#selected.map((c) => c.selected), [], order + limit]
  }

  #parameters(): SqliteValue[] {
    return this.#conditions.flatMap((c) => c.parameters)
  }

  #sql(table: string, items: readonly string[], conditions: readonly string[], tail: string): string {
    const where = [...this.#conditions.map((c) => c.sql), ...conditions]
    return (
      `SELECT ${items.length === 0 ? '1' : items.join(', ')} FROM ${quotedName(table)}` +
      (where.length === 0 ? '' : ` WHERE ${where.join(' AND ')}`) +
      tail
    )
  }
}
