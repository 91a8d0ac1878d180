import { type Serde, Serdes } from '../serde/index.js'
import type { StoreSpec } from '../state/index.js'
import { bindDefaultSerdes, type DefaultSerdes, defaultSerdes } from './default-serdes.js'
import { describeTopology } from './describe.js'
import { droppedRecordSerde, droppedRecordsTopic } from './dropped-records.js'
import { TopologyError } from './errors.js'
import type { ProcessorNode, SinkNode, SourceNode, TopologyNode } from './node.js'
import { type Consumed, consumedSource } from './options.js'
import { connectedStores, type ProcessorSupplier } from './processor-api.js'
import { processorNode } from './processors/process.js'
import { groupNodes } from './subtopologies.js'
import type { RepartitionTopic, Subtopology, TopologyModel, TopologyStore } from './topology-model.js'

interface AddedNode {
  readonly name: string
  readonly parents: readonly string[]
  /** By name, or stores to be added. */
  readonly stores?: readonly (string | StoreSpec)[]
}

/** A processor for `Topology.addProcessor`. Its `forward` may name children, which may be sinks. */
export interface AddedProcessor<K, V, KO, VO> extends AddedNode {
  readonly supplier: ProcessorSupplier<K, V, KO, VO>
}

/** An operator over batches for `Topology.addProcessor`. */
export type AddedOperator = AddedNode & Omit<ProcessorNode, 'kind' | 'name' | 'parents' | 'stores'>

/** What fills a store of `addGlobalStore` and `addReadOnlyStateStore`. */
export interface StoreInput<K, V> extends Omit<Consumed<K, V>, 'name'> {
  readonly topic: string
  readonly sourceName: string
  readonly processorName: string
  readonly supplier: ProcessorSupplier<K, V, never, never>
}

interface Renames {
  readonly parents: ReadonlyMap<string, string>
  readonly sources: ReadonlyMap<string, string>
}

const noRenames: Renames = { parents: new Map(), sources: new Map() }

interface StoreEntry {
  readonly spec: StoreSpec
  readonly global: boolean
  readonly sourceTopic: string | null
  readonly processors: string[]
}

/**
 * Nodes, stores and internal topics under their names: what `StreamsBuilder.build` makes, and what can be made by hand
 * from sources, processors and sinks. Parents are added before their children.
 */
export class Topology implements TopologyModel {
  readonly #nodes = new Map<string, TopologyNode>()
  readonly #stores = new Map<string, StoreEntry>()
  readonly #repartitionTopics = new Map<string, RepartitionTopic>()
  readonly #copartitioned: (readonly string[])[] = []
  readonly #defaults: DefaultSerdes
  #subtopologies: readonly Subtopology[] | null = null
  #droppedRecordsTopic: string | null = null
  #renames: Renames = noRenames

  constructor(defaults: DefaultSerdes = defaultSerdes()) {
    this.#defaults = defaults
  }

  get nodes(): ReadonlyMap<string, TopologyNode> {
    return this.#nodes
  }

  get stores(): ReadonlyMap<string, TopologyStore> {
    return this.#stores
  }

  get repartitionTopics(): ReadonlyMap<string, RepartitionTopic> {
    return this.#repartitionTopics
  }

  get droppedRecordsTopic(): string | null {
    return this.#droppedRecordsTopic
  }

  get subtopologies(): readonly Subtopology[] {
    this.#subtopologies ??= groupNodes(this.#nodes, this.#stores)
    return this.#subtopologies
  }

  get copartitionGroups(): readonly (readonly string[])[] {
    const groups: Set<string>[] = []
    for (const sources of this.#copartitioned) {
      const group = new Set(sources.flatMap((name) => this.#topicsOf(name)))
      const touching = groups.filter((other) => [...other].some((topic) => group.has(topic)))
      for (const other of touching) {
        for (const topic of other) group.add(topic)
        groups.splice(groups.indexOf(other), 1)
      }
      groups.push(group)
    }
    return groups.filter((group) => group.size > 1).map((group) => [...group])
  }

  addSource(source: Partial<SourceNode> & Pick<SourceNode, 'name' | 'topics'>): this {
    if (!(source.topics instanceof RegExp)) this.#checkTopics(source.name, source.topics)
    return this.#add({
      kind: 'source',
      name: source.name,
      topics: source.topics,
      keySerde: source.keySerde ?? null,
      valueSerde: source.valueSerde ?? null,
      timestampExtractor: source.timestampExtractor ?? null,
      offsetReset: source.offsetReset ?? null,
    })
  }

  /** A processor of the processor API (`supplier`), or an operator over batches. */
  addProcessor<K, V, KO, VO>(processor: AddedProcessor<K, V, KO, VO> | AddedOperator): this {
    const { name } = processor
    const parents = this.#parentsOf(processor)
    if ('operator' in processor) {
      this.#add({ kind: 'processor', ...processor, parents, stores: [] })
      return this.connectProcessorAndStateStores(name, processor.stores ?? [])
    }
    const { supplier } = processor
    this.#add({ ...processorNode(supplier), name, parents })
    return this.connectProcessorAndStateStores(name, connectedStores(supplier, processor))
  }

