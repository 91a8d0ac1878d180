import { HashOrder } from './hash-order.js'
import type { TopologyNode } from './node.js'
import { numberingOrder } from './subtopologies.js'
import type { Subtopology, TopologyModel } from './topology-model.js'

/*
 * Kafka Streams' `Topology.describe()`, to the character, so that its tools and people's eyes can compare. Its order of
 * nodes is that of sorted sets whose sort key (the size of the graph below a node) still grows while they are filled,
 * in the order of a hash table. Both have to be followed to get the same text.
 */

/** A node with its neighbours, as far as they have been connected. */
class DescribedNode {
  readonly node: TopologyNode
  /** Nodes below, itself included; a node on several paths counts several times. */
  size = 1
  readonly predecessors = new NodeTree()
  readonly successors = new NodeTree()

  constructor(node: TopologyNode) {
    this.node = node
  }

  get name(): string {
    return this.node.name
  }

  grow(by: number): void {
    this.size += by
    for (const predecessor of this.predecessors.inOrder()) predecessor.grow(by)
  }
}

/** Larger graphs first, then by name. */
function compare(a: DescribedNode, b: DescribedNode): number {
  if (a.size !== b.size) return b.size - a.size
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}

interface Branch {
  readonly item: DescribedNode
  left: Branch | null
  right: Branch | null
}

/** A search tree that compares on insertion only: later growth of its items does not move them. */
class NodeTree {
  #root: Branch | null = null

  add(item: DescribedNode): void {
    const leaf: Branch = { item, left: null, right: null }
    let at = this.#root
    if (at === null) this.#root = leaf
    while (at !== null) {
      const order = compare(item, at.item)
      if (order === 0) return
      const side = order < 0 ? 'left' : 'right'
      const next: Branch | null = at[side]
      if (next === null) at[side] = leaf
      at = next
    }
  }

  inOrder(): DescribedNode[] {
    const items: DescribedNode[] = []
    const visit = (branch: Branch | null): void => {
      if (branch === null) return
      visit(branch.left)
      items.push(branch.item)
      visit(branch.right)
    }
    visit(this.#root)
    return items
  }

  toString(): string {
    const names = this.inOrder().map((item) => item.name)
    return names.length === 0 ? 'none' : names.join(', ')
  }
}

export function describeTopology(topology: TopologyModel): string {
  let text = 'Topologies:\n '
  for (const subtopology of topology.subtopologies) {
    text += `  ${subtopology.global ? describeGlobal(subtopology) : describeSubtopology(subtopology)}`
  }
  return text
}

function describeGlobal(subtopology: Subtopology): string {
  const lines = connect(subtopology).map((described) => `    ${describeNode(described)}\n`)
  return `Sub-topology: ${subtopology.id} for global store (will not generate tasks)\n${lines.join('')}`
}

function describeSubtopology(subtopology: Subtopology): string {
  const described = connect(subtopology).sort(compare)
  return `Sub-topology: ${subtopology.id}\n${described.map((d) => `    ${describeNode(d)}\n`).join('')}\n`
}

function connect(subtopology: Subtopology): DescribedNode[] {
  const byName = new Map(subtopology.nodes.map((node) => [node.name, new DescribedNode(node)]))
  const names = new HashOrder(numberingOrder(new Map(subtopology.nodes.map((node) => [node.name, node]))))
  for (const name of new HashOrder(names.values()).values()) {
    const described = byName.get(name)!
    if (described.node.kind === 'source') continue
    for (const parent of described.node.parents) {
      const predecessor = byName.get(parent)!
      described.predecessors.add(predecessor)
      predecessor.successors.add(described)
      predecessor.grow(described.size)
    }
  }
  return [...byName.values()]
}

function describeNode(described: DescribedNode): string {
  const { node, predecessors, successors } = described
  switch (node.kind) {
    case 'source': {
      const topics =
        node.topics instanceof RegExp
          ? node.topics.source
          : `[${new HashOrder(node.topics).values().join(', ')}]`
      return `Source: ${node.name} (topics: ${topics})\n      --> ${successors}`
    }
    case 'processor': {
      const stores = new HashOrder(node.stores).values().join(', ')
      return `Processor: ${node.name} (stores: [${stores}])\n      --> ${successors}\n      <-- ${predecessors}`
    }
    case 'sink': {
      const topic = typeof node.topic === 'string' ? `topic: ${node.topic}` : 'extractor class: EXTRACTOR'
      return `Sink: ${node.name} (${topic})\n      <-- ${predecessors}`
    }
  }
}
