import { Observable, type OperatorFunction } from 'rxjs'
import { StateError } from '../../state/index.js'
import type { AnyBatch } from '../batch.js'
import type { NodeContext } from '../node.js'

export type Emit = (batch: AnyBatch) => void

/**
 * An operator over batches from a function: it is called for each batch, and emits as often as it likes. Empty batches
 * are not passed on. What it throws ends the node with an error.
 */
export function operate(
  onBatch: (batch: AnyBatch, emit: Emit) => void,
): OperatorFunction<AnyBatch, AnyBatch> {
  return (source) =>
    new Observable((subscriber) => {
      const emit: Emit = (batch) => {
        if (batch.size > 0) subscriber.next(batch)
      }
      return source.subscribe({
        next(batch) {
          try {
            onBatch(batch, emit)
          } catch (error) {
            subscriber.error(error)
          }
        },
        error: (error) => subscriber.error(error),
        complete: () => subscriber.complete(),
      })
    })
}

/** Where a loop over a batch stands. The loop moves `row` on before it calls a user function. */
export interface Cursor {
  row: number
}

/**
 * Runs a loop over rows that calls user functions. When it throws, the context is asked whether to go on; if so the
 * loop starts again behind the failing row. The loop begins at `cursor.row` and stores there each row it enters.
 *
 * Returns the rows that failed, or null.
 */
export function overRows(
  context: NodeContext,
  batch: AnyBatch,
  cursor: Cursor,
  loop: () => void,
): number[] | null {
  let failed: number[] | null = null
  cursor.row = 0
  for (;;) {
    try {
      loop()
      return failed
    } catch (error) {
      // A store that fails is no fault of the record's: going on would lose updates.
      if (error instanceof StateError) throw error
      context.processingError(error, batch, cursor.row)
      failed ??= []
      failed.push(cursor.row)
      cursor.row++
    }
  }
}
