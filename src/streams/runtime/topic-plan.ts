import type { Admin, NewTopic } from '../../log/index.js'
import type { StoreSpec } from '../../state/index.js'
import type { ResolvedConfig } from '../config.js'
import { CopartitionError, TopologyError } from '../errors.js'
import type { Subtopology, TopologyModel } from '../topology-model.js'
import { sourcesOf, type TopicNames, topicsOf } from './topics.js'

/** One source topic of a sub-topology. */
export interface PlannedSource {
  readonly topic: string
  readonly partitions: number
  readonly source: string
}

export interface PlannedSubtopology {
  readonly subtopology: Subtopology
  readonly sources: readonly PlannedSource[]
  /** One task for each partition of the largest source. */
  readonly tasks: number
}

/** Which topics a topology reads and writes, with their partition counts, and which of them have to be created. */
export interface TopicPlan {
  readonly subtopologies: readonly PlannedSubtopology[]
  readonly global: readonly PlannedSource[]
  readonly create: readonly NewTopic[]
  /** Internal repartition topics, by their names in the log. */
  readonly repartitionTopics: readonly string[]
  readonly partitionCounts: ReadonlyMap<string, number>
}

/**
 * Plans the topics of an application. Throws TopologyError where a source topic does not exist, and CopartitionError
 * where topics that are joined have different partition counts.
 */
export async function planTopics(
  admin: Admin,
  model: TopologyModel,
  names: TopicNames,
  config: ResolvedConfig,
): Promise<TopicPlan> {
  const existing = new Map<string, number>()
  for (const { topic, partitions } of await admin.describeTopics(await admin.listTopics())) {
    existing.set(topic, partitions.length)
  }
  const planner = new Planner(model, names, config, existing)
  return planner.plan()
}

class Planner {
  readonly #model: TopologyModel
  readonly #names: TopicNames
  readonly #config: ResolvedConfig
  /** By name in the log; grows as internal topics are decided. */
  readonly #counts: Map<string, number>
  readonly #existing: ReadonlyMap<string, number>
  readonly #create: NewTopic[] = []

  constructor(
    model: TopologyModel,
    names: TopicNames,
    config: ResolvedConfig,
    existing: ReadonlyMap<string, number>,
  ) {
    this.#model = model
    this.#names = names
    this.#config = config
    this.#existing = existing
    this.#counts = new Map(existing)
  }

