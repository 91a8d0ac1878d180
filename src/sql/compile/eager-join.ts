import { map, type OperatorFunction } from 'rxjs'
import type { Serde } from '../../serde/index.js'
import { Stores, type WindowStore } from '../../state/index.js'
import {
  type AnyBatch,
  BatchBuilder,
  type BatchOperator,
  type KStream,
  type NodeContext,
  type StreamsBuilder,
} from '../../streams/index.js'

type AnyStream = KStream<unknown, unknown>
type Joiner = (left: unknown, right: unknown) => unknown

/**
 * Left, right and full joins of streams without GRACE PERIOD, as ksqlDB has them: a row that meets none goes on with
 * nulls at once, and its match may follow. (With a grace period it waits until the window has closed; that is the
 * DSL's join.) Late rows are taken for 24 hours.
 *
 *     left ──▶ keep in L, look in R ──┐
 *                                     ├─▶ merge
 *     right ─▶ keep in R, look in L ──┘
 */
export interface EagerJoin {
  readonly left: AnyStream
  readonly right: AnyStream
  readonly type: 'LEFT' | 'RIGHT' | 'OUTER'
  readonly beforeMs: number
  readonly afterMs: number
  readonly name: string
  readonly keySerde: Serde<NonNullable<unknown>>
  readonly leftSerde: Serde<NonNullable<unknown>>
  readonly rightSerde: Serde<NonNullable<unknown>>
  readonly joiner: Joiner
}

const graceMs = 24 * 3_600_000

export function joinEagerly(builder: StreamsBuilder, join: EagerJoin): AnyStream {
  const { beforeMs, afterMs, keySerde, joiner, type, name } = join
  const retentionMs = beforeMs + afterMs + graceMs
  const [leftStore, rightStore] = [`${name}-left`, `${name}-right`]
  for (const [store, valueSerde] of [
    [leftStore, join.leftSerde],
    [rightStore, join.rightSerde],
  ] as const) {
    builder.addStateStore(
      Stores.window({
        name: store,
        keySerde,
        valueSerde,
        windowSizeMs: Math.max(1, beforeMs + afterMs),
        retentionMs,
        retainDuplicates: true,
      }),
    )
  }
  const stores = [leftStore, rightStore]
  const left = side({ own: leftStore, other: rightStore, beforeMs, afterMs, outer: type !== 'RIGHT', joiner })
  const right = side({
    own: rightStore,
    other: leftStore,
    beforeMs: afterMs,
    afterMs: beforeMs,
    outer: type !== 'LEFT',
    joiner: (r, l) => joiner(l, r),
  })
  return join.left
    .processBatches(left, { stores, changesValue: true })
    .merge(join.right.processBatches(right, { stores, changesValue: true }))
}

interface Side {
  readonly own: string
  readonly other: string
  /** The rows it meets lie in [t - before, t + after]. */
  readonly beforeMs: number
  readonly afterMs: number
  /** Whether a row without a match goes on. */
  readonly outer: boolean
  readonly joiner: Joiner
}

function side({ own, other, beforeMs, afterMs, outer, joiner }: Side): BatchOperator {
  return (context: NodeContext): OperatorFunction<AnyBatch, AnyBatch> => {
    const ownStore = context.stateStore<WindowStore<unknown, unknown>>(own)
    const otherStore = context.stateStore<WindowStore<unknown, unknown>>(other)
    return map((batch) => {
      const out = new BatchBuilder<unknown, unknown>()
      for (let i = 0; i < batch.size; i++) {
        const key = batch.keys[i]
        const value = batch.values[i]
        const time = batch.timestamps[i]!
        if (key === null || value === null) {
          context.dropped(key === null ? 'null-key' : 'null-value', batch, i)
          continue
        }
        ownStore.put(key, value, time)
        let matched = false
        for (const found of otherStore.fetchRange(
          key,
          Math.max(0, time - beforeMs),
          Math.max(0, time + afterMs),
        )) {
          matched = true
          out.push(key, joiner(value, found.value), Math.max(time, found.key.start), batch, i)
        }
        if (!matched && outer) out.push(key, joiner(value, null), time, batch, i)
      }
      return out.build(batch)
    })
  }
}
