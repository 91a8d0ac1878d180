import type { Serde } from '../../serde/index.js'
import { type StoreSpec, Stores } from '../../state/index.js'
import { TopologyError } from '../errors.js'
import type { KeyValueMapper, Predicate, ValueMapper } from '../functions.js'
import { timeKeySerde } from '../internal-serdes.js'
import { keyIdentity } from '../key-identity.js'
import type { BatchOperator } from '../node.js'
import type { Materialized } from '../options.js'
import { connectedStores, type ProcessOptions, type ValueTransformerSupplier } from '../processor-api.js'
import { deriveTable } from '../processors/derive-table.js'
import { suppress } from '../processors/suppress.js'
import { heldChangeSerde, SuppressBuffer } from '../processors/suppress-buffer.js'
import { filterTable as filterOperator } from '../processors/table-filter.js'
import { tableToStream as toStreamOperator } from '../processors/table-to-stream.js'
import { openTransformer } from '../processors/transform-values.js'
import type { Suppressed } from '../suppressed.js'
import { computedGetter, DerivedTable } from './derived-table.js'
import { checkName, GraphNode } from './graph.js'
import type { StreamHandle, TableHandle } from './handles.js'
import { asksForStore, type KeptTable, keepKeyValue } from './materialize.js'
import { selectKey } from './stateless.js'

type StoreOptions = Materialized<unknown, unknown>

/** The store of a derived table; without a name for queries there is none. */
export function keepDerived(
  table: TableHandle,
  options: StoreOptions,
  prefix: string,
  valueSerde: Serde<unknown> | null,
): KeptTable | null {
  // Kafka Streams takes a number for the store that it then does not make.
  if (options.store === undefined && asksForStore(options)) table.graph.newStoreName(prefix)
  if (options.store === undefined) return null
  return keepKeyValue(table.graph, checkName(options.store), options, {
    keySerde: table.keySerde,
    valueSerde,
  })
}

function addDerived(
  table: TableHandle,
  name: string,
  operator: BatchOperator,
  derived: DerivedTable,
  kept: KeptTable | null,
  options: StoreOptions,
  valueSerde: Serde<unknown> | null,
  stores: readonly (string | StoreSpec)[] = [],
): TableHandle {
  const node = table.graph.add(
    table.node,
    new GraphNode(name, (topology) => {
      topology.addProcessor({ name, parents: [table.name], operator, stores })
      if (kept !== null) topology.addStateStore(kept.spec, [name])
    }),
  )
  return {
    ...table,
    name,
    node,
    keySerde: options.keySerde ?? table.keySerde,
    valueSerde: options.valueSerde ?? valueSerde,
    storeName: kept === null ? null : kept.spec.name,
    queryable: kept !== null,
    table: derived,
  }
}

export function filterTable(
  table: TableHandle,
  predicate: Predicate<unknown, unknown>,
  not: boolean,
  options: StoreOptions,
): TableHandle {
  const prefix = 'KTABLE-FILTER-'
  const kept = keepDerived(table, options, prefix, table.valueSerde)
  const name = table.graph.named(options.name, prefix)
  const compute = (key: unknown, value: unknown) => ((predicate(key, value) ? !not : not) ? value : null)
  const derived = new DerivedTable(table.table, kept, (parent) => computedGetter(parent, compute))
  // Where old values can be had for nothing they save tombstones for rows that never passed.
  derived.sendOldValues = table.table.enableSendingOldValues(false)
  const operator = filterOperator(predicate, not, kept, derived, () => table.table.versioned)
  return addDerived(table, name, operator, derived, kept, options, table.valueSerde)
}

export function mapTableValues(
  table: TableHandle,
  mapper: ValueMapper<unknown, unknown, unknown>,
  options: StoreOptions,
): TableHandle {
  const prefix = 'KTABLE-MAPVALUES-'
  const kept = keepDerived(table, options, prefix, null)
  const name = table.graph.named(options.name, prefix)
  const compute = (key: unknown, value: unknown) => (value === null ? null : (mapper(value, key) ?? null))
  const derived = new DerivedTable(table.table, kept, (parent) => computedGetter(parent, compute))
  const operator = deriveTable({ compute, table: kept, flags: derived })
  return addDerived(table, name, operator, derived, kept, options, null)
}

