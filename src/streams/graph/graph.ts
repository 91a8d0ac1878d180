import type { Serde } from '../../serde/index.js'
import type { StoreSpec } from '../../state/index.js'
import { type DefaultSerdes, defaultSerdes } from '../default-serdes.js'
import { TopologyError } from '../errors.js'
import type { KGroupedStream } from '../kgrouped-stream.js'
import type { KStream } from '../kstream.js'
import type { KTable } from '../ktable.js'
import type { Consumed, StoreType } from '../options.js'
import type { Optimization } from '../streams-builder.js'
import type { Topology } from '../topology.js'
import type { GroupedHandle, StreamHandle, TableHandle } from './handles.js'

/**
 * One call of the DSL, to be written as one or several topology nodes once all calls are known. A node is written when
 * its parents are, in the order of the calls: that gives the same order of children as Kafka Streams.
 */
export class GraphNode {
  readonly name: string
  readonly parents: GraphNode[] = []
  readonly children: GraphNode[] = []
  readonly write: (topology: Topology) => void
  /** What optimisations have to know. */
  readonly traits: NodeTraits
  /** Names of parents that optimisations replaced, by the names that `write` uses. */
  readonly renames = new Map<string, string>()
  order = -1

  constructor(name: string, write: (topology: Topology) => void, traits: NodeTraits = {}) {
    this.name = name
    this.write = write
    this.traits = traits
  }

  moveBelow(parent: GraphNode, before: GraphNode): void {
    before.children.splice(before.children.indexOf(this), 1)
    this.parents[this.parents.indexOf(before)] = parent
    parent.children.push(this)
  }
}

export interface NodeTraits {
  readonly changesKey?: boolean
  readonly changesValue?: boolean
  /** Several streams come together. */
  readonly merges?: boolean
  /** A repartition topic that may be merged with others. */
  readonly repartition?: {
    readonly topic: string
    readonly keySerde: Serde<unknown> | null
    readonly valueSerde: Serde<unknown> | null
  }
}

/** Makes DSL objects from handles, so that graph and DSL need not import each other. */
export interface DslFactory {
  stream<K, V>(handle: StreamHandle): KStream<K, V>
  table<K, V>(handle: TableHandle): KTable<K, V>
  grouped<K, V>(handle: GroupedHandle): KGroupedStream<K, V>
}

/** The calls of one `StreamsBuilder`, and the counter from which names are made. */
export class Graph {
  readonly dsl: DslFactory
  readonly defaultStoreType: StoreType
  readonly root = new GraphNode('root', () => {})
  /** Streams of topics, by the topics. */
  readonly streams = new Map<
    string,
    { stream: StreamHandle; offsetReset: Consumed<never, never>['offsetReset'] }
  >()
  /** Added by the user, for processors. */
  readonly stores = new Map<string, StoreSpec>()
  readonly defaults: DefaultSerdes = defaultSerdes()
  /** The repartition of a stream whose key changed, so that several joins of it share one topic. */
  readonly repartitioned = new Map<GraphNode, { name: string; node: GraphNode; sourceName: string }>()
  /** In the order of the calls. */
  readonly nodes: GraphNode[] = []
  /** Sources of repartition topics that were merged into others. */
  readonly renamedSources = new Map<string, string>()
  /** Read by nodes while they are written. */
  optimizations: ReadonlySet<Optimization> = new Set()
  #names = 0

  constructor(dsl: DslFactory, defaultStoreType: StoreType) {
    this.dsl = dsl
    this.defaultStoreType = defaultStoreType
  }

  newName(prefix: string): string {
    return prefix + String(this.#names++).padStart(10, '0')
  }

  newStoreName(prefix: string): string {
    return this.newName(`${prefix}STATE-STORE-`)
  }

  /** The given name, or a generated one. Takes a number either way, so that naming one node renames no other. */
  named(name: string | null | undefined, prefix: string, suffix = ''): string {
    const generated = this.newName(prefix)
    return name === null || name === undefined ? generated : checkName(name) + suffix
  }

  add(parents: GraphNode | readonly GraphNode[], node: GraphNode): GraphNode {
    for (const parent of parents instanceof GraphNode ? [parents] : new Set(parents)) {
      parent.children.push(node)
      node.parents.push(parent)
    }
    node.order = this.nodes.length
    this.nodes.push(node)
    return node
  }

  addStore(spec: StoreSpec): void {
    if (this.stores.has(spec.name))
      throw new TopologyError(`a store named "${spec.name}" has already been added`)
    this.stores.set(spec.name, spec)
  }
}

const legalName = /^[a-zA-Z0-9._-]{1,249}$/

/** Names become parts of topic names, so they obey Kafka's rule for those. */
export function checkName(name: string): string {
  if (!legalName.test(name) || name === '.' || name === '..') {
    throw new TopologyError(
      `the name ${JSON.stringify(name)} must have 1 to 249 characters out of a-z A-Z 0-9 . _ -`,
    )
  }
  return name
}
