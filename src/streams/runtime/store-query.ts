import type { TopicPartition } from '../../log/index.js'
import { StaleStoreError } from '../errors.js'
import type { StreamTask } from './stream-task.js'

export interface QueryOptions {
  /**
   * 'read_uncommitted' (default): what the tasks have processed, like `store`. 'read_committed': the reading waits for the
   * end of the next commit, when the store holds what is committed and nothing else.
   */
  readonly isolation?: 'read_uncommitted' | 'read_committed'
  /**
   * The most records of the sources that may lie before the tasks of the store and not be in it yet. With more the query
   * is refused with StaleStoreError. Default: any number.
   */
  readonly maxLag?: number
}

/** What a query needs of the instance. */
export interface QueryHost {
  /** Tasks that hold a part of the store. */
  readonly tasks: readonly StreamTask[]
  lagOf(inputs: readonly TopicPartition[]): Promise<number>
}

/**
 * One look at a store between two rounds of work. Returns false while it has to wait for a commit. Throws StaleStoreError
 * where the store is too far behind.
 */
export async function queryBetweenRounds<R>(
  storeName: string,
  { tasks, lagOf }: QueryHost,
  { isolation = 'read_uncommitted', maxLag = Number.POSITIVE_INFINITY }: QueryOptions,
  read: () => R,
): Promise<{ result: R } | null> {
  if (maxLag !== Number.POSITIVE_INFINITY) {
    const lag = await lagOf(tasks.flatMap((task) => task.group.partitions))
    if (lag > maxLag) throw new StaleStoreError(storeName, lag, maxLag)
  }
  const open = isolation === 'read_committed' ? tasks.filter((task) => task.dirty) : []
  for (const task of open) task.requestCommit()
  return open.length > 0 ? null : { result: read() }
}
