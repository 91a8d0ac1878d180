import type { FileSystem } from '../../common/index.js'
import { openStateDatabase } from '../../state/index.js'
import type { ResolvedConfig } from '../config.js'
import type { TopologyModel } from '../topology-model.js'
import { TaskMetrics } from './metrics.js'
import type { RecordCollector } from './record-collector.js'
import type { StateDirectory, TaskDirectory } from './state-directory.js'
import { StateManager } from './state-manager.js'
import type { StreamTask } from './stream-task.js'
import type { PlannedTask } from './task-assignment.js'
import { type TopicNames, taskStore } from './topics.js'

/** How far, in wall-clock ms, a state database may be behind the changelogs. */
const followIntervalMs = 1_000

export interface TaskStateOptions {
  readonly model: TopologyModel
  readonly names: TopicNames
  readonly config: ResolvedConfig
  readonly files: FileSystem
  readonly collector: RecordCollector
  /** Null: state lives in memory. */
  readonly directory: StateDirectory | null
  readonly cacheEntriesMax: number
}

/**
 * The opened state of a task, before the task runs and while it is only a warm copy: a standby that becomes active hands
 * its stores over as they are.
 */
export class TaskState {
  readonly planned: PlannedTask
  readonly metrics = new TaskMetrics()
  readonly manager: StateManager
  /** The running task, whose stream time changes of its stores carry. */
  task: StreamTask | null = null
  /** Nobody may touch the stores any more. */
  closed = false
  readonly #directory: TaskDirectory | null

  private constructor(planned: PlannedTask, options: TaskStateOptions, directory: TaskDirectory | null) {
    const { model, names, config, files, collector } = options
    this.planned = planned
    this.#directory = directory
    const path = directory === null ? ':memory:' : `${directory.path}/state.db`
    const database = openStateDatabase(directory === null ? { path } : { path, files })
    this.manager = new StateManager({
      stores: planned.planned.subtopology.stores.map((name) => taskStore(model.stores.get(name)!, names)),
      database,
      collector,
      partition: planned.partition,
      cacheEntriesMax: options.cacheEntriesMax,
      metrics: this.metrics,
      timestampMs: () => Math.max(0, this.task?.group.streamTimeMs ?? 0),
      follow: { clock: config.clock, intervalMs: followIntervalMs },
    })
  }

  /** Null while another instance on the same state directory has the task. */
  static open(planned: PlannedTask, options: TaskStateOptions): TaskState | null {
    const { directory } = options
    if (directory === null || planned.planned.subtopology.stores.length === 0) {
      return new TaskState(planned, options, null)
    }
    const locked = directory.lockTask(planned.taskId)
    if (locked === null) return null
    try {
      return new TaskState(planned, options, locked)
    } catch (error) {
      locked.release()
      throw error
    }
  }

  get taskId(): string {
    return this.planned.taskId
  }

  get partition(): number {
    return this.planned.partition
  }

  /** Closes the task, if it runs, and its stores. What was not committed is forgotten. */
  close(): void {
    if (this.closed) return
    this.closed = true
    try {
      if (this.task === null) this.manager.close()
      else this.task.close()
    } finally {
      this.#directory?.release()
    }
  }
}
