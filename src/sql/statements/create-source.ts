import type { CreateSource, TableElement } from '../ast.js'
import { SqlError } from '../errors.js'
import { resolveType } from '../expression/expression-typer.js'
import { formatIdentifier } from '../format-sql.js'
import type { DataSource, Metastore } from '../metastore.js'
import type { Settings } from '../properties.js'
import { type Column, LogicalSchema, pseudoColumnNames, windowColumnNames } from '../schema.js'
import { MemorySchemaRegistry, type SchemaRegistry } from '../schema-registry/index.js'
import { oneOf } from '../suggestion.js'
import { formatType, type SqlType, SqlTypes, sameType } from '../types.js'
import {
  checkColumns,
  checkFormatSettings,
  defaultKeyFormat,
  keyFormatInfo,
  valueFormatInfo,
  valueFormatName,
} from './format-choice.js'
import { withInferred } from './inferred-schema.js'
import { readWithProperties, type WithProperties } from './with-properties.js'

export interface NewSource {
  readonly source: DataSource
  readonly properties: WithProperties
}

/** What CREATE STREAM and CREATE TABLE over a topic declare. Touches nothing. @throws SqlError */
export function declareSource(
  statement: CreateSource & { readonly text: string },
  metastore: Metastore,
  settings: Settings,
  registry: SchemaRegistry = new MemorySchemaRegistry(),
): NewSource {
  const properties = readWithProperties(statement.properties, 'source')
  if (properties.topic === null) {
    throw new SqlError('Missing required property "KAFKA_TOPIC" which has no default value.', {
      suggestion: "WITH (KAFKA_TOPIC = '…', …) names the topic whose records these are.",
    })
  }
  checkElements(statement)
  const valueFormatOf = valueFormatName(properties, settings)
  const declared = new LogicalSchema(statement.elements.map((e) => columnOf(e, metastore)))
  checkSchemaIds(declared, properties)
  const schema = withInferred(declared, {
    topic: properties.topic,
    key: properties.key,
    keyFormat: properties.key.format ?? defaultKeyFormat(settings),
    value: properties.value,
    valueFormat: valueFormatOf,
    wrapSingle: properties.wrapSingleValue ?? settings.boolean('ksql.persistence.wrap.single.values'),
    registry,
  })
  const keyName = properties.key.format ?? (schema.key.length === 0 ? 'NONE' : defaultKeyFormat(settings))
  const keyFormat = keyFormatInfo(keyName, schema.key, properties.key, { sourceName: statement.name })
  const valueFormat = valueFormatInfo(valueFormatOf, schema.value, properties, settings)
  checkFormatSettings(keyFormat)
  checkFormatSettings(valueFormat)
  checkSchema(statement, schema, properties)
  if (schema.key.length > 0) checkColumns('key', keyFormat, schema.key)
  checkColumns('value', valueFormat, schema.value)
  return {
    properties,
    source: {
      kind: statement.sourceKind,
      name: statement.name,
      schema,
      topic: properties.topic,
      keyFormat,
      valueFormat,
      window: properties.window,
      timestamp: timestampOf(properties, schema),
      isSource: statement.isSource,
      createdBy: null,
      text: statement.text,
    },
  }
}

function checkElements(statement: CreateSource): void {
  for (const { name, constraint, location } of statement.elements) {
    const place = location === null ? '' : `Line: ${location.line}, Col: ${location.column}: `
    if (constraint === 'KEY' && statement.sourceKind === 'TABLE') {
      throw new SqlError(
        `${place}Column \`${name}\` is a 'KEY' column: please use 'PRIMARY KEY' for tables.\n` +
          'Tables have PRIMARY KEYs, which are unique and NON NULL.\nStreams have KEYs, which have no uniqueness or NON NULL constraints.',
        { kind: 'parse', location },
      )
    }
    if (constraint === 'PRIMARY KEY' && statement.sourceKind === 'STREAM') {
      throw new SqlError(
        `${place}Column \`${name}\` is a 'PRIMARY KEY' column: please use 'KEY' for streams.\n` +
          'Tables have PRIMARY KEYs, which are unique and NON NULL.\nStreams have KEYs, which have no uniqueness or NON NULL constraints.',
        { kind: 'parse', location },
      )
    }
  }
}

const headersType = SqlTypes.array(
  SqlTypes.struct([
    { name: 'KEY', type: SqlTypes.STRING },
    { name: 'VALUE', type: SqlTypes.BYTES },
  ]),
)

