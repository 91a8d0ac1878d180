import type { CacheFigures } from '../../state/index.js'
import type { DurationFigures } from './metrics.js'
import type { StreamTask } from './stream-task.js'

export interface StreamsTaskMetrics {
  readonly taskId: string
  readonly recordsIn: number
  readonly recordsOut: number
  readonly changelogRecordsOut: number
  /** Records that have been read and wait for their turn. */
  readonly buffered: number
  readonly droppedRecords: number
  readonly droppedByReason: Readonly<Record<string, number>>
  readonly droppedByNode: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** Event time, ms; -1 before the first record. */
  readonly streamTimeMs: number
  /** From a record's event time to the end of the commit that contains it, by the clock of the instance. */
  readonly latency: DurationFigures
  /** Wall-clock time in which records were processed, ms, without waiting. */
  readonly processingMs: number
  /** From the beginning of a commit's flush to its end. */
  readonly commits: DurationFigures
  /** Look-ups by store, for stores that count them; those that are no misses were answered by the cache. */
  readonly stores: Readonly<Record<string, CacheFigures>>
}

/** The figures of a task as they are now. */
export function taskFigures(task: StreamTask): StreamsTaskMetrics {
  const { metrics, state } = task
  const stores: Record<string, CacheFigures> = {}
  for (const store of state.all()) {
    const figures = store.cacheFigures?.()
    if (figures !== undefined) stores[store.name] = figures
  }
  return {
    taskId: task.taskId,
    recordsIn: metrics.recordsIn,
    recordsOut: metrics.recordsOut,
    changelogRecordsOut: metrics.changelogRecordsOut,
    buffered: task.group.buffered,
    droppedRecords: task.droppedRecords,
    droppedByReason: task.droppedByReason,
    droppedByNode: metrics.droppedByNode,
    streamTimeMs: task.group.streamTimeMs,
    latency: metrics.latency.figures,
    processingMs: metrics.processingMs,
    commits: metrics.commits.figures,
    stores,
  }
}
