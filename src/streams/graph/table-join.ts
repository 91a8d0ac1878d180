import type { ValueAndTimestamp } from '../../state/index.js'
import type { ValueJoiner } from '../functions.js'
import type { Materialized } from '../options.js'
import { passThrough } from '../processors/pass-through.js'
import { type JoinSide, joinTableSide, keepJoined } from '../processors/table-join.js'
import { checkName, GraphNode } from './graph.js'
import type { TableHandle } from './handles.js'
import { asksForStore, type KeptTable, keepKeyValue } from './materialize.js'
import type { TableGetter, TableSource } from './table-source.js'

export type TableJoinType = 'inner' | 'left' | 'outer'

type Joiner = ValueJoiner<unknown, unknown, unknown, unknown>

const sides: Record<TableJoinType, { readonly left: JoinSide; readonly right: JoinSide }> = {
  inner: { left: 'inner', right: 'inner' },
  left: { left: 'own-needed', right: 'other-needed' },
  outer: { left: 'any', right: 'any' },
}

/**
 *     left ──▶ join-this ──┐
 *                          ├─▶ merge (with the store, if there is one)
 *     right ─▶ join-other ─┘
 */
export function joinTables(
  left: TableHandle,
  right: TableHandle,
  type: TableJoinType,
  joiner: Joiner,
  options: Materialized<unknown, unknown>,
): TableHandle {
  const { graph } = left
  const mergePrefix = 'KTABLE-MERGE-'
  const mergeName = graph.named(options.name, mergePrefix)
  if (options.store === undefined && asksForStore(options)) graph.newStoreName(mergePrefix)
  const thisName = graph.named(options.name, 'KTABLE-JOINTHIS-', '-join-this')
  const otherName = graph.named(options.name, 'KTABLE-JOINOTHER-', '-join-other')
  // A side whose rows go on without a partner must know whether there was one to take back.
  if (type !== 'inner') left.table.enableSendingOldValues(true)
  if (type === 'outer') right.table.enableSendingOldValues(true)

  const keySerde = options.keySerde ?? left.keySerde ?? right.keySerde
  const kept =
    options.store === undefined
      ? null
      : keepKeyValue(graph, checkName(options.store), options, { keySerde, valueSerde: null })
  const leftRows = left.table.getter()
  const rightRows = right.table.getter()
  const table = new JoinedTable(
    left.table,
    right.table,
    kept,
    joinedGetter(leftRows, rightRows, type, joiner),
  )
  const flipped: Joiner = (own, other, key) => joiner(other, own, key)
  const node = graph.add(
    [left.node, right.node],
    new GraphNode(mergeName, (topology) => {
      topology.addProcessor({
        name: thisName,
        parents: [left.name],
        operator: joinTableSide(sides[type].left, joiner, rightRows, table),
        stores: rightRows.storeNames,
      })
      topology.addProcessor({
        name: otherName,
        parents: [right.name],
        operator: joinTableSide(sides[type].right, flipped, leftRows, table),
        stores: leftRows.storeNames,
      })
      const operator = kept === null ? passThrough : keepJoined(kept, table)
      topology.addProcessor({ name: mergeName, parents: [thisName, otherName], operator })
      if (kept !== null) topology.addStateStore(kept.spec, [mergeName])
      topology.copartition([...left.sources, ...right.sources])
    }),
  )
  return {
    graph,
    name: mergeName,
    node,
    keySerde,
    valueSerde: options.valueSerde ?? null,
    sources: new Set([...left.sources, ...right.sources]),
    storeName: kept === null ? null : kept.spec.name,
    queryable: kept !== null,
    table,
    closeDelayMs: laterOf(left.closeDelayMs, right.closeDelayMs),
  }
}

function laterOf(a: number | null, b: number | null): number | null {
  if (a === null) return b
  return b === null ? a : Math.max(a, b)
}

class JoinedTable implements TableSource {
  sendOldValues = false
  sendEveryUpdate = false
  readonly #left: TableSource
  readonly #right: TableSource
  readonly #kept: KeptTable | null
  readonly #view: TableGetter

  constructor(left: TableSource, right: TableSource, kept: KeptTable | null, view: TableGetter) {
    this.#left = left
    this.#right = right
    this.#kept = kept
    this.#view = view
  }

  get versioned(): boolean {
    return this.#kept?.versioned ?? false
  }

  /**
   * The old result is computed from the old row of one side and the present one of the other. That was sent before
   * only if neither side shows rows that it has not sent yet.
   */
  enableSendingOldValues(): boolean {
    this.#left.enableSendingOldValues(true)
    this.#right.enableSendingOldValues(true)
    if (this.#kept === null) this.enableSendingEveryUpdate()
    this.sendOldValues = true
    return true
  }

  enableSendingEveryUpdate(): void {
    this.sendEveryUpdate = true
    if (this.#kept !== null) return
    this.#left.enableSendingEveryUpdate()
    this.#right.enableSendingEveryUpdate()
  }

  getter(): TableGetter {
    return this.#kept === null ? this.#view : this.#kept.getter
  }
}

function joinedGetter(
  left: TableGetter,
  right: TableGetter,
  type: TableJoinType,
  joiner: Joiner,
): TableGetter {
  return {
    storeNames: [...new Set([...left.storeNames, ...right.storeNames])],
    open(context) {
      const leftLookup = left.open(context)
      const rightLookup = right.open(context)
      return (key) => {
        const own = leftLookup(key)
        if (own === null && type !== 'outer') return null
        const other = rightLookup(key)
        if (other === null && (type === 'inner' || own === null)) return null
        return joined(own, other, joiner, key)
      }
    },
  }
}

function joined(
  left: ValueAndTimestamp<unknown> | null,
  right: ValueAndTimestamp<unknown> | null,
  joiner: Joiner,
  key: unknown,
): ValueAndTimestamp<unknown> | null {
  const value = joiner(left === null ? null : left.value, right === null ? null : right.value, key) ?? null
  if (value === null) return null
  return {
    value,
    timestamp: Math.max(left === null ? -1 : left.timestamp, right === null ? -1 : right.timestamp),
  }
}
