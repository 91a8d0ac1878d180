import { type FileSystem, nodeFiles } from '../common/index.js'
import { readInt64 } from './batch-format.js'
import { BatchScanner } from './batch-scanner.js'
import { decodeAssignment } from './consumer-protocol.js'
import { readTransactionMarker } from './control-record.js'
import { CorruptRecordError, KafkaError } from './errors.js'
import { decodeGroupMetadataKey, decodeGroupValue, decodeOffsetCommitValue } from './group-metadata.js'
import { ProducerState } from './producer-state.js'
import type { RecordBatchView } from './record-batch.js'
import { OFFSETS_TOPIC, TRANSACTIONS_TOPIC } from './topic-names.js'
import { decodeTransactionKey, decodeTransactionValue } from './transaction-metadata.js'

/** One line of a listing: what it is, and its fields in the order to show them. */
export interface DumpEntry {
  readonly kind: 'file' | 'batch' | 'record' | 'entry' | 'producer' | 'damage'
  readonly fields: Readonly<Record<string, unknown>>
}

export interface DumpOptions {
  /** A file of a partition, or its directory: then all its segments in order. */
  readonly path: string
  readonly fileSystem?: FileSystem
  /** Also the records of each batch. Default false. */
  readonly records?: boolean
}

/**
 * Lists what a segment, an index or a producer snapshot holds, entry by entry, damaged or not: damage is an entry of
 * its own. Records of the coordinators' topics are shown decoded. Throws KafkaError INVALID_REQUEST for other files.
 */
export function* dumpLogFile({
  path,
  fileSystem: files = nodeFiles,
  records = false,
}: DumpOptions): Generator<DumpEntry> {
  const paths = files.isDirectory(path)
    ? files
        .list(path)
        .filter((name) => name.endsWith('.log'))
        .map((name) => `${path}/${name}`)
    : [path]
  for (const file of paths) {
    if (!files.exists(file)) throw new KafkaError('INVALID_REQUEST', `there is no file ${file}`)
    yield { kind: 'file', fields: { file } }
    if (file.endsWith('.log')) yield* dumpSegment(files, file, records)
    else if (file.endsWith('.snapshot')) yield* dumpSnapshot(files.readFile(file))
    else yield* dumpIndex(files.readFile(file), file)
  }
}

/** An entry as one line: the kind, then `name=value`; texts that are not plain are quoted as JSON. */
export function formatDumpEntry({ kind, fields }: DumpEntry): string {
  if (kind === 'file') return `${String(fields['file'])}:`
  const shown = Object.entries(fields).map(([name, value]) => `${name}=${formatField(value)}`)
  return `${kind === 'record' ? '    record' : `  ${kind}`} ${shown.join(' ')}`
}

function formatField(value: unknown): string {
  if (typeof value === 'string' && /^[\w.:/+-]+$/.test(value)) return value
  return JSON.stringify(value)
}

function* dumpSegment(files: FileSystem, path: string, records: boolean): Generator<DumpEntry> {
  const topic = /([^/]+)-\d+\/[^/]*$/.exec(path)?.[1] ?? ''
  const file = files.open(path, 'r')
  try {
    const scanner = new BatchScanner(
      (into, position) => file.read(into, 0, into.length, position),
      path,
      0,
      file.size(),
    )
    for (;;) {
      const { position } = scanner
      try {
        const batch = scanner.next()
        if (batch === null) return
        yield { kind: 'batch', fields: batchFields(batch, position) }
        batch.verify()
        if (records) yield* dumpRecords(batch, topic)
      } catch (error) {
        if (!(error instanceof CorruptRecordError)) throw error
        yield { kind: 'damage', fields: { position, problem: error.problem } }
        if (scanner.position === position) return
      }
    }
  } finally {
    file.close()
  }
}

function batchFields(batch: RecordBatchView, position: number): Record<string, unknown> {
  const attributes = [
    ...(batch.transactional ? ['transactional'] : []),
    ...(batch.control ? ['control'] : []),
    ...(batch.deleteHorizonMs === null ? [] : ['deleteHorizon']),
  ]
  return {
    position,
    baseOffset: batch.baseOffset,
    lastOffset: batch.lastOffset,
    count: batch.recordCount,
    size: batch.sizeBytes,
    magic: batch.magic,
    compression: batch.compression,
    [batch.timestampType]: batch.maxTimestamp,
    ...(batch.producerId < 0
      ? {}
      : {
          producerId: batch.producerId,
          producerEpoch: batch.producerEpoch,
          baseSequence: batch.baseSequence,
        }),
    ...(attributes.length === 0 ? {} : { attributes: attributes.join('+') }),
    ...(batch.deleteHorizonMs === null ? {} : { deleteHorizonMs: batch.deleteHorizonMs }),
    crc: batch.crc,
  }
}

