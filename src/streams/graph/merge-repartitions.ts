import type { Graph, GraphNode } from './graph.js'
import { planRepartition } from './repartition.js'

/*
 * One repartition topic in place of several (`merge.repartition.topics`): where the key of a stream changes and what
 * follows needs more than one repartition topic, records are repartitioned once, right behind the change.
 *
 *     change ─┬─▶ topic 1 ─▶ count                  change ─▶ topic 1 ─┬─▶ count
 *             └─▶ filter ─▶ topic 2 ─▶ reduce   ⇒                      └─▶ filter ─▶ reduce
 *
 * What does not lead to a repartition topic stays where it is. Where values change in between, topics stay apart: the
 * serdes of the topic would not fit the values before.
 */

export function mergeRepartitions(graph: Graph): void {
  for (const [change, topics] of mergeable(graph.nodes)) merge(graph, change, topics)
}

/** Repartition nodes by the node that changed the key: the operation, or the merge behind several operations. */
function mergeable(nodes: readonly GraphNode[]): Map<GraphNode, Set<GraphNode>> {
  const found = new Map<GraphNode, Set<GraphNode>>()
  for (const node of nodes) {
    if (node.traits.changesKey) found.set(node, new Set())
    if (node.traits.repartition === undefined) continue
    const change = upwards(node, ({ traits }) => traits.changesKey === true || traits.changesValue === true)
    if (change?.traits.changesKey) found.get(change)!.add(node)
  }
  takeBehindMerges(nodes, found)
  return found
}

/** Topics behind a merge of streams belong to the merge, whichever of them changed its key. */
function takeBehindMerges(nodes: readonly GraphNode[], found: Map<GraphNode, Set<GraphNode>>): void {
  const merges = nodes.filter((node) => node.traits.merges)
  const taken = new Set<GraphNode>()
  const behind = merges.map((node): [GraphNode, Set<GraphNode>] => {
    const topics = new Set<GraphNode>()
    for (const [change, ownTopics] of found) {
      const leadsHere = upwards(node, ({ parents }) => parents.includes(change)) !== null
      const allBehind = [...ownTopics].every((topic) => childOnPath(topic, node) !== null)
      if (!leadsHere || !allBehind) continue
      for (const topic of ownTopics) topics.add(topic)
      taken.add(change)
    }
    return [node, topics]
  })
  for (const [node, topics] of behind) found.set(node, topics)
  for (const change of taken) found.delete(change)
}

function merge(graph: Graph, change: GraphNode, topics: ReadonlySet<GraphNode>): void {
  const plans = [...topics].map((topic) => topic.traits.repartition!)
  if (plans.length === 0) return
  const { sourceName, node } = planRepartition(graph, change.name, {
    name: plans[0]!.topic,
    keySerde: plans.find(({ keySerde }) => keySerde !== null)?.keySerde ?? null,
    valueSerde: plans.find(({ valueSerde }) => valueSerde !== null)?.valueSerde ?? null,
    mergeable: false,
  })
  for (const topic of topics) {
    // Null where another topic on the same way has taken it along.
    const child = childOnPath(topic, change)
    child?.moveBelow(node, change)
    child?.renames.set(change.name, sourceName)
    graph.renamedSources.set(topic.name, sourceName)
    const [above] = topic.parents
    for (const below of [...topic.children]) {
      below.moveBelow(above!, topic)
      below.renames.set(topic.name, above === node ? sourceName : above!.name)
    }
    above!.children.splice(above!.children.indexOf(topic), 1)
  }
  graph.add(change, node)
  node.order = change.order
}

/** The node itself, or the nearest above it, for which `wanted` holds. */
function upwards(node: GraphNode, wanted: (node: GraphNode) => boolean): GraphNode | null {
  if (wanted(node)) return node
  for (const parent of node.parents) {
    const found = upwards(parent, wanted)
    if (found !== null) return found
  }
  return null
}

/** On the way from `top` down to a node: the child of `top`. */
function childOnPath(node: GraphNode, top: GraphNode): GraphNode | null {
  return upwards(node, ({ parents }) => parents.includes(top))
}
