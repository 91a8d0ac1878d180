import type { Serde } from '../../serde/index.js'
import type { ResolvedConfig } from '../config.js'
import { StreamsConfigError } from '../errors.js'
import type { SourceNode, TopologyNode } from '../node.js'
import type { TopologyModel, TopologyStore } from '../topology-model.js'
import type { InputOptions } from './input-partition.js'
import type { TaskStore } from './state-manager.js'

/** Topic names of one application: internal topics carry its id in front. */
export class TopicNames {
  readonly #applicationId: string
  readonly #model: TopologyModel

  constructor(applicationId: string, model: TopologyModel) {
    this.#applicationId = applicationId
    this.#model = model
  }

  resolve(name: string): string {
    return this.#model.repartitionTopics.has(name) ? `${this.#applicationId}-${name}` : name
  }

  /** Where dropped records go; null where nobody reads them. */
  get droppedRecords(): string | null {
    const { droppedRecordsTopic } = this.#model
    return droppedRecordsTopic == null ? null : this.resolve(droppedRecordsTopic)
  }

  changelog(store: string): string {
    return `${this.#applicationId}-${store}-changelog`
  }
}

/** The topics of a source, by their names in the log. `existing` is looked through for patterns. */
export function topicsOf(source: SourceNode, names: TopicNames, existing: readonly string[]): string[] {
  if (!(source.topics instanceof RegExp)) return source.topics.map((topic) => names.resolve(topic))
  return existing.filter((topic) => matches(source, topic))
}

export function matches(source: SourceNode, topic: string): boolean {
  if (!(source.topics instanceof RegExp)) return source.topics.includes(topic)
  source.topics.lastIndex = 0
  const match = source.topics.exec(topic)
  return match !== null && match[0] === topic
}

export function inputOptions(source: SourceNode, config: ResolvedConfig): InputOptions {
  return {
    source: source.name,
    keySerde: required(source, 'key', source.keySerde ?? config.defaultKeySerde),
    valueSerde: required(source, 'value', source.valueSerde ?? config.defaultValueSerde),
    timestampExtractor: source.timestampExtractor ?? config.defaultTimestampExtractor ?? null,
  }
}

function required(source: SourceNode, what: string, serde: Serde<unknown> | undefined): Serde<unknown> {
  if (serde !== undefined) return serde
  throw new StreamsConfigError(
    `source ${source.name} has no ${what} serde, and the application has no default one`,
  )
}

export function sourcesOf(nodes: readonly TopologyNode[]): SourceNode[] {
  return nodes.filter((node): node is SourceNode => node.kind === 'source')
}

/** A store as a task holds it. Global stores are filled from their topic and have no changelog of their own. */
export function taskStore(store: TopologyStore, names: TopicNames): TaskStore {
  const { spec, sourceTopic } = store
  if (store.global) return { spec, changelogTopic: null, fromSource: false }
  if (sourceTopic !== null) return { spec, changelogTopic: names.resolve(sourceTopic), fromSource: true }
  return { spec, changelogTopic: spec.logging ? names.changelog(spec.name) : null, fromSource: false }
}
