import { createHash } from 'node:crypto'
import { type Serde, serialize } from '../../serde/index.js'
import type { KeyValueStore } from '../../state/index.js'
import { BatchBuilder } from '../batch.js'
import type { ValueJoiner } from '../functions.js'
import type { TableGetter } from '../graph/table-source.js'
import type { KeyIdentity } from '../key-identity.js'
import type { BatchOperator } from '../node.js'
import { operate, overRows } from '../rx/operate.js'
import {
  type ForeignResponse,
  foreignPrefixSerde,
  type Instruction,
  type Subscription,
  type SubscriptionKey,
} from './foreign-key-messages.js'

/*
 * Foreign-key joins of tables (KIP-213). The left table subscribes each of its rows with the row of the right table it
 * refers to; the right table answers, at once and whenever its row changes.
 *
 *     left ─▶ register ─▶ topic by foreign key ─▶ receive ─▶ look up ─┐
 *                                        │ subscriptions              ├─▶ topic back to left's partition ─▶ resolve
 *     right ────────────────────────▶ answer ─────────────────────────┘
 *
 * An answer carries a digest of the left row it belongs to, so that one that comes too late is recognised.
 */

type SubscriptionStore = KeyValueStore<SubscriptionKey, Subscription>

export interface Registration {
  /** Left join: rows without a partner, or without a foreign key, have a result too. */
  readonly outer: boolean
  readonly foreignKeyOf: (value: unknown, key: unknown) => unknown
  readonly identity: KeyIdentity
  readonly valueSerde: Serde<unknown>
}

/** Turns changes of the left table into subscriptions, keyed by foreign key. */
export function registerSubscriptions(registration: Registration): BatchOperator {
  const { outer, foreignKeyOf, identity, valueSerde } = registration
  const keyOf = (value: unknown, key: unknown) => (value === null ? null : (foreignKeyOf(value, key) ?? null))
  return (context) => {
    const cursor = { row: 0 }
    return operate((batch, emit) => {
      const { keys, values, oldValues, timestamps, size } = batch
      const out = new BatchBuilder<unknown, Subscription>()
      const send = (foreignKey: unknown, instruction: Instruction, row: number) => {
        const digest = digestOf(valueSerde, values[row])
        const { partition } = context
        out.push(
          foreignKey,
          { digest, instruction, primaryKey: keys[row], partition },
          timestamps[row]!,
          batch,
          row,
        )
      }
      overRows(context, batch, cursor, () => {
        for (let i = cursor.row; i < size; i++) {
          cursor.row = i
          if (batch.outdated?.[i]) {
            context.dropped('late', batch, i)
            continue
          }
          const value = values[i]
          const oldValue = oldValues === null ? null : oldValues[i]
          if (value === null && oldValue === null) continue
          const before = keyOf(oldValue, keys[i])
          const after = keyOf(value, keys[i])
          const moved = before !== null && (after === null || identity(before) !== identity(after))
          if (outer) {
            if (moved) send(before, 'unsubscribe', i)
            // Without a foreign key there is nothing to subscribe to, but an answer is needed all the same.
            send(after, 'answer-always', i)
          } else if (after === null) {
            if (before !== null) send(before, 'unsubscribe-and-answer', i)
            else context.dropped('null-key', batch, i)
          } else {
            if (moved) send(before, 'unsubscribe', i)
            // After a move there may be a result to take back.
            send(after, moved ? 'answer-always' : 'answer-if-found', i)
          }
        }
      })
      emit(out.build(batch))
    })
  }
}

