import { ManualClock } from '../common/index.js'
import type { Serde } from '../serde/index.js'
import type {
  KeyValueStore,
  SessionStore,
  StateStore,
  TimestampedKeyValueStore,
  ValueAndTimestamp,
  WindowStore,
} from '../state/index.js'
import { openStateDatabase, type VersionedKeyValueStore } from '../state/index.js'
import {
  type DeadLetterRecord,
  InvalidStateError,
  resolveConfig,
  runtime,
  type StreamsConfig,
  StreamsError,
  type TopologyModel,
} from '../streams/index.js'
import { type CapturedRecord, decodedBatch } from './captured-record.js'
import { CapturingCollector } from './capturing-collector.js'
import { TestInputTopic, type TestInputTopicOptions } from './test-input-topic.js'
import { TestOutputTopic } from './test-output-topic.js'

export interface TopologyTestDriverOptions extends Partial<Omit<StreamsConfig, 'clock' | 'stateDir'>> {
  /** Where the wall clock stands at the start, ms. Default 0. It moves with `advanceWallClockTime` only. */
  readonly initialWallClockTimeMs?: number
}

export interface TopologyTestMetrics {
  readonly recordsIn: number
  readonly recordsOut: number
  /** Kafka's `dropped-records-total`, over all nodes. */
  readonly droppedRecords: number
  readonly droppedByReason: Readonly<Record<string, number>>
  /** Without global nodes. */
  readonly droppedByNode: Readonly<Record<string, Readonly<Record<string, number>>>>
}

/**
 * Runs a topology record by record, without a log, threads or a wall clock: Kafka's TopologyTestDriver.
 *
 * The whole topology is one task with one partition of each topic. What goes to an internal topic, or to any source
 * topic, comes back in before the call returns, the smallest timestamp first. Commits after each record; every update
 * goes downstream unless `emitEveryUpdate` is false. State is kept in memory.
 *
 * Asynchronous operators have not answered when `pipeInput` returns: `await driver.drain()` before reading results.
 */
export class TopologyTestDriver {
  readonly #clock: ManualClock
  readonly #model: TopologyModel
  readonly #names: runtime.TopicNames
  readonly #config: ReturnType<typeof resolveConfig>
  readonly #collector: CapturingCollector
  readonly #metrics = new runtime.TaskMetrics()
  readonly #global: runtime.GlobalTask | null
  readonly #task: runtime.StreamTask
  readonly #group: runtime.PartitionGroup
  readonly #sources: ReturnType<typeof runtime.sourcesOf>
  readonly #offsets = new Map<string, number>()
  readonly #outputs = new Map<string, CapturedRecord[]>()
  readonly #produced = new Set<string>()
  #closed = false
  #onActivity = () => {}

