import { deserialize } from '../../serde/index.js'
import type { Statement } from '../ast.js'
import { SqlError } from '../errors.js'
import { evaluateConstant } from '../expression/interpreter.js'
import { valueToText } from '../expression/java-text.js'
import { constantScope } from '../expression/scope.js'
import type { FunctionRegistry } from '../functions/registry.js'
import type { DataSource, Metastore } from '../metastore.js'
import { nearest } from '../nearest-name.js'
import type { Settings } from '../properties.js'
import type { SchemaRegistry } from '../schema-registry/index.js'
import { formatType, type SqlType, SqlTypes } from '../types.js'
import { declareSource } from './create-source.js'
import type { SourceSerdes } from './serdes.js'

/*
 * ASSERT VALUES, NULL VALUES, STREAM and TABLE, as ksqlDB's test runner has them: the next record of a topic, and what
 * the catalogue holds, against what a script says. Windowed keys are compared by the key inside.
 */

export type AssertRecord = Extract<Statement, { kind: 'assertValues' | 'assertTombstone' }>
export type AssertSource = Extract<Statement, { kind: 'assertSource' }>

/** A record as it lies in its topic. */
export interface StoredRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestamp: number
}

/** @param record the next one of the source's topic; undefined where there is none. @throws SqlError with the difference */
export function checkRecord(
  statement: AssertRecord,
  source: DataSource,
  record: StoredRecord | undefined,
  { functions, serdes }: { readonly functions: FunctionRegistry; readonly serdes: SourceSerdes },
): void {
  const failed = (what: string): SqlError => new SqlError(what, { location: statement.location })
  if (record === undefined) {
    throw failed(`Expected another record in ${source.name}, but topic ${source.topic} has no more.`)
  }
  const tombstone = statement.kind === 'assertTombstone'
  if (tombstone !== (record.value === null)) {
    const found = record.value === null ? 'a tombstone' : 'a row with values'
    throw failed(`Expected record does not match actual: ${source.name} has ${found} next.`)
  }
  const actual = rowOf(source, record, serdes)
  const names =
    statement.columns.length > 0
      ? statement.columns
      : [...source.schema.key, ...(tombstone ? [] : source.schema.value)].map((c) => c.name)
  if (names.length !== statement.values.length) {
    throw failed(
      `Expected a value for each column: columns ${names.length}, values ${statement.values.length}.`,
    )
  }
  const scope = constantScope(functions)
  for (const [i, name] of names.entries()) {
    const type = typeOf(source, name, statement)
    const expected = textOf(evaluateConstant(statement.values[i]!, scope, type), type)
    const found = textOf(actual.get(name) ?? null, type)
    if (expected === found) continue
    throw failed(`Expected record does not match actual: ${name} is ${found}, not ${expected}.`)
  }
}

function typeOf(source: DataSource, name: string, { location }: AssertRecord): SqlType {
  const type = name === 'ROWTIME' ? SqlTypes.BIGINT : source.schema.find(name)?.type
  if (type !== undefined) return type
  const names = source.schema.columns.map((c) => c.name)
  const near = nearest(name, names)
  throw new SqlError(`${source.name} has no column ${name}.`, {
    location,
    suggestion: near === undefined ? `Its columns are ${names.join(', ')}.` : `Did you mean ${near}?`,
  })
}

function textOf(value: unknown, type: SqlType): string {
  return value === null ? 'null' : valueToText(value, type)
}

function rowOf(
  source: DataSource,
  record: StoredRecord,
  { keySerde, valueSerde }: SourceSerdes,
): ReadonlyMap<string, unknown> {
  const { schema, keyFormat, valueFormat, window, topic } = source
  const row = new Map<string, unknown>([['ROWTIME', record.timestamp]])
  const wire = deserialize(keySerde({ format: keyFormat, columns: schema.key, topic, window }), record.key)
  const key = window === null || wire === null ? wire : (wire as { key: unknown }).key
  schema.key.forEach((c, i) => {
    row.set(c.name, schema.key.length === 1 ? key : (key as unknown[] | null)?.[i])
  })
  const value = deserialize(valueSerde({ format: valueFormat, columns: schema.value, topic }), record.value)
  const fields = (value as { toArray(): unknown[] } | null)?.toArray() ?? []
  schema.value.forEach((c, i) => {
    row.set(c.name, fields[i] ?? null)
  })
  return row
}

/** @throws SqlError with the first thing that differs */
export function checkSource(
  { statement, location }: AssertSource,
  actual: DataSource,
  context: { readonly metastore: Metastore; readonly settings: Settings; readonly registry: SchemaRegistry },
): void {
  const { metastore, settings, registry } = context
  const { source: expected } = declareSource({ ...statement, text: '' }, metastore, settings, registry)
  const parts: readonly (readonly [what: string, of: (source: DataSource) => unknown])[] = [
    ['schema', (s) => s.schema.columns.map((c) => `${c.name} ${formatType(c.type)} ${c.role}`)],
    ['type', (s) => s.kind],
    ['kafka topic', (s) => s.topic],
    ['key format', (s) => s.keyFormat],
    ['value format', (s) => s.valueFormat.name],
    ['value serde features', (s) => s.valueFormat.features],
    ['timestamp column', (s) => s.timestamp],
  ]
  for (const [what, of] of parts) {
    const [found, wanted] = [JSON.stringify(of(actual)), JSON.stringify(of(expected))]
    if (found === wanted) continue
    throw new SqlError(
      `Expected ${what} does not match actual for source ${actual.name}. It is ${found}, not ${wanted}.`,
      { location },
    )
  }
}
