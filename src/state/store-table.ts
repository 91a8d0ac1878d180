import { quotedName as quoted, TableReader } from './queryable-table.js'
import type { SqliteDatabase, SqliteStatement } from './sqlite-database.js'
import type { GeneratedColumn, SqliteValue, TableColumn } from './store.js'

/** How many rows one INSERT carries: the cost of a call is shared. */
const BULK_ROWS = 32
/** SQLite's bound on the parameters of a statement. */
const PARAMETERS_MAX = 32_766
/** Rows a scan reads at a time. Scans hold no open cursor, so writes may come between pages. */
export const PAGE_ROWS = 256

const SAFE = Number.MAX_SAFE_INTEGER

export interface TableShape {
  readonly keyColumns: readonly TableColumn[]
  readonly valueColumns: readonly TableColumn[]
  readonly generatedColumns?: readonly GeneratedColumn[]
}

/** `sql` names columns through `column`, parameters are `?`. */
export interface Condition {
  readonly sql: string
  readonly parameters: readonly SqliteValue[]
}

export interface Page {
  readonly where: readonly Condition[]
  /** Bounds on leading `order` columns. The one behind `after` is left out: SQLite could seek by it instead. */
  readonly lower: Condition | null
  readonly upper: Condition | null
  /** Column names, quoted; must identify a row, so that the next page can begin after it. */
  readonly order: readonly string[]
  readonly descending: boolean
  /** Values of the `order` columns: only rows after them. */
  readonly after: readonly SqliteValue[] | null
  readonly limit: number
}

export { quoted }

/**
 * The SQLite table of one store: its key columns are the primary key of a `STRICT`, `WITHOUT ROWID` table.
 *
 * `version` changes with every write, so that scans know when the page they hold is out of date.
 * INTEGER columns come as numbers; those marked `bigint` come as `bigint` when past 2^53.
 */
export class StoreTable {
  readonly name: string
  readonly shape: TableShape
  version = 0
  /** False only when the table certainly has no rows. */
  mayHaveRows: boolean
  readonly reader: TableReader
  readonly #connection: SqliteDatabase
  readonly #columns: string
  readonly #keyWidth: number
  readonly #rowWidth: number
  readonly #bulkRows: number
  readonly #wideValues: readonly number[]
  readonly #wideColumns: readonly number[]
  readonly #select: SqliteStatement
  readonly #insert: SqliteStatement
  readonly #insertBulk: SqliteStatement
  readonly #delete: SqliteStatement
  readonly #pages = new Map<string, SqliteStatement>()
  #pending: SqliteValue[] = []