  constructor(topology: TopologyModel, options: TopologyTestDriverOptions = {}) {
    const { initialWallClockTimeMs = 0, ...config } = options
    this.#clock = new ManualClock(initialWallClockTimeMs)
    this.#model = topology
    this.#config = resolveConfig({
      applicationId: 'test',
      emitEveryUpdate: true,
      ...config,
      clock: this.#clock,
      maxTaskIdleMs: -1,
    })
    topology.bindDefaultSerdes?.(this.#config.defaultKeySerde, this.#config.defaultValueSerde)
    this.#names = new runtime.TopicNames(this.#config.applicationId, topology)
    this.#collector = new CapturingCollector({
      defaultKeySerde: this.#config.defaultKeySerde,
      defaultValueSerde: this.#config.defaultValueSerde,
      resolveTopic: (name) => this.#names.resolve(name),
    })
    this.#global = this.#createGlobalTask()
    const global = topology.subtopologies.filter((s) => s.global).flatMap((s) => s.nodes)
    const globalNames = new Set(global.map((node) => node.name))
    const nodes = [...topology.nodes.values()].filter((node) => !globalNames.has(node.name))
    this.#sources = runtime.sourcesOf(nodes)
    this.#task = this.#createTask(nodes)
    this.#group = new runtime.PartitionGroup([], this.#config)
    for (const source of this.#sources) {
      if (!(source.topics instanceof RegExp))
        for (const topic of source.topics) this.#partitionOf(this.#names.resolve(topic))
    }
    this.#task.start(this.#group)
  }

  createInputTopic<K, V>(
    topic: string,
    keySerde: Serde<K>,
    valueSerde: Serde<V>,
    options: TestInputTopicOptions = {},
  ): TestInputTopic<K, V> {
    return new TestInputTopic(topic, keySerde, valueSerde, (record) => this.#pipe(record), {
      startTimestampMs: options.startTimestampMs ?? this.#clock.now(),
      autoAdvanceMs: options.autoAdvanceMs ?? 0,
    })
  }

  createOutputTopic<K, V>(topic: string, keySerde: Serde<K>, valueSerde: Serde<V>): TestOutputTopic<K, V> {
    return new TestOutputTopic(topic, keySerde, valueSerde, this.#output(topic))
  }

  /** Moves the wall clock, fires what is due, and commits. */
  advanceWallClockTime(ms: number): void {
    this.#assertOpen()
    this.#clock.advance(ms)
    this.#task.punctuateWallClock()
    this.#commit()
    this.#processAll()
  }

  /**
   * Waits for asynchronous operators, and takes their results through the topology. Resolves true once nothing is in
   * flight; false when what is left goes on only after `advanceWallClockTime`, as a pause between two attempts does.
   * A call that waits for its timeout is waited for: advance the clock first. Throws what the topology throws.
   */
  async drain(): Promise<boolean> {
    this.#assertOpen()
    for (;;) {
      this.#processAll()
      const { graph } = this.#task
      if (!graph.inFlight) return true
      if (graph.waitsForClock) return false
      await new Promise<void>((resolve) => {
        this.#onActivity = resolve
      })
    }
  }

  /** Topics that anything was written to so far, internal ones included. */
  producedTopicNames(): ReadonlySet<string> {
    return this.#produced
  }

  /** A store of any kind, or undefined. */
  getStateStore<S extends StateStore>(name: string): S | undefined {
    return (this.#task.state.store(name) ?? this.#global?.store(name)) as S | undefined
  }

  getAllStateStores(): ReadonlyMap<string, StateStore> {
    const all = new Map<string, StateStore>()
    for (const name of this.#model.stores.keys()) {
      const store = this.getStateStore(name)
      if (store !== undefined) all.set(name, store)
    }
    return all
  }

  getKeyValueStore<K, V>(name: string): KeyValueStore<K, V> {
    return this.#store(name, 'key-value')
  }

  getTimestampedKeyValueStore<K, V>(name: string): TimestampedKeyValueStore<K, V> {
    return this.#store(name, 'key-value')
  }

  getVersionedKeyValueStore<K, V>(name: string): VersionedKeyValueStore<K, V> {
    return this.#store(name, 'versioned')
  }

  getWindowStore<K, V>(name: string): WindowStore<K, V> {
    return this.#store(name, 'window')
  }

  getTimestampedWindowStore<K, V>(name: string): WindowStore<K, ValueAndTimestamp<V>> {
    return this.#store(name, 'window')
  }

  getSessionStore<K, V>(name: string): SessionStore<K, V> {
    return this.#store(name, 'session')
  }

  metrics(): TopologyTestMetrics {
    const reasons: Record<string, number> = { ...this.#task.droppedByReason }
    for (const [reason, count] of Object.entries(this.#global?.metrics.droppedByReason(0) ?? {})) {
      reasons[reason] = (reasons[reason] ?? 0) + count
    }
    return {
      recordsIn: this.#metrics.recordsIn,
      recordsOut: this.#metrics.recordsOut,
      droppedRecords: runtime.droppedTotal(reasons),
      droppedByReason: reasons,
      droppedByNode: this.#metrics.droppedByNode,
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#task.close()
    this.#global?.close()
  }

  #pipe(record: CapturedRecord): void {
    this.#assertOpen()
    const known = this.#keepingDeadLetter(() => this.#enqueue(record))
    if (!known) {
      throw new StreamsError('TEST_UNKNOWN_TOPIC', `no source of the topology reads topic ${record.topic}`)
    }
    this.#processAll()
  }

  /** The record that stops the topology goes to the dead letter topic before the error is thrown. */
  #keepingDeadLetter<T>(action: () => T): T {
    try {
      return action()
    } catch (error) {
      for (const letter of runtime.deadLettersOf(error)) this.#keepLetter(letter)
      throw error
    }
  }

  #keepLetter({ topic, key, value, timestamp, headers = [] }: DeadLetterRecord): void {
    this.#produced.add(topic)
    this.#output(topic).push({
      topic,
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      timestamp,
      headers,
    })
  }

  /** Puts a record before the nodes that read its topic. Returns false when there are none. */
  #enqueue(record: CapturedRecord): boolean {
    let known = false
    if (this.#global?.topics.has(record.topic)) {
      this.#global.apply(
        { topic: record.topic, partition: 0 },
        decodedBatch(record, this.#nextOffset(record.topic)),
      )
      this.#global.commit()
      known = true
    }
    if (this.#partitionOf(record.topic) !== undefined) {
      this.#group.add(record.topic, 0, decodedBatch(record, this.#nextOffset(record.topic)))
      known = true
    }
    return known
  }

  #processAll(): void {
    this.#keepingDeadLetter(() => {
      const one = { recordsMax: 1, until: Number.POSITIVE_INFINITY }
      // A record that is passed over may be all there is to commit, and may be told of in a topic that comes back in.
      while (this.#task.process(one) > 0 || this.#task.dirty) this.#commit()
    })
  }

  #commit(): void {
    this.#task.flush()
    const records = this.#collector.take()
    for (const record of records) {
      this.#produced.add(record.topic)
      this.#output(record.topic).push(record)
    }
    this.#task.committed(new Map())
    for (const record of records) this.#enqueue(record)
  }

  #partitionOf(topic: string): runtime.InputPartition | undefined {
    const known = this.#group.partition(topic, 0)
    if (known !== undefined) return known
    const source = this.#sources.find((s) =>
      s.topics instanceof RegExp
        ? runtime.matches(s, topic)
        : s.topics.some((name) => this.#names.resolve(name) === topic),
    )
    if (source === undefined) return undefined
    const options = runtime.inputOptions(source, this.#config)
    const partition = new runtime.InputPartition({ topic, partition: 0 }, options, this.#task)
    this.#group.include(partition)
    return partition
  }

  #nextOffset(topic: string): number {
    const offset = this.#offsets.get(topic) ?? 0
    this.#offsets.set(topic, offset + 1)
    return offset
  }

  #output(topic: string): CapturedRecord[] {
    let queue = this.#outputs.get(topic)
    if (queue === undefined) {
      queue = []
      this.#outputs.set(topic, queue)
    }
    return queue
  }

  #store<S extends StateStore>(name: string, kind: string): S {
    const spec = this.#model.stores.get(name)?.spec
    const store = this.getStateStore<S>(name)
    if (spec === undefined || store === undefined) {
      throw new StreamsError('TEST_UNKNOWN_STORE', `the topology has no store ${name}`)
    }
    if (spec.kind !== kind) {
      throw new StreamsError('TEST_STORE_KIND', `store ${name} is a ${spec.kind} store, not a ${kind} store`)
    }
    return store
  }

  #createTask(nodes: ConstructorParameters<typeof runtime.StreamTask>[0]['nodes']): runtime.StreamTask {
    const stores = [...this.#model.stores.values()].filter((store) => !store.global)
    return new runtime.StreamTask({
      taskId: '0_0',
      partition: 0,
      nodes,
      config: this.#config,
      collector: this.#collector,
      globalStore: (name) => this.#global?.store(name),
      metrics: this.#metrics,
      droppedTopic: this.#names.droppedRecords,
      onAsyncActivity: () => this.#onActivity(),
      openState: (metrics) =>
        new runtime.StateManager({
          stores: stores.map((store) => runtime.taskStore(store, this.#names)),
          database: openStateDatabase({ path: ':memory:' }),
          collector: this.#collector,
          partition: 0,
          cacheEntriesMax: this.#config.cacheMaxEntries,
          metrics,
          timestampMs: () => Math.max(0, this.#group.streamTimeMs),
        }),
    })
  }

  #createGlobalTask(): runtime.GlobalTask | null {
    if (!runtime.GlobalTask.needed(this.#model)) return null
    const global = new runtime.GlobalTask({
      model: this.#model,
      names: this.#names,
      config: this.#config,
      openDatabase: () => openStateDatabase({ path: ':memory:' }),
      sendDeadLetter: (letter) => this.#keepLetter(letter),
    })
    for (const topic of global.topics) global.include({ topic, partition: 0 })
    return global
  }

  #assertOpen(): void {
    if (this.#closed) throw new InvalidStateError('the test driver is closed')
  }
}
