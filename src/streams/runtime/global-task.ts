import type { DecodedBatch, TopicPartition } from '../../log/index.js'
import type { StateDatabase, StateStore } from '../../state/index.js'
import type { ResolvedConfig } from '../config.js'
import type { DeadLetterRecord } from '../exception-handlers.js'
import type { TopologyModel } from '../topology-model.js'
import { InputPartition } from './input-partition.js'
import { TaskMetrics } from './metrics.js'
import { PartitionGroup } from './partition-group.js'
import type { RecordCollector } from './record-collector.js'
import { StateManager } from './state-manager.js'
import { StreamTask } from './stream-task.js'
import { inputOptions, sourcesOf, type TopicNames, taskStore } from './topics.js'

/**
 * The global stores of an instance. Each is filled from all partitions of its topic, by the nodes that the topology
 * names for it, and only ever read by tasks. They are built anew from the topic at every start.
 */
export class GlobalTask {
  readonly metrics = new TaskMetrics()
  readonly topics: ReadonlySet<string>
  readonly #task: StreamTask
  readonly #group: PartitionGroup
  readonly #model: TopologyModel
  readonly #names: TopicNames
  readonly #config: ResolvedConfig

  constructor(options: {
    model: TopologyModel
    names: TopicNames
    config: ResolvedConfig
    openDatabase: () => StateDatabase
    /** Takes the letters of records that were left out: again at every start, since the topics are read again. */
    sendDeadLetter: (letter: DeadLetterRecord) => void
  }) {
    const { model, names, config } = options
    this.#model = model
    this.#names = names
    this.#config = config
    const nodes = model.subtopologies.filter((s) => s.global).flatMap((s) => s.nodes)
    const stores = [...model.stores.values()].filter((store) => store.global)
    this.topics = new Set(
      sourcesOf(nodes).flatMap((source) => (source.topics instanceof RegExp ? [] : [...source.topics])),
    )
    // Global nodes have no sinks, and their stores no changelog.
    const letters: RecordCollector = {
      send() {},
      sendRaw: (topic, partition, key, value, timestamp, headers = []) =>
        options.sendDeadLetter({ topic, partition, key, value, timestamp, headers }),
    }
    this.#task = new StreamTask({
      taskId: 'global',
      partition: -1,
      nodes,
      config: { ...config, maxTaskIdleMs: -1, bufferedRecordsPerPartition: Number.MAX_SAFE_INTEGER },
      collector: letters,
      globalStore: (name) => this.store(name),
      metrics: this.metrics,
      droppedTopic: names.droppedRecords,
      openState: (metrics) =>
        new StateManager({
          stores: stores.map((store) => taskStore(store, names)),
          database: options.openDatabase(),
          collector: letters,
          partition: -1,
          cacheEntriesMax: config.cacheMaxEntries,
          metrics,
          timestampMs: () => 0,
        }),
    })
    this.#group = new PartitionGroup([], {
      maxTaskIdleMs: -1,
      bufferedRecordsPerPartition: Number.MAX_SAFE_INTEGER,
    })
    this.#task.start(this.#group)
  }

  static needed(model: TopologyModel): boolean {
    return model.subtopologies.some((subtopology) => subtopology.global)
  }

  store(name: string): StateStore | undefined {
    return this.#task.state.store(name)
  }

  include(at: TopicPartition): void {
    const nodes = this.#model.subtopologies.filter((s) => s.global).flatMap((s) => s.nodes)
    const source = sourcesOf(nodes).find(
      (s) =>
        !(s.topics instanceof RegExp) && s.topics.some((topic) => this.#names.resolve(topic) === at.topic),
    )!
    this.#group.include(new InputPartition(at, inputOptions(source, this.#config), this.#task))
  }

  /** Applies a batch at once. */
  apply(at: TopicPartition, raw: DecodedBatch): void {
    this.#group.add(at.topic, at.partition, raw)
    this.#task.process({ recordsMax: Number.MAX_SAFE_INTEGER, until: Number.POSITIVE_INFINITY })
  }

  commit(): void {
    if (!this.#task.dirty) return
    this.#task.flush()
    this.#task.committed(new Map())
  }

  close(): void {
    this.#task.close()
  }
}
