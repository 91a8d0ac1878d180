import { unknownSource } from '../analyzer/unknown-source.js'
import type { Statement } from '../ast.js'
import { SqlError } from '../errors.js'
import type { DataSource, IndexDefinition, Metastore } from '../metastore.js'
import { windowColumnNames } from '../schema.js'
import { didYouMean } from '../suggestion.js'
import { formatType, SqlTypes } from '../types.js'

type CreateIndex = Extract<Statement, { kind: 'createIndex' }>

/**
 * The index that CREATE INDEX describes.
 *
 * @param stored names of the columns that the table has in SQLite; null where that is not known
 * @throws SqlError
 */
export function declareIndex(
  { name, table, columns, location }: CreateIndex,
  metastore: Metastore,
  stored: (source: DataSource) => ReadonlySet<string> | null,
): IndexDefinition {
  const source = metastore.find(table)
  if (source === undefined) throw unknownSource(table, metastore, location)
  if (source.kind !== 'TABLE' || source.createdBy === null) {
    throw new SqlError(`${table} is not a materialised table: it has no rows to make an index of.`, {
      location,
      suggestion: `An index can be on the table of a query: CREATE TABLE … AS SELECT * FROM ${table}.`,
    })
  }
  const found = stored(source)
  for (const [i, column] of columns.entries()) {
    if (columns.indexOf(column) < i)
      throw new SqlError(`Index ${name} has column ${column} twice.`, { location })
    checkColumn(column, source, location)
    if (found === null || found.has(column)) continue
    throw new SqlError(
      `Column ${column} of ${table} is computed from window bounds when it is read: it cannot be in an index.`,
      { location },
    )
  }
  return { name, table, columns }
}

function checkColumn(
  name: string,
  { name: table, schema, window }: DataSource,
  location: CreateIndex['location'],
): void {
  const isBound = window !== null && windowColumnNames.has(name)
  const type = name === 'ROWTIME' || isBound ? SqlTypes.BIGINT : schema.find(name)?.type
  if (type === undefined) {
    const names = schema.columns.map((c) => c.name)
    throw new SqlError(`${table} has no column ${name}.`, { location, suggestion: didYouMean(name, names) })
  }
  if (type.kind !== 'ARRAY' && type.kind !== 'MAP' && type.kind !== 'STRUCT') return
  throw new SqlError(`Column ${name} is ${formatType(type)}: an index is over columns of plain types.`, {
    location,
  })
}
