import { ByteWriter } from '../common/index.js'
import { FieldReader, writeNullableBytes, writeString, writeTopicPartitions } from './field-codec.js'
import type { MemberAssignment, TopicPartition } from './log.js'

/*
 * What members of a group tell each other through the coordinator, which does not look inside:
 *
 *   subscription  int16 version, array string topics, bytes? userData,
 *                 v1+ array {string topic, array int32} owned, v2+ int32 generation, v3+ string? rack
 *   assignment    int16 version, array {string topic, array int32}, bytes? userData
 */

export interface Subscription {
  readonly topics: readonly string[]
  readonly ownedPartitions: readonly TopicPartition[]
  /** The generation the owned partitions stem from; -1: unknown. */
  readonly generationId: number
  readonly userData: Uint8Array | null
}

export function encodeSubscription(subscription: Subscription): Buffer {
  const out = new ByteWriter(256)
  out.writeInt16(2)
  out.writeInt32(subscription.topics.length)
  for (const topic of subscription.topics) writeString(out, topic)
  writeNullableBytes(out, subscription.userData)
  writeTopicPartitions(out, subscription.ownedPartitions)
  out.writeInt32(subscription.generationId)
  return out.toBuffer()
}

/** Never reads more than the version declares: other languages' clients write version 0. */
export function decodeSubscription(bytes: Uint8Array): Subscription {
  const fields = new FieldReader(bytes)
  const version = fields.int16()
  const topics = fields.array(() => fields.string())
  const userData = fields.nullableBytes()
  const ownedPartitions = version >= 1 ? readPartitions(fields) : []
  return { topics, ownedPartitions, generationId: version >= 2 ? fields.int32() : -1, userData }
}

export function encodeAssignment({ partitions, userData }: MemberAssignment): Buffer {
  const out = new ByteWriter(256)
  out.writeInt16(2)
  writeTopicPartitions(out, partitions)
  writeNullableBytes(out, userData)
  return out.toBuffer()
}

/** No bytes at all means no partitions: what a member gets that the leader forgot. */
export function decodeAssignment(bytes: Uint8Array): MemberAssignment {
  if (bytes.length === 0) return { partitions: [], userData: null }
  const fields = new FieldReader(bytes)
  fields.int16()
  return { partitions: readPartitions(fields), userData: fields.nullableBytes() }
}

function readPartitions(fields: FieldReader): TopicPartition[] {
  const partitions: TopicPartition[] = []
  fields.array(() => {
    const topic = fields.string()
    fields.array(() => partitions.push({ topic, partition: fields.int32() }))
  })
  return partitions
}
