import { type ShownQuery, stateOf } from './show-context.js'

/** Unread records by `topic-partition`; null while the query does not run. */
export async function lagOf({ app }: ShownQuery): Promise<ReadonlyMap<string, number> | null> {
  return app.state === 'RUNNING' ? app.lag() : null
}

export function total(lag: ReadonlyMap<string, number>): number {
  return [...lag.values()].reduce((sum, records) => sum + records, 0)
}

/** Why the query has stopped; null while it runs. */
export function failureOf({ app }: ShownQuery): string | null {
  if (app.failure == null) return null
  return app.failure instanceof Error ? app.failure.message : String(app.failure)
}

/** The counters of this process for a query, on one line. */
export function statisticsLine(query: ShownQuery): string {
  const { recordsIn, recordsOut, droppedRecords, commits, restarts } = query.app.metrics()
  return [
    `records in ${recordsIn}`,
    `records out ${recordsOut}`,
    `dropped ${droppedRecords}`,
    `processing errors ${query.processingErrors}`,
    `commits ${commits}`,
    `restarts ${restarts}`,
  ].join(', ')
}

/** `ID (STATE)`, with the reason where the query has failed. */
export function queryTitle(query: ShownQuery): string {
  const failure = failureOf(query)
  return `${query.id} (${stateOf(query)}${failure === null ? '' : `: ${failure}`})`
}

/** What a query has not read yet, of all its sources or of one topic: `lag 5 (orders-0: 2, orders-1: 3)`. */
export function lagText(lag: ReadonlyMap<string, number> | null, topic: string | null = null): string {
  if (lag === null) return 'lag unknown while the query does not run'
  const own = [...lag].filter(
    ([partition]) => topic === null || partition.slice(0, partition.lastIndexOf('-')) === topic,
  )
  const behind = own.filter(([, records]) => records > 0)
  const parts = behind.map(([partition, records]) => `${partition}: ${records}`).join(', ')
  return `lag ${total(new Map(own))}${parts === '' ? '' : ` (${parts})`}`
}
