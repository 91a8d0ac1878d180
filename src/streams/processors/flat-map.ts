import { BatchBuilder } from '../batch.js'
import type { KeyValue, KeyValueMapper, ValueMapper } from '../functions.js'
import type { BatchOperator } from '../node.js'
import { operate, overRows } from '../rx/operate.js'

/** Any number of records for each; they keep time and headers. A record whose function fails half-way gives none. */
export function flatMap(
  mapper: KeyValueMapper<unknown, unknown, Iterable<KeyValue<unknown, unknown>>>,
): BatchOperator {
  return (context) => {
    const cursor = { row: 0 }
    return operate((batch, emit) => {
      const { keys, values, timestamps, size } = batch
      const out = new BatchBuilder<unknown, unknown>()
      overRows(context, batch, cursor, () => {
        for (let i = cursor.row; i < size; i++) {
          cursor.row = i
          for (const pair of arrayOf(mapper(keys[i], values[i]))) {
            out.push(pair[0], pair[1], timestamps[i]!, batch, i)
          }
        }
      })
      emit(out.build(batch))
    })
  }
}

export function flatMapValues(mapper: ValueMapper<unknown, unknown, Iterable<unknown>>): BatchOperator {
  return (context) => {
    const cursor = { row: 0 }
    return operate((batch, emit) => {
      const { keys, values, timestamps, size } = batch
      const out = new BatchBuilder<unknown, unknown>()
      overRows(context, batch, cursor, () => {
        for (let i = cursor.row; i < size; i++) {
          cursor.row = i
          for (const value of arrayOf(mapper(values[i], keys[i]))) {
            out.push(keys[i], value, timestamps[i]!, batch, i)
          }
        }
      })
      emit(out.build(batch))
    })
  }
}

/** Generators are user code that may throw: they run to their end before anything is taken. */
function arrayOf<T>(items: Iterable<T>): readonly T[] {
  return Array.isArray(items) ? items : [...items]
}
