import type { DecodedBatch, TopicPartition } from '../../log/index.js'
import type { Serde } from '../../serde/index.js'
import { messageOf, ProcessingError, StreamsError } from '../errors.js'
import type { DeadLetterRecord, FailedRecord } from '../exception-handlers.js'
import type { TimestampExtractor } from '../node.js'
import { type KeyPool, pooled } from './key-pool.js'
import { type RunOrigin, rawHeaders, rawKey, rawValue } from './run.js'

/** How the records of one source partition are read. */
export interface InputOptions {
  readonly source: string
  readonly keySerde: Serde<unknown>
  readonly valueSerde: Serde<unknown>
  /** null: the record's own timestamp, which must not be negative. */
  readonly timestampExtractor: TimestampExtractor | null
}

/** A record that is passed over: it takes effect when its turn comes, so that it is counted exactly once. */
export interface Skipped {
  /** The source node. */
  readonly source: string
  readonly reason: 'deserialization' | 'negative-timestamp'
  readonly failure: FailedRecord
  readonly deadLetters: readonly DeadLetterRecord[]
}

/** What reading records asks of the task. */
export interface InputHost {
  readonly taskId: string
  /** Shared by the partitions of a task: a join looks keys of one up in what another has brought. None: keys are not looked up. */
  readonly keyPool?: KeyPool | undefined
  /** The letters of a record that may be passed over; else throws. */
  deserializationError(failure: FailedRecord): readonly DeadLetterRecord[]
  skipped(skipped: Skipped): void
}

/** Decoded records of one batch, those that are passed over left out. */
export interface Chunk {
  readonly keys: unknown[]
  readonly values: unknown[]
  readonly timestamps: Float64Array
  readonly size: number
  /** Of all its records; their stream times are set as they are taken. */
  readonly origin: ChunkOrigin
  /** `beforeRow`: the row of the chunk that follows the record passed over. */
  readonly skips: readonly (Skipped & { readonly beforeRow: number })[]
  /** Reading stopped here; raised once every record before it has been processed. */
  readonly error: unknown
}

interface ChunkOrigin extends RunOrigin {
  readonly streamTimes: Float64Array
}

/**
 * The buffered input of one source partition. A batch is decoded when its turn comes: what is decoded early lives long
 * enough to be copied by the garbage collector.
 *
 * Invariants
 * - Batches wait only while `#chunk` has records to take.
 * - `headTimestamp` is that of the next record; infinity while `buffered` is 0.
 * - `nextOffset` follows the last record taken (or passed over): where a restart has to begin.
 */
export class InputPartition implements TopicPartition {
  readonly topic: string
  readonly partition: number
  readonly options: InputOptions
  headTimestamp = Number.POSITIVE_INFINITY
  /** The greatest timestamp taken so far; -1 before the first. */
  partitionTime: number
  nextOffset: number
  /** Records that can be taken; of batches that are not decoded yet, all. */
  buffered = 0
  /** An empty partition that is not waited for, until it has records again. */
  released = false
  idleDeadline: number | null = null
  readonly #host: InputHost
  readonly #keySerde: Serde<unknown>
  #chunk: Chunk | null = null
  /** Batches behind it, not decoded yet. */
  readonly #waiting: DecodedBatch[] = []
  #cursor = 0
  #decodeTime: number
  #skipCursor = 0

  constructor(
    at: TopicPartition,
    options: InputOptions,
    host: InputHost,
    partitionTime = -1,
    nextOffset = 0,
  ) {
    this.topic = at.topic
    this.partition = at.partition
    this.options = options
    this.#host = host
    this.#keySerde = host.keyPool === undefined ? options.keySerde : pooled(options.keySerde, host.keyPool)
    this.partitionTime = partitionTime
    this.#decodeTime = partitionTime
    this.nextOffset = nextOffset
  }

  /** Takes a batch behind what is buffered. Returns whether the partition was empty before. */
  add(raw: DecodedBatch): boolean {
    if (raw.count === 0) return false
    const wasEmpty = this.buffered === 0
    this.idleDeadline = null
    this.released = false
    if (this.#hasFailed) return false
    this.#waiting.push(raw)
    this.buffered += raw.count
    if (wasEmpty) this.#advance()
    return wasEmpty && this.buffered > 0
  }

  /** The chunk at the head and the row in it; only while `buffered` > 0. */
  get head(): Chunk {
    return this.#chunk!
  }

  get headRow(): number {
    return this.#cursor
  }

  /** Takes the rows up to `to` of the head chunk. */
  take(to: number): void {
    const chunk = this.head
    this.buffered -= to - this.#cursor
    for (let row = this.#cursor; row < to; row++) {
      if (chunk.timestamps[row]! > this.partitionTime) this.partitionTime = chunk.timestamps[row]!
    }
    this.#cursor = to
    this.nextOffset = chunk.origin.offsets[to - 1]! + 1
    this.#advance()
  }

  get #hasFailed(): boolean {
    return this.#chunk !== null && this.#chunk.error !== null
  }

