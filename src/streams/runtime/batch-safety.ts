import type { TopologyNode } from '../node.js'

/*
 * Kafka Streams takes one record through the whole graph before the next one. A batch may do the same in one go only
 * where no order between its records can be seen:
 *
 *     source ─▶ a ─▶ b ─▶ sink          whole batches: every node sees the records in order
 *
 *     source ─▶ a ──┬▶ b ─▶ c           record by record: c would get all of b's records before any of a's,
 *                   └──────▶ c          where Kafka interleaves them
 *
 * The same holds for two nodes that share a store, and for two sinks that write one topic.
 */

/** Names of the sources whose batches have to be taken apart into single records. */
export function recordAtATimeSources(nodes: readonly TopologyNode[]): ReadonlySet<string> {
  const unsafe = new Set<string>()
  for (const node of nodes) {
    if (node.kind === 'source' && !canTakeWholeBatches(node.name, nodes)) unsafe.add(node.name)
  }
  return unsafe
}

function canTakeWholeBatches(source: string, nodes: readonly TopologyNode[]): boolean {
  const reached = new Set<string>([source])
  const stores = new Set<string>()
  const topics = new Set<string>()
  let dynamicSinks = 0
  for (const node of nodes) {
    if (node.kind === 'source') continue
    const paths = node.parents.filter((parent) => reached.has(parent)).length
    if (paths === 0) continue
    if (paths > 1) return false
    reached.add(node.name)
    if (node.kind === 'processor') {
      if (node.recordAtATime === true) return false
      for (const store of node.stores) {
        if (stores.has(store)) return false
        stores.add(store)
      }
    } else if (typeof node.topic === 'string') {
      if (topics.has(node.topic)) return false
      topics.add(node.topic)
    } else {
      dynamicSinks++
    }
  }
  return dynamicSinks === 0 || dynamicSinks + topics.size === 1
}
