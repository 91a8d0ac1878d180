import { KafkaError } from './errors.js'
import type { CompressionType } from './log.js'

/*
 * Topic configs by Kafka's names, with the defaults of Kafka 4.1. Values are text, as clients see them; what this
 * log acts on is also there in parsed form. Configs that mean nothing on one node are accepted and shown.
 */

const MAX_LONG = '9223372036854775807'
const MAX_INT = 2147483647

type Rule =
  | { readonly kind: 'integer'; readonly default: string; readonly min: number; readonly max?: number }
  | { readonly kind: 'ratio'; readonly default: string }
  | { readonly kind: 'boolean'; readonly default: string }
  | { readonly kind: 'choice'; readonly default: string; readonly values: readonly string[] }
  | { readonly kind: 'list'; readonly default: string; readonly values: readonly string[] }
  | { readonly kind: 'text'; readonly default: string }

const integer = (value: string | number, min: number, max?: number): Rule => ({
  kind: 'integer',
  default: String(value),
  min,
  ...(max === undefined ? {} : { max }),
})
const long = (value: string | number, min: number): Rule => integer(value, min)
const flag: Rule = { kind: 'boolean', default: 'false' }

const rules: Readonly<Record<string, Rule>> = {
  'cleanup.policy': { kind: 'list', default: 'delete', values: ['delete', 'compact'] },
  'compression.type': {
    kind: 'choice',
    default: 'producer',
    values: ['producer', 'uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'],
  },
  'compression.gzip.level': integer(-1, -1, 9),
  'compression.lz4.level': integer(9, 1, 17),
  'compression.zstd.level': integer(3, -131072, 22),
  'delete.retention.ms': long(86_400_000, 0),
  'file.delete.delay.ms': long(60_000, 0),
  'flush.messages': long(MAX_LONG, 1),
  'flush.ms': long(MAX_LONG, 0),
  'index.interval.bytes': integer(4096, 0, MAX_INT),
  'local.retention.bytes': long(-2, -2),
  'local.retention.ms': long(-2, -2),
  'max.compaction.lag.ms': long(MAX_LONG, 1),
  'max.message.bytes': integer(1_048_588, 0, MAX_INT),
  'message.timestamp.after.max.ms': long(3_600_000, 0),
  'message.timestamp.before.max.ms': long(MAX_LONG, 0),
  'message.timestamp.type': {
    kind: 'choice',
    default: 'CreateTime',
    values: ['CreateTime', 'LogAppendTime'],
  },
  'min.cleanable.dirty.ratio': { kind: 'ratio', default: '0.5' },
  'min.compaction.lag.ms': long(0, 0),
  'min.insync.replicas': integer(1, 1, MAX_INT),
  preallocate: flag,
  'remote.log.copy.disable': flag,
  'remote.log.delete.on.disable': flag,
  'remote.storage.enable': flag,
  'retention.bytes': long(-1, -1),
  'retention.ms': long(604_800_000, -1),
  'segment.bytes': integer(1_073_741_824, 1_048_576, MAX_INT),
  'segment.index.bytes': integer(10_485_760, 4, MAX_INT),
  'segment.jitter.ms': long(0, 0),
  'segment.ms': long(604_800_000, 1),
  'unclean.leader.election.enable': flag,
  'leader.replication.throttled.replicas': { kind: 'text', default: '' },
  'follower.replication.throttled.replicas': { kind: 'text', default: '' },
}

const names = Object.keys(rules).sort()

/** As Kafka's: settable for tests, neither shown nor subject to the lower bound of segment.bytes. */
const INTERNAL_SEGMENT_BYTES = 'internal.segment.bytes'
const internalRules: Readonly<Record<string, Rule>> = {
  [INTERNAL_SEGMENT_BYTES]: integer(1_073_741_824, 14, MAX_INT),
}

/** What was set on a topic: Kafka's names, text values. */
export type TopicConfigs = Readonly<Record<string, string>>

/** The configs of one topic in force. Frozen: an alteration makes a new one. */
export interface TopicConfig {
  /** Only what was set on the topic. */
  readonly overrides: TopicConfigs
  /** Every config with its value in force, sorted by name. */
  readonly values: TopicConfigs
  readonly compact: boolean
  readonly delete: boolean
  /** 'producer': batches stay as they come. */
  readonly compressionType: 'producer' | CompressionType
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly timestampBeforeMaxMs: number
  readonly timestampAfterMaxMs: number
  readonly maxMessageBytes: number
  readonly segmentBytes: number
  readonly segmentMs: number
  /** The longest a segment stays active: `segment.ms`; with compaction, `max.compaction.lag.ms` where that is less. */
  readonly maxSegmentMs: number
  readonly segmentJitterMs: number
  readonly segmentIndexBytes: number
  readonly indexIntervalBytes: number
  /** -1: without limit. */
  readonly retentionMs: number
  /** -1: without limit. */
  readonly retentionBytes: number
  readonly flushMessages: number
  readonly flushMs: number
  readonly minCleanableDirtyRatio: number
  readonly minCompactionLagMs: number
  readonly maxCompactionLagMs: number
  readonly deleteRetentionMs: number
  readonly minInsyncReplicas: number
}

