import type { DataSource } from '../metastore.js'
import { type SchemaRegistry, subjectOf } from '../schema-registry/index.js'
import { checkRegistrable, registerSource } from './inferred-schema.js'
import type { TopicHost } from './persistent-query.js'

interface WantedTopic {
  readonly partitions: number
  readonly configs: Readonly<Record<string, string>>
}

/**
 * What statements do to topics and schemas. While statements of an earlier run are carried out again, nothing is done:
 * a DROP … DELETE TOPIC must not take the topic that a later statement made anew. Only at the end is made what the
 * streams and tables that are left need, and do not find.
 */
export class TopicEffects {
  readonly #topics: TopicHost
  readonly #registry: SchemaRegistry
  /** Topics that restored statements would have made; null outside of a restore. */
  #wanted: Map<string, WantedTopic> | null = null

  constructor(topics: TopicHost, registry: SchemaRegistry) {
    this.#topics = topics
    this.#registry = registry
  }

  get restoring(): boolean {
    return this.#wanted !== null
  }

  beginRestore(): void {
    this.#wanted = new Map()
  }

  async endRestore(sources: Iterable<DataSource>): Promise<void> {
    const wanted = this.#wanted ?? new Map<string, WantedTopic>()
    this.#wanted = null
    for (const source of sources) {
      const topic = wanted.get(source.topic)
      if (topic !== undefined && (await this.partitionsOf(source.topic)) === null) {
        await this.create(source.topic, topic.partitions, topic.configs)
      }
      await this.register(source, source.createdBy !== null && !source.isSource)
    }
  }

  async partitionsOf(topic: string): Promise<number | null> {
    return (await this.#topics.partitionsOf(topic)) ?? this.#wanted?.get(topic)?.partitions ?? null
  }

  async create(topic: string, partitions: number, configs: WantedTopic['configs']): Promise<void> {
    if (this.#wanted !== null) this.#wanted.set(topic, { partitions, configs })
    else await this.#topics.create(topic, partitions, configs)
  }

  /** The topic, and what the registry holds for it. */
  async delete(topic: string): Promise<void> {
    if (this.#wanted !== null) {
      this.#wanted.delete(topic)
      return
    }
    await this.#topics.delete(topic)
    for (const role of ['key', 'value'] as const) this.#registry.deleteSubject(subjectOf(topic, role))
    await this.#registry.flush()
  }

  /** Whether `register` will succeed. @throws SqlError with what is not compatible */
  checkRegistrable(source: DataSource, replace: boolean): void {
    if (this.#wanted === null) checkRegistrable(source, this.#registry, replace)
  }

  /** @param replace for the sink of a query: a changed schema becomes a new version */
  async register(source: DataSource, replace: boolean): Promise<void> {
    if (this.#wanted === null) await registerSource(source, this.#registry, replace)
  }
}
