import { Stores } from '../../state/index.js'
import { TopologyError } from '../errors.js'
import type { KeyValueMapper, ValueJoiner } from '../functions.js'
import type { Joined, Named } from '../options.js'
import { bufferedRecordSerde, joinStreamTable, orderedTimeKeySerde } from '../processors/stream-table-join.js'
import { checkName, GraphNode } from './graph.js'
import type { GlobalTableHandle, StreamHandle, TableHandle } from './handles.js'
import { ensureRepartitioned } from './repartition.js'
import { attach } from './stateless.js'

type Joiner = ValueJoiner<unknown, unknown, unknown, unknown>

const ownKey: KeyValueMapper<unknown, unknown, unknown> = (key) => key

export function joinTable(
  stream: StreamHandle,
  table: TableHandle,
  type: 'inner' | 'left',
  joiner: Joiner,
  options: Joined<unknown, unknown, unknown>,
): StreamHandle {
  const { graph } = stream
  const { gracePeriodMs = 0 } = options
  const serdes = {
    keySerde: options.keySerde ?? stream.keySerde ?? table.keySerde,
    valueSerde: options.valueSerde ?? stream.valueSerde,
  }
  const repartitionName = options.name === undefined ? stream.name : checkName(options.name)
  const parent = ensureRepartitioned(stream, repartitionName, serdes)
  const name = graph.named(options.name, type === 'inner' ? 'KSTREAM-JOIN-' : 'KSTREAM-LEFTJOIN-')
  const rows = table.table.getter()
  const { versioned } = table.table
  if (gracePeriodMs > 0 && !versioned) {
    throw new TopologyError(`join "${name}" has a grace period, for which its table must be versioned`)
  }
  const bufferName = gracePeriodMs > 0 ? `${name}-Buffer` : null
  const operator = joinStreamTable({
    outer: type === 'left',
    keyOf: ownKey,
    joiner,
    rows,
    asOf: versioned,
    buffer: bufferName === null ? null : { storeName: bufferName, graceMs: gracePeriodMs },
  })
  const node = graph.add(
    [parent.node, table.node],
    new GraphNode(name, (topology) => {
      topology.addProcessor({ name, parents: [parent.name], operator, stores: rows.storeNames })
      if (bufferName !== null) {
        const spec = Stores.keyValue({
          name: bufferName,
          keySerde: orderedTimeKeySerde(serdes.keySerde ?? graph.defaults.key),
          valueSerde: bufferedRecordSerde(serdes.valueSerde ?? graph.defaults.value),
        })
        topology.addStateStore(spec, [name])
      }
      topology.copartition([...parent.sources, ...table.sources])
    }),
  )
  return {
    graph,
    name,
    node,
    keySerde: serdes.keySerde,
    valueSerde: null,
    sources: new Set([...parent.sources, ...table.sources]),
    repartition: false,
  }
}

export function joinGlobalTable(
  stream: StreamHandle,
  table: GlobalTableHandle,
  type: 'inner' | 'left',
  selector: KeyValueMapper<unknown, unknown, unknown>,
  joiner: Joiner,
  options: Named,
): StreamHandle {
  const name = stream.graph.named(options.name, 'KSTREAM-LEFTJOIN-')
  const operator = joinStreamTable({
    outer: type === 'left',
    keyOf: selector,
    joiner,
    rows: table.getter,
    asOf: false,
    buffer: null,
  })
  return attach(stream, name, operator, { value: 'changed' })
}
