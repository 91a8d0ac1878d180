import { Serdes } from '../serde/index.js'
import type { StreamsConfig, TopologyModel } from '../streams/index.js'
import type { CapturedRecord } from './captured-record.js'
import { type StoreRow, storeContents } from './store-contents.js'
import { TopologyTestDriver } from './topology-test-driver.js'

/** What a topology made of its input. */
export interface TopologyResults {
  /** By topic, internal ones left out. */
  readonly outputs: ReadonlyMap<string, readonly CapturedRecord[]>
  /** By name of the store. */
  readonly stores: ReadonlyMap<string, readonly StoreRow[]>
}

/** Runs a topology the plain way: record by record, each with all that follows from it before the next. */
export async function recordAtATime(
  topology: TopologyModel,
  input: Iterable<CapturedRecord>,
  config: Partial<Omit<StreamsConfig, 'clock' | 'stateDir'>> = {},
): Promise<TopologyResults> {
  const driver = new TopologyTestDriver(topology, { applicationId: 'app', ...config, emitEveryUpdate: true })
  try {
    for (const { topic, key, value, timestamp, headers } of input) {
      driver.createInputTopic(topic, Serdes.bytes(), Serdes.bytes()).pipeInput(key, value, timestamp, headers)
      // What waits between two attempts goes on with time.
      while (!(await driver.drain())) driver.advanceWallClockTime(1000)
    }
    const internal = new Set([...topology.repartitionTopics.keys()].map((name) => `app-${name}`))
    for (const name of topology.stores.keys()) internal.add(`app-${name}-changelog`)
    const outputs = new Map<string, CapturedRecord[]>()
    for (const topic of driver.producedTopicNames()) {
      if (internal.has(topic)) continue
      const records = driver.createOutputTopic(topic, Serdes.bytes(), Serdes.bytes()).readRecordsToList()
      outputs.set(
        topic,
        records.map((record) => ({ ...record, topic }) as CapturedRecord),
      )
    }
    const stores = new Map<string, readonly StoreRow[]>()
    for (const [name, store] of driver.getAllStateStores()) {
      stores.set(name, storeContents(topology.stores.get(name)!.spec, store))
    }
    return { outputs, stores }
  } finally {
    driver.close()
  }
}
