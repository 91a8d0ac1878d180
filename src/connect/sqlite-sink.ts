import Database from 'better-sqlite3'
import type { ConsumerRecord, TopicPartition } from '../log/index.js'
import { ConnectError } from './errors.js'
import type { Sink } from './sink.js'

export interface SqliteSinkColumn {
  readonly name: string
  readonly type: 'INTEGER' | 'REAL' | 'TEXT' | 'BLOB'
  readonly primaryKey?: boolean
}

export type SqliteSinkValue = null | number | bigint | string | Uint8Array

/**
 * Upserts records into a table by its primary key, or appends when there is none. A record with a null value deletes
 * the row of its key. Positions lie in table `forebay_positions` of the same file and move in the same transaction.
 */
export function sqliteSink<K, V>(options: {
  path: string
  table: string
  columns: readonly SqliteSinkColumn[]
  /** Values in the order of `columns`. For a deletion only the primary key is used. */
  toRow: (record: ConsumerRecord<K, V>) => readonly SqliteSinkValue[]
}): Sink<K, V> {
  const { table, columns } = options
  const keys = columns.filter((c) => c.primaryKey === true)
  const database = open(options.path)
  database.exec(createTable(table, columns, keys))
  database.exec(
    'CREATE TABLE IF NOT EXISTS forebay_positions (target TEXT, topic TEXT, "partition" INTEGER, "offset" INTEGER NOT NULL, PRIMARY KEY (target, topic, "partition"))',
  )
  const upsert = database.prepare(upsertSql(table, columns, keys))
  const remove =
    keys.length === 0
      ? null
      : database.prepare(
          `DELETE FROM ${quote(table)} WHERE ${keys.map((c) => `${quote(c.name)} = ?`).join(' AND ')}`,
        )
  const keyAt = keys.map((c) => columns.indexOf(c))
  const getPosition = database
    .prepare('SELECT "offset" FROM forebay_positions WHERE target = ? AND topic = ? AND "partition" = ?')
    .pluck()
  const setPosition = database.prepare('INSERT OR REPLACE INTO forebay_positions VALUES (?, ?, ?, ?)')
  const write: Sink<K, V>['write'] = (records, positions) => {
    for (const record of records) {
      const row = options.toRow(record)
      if (record.value !== null) upsert.run(...row)
      else if (remove !== null) remove.run(...keyAt.map((i) => row[i]))
    }
    for (const p of positions) setPosition.run(table, p.topic, p.partition, p.offset)
  }
  return {
    position: ({ topic, partition }: TopicPartition) =>
      (getPosition.get(table, topic, partition) as number | undefined) ?? null,
    write: database.transaction(write),
    close: () => database.close(),
  }
}

function open(path: string): Database.Database {
  try {
    const database = new Database(path)
    database.pragma('journal_mode = WAL')
    return database
  } catch (cause) {
    throw new ConnectError(`cannot open the SQLite file ${path}: ${(cause as Error).message}`, { cause })
  }
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function createTable(
  table: string,
  columns: readonly SqliteSinkColumn[],
  keys: readonly SqliteSinkColumn[],
): string {
  const definitions = columns.map((c) => `${quote(c.name)} ${c.type}`)
  if (keys.length > 0) definitions.push(`PRIMARY KEY (${keys.map((c) => quote(c.name)).join(', ')})`)
  return `CREATE TABLE IF NOT EXISTS ${quote(table)} (${definitions.join(', ')})`
}

function upsertSql(
  table: string,
  columns: readonly SqliteSinkColumn[],
  keys: readonly SqliteSinkColumn[],
): string {
  const names = columns.map((c) => quote(c.name)).join(', ')
  const insert = `INSERT INTO ${quote(table)} (${names}) VALUES (${columns.map(() => '?').join(', ')})`
  if (keys.length === 0) return insert
  const rest = columns.filter((c) => c.primaryKey !== true)
  const target = keys.map((c) => quote(c.name)).join(', ')
  const action =
    rest.length === 0
      ? 'NOTHING'
      : `UPDATE SET ${rest.map((c) => `${quote(c.name)} = excluded.${quote(c.name)}`).join(', ')}`
  return `${insert} ON CONFLICT (${target}) DO ${action}`
}
