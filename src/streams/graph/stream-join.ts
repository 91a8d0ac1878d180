import type { Serde } from '../../serde/index.js'
import { type StoreSpec, Stores } from '../../state/index.js'
import type { ValueJoiner } from '../functions.js'
import type { StoreType, StreamJoined } from '../options.js'
import { passThrough } from '../processors/pass-through.js'
import { selfJoin } from '../processors/self-join.js'
import { joinStreamSide, keepForJoin } from '../processors/stream-join.js'
import {
  type UnmatchedStore,
  unmatchedKeySerde,
  unmatchedValueSerde,
} from '../processors/unmatched-records.js'
import { idleTime } from '../suppressed.js'
import type { Topology } from '../topology.js'
import type { JoinWindows } from '../windows.js'
import { checkName, type Graph, GraphNode } from './graph.js'
import type { StreamHandle } from './handles.js'
import { ensureRepartitioned } from './repartition.js'

export type StreamJoinType = 'inner' | 'left' | 'outer'

type Joiner = ValueJoiner<unknown, unknown, unknown, unknown>

interface KeptForJoin {
  readonly storeType: StoreType
  readonly logging: boolean
  readonly idleMs: number | null
}

interface JoinNames {
  readonly thisWindowed: string
  readonly otherWindowed: string
  readonly thisJoin: string
  readonly otherJoin: string
  readonly merge: string
  readonly thisStore: string
  readonly otherStore: string
  /** Of the unmatched records of left and outer joins. */
  readonly sharedStore: string | null
}

/**
 *     left ──▶ this-windowed ──▶ this-join ──┐        windowed: stores the record
 *                                            ├─▶ merge
 *     right ─▶ other-windowed ─▶ other-join ─┘        join: looks into the other side's store
 */
export function joinStreams(
  left: StreamHandle,
  right: StreamHandle,
  type: StreamJoinType,
  joiner: Joiner,
  windows: JoinWindows,
  options: StreamJoined<unknown, unknown, unknown>,
): StreamHandle {
  const { graph } = left
  const given = options.name === undefined ? null : checkName(options.name)
  const keySerde = options.keySerde ?? left.keySerde ?? right.keySerde
  const leftSerdes = { keySerde, valueSerde: options.valueSerde ?? left.valueSerde }
  const rightSerdes = { keySerde, valueSerde: options.otherValueSerde ?? right.valueSerde }
  const leftName = given === null ? left.name : `${given}-left`
  const rightName = given === null ? right.name : `${given}-right`
  const self = left.node === right.node && type === 'inner'
  const leftParent = ensureRepartitioned(left, leftName, leftSerdes)
  const rightParent = ensureRepartitioned(right, rightName, rightSerdes)
  const names = joinNames(graph, type, options)

  const sides = {
    keySerde: keySerde ?? graph.defaults.key,
    left: leftSerdes.valueSerde ?? graph.defaults.value,
    right: rightSerdes.valueSerde ?? graph.defaults.value,
  }
  const kept = {
    storeType: options.storeType ?? graph.defaultStoreType,
    logging: options.logging ?? true,
    idleMs: idleTime(options),
  }
  const thisStore = windowStore(names.thisStore, windows, sides.keySerde, sides.left, kept)
  const otherStore = windowStore(names.otherStore, windows, sides.keySerde, sides.right, kept)
  const node = graph.add(
    [leftParent.node, rightParent.node],
    new GraphNode(names.merge, (topology) => {
      if (self && graph.optimizations.has('single.store.self.join'))
        writeSelfJoin(topology, leftParent.name, names, thisStore, joiner, windows)
      else {
        const unmatched =
          names.sharedStore === null ? null : unmatchedStore(names.sharedStore, sides, joiner, windows, kept)
        const parents = { left: leftParent.name, right: rightParent.name }
        writeJoin(topology, parents, type, names, { thisStore, otherStore, unmatched }, joiner, windows)
      }
      topology.copartition([...leftParent.sources, ...rightParent.sources])
    }),
  )
  return {
    graph,
    name: names.merge,
    node,
    keySerde,
    valueSerde: null,
    sources: new Set([...leftParent.sources, ...rightParent.sources]),
    repartition: false,
  }
}

