import { unknownSource } from '../analyzer/unknown-source.js'
import type { SourceKind, Statement } from '../ast.js'
import { SqlError } from '../errors.js'
import { formatIdentifier } from '../format-sql.js'
import type { DataSource, FormatInfo, WindowInfo } from '../metastore.js'
import type { Column } from '../schema.js'
import type { StatementResult } from '../statements/statement-result.js'
import { didYouMean } from '../suggestion.js'
import { formatType, SqlTypes } from '../types.js'
import { noConnectors } from './connector-statements.js'
import { lagOf, lagText, queryTitle, statisticsLine } from './query-figures.js'
import { labelled, oneLine, resultTable, section } from './result-table.js'
import type { ShowContext, ShownQuery } from './show-context.js'
import { recordsNote, topicFigures } from './topic-figures.js'

export type DescribeStatement = Extract<
  Statement,
  { kind: 'describe' | 'describeAll' | 'describeFunction' | 'describeConnector' }
>

const { STRING, BIGINT, INTEGER, BOOLEAN } = SqlTypes

/** DESCRIBE, of whatever it names. @throws SqlError for a name that is not known */
export async function describeStatement(
  statement: DescribeStatement,
  context: ShowContext,
): Promise<StatementResult> {
  switch (statement.kind) {
    case 'describe':
      return describeSource(statement, context)
    case 'describeAll':
      return statement.extended
        ? describeSources(statement, statement.sourceKind, context)
        : describeColumns(statement, statement.sourceKind, context)
    case 'describeFunction':
      return describeFunction(statement, context)
    case 'describeConnector':
      throw new SqlError(`Could not find connector '${statement.name}'`, {
        location: statement.location,
        suggestion: noConnectors,
      })
  }
}

// --------------------------------------------------------------------------------------------- one source

async function describeSource(
  statement: Extract<DescribeStatement, { kind: 'describe' }>,
  context: ShowContext,
): Promise<StatementResult> {
  const { name } = statement
  const source = context.metastore.find(name)
  if (source === undefined) {
    const message = `Could not find STREAM/TABLE '${name}' in the Metastore`
    throw unknownSource(name, context.metastore, statement.location, message)
  }
  const rows = columnRows(source)
  const columns = { Field: STRING, Type: STRING, Role: STRING }
  if (!statement.extended) {
    return resultTable(statement, columns, rows, {
      title: labelled({ Name: source.name, Type: source.kind }),
      note: `For runtime statistics and query details run: DESCRIBE ${formatIdentifier(source.name)} EXTENDED;`,
    })
  }
  return resultTable(statement, columns, rows, {
    title: await sourceText(source, context),
    note: await usageText(source, context),
  })
}

/** Name, type and role of each column, key columns first. */
function columnRows({ schema, kind, window }: DataSource): string[][] {
  const role = (column: Column): string => {
    switch (column.role) {
      case 'key':
        return `${kind === 'TABLE' ? 'PRIMARY KEY' : 'KEY'}${window === null ? '' : ` (${windowText(window)})`}`
      case 'value':
        return 'VALUE'
      case 'header':
        return column.headerKey == null ? 'HEADERS' : `HEADER('${column.headerKey}')`
    }
  }
  return [...schema.key, ...schema.value, ...schema.headers].map((c) => [c.name, formatType(c.type), role(c)])
}

function windowText({ type, sizeMs }: WindowInfo): string {
  return sizeMs === null ? `${type} window` : `${type} window of ${sizeMs} ms`
}

function formatText({ name, properties }: FormatInfo): string {
  const settings = Object.entries(properties).map(([key, value]) => `${key}=${value}`)
  return settings.length === 0 ? name : `${name} (${settings.join(', ')})`
}

async function sourceText(source: DataSource, { admin }: ShowContext): Promise<string> {
  const { timestamp, window } = source
  const figures = await topicFigures(admin, source.topic)
  const size =
    figures === null
      ? 'does not exist'
      : `partitions: ${figures.partitions}, records: ${figures.records}, bytes: ${figures.bytes}`
  const format = timestamp?.format == null ? '' : ` (${timestamp.format})`
  return labelled({
    Name: source.name,
    Type: source.isSource ? `${source.kind}, read-only` : source.kind,
    'Timestamp field': timestamp === null ? 'ROWTIME of the record' : timestamp.column + format,
    'Key format': formatText(source.keyFormat),
    'Value format': formatText(source.valueFormat),
    Window: window === null ? null : windowText(window),
    'Kafka topic': `${source.topic} (${size})`,
    Statement: oneLine(source.text),
  })
}