  constructor(connection: SqliteDatabase, name: string, shape: TableShape) {
    this.name = name
    this.shape = shape
    this.#connection = connection
    this.reader = new TableReader(connection, name)
    const { keyColumns, valueColumns } = shape
    const columns = [...keyColumns, ...valueColumns]
    this.#keyWidth = keyColumns.length
    this.#rowWidth = columns.length
    this.#wideValues = wide(valueColumns)
    this.#wideColumns = wide(columns)
    this.#columns = columns.map(selected).join(', ')
    const table = quoted(name)
    const keyIs = keyColumns.map((c) => `${quoted(c.name)} = ?`).join(' AND ')
    const row = `(${columns.map((c) => (c.utf8 === true ? 'CAST(? AS TEXT)' : '?')).join(', ')})`
    this.#bulkRows = Math.max(1, Math.min(BULK_ROWS, Math.floor(PARAMETERS_MAX / columns.length)))
    const replace = `REPLACE INTO ${table} VALUES ${row}`
    this.#select = connection.prepare(
      `SELECT ${valueColumns.map(selected).join(', ')} FROM ${table} WHERE ${keyIs}`,
    )
    this.#insert = connection.prepare(replace)
    this.#insertBulk = connection.prepare(replace + `, ${row}`.repeat(this.#bulkRows - 1))
    this.#delete = connection.prepare(`DELETE FROM ${table} WHERE ${keyIs}`)
    this.mayHaveRows = this.#count(`SELECT EXISTS (SELECT 1 FROM ${table})`) > 0
  }

  static create(connection: SqliteDatabase, name: string, shape: TableShape): void {
    const { generatedColumns = [] } = shape
    const columns = [
      ...[...shape.keyColumns, ...shape.valueColumns].map((c) => `${quoted(c.name)} ${c.type}`),
      ...generatedColumns.map(
        (c) => `${quoted(c.name)} ${c.type} GENERATED ALWAYS AS (${c.expression}) VIRTUAL`,
      ),
    ]
    const key = shape.keyColumns.map((c) => quoted(c.name)).join(', ')
    connection.exec(
      `CREATE TABLE ${quoted(name)} (${columns.join(', ')}, PRIMARY KEY (${key})) STRICT, WITHOUT ROWID`,
    )
  }

  /** The value columns of a row. */
  get(key: readonly SqliteValue[]): SqliteValue[] | undefined {
    if (!this.mayHaveRows) return undefined
    const row = this.#select.get(key)
    if (row !== undefined) widen(row, this.#wideValues)
    return row
  }

  /** Forgets rows that an earlier, failed series of writes left pending. */
  beginWrites(): void {
    this.#pending.length = 0
  }

  /** Adds values to the row that is being written, in the order of the columns. */
  append(values: readonly SqliteValue[]): void {
    for (let i = 0; i < values.length; i++) this.#pending.push(values[i]!)
  }

  appendOne(value: SqliteValue): void {
    this.#pending.push(value)
  }

  /** Inserts the row, or replaces it. It may stay pending until `endWrites`, which must come before reading. */
  endRow(): void {
    const pending = this.#pending
    if (pending.length === this.#rowWidth * this.#bulkRows) {
      this.#beforeWrite()
      this.#insertBulk.run(pending)
      pending.length = 0
    }
  }

  delete(key: readonly SqliteValue[]): void {
    if (!this.mayHaveRows && this.#pending.length === 0) return
    this.endWrites()
    this.#beforeWrite()
    this.#delete.run(key)
  }

  endWrites(): void {
    const pending = this.#pending
    if (pending.length === 0) return
    this.#beforeWrite()
    for (let i = 0; i < pending.length; i += this.#rowWidth) {
      this.#insert.run(pending.slice(i, i + this.#rowWidth))
    }
    pending.length = 0
  }

  /** Returns how many rows went. */
  deleteWhere(condition: Condition): number {
    if (!this.mayHaveRows) return 0
    this.#connection.begin()
    this.version++
    return this.#statement(`DELETE FROM ${quoted(this.name)} WHERE ${condition.sql}`).run(
      condition.parameters,
    )
  }

  clear(): void {
    this.#pending.length = 0
    this.#connection.begin()
    this.version++
    this.#connection.exec(`DELETE FROM ${quoted(this.name)}`)
    this.mayHaveRows = false
  }

  rowCount(): number {
    return this.mayHaveRows ? this.#count(`SELECT count(*) FROM ${quoted(this.name)}`) : 0
  }

  /** Whole rows, key columns first. */
  page(page: Page): SqliteValue[][] {
    if (!this.mayHaveRows) return []
    const direction = page.descending ? ' DESC' : ''
    const conditions = [...page.where]
    if (page.lower !== null && (page.after === null || page.descending)) conditions.push(page.lower)
    if (page.upper !== null && (page.after === null || !page.descending)) conditions.push(page.upper)
    const where = conditions.map((c) => c.sql)
    const parameters = conditions.flatMap((c) => c.parameters)
    if (page.after !== null) {
      where.push(tuple(page.order, page.descending ? '<' : '>'))
      parameters.push(...page.after)
    }
    const rows = this.#statement(
      `SELECT ${this.#columns} FROM ${quoted(this.name)}` +
        (where.length === 0 ? '' : ` WHERE ${where.join(' AND ')}`) +
        ` ORDER BY ${page.order.map((c) => c + direction).join(', ')} LIMIT ?`,
    ).all([...parameters, page.limit])
    if (this.#wideColumns.length > 0) for (const row of rows) widen(row, this.#wideColumns)
    return rows
  }

  /** Whole rows, all that there are. */
  all(query: { readonly where: readonly Condition[]; readonly order: readonly string[] }): SqliteValue[][] {
    const rows = this.#statement(
      `SELECT ${this.#columns} FROM ${quoted(this.name)} WHERE ${query.where.map((c) => c.sql).join(' AND ')} ` +
        `ORDER BY ${query.order.join(', ')}`,
    ).all(query.where.flatMap((c) => c.parameters))
    if (this.#wideColumns.length > 0) for (const row of rows) widen(row, this.#wideColumns)
    return rows
  }

  /** The values of the first key column, an integer, in order; one seek for each. */
  distinctFirst(): number[] {
    const found: number[] = []
    const column = quoted(this.shape.keyColumns[0]!.name)
    let last: number | null = Number.MIN_SAFE_INTEGER
    for (;;) {
      const row = this.#statement(`SELECT min(${column}) FROM ${quoted(this.name)} WHERE ${column} > ?`).get([
        last,
      ])
      last = row![0] as number | null
      if (last === null) return found
      found.push(last)
    }
  }

  /** Creates an index over `columns` unless there is one. Persists, as part of the schema. */
  ensureIndex(suffix: string, columns: readonly string[]): void {
    this.#connection.begin()
    this.#connection.exec(
      `CREATE INDEX IF NOT EXISTS ${quoted(`${this.name}.${suffix}`)} ON ${quoted(this.name)} (${columns.join(', ')})`,
    )
  }

  valueOf(row: readonly SqliteValue[]): SqliteValue[] {
    return row.slice(this.#keyWidth)
  }

  #beforeWrite(): void {
    this.#connection.begin()
    this.version++
    this.mayHaveRows = true
  }

  #count(sql: string): number {
    return this.#statement(sql).get([])![0] as number
  }

  #statement(sql: string): SqliteStatement {
    let statement = this.#pages.get(sql)
    if (statement === undefined) {
      statement = this.#connection.prepare(sql)
      this.#pages.set(sql, statement)
    }
    return statement
  }
}

/** `(a, b) >= (?, ?)`: SQLite compares row values left to right. */
export function tuple(columns: readonly string[], operator: string): string {
  if (columns.length === 1) return `${columns[0]} ${operator} ?`
  return `(${columns.join(', ')}) ${operator} (${columns.map(() => '?').join(', ')})`
}

/** Integers past 2^53 leave SQLite as text: cheaper than reading every integer as a bigint. */
export function selected(column: Omit<TableColumn, 'origin'>): string {
  const name = quoted(column.name)
  if (column.utf8 === true) return `CAST(${name} AS BLOB)`
  if (column.bigint !== true) return name
  return `CASE WHEN ${name} BETWEEN ${-SAFE} AND ${SAFE} THEN ${name} ELSE CAST(${name} AS TEXT) END`
}

function wide(columns: readonly TableColumn[]): number[] {
  return columns.flatMap((column, index) => (column.bigint === true ? [index] : []))
}

function widen(row: SqliteValue[], columns: readonly number[]): void {
  for (const index of columns) {
    const value = row[index]
    if (typeof value === 'string') row[index] = BigInt(value)
  }
}
