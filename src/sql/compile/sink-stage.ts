import type { Serde } from '../../serde/index.js'
import type { BatchOperator } from '../../streams/index.js'
import type { SqlSerde } from '../formats/index.js'
import type { PlanNode, SinkPlan } from '../plan/plan-node.js'
import type { CompilerOptions } from './compiler-context.js'
import { batchOperator } from './stage-compiler.js'
import { timestampReader } from './timestamp-column.js'

/**
 * What rows still need before they are written: the event time of a TIMESTAMP column, and null where a bare column is
 * null (which has no bytes). Null when they need nothing.
 */
export function compileSinkStage(stage: {
  readonly keySerde: Serde<unknown>
  readonly valueSerde: Serde<unknown>
  readonly sink: SinkPlan
  readonly root: PlanNode
  readonly options: CompilerOptions
}): BatchOperator | null {
  const { sink, root, options } = stage
  const keyAbsent = (stage.keySerde as SqlSerde<unknown>).isAbsent?.bind(stage.keySerde)
  const valueAbsent = (stage.valueSerde as SqlSerde<unknown>).isAbsent?.bind(stage.valueSerde)
  const time =
    sink.timestamp === null
      ? null
      : timestampReader(
          { keys: sink.schema.key, columns: root.columns, windowed: sink.window !== null },
          sink.timestamp,
          options,
        )
  if (keyAbsent === undefined && valueAbsent === undefined && time === null) return null
  return () =>
    batchOperator((batch, out) => {
      for (let i = 0; i < batch.size; i++) {
        const key = batch.keys[i]!
        const value = batch.values[i]!
        let timestamp = batch.timestamps[i]!
        if (time !== null && value !== null) {
          try {
            timestamp = time(key, value)
            if (timestamp < 0) throw new RangeError(`a record cannot have the timestamp ${timestamp}`)
          } catch (error) {
            if (options.throwOnInvalidTimestamp) throw error
            options.log({
              queryId: options.queryId,
              step: 'Sink',
              topic: sink.topic,
              partition: -1,
              offset: -1,
              error,
            })
            continue
          }
        }
        out.push(
          key !== null && keyAbsent?.(key) ? null : key,
          value !== null && valueAbsent?.(value) ? null : value,
          timestamp,
          batch,
          i,
        )
      }
    })
}
