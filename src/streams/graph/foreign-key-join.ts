import { Stores } from '../../state/index.js'
import type { ValueJoiner } from '../functions.js'
import { keyIdentity } from '../key-identity.js'
import type { StreamPartitioner } from '../node.js'
import type { TableJoined } from '../options.js'
import {
  answerChanges,
  answerSubscriptions,
  receiveSubscriptions,
  registerSubscriptions,
  resolveResponses,
} from '../processors/foreign-key-join.js'
import {
  type ForeignResponse,
  foreignResponseSerde,
  subscriptionKeySerde,
  subscriptionSerde,
} from '../processors/foreign-key-messages.js'
import { failOnInvalidTimestamp } from '../timestamp-extractors.js'
import { checkName, type Graph, GraphNode } from './graph.js'
import type { TableHandle } from './handles.js'
import { keepKeyValue, storeNameOf } from './materialize.js'
import { SourceTable } from './source-table.js'

const outputPrefix = 'KTABLE-FK-JOIN-OUTPUT-'

/** The answer goes back to where the subscription came from. */
const toSubscriber: StreamPartitioner = (_topic, _key, value) => (value as ForeignResponse).partition

/** See processors/foreign-key-join.ts for how the parts play together. */
export function joinForeignKey(
  left: TableHandle,
  right: TableHandle,
  outer: boolean,
  foreignKeyOf: (value: unknown, key: unknown) => unknown,
  joiner: ValueJoiner<unknown, unknown, unknown, unknown>,
  options: TableJoined<unknown, unknown, unknown>,
): TableHandle {
  const { graph } = left
  // Old rows tell which subscriptions have to end.
  right.table.enableSendingOldValues(true)
  left.table.enableSendingOldValues(true)
  const { otherPartitioner } = options
  const names = joinNames(graph, options.name)
  const resultStore = storeNameOf(graph, options, outputPrefix)
  const leftRows = left.table.getter()
  const rightRows = right.table.getter()
  const serdes = {
    primary: left.keySerde ?? graph.defaults.key,
    foreign: options.foreignKeySerde ?? right.keySerde ?? graph.defaults.key,
    left: left.valueSerde ?? graph.defaults.value,
    right: right.valueSerde ?? graph.defaults.value,
  }
  const keySerde = options.keySerde ?? left.keySerde
  const kept = keepKeyValue(graph, resultStore, options, { keySerde, valueSerde: null })
  const result = new SourceTable(kept, options.store !== undefined)
  const internal = { timestampExtractor: failOnInvalidTimestamp, offsetReset: 'earliest' } as const

  const registration = graph.add(
    left.node,
    new GraphNode(names.registration, (topology) => {
      topology.addRepartitionTopic({ name: names.registrationTopic, partitions: null })
      topology.addProcessor({
        name: names.registration,
        parents: [left.name],
        operator: registerSubscriptions({
          outer,
          foreignKeyOf,
          identity: keyIdentity(serdes.foreign),
          valueSerde: serdes.left,
        }),
      })
      topology.addSink({
        name: names.registrationSink,
        parents: [names.registration],
        topic: names.registrationTopic,
        keySerde: serdes.foreign,
        valueSerde: subscriptionSerde(serdes.primary),
        partitioner:
          otherPartitioner === undefined
            ? null
            : (topic, key, _value, count) => otherPartitioner.call(options, topic, key, count),
      })
    }),
  )
  const answers = graph.add(
    [registration, right.node],
    new GraphNode(names.receive, (topology) => {
      topology.addSource({
        name: names.registrationSource,
        topics: [names.registrationTopic],
        keySerde: serdes.foreign,
        valueSerde: subscriptionSerde(serdes.primary),
        ...internal,
      })
      topology.addProcessor({
        name: names.receive,
        parents: [names.registrationSource],
        operator: receiveSubscriptions(names.store),
      })
      topology.addProcessor({
        name: names.joinForeign,
        parents: [names.receive],
        operator: answerSubscriptions(rightRows),
        stores: rightRows.storeNames,
      })
      topology.addProcessor({
        name: names.foreignJoin,
        parents: [right.name],
        operator: answerChanges(names.store, serdes.foreign),
      })
      const spec = Stores.keyValue({
        name: names.store,
        keySerde: subscriptionKeySerde(serdes.foreign, serdes.primary),
        valueSerde: subscriptionSerde(serdes.primary),
      })
      topology.addStateStore(spec, [names.receive, names.foreignJoin])
      topology.addRepartitionTopic({ name: names.responseTopic, partitions: null })
      topology.addSink({
        name: names.responseSink,
        parents: [names.joinForeign, names.foreignJoin],
        topic: names.responseTopic,
        keySerde: serdes.primary,
        valueSerde: foreignResponseSerde(serdes.right),
        partitioner: toSubscriber,
      })
      topology.copartition([names.registrationSource, ...right.sources])
    }),
  )
  const node = graph.add(
    answers,
    new GraphNode(names.output, (topology) => {
      topology.addSource({
        name: names.responseSource,
        topics: [names.responseTopic],
        keySerde: serdes.primary,
        valueSerde: foreignResponseSerde(serdes.right),
        ...internal,
      })
      topology.addProcessor({
        name: names.resolver,
        parents: [names.responseSource],
        operator: resolveResponses({ outer, rows: leftRows, joiner, valueSerde: serdes.left }),
        stores: leftRows.storeNames,
      })
      topology.addProcessor({ name: names.output, parents: [names.resolver], operator: result.operator() })
      if (result.materialized) topology.addStateStore(kept.spec, [names.output])
      topology.copartition([names.responseSource, ...left.sources])
    }),
  )
  return {
    graph,
    name: names.output,
    node,
    keySerde,
    valueSerde: options.valueSerde ?? null,
    sources: new Set([names.responseSource]),
    storeName: resultStore,
    queryable: options.store !== undefined,
    table: result,
    closeDelayMs: null,
  }
}

