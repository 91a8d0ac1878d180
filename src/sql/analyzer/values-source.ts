import type { Expression, ValuesRelation } from '../ast.js'
import { SqlError } from '../errors.js'
import { typeOf } from '../expression/expression-typer.js'
import { evaluateConstant } from '../expression/interpreter.js'
import type { ExpressionScope } from '../expression/scope.js'
import type { DataSource, FormatInfo } from '../metastore.js'
import { type Column, LogicalSchema, pseudoColumnNames, windowColumnNames } from '../schema.js'
import { type SqlType, SqlTypes } from '../types.js'
import type { AnalyzedSource } from './analysis.js'
import { columnsIn } from './rewrite.js'

const noFormat: FormatInfo = { name: 'NONE', properties: {}, features: [] }

/**
 * `(VALUES …)` as a source. The values of a column have the common type that the elements of an ARRAY would have.
 *
 * @throws SqlError where rows differ in length, values are not constant or have no common type, and names clash
 */
export function valuesSource(
  { rows, alias, columns, location }: ValuesRelation,
  constants: ExpressionScope,
): AnalyzedSource {
  const width = rows[0]!.length
  for (const row of rows) {
    if (row.length === width) continue
    throw new SqlError(`VALUES has rows of ${width} and of ${row.length} columns.`, {
      location: row[0]!.location,
      suggestion: 'All rows need the same number of values; NULL stands for what is missing.',
    })
  }
  if (columns !== null && columns.length !== width) {
    throw new SqlError(`VALUES has ${width} columns, but ${columns.length} names.`, { location })
  }
  const names = columns ?? Array.from({ length: width }, (_, i) => `KSQL_COL_${i}`)
  checkNames(names, location)
  const made = names.map((name, i) => {
    const items = rows.map((row) => row[i]!)
    return { name, ...columnOf(items, constants) }
  })
  return {
    alias: alias ?? 'VALUES',
    source: sourceOf(alias ?? 'VALUES', made),
    values: rows.map((_, row) => made.map(({ values }) => values[row] ?? null)),
  }
}

function checkNames(names: readonly string[], location: ValuesRelation['location']): void {
  for (const [i, name] of names.entries()) {
    if (pseudoColumnNames.has(name) || windowColumnNames.has(name)) {
      throw new SqlError(`\`${name}\` is a reserved column name.`, { location })
    }
    if (names.indexOf(name) < i) throw new SqlError(`VALUES has two columns named ${name}.`, { location })
  }
}

function columnOf(
  items: readonly Expression[],
  constants: ExpressionScope,
): { readonly type: SqlType; readonly values: readonly unknown[] } {
  for (const item of items) {
    const [column] = columnsIn(item)
    if (column === undefined) continue
    throw new SqlError(`VALUES takes constants, and ${column} is a column.`, { location: item.location })
  }
  if (items.every((item) => item.kind === 'null'))
    return { type: SqlTypes.STRING, values: items.map(() => null) }
  const array: Expression = { kind: 'array', items, location: items[0]!.location }
  const type = typeOf(array, constants)
  return {
    type: type?.kind === 'ARRAY' ? type.element : SqlTypes.STRING,
    values: evaluateConstant(array, constants) as readonly unknown[],
  }
}

function sourceOf(
  name: string,
  columns: readonly { readonly name: string; readonly type: SqlType }[],
): DataSource {
  const schema = new LogicalSchema(
    columns.map(({ name: n, type }): Column => ({ name: n, type, role: 'value' })),
  )
  return {
    kind: 'TABLE',
    name,
    schema,
    topic: '',
    keyFormat: noFormat,
    valueFormat: noFormat,
    window: null,
    timestamp: null,
    isSource: true,
    createdBy: null,
    text: '',
  }
}
