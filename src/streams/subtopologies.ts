import type { TopologyNode } from './node.js'
import type { Subtopology, TopologyStore } from './topology-model.js'

/** Union-find over node names. */
class NodeGroups {
  readonly #parents = new Map<string, string>()

  root(name: string): string {
    let root = name
    for (let next = this.#parents.get(root); next !== undefined; next = this.#parents.get(root)) root = next
    return root
  }

  unite(a: string, b: string): void {
    const rootA = this.root(a)
    const rootB = this.root(b)
    if (rootA !== rootB) this.#parents.set(rootB, rootA)
  }
}

/**
 * Sub-topologies: nodes that are connected by edges or by shared stores. Numbered as in Kafka Streams, by the names of
 * their sources; the nodes of each keep the order in which they were added.
 */
export function groupNodes(
  nodes: ReadonlyMap<string, TopologyNode>,
  stores: ReadonlyMap<string, TopologyStore>,
): readonly Subtopology[] {
  const groups = new NodeGroups()
  for (const node of nodes.values()) {
    if (node.kind !== 'source') for (const parent of node.parents) groups.unite(parent, node.name)
  }
  for (const store of stores.values()) {
    for (const processor of store.processors) groups.unite(store.processors[0]!, processor)
  }

  const members = new Map<string, Set<string>>()
  for (const name of numberingOrder(nodes)) {
    const root = groups.root(name)
    const group = members.get(root)
    if (group === undefined) members.set(root, new Set([name]))
    else group.add(name)
  }
  return [...members.values()].map((names, id) => {
    const connected = [...stores.values()].filter((store) => store.processors.some((name) => names.has(name)))
    return {
      id,
      global: connected.some((store) => store.global),
      nodes: [...nodes.values()].filter((node) => names.has(node.name)),
      stores: connected.map((store) => store.spec.name),
    }
  })
}

/** Sources by name, then all others by name. */
export function numberingOrder(nodes: ReadonlyMap<string, TopologyNode>): readonly string[] {
  const sources: string[] = []
  const others: string[] = []
  for (const node of nodes.values()) (node.kind === 'source' ? sources : others).push(node.name)
  return [...sources.sort(), ...others.sort()]
}
