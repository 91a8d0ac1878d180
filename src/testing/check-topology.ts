import { inspect } from 'node:util'
import type { Serde } from '../serde/index.js'
import { type StreamsConfig, StreamsError, type TopologyModel } from '../streams/index.js'
import type { CapturedRecord } from './captured-record.js'
import { DisturbedRun } from './disturbed-run.js'
import { paceOf } from './input-pace.js'
import { recordAtATime, type TopologyResults } from './record-at-a-time.js'
import type { StoreRow } from './store-contents.js'
import { TestInputTopic, type TestInputTopicOptions } from './test-input-topic.js'

/** Takes the input of a check, as a `TopologyTestDriver` takes records. */
export interface CheckInput {
  /** Timestamps begin with 0 where the options do not say otherwise. */
  createInputTopic<K, V>(
    topic: string,
    keySerde: Serde<K>,
    valueSerde: Serde<V>,
    options?: TestInputTopicOptions,
  ): TestInputTopic<K, V>
}

/**
 * What of an output topic has to be the same.
 *
 * - `records`: everything, in order
 * - `each key`: everything, in order for each key: where the order of keys among each other is left open, as by
 *   asynchronous operators that keep only that of each key
 * - `last`: the last value of each key, as of a topic that is read as a table. Where all outputs are compared so, updates
 *   of a key may collapse
 */
export type OutputComparison = 'records' | 'each key' | 'last'

export interface TopologyCheckOptions
  extends Partial<
    Omit<
      StreamsConfig,
      | 'clock'
      | 'stateDir'
      | 'processingGuarantee'
      | 'emitEveryUpdate'
      | 'commitIntervalMs'
      | 'cacheMaxEntries'
      | 'bufferedRecordsPerPartition'
    >
  > {
  /** How many runs, from seed 1 on; or the seeds 'first-last' alone. Default 20. */
  readonly seeds?: number | string
  /** By topic. Default: 'records'. */
  readonly compare?: Readonly<Record<string, OutputComparison>>
}

/** A disturbed run came to other results than the plain one. */
export class TopologyCheckError extends StreamsError {
  readonly seed: number

  constructor(seed: number, difference: string, story: readonly string[], cause?: unknown) {
    super(
      'TEST_TOPOLOGY_CHECK',
      `seed ${seed}: ${difference}\nRepeat it with { seeds: '${seed}-${seed}' }. The run:\n  ${story.join('\n  ')}`,
      cause === undefined ? {} : { cause },
    )
    this.seed = seed
  }
}

/**
 * Checks that a topology gives the same results however it is run: exactly once, on a simulated log, with random sizes
 * of batches and caches, random commits, killed at random moments and started again, sometimes without its state. Output
 * topics and the contents of all stores are compared with those of a plain run, record by record.
 *
 * Throws a TopologyCheckError that names the seed and the first difference. Finds what depends on batches, on what a
 * processor keeps in memory instead of in a store, on a clock or chance, and on changes made to values that a store owns.
 * `build` is called for every start: what it returns must not share anything between two calls. Punctuators on wall-clock
 * time make results depend on time, which passes at random.
 *
 * @example
 * await checkTopology(buildWordCount, ({ createInputTopic }) => {
 *   const lines = createInputTopic('lines', Serdes.string(), Serdes.string(), { autoAdvanceMs: 1000 })
 *   lines.pipeValueList(['to be', 'or not to be'])
 * })
 */
export async function checkTopology(
  build: () => TopologyModel,
  feed: (input: CheckInput) => void,
  options: TopologyCheckOptions = {},
): Promise<void> {
  const { seeds = 20, compare = {}, ...config } = options
  const input = collected(feed)
  const topology = build()
  const expected = await recordAtATime(topology, input, config)
  const outputs = [...expected.outputs.keys()]
  const mayCollapse = outputs.length > 0 && outputs.every((topic) => compare[topic] === 'last')
  const pace = paceOf(topology)
  const [first, last] = seedRange(seeds)
  for (let seed = first; seed <= last; seed++) {
    const run = new DisturbedRun({ build, input, outputs, pace, config, mayCollapse, seed })
    const found = await run.run().catch((error: unknown) => {
      const text = error instanceof Error ? error.message : String(error)
      throw new TopologyCheckError(seed, `the run failed: ${text}`, run.story, error)
    })
    const difference = firstDifference(expected, found, compare)
    if (difference !== null) throw new TopologyCheckError(seed, difference, run.story)
  }
}

