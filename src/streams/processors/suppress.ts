import type { Windowed } from '../../serde/index.js'
import { type AnyBatch, BatchBuilder, headersOf } from '../batch.js'
import { StreamsError } from '../errors.js'
import type { BatchOperator } from '../node.js'
import { operate } from '../rx/operate.js'
import type { Suppressed } from '../suppressed.js'
import type { TableFlags } from '../table-emitter.js'
import { IdleWatch, nowhere } from './idle-watch.js'
import { type BufferOptions, type HeldChange, SuppressBuffer } from './suppress-buffer.js'

/**
 * Holds the updates of a table back: `durationMs` of stream time from a window's end, or from a key's first update; or
 * until nothing has come for the idle time of `suppressed`.
 */
export function suppress(
  suppressed: Suppressed,
  durationMs: number,
  storeName: string,
  options: BufferOptions,
  flags: TableFlags,
): BatchOperator {
  const { maxRecords, maxBytes, whenFull } = suppressed.buffer
  const { idleMs } = suppressed
  const untilClose = suppressed.type === 'untilWindowCloses'
  const isHeard = ({ value, oldValue }: HeldChange) =>
    // Without idle times downstream has heard nothing of a window before its end: there is nothing to take back.
    !untilClose || value !== null || (idleMs !== null && oldValue !== null)
  return (context) => {
    const buffer = SuppressBuffer.on(context.stateStore(storeName), options)
    const streamTime = context.keptTime()
    const isDue = () => buffer.minTime <= streamTime.ms - durationMs
    const isFull = () => buffer.size > maxRecords || buffer.bytes > maxBytes
    const newBatch = () => new BatchBuilder<unknown, unknown>({ oldValues: flags.sendOldValues })
    const pushInto = (
      out: BatchBuilder<unknown, unknown>,
      held: HeldChange,
      batch: AnyBatch,
      row: number,
    ) => {
      if (!isHeard(held)) return
      out.pushChange(held.key, held.value, held.oldValue, held.timestamp, batch, row)
      out.setHeaders(held.headers)
    }
    const releaseAll = () => {
      const out = newBatch()
      buffer.evictWhile(
        () => true,
        (held) => pushInto(out, held, nowhere, 0),
      )
      if (out.size > 0) context.forward(out.build(nowhere))
    }
    const idle = idleMs === null ? null : new IdleWatch(context, idleMs, () => buffer.size > 0, releaseAll)
    return operate((batch, emit) => {
      const out = newBatch()
      for (let i = 0; i < batch.size; i++) {
        const key = batch.keys[i]
        const timestamp = batch.timestamps[i]!
        if (timestamp > streamTime.ms) streamTime.ms = timestamp
        buffer.put(untilClose ? (key as Windowed<unknown>).end : timestamp, {
          key,
          value: batch.values[i],
          oldValue: batch.oldValues === null ? null : batch.oldValues[i],
          timestamp,
          headers: headersOf(batch, i),
        })
        const row = i
        const send = (held: HeldChange) => pushInto(out, held, batch, row)
        buffer.evictWhile(isDue, send)
        if (!isFull()) continue
        if (whenFull === 'shutDown') {
          throw new StreamsError(
            'STREAMS_SUPPRESSION_FULL',
            `the suppression buffer of ${context.nodeName} is full (${buffer.size} keys, ${buffer.bytes} bytes): ` +
              'give it more room, or let it emit early',
            { place: { taskId: context.taskId, node: context.nodeName } },
          )
        }
        buffer.evictWhile(isFull, send)
      }
      idle?.heard()
      emit(out.build(batch))
    })
  }
}
