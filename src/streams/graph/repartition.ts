import type { Serde } from '../../serde/index.js'
import type { StreamPartitioner } from '../node.js'
import type { Repartitioned } from '../options.js'
import { requireKey } from '../processors/require-key.js'
import { failOnInvalidTimestamp } from '../timestamp-extractors.js'
import { checkName, type Graph, GraphNode } from './graph.js'
import type { StreamHandle } from './handles.js'

export interface RepartitionPlan {
  /** Of the topic, without the suffix; a generated name gives its nodes generated names too. */
  readonly name: string
  readonly keySerde: Serde<unknown> | null
  readonly valueSerde: Serde<unknown> | null
  readonly partitions?: number | null
  readonly partitioner?: StreamPartitioner | null
  /** False: asked for by the user, so it stays where it is. */
  readonly mergeable?: boolean
}

export interface Repartition {
  readonly sourceName: string
  readonly node: GraphNode
}

const suffix = '-repartition'
const generated = /^KSTREAM.*-[0-9]{10}$/

/**
 * A topic of Forebay's own between a changed key and what needs equal keys together:
 *
 *     parent ─▶ filter ─▶ sink ─▶ <name>-repartition ─▶ source
 *
 * Records without a key are left out before the topic.
 *
 * The node is not yet part of the graph.
 */
export function planRepartition(graph: Graph, parent: string, plan: RepartitionPlan): Repartition {
  const topic = plan.name.endsWith(suffix) ? plan.name : plan.name + suffix
  const names = {
    sink: graph.newName('KSTREAM-SINK-'),
    filter: graph.newName('KSTREAM-FILTER-'),
    source: graph.newName('KSTREAM-SOURCE-'),
  }
  if (!generated.test(plan.name)) {
    names.sink = `${topic}-sink`
    names.filter = `${topic}-filter`
    names.source = `${topic}-source`
  }
  const { keySerde, valueSerde, partitioner = null, partitions = null } = plan
  const node = new GraphNode(
    names.source,
    (topology) => {
      topology.addRepartitionTopic({ name: topic, partitions })
      topology.addProcessor({
        name: names.filter,
        parents: [parent],
        operator: requireKey,
      })
      topology.addSink({
        name: names.sink,
        parents: [names.filter],
        topic,
        keySerde,
        valueSerde,
        partitioner,
      })
      topology.addSource({
        name: names.source,
        topics: [topic],
        keySerde,
        valueSerde,
        timestampExtractor: failOnInvalidTimestamp,
        offsetReset: 'earliest',
      })
    },
    plan.mergeable === false ? {} : { repartition: { topic, keySerde, valueSerde } },
  )
  return { sourceName: names.source, node }
}

export function repartitionStream(
  stream: StreamHandle,
  options: Repartitioned<unknown, unknown>,
): StreamHandle {
  const { graph } = stream
  const keySerde = options.keySerde ?? stream.keySerde
  const valueSerde = options.valueSerde ?? stream.valueSerde
  const { sourceName, node } = planRepartition(graph, stream.name, {
    name: options.name === undefined ? graph.newName('KSTREAM-REPARTITION-') : checkName(options.name),
    keySerde,
    valueSerde,
    partitions: options.partitions ?? null,
    partitioner: (options.partitioner as StreamPartitioner | undefined) ?? null,
    mergeable: false,
  })
  graph.add(stream.node, node)
  return {
    graph,
    name: sourceName,
    node,
    keySerde,
    valueSerde,
    sources: new Set([sourceName]),
    repartition: false,
  }
}

/** Puts a repartition topic before an operator that needs equal keys together, if the key has changed. */
export function ensureRepartitioned(
  stream: StreamHandle,
  name: string,
  serdes: { readonly keySerde: Serde<unknown> | null; readonly valueSerde: Serde<unknown> | null },
): StreamHandle {
  if (!stream.repartition) return { ...stream, ...serdes }
  const { graph } = stream
  const planned = planRepartition(graph, stream.name, { name, ...serdes })
  let shared = graph.repartitioned.get(stream.node)
  if (shared === undefined || shared.name !== name) {
    shared = { name, ...planned }
    graph.add(stream.node, planned.node)
    graph.repartitioned.set(stream.node, shared)
  }
  const { sourceName, node } = shared
  return {
    graph,
    name: sourceName,
    node,
    ...serdes,
    sources: new Set([sourceName]),
    repartition: false,
  }
}