function* dumpRecords(batch: RecordBatchView, topic: string): Generator<DumpEntry> {
  const { count, buffer, offsets, timestamps, keyStart, keyEnd, valueStart, valueEnd, headers } =
    batch.decode()
  const marker = batch.control ? readTransactionMarker(batch) : null
  for (let i = 0; i < count; i++) {
    const place = { offset: offsets[i], timestamp: timestamps[i] }
    const key = keyStart[i]! < 0 ? null : buffer.subarray(keyStart[i], keyEnd[i])
    const value = valueStart[i]! < 0 ? null : buffer.subarray(valueStart[i], valueEnd[i])
    const content =
      marker !== null
        ? { marker: marker.type, coordinatorEpoch: marker.coordinatorEpoch }
        : (coordinatorFields(topic, key, value) ?? { key: readable(key), value: readable(value) })
    const shown = headers?.[i]?.map((header) => [header.key, readable(header.value)])
    yield {
      kind: 'record',
      fields: { ...place, ...content, ...(shown === undefined ? {} : { headers: shown }) },
    }
  }
}

/** Null for other topics, and for records that cannot be understood: those are shown as bytes. */
function coordinatorFields(
  topic: string,
  key: Buffer | null,
  value: Buffer | null,
): Record<string, unknown> | null {
  if ((topic !== OFFSETS_TOPIC && topic !== TRANSACTIONS_TOPIC) || key === null) return null
  try {
    if (topic === TRANSACTIONS_TOPIC) {
      const transactionalId = decodeTransactionKey(key)
      if (transactionalId === null) return null
      return { transactionalId, state: value === null ? null : decodeTransactionValue(value) }
    }
    const decoded = decodeGroupMetadataKey(key)
    if (decoded === null) return null
    if (decoded.kind === 'offset') {
      const { group, topic: of, partition } = decoded
      return {
        group,
        partition: `${of}-${partition}`,
        commit: value === null ? null : decodeOffsetCommitValue(value),
      }
    }
    return { group: decoded.group, state: value === null ? null : groupState(value) }
  } catch {
    return null
  }
}

function groupState(value: Buffer): Record<string, unknown> {
  const { members, ...group } = decodeGroupValue(value)
  return {
    ...group,
    members: members.map(({ memberId, clientId, assignment }) => ({
      memberId,
      clientId,
      assignment: decodeAssignment(assignment).partitions.map((p) => `${p.topic}-${p.partition}`),
    })),
  }
}

/** Text where the bytes are text, else `0x` and hexadecimal digits. */
function readable(bytes: Uint8Array | null): string | null {
  if (bytes === null) return null
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const asText = buffer.toString('utf8')
  const plain = !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffd]/.test(asText)
  return plain ? asText : `0x${buffer.toString('hex')}`
}

function* dumpSnapshot(bytes: Buffer): Generator<DumpEntry> {
  const producers = ProducerState.decodeSnapshot(bytes)
  if (producers === null) {
    yield { kind: 'damage', fields: { position: 0, problem: 'no valid producer snapshot' } }
    return
  }
  for (const producer of producers.entries()) yield { kind: 'producer', fields: { ...producer } }
}

/** Entries up to the zeros that are space set aside. */
function* dumpIndex(bytes: Buffer, path: string): Generator<DumpEntry> {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const base = Number.parseInt(name, 10)
  const layout = indexLayouts[name.slice(name.indexOf('.'))]
  if (layout === undefined) {
    throw new KafkaError('INVALID_REQUEST', `${path} is no segment, index or snapshot of a partition`)
  }
  const { entryBytes, read } = layout
  for (let at = 0; at + entryBytes <= bytes.length; at += entryBytes) {
    if (at > 0 && bytes.subarray(at, at + entryBytes).every((byte) => byte === 0)) return
    yield { kind: 'entry', fields: read(bytes, at, base) }
  }
  const rest = bytes.length % entryBytes
  if (rest === 0) return
  const problem = `${rest} bytes are no whole entry`
  yield { kind: 'damage', fields: { position: bytes.length - rest, problem } }
}

interface IndexLayout {
  readonly entryBytes: number
  readonly read: (bytes: Buffer, at: number, base: number) => Record<string, unknown>
}

const indexLayouts: Readonly<Record<string, IndexLayout>> = {
  '.index': {
    entryBytes: 8,
    read: (bytes, at, base) => ({
      offset: base + bytes.readInt32BE(at),
      position: bytes.readInt32BE(at + 4),
    }),
  },
  '.timeindex': {
    entryBytes: 12,
    read: (bytes, at, base) => ({
      timestamp: readInt64(bytes, at),
      offset: base + bytes.readInt32BE(at + 8),
    }),
  },
  '.txnindex': {
    entryBytes: 34,
    read: (bytes, at) => ({
      producerId: readInt64(bytes, at + 2),
      firstOffset: readInt64(bytes, at + 10),
      lastOffset: readInt64(bytes, at + 18),
      lastStableOffset: readInt64(bytes, at + 26),
    }),
  },
}
