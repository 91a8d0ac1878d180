import { describe, expect, it } from 'vitest'
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../src/log/consumer-protocol.js'
import {
  decodeGroupMetadataKey,
  decodeGroupValue,
  decodeOffsetCommitValue,
  encodeGroupKey,
  encodeGroupValue,
  encodeOffsetCommitKey,
  encodeOffsetCommitValue,
} from '../../src/log/group-metadata.js'
import {
  decodeTransactionKey,
  decodeTransactionValue,
  encodeTransactionKey,
  encodeTransactionValue,
} from '../../src/log/transaction-metadata.js'
import { at } from './log-fixture.js'

/* Bytes as Kafka 4.1 writes them. */

const bytes = (hex: string) => Buffer.from(hex, 'hex')

describe('records of __consumer_offsets', () => {
  const offsetKey = '0001000767726f75702d3100066f726465727300000003'
  const common = { offset: 123456789, metadata: 'note', commitTimestamp: 1700000000000 }

  it('names an offset by group, topic and partition', () => {
    expect(encodeOffsetCommitKey('group-1', 'orders', 3).toString('hex')).toBe(offsetKey)
    const key = { kind: 'offset', group: 'group-1', topic: 'orders', partition: 3 }
    expect(decodeGroupMetadataKey(bytes(offsetKey))).toEqual(key)
    const umlaut = '000100076772c3bc70706500017400000000'
    expect(encodeOffsetCommitKey('grüppe', 't', 0).toString('hex')).toBe(umlaut)
  })

  it.each([
    ['1', '000100000000075bcd1500046e6f74650000018bcfe568000000018bcfed0920', -1],
    ['2', '000200000000075bcd1500046e6f74650000018bcfe56800', -1],
    ['3', '000300000000075bcd150000000c00046e6f74650000018bcfe56800', 12],
  ])('reads committed offsets of version %s', (_, value, leaderEpoch) => {
    expect(decodeOffsetCommitValue(bytes(value))).toEqual({ ...common, leaderEpoch })
  })

  it('writes committed offsets of version 3', () => {
    const value = '000300000000075bcd150000000c00046e6f74650000018bcfe56800'
    expect(encodeOffsetCommitValue({ ...common, leaderEpoch: 12 }).toString('hex')).toBe(value)
    const empty = { offset: 0, leaderEpoch: -1, metadata: '', commitTimestamp: 5 }
    expect(encodeOffsetCommitValue(empty).toString('hex')).toBe(
      '00030000000000000000ffffffff00000000000000000005',
    )
  })

  it('writes and reads groups', () => {
    expect(encodeGroupKey('group-1').toString('hex')).toBe('0002000767726f75702d31')
    const empty = {
      protocolType: 'consumer',
      generation: 0,
      protocol: null,
      leader: null,
      currentStateTimestamp: -1,
      members: [],
    }
    const emptyHex = '00030008636f6e73756d657200000000ffffffffffffffffffffffff00000000'
    expect(encodeGroupValue(empty).toString('hex')).toBe(emptyHex)
    expect(decodeGroupValue(bytes(emptyHex))).toEqual(empty)

    const subscription = '00030000000200066f726465727300057573657273ffffffff00000000ffffffffffff'
    const assignment =
      '00030000000200066f7264657273000000020000000000000001000575736572730000000100000000ffffffff'
    const head = '0008636f6e73756d657200000004000572616e676500036d2d31'
    const member = '0003617070'
    const tail = `00000023${subscription}0000002d${assignment}`
    const versions = [
      `0000${head}0000000100036d2d31${member}000a2f3132372e302e302e310000afc8${tail}`,
      `0001${head}0000000100036d2d31${member}000a2f3132372e302e302e31000493e00000afc8${tail}`,
      `0002${head}0000018bcfe568000000000100036d2d31${member}000a2f3132372e302e302e31000493e00000afc8${tail}`,
      `0003${head}0000018bcfe568000000000100036d2d310004696e7374${member}000a2f3132372e302e302e31000493e00000afc8${tail}`,
    ]
    versions.forEach((hex, version) => {
      const group = decodeGroupValue(bytes(hex))
      expect(group).toMatchObject({ generation: 4, protocol: 'range', leader: 'm-1' })
      expect(group.currentStateTimestamp).toBe(version >= 2 ? 1700000000000 : -1)
      expect(group.members).toMatchObject([
        {
          memberId: 'm-1',
          groupInstanceId: version >= 3 ? 'inst' : null,
          clientId: 'app',
          clientHost: '/127.0.0.1',
          rebalanceTimeoutMs: version >= 1 ? 300000 : 45000,
          sessionTimeoutMs: 45000,
        },
      ])
      expect(decodeSubscription(group.members[0]!.subscription).topics).toEqual(['orders', 'users'])
      expect(decodeAssignment(group.members[0]!.assignment).partitions).toEqual([
        at('orders', 0),
        at('orders', 1),
        at('users'),
      ])
    })
    expect(encodeGroupValue(decodeGroupValue(bytes(versions[3]!))).toString('hex')).toBe(versions[3])
  })
})

