import type { Windowed } from '../../serde/index.js'
import { BatchBuilder, headersOf } from '../batch.js'
import { StreamsError } from '../errors.js'
import type { BatchOperator } from '../node.js'
import { operate } from '../rx/operate.js'
import type { Suppressed } from '../suppressed.js'
import type { TableFlags } from '../table-emitter.js'
import { type BufferOptions, SuppressBuffer } from './suppress-buffer.js'

/** Holds the updates of a table back: `durationMs` of stream time from a window's end, or from a key's first update. */
export function suppress(
  suppressed: Suppressed,
  durationMs: number,
  storeName: string,
  options: BufferOptions,
  flags: TableFlags,
): BatchOperator {
  const { maxRecords, maxBytes, whenFull } = suppressed.buffer
  const untilClose = suppressed.type === 'untilWindowCloses'
  return (context) => {
    const buffer = SuppressBuffer.on(context.stateStore(storeName), options)
    const streamTime = context.keptTime()
    const isDue = () => buffer.minTime <= streamTime.ms - durationMs
    const isFull = () => buffer.size > maxRecords || buffer.bytes > maxBytes
    return operate((batch, emit) => {
      const out = new BatchBuilder<unknown, unknown>({ oldValues: flags.sendOldValues })
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
        const send = (held: Parameters<Parameters<SuppressBuffer['evictWhile']>[1]>[0]) => {
          // Downstream has heard nothing of a window before its end: there is nothing to take back.
          if (untilClose && held.value === null) return
          out.pushChange(held.key, held.value, held.oldValue, held.timestamp, batch, row)
          out.setHeaders(held.headers)
        }
        buffer.evictWhile(isDue, send)
        if (!isFull()) continue
        if (whenFull === 'shutDown') {
          throw new StreamsError(
            'STREAMS_SUPPRESSION_FULL',
            `the suppression buffer of ${context.nodeName} is full (${buffer.size} keys, ${buffer.bytes} bytes): ` +
              'give it more room, or let it emit early',
          )
        }
        buffer.evictWhile(isFull, send)
      }
      emit(out.build(batch))
    })
  }
}
