import { ByteWriter } from '../common/index.js'
import { FieldReader, writeLong, writeNullableBytes, writeString } from './field-codec.js'

/*
 * The records of `__consumer_offsets`, byte for byte as Kafka's group coordinator writes them.
 *
 *   offset commit   key   int16 1, string group, string topic, int32 partition
 *                   value int16 3, int64 offset, int32 leaderEpoch, string metadata, int64 commitTimestamp
 *   group           key   int16 2, string group
 *                   value int16 3, string protocolType, int32 generation, string? protocol, string? leader,
 *                         int64 currentStateTimestamp, array of members
 *
 * A null value is a tombstone. Older value versions are read, only the newest is written.
 */

export interface OffsetCommitKey {
  readonly kind: 'offset'
  readonly group: string
  readonly topic: string
  readonly partition: number
}

export interface GroupKey {
  readonly kind: 'group'
  readonly group: string
}

export interface OffsetCommitValue {
  readonly offset: number
  /** -1: unknown. */
  readonly leaderEpoch: number
  readonly metadata: string
  readonly commitTimestamp: number
}

export interface GroupMemberValue {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  readonly subscription: Uint8Array
  readonly assignment: Uint8Array
}

export interface GroupValue {
  readonly protocolType: string
  readonly generation: number
  readonly protocol: string | null
  readonly leader: string | null
  /** -1: unknown. */
  readonly currentStateTimestamp: number
  readonly members: readonly GroupMemberValue[]
}

export function encodeOffsetCommitKey(group: string, topic: string, partition: number): Buffer {
  const out = new ByteWriter(64)
  out.writeInt16(1)
  writeString(out, group)
  writeString(out, topic)
  out.writeInt32(partition)
  return out.toBuffer()
}

export function encodeGroupKey(group: string): Buffer {
  const out = new ByteWriter(32)
  out.writeInt16(2)
  writeString(out, group)
  return out.toBuffer()
}

/** Null for key types of newer Kafka versions, which are left alone. */
export function decodeGroupMetadataKey(bytes: Uint8Array): OffsetCommitKey | GroupKey | null {
  const fields = new FieldReader(bytes)
  const type = fields.int16()
  if (type === 0 || type === 1) {
    return { kind: 'offset', group: fields.string(), topic: fields.string(), partition: fields.int32() }
  }
  return type === 2 ? { kind: 'group', group: fields.string() } : null
}

export function encodeOffsetCommitValue(value: OffsetCommitValue): Buffer {
  const out = new ByteWriter(64)
  out.writeInt16(3)
  writeLong(out, value.offset)
  out.writeInt32(value.leaderEpoch)
  writeString(out, value.metadata)
  writeLong(out, value.commitTimestamp)
  return out.toBuffer()
}

export function decodeOffsetCommitValue(bytes: Uint8Array): OffsetCommitValue {
  const fields = new FieldReader(bytes)
  const version = fields.int16()
  return {
    offset: fields.long(),
    leaderEpoch: version >= 3 ? fields.int32() : -1,
    metadata: fields.string(),
    commitTimestamp: fields.long(),
  }
}

export function encodeGroupValue(value: GroupValue): Buffer {
  const out = new ByteWriter(256)
  out.writeInt16(3)
  writeString(out, value.protocolType)
  out.writeInt32(value.generation)
  writeString(out, value.protocol)
  writeString(out, value.leader)
  writeLong(out, value.currentStateTimestamp)
  out.writeInt32(value.members.length)
  for (const member of value.members) {
    writeString(out, member.memberId)
    writeString(out, member.groupInstanceId)
    writeString(out, member.clientId)
    writeString(out, member.clientHost)
    out.writeInt32(member.rebalanceTimeoutMs)
    out.writeInt32(member.sessionTimeoutMs)
    writeNullableBytes(out, member.subscription)
    writeNullableBytes(out, member.assignment)
  }
  return out.toBuffer()
}

export function decodeGroupValue(bytes: Uint8Array): GroupValue {
  const fields = new FieldReader(bytes)
  const version = fields.int16()
  return {
    protocolType: fields.string(),
    generation: fields.int32(),
    protocol: fields.nullableString(),
    leader: fields.nullableString(),
    currentStateTimestamp: version >= 2 ? fields.long() : -1,
    members: fields.array(() => decodeMember(fields, version)),
  }
}

function decodeMember(fields: FieldReader, version: number): GroupMemberValue {
  const memberId = fields.string()
  const groupInstanceId = version >= 3 ? fields.nullableString() : null
  const clientId = fields.string()
  const clientHost = fields.string()
  const rebalanceTimeoutMs = version >= 1 ? fields.int32() : -1
  const sessionTimeoutMs = fields.int32()
  return {
    memberId,
    groupInstanceId,
    clientId,
    clientHost,
    // Version 0 had one timeout for both.
    rebalanceTimeoutMs: rebalanceTimeoutMs < 0 ? sessionTimeoutMs : rebalanceTimeoutMs,
    sessionTimeoutMs,
    subscription: fields.nullableBytes() ?? Buffer.alloc(0),
    assignment: fields.nullableBytes() ?? Buffer.alloc(0),
  }
}