function collected(feed: (input: CheckInput) => void): CapturedRecord[] {
  const records: CapturedRecord[] = []
  feed({
    createInputTopic: (topic, keySerde, valueSerde, options = {}) =>
      new TestInputTopic(topic, keySerde, valueSerde, (record) => records.push(record), {
        startTimestampMs: options.startTimestampMs ?? 0,
        autoAdvanceMs: options.autoAdvanceMs ?? 0,
      }),
  })
  return records
}

function seedRange(seeds: number | string): [number, number] {
  const [from, to] = String(seeds).split('-').map(Number)
  return to === undefined ? [1, from!] : [from!, to]
}

function firstDifference(
  expected: TopologyResults,
  found: TopologyResults,
  compare: Readonly<Record<string, OutputComparison>>,
): string | null {
  for (const [topic, records] of expected.outputs) {
    const arrange = arrangements[compare[topic] ?? 'records']
    const difference = differenceOf(
      `topic ${topic}`,
      arrange(records).map(recordText),
      arrange(found.outputs.get(topic) ?? []).map(recordText),
    )
    if (difference !== null) return difference
  }
  for (const [name, rows] of expected.stores) {
    const there = found.stores.get(name) ?? []
    const identities = (of: readonly StoreRow[]) => of.map(({ identity }) => identity)
    const at = unequalAt(identities(rows), identities(there))
    if (at === null) continue
    const [wanted, is] = [rows, there].map((of) => (of[at] === undefined ? 'nothing' : rowText(of[at])))
    return `store ${name}, entry ${at}: expected ${wanted}, found ${is}`
  }
  return null
}

type Arrange = (records: readonly CapturedRecord[]) => readonly CapturedRecord[]

const arrangements: Readonly<Record<OutputComparison, Arrange>> = {
  records: (records) => records,
  'each key': (records) => [...byKey(records).values()].flat(),
  last: (records) => [...byKey(records).values()].map((of) => ({ ...of.at(-1)!, headers: [] })),
}

/** By key, in the order of the keys. */
function byKey(records: readonly CapturedRecord[]): Map<string, CapturedRecord[]> {
  const groups = new Map<string, CapturedRecord[]>()
  for (const record of records) {
    const key = record.key?.toString('latin1') ?? ''
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [record])
    else group.push(record)
  }
  return new Map([...groups].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function differenceOf(what: string, expected: readonly string[], found: readonly string[]): string | null {
  const at = unequalAt(expected, found)
  if (at === null) return null
  return `${what}, record ${at}: expected ${expected[at] ?? 'nothing'}, found ${found[at] ?? 'nothing'}`
}

function unequalAt(expected: readonly string[], found: readonly string[]): number | null {
  const length = Math.max(expected.length, found.length)
  for (let i = 0; i < length; i++) if (expected[i] !== found[i]) return i
  return null
}

function recordText({ key, value, timestamp, headers }: CapturedRecord): string {
  const tail = headers.map((header) => ` ${header.key}=${bytesText(header.value)}`).join('')
  return `${bytesText(key)}=${bytesText(value)}@${timestamp}${tail}`
}

function rowText({ key, value }: StoreRow): string {
  const compact = { breakLength: Number.POSITIVE_INFINITY }
  return `${inspect(key, compact)}=${inspect(value, compact)}`
}

/** Text where the bytes are text, else hexadecimal. */
function bytesText(bytes: Uint8Array | null): string {
  if (bytes === null) return 'null'
  const buffer = Buffer.from(bytes)
  const text = buffer.toString('utf8')
  return /^[^\p{C}\uFFFD]*$/u.test(text) ? inspect(text) : `0x${buffer.toString('hex')}`
}
