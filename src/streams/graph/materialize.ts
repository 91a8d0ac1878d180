import { type Serde, Serdes, type Windowed } from '../../serde/index.js'
import {
  type EntryStore,
  type SessionStore,
  type StoreSpec,
  Stores,
  type TableLayout,
  type TimestampedKeyValueStore,
  type ValueAndTimestamp,
  type VersionedKeyValueStore,
  type WindowStore,
} from '../../state/index.js'
import { TopologyError } from '../errors.js'
import { type KeyIdentity, keyIdentity, keyIndex, WindowedKeyIndex } from '../key-identity.js'
import type { Materialized } from '../options.js'
import type { CollapsibleTable } from '../table-emitter.js'
import type { SessionWindows, SlidingWindows, TimeWindows, UnlimitedWindows } from '../windows.js'
import { checkName, type Graph } from './graph.js'
import type { TableGetter } from './table-source.js'

/** How an operator keeps its table. */
export interface KeptTable extends CollapsibleTable {
  readonly spec: StoreSpec
  readonly versioned: boolean
  readonly getter: TableGetter
  /** As given to the operators below, null for the application's default. */
  readonly keySerde: Serde<unknown> | null
  readonly valueSerde: Serde<unknown> | null
}

interface InheritedSerdes {
  readonly keySerde: Serde<unknown> | null
  readonly valueSerde: Serde<unknown> | null
}

/** Whether options say anything about a store. */
export function asksForStore(options: Materialized<unknown, unknown>): boolean {
  return Object.entries(options).some(
    ([member, value]) => member !== 'name' && member !== 'stores' && value !== undefined,
  )
}

/** The name of a store, generated where none is given. */
export function storeNameOf(graph: Graph, options: Materialized<unknown, unknown>, prefix: string): string {
  return options.store === undefined ? graph.newStoreName(prefix) : checkName(options.store)
}

export function keepKeyValue(
  graph: Graph,
  name: string,
  options: Materialized<unknown, unknown>,
  inherited: InheritedSerdes,
): KeptTable {
  const { versioned } = options
  const { common, identity, keySerde, valueSerde } = commonOptions(graph, name, options, inherited)
  const spec =
    versioned === undefined
      ? Stores.keyValue({ ...common, timestamped: true })
      : Stores.versioned({ ...common, historyRetentionMs: versioned.historyRetentionMs })
  return {
    spec,
    caching: versioned === undefined && options.caching !== false,
    versioned: versioned !== undefined,
    newIndex: () => keyIndex(identity),
    getter: versioned === undefined ? timestampedGetter(name) : versionedGetter(name),
    keySerde,
    valueSerde,
  }
}

/** A window store; `retentionMs` is the least that the windows need. */
export function keepWindows(
  graph: Graph,
  name: string,
  options: Materialized<unknown, unknown>,
  inherited: InheritedSerdes,
  windows: TimeWindows | UnlimitedWindows | SlidingWindows,
): KeptTable {
  const { common, identity, keySerde, valueSerde } = commonOptions(graph, name, options, inherited)
  const windowSizeMs = windows.kind === 'time' ? windows.sizeMs : windows.timeDifferenceMs
  // An early sliding window looks back over two time differences.
  const least = (windows.kind === 'time' ? windowSizeMs : 2 * windowSizeMs) + windows.graceMs
  return {
    spec: Stores.window({
      ...common,
      timestamped: true,
      windowSizeMs,
      retentionMs: retention(name, options.retentionMs, least),
      aligned: windows.kind === 'time',
    }),
    caching: options.caching !== false,
    versioned: false,
    newIndex: () => new WindowedKeyIndex(identity),
    getter: windowGetter(name),
    keySerde: keySerde === null ? null : Serdes.timeWindowed(keySerde, windowSizeMs),
    valueSerde,
  }
}

export function keepSessions(
  graph: Graph,
  name: string,
  options: Materialized<unknown, unknown>,
  inherited: InheritedSerdes,
  windows: SessionWindows,
): KeptTable {
  const { common, identity, keySerde, valueSerde } = commonOptions(graph, name, options, inherited)
  const least = windows.inactivityGapMs + windows.graceMs
  return {
    spec: Stores.session({ ...common, retentionMs: retention(name, options.retentionMs, least) }),
    caching: options.caching !== false,
    versioned: false,
    newIndex: () => new WindowedKeyIndex(identity),
    getter: sessionGetter(name),
    keySerde: keySerde === null ? null : Serdes.sessionWindowed(keySerde),
    valueSerde,
  }
}

function commonOptions(
  graph: Graph,
  name: string,
  options: Materialized<unknown, unknown>,
  inherited: InheritedSerdes,
) {
  const keySerde = options.keySerde ?? inherited.keySerde
  const valueSerde = options.valueSerde ?? inherited.valueSerde
  const { logging = true, layout } = options
  const common = {
    name,
    keySerde: keySerde ?? graph.defaults.key,
    valueSerde: valueSerde ?? graph.defaults.value,
    persistent: (options.storeType ?? graph.defaultStoreType) === 'sqlite',
    logging: logging !== false,
    logConfig: typeof logging === 'object' ? logging : {},
    ...(layout === undefined ? {} : { layout: layout as TableLayout<unknown, unknown> }),
    ...(options.supplier === undefined ? {} : { supplier: options.supplier as never }),
  }
  const identity: KeyIdentity =
    layout === undefined ? keyIdentity(common.keySerde) : (key) => layout.identity(key)
  return { common, identity, keySerde, valueSerde }
}

function retention(store: string, given: number | undefined, least: number): number {
  if (given !== undefined && given < least) {
    throw new TopologyError(
      `store "${store}": a retention of ${given} ms is less than the windows need, ${least} ms`,
    )
  }
  return given ?? least
}

function timestampedGetter(storeName: string): TableGetter {
  return {
    storeNames: [storeName],
    open(context) {
      const store = context.stateStore<TimestampedKeyValueStore<unknown, unknown> & EntryStore<unknown>>(
        storeName,
      )
      return (key) => {
        const entry = store.entry(key)
        return entry.value === undefined ? null : entry
      }
    },
  }
}

function versionedGetter(storeName: string): TableGetter {
  return {
    storeNames: [storeName],
    open(context) {
      const store = context.stateStore<VersionedKeyValueStore<unknown, unknown>>(storeName)
      return (key, asOf) => (asOf === undefined ? store.get(key) : store.getAsOf(key, asOf)) ?? null
    },
  }
}

function windowGetter(storeName: string): TableGetter {
  return {
    storeNames: [storeName],
    open(context) {
      const store = context.stateStore<WindowStore<unknown, ValueAndTimestamp<unknown>>>(storeName)
      return (key) => {
        const { key: inner, start } = key as Windowed<unknown>
        return store.fetch(inner, start) ?? null
      }
    },
  }
}

function sessionGetter(storeName: string): TableGetter {
  return {
    storeNames: [storeName],
    open(context) {
      const store = context.stateStore<SessionStore<unknown, unknown>>(storeName)
      return (key) => {
        const { key: inner, start, end } = key as Windowed<unknown>
        const value = store.fetchSession(inner, start, end)
        return value === undefined ? null : { value, timestamp: end }
      }
    },
  }
}
