import type { ShowWhat, SourceKind, Statement } from '../ast.js'
import type { DataSource } from '../metastore.js'
import { bareName, type PropertyValues, propertyDefinitions } from '../properties.js'
import type { StatementResult } from '../statements/statement-result.js'
import { formatType, SqlTypes } from '../types.js'
import { noConnectors } from './connector-statements.js'
import { describeSources } from './describe-statements.js'
import { failureOf, lagOf, total } from './query-figures.js'
import { oneLine, resultTable } from './result-table.js'
import { type ShowContext, type ShownQuery, stateOf } from './show-context.js'
import { recordsNote, topicFigures, topicReaders } from './topic-figures.js'

export type ShowStatement = Extract<Statement, { kind: 'show' }>

const { STRING, BIGINT, INTEGER, BOOLEAN } = SqlTypes

/** SHOW or LIST, whatever is asked for, sorted by name. */
export async function showStatement(
  statement: ShowStatement,
  context: ShowContext,
): Promise<StatementResult> {
  return shows[statement.what](statement, context)
}

type Show = (statement: ShowStatement, context: ShowContext) => StatementResult | Promise<StatementResult>

const shows: Readonly<Record<ShowWhat, Show>> = {
  STREAMS: (statement, context) => showSources(statement, context, 'STREAM'),
  TABLES: (statement, context) => showSources(statement, context, 'TABLE'),
  TOPICS: showTopics,
  QUERIES: showQueries,
  FUNCTIONS: (statement, { functions }) =>
    resultTable(
      statement,
      { 'Function Name': STRING, Category: STRING, Description: STRING },
      functions.list().map(({ name, kind, description }) => [name, kind, description]),
      { note: 'For the variants of a function run: DESCRIBE FUNCTION <name>;' },
    ),
  PROPERTIES: showProperties,
  TYPES: (statement, { metastore }) =>
    resultTable(
      statement,
      { 'Type Name': STRING, Schema: STRING },
      byName([...metastore.types], ([name]) => name).map(([name, type]) => [name, formatType(type)]),
    ),
  INDEXES: (statement, { metastore }) =>
    resultTable(
      statement,
      { 'Index Name': STRING, 'Table Name': STRING, Columns: STRING },
      byName([...metastore.indexes.values()], (index) => index.name).map(({ name, table, columns }) => [
        name,
        table,
        columns.join(', '),
      ]),
    ),
  VARIABLES: (statement, { variables }) =>
    resultTable(
      statement,
      { 'Variable Name': STRING, Value: STRING },
      byName(Object.entries(variables), ([name]) => name),
    ),
  CONNECTORS: (statement) =>
    resultTable(statement, { Name: STRING, Type: STRING, Class: STRING, Status: STRING }, [], {
      note: noConnectors,
    }),
  'CONNECTOR PLUGINS': (statement) =>
    resultTable(statement, { Class: STRING, Type: STRING, Version: STRING }, [], { note: noConnectors }),
}

function byName<T>(items: readonly T[], nameOf: (item: T) => string): T[] {
  return [...items].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
}

function showSources(
  statement: ShowStatement,
  context: ShowContext,
  kind: SourceKind,
): StatementResult | Promise<StatementResult> {
  if (statement.extended) return describeSources(statement, kind, context)
  const sources = byName(context.metastore.sources, (s) => s.name).filter((s) => s.kind === kind)
  return resultTable(
    statement,
    {
      [kind === 'STREAM' ? 'Stream Name' : 'Table Name']: STRING,
      'Kafka Topic': STRING,
      'Key Format': STRING,
      'Value Format': STRING,
      Windowed: BOOLEAN,
    },
    sources.map((s: DataSource) => [
      s.name,
      s.topic,
      s.keyFormat.name,
      s.valueFormat.name,
      s.window !== null,
    ]),
  )
}

/** Topics of the engine itself: commands, changelogs, repartitioned streams. Shown with ALL only, as in ksqlDB. */
const hiddenTopic = /^(_confluent|__|_schemas$)/

async function showTopics(statement: ShowStatement, { admin }: ShowContext): Promise<StatementResult> {
  const names = (await admin.listTopics()).filter((name) => statement.all || !hiddenTopic.test(name))
  const readers = statement.extended ? await topicReaders(admin) : null
  const rows: unknown[][] = []
  for (const name of byName(names, (n) => n)) {
    const figures = await topicFigures(admin, name)
    if (figures === null) continue
    const { groups, members } = readers?.get(name) ?? { groups: 0, members: 0 }
    const row = [name, figures.partitions, figures.records, figures.bytes]
    rows.push(readers === null ? row : [...row, members, groups])
  }
  const columns = { 'Kafka Topic': STRING, Partitions: INTEGER, Records: BIGINT, Bytes: BIGINT }
  return resultTable(
    statement,
    readers === null ? columns : { ...columns, Consumers: INTEGER, 'Consumer Groups': INTEGER },
    rows,
    { note: recordsNote },
  )
}

async function showQueries(statement: ShowStatement, { queries }: ShowContext): Promise<StatementResult> {
  const columns = {
    'Query ID': STRING,
    'Query Type': STRING,
    Status: STRING,
    'Sink Name': STRING,
    'Sink Kafka Topic': STRING,
    'Query String': STRING,
  }
  const figures = {
    'Records In': BIGINT,
    'Records Out': BIGINT,
    Dropped: BIGINT,
    'Processing Errors': BIGINT,
    Lag: BIGINT,
    Restarts: INTEGER,
    Failure: STRING,
  }
  const rows: unknown[][] = []
  for (const query of byName(queries, (q) => q.id)) {
    const { sink } = query.plan
    const row = [
      query.id,
      query.kind,
      stateOf(query),
      sink?.name ?? null,
      sink?.topic ?? null,
      oneLine(query.statement),
    ]
    rows.push(statement.extended ? [...row, ...(await queryFigures(query))] : row)
  }
  return resultTable(statement, statement.extended ? { ...columns, ...figures } : columns, rows, {
    note: 'For detailed information on a query run: EXPLAIN <query id>;',
  })
}

async function queryFigures(query: ShownQuery): Promise<unknown[]> {
  const { recordsIn, recordsOut, droppedRecords, restarts } = query.app.metrics()
  const lag = await lagOf(query)
  return [
    recordsIn,
    recordsOut,
    droppedRecords,
    query.processingErrors,
    lag === null ? null : total(lag),
    restarts,
    failureOf(query),
  ]
}

function showProperties(statement: ShowStatement, { properties }: ShowContext): StatementResult {
  const { session, engine } = properties
  const known = new Map(propertyDefinitions.map((p) => [p.name, p]))
  const others = Object.keys({ ...engine, ...session }).filter((name) => !known.has(bareName(name)))
  const rows = byName([...known.keys(), ...others], (name) => name).map((name) => {
    const [ofSession, ofEngine] = [valueIn(session, name), valueIn(engine, name)]
    const definition = known.get(name)
    const scope = ofSession !== undefined ? 'SESSION' : ofEngine !== undefined ? 'ENGINE' : 'DEFAULT'
    const value = ofSession ?? ofEngine ?? definition?.defaultValue ?? ''
    return [name, scope, value === '' ? null : value, definition?.description ?? null]
  })
  return resultTable(
    statement,
    { Property: STRING, Scope: STRING, Value: STRING, Description: STRING },
    rows,
    { note: "SET '<property>'='<value>'; changes one for this session." },
  )
}

function valueIn(values: PropertyValues, name: string): string | undefined {
  return values[name] ?? values[`ksql.streams.${name}`]
}
