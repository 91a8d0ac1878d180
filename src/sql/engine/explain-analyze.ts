import { formatTimestamp } from '../expression/date-time.js'
import { lagOf, lagText, statisticsLine } from './query-figures.js'
import { section } from './result-table.js'
import type { ShownQuery } from './show-context.js'
import type { StoreFigures } from './store-figures.js'

/** What a running query is doing: rates, lag and tasks, what its steps have passed over, what its stores hold. */
export async function analyzeSections(query: ShownQuery): Promise<string[]> {
  const metrics = query.app.metrics()
  const { inPerS, outPerS, overMs } = query.rates()
  const rates =
    overMs === 0
      ? 'rates unknown yet'
      : `in ${perSecond(inPerS)}, out ${perSecond(outPerS)}, over the last ${(overMs / 1000).toFixed(1)} s`
  return [
    ...section('Throughput', [rates, statisticsLine(query), lagText(await lagOf(query))]),
    ...section('Tasks', taskLines(query)),
    ...section('Steps', stepLines(query, metrics.tasks)),
    ...section('Stores', query.stores().map(storeLine)),
  ]
}

function perSecond(rate: number): string {
  return `${rate >= 100 ? Math.round(rate) : rate.toFixed(1)} records/s`
}

export function taskLines(query: ShownQuery): string[] {
  return query.app.metrics().tasks.map((t) => {
    const dropped = Object.entries(t.droppedByReason).map(([reason, count]) => `${reason}: ${count}`)
    return [
      `task ${t.taskId} : records in ${t.recordsIn}`,
      `records out ${t.recordsOut}`,
      `changelog records ${t.changelogRecordsOut}`,
      `buffered ${t.buffered}`,
      `dropped ${t.droppedRecords}${dropped.length === 0 ? '' : ` (${dropped.join(', ')})`}`,
      t.streamTimeMs < 0 ? 'no stream time yet' : `stream time ${formatTimestamp(t.streamTimeMs)}`,
    ].join(', ')
  })
}

/** Steps that have passed something over, with the newest reason. */
function stepLines(query: ShownQuery, tasks: ReturnType<ShownQuery['app']['metrics']>['tasks']): string[] {
  const dropped = new Map<string, Map<string, number>>()
  for (const { droppedByNode } of tasks) {
    for (const [node, reasons] of Object.entries(droppedByNode)) {
      const sums = dropped.get(node) ?? new Map<string, number>()
      for (const [reason, count] of Object.entries(reasons)) sums.set(reason, (sums.get(reason) ?? 0) + count)
      dropped.set(node, sums)
    }
  }
  const errors = new Map(query.stepErrors.map((e) => [e.last.step, e]))
  return [...new Set([...dropped.keys(), ...errors.keys()])].map((step) => {
    const reasons = [...(dropped.get(step) ?? [])].map(([reason, count]) => `${reason}: ${count}`)
    const error = errors.get(step)
    const parts = [
      ...(reasons.length === 0 ? [] : [`dropped ${reasons.join(', ')}`]),
      ...(error === undefined
        ? []
        : [`logged ${error.count}, last at ${formatTimestamp(error.last.time)}: ${error.last.reason}`]),
    ]
    return `${step} : ${parts.join('; ')}`
  })
}

function storeLine({ name, rows, bytes, cache }: StoreFigures): string {
  const parts = [
    rows === null ? 'rows unknown' : `rows ${rows}`,
    ...(bytes === null ? [] : [`bytes ${bytes}`]),
    ...(cache === null ? [] : [`cache hits ${hits(cache)}`]),
  ]
  return `${name} : ${parts.join(', ')}`
}

function hits({ lookUps, misses }: NonNullable<StoreFigures['cache']>): string {
  if (lookUps === 0) return '- of 0 look-ups'
  return `${(((lookUps - misses) * 100) / lookUps).toFixed(1)} % of ${lookUps} look-ups`
}
