import type { WindowEntry, WindowStore } from '../../state/index.js'
import { BatchBuilder } from '../batch.js'
import type { ValueJoiner } from '../functions.js'
import type { BatchOperator } from '../node.js'
import { operate, overRows } from '../rx/operate.js'
import type { JoinWindows } from '../windows.js'

/**
 * A stream joined with itself. The new record, which has just been stored, meets the stored ones first from the left,
 * then from the right; itself only the second time.
 */
export function selfJoin(
  storeName: string,
  joiner: ValueJoiner<unknown, unknown, unknown, unknown>,
  windows: JoinWindows,
): BatchOperator {
  const { beforeMs, afterMs } = windows
  return (context) => {
    const store = context.stateStore<WindowStore<unknown, unknown>>(storeName)
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
          if (key === null || value === null) {
            context.dropped(value === null ? 'null-value' : 'null-key', batch, i)
            continue
          }
          const isLeft = store.fetchRange(key, Math.max(0, time - beforeMs), Math.max(0, time + afterMs))
          for (const other of withoutLastAt(isLeft, time)) {
            out.push(key, joiner(value, other.value, key), Math.max(time, other.key.start), batch, i)
          }
          const isRight = store.fetchRange(key, Math.max(0, time - afterMs), Math.max(0, time + beforeMs))
          for (const other of isRight) {
            out.push(key, joiner(other.value, value, key), Math.max(time, other.key.start), batch, i)
          }
        }
      })
      emit(out.build(batch))
    })
  }
}

/** Without the record itself, which was stored just before: the last one of its time. */
function withoutLastAt(
  entries: Iterable<WindowEntry<unknown, unknown>>,
  time: number,
): WindowEntry<unknown, unknown>[] {
  const all = [...entries]
  const at = all.findLastIndex((entry) => entry.key.start === time)
  if (at >= 0) all.splice(at, 1)
  return all
}
