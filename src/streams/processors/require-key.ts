import type { BatchOperator } from '../node.js'
import { operate } from '../rx/operate.js'
import { selectRows } from '../select-rows.js'

/** Leaves records without a key out, in front of a topic that is partitioned by it. */
export const requireKey: BatchOperator = (context) =>
  operate((batch, emit) => {
    const { keys, size } = batch
    if (!keys.includes(null)) {
      emit(batch)
      return
    }
    const kept: number[] = []
    for (let i = 0; i < size; i++) {
      if (keys[i] === null) context.dropped('null-key-repartition', batch, i)
      else kept.push(i)
    }
    emit(selectRows(batch, kept))
  })