  /** Passes over what stands before the next good record, and leaves chunks that are done behind. */
  #advance(): void {
    this.headTimestamp = Number.POSITIVE_INFINITY
    for (let chunk = this.#chunk ?? this.#next(); chunk !== null; chunk = this.#next()) {
      while (
        this.#skipCursor < chunk.skips.length &&
        chunk.skips[this.#skipCursor]!.beforeRow <= this.#cursor
      ) {
        const skip = chunk.skips[this.#skipCursor++]!
        this.#host.skipped(skip)
        this.nextOffset = skip.failure.offset + 1
      }
      if (this.#cursor < chunk.size) {
        this.headTimestamp = chunk.timestamps[this.#cursor]!
        return
      }
      if (chunk.error !== null) return
    }
  }

  /** Decodes the next batch. Nothing behind one that cannot be read is of interest. */
  #next(): Chunk | null {
    this.#cursor = 0
    this.#skipCursor = 0
    const raw = this.#waiting.shift()
    if (raw === undefined) {
      this.#chunk = null
      return null
    }
    const chunk = this.#decode(raw)
    this.#chunk = chunk
    this.buffered += chunk.size - raw.count
    if (chunk.error !== null) {
      this.buffered = chunk.size
      this.#waiting.length = 0
    }
    return chunk
  }

  /** Throws the error that stopped reading, once nothing stands before it. */
  throwIfFailed(): void {
    if (this.#hasFailed && this.#cursor === this.#chunk!.size) throw this.#chunk!.error
  }

  #decode(raw: DecodedBatch): Chunk {
    const { source, valueSerde, timestampExtractor } = this.options
    const keySerde = this.#keySerde
    const { count, buffer, keyStart, keyEnd, valueStart, valueEnd } = raw
    const keys = new Array<unknown>(count)
    const values = new Array<unknown>(count)
    // Most batches are taken as they are, and so are their arrays.
    let timestamps = raw.timestamps
    let rawRows: Int32Array | null = null
    const skips: (Skipped & { beforeRow: number })[] = []
    let error: unknown = null
    let size = 0
    for (let i = 0; i < count && error === null; i++) {
      let key: unknown = null
      let value: unknown = null
      try {
        if (keyStart[i]! >= 0) key = keySerde.read(buffer, keyStart[i]!, keyEnd[i]!)
        if (valueStart[i]! >= 0) value = valueSerde.read(buffer, valueStart[i]!, valueEnd[i]!)
      } catch (cause) {
        error = this.#unreadable(raw, i, size, cause, skips)
        continue
      }
      let timestamp = raw.timestamps[i]!
      if (timestampExtractor !== null || timestamp < 0) {
        try {
          timestamp = this.#extract(timestampExtractor, raw, i, key, value)
        } catch (cause) {
          error = cause
          continue
        }
        if (timestamp < 0) {
          const failure = this.#failure(raw, i, null)
          skips.push({ beforeRow: size, source, reason: 'negative-timestamp', failure, deadLetters: [] })
          continue
        }
      }
      if (timestamp > this.#decodeTime) this.#decodeTime = timestamp
      if (rawRows === null && (size < i || timestamp !== raw.timestamps[i])) {
        timestamps = raw.timestamps.slice()
        rawRows = Int32Array.from(raw.offsets, (_, row) => row)
      }
      if (rawRows !== null) {
        timestamps[size] = timestamp
        rawRows[size] = i
      }
      keys[size] = key
      values[size] = value
      size++
    }
    keys.length = size
    values.length = size
    return { keys, values, timestamps, size, origin: this.#origin(raw, rawRows, size), skips, error }
  }

  #origin(raw: DecodedBatch, rawRows: Int32Array | null, size: number): ChunkOrigin {
    const rows = rawRows?.subarray(0, size) ?? null
    return {
      topic: this.topic,
      partition: this.partition,
      offsets: rows === null ? raw.offsets : Float64Array.from(rows, (row) => raw.offsets[row]!),
      headers:
        rows === null || raw.headers === null ? raw.headers : Array.from(rows, (row) => raw.headers![row]!),
      streamTimes: new Float64Array(size),
      raw,
      rawRows: rows,
    }
  }

  #extract(
    extractor: TimestampExtractor | null,
    raw: DecodedBatch,
    row: number,
    key: unknown,
    value: unknown,
  ): number {
    const place = {
      taskId: this.#host.taskId,
      node: this.options.source,
      topic: this.topic,
      partition: this.partition,
      offset: raw.offsets[row]!,
    }
    if (extractor === null) {
      throw new ProcessingError(
        `the record has no valid timestamp (${raw.timestamps[row]}); a timestamp extractor can skip or replace it`,
        { place },
      )
    }
    try {
      return extractor(
        {
          key,
          value,
          timestamp: raw.timestamps[row]!,
          topic: this.topic,
          partition: this.partition,
          offset: raw.offsets[row]!,
          headers: rawHeaders(raw, row),
        },
        this.#decodeTime,
      )
    } catch (cause) {
      if (cause instanceof StreamsError) throw cause
      throw new ProcessingError(
        `Fatal user code error in TimestampExtractor callback for record: ${messageOf(cause)}`,
        { cause, place },
      )
    }
  }

  /** Asks the handler; returns the error that ends reading, or null when the record may be passed over. */
  #unreadable(
    raw: DecodedBatch,
    row: number,
    beforeRow: number,
    cause: unknown,
    skips: (Skipped & { beforeRow: number })[],
  ): unknown {
    const failure = this.#failure(raw, row, cause)
    try {
      const deadLetters = this.#host.deserializationError(failure)
      skips.push({ beforeRow, source: this.options.source, reason: 'deserialization', failure, deadLetters })
    } catch (error) {
      return error
    }
    return null
  }

  #failure(raw: DecodedBatch, row: number, error: unknown): FailedRecord {
    return {
      taskId: this.#host.taskId,
      node: null,
      topic: this.topic,
      partition: this.partition,
      offset: raw.offsets[row]!,
      timestamp: raw.timestamps[row]!,
      headers: rawHeaders(raw, row),
      key: rawKey(raw, row),
      value: rawValue(raw, row),
      error,
      record: null,
    }
  }
}
