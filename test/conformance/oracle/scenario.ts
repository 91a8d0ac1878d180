import type { Headers } from '../../../src/log/index.js'
import { TopologyTestDriver } from '../../../src/testing/index.js'
import { buildTopology } from './binding.js'
import {
  type CatalogueEntry,
  type HeaderEntry,
  type Results,
  type Scenario,
  serdeOfType,
} from './catalogue.js'
import { firstDifference } from './difference.js'

/** Runs a scenario; returns the first difference, or null. */
export function checkScenario(entry: CatalogueEntry, scenario: Scenario): string | null {
  const actual = runScenario(entry, scenario)
  const expected: Results = { outputs: scenario.outputs, stores: scenario.stores, metrics: scenario.metrics }
  const difference = firstDifference(expected, actual)
  if (difference === null || scenario.inMemory === undefined) return difference
  return firstDifference({ ...expected, ...scenario.inMemory }, actual) === null ? null : difference
}

function runScenario(entry: CatalogueEntry, scenario: Scenario): Results {
  const driver = new TopologyTestDriver(buildTopology(entry), {
    applicationId: 'oracle',
    defaultKeySerde: serdeOfType('string'),
    defaultValueSerde: serdeOfType('string'),
    initialWallClockTimeMs: scenario.wallClockStart,
  })
  try {
    const outputs = runSteps(driver, entry, scenario)
    const stores: Record<string, unknown[]> = {}
    for (const { name, kind } of entry.stores) stores[name] = readStore(driver, name, kind)
    return { outputs, stores, metrics: { droppedRecords: driver.metrics().droppedRecords } }
  } finally {
    driver.close()
  }
}

function runSteps(
  driver: TopologyTestDriver,
  entry: CatalogueEntry,
  scenario: Scenario,
): Record<string, unknown[]> {
  const inputs = new Map(
    entry.inputs.map((i) => [
      i.topic,
      driver.createInputTopic(i.topic, serdeOfType(i.key), serdeOfType(i.value)),
    ]),
  )
  const topics = entry.outputs.map((o) =>
    driver.createOutputTopic(o.topic, serdeOfType(o.key), serdeOfType(o.value)),
  )
  const outputs: Record<string, unknown[]> = {}
  for (const { topic } of topics) outputs[topic] = []
  scenario.steps.forEach((step, at) => {
    if ('pipe' in step) {
      const { topic, key, value, timestamp, headers } = step.pipe
      inputs.get(topic)!.pipeInput(key, value, timestamp, headers?.map(toHeader) ?? [])
    } else {
      driver.advanceWallClockTime(step.advanceWallClock)
    }
    for (const topic of topics) {
      for (const { key, value, timestamp, headers } of topic.readRecordsToList()) {
        outputs[topic.topic]!.push({ step: at, key, value, timestamp, ...fromHeaders(headers) })
      }
    }
  })
  return outputs
}

export function toHeader({ key, value }: HeaderEntry): Headers[number] {
  return { key, value: value === null ? null : Buffer.from(value) }
}

function fromHeaders(headers: Headers): { headers?: HeaderEntry[] } {
  if (headers.length === 0) return {}
  return {
    headers: headers.map(({ key, value }) => ({
      key,
      value: value === null ? null : Buffer.from(value).toString(),
    })),
  }
}

interface WindowedRow {
  readonly key: { readonly key: string; readonly start: number; readonly end: number }
  readonly value: unknown
}

function readStore(driver: TopologyTestDriver, name: string, kind: string): unknown[] {
  if (kind.startsWith('versioned')) return readVersioned(driver, name)
  const timestamped = kind.startsWith('timestamped')
  const columns = (value: unknown): unknown[] => {
    if (!timestamped) return [value]
    const { value: inner, timestamp } = value as { value: unknown; timestamp: number }
    return [inner, timestamp]
  }
  if (kind.includes('key-value')) {
    return [...driver.getKeyValueStore<string, unknown>(name).all()]
      .map(({ key, value }) => [key, ...columns(value)])
      .sort((a, b) => compareText(a[0] as string, b[0] as string))
  }
  const rows: Iterable<WindowedRow> = kind.includes('session')
    ? driver.getSessionStore<string, unknown>(name).all()
    : driver.getWindowStore<string, unknown>(name).all()
  return [...rows]
    .sort((a, b) => compareText(a.key.key, b.key.key) || a.key.start - b.key.start || a.key.end - b.key.end)
    .map(({ key, value }) => [{ key: key.key, start: key.start, end: key.end }, ...columns(value)])
}

function readVersioned(driver: TopologyTestDriver, name: string): unknown[] {
  return [...driver.getVersionedKeyValueStore<string, unknown>(name).all()]
    .map(({ key, value }) => [key, value.value, value.timestamp])
    .sort((a, b) => compareText(a[0] as string, b[0] as string))
}

/** By UTF-16 code unit. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