/** Who reads and writes the source, how far they are, and what they have done. */
async function usageText(source: DataSource, context: ShowContext): Promise<string> {
  const readers = readersOf(source, context)
  const writers = writersOf(source, context)
  const lags = await Promise.all(readers.map((q) => lagOf(q)))
  const list = (queries: readonly ShownQuery[]) =>
    queries.map((q) => `${queryTitle(q)} : ${oneLine(q.statement)}`)
  const both = [...new Set([...readers, ...writers])]
  const lines = [
    ...section(`Queries that read from this ${source.kind}`, list(readers)),
    ...section(`Queries that write into this ${source.kind}`, list(writers)),
    ...section(
      'Consumption',
      readers.map((q, i) => `${q.id} : ${lagText(lags[i]!, source.topic)}`),
    ),
    ...section(
      'Local runtime statistics',
      both.map((q) => `${q.id} : ${statisticsLine(q)}`),
    ),
    '',
    recordsNote,
  ]
  return lines.join('\n').trimStart()
}

function readersOf({ name }: DataSource, { queries }: ShowContext): ShownQuery[] {
  return queries.filter((q) => q.plan.sources.includes(name))
}

function writersOf({ name }: DataSource, { queries }: ShowContext): ShownQuery[] {
  return queries.filter((q) => q.plan.sink?.name === name)
}

// -------------------------------------------------------------------------------------------- all sources

function sourcesOf(kind: SourceKind, { metastore }: ShowContext): DataSource[] {
  return metastore.sources.filter((s) => s.kind === kind).sort((a, b) => (a.name < b.name ? -1 : 1))
}

function describeColumns(statement: Statement, kind: SourceKind, context: ShowContext): StatementResult {
  const rows = sourcesOf(kind, context).flatMap((s) => columnRows(s).map((row) => [s.name, ...row]))
  return resultTable(
    statement,
    {
      [kind === 'STREAM' ? 'Stream Name' : 'Table Name']: STRING,
      Field: STRING,
      Type: STRING,
      Role: STRING,
    },
    rows,
  )
}

/** DESCRIBE STREAMS EXTENDED, SHOW TABLES EXTENDED and their like: a row for each, with all there is to say. */
export async function describeSources(
  statement: Statement,
  kind: SourceKind,
  context: ShowContext,
): Promise<StatementResult> {
  const rows: unknown[][] = []
  for (const source of sourcesOf(kind, context)) {
    const figures = await topicFigures(context.admin, source.topic)
    rows.push([
      source.name,
      source.topic,
      source.keyFormat.name,
      source.valueFormat.name,
      source.window !== null,
      figures?.partitions ?? null,
      figures?.records ?? null,
      figures?.bytes ?? null,
      source.schema.toString(),
      readersOf(source, context).map(queryTitle).join(', '),
      writersOf(source, context).map(queryTitle).join(', '),
      oneLine(source.text),
    ])
  }
  return resultTable(
    statement,
    {
      [kind === 'STREAM' ? 'Stream Name' : 'Table Name']: STRING,
      'Kafka Topic': STRING,
      'Key Format': STRING,
      'Value Format': STRING,
      Windowed: BOOLEAN,
      Partitions: INTEGER,
      Records: BIGINT,
      Bytes: BIGINT,
      Columns: STRING,
      'Read By': STRING,
      'Written By': STRING,
      Statement: STRING,
    },
    rows,
    { note: recordsNote },
  )
}

// ----------------------------------------------------------------------------------------------- functions

function describeFunction(
  statement: Extract<DescribeStatement, { kind: 'describeFunction' }>,
  { functions }: ShowContext,
): StatementResult {
  const { name } = statement
  const found = functions.describe(name)
  if (found === undefined) {
    const names = functions.list().map((f) => f.name)
    throw new SqlError(`Can't find any functions with the name '${name}'`, {
      kind: 'function',
      suggestion: didYouMean(name, names) ?? 'SHOW FUNCTIONS lists them all.',
    })
  }
  return resultTable(
    statement,
    { Variation: STRING, Returns: STRING },
    found.signatures.map((signature, i) => [signature, found.returns[i] ?? null]),
    {
      title: labelled({
        Name: found.name,
        Type: found.kind,
        Overview: found.description === '' ? null : found.description,
      }),
    },
  )
}