/**
 * Checks what was set on a topic and fills in the rest: `defaults` (the broker's), then Kafka's own. Throws
 * KafkaError INVALID_CONFIG naming the config.
 */
export function topicConfig(overrides: TopicConfigs = {}, defaults: TopicConfigs = {}): TopicConfig {
  const given = { ...defaults, ...overrides }
  for (const [name, value] of Object.entries(given)) check(name, value)
  const values: Record<string, string> = {}
  for (const name of names) values[name] = given[name] ?? rules[name]!.default
  const text = (name: string): string => values[name]!
  const number = (name: string): number => Number(values[name])
  const policies = text('cleanup.policy')
    .split(',')
    .map((p) => p.trim())
  const compact = policies.includes('compact')
  if (number('min.compaction.lag.ms') > number('max.compaction.lag.ms')) {
    throw new KafkaError(
      'INVALID_CONFIG',
      `min.compaction.lag.ms (${text('min.compaction.lag.ms')}) is greater than max.compaction.lag.ms (${text('max.compaction.lag.ms')})`,
    )
  }
  const compression = text('compression.type')
  return Object.freeze({
    overrides: Object.freeze({ ...overrides }),
    values: Object.freeze(values),
    compact,
    delete: policies.includes('delete'),
    compressionType: (compression === 'uncompressed'
      ? 'none'
      : compression) as TopicConfig['compressionType'],
    timestampType: text('message.timestamp.type') as TopicConfig['timestampType'],
    timestampBeforeMaxMs: number('message.timestamp.before.max.ms'),
    timestampAfterMaxMs: number('message.timestamp.after.max.ms'),
    maxMessageBytes: number('max.message.bytes'),
    segmentBytes: Number(given[INTERNAL_SEGMENT_BYTES] ?? values['segment.bytes']),
    segmentMs: number('segment.ms'),
    maxSegmentMs: compact
      ? Math.min(number('segment.ms'), number('max.compaction.lag.ms'))
      : number('segment.ms'),
    segmentJitterMs: number('segment.jitter.ms'),
    segmentIndexBytes: number('segment.index.bytes'),
    indexIntervalBytes: number('index.interval.bytes'),
    retentionMs: number('retention.ms'),
    retentionBytes: number('retention.bytes'),
    flushMessages: number('flush.messages'),
    flushMs: number('flush.ms'),
    minCleanableDirtyRatio: number('min.cleanable.dirty.ratio'),
    minCompactionLagMs: number('min.compaction.lag.ms'),
    maxCompactionLagMs: number('max.compaction.lag.ms'),
    deleteRetentionMs: number('delete.retention.ms'),
    minInsyncReplicas: number('min.insync.replicas'),
  })
}

/** Sets and, with null, unsets configs of a topic. Throws KafkaError INVALID_CONFIG. */
export function alterTopicConfig(
  config: TopicConfig,
  changes: Readonly<Record<string, string | null>>,
  defaults: TopicConfigs = {},
): TopicConfig {
  const overrides: Record<string, string> = { ...config.overrides }
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) {
      ruleOf(name)
      delete overrides[name]
    } else overrides[name] = value
  }
  return topicConfig(overrides, defaults)
}

function ruleOf(name: string): Rule {
  const rule = [rules, internalRules].find((table) => Object.hasOwn(table, name))?.[name]
  if (rule === undefined) throw new KafkaError('INVALID_CONFIG', `unknown topic config ${name}`)
  return rule
}

function check(name: string, value: string): void {
  const rule = ruleOf(name)
  const problem = problemWith(rule, value)
  if (problem !== null) {
    throw new KafkaError('INVALID_CONFIG', `invalid value '${value}' for topic config ${name}: ${problem}`)
  }
}

function problemWith(rule: Rule, value: string): string | null {
  switch (rule.kind) {
    case 'integer': {
      if (!/^-?\d+$/.test(value)) return 'not an integer'
      if (Number(value) < rule.min) return `must be at least ${rule.min}`
      if (BigInt(value) > BigInt(rule.max ?? MAX_LONG)) return `must be at most ${rule.max ?? MAX_LONG}`
      return null
    }
    case 'ratio': {
      const ratio = value.trim() === '' ? Number.NaN : Number(value)
      return ratio >= 0 && ratio <= 1 ? null : 'must be a number from 0 to 1'
    }
    case 'boolean':
      return value === 'true' || value === 'false' ? null : 'must be true or false'
    case 'choice':
      return rule.values.includes(value) ? null : `must be one of ${rule.values.join(', ')}`
    case 'list': {
      const wrong = value.split(',').find((part) => !rule.values.includes(part.trim()))
      return wrong === undefined ? null : `must be a list of ${rule.values.join(', ')}`
    }
    case 'text':
      return null
  }
}
