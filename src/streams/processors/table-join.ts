import { BatchBuilder } from '../batch.js'
import type { ValueJoiner } from '../functions.js'
import type { KeptTable } from '../graph/materialize.js'
import type { TableGetter } from '../graph/table-source.js'
import type { BatchOperator } from '../node.js'
import { operate, overRows } from '../rx/operate.js'
import { TableEmitter, type TableFlags } from '../table-emitter.js'
import { openRowStore } from './row-store.js'

/**
 * Which rows a result needs, seen from the side whose change is being processed.
 *
 *     inner          both
 *     own-needed     its own row; the other may be missing      (left side of a left join)
 *     other-needed   the other row; its own may be missing      (right side of a left join)
 *     any            one of them                                (outer join)
 */
export type JoinSide = 'inner' | 'own-needed' | 'other-needed' | 'any'

/** Joins each change of one table with the present row of the other. */
export function joinTableSide(
  side: JoinSide,
  joiner: ValueJoiner<unknown, unknown, unknown, unknown>,
  otherRows: TableGetter,
  flags: TableFlags,
): BatchOperator {
  const needsOther = side === 'inner' || side === 'other-needed'
  const needsOwn = side === 'inner' || side === 'own-needed'
  return (context) => {
    const lookup = otherRows.open(context)
    const cursor = { row: 0 }
    return operate((batch, emit) => {
      const { keys, values, oldValues, timestamps, size } = batch
      const out = new BatchBuilder<unknown, unknown>({ oldValues: flags.sendOldValues })
      overRows(context, batch, cursor, () => {
        for (let i = cursor.row; i < size; i++) {
          cursor.row = i
          if (batch.outdated?.[i]) {
            context.dropped('late', batch, i)
            continue
          }
          const key = keys[i]
          const value = values[i]
          const oldValue = oldValues === null ? null : oldValues[i]
          const other = lookup(key)
          if (other === null && (needsOther || (value === null && oldValue === null))) continue
          const otherValue = other === null ? null : other.value
          const has = (own: unknown) => own !== null || (!needsOwn && other !== null)
          const joined = has(value) ? (joiner(value, otherValue, key) ?? null) : null
          const oldJoined =
            flags.sendOldValues && has(oldValue) ? (joiner(oldValue, otherValue, key) ?? null) : null
          const time = timestamps[i]!
          const timestamp = other === null || other.timestamp < time ? time : other.timestamp
          out.pushChange(key, joined, oldJoined, timestamp, batch, i)
        }
      })
      emit(out.build(batch))
    })
  }
}

/** Keeps the result of a join of tables. */
export function keepJoined(table: KeptTable, flags: TableFlags): BatchOperator {
  return (context) => {
    const store = openRowStore(context, table)
    const emitter = new TableEmitter(context, table, flags)
    return operate((batch, emit) => {
      for (let i = 0; i < batch.size; i++) {
        const key = batch.keys[i]
        const value = batch.values[i]
        const timestamp = batch.timestamps[i]!
        const oldValue = store.get(key)?.value ?? null
        const put = store.put(key, value, timestamp)
        if (put === 'expired') continue
        emitter.push(key, value, oldValue, timestamp, batch, i, { outdated: put === 'outdated' })
      }
      emitter.send(batch, emit)
    })
  }
}