describe('records of __transaction_state', () => {
  const ongoing = {
    producerId: 1001,
    producerEpoch: 1,
    timeoutMs: 60000,
    status: 'Ongoing',
    partitions: [at('orders', 0), at('orders', 2), at('users', 1)],
    lastUpdateMs: 1700000000001,
    startMs: 1699999999000,
  }
  const compact =
    '000100000000000003e900010000ea600103076f7264657273030000000000000002000675736572730200000001000000018bcfe568010000018bcfe5641800'

  it('names a transactional id', () => {
    expect(encodeTransactionKey('tx-1').toString('hex')).toBe('0000000474782d31')
    expect(decodeTransactionKey(bytes('0000000474782d31'))).toBe('tx-1')
  })

  it('reads both versions of a state', () => {
    expect(decodeTransactionValue(bytes(compact))).toEqual(ongoing)
    const plain =
      '000000000000000003eb00030000ea60030000000200066f72646572730000000200000000000000020005757365727300000001000000010000018bcfe568030000018bcfe56418'
    expect(decodeTransactionValue(bytes(plain))).toEqual({
      ...ongoing,
      producerId: 1003,
      producerEpoch: 3,
      status: 'PrepareAbort',
      lastUpdateMs: 1700000000003,
    })
  })

  it.each([
    ['Empty', 1000, 0, -1, '000000000000000003e800000000ea6000ffffffff0000018bcfe56800ffffffffffffffff'],
    [
      'CompleteAbort',
      1005,
      5,
      1699999999000,
      '000000000000000003ed00050000ea6005000000000000018bcfe568050000018bcfe56418',
    ],
    [
      'Dead',
      1006,
      6,
      1699999999000,
      '000000000000000003ee00060000ea6006000000000000018bcfe568060000018bcfe56418',
    ],
  ] as const)('writes the state %s', (status, producerId, producerEpoch, startMs, hex) => {
    const lastUpdateMs = 1700000000000 + producerEpoch
    const value = {
      producerId,
      producerEpoch,
      timeoutMs: 60000,
      status,
      partitions: [],
      lastUpdateMs,
      startMs,
    }
    expect(encodeTransactionValue(value).toString('hex')).toBe(hex)
    expect(decodeTransactionValue(bytes(hex))).toEqual(value)
  })

  it('writes partitions sorted under their topics', () => {
    const value = { ...ongoing, producerId: 1003, producerEpoch: 3, lastUpdateMs: 1700000000003 }
    expect(encodeTransactionValue({ ...value, status: 'PrepareAbort' }).toString('hex')).toBe(
      '000000000000000003eb00030000ea60030000000200066f72646572730000000200000000000000020005757365727300000001000000010000018bcfe568030000018bcfe56418',
    )
  })
})

describe('the consumer protocol', () => {
  it('reads subscriptions of versions 0 to 2, and writes version 2', () => {
    const topics = ['orders', 'users']
    const owned = [at('orders', 1)]
    expect(decodeSubscription(bytes('00000000000200066f72646572730005757365727300000003010203'))).toEqual({
      topics,
      ownedPartitions: [],
      generationId: -1,
      userData: bytes('010203'),
    })
    const version1 =
      '00010000000200066f726465727300057573657273000000030102030000000100066f72646572730000000100000001'
    const userData = bytes('010203')
    const claim = { topics, ownedPartitions: owned, userData }
    expect(decodeSubscription(bytes(version1))).toEqual({ ...claim, generationId: -1 })
    const version2 = `0002${version1.slice(4)}00000007`
    const subscription = { ...claim, generationId: 7 }
    expect(decodeSubscription(bytes(version2))).toEqual(subscription)
    expect(decodeSubscription(encodeSubscription(subscription))).toEqual(subscription)
  })

  it('reads assignments', () => {
    const hex = '00030000000200066f72646572730000000200000000000000050005757365727300000001000000020000000109'
    const partitions = [at('orders', 0), at('orders', 5), at('users', 2)]
    const assignment = { partitions, userData: bytes('09') }
    expect(decodeAssignment(bytes(hex))).toEqual(assignment)
    expect(decodeAssignment(encodeAssignment(assignment))).toEqual(assignment)
    expect(decodeAssignment(new Uint8Array(0))).toEqual({ partitions: [], userData: null })
  })
})