export function transformTableValues(
  table: TableHandle,
  supplier: ValueTransformerSupplier<unknown, unknown, unknown>,
  options: StoreOptions & ProcessOptions,
): TableHandle {
  const prefix = 'KTABLE-TRANSFORMVALUES-'
  const kept = keepDerived(table, options, prefix, null)
  const name = table.graph.named(options.name, prefix)
  const stores = connectedStores(supplier, options)
  const names = stores.map((store) => (typeof store === 'string' ? store : store.name))
  const derived = new DerivedTable(table.table, kept, (parent) => ({
    storeNames: [...parent.storeNames, ...names],
    open: (context) => computedGetter(parent, openTransformer(supplier, context)).open(context),
  }))
  const operator: BatchOperator = (context) =>
    deriveTable({ compute: openTransformer(supplier, context), table: kept, flags: derived })(context)
  return addDerived(table, name, operator, derived, kept, options, null, stores)
}

export function tableToStream(
  table: TableHandle,
  mapper: KeyValueMapper<unknown, unknown, unknown> | null,
  given: string | undefined,
): StreamHandle {
  const { graph } = table
  const name = graph.named(given, 'KTABLE-TOSTREAM-')
  const node = graph.add(
    table.node,
    new GraphNode(name, (topology) => {
      topology.addProcessor({ name, parents: [table.name], operator: toStreamOperator })
    }),
  )
  const stream: StreamHandle = {
    graph,
    name,
    node,
    keySerde: table.keySerde,
    valueSerde: table.valueSerde,
    sources: table.sources,
    repartition: false,
  }
  return mapper === null ? stream : selectKey(stream, mapper, undefined)
}

export function suppressTable(table: TableHandle, suppressed: Suppressed): TableHandle {
  const { graph } = table
  if (table.table.versioned) {
    throw new TopologyError('a versioned table cannot be suppressed: its late updates would be lost')
  }
  // What was known before the updates that are held back comes with the first of them.
  table.table.enableSendingOldValues(true)
  const named = suppressed.name === null ? null : checkName(suppressed.name)
  const name = named ?? graph.newName('KTABLE-SUPPRESS-')
  const storeName = named === null ? graph.newStoreName('KTABLE-SUPPRESS-') : `${named}-store`
  const keySerde = table.keySerde ?? graph.defaults.key
  const valueSerde = table.valueSerde ?? graph.defaults.value
  const buffer = {
    identity: keyIdentity(keySerde),
    keySerde,
    valueSerde,
    measure: suppressed.buffer.maxBytes !== Number.POSITIVE_INFINITY,
  }
  const source = new SuppressedTable(table, storeName, buffer)
  const operator = suppress(suppressed, durationOf(table, suppressed), storeName, buffer, source)
  const node = graph.add(
    table.node,
    new GraphNode(name, (topology) => {
      topology.addProcessor({ name, parents: [table.name], operator })
      const spec = Stores.keyValue({
        name: storeName,
        keySerde: timeKeySerde(keySerde),
        valueSerde: heldChangeSerde(valueSerde),
      })
      topology.addStateStore(spec, [name])
    }),
  )
  return { ...table, name, node, storeName: null, queryable: false, table: source }
}

function durationOf(table: TableHandle, suppressed: Suppressed): number {
  if (suppressed.type === 'untilTimeLimit') return suppressed.limitMs
  if (table.closeDelayMs === null) {
    throw new TopologyError('only windowed tables can be suppressed until their windows close')
  }
  return table.closeDelayMs
}

/** Shows, to those that look rows up, what was known before the updates that are held back. */
class SuppressedTable extends DerivedTable {
  constructor(table: TableHandle, storeName: string, options: Parameters<typeof SuppressBuffer.on>[1]) {
    super(table.table, null, (parent) => ({
      storeNames: [...parent.storeNames, storeName],
      open(context) {
        const lookup = parent.open(context)
        const buffer = SuppressBuffer.on(context.stateStore(storeName), options)
        return (key) => {
          const held = buffer.get(key)
          if (held === undefined) return lookup(key)
          return held.oldValue === null ? null : { value: held.oldValue, timestamp: held.timestamp }
        }
      },
    }))
  }
}
