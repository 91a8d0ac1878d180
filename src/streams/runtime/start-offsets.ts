import type { Consumer, TopicPartition } from '../../log/index.js'
import type { ResolvedConfig } from '../config.js'
import type { SourceNode } from '../node.js'
import type { TopologyModel } from '../topology-model.js'
import { type CommittedTimes, decodeTimes } from './committed-times.js'
import type { PlannedTask } from './task-assignment.js'

/** Where a task begins to read one of its inputs. */
export interface StartOffset extends CommittedTimes {
  readonly at: TopicPartition
  readonly source: SourceNode
  readonly offset: number
  /**
   * False: to be committed at once. Where 'latest' was at the first start must not move with a second one; and where a
   * power cut took records, new ones may have taken their offsets by then.
   */
  readonly isRecorded: boolean
}

/** Committed offsets of a task, or where the reset policy says. Waits for transactions that are about to change them. */
export async function startOffsets(
  consumer: Consumer,
  task: PlannedTask,
  model: TopologyModel,
  config: ResolvedConfig,
): Promise<StartOffset[]> {
  const at = task.inputs.map(({ topic, partition }) => ({ topic, partition }))
  const committed = await consumer.committed(at)
  const begin = await consumer.beginningOffsets(at)
  const end = await consumer.endOffsets(at)
  return task.inputs.map((input, i) => {
    const source = model.nodes.get(input.source) as SourceNode
    const found = committed[i]
    const fromEnd = found == null && (source.offsetReset ?? config.autoOffsetReset) === 'latest'
    const offset = found?.offset ?? (fromEnd ? end[i]! : begin[i]!)
    // Below: retention took the records. Above: a power cut did; reading from the start would count the rest twice.
    const within = Math.min(Math.max(offset, begin[i]!), end[i]!)
    return {
      at: at[i]!,
      source,
      offset: within,
      ...decodeTimes(found?.metadata),
      isRecorded: !fromEnd && within >= offset,
    }
  })
}
