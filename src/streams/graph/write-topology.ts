import { TopologyError } from '../errors.js'
import type { BuildOptions, Optimization } from '../streams-builder.js'
import { Topology } from '../topology.js'
import type { Graph, GraphNode } from './graph.js'
import { mergeRepartitions } from './merge-repartitions.js'

/** Writes the nodes of a graph as a topology: parents first, and among the ready ones in the order of the calls. */
export function writeTopology(graph: Graph, options: BuildOptions): Topology {
  graph.optimizations = optimizationsOf(options)
  const topology = new Topology(graph.defaults)
  if (options.defaultKeySerde !== undefined || options.defaultValueSerde !== undefined) {
    topology.bindDefaultSerdes(options.defaultKeySerde, options.defaultValueSerde)
  }
  if (graph.optimizations.has('merge.repartition.topics')) mergeRepartitions(graph)
  for (const spec of graph.stores.values()) topology.addStateStore(spec)
  const written = new Set<GraphNode>()
  const queue: GraphNode[] = [graph.root]
  while (queue.length > 0) {
    const node = takeFirst(queue)
    if (!written.has(node) && node.parents.every((parent) => written.has(parent))) {
      topology.renaming(node.renames, graph.renamedSources, () => node.write(topology))
      written.add(node)
    }
    for (const child of node.children) if (!written.has(child) && !queue.includes(child)) queue.push(child)
  }
  if (options.ensureExplicitInternalResourceNaming) refuseGeneratedNames(topology)
  return topology
}

const generated = /(?:KSTREAM|KTABLE|STATE-STORE)[A-Z-]*-\d{10}(?:-|$)/

function refuseGeneratedNames(topology: Topology): void {
  const kept = [...topology.stores].filter(([, { global }]) => !global).map(([name]) => name)
  const stores = kept.filter((name) => generated.test(name))
  const topics = [...topology.repartitionTopics.keys()].filter((name) => generated.test(name))
  const list = [...stores.map((name) => `store ${name}`), ...topics.map((name) => `topic ${name}`)]
  if (list.length > 0) {
    throw new TopologyError(
      `these names are generated, and would change with the topology: ${list.join(', ')}; give the operators a name or a store`,
    )
  }
}

const allOptimizations: readonly Optimization[] = [
  'reuse.ktable.source.topics',
  'merge.repartition.topics',
  'single.store.self.join',
]

function optimizationsOf({ optimize = 'none' }: BuildOptions): ReadonlySet<Optimization> {
  if (optimize === 'none') return new Set()
  if (optimize === 'all') return new Set(allOptimizations)
  const list = Array.isArray(optimize) ? (optimize as readonly Optimization[]) : []
  const unknown = Array.isArray(optimize) ? list.find((name) => !allOptimizations.includes(name)) : optimize
  if (unknown === undefined) return new Set(list)
  throw new TopologyError(
    `optimize is 'none', 'all' or a list of ${allOptimizations.join(', ')}; found ${JSON.stringify(unknown)}`,
  )
}

function takeFirst(queue: GraphNode[]): GraphNode {
  let first = 0
  for (let i = 1; i < queue.length; i++) if (queue[i]!.order < queue[first]!.order) first = i
  return queue.splice(first, 1)[0]!
}