export function columnOf(element: TableElement, metastore: Metastore): Column {
  const { name, constraint, location } = element
  const type = resolveType(element.type, { customType: (n) => metastore.types.get(n) })
  if (pseudoColumnNames.has(name) || windowColumnNames.has(name)) {
    throw new SqlError(`'${name}' is a reserved column name. You cannot use it as a name for a column.`, {
      location,
    })
  }
  if (constraint === null) return { name, type, role: 'value' }
  if (constraint === 'KEY' || constraint === 'PRIMARY KEY') return { name, type, role: 'key' }
  const headerKey = constraint === 'HEADERS' ? null : constraint.header
  const expected: SqlType = headerKey === null ? headersType : SqlTypes.BYTES
  if (!sameType(type, expected)) {
    const what = headerKey === null ? 'HEADERS' : `HEADER('${headerKey}')`
    throw new SqlError(
      `Invalid type for ${what} column: expected ${formatType(expected)}, got ${formatType(type)}`,
      { location },
    )
  }
  return { name, type, role: 'header', headerKey }
}

function checkSchemaIds(declared: LogicalSchema, properties: WithProperties): void {
  if (properties.key.schemaId !== null && declared.key.length > 0) {
    throw new SqlError('Table elements and KEY_SCHEMA_ID cannot both exist for create statement.')
  }
  if (properties.value.schemaId !== null && declared.value.length > 0) {
    throw new SqlError('Table elements and VALUE_SCHEMA_ID cannot both exist for create statement.')
  }
}

function checkSchema(statement: CreateSource, schema: LogicalSchema, properties: WithProperties): void {
  const seen = new Set<string>()
  for (const { name } of schema.columns) {
    if (seen.has(name)) {
      const location = statement.elements.findLast((e) => e.name === name)?.location ?? null
      throw new SqlError(`Duplicate column names: \`${name}\``, { location })
    }
    seen.add(name)
  }
  if (statement.sourceKind === 'TABLE' && schema.key.length === 0) {
    const [first] = statement.elements
    throw new SqlError('Tables require a PRIMARY KEY. Please define the PRIMARY KEY.', {
      location: first?.location ?? null,
      suggestion:
        first === undefined
          ? null
          : `Write PRIMARY KEY behind the column that tells rows apart: ${formatIdentifier(first.name)} … PRIMARY KEY.`,
    })
  }
  if (schema.columns.length === 0) throw new SqlError('No columns supplied.')
  if (properties.window !== null && schema.key.length === 0) {
    throw new SqlError('Windowed sources require a key column.')
  }
  if (schema.headers.length > 1 && schema.headers.some((c) => c.headerKey === null)) {
    throw new SqlError('Schema already contains a HEADERS column.')
  }
}

export function timestampOf(properties: WithProperties, schema: LogicalSchema): DataSource['timestamp'] {
  checkTimestamp(properties, [...schema.key, ...schema.value])
  const { timestamp: column, timestampFormat: format } = properties
  return column === null ? null : { column, format }
}

/** @throws SqlError unless the TIMESTAMP property names one of the columns, and one that can hold a time */
export function checkTimestamp(
  { timestamp: name, timestampFormat: format }: WithProperties,
  columns: readonly Pick<Column, 'name' | 'type'>[],
): void {
  if (name === null) {
    if (format !== null) throw new SqlError("'TIMESTAMP_FORMAT' needs the 'TIMESTAMP' property.")
    return
  }
  const found = columns.find((c) => c.name === name)
  if (found === undefined) {
    throw new SqlError(
      `The TIMESTAMP column set in the WITH clause does not exist in the schema: '${name}'`,
      {
        suggestion: oneOf(
          'Columns are',
          name,
          columns.map((c) => c.name),
        ),
      },
    )
  }
  const kind = found.type.kind
  if (kind === 'STRING' ? format === null : kind !== 'BIGINT' && kind !== 'TIMESTAMP') {
    throw new SqlError(
      `Timestamp column, \`${name}\`, should be LONG(INT64), TIMESTAMP, or a String(VARCHAR) with a TIMESTAMP_FORMAT specified.`,
    )
  }
  if (kind !== 'STRING' && format !== null) {
    throw new SqlError("'TIMESTAMP_FORMAT' set, however, the timestamp column is not of type STRING.")
  }
}
