import { KafkaError } from './errors.js'
import type { ConsumerOptions, TopicPartition } from './log.js'

export const DEFAULT_POLL_MS = 5_000

/** Whether offsets are committed by `poll`. Throws INVALID_GROUP_ID where there is no group to commit under. */
export function commitsByItself<K, V>({ enableAutoCommit, groupId }: ConsumerOptions<K, V>): boolean {
  const autoCommit = enableAutoCommit ?? groupId !== undefined
  if (autoCommit && groupId === undefined) {
    throw new KafkaError('INVALID_GROUP_ID', 'enableAutoCommit needs a groupId to commit under')
  }
  return autoCommit
}

export function requireGroup<K, V>({ groupId }: ConsumerOptions<K, V>): string {
  if (groupId === undefined) {
    throw new KafkaError(
      'INVALID_GROUP_ID',
      'offsets are committed under a groupId, and this consumer has none',
    )
  }
  return groupId
}

export function requireGroupToSubscribe<K, V>({ groupId }: ConsumerOptions<K, V>): string {
  if (groupId === undefined) {
    throw new KafkaError('INVALID_GROUP_ID', 'subscribe needs a groupId; use assign to read without a group')
  }
  return groupId
}

export function checkSeekOffset(offset: number): void {
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new KafkaError('OFFSET_OUT_OF_RANGE', `${offset} is no offset to seek to`)
  }
}

export function notAssigned({ topic, partition }: TopicPartition): KafkaError {
  return new KafkaError('INVALID_REQUEST', `${topic}-${partition} is not assigned to this consumer`)
}

export function mixedSubscription(): KafkaError {
  return new KafkaError(
    'INVALID_REQUEST',
    'assign and subscribe exclude each other: use one consumer for each',
  )
}

export function pollsAlready(): KafkaError {
  return new KafkaError('INVALID_REQUEST', 'this consumer is polling already: await one poll before the next')
}

export function readsNothing(): KafkaError {
  return new KafkaError('INVALID_REQUEST', 'the consumer reads nothing yet: call subscribe or assign first')
}
