import { StateError } from './errors.js'
import type { SqliteDatabase, SqliteStatement } from './sqlite-database.js'
import { quoted, StoreTable, type TableShape } from './store-table.js'

export interface OpenTableOptions {
  /** What the table is called, unless another one has the name. Default the store's name. */
  readonly tableName?: string
  /** Whether a table of another schema gives way to an empty one, without a changelog offset. Default false. */
  readonly rebuild?: boolean
  /** Of window stores: windows of another size are another schema. */
  readonly windowSizeMs?: number
}

/** What the database remembers of a store beside its rows. Changes take effect with the next commit. */
export interface StoreRecord {
  readonly tableName: string
  readonly schema: string
  changelogOffset: number | null
  /** Fingerprint of the last change before that offset. */
  lastChange: number | null
  /** The newest time ever put, from which retention is measured; -Infinity before the first. */
  streamTime: number
  /** The last sequence number given to a duplicate. */
  sequence: number
}

/** The table that lists the stores of one SQLite file. */
export class StoreCatalog {
  readonly #connection: SqliteDatabase
  readonly #records = new Map<string, StoreRecord>()
  readonly #changed = new Set<string>()
  readonly #save: SqliteStatement

  constructor(connection: SqliteDatabase) {
    this.#connection = connection
    connection.exec(
      `CREATE TABLE IF NOT EXISTS forebay_stores (
        name TEXT PRIMARY KEY, table_name TEXT NOT NULL, schema TEXT NOT NULL,
        changelog_offset INTEGER, stream_time INTEGER, sequence INTEGER NOT NULL, last_change INTEGER
      ) STRICT, WITHOUT ROWID`,
    )
    const columns = connection.prepare("SELECT name FROM pragma_table_info('forebay_stores')").all([])
    // Files of earlier versions have no such column.
    if (!columns.some(([name]) => name === 'last_change')) {
      connection.exec('ALTER TABLE forebay_stores ADD COLUMN last_change INTEGER')
    }
    this.#save = connection.prepare('REPLACE INTO forebay_stores VALUES (?, ?, ?, ?, ?, ?, ?)')
    const rows = connection.prepare('SELECT * FROM forebay_stores').all([])
    for (const [name, tableName, schema, changelogOffset, streamTime, sequence, lastChange] of rows) {
      this.#records.set(name as string, {
        tableName: tableName as string,
        schema: schema as string,
        changelogOffset: changelogOffset as number | null,
        streamTime: (streamTime as number | null) ?? Number.NEGATIVE_INFINITY,
        sequence: sequence as number,
        lastChange: lastChange as number | null,
      })
    }
  }

  get path(): string {
    return this.#connection.path
  }

  record(storeName: string): StoreRecord | undefined {
    return this.#records.get(storeName)
  }

  /** To be called after a record was changed. */
  touch(storeName: string): void {
    this.#changed.add(storeName)
  }

  /** Creates the table of a new store. `kind` tells apart stores that have the same columns. */
  openTable(storeName: string, kind: string, shape: TableShape, options: OpenTableOptions = {}): StoreTable {
    const generated = shape.generatedColumns
    const { windowSizeMs } = options
    const columns = { kind, key: shape.keyColumns, value: shape.valueColumns, generated }
    const schema = JSON.stringify({ ...columns, windowSizeMs })
    let record = this.#records.get(storeName)
    if (record !== undefined && record.schema === JSON.stringify(columns)) {
      // Of an earlier version, which did not tell the size.
      const told = { ...record, schema }
      this.#records.set(storeName, told)
      record = told
    }
    if (record !== undefined && record.schema !== schema && options.rebuild === true) {
      this.#connection.begin()
      this.#connection.exec(`DROP TABLE ${quoted(record.tableName)}`)
      this.#records.delete(storeName)
      record = undefined
    }
    if (record === undefined) {
      record = {
        tableName: this.#freeTableName(options.tableName ?? storeName),
        schema,
        changelogOffset: null,
        streamTime: Number.NEGATIVE_INFINITY,
        sequence: 0,
        lastChange: null,
      }
      this.#connection.begin()
      StoreTable.create(this.#connection, record.tableName, shape)
      this.#records.set(storeName, record)
      this.#changed.add(storeName)
    } else if (record.schema !== schema) {
      throw new StateError(
        'STATE_SCHEMA',
        this.path,
        `store ${storeName} ${schemaDifference(record.schema, schema)}`,
      )
    }
    return new StoreTable(this.#connection, record.tableName, shape)
  }

  commit(): void {
    for (const name of this.#changed) {
      const record = this.#records.get(name)!
      const streamTime = Number.isFinite(record.streamTime) ? record.streamTime : null
      this.#connection.begin()
      this.#save.run([
        name,
        record.tableName,
        record.schema,
        record.changelogOffset,
        streamTime,
        record.sequence,
        record.lastChange,
      ])
    }
    this.#connection.commit()
    this.#changed.clear()
  }

  close(): void {
    this.#connection.close()
  }

  /** The store's own name where possible: SQLite keeps some names to itself, and folds case. */
  #freeTableName(storeName: string): string {
    const taken = new Set([...this.#records.values()].map((record) => record.tableName.toLowerCase()))
    let name = /^(sqlite_|forebay_)/i.test(storeName) ? `_${storeName}` : storeName
    while (taken.has(name.toLowerCase())) name += '_'
    return name
  }
}

/** What is there and what was wanted, and what to do about it. */
function schemaDifference(there: string, wanted: string): string {
  const sizes = [there, wanted].map(
    (schema) => (JSON.parse(schema) as { windowSizeMs?: number }).windowSizeMs,
  )
  if (sizes[0] !== undefined && sizes[1] !== undefined && sizes[0] !== sizes[1]) {
    return (
      `holds windows of ${sizes[0]} ms, wanted are windows of ${sizes[1]} ms; ` +
      'rename the store, or give the application another applicationId'
    )
  }
  return (
    `has another schema in this file: ${there}, wanted ${wanted}; ` +
    'rename the store, or, where only its columns changed, delete the file to rebuild it from the changelogs'
  )
}
