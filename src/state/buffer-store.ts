import { assert, ByteWriter } from '../common/index.js'
import { longSerde } from '../serde/index.js'
import { BlockCache, type ResidentBlock } from './block-cache.js'
import { BufferSegment } from './buffer-segment.js'
import { readTime, WINDOW_SUFFIX_BYTES, windowKeySerde } from './changelog-key.js'
import { type ChangelogPort, changelogPort } from './changelog-port.js'
import { hashOf } from './place-index.js'
import { BLOCK_BYTES, blockOf, offsetOf, RECORD_HEADER_BYTES, type RecordBlock } from './record-block.js'
import type { ChangelogWriter, TableColumn, WindowEntry, WindowStore } from './store.js'
import type { StoreCatalog, StoreRecord } from './store-catalog.js'
import { NO_TIMESTAMP, type StoreCodec } from './store-codec.js'
import type { ChangelogRecord, WindowStoreSpec } from './store-spec.js'
import type { StoreTable, TableShape } from './store-table.js'

/** Most segments a store is cut into, so that a look at all of them stays cheap. */
const SEGMENTS_MAX = 4096

/**
 * Bound of the indexes of a store, for each record that may be in memory. Beyond it, segments that were not used between
 * two flushes leave memory as a whole: those older than the join's window, which only late records look into.
 */
const INDEX_BYTES_PER_RECORD = 256

const column = (name: string, type: TableColumn['type']): TableColumn => ({ name, type })

/** The table of a store: blocks of records by segment. */
export const bufferShape: TableShape = {
  keyColumns: [column('segment', 'INTEGER'), column('block', 'INTEGER')],
  valueColumns: [column('records', 'BLOB')],
}

/** A record as scans order it. */
interface Found<K, S> {
  readonly entry: WindowEntry<K, S>
  readonly sequence: number
}

/**
 * Window stores that retain duplicates: the buffers of joins of streams. Records are only added; they go by retention.
 *
 * A record is serialised once, when it comes, into the open block of its segment of time; the changelog gets these very
 * bytes, and the table gets whole blocks. Nothing is kept as an object: millions of records in a window would otherwise
 * keep the garbage collector busy, and one row for each would cost more than all else.
 *
 *     put ─▶ block (16 KiB) ─▶ changelog, at once
 *              │        └────▶ table, at a flush: (segment, block, records)
 *     fetch ─▶ index of the segment: hash of the key ─▶ newest record ─▶ older ones with the same hash
 */
export class BufferStore<K, S> implements WindowStore<K, S> {
  readonly name: string
  readonly persistent: boolean
  readonly windowSizeMs: number
  readonly retentionMs: number
  droppedExpired = 0
  readonly #codec: StoreCodec<K, S>
  readonly #table: StoreTable
  readonly #catalog: StoreCatalog
  readonly #record: StoreRecord
  readonly #changelog: ChangelogPort | null
  readonly #segmentMs: number
  /** null: in the table, not looked into yet. */
  readonly #segments = new Map<number, BufferSegment | null>()
  #firstSegment = Number.POSITIVE_INFINITY
  #lastSegment = Number.NEGATIVE_INFINITY
  readonly #writer = new ByteWriter(0)
  readonly #keyWriter = new ByteWriter(256)
  readonly #blocks: BlockCache
  readonly #indexBytesMax: number
  /** A block is closed when it has this many records, so that a small bound holds. */
  readonly #blockRecordsMax: number

