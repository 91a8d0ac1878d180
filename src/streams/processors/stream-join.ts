import type { WindowStore } from '../../state/index.js'
import { BatchBuilder } from '../batch.js'
import type { ValueJoiner } from '../functions.js'
import type { BatchOperator } from '../node.js'
import { operate, overRows } from '../rx/operate.js'
import { UnmatchedRecords, type UnmatchedStore } from './unmatched-records.js'

type Store = WindowStore<unknown, unknown>

/** Stores the records of one side, for those of the other side to find. A null value is not kept, but moves its time. */
export function keepForJoin(storeName: string): BatchOperator {
  return (context) => {
    const store = context.stateStore<Store>(storeName)
    const newest = context.keptTime()
    // Nothing in the changelog tells of null values.
    if (newest.ms > store.newestTimeMs) store.put(null, null, newest.ms)
    return operate((batch, emit) => {
      const { keys, values, timestamps, size } = batch
      let expired = store.droppedExpired
      for (let i = 0; i < size; i++) {
        if (keys[i] === null) continue
        const time = timestamps[i]!
        if (time > newest.ms) newest.ms = time
        store.put(keys[i], values[i], time)
        if (store.droppedExpired === expired) continue
        expired = store.droppedExpired
        context.dropped('expired', batch, i)
      }
      emit(batch)
    })
  }
}

/** One side of a join of streams, as seen from its records. */
export interface StreamJoinSide {
  readonly isLeft: boolean
  /** Whether a record of this side goes on with null when it meets none. */
  readonly outer: boolean
  /** The records it meets lie in [t - before, t + after]. */
  readonly beforeMs: number
  readonly afterMs: number
  readonly otherStore: string
  /** From its own value and the other one. */
  readonly joiner: ValueJoiner<unknown, unknown, unknown, unknown>
  /** Of left and outer joins. */
  readonly unmatched: UnmatchedStore | null
}

export function joinStreamSide(side: StreamJoinSide): BatchOperator {
  const { isLeft, outer, beforeMs, afterMs, joiner } = side
  return (context) => {
    const store = context.stateStore<Store>(side.otherStore)
    const unmatched = side.unmatched === null ? null : UnmatchedRecords.open(context, side.unmatched)
    const cursor = { row: 0 }
    return operate((batch, emit) => {
      const { keys, values, timestamps, size } = batch
      const out = new BatchBuilder<unknown, unknown>()
      overRows(context, batch, cursor, () => {
        for (let i = cursor.row; i < size; i++) {
          cursor.row = i
          const key = keys[i]
          const value = values[i]
          const time = timestamps[i]!
          const movesTime = unmatched?.advance(time) ?? false
          if (key === null || value === null) {
            if (outer && value !== null) out.push(key, joiner(value, null, key), time, batch, i)
            else context.dropped(value === null ? 'null-value' : 'null-key', batch, i)
            continue
          }
          if (movesTime) {
            unmatched!.release(afterMs, (recordKey, result, recordTime) => {
              out.push(recordKey, result, recordTime, batch, i)
            })
          }
          const until = Math.max(0, time + afterMs)
          let matched = false
          for (const other of store.fetchRange(key, Math.max(0, time - beforeMs), until)) {
            matched = true
            const otherTime = other.key.start
            unmatched?.delete(key, otherTime, !isLeft)
            out.push(key, joiner(value, other.value, key), Math.max(time, otherTime), batch, i)
          }
          if (matched || !outer) continue
          if (until < unmatched!.streamTimeMs) out.push(key, joiner(value, null, key), time, batch, i)
          else unmatched!.add(key, value, time, isLeft)
        }
      })
      unmatched?.heard()
      emit(out.build(batch))
    })
  }
}
