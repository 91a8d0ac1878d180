import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../../src/log/consumer-protocol.js'
import {
  decodeGroupMetadataKey,
  decodeGroupValue,
  decodeOffsetCommitValue,
  encodeGroupKey,
  encodeGroupValue,
  encodeOffsetCommitKey,
  encodeOffsetCommitValue,
} from '../../../src/log/group-metadata.js'
import type { TopicPartition } from '../../../src/log/index.js'
import {
  decodeTransactionKey,
  decodeTransactionValue,
  encodeTransactionKey,
  encodeTransactionValue,
  transactionStatuses,
} from '../../../src/log/transaction-metadata.js'
import { firstDifference } from './difference.js'
import { bytes, same, type Vector } from './vector.js'

type Fields = Readonly<Record<string, unknown>>

/** Reads key and value, and writes them again where the version is the one that is written. */
export function checkCoordinatorRecord(vector: Vector): string | null {
  if (vector.topic === '__transaction_state') return checkTransaction(vector)
  if (vector.topic === '__consumer_offsets') return checkGroup(vector)
  return checkProtocol(vector)
}

/** Fields that a version does not have come out as -1 or null; only those that it has are compared. */
function compareFields(expected: Fields, found: Fields): string | null {
  for (const [name, value] of Object.entries(expected)) {
    if (name === 'expireTimestamp') continue
    const difference = firstDifference(value, found[name], name)
    if (difference !== null) return difference
  }
  return null
}

function checkGroup(vector: Vector): string | null {
  const key = decodeGroupMetadataKey(bytes(vector.key))
  const fields = vector.keyFields as { group: string; topic: string; partition: number }
  if (key === null) return 'the key was not known'
  const difference = compareFields(fields, key as unknown as Fields)
  if (difference !== null) return difference
  const encodedKey =
    key.kind === 'group'
      ? encodeGroupKey(key.group)
      : encodeOffsetCommitKey(key.group, key.topic, key.partition)
  const keyBytes = same('key', vector.key, encodedKey.toString('hex'))
  if (keyBytes !== null || vector.value === null) return keyBytes
  const expected = vector.valueFields as Fields
  if (key.kind === 'offset') {
    const value = decodeOffsetCommitValue(bytes(vector.value))
    const read = compareFields(expected, value as unknown as Fields)
    if (read !== null || vector.valueVersion !== 3) return read
    return same('value', vector.value, encodeOffsetCommitValue(value).toString('hex'))
  }
  const value = decodeGroupValue(bytes(vector.value))
  const members = value.members.map((member) => ({
    ...member,
    rebalanceTimeout: member.rebalanceTimeoutMs,
    sessionTimeout: member.sessionTimeoutMs,
    subscription: Buffer.from(member.subscription).toString('base64'),
    assignment: Buffer.from(member.assignment).toString('base64'),
  }))
  const { members: expectedMembers, ...rest } = expected
  const read =
    compareFields(rest, value as unknown as Fields) ??
    same('members', (expectedMembers as unknown[]).length, members.length) ??
    first(
      (expectedMembers as Fields[]).map((member, i) =>
        compareFields(member, members[i] as unknown as Fields),
      ),
    )
  if (read !== null || vector.valueVersion !== 3) return read
  return same('value', vector.value, encodeGroupValue(value).toString('hex'))
}

function checkTransaction(vector: Vector): string | null {
  const id = (vector.keyFields as { transactionalId: string }).transactionalId
  const difference =
    same('transactionalId', id, decodeTransactionKey(bytes(vector.key))) ??
    same('key', vector.key, encodeTransactionKey(id).toString('hex'))
  if (difference !== null || vector.value === null) return difference
  const value = decodeTransactionValue(bytes(vector.value))
  const expected = vector.valueFields as Fields
  const read = compareFields(
    { ...expected, transactionPartitions: expected.transactionPartitions ?? [] },
    {
      producerId: value.producerId,
      producerEpoch: value.producerEpoch,
      transactionTimeoutMs: value.timeoutMs,
      transactionStatus: transactionStatuses.indexOf(value.status),
      transactionPartitions: byTopic(value.partitions, 'partitionIds'),
      transactionLastUpdateTimestampMs: value.lastUpdateMs,
      transactionStartTimestampMs: value.startMs,
    },
  )
  if (read !== null || vector.valueVersion !== 0) return read
  return same('value', vector.value, encodeTransactionValue(value).toString('hex'))
}

function checkProtocol(vector: Vector): string | null {
  const encoded = bytes(vector.value)
  const expected = vector.valueFields as Fields
  if ((vector.name as string).includes('subscription')) {
    const subscription = decodeSubscription(encoded)
    const { userData: _, ...fields } = expected
    const read = compareFields(fields, {
      topics: subscription.topics,
      ownedPartitions: byTopic(subscription.ownedPartitions, 'partitions'),
      generationId: subscription.generationId,
    })
    return read ?? firstDifference(subscription, decodeSubscription(encodeSubscription(subscription)))
  }
  const assignment = decodeAssignment(encoded)
  const read = firstDifference(
    expected.assignedPartitions,
    byTopic(assignment.partitions, 'partitions'),
    'assignedPartitions',
  )
  return read ?? firstDifference(assignment, decodeAssignment(encodeAssignment(assignment)))
}

function byTopic(partitions: readonly TopicPartition[], name: string): Fields[] {
  const topics = new Map<string, number[]>()
  for (const { topic, partition } of partitions) {
    const list = topics.get(topic) ?? []
    list.push(partition)
    topics.set(topic, list)
  }
  return [...topics].map(([topic, list]) => ({ topic, [name]: list }))
}

function first(differences: readonly (string | null)[]): string | null {
  return differences.find((difference) => difference !== null) ?? null
}