  plan(): TopicPlan {
    this.#checkSources()
    this.#decideRepartitionTopics()
    this.#checkCopartitioning()
    const repartitionTopics = [...this.#model.repartitionTopics.keys()].map((name) =>
      this.#names.resolve(name),
    )
    for (const topic of repartitionTopics) {
      this.#plan(topic, { 'cleanup.policy': 'delete', 'retention.ms': '-1', ...this.#config.topicConfigs })
    }
    const subtopologies = this.#model.subtopologies
      .filter((subtopology) => !subtopology.global)
      .map((subtopology) => this.#planSubtopology(subtopology))
    for (const planned of subtopologies) {
      this.#planChangelogs(planned)
      this.#planSinks(planned)
    }
    if (this.#config.deadLetterTopic !== undefined) this.#planPlain(this.#config.deadLetterTopic, 1)
    for (const node of this.#model.nodes.values()) {
      if (node.kind !== 'processor' || node.deadLetterTopic === undefined) continue
      this.#planPlain(node.deadLetterTopic, 1)
    }
    const globals = this.#model.subtopologies.filter((subtopology) => subtopology.global)
    return {
      subtopologies,
      global: globals.flatMap((subtopology) => this.#planSubtopology(subtopology).sources),
      create: this.#create,
      repartitionTopics,
      partitionCounts: this.#counts,
    }
  }

  #topicsOf(subtopology: Subtopology): { topic: string; source: string }[] {
    const all = [...this.#existing.keys()]
    return sourcesOf(subtopology.nodes).flatMap((source) =>
      topicsOf(source, this.#names, all).map((topic) => ({ topic, source: source.name })),
    )
  }

  #checkSources(): void {
    const internal = new Set(
      [...this.#model.repartitionTopics.keys()].map((name) => this.#names.resolve(name)),
    )
    for (const subtopology of this.#model.subtopologies) {
      for (const { topic, source } of this.#topicsOf(subtopology)) {
        if (internal.has(topic) || this.#existing.has(topic)) continue
        throw new TopologyError(
          `source topic ${topic} does not exist; create it before the application starts`,
          {
            place: { node: source },
          },
        )
      }
    }
  }

  /** A repartition topic has as many partitions as it was told to, or as the largest source of those who write it. */
  #decideRepartitionTopics(): void {
    const open = new Set<string>()
    for (const [name, { partitions }] of this.#model.repartitionTopics) {
      if (partitions === null) open.add(name)
      else this.#counts.set(this.#names.resolve(name), partitions)
    }
    this.#adoptCopartitionCounts(open)
    while (open.size > 0) {
      const before = open.size
      for (const name of open) {
        const count = this.#largestWriterSource(name)
        if (count === null) continue
        this.#counts.set(this.#names.resolve(name), count)
        open.delete(name)
      }
      // Both topics of a foreign-key join wait for each other, but are joined with topics that may be known by now.
      if (open.size === before) this.#adoptCopartitionCounts(open)
      if (open.size === before) {
        throw new TopologyError(
          `the partition counts of ${[...open].join(', ')} depend on each other; give one of them a count`,
        )
      }
    }
    for (const group of this.#model.copartitionGroups) this.#levelGroup(group)
  }

  /** Repartition topics that are joined with other topics have as many partitions as those. */
  #adoptCopartitionCounts(open: Set<string>): void {
    for (const group of this.#model.copartitionGroups) {
      const fixed = group.find((name) => !open.has(name))
      if (fixed === undefined) continue
      const count = this.#counts.get(this.#names.resolve(fixed))!
      for (const name of group) {
        if (!open.delete(name)) continue
        this.#counts.set(this.#names.resolve(name), count)
      }
    }
  }

  /** Groups of repartition topics alone: the largest count is that of all. */
  #levelGroup(group: readonly string[]): void {
    const free = group.filter((name) => this.#model.repartitionTopics.get(name)?.partitions === null)
    if (free.length !== group.length) return
    const largest = Math.max(...free.map((name) => this.#counts.get(this.#names.resolve(name))!))
    for (const name of free) this.#counts.set(this.#names.resolve(name), largest)
  }

  #largestWriterSource(name: string): number | null {
    let largest = 0
    for (const subtopology of this.#model.subtopologies) {
      if (!subtopology.nodes.some((node) => node.kind === 'sink' && node.topic === name)) continue
      for (const { topic } of this.#topicsOf(subtopology)) {
        const count = this.#counts.get(topic)
        if (count === undefined) return null
        largest = Math.max(largest, count)
      }
    }
    return largest === 0 ? null : largest
  }

  #checkCopartitioning(): void {
    for (const group of this.#model.copartitionGroups) {
      const counts = group.map((name) => this.#counts.get(this.#names.resolve(name)))
      if (new Set(counts).size <= 1) continue
      const list = group.map((name, i) => `${this.#names.resolve(name)} has ${counts[i]}`).join(', ')
      throw new CopartitionError(
        `topics that are joined need the same number of partitions, but ${list}; repartition one of them first`,
      )
    }
  }

  #planSubtopology(subtopology: Subtopology): PlannedSubtopology {
    const sources = this.#topicsOf(subtopology).map(({ topic, source }) => ({
      topic,
      source,
      partitions: this.#counts.get(topic)!,
    }))
    return { subtopology, sources, tasks: Math.max(0, ...sources.map((source) => source.partitions)) }
  }

  #planChangelogs({ subtopology, tasks }: PlannedSubtopology): void {
    for (const name of subtopology.stores) {
      const store = this.#model.stores.get(name)!
      if (store.global || store.sourceTopic !== null || !store.spec.logging) continue
      const topic = this.#names.changelog(name)
      this.#counts.set(topic, tasks)
      this.#plan(topic, {
        ...changelogConfigs(store.spec),
        ...this.#config.topicConfigs,
        ...store.spec.logConfig,
      })
    }
  }

  /** Result topics that do not exist yet are made like the sources they come from. */
  #planSinks({ subtopology, tasks }: PlannedSubtopology): void {
    for (const node of subtopology.nodes) {
      if (node.kind !== 'sink' || typeof node.topic !== 'string') continue
      if (!this.#model.repartitionTopics.has(node.topic)) this.#planPlain(node.topic, tasks)
    }
  }

  #planPlain(topic: string, partitions: number): void {
    if (this.#counts.has(topic)) return
    this.#counts.set(topic, Math.max(1, partitions))
    this.#create.push({ topic, partitions: Math.max(1, partitions) })
  }

  #plan(topic: string, configs: Readonly<Record<string, string>>): void {
    const partitions = this.#counts.get(topic)!
    const existing = this.#existing.get(topic)
    if (existing === undefined) {
      this.#create.push({ topic, partitions, configs })
    } else if (existing !== partitions) {
      throw new TopologyError(
        `internal topic ${topic} has ${existing} partitions but the topology needs ${partitions}; ` +
          'reset the application, or give it another applicationId',
      )
    }
  }
}

const dayMs = 24 * 60 * 60 * 1000

/**
 * Windows leave the changelog by stream time, as they leave the store: the task deletes what has expired. Kafka Streams
 * lets the wall clock do it, which empties the changelog of a replay of old events.
 */
function changelogConfigs(spec: StoreSpec): Record<string, string> {
  switch (spec.kind) {
    case 'key-value':
      return { 'cleanup.policy': 'compact' }
    case 'versioned':
      return {
        'cleanup.policy': 'compact',
        'min.compaction.lag.ms': String(spec.historyRetentionMs + dayMs),
      }
    case 'window':
    case 'session':
      return { 'cleanup.policy': 'compact,delete', 'retention.ms': '-1' }
  }
}