  addSink(sink: Partial<SinkNode> & Pick<SinkNode, 'name' | 'parents' | 'topic'>): this {
    const parents = this.#parentsOf(sink)
    return this.#add({
      kind: 'sink',
      name: sink.name,
      parents,
      topic: sink.topic,
      keySerde: sink.keySerde ?? null,
      valueSerde: sink.valueSerde ?? null,
      partitioner: sink.partitioner ?? null,
    })
  }

  /** `sourceTopic`: the topic that serves as the store's changelog, instead of one of its own. */
  addStateStore(
    spec: StoreSpec,
    processors: readonly string[] = [],
    options: { global?: boolean; sourceTopic?: string | null } = {},
  ): this {
    const known = this.#stores.get(spec.name)
    if (known !== undefined && known.spec !== spec) {
      throw new TopologyError(`there are two stores named "${spec.name}"`)
    }
    const { global = false, sourceTopic = null } = options
    if (known === undefined) this.#stores.set(spec.name, { spec, global, sourceTopic, processors: [] })
    for (const processor of processors) this.connectProcessorAndStateStores(processor, [spec.name])
    return this
  }

  /**
   * A store that every instance fills from all partitions of a topic, through a processor that may do nothing but
   * write to it. It has no changelog: the topic is read from its beginning at every start.
   */
  addGlobalStore<K, V>(spec: StoreSpec, input: StoreInput<K, V>): this {
    return this.#addStoreInput({ ...spec, logging: false }, input, true)
  }

  /**
   * A store that a topic fills, partition by partition; the topic is also its changelog, so that the store is restored
   * from it without calling the processor (KIP-813). Other processors may be connected to it, and must only read.
   */
  addReadOnlyStateStore<K, V>(spec: StoreSpec, input: StoreInput<K, V>): this {
    return this.#addStoreInput(spec, input, false)
  }

  #addStoreInput<K, V>(spec: StoreSpec, input: StoreInput<K, V>, global: boolean): this {
    const { topic, sourceName, processorName, supplier } = input
    this.addSource(consumedSource(sourceName, [topic], input))
    this.addProcessor({ name: processorName, parents: [sourceName], supplier })
    return this.addStateStore(spec, [processorName], { global, sourceTopic: topic })
  }

  /**
   * Connects stores to a processor; those given as specs are added where they are not there yet. Global stores need no
   * connection: every node may read them.
   */
  connectProcessorAndStateStores(processor: string, stores: readonly (string | StoreSpec)[]): this {
    const node = this.#nodes.get(processor)
    if (node?.kind !== 'processor') throw new TopologyError(`there is no processor named "${processor}"`)
    const connected = new Set(node.stores)
    for (const given of stores) {
      if (typeof given !== 'string') this.addStateStore(given)
      const name = typeof given === 'string' ? given : given.name
      const store = this.#stores.get(name)
      if (store === undefined)
        throw new TopologyError(`processor "${processor}" needs a store "${name}", which was never added`)
      if (connected.has(name)) continue
      connected.add(name)
      store.processors.push(processor)
    }
    this.#nodes.set(processor, { ...node, stores: [...connected] })
    this.#subtopologies = null
    return this
  }

  addRepartitionTopic(topic: RepartitionTopic): this {
    this.#repartitionTopics.set(topic.name, topic)
    return this
  }

  /** A source of what the tasks leave out, keyed by the node that did. */
  addDroppedRecordsSource(name: string): this {
    this.#droppedRecordsTopic = droppedRecordsTopic
    return this.addRepartitionTopic({ name: droppedRecordsTopic, partitions: 1 }).addSource({
      name,
      topics: [droppedRecordsTopic],
      keySerde: Serdes.string() as Serde<unknown>,
      valueSerde: droppedRecordSerde as Serde<unknown>,
      offsetReset: 'earliest',
    })
  }

  /** The topics of these sources must have equal partition counts. */
  copartition(sources: Iterable<string>): this {
    this.#copartitioned.push([...sources].map((name) => this.#renames.sources.get(name) ?? name))
    return this
  }

  /**
   * Calls `write` with other names of parents, and of sources in `copartition`.
   * @internal
   */
  renaming(
    parents: ReadonlyMap<string, string>,
    sources: ReadonlyMap<string, string>,
    write: () => void,
  ): void {
    this.#renames = { parents, sources }
    write()
    this.#renames = noRenames
  }

  /** Serdes of stores whose keys or values have none of their own: the application's defaults. */
  bindDefaultSerdes(keySerde: Serde<unknown> | undefined, valueSerde: Serde<unknown> | undefined): void {
    bindDefaultSerdes(this.#defaults, keySerde, valueSerde)
  }

  /** Kafka Streams' text form, to the character. */
  describe(): string {
    return describeTopology(this)
  }

  #add(node: TopologyNode): this {
    if (this.#nodes.has(node.name)) throw new TopologyError(`there are two nodes named "${node.name}"`)
    this.#nodes.set(node.name, node)
    this.#subtopologies = null
    return this
  }

  /** Throws TopologyError where one was never added. */
  #parentsOf({ name, parents: given }: Pick<AddedNode, 'name' | 'parents'>): readonly string[] {
    const parents = given.map((parent) => this.#renames.parents.get(parent) ?? parent)
    for (const parent of parents) {
      const node = this.#nodes.get(parent)
      if (node === undefined)
        throw new TopologyError(`node "${name}" names the parent "${parent}", which was never added`)
      if (node.kind === 'sink')
        throw new TopologyError(`node "${name}" names the sink "${parent}" as its parent`)
    }
    return parents
  }

  #checkTopics(name: string, topics: readonly string[]): void {
    if (topics.length === 0) throw new TopologyError(`source "${name}" reads no topic`)
    for (const node of this.#nodes.values()) {
      if (node.kind !== 'source' || node.topics instanceof RegExp) continue
      const twice = node.topics.find((topic) => topics.includes(topic))
      if (twice !== undefined) {
        throw new TopologyError(
          `topic "${twice}" is read by source "${node.name}" and by "${name}"; read it once and share the stream`,
        )
      }
    }
  }

  #topicsOf(source: string): readonly string[] {
    const node = this.#nodes.get(source)
    return node?.kind === 'source' && !(node.topics instanceof RegExp) ? node.topics : []
  }
}
