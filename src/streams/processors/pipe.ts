import { type Observable, type OperatorFunction, Subject } from 'rxjs'
import { type AnyBatch, BatchBuilder, headersOf } from '../batch.js'
import type { BatchOperator } from '../node.js'
import type { ForwardedRecord, StreamRecord } from '../processor-api.js'
import { operate } from '../rx/operate.js'

type AnyRecord = StreamRecord<unknown, unknown>
type Result = ForwardedRecord<unknown, unknown>

/**
 * RxJS operators over single records. What comes out while a record goes in belongs to that record's row; what comes
 * out later is forwarded on its own.
 */
export function pipe(operators: readonly OperatorFunction<never, unknown>[]): BatchOperator {
  return (context) => {
    const input = new Subject<AnyRecord>()
    let current: { batch: AnyBatch; row: number; out: BatchBuilder<unknown, unknown> } | null = null
    let failure: { error: unknown } | null = null
    const chained = operators.reduce(
      (stream: Observable<unknown>, operator) => stream.pipe(operator as OperatorFunction<unknown, unknown>),
      input,
    )
    const subscription = chained.subscribe({
      next(result) {
        const { key, value, timestamp, headers } = result as Result
        if (current === null) {
          context.forward({
            size: 1,
            keys: [key],
            values: [value],
            timestamps: [timestamp],
            oldValues: null,
            headers: [headers ?? null],
            origin: null,
            rows: null,
          })
          return
        }
        const { batch, row, out } = current
        out.push(key, value, timestamp, batch, row)
        if (headers !== undefined) out.setHeaders(headers)
      },
      error(error) {
        failure = { error }
      },
    })
    context.onClose(() => subscription.unsubscribe())
    return operate((batch, emit) => {
      const out = new BatchBuilder<unknown, unknown>()
      for (let row = 0; row < batch.size; row++) {
        current = { batch, row, out }
        input.next({
          key: batch.keys[row],
          value: batch.values[row],
          timestamp: batch.timestamps[row]!,
          headers: headersOf(batch, row) ?? [],
        })
        // An errored Observable is over: there is nothing to continue with.
        if (failure !== null) throw (failure as { error: unknown }).error
      }
      current = null
      emit(out.build(batch))
    })
  }
}
