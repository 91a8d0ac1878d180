import { type Serde, serialize } from '../../serde/index.js'
import { unknownSource } from '../analyzer/unknown-source.js'
import type { InsertValues } from '../ast.js'
import type { SerdeRequest } from '../compile/compiler-context.js'
import { SqlError } from '../errors.js'
import { evaluateConstant } from '../expression/interpreter.js'
import { constantScope } from '../expression/scope.js'
import { rowClass, type SqlSerde, type SqlValue } from '../formats/index.js'
import type { FunctionRegistry } from '../functions/registry.js'
import type { DataSource, Metastore } from '../metastore.js'
import { pseudoColumnNames, windowColumnNames } from '../schema.js'
import { oneOf } from '../suggestion.js'
import { quoteIdentifier, SqlTypes } from '../types.js'

/** A record as INSERT VALUES writes it; `timestamp` null stands for now. */
export interface InsertedRecord {
  readonly topic: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestamp: number | null
}

export interface InsertOptions {
  readonly metastore: Metastore
  readonly functions: FunctionRegistry
  readonly keySerde: (request: SerdeRequest) => Serde<unknown>
  readonly valueSerde: (request: SerdeRequest) => Serde<unknown>
}

/** @throws SqlError where the target does not take these values */
export function insertedRecord(statement: InsertValues, options: InsertOptions): InsertedRecord {
  const source = targetOf(statement, options.metastore)
  const { schema } = source
  const names =
    statement.columns.length > 0
      ? statement.columns
      : [
          ...schema.columns.filter((c) => c.role === 'key'),
          ...schema.columns.filter((c) => c.role !== 'key'),
        ].map((c) => c.name)
  checkColumns(names, source)
  if (names.length !== statement.values.length) {
    throw new SqlError(
      'Expected number of columns and values to match: ' +
        `got ${names.length} columns (${names.join(', ')}) but ${statement.values.length} values`,
    )
  }
  const values = evaluate(statement, names, source, options)
  const missing = schema.key.filter((c) => values.get(c.name) == null)
  if (source.kind === 'TABLE' && missing.length > 0) {
    throw new SqlError(
      `Failed to insert values into '${source.name}'. Value for primary key column(s) ` +
        `${missing.map((c) => quoteIdentifier(c.name)).join(', ')} is required for tables`,
    )
  }
  const rowtime = values.get('ROWTIME')
  return {
    topic: source.topic,
    key: keyBytes(source, values, options),
    value: valueBytes(source, values, names, options),
    timestamp: rowtime == null ? null : Number(rowtime),
  }
}

function targetOf(statement: InsertValues, metastore: Metastore): DataSource {
  const source = metastore.find(statement.target)
  if (source === undefined) {
    const message = `Cannot insert values into an unknown stream/table: ${quoteIdentifier(statement.target)}`
    throw unknownSource(statement.target, metastore, statement.location, message)
  }
  if (source.window !== null) throw new SqlError('Cannot insert values into windowed stream/table!')
  if (source.isSource) {
    throw new SqlError(`Cannot insert values into read-only ${source.kind.toLowerCase()}: ${source.name}`)
  }
  return source
}

function checkColumns(names: readonly string[], { schema }: DataSource): void {
  for (const name of names) {
    if (name === 'ROWTIME') continue
    if (pseudoColumnNames.has(name) || windowColumnNames.has(name)) {
      throw new SqlError(`Inserting into column ${quoteIdentifier(name)} is not allowed.`)
    }
  }
  const headers = names.filter((name) => schema.headers.some((c) => c.name === name))
  if (headers.length > 0) throw new SqlError(`Cannot insert into HEADER columns: ${headers.join(', ')}`)
  const unknown = names.filter((name) => name !== 'ROWTIME' && schema.find(name) === undefined)
  if (unknown.length > 0) {
    throw new SqlError(`Column name(s) ${unknown.map(quoteIdentifier).join(', ')} do not exist.`, {
      suggestion: oneOf(
        'Columns are',
        unknown[0]!,
        schema.columns.map((c) => c.name),
      ),
    })
  }
}

function evaluate(
  statement: InsertValues,
  names: readonly string[],
  source: DataSource,
  { functions, metastore }: InsertOptions,
): Map<string, SqlValue> {
  const scope = constantScope(functions, (name) => metastore.types.get(name))
  const values = new Map<string, SqlValue>()
  names.forEach((name, i) => {
    const type = name === 'ROWTIME' ? SqlTypes.BIGINT : source.schema.find(name)!.type
    const expression = statement.values[i]!
    if (expression.kind === 'qualifiedColumn') {
      throw new SqlError(
        `Failed to prepare statement: '${expression.source}' is not a valid stream/table name or alias.`,
        { location: expression.location },
      )
    }
    values.set(name, evaluateConstant(expression, scope, type) as SqlValue)
  })
  return values
}

function keyBytes(
  source: DataSource,
  values: ReadonlyMap<string, SqlValue>,
  options: InsertOptions,
): Buffer | null {
  const columns = source.schema.key
  const parts = columns.map((c) => values.get(c.name) ?? null)
  if (parts.every((p) => p === null)) return null
  const serde = options.keySerde({ format: source.keyFormat, columns, topic: source.topic })
  return serialize(serde, columns.length === 1 ? parts[0] : Object.freeze(parts))
}

function valueBytes(
  source: DataSource,
  values: ReadonlyMap<string, SqlValue>,
  names: readonly string[],
  options: InsertOptions,
): Buffer | null {
  const columns = source.schema.value
  const given = columns.some((c) => names.includes(c.name))
  if (source.kind === 'TABLE' && !given) return null
  const { valueFormat: format, topic } = source
  const serde = options.valueSerde({ format, columns, topic }) as SqlSerde<unknown>
  const row = rowClass(columns).from(columns.map((c) => values.get(c.name) ?? null))
  return serde.isAbsent?.(row) ? null : serialize(serde, row)
}
