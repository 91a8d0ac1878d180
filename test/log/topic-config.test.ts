import { describe, expect, it } from 'vitest'
import { alterTopicConfig, topicConfig } from '../../src/log/topic-config.js'

describe('topic configs', () => {
  it("have Kafka's defaults, and show what is in force", () => {
    const config = topicConfig({ 'retention.ms': '-1' })
    expect(config.overrides).toEqual({ 'retention.ms': '-1' })
    expect(config.values).toMatchObject({
      'cleanup.policy': 'delete',
      'max.message.bytes': '1048588',
      'message.timestamp.before.max.ms': '9223372036854775807',
      'retention.ms': '-1',
      'segment.bytes': '1073741824',
    })
    expect(Object.keys(config.values)).toHaveLength(33)
    expect(config.retentionMs).toBe(-1)
    expect([config.compact, config.delete]).toEqual([false, true])
  })

  it('take defaults of the broker, below what is set on the topic', () => {
    const defaults = { 'retention.ms': '5', 'segment.ms': '7' }
    const config = topicConfig({ 'segment.ms': '9' }, defaults)
    expect([config.retentionMs, config.segmentMs]).toEqual([5, 9])
    expect(alterTopicConfig(config, { 'segment.ms': null }, defaults).segmentMs).toBe(7)
  })

  it('know both cleanup policies at once', () => {
    for (const policy of ['compact,delete', 'delete, compact']) {
      const config = topicConfig({ 'cleanup.policy': policy })
      expect([config.compact, config.delete]).toEqual([true, true])
    }
  })

  it.each([
    ['no.such.config', '1', 'unknown topic config no.such.config'],
    ['retention.ms', 'soon', 'not an integer'],
    ['retention.ms', '-2', 'at least -1'],
    ['segment.bytes', '1000', 'at least 1048576'],
    ['segment.bytes', '2147483648', 'at most 2147483647'],
    ['flush.ms', '9223372036854775808', 'at most 9223372036854775807'],
    ['cleanup.policy', 'shred', 'list of delete, compact'],
    ['compression.type', 'brotli', 'one of producer'],
    ['min.cleanable.dirty.ratio', '1.5', 'from 0 to 1'],
    ['min.cleanable.dirty.ratio', '', 'from 0 to 1'],
    ['preallocate', 'yes', 'true or false'],
    ['toString', 'x', 'unknown'],
  ])('refuse %s=%s', (name, value, problem) => {
    const invalid = expect.objectContaining({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining(problem),
    })
    expect(() => topicConfig({ [name]: value })).toThrow(invalid)
    expect(() => alterTopicConfig(topicConfig(), { [name]: value })).toThrow(invalid)
  })

  it('refuse a least compaction lag beyond the greatest', () => {
    const lags = { 'min.compaction.lag.ms': '10', 'max.compaction.lag.ms': '9' }
    expect(() => topicConfig(lags)).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }))
    expect(topicConfig({ ...lags, 'max.compaction.lag.ms': '10' }).minCompactionLagMs).toBe(10)
  })

  it('can be altered and unset, one alteration leaving the rest', () => {
    const config = alterTopicConfig(topicConfig({ 'retention.ms': '5' }), { 'max.message.bytes': '99' })
    expect([config.retentionMs, config.maxMessageBytes]).toEqual([5, 99])
    expect(alterTopicConfig(config, { 'retention.ms': null }).overrides).toEqual({
      'max.message.bytes': '99',
    })
    expect(() => alterTopicConfig(config, { nonsense: null })).toThrow(/unknown topic config/)
  })
})
