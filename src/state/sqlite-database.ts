import Database from 'better-sqlite3'
import { StateError, type StateErrorCode } from './errors.js'
import type { SqliteValue } from './store.js'

/** A prepared statement. Rows come as arrays. Parameters are bound from one array, which the caller may reuse. */
export interface SqliteStatement {
  run(parameters: readonly SqliteValue[]): number
  get(parameters: readonly SqliteValue[]): SqliteValue[] | undefined
  all(parameters: readonly SqliteValue[]): SqliteValue[][]
  /** Rows one at a time: nothing can be written before the end, or before `return` was called. */
  iterate(parameters: readonly SqliteValue[]): IterableIterator<SqliteValue[]>
}

/**
 * Where a database lies as a whole, on files that SQLite cannot open by itself: it is worked on in memory, and written
 * with every commit.
 */
export interface SqliteImage {
  /** null where there is none. */
  read(): Buffer | null
  /** All or nothing. */
  write(bytes: Buffer): void
}

/** SQLite's result codes that mean damage: the file must be rebuilt, retrying cannot help. */
const corruptCodes = /^SQLITE_(CORRUPT|NOTADB|FORMAT)/

/**
 * One SQLite connection with at most one open transaction; the only user of better-sqlite3.
 *
 * Invariants: every write is preceded by `begin`. After a failed write the connection is `broken`: SQLite may have
 * rolled back rows that caches above believe written, so every later call throws until the file is opened anew.
 */
export class SqliteDatabase {
  readonly path: string
  readonly #database: Database.Database
  readonly #image: SqliteImage | null
  #broken: unknown = null

  constructor(path: string, options: { pageCacheBytes: number; image?: SqliteImage }) {
    this.path = path
    this.#image = options.image ?? null
    try {
      this.#database = new Database(this.#image === null ? path : (this.#image.read() ?? ':memory:'))
    } catch (cause) {
      throw stateError(cause, path, 'cannot be opened')
    }
    try {
      // WAL + NORMAL: a commit survives a crash of the process; a power cut may take the newest commits, never the
      // file's consistency. The changelog offsets inside say what to replay.
      this.#database.pragma('journal_mode = WAL')
      this.#database.pragma('synchronous = NORMAL')
      this.#database.pragma(`cache_size = -${Math.ceil(options.pageCacheBytes / 1024)}`)
      this.#database.pragma('temp_store = MEMORY')
      // Checkpoints copy the WAL and sync twice: rather seldom than often.
      this.#database.pragma('wal_autocheckpoint = 4000')
    } catch (cause) {
      this.#database.close()
      throw stateError(cause, path, 'cannot be opened')
    }
  }

  get inTransaction(): boolean {
    return this.#database.inTransaction
  }

  prepare(sql: string): SqliteStatement {
    const { path } = this
    let statement: Database.Statement<unknown[], unknown>
    try {
      statement = this.#database.prepare(sql)
      if (statement.reader) statement.raw(true)
    } catch (cause) {
      throw stateError(cause, path, `cannot prepare ${sql}`)
    }
    return {
      run: (parameters) => {
        this.#check()
        try {
          return statement.run(parameters).changes
        } catch (cause) {
          this.#broken = cause
          throw stateError(cause, path, 'a write failed')
        }
      },
      get: (parameters) => {
        this.#check()
        try {
          return statement.get(parameters) as SqliteValue[] | undefined
        } catch (cause) {
          throw stateError(cause, path, 'a read failed')
        }
      },
      all: (parameters) => {
        this.#check()
        try {
          return statement.all(parameters) as SqliteValue[][]
        } catch (cause) {
          throw stateError(cause, path, 'a read failed')
        }
      },
      iterate: (parameters) => {
        this.#check()
        return rowsOf(statement, parameters, path)
      },
    }
  }

  exec(sql: string): void {
    this.#check()
    try {
      this.#database.exec(sql)
    } catch (cause) {
      this.#broken = cause
      throw stateError(cause, this.path, `failed: ${sql}`)
    }
  }

  /** Begins the transaction unless one is open. */
  begin(): void {
    if (!this.#database.inTransaction) this.exec('BEGIN IMMEDIATE')
  }

  commit(): void {
    if (!this.#database.inTransaction) {
      this.#check()
      return
    }
    this.exec('COMMIT')
    this.#image?.write(this.#database.serialize())
  }

  /** Null when all pages, indexes and constraints agree; else what SQLite found. Reads the whole file. */
  damage(): string | null {
    try {
      const rows = this.#database.pragma('integrity_check(10)') as { integrity_check: string }[]
      const found = rows.map((row) => row.integrity_check).join('; ')
      return found === 'ok' ? null : found
    } catch (cause) {
      return (cause as Error).message
    }
  }

  /** Rolls back what was not committed. */
  close(): void {
    if (!this.#database.open) return
    try {
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK')
    } catch {
      // Closing the connection rolls back too.
    }
    this.#database.close()
  }

  #check(): void {
    if (this.#broken !== null) {
      throw new StateError(
        'STATE_IO',
        this.path,
        'an earlier write failed; close and open the database again',
        {
          cause: this.#broken,
        },
      )
    }
    if (!this.#database.open) throw new StateError('STATE_USAGE', this.path, 'the database is closed')
  }
}

function* rowsOf(
  statement: Database.Statement<unknown[], unknown>,
  parameters: readonly SqliteValue[],
  path: string,
): Generator<SqliteValue[], undefined> {
  try {
    yield* statement.iterate(parameters) as IterableIterator<SqliteValue[]>
  } catch (cause) {
    throw stateError(cause, path, 'a read failed')
  }
}

function stateError(cause: unknown, path: string, what: string): StateError {
  const sqliteCode = (cause as { code?: unknown }).code
  let code: StateErrorCode = 'STATE_USAGE'
  if (typeof sqliteCode === 'string' && sqliteCode.startsWith('SQLITE_')) {
    if (corruptCodes.test(sqliteCode)) code = 'STATE_CORRUPT'
    else code = /^SQLITE_(CONSTRAINT|MISMATCH)/.test(sqliteCode) ? 'STATE_SCHEMA' : 'STATE_IO'
  }
  const advice = code === 'STATE_CORRUPT' ? '; delete the file to rebuild it from the changelogs' : ''
  return new StateError(code, path, `${what}: ${(cause as Error).message}${advice}`, { cause })
}