function joinNames(
  graph: Graph,
  type: StreamJoinType,
  options: StreamJoined<unknown, unknown, unknown>,
): JoinNames {
  const { name, storeName } = options
  const thisWindowed = graph.named(name, 'KSTREAM-WINDOWED-', '-this-windowed')
  const otherWindowed = graph.named(name, 'KSTREAM-WINDOWED-', '-other-windowed')
  const leftOuter = type !== 'inner'
  const rightOuter = type === 'outer'
  const thisPrefix = rightOuter ? 'KSTREAM-OUTERTHIS-' : 'KSTREAM-JOINTHIS-'
  const otherPrefix = leftOuter ? 'KSTREAM-OUTEROTHER-' : 'KSTREAM-JOINOTHER-'
  const thisSuffix = rightOuter ? '-outer-this-join' : '-this-join'
  const otherSuffix = leftOuter ? '-outer-other-join' : '-other-join'
  const thisGenerated = graph.newName(thisPrefix)
  const otherGenerated = graph.newName(otherPrefix)
  const merge = graph.named(name, 'KSTREAM-MERGE-', '-merge')
  const base = storeName === undefined ? null : checkName(storeName)
  const sharedGenerated = `KSTREAM-OUTERSHARED-${thisGenerated.slice(thisPrefix.length)}`
  const sharedSuffix = rightOuter ? '-outer-shared-join' : '-left-shared-join'
  return {
    thisWindowed,
    otherWindowed,
    thisJoin: name === undefined ? thisGenerated : name + thisSuffix,
    otherJoin: name === undefined ? otherGenerated : name + otherSuffix,
    merge,
    thisStore: `${base === null ? thisGenerated : base + thisSuffix}-store`,
    otherStore: `${base === null ? otherGenerated : base + otherSuffix}-store`,
    sharedStore: leftOuter ? `${base === null ? sharedGenerated : base + sharedSuffix}-store` : null,
  }
}

/** Every record of one side, for as long as one of the other side may still meet it. */
function windowStore(
  name: string,
  windows: JoinWindows,
  keySerde: Serde<unknown>,
  valueSerde: Serde<unknown>,
  { storeType, logging }: KeptForJoin,
): StoreSpec {
  return Stores.window({
    name,
    keySerde,
    valueSerde,
    windowSizeMs: windows.sizeMs,
    retentionMs: windows.sizeMs + windows.graceMs,
    retainDuplicates: true,
    persistent: storeType === 'sqlite',
    logging,
  })
}

function unmatchedStore(
  name: string,
  serdes: { keySerde: Serde<unknown>; left: Serde<unknown>; right: Serde<unknown> },
  joiner: Joiner,
  windows: JoinWindows,
  { storeType, logging, idleMs }: KeptForJoin,
): { readonly spec: StoreSpec; readonly unmatched: UnmatchedStore } {
  const spec = Stores.keyValue({
    name,
    keySerde: unmatchedKeySerde(serdes.keySerde),
    valueSerde: unmatchedValueSerde(serdes.left, serdes.right),
    persistent: storeType === 'sqlite',
    logging,
  })
  return { spec, unmatched: { storeName: name, joiner, windows, idleMs } }
}

function writeJoin(
  topology: Topology,
  parents: { readonly left: string; readonly right: string },
  type: StreamJoinType,
  names: JoinNames,
  stores: {
    readonly thisStore: StoreSpec
    readonly otherStore: StoreSpec
    readonly unmatched: { readonly spec: StoreSpec; readonly unmatched: UnmatchedStore } | null
  },
  joiner: Joiner,
  windows: JoinWindows,
): void {
  const { beforeMs, afterMs } = windows
  const unmatched = stores.unmatched?.unmatched ?? null
  const flipped: Joiner = (own, other, key) => joiner(other, own, key)
  topology.addProcessor({
    name: names.thisWindowed,
    parents: [parents.left],
    operator: keepForJoin(names.thisStore),
  })
  topology.addProcessor({
    name: names.otherWindowed,
    parents: [parents.right],
    operator: keepForJoin(names.otherStore),
  })
  topology.addProcessor({
    name: names.thisJoin,
    parents: [names.thisWindowed],
    operator: joinStreamSide({
      isLeft: true,
      outer: type !== 'inner',
      beforeMs,
      afterMs,
      otherStore: names.otherStore,
      joiner,
      unmatched,
    }),
  })
  topology.addProcessor({
    name: names.otherJoin,
    parents: [names.otherWindowed],
    operator: joinStreamSide({
      isLeft: false,
      outer: type === 'outer',
      beforeMs: afterMs,
      afterMs: beforeMs,
      otherStore: names.thisStore,
      joiner: flipped,
      unmatched,
    }),
  })
  topology.addProcessor({
    name: names.merge,
    parents: [names.thisJoin, names.otherJoin],
    operator: passThrough,
  })
  topology.addStateStore(stores.thisStore, [names.thisWindowed, names.otherJoin])
  topology.addStateStore(stores.otherStore, [names.otherWindowed, names.thisJoin])
  if (stores.unmatched !== null)
    topology.addStateStore(stores.unmatched.spec, [names.thisJoin, names.otherJoin])
}

/** A stream with itself needs one store, and one look into it. */
function writeSelfJoin(
  topology: Topology,
  parent: string,
  names: JoinNames,
  store: StoreSpec,
  joiner: Joiner,
  windows: JoinWindows,
): void {
  topology.addProcessor({
    name: names.thisWindowed,
    parents: [parent],
    operator: keepForJoin(names.thisStore),
  })
  topology.addProcessor({
    name: names.merge,
    parents: [names.thisWindowed],
    operator: selfJoin(names.thisStore, joiner, windows),
  })
  topology.addStateStore(store, [names.thisWindowed, names.merge])
}
