import { type AnyBatch, headersOf, originRow } from '../batch.js'
import type { BatchOperator, NodeContext, ProcessorNode } from '../node.js'
import {
  type ForwardedRecord,
  type ProcessorContext,
  type ProcessorSupplier,
  type RecordPosition,
  supply,
} from '../processor-api.js'
import { operate, overRows } from '../rx/operate.js'

/** The node of a processor of the processor API, without its place in the topology. */
export function processorNode<K, V, KO, VO>(
  supplier: ProcessorSupplier<K, V, KO, VO>,
): Pick<ProcessorNode, 'kind' | 'stores' | 'operator' | 'recordAtATime'> {
  const operator = processRecords(supplier as ProcessorSupplier<unknown, unknown, unknown, unknown>)
  return { kind: 'processor', stores: [], operator, recordAtATime: true }
}

/** Runs a processor of the processor API. Each `forward` is a batch of one record, on its way at once. */
export function processRecords(
  supplier: ProcessorSupplier<unknown, unknown, unknown, unknown>,
): BatchOperator {
  return (context) => {
    const position = new CurrentPosition()
    const processor = supply(supplier)
    processor.init?.(contextOf(context, position))
    context.onClose(() => processor.close?.())
    return operate((batch) => {
      overRows(context, batch, position, () => {
        position.batch = batch
        for (let i = position.row; i < batch.size; i++) {
          position.row = i
          processor.process({
            key: batch.keys[i],
            value: batch.values[i],
            timestamp: batch.timestamps[i]!,
            headers: headersOf(batch, i) ?? [],
          })
        }
      })
      position.batch = null
    })
  }
}

class CurrentPosition {
  batch: AnyBatch | null = null
  row = 0
}

/** What processors see of their node. Plain functions, so that contexts with less can be made from it. */
function contextOf(context: NodeContext, position: CurrentPosition): ProcessorContext<unknown, unknown> {
  return {
    applicationId: context.applicationId,
    taskId: context.taskId,
    appConfigs: context.appConfigs,
    forward: (record, child) => context.forward(recordBatch(record, position), child ?? null),
    getStateStore: (name) => context.stateStore(name),
    schedule: (...schedule) => context.schedule(...schedule),
    currentStreamTimeMs: () => context.currentStreamTimeMs(),
    currentSystemTimeMs: () => context.currentSystemTimeMs(),
    commit: () => context.requestCommit(),
    get recordMetadata(): RecordPosition | null {
      const { batch, row } = position
      const origin = batch?.origin
      if (batch === null || !origin) return null
      return {
        topic: origin.topic,
        partition: origin.partition,
        offset: origin.offsets[originRow(batch, row)]!,
      }
    },
  }
}

function recordBatch(record: ForwardedRecord<unknown, unknown>, position: CurrentPosition): AnyBatch {
  const { batch, row } = position
  return {
    size: 1,
    keys: [record.key],
    values: [record.value],
    timestamps: [record.timestamp],
    oldValues: null,
    headers: [record.headers ?? null],
    origin: batch?.origin ?? null,
    rows: batch === null ? null : [originRow(batch, row)],
  }
}
