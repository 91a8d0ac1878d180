import { map } from 'rxjs'
import {
  formatType,
  type PrintQuery,
  type PushQuery,
  type ResultColumn,
  type SqlEngine,
  shownValues,
} from '../sql/index.js'
import type { Catalogue, Column, LiveQuery, Outcome, Session } from './session.js'

/** A session on an engine in this process. The engine stays open when the session ends: its owner closes it. */
export function embeddedSession(engine: SqlEngine): Session {
  return {
    async *run(sql) {
      for await (const outcome of engine.run(sql)) {
        if (outcome.kind === 'query') yield { kind: 'live', query: liveQuery(outcome.query) }
        else yield finished(outcome.result)
      }
    },
    catalogue: () => catalogueOf(engine),
    close: async () => {},
  }
}

function finished(result: Extract<Awaited<ReturnType<SqlEngine['execute']>>[number], object>): Outcome {
  if (result.kind === 'message') return { kind: 'message', text: result.message }
  return {
    kind: 'table',
    title: result.title,
    columns: result.columns.map(columnOf),
    rows: result.rows.map(shownValues(result.columns)),
    note: result.note,
  }
}

function liveQuery(query: PushQuery | PrintQuery): LiveQuery {
  const shown = shownValues(query.columns)
  return {
    columns: query.columns.map(columnOf),
    rows: query.rows.pipe(
      map(({ columns, tombstone, identity }) => ({ row: shown(columns), tombstone, identity })),
    ),
    stop: () => query.stop(),
    caughtUp: () => query.caughtUp(),
    explainEmpty: () => query.explainEmpty(),
  }
}

function columnOf({ name, type }: ResultColumn): Column {
  return { name, type: type === null ? '' : formatType(type) }
}

async function catalogueOf(engine: SqlEngine): Promise<Catalogue> {
  return {
    sources: engine.metastore.sources.map((s) => ({
      name: s.name,
      kind: s.kind,
      columns: s.schema.columns.map((c) => ({ name: c.name, type: formatType(c.type) })),
    })),
    topics: await engine.log.admin.listTopics(),
    queries: [...engine.executor.queries.keys()],
    functions: engine.functions.list().map((f) => f.name),
    properties: await propertyNames(engine),
  }
}

async function propertyNames(engine: SqlEngine): Promise<string[]> {
  const [result] = await engine.execute('SHOW PROPERTIES;')
  return result?.kind === 'rows' ? result.rows.map(([name]) => String(name)) : []
}
