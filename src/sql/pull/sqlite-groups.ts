import { quotedName, type SqliteValue } from '../../state/index.js'
import type { Expression } from '../ast.js'
import { columnReader, type StoredColumn } from '../compile/stored-table.js'
import { identityOf } from '../expression/comparison.js'
import { type Row, rowClass, type SqlValue } from '../formats/row-class.js'
import type { AggregateCall, AggregateNode, PlanColumn, ProjectNode } from '../plan/plan-node.js'
import type { PullRow, PullShape, PullSource } from './pull-rows.js'
import type { PushedColumn } from './pushdown.js'
import type { SqliteScan } from './scans.js'

/** An aggregate function as SQLite computes it, and how the results of several partitions become one. */
interface SqliteAggregate {
  readonly sql: string
  /** A whole number, or null for no values. */
  combine(a: bigint | null, b: bigint | null): bigint | null
  result(value: bigint | null): SqlValue
}

type Grouping = readonly (PlanColumn & { readonly expression: Expression })[]

interface Group {
  readonly key: unknown
  readonly values: (bigint | null)[]
}

/**
 * GROUP BY in SQLite, where it gives what the functions here do: COUNT of anything, SUM of INT, MIN and MAX of whole
 * numbers, dates and times. SUM of BIGINT may pass 64 bits, doubles know NaN, and text has another order here.
 */
export class SqliteGroups implements PullSource {
  readonly shape: PullShape
  readonly #scan: SqliteScan
  readonly #keys: readonly StoredColumn[]
  readonly #aggregates: readonly SqliteAggregate[]
  readonly #isWhole: boolean

  private constructor(
    node: AggregateNode,
    scan: SqliteScan,
    keys: readonly StoredColumn[],
    aggregates: readonly SqliteAggregate[],
    isWhole: boolean,
  ) {
    this.shape = node
    this.#scan = scan
    this.#keys = keys
    this.#aggregates = aggregates
    this.#isWhole = isWhole
  }

  /** Null where SQLite would not give the same. `isWhole`: all rows are one group. */
  static over(
    node: AggregateNode,
    input: ProjectNode,
    grouping: Grouping,
    scan: SqliteScan,
    isWhole: boolean,
  ): SqliteGroups | null {
    const keys = isWhole ? [] : grouping.map(({ expression }) => plainColumn(expression, scan))
    if (keys.some((key) => key === null || isStructure(key))) return null
    const aggregates = node.aggregates.map((a) => sqliteAggregate(a, input, scan))
    if (aggregates.some((a) => a === null)) return null
    return new SqliteGroups(
      node,
      scan,
      keys.map((key) => key!.stored),
      aggregates as SqliteAggregate[],
      isWhole,
    )
  }

  *rows(): Iterable<PullRow> {
    const read = columnReader(this.#keys)
    const width = this.#keys.length
    const groups = new Map<unknown, Group>()
    for (const row of this.#scan.select(...this.#select())) {
      const columns = read(row)
      const key = this.#isWhole ? 1 : width === 1 ? columns[0] : columns
      const values = this.#aggregates.map((_, i) => wholeNumber(row[width + i]!))
      const identity = identityOf(key)
      const group = groups.get(identity)
      if (group === undefined) groups.set(identity, { key, values })
      else this.#add(group, values)
    }
    if (this.#isWhole && groups.size === 0) {
      groups.set(1, { key: 1, values: this.#aggregates.map(() => null) })
    }
    const Row = rowClass(this.shape.columns)
    for (const { key, values } of groups.values()) {
      yield { key, value: Row.from(this.#aggregates.map((a, i) => a.result(values[i]!))) as Row }
    }
  }

  explain(): string[] {
    return this.#scan.explainSelect(...this.#select())
  }

  #add(group: Group, values: readonly (bigint | null)[]): void {
    for (const [i, aggregate] of this.#aggregates.entries()) {
      group.values[i] = aggregate.combine(group.values[i]!, values[i]!)
    }
  }

  /** The select list; conditions that leave out null groups; and what follows WHERE. */
  #select(): [items: string[], conditions: string[], tail: string] {
    const names = this.#keys.map((key) => quotedName(key.name))
    const items = [...this.#keys.map((key) => key.selected), ...this.#aggregates.map((a) => a.sql)]
    const conditions = names.map((name) => `${name} IS NOT NULL`)
    return [items, conditions, names.length === 0 ? '' : ` GROUP BY ${names.join(', ')}`]
  }
}

function plainColumn(expression: Expression, scan: SqliteScan): PushedColumn | null {
  return expression.kind === 'column' ? (scan.columns.get(expression.name) ?? null) : null
}

function isStructure({ type }: PushedColumn): boolean {
  return type.kind === 'ARRAY' || type.kind === 'MAP' || type.kind === 'STRUCT'
}

const wholeNumbers: ReadonlySet<string> = new Set(['INTEGER', 'BIGINT', 'DATE', 'TIME', 'TIMESTAMP'])

function sqliteAggregate(
  { call, inputs }: AggregateCall,
  input: ProjectNode,
  scan: SqliteScan,
): SqliteAggregate | null {
  if (call.name === 'COUNT' && (call.star || inputs.length === 0)) return counted('count(*)')
  if (inputs.length !== 1 || call.args.length !== 1) return null
  const column = plainColumn(input.expressions[inputs[0]!]!.expression, scan)
  if (column === null) return null
  const name = quotedName(column.stored.name)
  const { kind } = column.type
  switch (call.name) {
    case 'COUNT':
      return counted(`count(${name})`)
    case 'SUM':
      return kind === 'INTEGER' ? summed(`CAST(sum(${name}) AS TEXT)`) : null
    case 'MIN':
    case 'MAX': {
      const isMin = call.name === 'MIN'
      return wholeNumbers.has(kind) ? extreme(`CAST(${call.name}(${name}) AS TEXT)`, isMin) : null
    }
    default:
      return null
  }
}

const plus = (a: bigint | null, b: bigint | null): bigint => (a ?? 0n) + (b ?? 0n)

function counted(sql: string): SqliteAggregate {
  return { sql, combine: plus, result: (value) => Number(value ?? 0n) }
}

/** An INT, which wraps. */
function summed(sql: string): SqliteAggregate {
  return { sql, combine: plus, result: (value) => Number(BigInt.asIntN(32, value ?? 0n)) }
}

function extreme(sql: string, isMin: boolean): SqliteAggregate {
  return {
    sql,
    combine(a, b) {
      if (a === null || b === null) return a ?? b
      return a < b === isMin ? a : b
    },
    result(value) {
      if (value === null) return null
      const number = Number(value)
      return Number.isSafeInteger(number) ? number : value
    },
  }
}

function wholeNumber(value: SqliteValue): bigint | null {
  return value === null ? null : BigInt(value as string | number)
}
