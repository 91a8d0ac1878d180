import { nextEventLoopTurn } from '../../common/index.js'
import type { Consumer, Log, TopicPartition } from '../../log/index.js'
import type { GlobalTask } from './global-task.js'
import type { PlannedSource } from './topic-plan.js'

/** How long the loop sleeps at most while nothing comes, ms. */
const idleMs = 3_600_000

/**
 * Keeps the global stores of an instance up to date, with a consumer of its own: every instance reads all partitions of
 * global topics, outside of the group.
 */
export class GlobalStateUpdater {
  readonly task: GlobalTask
  readonly #consumer: Consumer
  readonly #partitions: readonly TopicPartition[]
  #closed = false
  #loop: Promise<void> = Promise.resolve()

  constructor(task: GlobalTask, log: Log, sources: readonly PlannedSource[], readCommitted: boolean) {
    this.task = task
    this.#consumer = log.consumer({
      autoOffsetReset: 'earliest',
      isolationLevel: readCommitted ? 'read_committed' : 'read_uncommitted',
    })
    this.#partitions = sources.flatMap(({ topic, partitions }) =>
      Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
    )
    for (const at of this.#partitions) task.include(at)
  }

  /** Reads the topics to their ends, as they are now; then follows them. `onFailure` is told what stops it. */
  async start(onFailure: (error: unknown) => void): Promise<void> {
    this.#consumer.assign(this.#partitions)
    const ends = await this.#consumer.endOffsets(this.#partitions)
    while (!(await this.#hasReached(ends))) {
      for (const batch of await this.#consumer.pollBatches(100)) this.task.apply(batch, batch.decode())
    }
    this.task.commit()
    this.#loop = this.#follow().catch((error: unknown) => {
      if (!this.#closed) onFailure(error)
    })
  }

  async #follow(): Promise<void> {
    while (!this.#closed) {
      for (const batch of await this.#consumer.pollBatches(idleMs)) this.task.apply(batch, batch.decode())
      await nextEventLoopTurn()
    }
  }

  /** Whether everything that is in the topics now has been applied. */
  async isCaughtUp(): Promise<boolean> {
    return this.#hasReached(await this.#consumer.endOffsets(this.#partitions))
  }

  async #hasReached(ends: readonly number[]): Promise<boolean> {
    for (const [i, at] of this.#partitions.entries()) {
      if ((await this.#consumer.position(at)) < ends[i]!) return false
    }
    return true
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#consumer.wakeup()
    await this.#loop
    try {
      this.task.close()
    } finally {
      await this.#consumer.close()
    }
  }
}