  constructor(
    spec: WindowStoreSpec,
    options: {
      readonly codec: StoreCodec<K, S>
      readonly table: StoreTable
      readonly catalog: StoreCatalog
      readonly changelog: ChangelogWriter | undefined
      readonly cacheEntriesMax: number
    },
  ) {
    this.name = spec.name
    this.persistent = spec.persistent
    this.windowSizeMs = spec.windowSizeMs
    this.retentionMs = spec.retentionMs
    this.#segmentMs = Math.max(
      1,
      Math.ceil(spec.windowSizeMs / 2),
      Math.ceil(spec.retentionMs / SEGMENTS_MAX),
    )
    const { codec, table, catalog } = options
    this.#codec = codec
    this.#table = table
    this.#catalog = catalog
    this.#record = catalog.record(spec.name)!
    this.#changelog = changelogPort(
      spec.name,
      windowKeySerde(codec.keySerde),
      codec.valueSerde,
      options.changelog,
    )
    this.#blocks = new BlockCache({
      recordsMax: options.cacheEntriesMax,
      write: (blocks) => this.#write(blocks),
    })
    this.#indexBytesMax = options.cacheEntriesMax * INDEX_BYTES_PER_RECORD
    this.#blockRecordsMax = Math.max(1, options.cacheEntriesMax >>> 3)
    for (const segment of table.distinctFirst()) this.#know(segment, null)
  }

  get newestTimeMs(): number {
    return this.#record.streamTime
  }

  put(key: K, value: S | null, start: number): void {
    const record = this.#record
    if (start > record.streamTime) {
      record.streamTime = start
    } else if (start <= this.#horizon) {
      this.droppedExpired++
      return
    }
    if (value === null) return
    const sequence = (record.sequence + 1) & 0x7fff_ffff
    const codec = this.#codec
    const segment = this.#segmentFor(start)
    const block = segment.active ?? segment.open()
    const at = block.used
    const writer = this.#begin(block)
    codec.keySerde.write(key, writer)
    const keyEnd = writer.position
    longSerde.write(start, writer)
    writer.writeInt32(sequence)
    codec.valueSerde.write(codec.innerOf(value), writer)
    const timestamp = codec.timestampOf(value, NO_TIMESTAMP)
    const added = this.#end(segment, block, start, timestamp, keyEnd - at - RECORD_HEADER_BYTES)
    record.sequence = sequence
    if (this.#changelog === null) return
    const { bytes } = added.block
    const { offset } = added
    const valueAt = added.block.valueAt(offset)
    const valueEnd = valueAt + added.block.valueLengthAt(offset)
    const time = codec.timestamped ? timestamp : start
    this.#changelog.logBytes(bytes, offset + RECORD_HEADER_BYTES, valueAt, valueEnd, time)
  }

  fetch(key: K, start: number): S | undefined {
    return this.#find(key, start, start)[0]?.value
  }

  fetchRange(key: K, startFrom: number, startTo: number): IterableIterator<WindowEntry<K, S>> {
    return this.#find(key, startFrom, startTo).values()
  }

  backwardFetchRange(key: K, startFrom: number, startTo: number): IterableIterator<WindowEntry<K, S>> {
    return [...this.#find(key, startFrom, startTo)].reverse().values()
  }

  /** Holds all of the range in memory: records do not lie in the order of keys. */
  fetchKeyRange(
    keyFrom: K | null,
    keyTo: K | null,
    startFrom: number,
    startTo: number,
  ): IterableIterator<WindowEntry<K, S>> {
    const { layout } = this.#codec
    const isInRange = (key: K) =>
      (keyFrom === null || layout.compareKeys(key, keyFrom) >= 0) &&
      (keyTo === null || layout.compareKeys(key, keyTo) <= 0)
    const found: Found<K, S>[] = []
    for (const segment of this.#segmentsBetween(startFrom, startTo)) {
      for (const each of this.#scan(segment, startFrom, startTo))
        if (isInRange(each.entry.key.key)) found.push(each)
    }
    found.sort((a, b) => layout.compareKeys(a.entry.key.key, b.entry.key.key) || byStart(a, b))
    return found.map(({ entry }) => entry).values()
  }

  /** Holds one segment at a time in memory. */
  *fetchAll(startFrom: number, startTo: number): IterableIterator<WindowEntry<K, S>> {
    const { layout } = this.#codec
    for (const segment of this.#segmentsBetween(startFrom, startTo)) {
      const found = this.#scan(segment, startFrom, startTo)
      found.sort(
        (a, b) =>
          a.entry.key.start - b.entry.key.start ||
          layout.compareKeys(a.entry.key.key, b.entry.key.key) ||
          a.sequence - b.sequence,
      )
      for (const { entry } of found) yield entry
    }
  }

  all(): IterableIterator<WindowEntry<K, S>> {
    return this.fetchKeyRange(null, null, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
  }

  flush(): void {
    this.#catalog.touch(this.name)
    this.#blocks.flush()
    this.#purge()
    this.#leaveIdle()
  }

  /** The changelog has every record already. */
  logChanges(): void {
    this.#catalog.touch(this.name)
  }

  close(): void {
    this.#clear()
  }

  wipe(): void {
    this.#table.clear()
    this.#clear()
    this.#record.streamTime = Number.NEGATIVE_INFINITY
    this.#record.sequence = 0
  }

  restore(records: Iterable<ChangelogRecord>): void {
    assert(!this.#blocks.isDirty, `store ${this.name} is restored over changes not flushed`)
    const record = this.#record
    for (const { key, value, timestamp } of records) {
      const keyEnd = key.length - WINDOW_SUFFIX_BYTES
      const start = readTime(key, keyEnd)
      const sequence = key.readInt32BE(keyEnd + 8)
      if (start > record.streamTime) record.streamTime = start
      if (sequence > record.sequence) record.sequence = sequence
      if (start <= this.#horizon) continue
      const segment = this.#segmentFor(start)
      this.#delete(segment, key, keyEnd, start, sequence)
      if (value === null) continue
      const block = segment.active ?? segment.open()
      const writer = this.#begin(block)
      writer.writeRange(key, 0, key.length)
      writer.writeRange(value, 0, value.length)
      this.#end(segment, block, start, timestamp, keyEnd)
    }
    this.#blocks.flush()
    this.#catalog.touch(this.name)
  }

  /** Starts up to this one are gone. */
  get #horizon(): number {
    return this.#record.streamTime - this.retentionMs
  }

  // ---------------------------------------------------------------------------------------------------- adding

  /** The writer, where the next record's key belongs. */
  #begin(block: RecordBlock): ByteWriter {
    const writer = this.#writer
    writer.buffer = block.bytes
    writer.position = block.used
    writer.reserve(RECORD_HEADER_BYTES)
    writer.position += RECORD_HEADER_BYTES
    return writer
  }

  /** Ends the record that has been written. One that has outgrown its block goes into a new one. */
  #end(
    segment: BufferSegment,
    begun: RecordBlock,
    start: number,
    timestamp: number,
    keyLength: number,
  ): { readonly block: RecordBlock; readonly offset: number } {
    const { buffer, position } = this.#writer
    const recordBytes = position - begun.used
    let block = begun
    if (buffer !== begun.bytes) {
      block = segment.open(Math.max(BLOCK_BYTES, recordBytes))
      buffer.copy(block.bytes, 0, begun.used, position)
    }
    const offset = block.used
    const keyAt = offset + RECORD_HEADER_BYTES
    const hash = hashOf(block.bytes, keyAt, keyAt + keyLength)
    const valueLength = recordBytes - RECORD_HEADER_BYTES - keyLength - WINDOW_SUFFIX_BYTES
    segment.add(block, hash, start, timestamp, keyLength, valueLength)
    if (block.count >= this.#blockRecordsMax) segment.active = null
    this.#blocks.grown(block)
    return { block, offset }
  }

  /** A record that comes again takes the place of the first. */
  #delete(segment: BufferSegment, key: Buffer, keyLength: number, start: number, sequence: number): void {
    for (let place = segment.index.get(hashOf(key, 0, keyLength)); place !== -1; ) {
      if (segment.newest[blockOf(place)]! < start) return
      const block = segment.block(blockOf(place))
      const offset = offsetOf(place)
      place = block.olderAt(offset)
      if (block.startAt(offset) !== start || block.sequenceAt(offset) !== sequence) continue
      if (block.valueLengthAt(offset) >= 0 && block.hasKey(offset, key, keyLength)) block.delete(offset)
    }
  }

  // --------------------------------------------------------------------------------------------------- segments

  #segmentOf(start: number): number {
    return Math.floor(start / this.#segmentMs)
  }

  #segmentFor(start: number): BufferSegment {
    const number = this.#segmentOf(start)
    return this.#segment(number) ?? this.#know(number, new BufferSegment(number, this.#table, this.#admit))!
  }

  #segment(number: number): BufferSegment | undefined {
    const segment = this.#segments.get(number)
    if (segment !== null) {
      if (segment !== undefined) segment.used = true
      return segment
    }
    const loaded = BufferSegment.load(number, this.#table, this.#admit)
    this.#segments.set(number, loaded)
    return loaded
  }

  #know(number: number, segment: BufferSegment | null): BufferSegment | null {
    this.#segments.set(number, segment)
    this.#firstSegment = Math.min(this.#firstSegment, number)
    this.#lastSegment = Math.max(this.#lastSegment, number)
    return segment
  }

  /** Segments of starts in [from, to] that are not expired, in order. */
  #segmentsBetween(from: number, to: number): BufferSegment[] {
    const [first, last] = [Math.max(from, this.#horizon + 1), to].map((time) => this.#segmentOf(time))
    const numbers = [...this.#segments.keys()].filter((number) => number >= first! && number <= last!)
    return numbers.sort((a, b) => a - b).map((number) => this.#segment(number)!)
  }

  // -------------------------------------------------------------------------------------------------- in memory

  readonly #admit = (segment: BufferSegment, block: RecordBlock): void => this.#blocks.admit(segment, block)

  #write(blocks: readonly ResidentBlock[]): void {
    const table = this.#table
    table.beginWrites()
    for (const [block, segment] of blocks) {
      table.append([segment.number, block.number, block.bytes.subarray(0, block.used)])
      table.endRow()
    }
    table.endWrites()
  }

  #clear(): void {
    for (const number of this.#segments.keys()) this.#segments.delete(number)
    this.#blocks.clear()
    this.#firstSegment = Number.POSITIVE_INFINITY
    this.#lastSegment = Number.NEGATIVE_INFINITY
  }

  /** Leaves segments to the table that were not used since the last flush, the earliest first, while there are too many. */
  #leaveIdle(): void {
    let bytes = 0
    for (const segment of this.#segments.values()) bytes += segment?.index.bytes ?? 0
    const numbers = [...this.#segments.keys()].sort((a, b) => a - b)
    for (const number of numbers) {
      const segment = this.#segments.get(number)
      if (segment == null) continue
      if (bytes > this.#indexBytesMax && !segment.used) {
        bytes -= segment.index.bytes
        this.#blocks.forget((other) => other === segment)
        this.#segments.set(number, null)
      } else segment.used = false
    }
  }

  /** A segment goes when all of it is expired. */
  #purge(): void {
    const horizon = this.#horizon
    const last = Number.isFinite(horizon) ? this.#segmentOf(horizon + 1) - 1 : Number.NEGATIVE_INFINITY
    if (this.#firstSegment > last) return
    this.#table.deleteWhere({ sql: '"segment" <= ?', parameters: [last] })
    this.#blocks.forget((segment) => segment.number <= last)
    for (const number of this.#segments.keys()) if (number <= last) this.#segments.delete(number)
    this.#firstSegment = Math.min(...this.#segments.keys())
  }

  // ---------------------------------------------------------------------------------------------------- reading

  /** Records of one key with start in [from, to], by start, then arrival. */
  #find(key: K, from: number, to: number): readonly WindowEntry<K, S>[] {
    const live = Math.max(from, this.#horizon + 1)
    const first = Math.max(this.#segmentOf(live), this.#firstSegment)
    const last = Math.min(this.#segmentOf(to), this.#lastSegment)
    if (first > last) return none
    const writer = this.#keyWriter
    writer.reset()
    this.#codec.keySerde.write(key, writer)
    const hash = hashOf(writer.buffer, 0, writer.position)
    // Nearly always there is one at most, which needs no sorting.
    let only: WindowEntry<K, S> | null = null
    let onlySequence = 0
    let found: Found<K, S>[] | null = null
    for (let number = first; number <= last; number++) {
      const segment = this.#segment(number)
      if (segment === undefined) continue
      for (let place = segment.index.get(hash); place !== -1; ) {
        if (segment.newest[blockOf(place)]! < live) break
        const block = segment.block(blockOf(place))
        const offset = offsetOf(place)
        place = block.olderAt(offset)
        const start = block.startAt(offset)
        if (start < live || start > to || block.valueLengthAt(offset) < 0) continue
        if (!block.hasKey(offset, writer.buffer, writer.position)) continue
        const entry = this.#entryAt(key, block, offset)
        if (only === null) {
          only = entry
          onlySequence = block.sequenceAt(offset)
          continue
        }
        found ??= [{ entry: only, sequence: onlySequence }]
        found.push({ entry, sequence: block.sequenceAt(offset) })
      }
    }
    if (found !== null) return found.sort(byStart).map(({ entry }) => entry)
    return only === null ? none : [only]
  }

  #scan(segment: BufferSegment, from: number, to: number): Found<K, S>[] {
    const live = Math.max(from, this.#horizon + 1)
    const { keySerde } = this.#codec
    const found: Found<K, S>[] = []
    for (let number = 0; number < segment.blocks.length; number++) {
      const block = segment.block(number)
      for (let at = 0; at < block.used; at = block.nextOffset(at)) {
        const start = block.startAt(at)
        if (start < live || start > to || block.valueLengthAt(at) < 0) continue
        const keyAt = at + RECORD_HEADER_BYTES
        const key = keySerde.read(block.bytes, keyAt, keyAt + block.keyLengthAt(at))
        found.push({ entry: this.#entryAt(key, block, at), sequence: block.sequenceAt(at) })
      }
    }
    return found
  }

  #entryAt(key: K, block: RecordBlock, offset: number): WindowEntry<K, S> {
    const codec = this.#codec
    const start = block.startAt(offset)
    const valueAt = block.valueAt(offset)
    const value = codec.valueSerde.read(block.bytes, valueAt, valueAt + block.valueLengthAt(offset))
    return {
      key: { key, start, end: Math.min(start + this.windowSizeMs, Number.MAX_SAFE_INTEGER) },
      value: codec.storedOf(value, block.timestampAt(offset)),
    }
  }
}

const none: readonly never[] = []

function byStart(a: Found<unknown, unknown>, b: Found<unknown, unknown>): number {
  return a.entry.key.start - b.entry.key.start || a.sequence - b.sequence
}
