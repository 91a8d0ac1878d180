import { BatchBuilder } from '../batch.js'
import type { KeyValue, KeyValueMapper } from '../functions.js'
import type { Change } from '../internal-serdes.js'
import type { KeyIdentity } from '../key-identity.js'
import type { BatchOperator } from '../node.js'
import { operate, overRows } from '../rx/operate.js'

/**
 * Each change of a row becomes a change of its group: one record where the group stays, else two, the old group first
 * (KIP-904). Rows whose group or value is null belong to none.
 */
export function regroupTable(
  mapper: KeyValueMapper<unknown, unknown, KeyValue<unknown, unknown>>,
  identity: KeyIdentity,
): BatchOperator {
  const regroup = (key: unknown, value: unknown): KeyValue<unknown, unknown> | null => {
    if (value === null) return null
    const pair = mapper(key, value)
    return pair[0] === null || pair[1] === null ? null : pair
  }
  return (context) => {
    const cursor = { row: 0 }
    return operate((batch, emit) => {
      const { keys, values, oldValues, timestamps, size } = batch
      const out = new BatchBuilder<unknown, Change>()
      overRows(context, batch, cursor, () => {
        for (let i = cursor.row; i < size; i++) {
          cursor.row = i
          if (batch.outdated?.[i]) continue
          const time = timestamps[i]!
          const before = oldValues === null ? null : regroup(keys[i], oldValues[i])
          const after = regroup(keys[i], values[i])
          if (before !== null && after !== null && identity(before[0]) === identity(after[0])) {
            out.push(after[0], { newValue: after[1], oldValue: before[1] }, time, batch, i)
            continue
          }
          if (before !== null) out.push(before[0], { newValue: null, oldValue: before[1] }, time, batch, i)
          if (after !== null) out.push(after[0], { newValue: after[1], oldValue: null }, time, batch, i)
        }
      })
      emit(out.build(batch))
    })
  }
}
