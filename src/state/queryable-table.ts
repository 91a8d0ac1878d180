import type { SqliteDatabase, SqliteStatement } from './sqlite-database.js'
import type { QueryableTable, SqliteValue, TableIndex } from './store.js'

/** Prepared statements kept for the next query of the same text. */
const STATEMENTS_MAX = 64

export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Queries and indexes of one table. Indexes of its own are told from others by their names: `table.index.name`. */
export class TableReader implements QueryableTable {
  readonly name: string
  readonly #connection: SqliteDatabase
  readonly #statements = new Map<string, SqliteStatement>()

  constructor(connection: SqliteDatabase, name: string) {
    this.#connection = connection
    this.name = name
  }

  select(sql: string, parameters: readonly SqliteValue[]): IterableIterator<SqliteValue[]> {
    return this.#prepared(sql).iterate(parameters)
  }

  explain(sql: string, parameters: readonly SqliteValue[]): string[] {
    const plan = this.#connection.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(parameters)
    return plan.map((row) => row[3] as string)
  }

  setIndexes(indexes: readonly TableIndex[]): void {
    const prefix = `${this.name}.index.`
    const rows = this.#connection
      .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? COLLATE NOCASE")
      .all([this.name])
    const present = new Map(rows.map(([name, sql]) => [name as string, sql]))
    const wanted = new Map(
      indexes.map(({ name, columns }) => {
        const full = prefix + name
        const list = columns.map(quotedName).join(', ')
        return [full, `CREATE INDEX ${quotedName(full)} ON ${quotedName(this.name)} (${list})`]
      }),
    )
    for (const [name, sql] of present) {
      if (name.startsWith(prefix) && wanted.get(name) !== sql) this.#change(`DROP INDEX ${quotedName(name)}`)
    }
    for (const [name, sql] of wanted) if (present.get(name) !== sql) this.#change(sql)
  }

  #change(sql: string): void {
    this.#connection.begin()
    this.#connection.exec(sql)
  }

  #prepared(sql: string): SqliteStatement {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      if (this.#statements.size >= STATEMENTS_MAX) this.#statements.clear()
      statement = this.#connection.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}