/** Keeps subscriptions, and passes them on keyed by foreign and primary key. */
export function receiveSubscriptions(storeName: string): BatchOperator {
  return (context) => {
    const store = context.stateStore<SubscriptionStore>(storeName)
    return operate((batch, emit) => {
      const subscriptions = batch.values as readonly Subscription[]
      const combined: SubscriptionKey[] = new Array(batch.size)
      for (let i = 0; i < batch.size; i++) {
        const subscription = subscriptions[i]!
        const key = { foreignKey: batch.keys[i], primaryKey: subscription.primaryKey }
        combined[i] = key
        if (key.foreignKey === null) continue
        const ends =
          subscription.instruction === 'unsubscribe' || subscription.instruction === 'unsubscribe-and-answer'
        store.put(key, ends ? null : subscription)
      }
      emit({ ...batch, keys: combined })
    })
  }
}

/** Answers new subscriptions with the present row of the right table. */
export function answerSubscriptions(rows: TableGetter): BatchOperator {
  return (context) => {
    const lookup = rows.open(context)
    return operate((batch, emit) => {
      const out = new BatchBuilder<unknown, ForeignResponse>()
      const subscriptions = batch.values as readonly Subscription[]
      for (let i = 0; i < batch.size; i++) {
        const { instruction, digest, partition, primaryKey } = subscriptions[i]!
        if (instruction === 'unsubscribe') continue
        const { foreignKey } = batch.keys[i] as SubscriptionKey
        const row = foreignKey === null ? null : lookup(foreignKey)
        if (row === null && instruction === 'answer-if-found') continue
        const time = batch.timestamps[i]!
        const found = row === null || instruction === 'unsubscribe-and-answer' ? null : row.value
        const timestamp = row === null || row.timestamp < time ? time : row.timestamp
        out.push(primaryKey, { digest, value: found, partition }, timestamp, batch, i)
      }
      emit(out.build(batch))
    })
  }
}

/** Answers all subscriptions to a row of the right table when it changes. */
export function answerChanges(storeName: string, keySerde: Serde<unknown>): BatchOperator {
  const prefixSerde = foreignPrefixSerde(keySerde)
  return (context) => {
    const store = context.stateStore<SubscriptionStore>(storeName)
    return operate((batch, emit) => {
      const out = new BatchBuilder<unknown, ForeignResponse>()
      for (let i = 0; i < batch.size; i++) {
        if (batch.outdated?.[i]) {
          context.dropped('late', batch, i)
          continue
        }
        const value = batch.values[i]
        for (const { key, value: subscription } of store.prefixScan(batch.keys[i], prefixSerde)) {
          const { digest, partition } = subscription
          out.push(key.primaryKey, { digest, value, partition }, batch.timestamps[i]!, batch, i)
        }
      }
      emit(out.build(batch))
    })
  }
}

/** Joins answers with the left rows they belong to; those that belong to an earlier row are left out. */
export function resolveResponses(options: {
  readonly outer: boolean
  readonly rows: TableGetter
  readonly joiner: ValueJoiner<unknown, unknown, unknown, unknown>
  readonly valueSerde: Serde<unknown>
}): BatchOperator {
  const { outer, rows, joiner, valueSerde } = options
  return (context) => {
    const lookup = rows.open(context)
    const cursor = { row: 0 }
    return operate((batch, emit) => {
      const responses = batch.values as readonly ForeignResponse[]
      const out = new BatchBuilder<unknown, unknown>()
      overRows(context, batch, cursor, () => {
        for (let i = cursor.row; i < batch.size; i++) {
          cursor.row = i
          const key = batch.keys[i]
          const { digest, value } = responses[i]!
          const own = lookup(key)?.value ?? null
          if (digestOf(valueSerde, own) !== digest) continue
          const isJoined = own !== null && (value !== null || outer)
          out.push(key, isJoined ? (joiner(own, value, key) ?? null) : null, batch.timestamps[i]!, batch, i)
        }
      })
      emit(out.build(batch))
    })
  }
}

function digestOf(serde: Serde<unknown>, value: unknown): string | null {
  const bytes = serialize(serde, value)
  return bytes === null ? null : createHash('sha256').update(bytes).digest('base64').slice(0, 22)
}
