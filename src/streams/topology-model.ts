import type { Serde } from '../serde/index.js'
import type { StoreSpec } from '../state/index.js'
import type { TopologyNode } from './node.js'

/**
 * What `StreamsBuilder.build()` gives and tasks run: nodes in the order they were added, stores, and the topics that
 * Forebay itself creates. `Topology` (topology.ts) implements it.
 */
export interface TopologyModel {
  readonly nodes: ReadonlyMap<string, TopologyNode>
  readonly stores: ReadonlyMap<string, TopologyStore>
  /** Repartition topics by their name without the application prefix. */
  readonly repartitionTopics: ReadonlyMap<string, RepartitionTopic>
  /** The repartition topic that gets what the tasks leave out, if somebody reads it. */
  readonly droppedRecordsTopic?: string | null
  /** Groups of source topics that must have equal partition counts. */
  readonly copartitionGroups: readonly (readonly string[])[]
  /** Sub-topologies in Kafka's numbering; global ones have `global: true` and are run by every instance. */
  readonly subtopologies: readonly Subtopology[]
  /**
   * Tells stores without serdes of their own the application's defaults. To be called before stores are opened;
   * sources and sinks keep null for a default.
   */
  bindDefaultSerdes?(keySerde: Serde<unknown> | undefined, valueSerde: Serde<unknown> | undefined): void
}

export interface TopologyStore {
  readonly spec: StoreSpec
  readonly global: boolean
  /** Nodes connected to it. */
  readonly processors: readonly string[]
  /** Set where the store's changelog is the source topic itself. */
  readonly sourceTopic: string | null
}

export interface RepartitionTopic {
  readonly name: string
  /** null: as many as the largest source of the sub-topology that writes it. */
  readonly partitions: number | null
}

export interface Subtopology {
  readonly id: number
  readonly global: boolean
  readonly nodes: readonly TopologyNode[]
  readonly stores: readonly string[]
}
