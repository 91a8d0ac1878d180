import type { Statement } from '../ast.js'
import { SqlError } from '../errors.js'
import type { DataSource } from '../metastore.js'
import { propertyDefinitions } from '../properties.js'
import { formatType, SqlTypes } from '../types.js'
import type { CatalogueView } from './catalogue-view.js'
import type { ResultColumn, StatementResult } from './statement-result.js'

type Show = Extract<Statement, { kind: 'show' }>
type Rows = Extract<StatementResult, { kind: 'rows' }>

export function table(
  statement: string,
  names: readonly string[],
  rows: readonly (readonly unknown[])[],
  title: string | null = null,
): Rows {
  const columns = names.map((name, i): ResultColumn => ({
    name,
    type: rows.some((r) => typeof r[i] === 'number') ? SqlTypes.BIGINT : SqlTypes.STRING,
  }))
  return { kind: 'rows', statement, title, columns, rows, note: null }
}

export async function show(statement: Show, view: CatalogueView): Promise<StatementResult> {
  const { text } = statement
  switch (statement.what) {
    case 'STREAMS':
      return sources(statement, view, 'STREAM')
    case 'TABLES':
      return sources(statement, view, 'TABLE')
    case 'TOPICS':
      return topics(statement, view)
    case 'QUERIES':
      return table(
        text,
        ['Query ID', 'Query Type', 'Status', 'Sink', 'Sink Kafka Topic', 'Query String'],
        [...view.queries.values()].map((q) => [
          q.id,
          'PERSISTENT',
          view.statusOf(q.id) ?? 'RUNNING',
          q.sink ?? '',
          q.plan.sink?.topic ?? '',
          q.statement.replace(/\s+/g, ' '),
        ]),
      )
    case 'FUNCTIONS':
      return table(
        text,
        ['Function Name', 'Category', 'Description'],
        view.functions.list().map((f) => [f.name, f.kind, f.description]),
      )
    case 'PROPERTIES':
      return table(
        text,
        ['Property', 'Value', 'Description'],
        propertyDefinitions.map((p) => [p.name, view.settings.get(p.name) ?? '', p.description]),
      )
    case 'TYPES':
      return table(
        text,
        ['Type Name', 'Schema'],
        [...view.metastore.types].map(([name, type]) => [name, formatType(type)]),
      )
    case 'VARIABLES':
      throw new SqlError('Variables belong to a session: this statement was run without one.')
    case 'CONNECTORS':
    case 'CONNECTOR PLUGINS':
      throw new SqlError('Connectors run outside of SQL here: see forebay/connect.')
  }
}

function sources(statement: Show, { metastore }: CatalogueView, kind: DataSource['kind']): StatementResult {
  const all = metastore.sources.filter((s) => s.kind === kind)
  return table(
    statement.text,
    [kind === 'STREAM' ? 'Stream Name' : 'Table Name', 'Kafka Topic', 'Key Format', 'Value Format', 'Windowed'],
    all.map((s) => [s.name, s.topic, s.keyFormat.name, s.valueFormat.name, String(s.window !== null)]),
  )
}

async function topics(statement: Show, { topics: host }: CatalogueView): Promise<StatementResult> {
  const names = (await host.list()).filter((t) => statement.all || !/^(_confluent|__)/.test(t))
  const rows = await Promise.all(names.map(async (t) => [t, (await host.partitionsOf(t)) ?? 0]))
  return table(statement.text, ['Kafka Topic', 'Partitions'], rows)
}