function joinNames(graph: Graph, given: string | undefined) {
  const name = given === undefined ? undefined : checkName(given)
  const subscription = 'KTABLE-FK-JOIN-SUBSCRIPTION-'
  const processor = `${subscription}PROCESSOR-`
  const registrationTopic = graph.named(name, `${subscription}REGISTRATION-`, '-subscription-registration')
  const registration = graph.named(
    name,
    `${subscription}REGISTRATION-`,
    '-subscription-registration-processor',
  )
  const registrationSink = graph.named(name, 'KTABLE-SINK-', '-subscription-registration-sink')
  const registrationSource = graph.named(name, 'KTABLE-SOURCE-', '-subscription-registration-source')
  const store = graph.named(name, `${subscription}STATE-STORE-`, '-subscription-store')
  const receive = graph.named(name, processor, '-subscription-receive')
  const joinForeign = graph.named(name, processor, '-subscription-join-foreign')
  const foreignJoin = graph.named(name, processor, '-foreign-join-subscription')
  const responseTopic = graph.named(name, `${subscription}RESPONSE-`, '-subscription-response')
  const responseSink = graph.named(name, 'KTABLE-SINK-', '-subscription-response-sink')
  const responseSource = graph.named(name, 'KTABLE-SOURCE-', '-subscription-response-source')
  const resolver = graph.named(
    name,
    `${subscription}RESPONSE-RESOLVER-PROCESSOR-`,
    '-subscription-response-resolver',
  )
  const output = graph.named(name, outputPrefix, '-result')
  return {
    registrationTopic: `${registrationTopic}-topic`,
    registration,
    registrationSink,
    registrationSource,
    store,
    receive,
    joinForeign,
    foreignJoin,
    responseTopic: `${responseTopic}-topic`,
    responseSink,
    responseSource,
    resolver,
    output,
  }
}
