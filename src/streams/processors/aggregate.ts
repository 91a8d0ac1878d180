import type { EntryStore, StateStore } from '../../state/index.js'
import { headersOf } from '../batch.js'
import type { Aggregation } from '../graph/aggregation.js'
import type { KeptTable } from '../graph/materialize.js'
import type { BatchOperator, NodeContext } from '../node.js'
import { operate, overRows } from '../rx/operate.js'
import { TableEmitter, type TableFlags } from '../table-emitter.js'
import { openRowStore } from './row-store.js'

/** Aggregates the records of each key. The result has the greatest timestamp seen for the key. */
export function aggregate(functions: Aggregation, table: KeptTable, flags: TableFlags): BatchOperator {
  return (context) => {
    const emitter = new TableEmitter(context, table, flags)
    return emitter.collapses && !table.versioned
      ? collapsing(context, functions, table, emitter)
      : updateByUpdate(context, functions, table, emitter)
  }
}

function updateByUpdate(
  context: NodeContext,
  { initializer, aggregator }: Aggregation,
  table: KeptTable,
  emitter: TableEmitter,
): ReturnType<BatchOperator> {
  const store = openRowStore(context, table)
  const cursor = { row: 0 }
  return operate((batch, emit) => {
    const { keys, values, timestamps, size } = batch
    overRows(context, batch, cursor, () => {
      for (let i = cursor.row; i < size; i++) {
        cursor.row = i
        const key = keys[i]
        const value = values[i]
        if (key === null || value === null) {
          context.dropped(key === null ? 'null-key' : 'null-value', batch, i)
          continue
        }
        const held = store.get(key)
        let timestamp = timestamps[i]!
        if (held !== undefined && held.timestamp > timestamp) timestamp = held.timestamp
        const before = held === undefined ? initializer() : held.value
        const result = aggregator(key, value, before) ?? null
        const put = store.put(key, result, timestamp)
        if (put === 'expired') continue
        // Kafka Streams sends the initial value as the old one, except through its cache.
        const oldValue = held === undefined && emitter.collapses ? null : before
        emitter.push(key, result, oldValue, timestamp, batch, i, { outdated: put === 'outdated' })
      }
    })
    emitter.send(batch, emit)
  })
}

/** One look into the store for each record: its entry keeps the value, and what is held back until the next commit. */
function collapsing(
  context: NodeContext,
  { initializer, aggregator }: Aggregation,
  table: KeptTable,
  emitter: TableEmitter,
): ReturnType<BatchOperator> {
  const store = context.stateStore<StateStore & EntryStore<unknown>>(table.spec.name)
  const { inPlace } = aggregator
  emitter.holdEntriesOf(store)
  const cursor = { row: 0 }
  return operate((batch) => {
    const { keys, values, timestamps, size } = batch
    const hasHeaders = batch.headers !== null || batch.origin?.headers != null
    overRows(context, batch, cursor, () => {
      for (let i = cursor.row; i < size; i++) {
        cursor.row = i
        const key = keys[i]
        const value = values[i]
        if (key === null || value === null) {
          context.dropped(key === null ? 'null-key' : 'null-value', batch, i)
          continue
        }
        const entry = store.entry(key)
        let timestamp = timestamps[i]!
        let result = entry.value
        if (entry.timestamp > timestamp && result !== undefined) timestamp = entry.timestamp
        if (inPlace !== undefined && entry.held !== null && result !== undefined) {
          // Made since the last emission: nobody else has it.
          inPlace(key, value, result)
        } else {
          result = aggregator(key, value, result === undefined ? initializer() : result) ?? undefined
        }
        if (entry.held === null) {
          emitter.hold(entry, hasHeaders ? headersOf(batch, i) : null)
        } else if (hasHeaders) {
          emitter.replaceHeaders(entry, headersOf(batch, i))
        }
        store.change(entry, result, timestamp)
      }
    })
  })
}
