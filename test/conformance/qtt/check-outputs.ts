import { printExact } from '../exact-json.js'
import type { Case, RecordSpec } from './cases.js'
import { difference } from './compare.js'
import type { TopicShape } from './topic-shape.js'
import { decode, splitWindow } from './wire.js'

export interface LoggedRecord {
  readonly topic: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestamp: number
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[]
}

/** Compares each topic named in the case's outputs with all that is in it (README section 4). Null when they agree. */
export function checkOutputs(
  c: Case,
  logOf: (topic: string) => readonly LoggedRecord[],
  shapeOfTopic: (topic: string) => TopicShape,
): string | null {
  for (const topic of new Set(c.outputs.map((o) => o.topic))) {
    const expected = c.outputs.filter((o) => o.topic === topic)
    const found = topicDifference(c, topic, expected, logOf(topic), shapeOfTopic(topic))
    if (found !== null) return found
  }
  return null
}

function topicDifference(
  c: Case,
  topic: string,
  expected: readonly RecordSpec[],
  actual: readonly LoggedRecord[],
  shape: TopicShape,
): string | null {
  for (let i = 0; i < Math.min(expected.length, actual.length); i++) {
    const found = recordDifference(c, expected[i]!, actual[i]!, shape)
    if (found !== null) return `${topic}[${i}] ${found}`
  }
  if (actual.length === expected.length) return null
  const extra = actual[expected.length]
  const missing = expected[actual.length]
  const next =
    extra === undefined
      ? `first missing: key ${printExact(missing!.key)} value ${printExact(missing!.value)}`
      : `first extra: key ${extra.key?.toString('latin1') ?? 'null'} value ${extra.value?.toString() ?? 'null'}`
  return `${topic}: expected ${expected.length} records, found ${actual.length}; ${next}`
}

function recordDifference(
  c: Case,
  expected: RecordSpec,
  actual: LoggedRecord,
  shape: TopicShape,
): string | null {
  const exact = c.properties['use.exact.numeric.comparison'] !== 'false'
  let keyBytes = actual.key
  if (shape.window !== null && keyBytes !== null) {
    const { key, window } = splitWindow(keyBytes, shape.window.type, shape.window.sizeMs)
    keyBytes = key
    if (expected.window === null) return 'key: expected no window, found one'
    if (expected.window.start !== window.start || expected.window.end !== window.end) {
      return `window: expected [${expected.window.start}, ${expected.window.end}), found [${window.start}, ${window.end})`
    }
  } else if (expected.window !== null) return 'key: expected a window, found none'
  const inKey = difference(expected.key, decode(keyBytes, shape.key), exact)
  if (inKey !== null) return `key: ${inKey}`
  const inValue = difference(expected.value, decode(actual.value, shape.value), exact)
  if (inValue !== null) return `value: ${inValue}`
  return timestampDifference(c, expected, actual) ?? headerDifference(expected, actual)
}

function timestampDifference(c: Case, expected: RecordSpec, actual: LoggedRecord): string | null {
  if (expected.timestamp === null || expected.timestamp === actual.timestamp) return null
  // Rows of INSERT VALUES carry the time of the run.
  if (c.inputs.length === 0 && expected.timestamp === 0) return null
  return `timestamp: expected ${expected.timestamp}, found ${actual.timestamp}`
}

function headerDifference(expected: RecordSpec, actual: LoggedRecord): string | null {
  const show = (headers: LoggedRecord['headers']): string =>
    headers
      .map((h) => `${h.key}=${h.value === null ? 'null' : Buffer.from(h.value).toString('base64')}`)
      .join(', ')
  const [a, b] = [show(expected.headers), show(actual.headers)]
  return a === b ? null : `headers: expected [${a}], found [${b}]`
}
